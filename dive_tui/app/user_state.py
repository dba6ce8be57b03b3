"""How a person left the app, so that it comes back like that: a small file of the user's, never in a store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from dive_tui.app.state_file import read_record, write_record

_MOST_FILTERS = 12
_MOST_COLUMNS = 40


@dataclass(frozen=True, slots=True)
class UserState:
    """What is remembered; what is empty is as usual."""

    theme: str = ""
    columns: tuple[str, ...] = ()
    order: str = ""
    times: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    """By the location of the store, the one used last at the end."""

    def filtered(self, location: str, text: str) -> UserState:
        """The same with another filter for a store."""
        others = [(place, held) for place, held in self.filters.items() if place != location]
        kept = [*others, (location, text)] if text else others
        return replace(self, filters=dict(kept[-_MOST_FILTERS:]))


def _from_record(record: dict[str, Any]) -> UserState:
    """What a record says, as far as it makes sense."""

    def text(name: str) -> str:
        value = record.get(name)
        return value if isinstance(value, str) else ""

    columns, filters = record.get("columns"), record.get("filters")
    return UserState(
        text("theme"),
        tuple(each for each in columns if isinstance(each, str))[:_MOST_COLUMNS] if isinstance(columns, list) else (),
        text("order"),
        text("times"),
        {place: held for place, held in islice(filters.items(), _MOST_FILTERS) if isinstance(held, str)}
        if isinstance(filters, dict)
        else {},
    )


class Memory:
    """The state of the user, kept in a file; without one only as long as the app runs."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._saving = threading.Lock()
        self.state = UserState() if file is None else _from_record(read_record(file))
        self._saved = self.state

    @classmethod
    def of_user(cls) -> Memory:
        """That in the user's folder for such things."""
        from platformdirs import user_state_path

        return cls(user_state_path("dive-tui") / "app.json")

    def change(self, **changes: Any) -> bool:
        """Remember other values for some of the fields; whether there is something to save now."""
        self.state = replace(self.state, **changes)
        return self._file is not None and self.state != self._saved

    def filter_changed(self, location: str, text: str) -> bool:
        """Remember the filter of a store; whether there is something to save now."""
        return self.change(filters=self.state.filtered(location, text).filters)

    def save(self) -> None:
        """Write what is not written yet; blocks. What cannot be written is not remembered, no more."""
        with self._saving:
            state = self.state
            if self._file is not None and state != self._saved:
                write_record(self._file, asdict(state))
                self._saved = state
