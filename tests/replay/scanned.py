"""The long way round: values, changes and breakpoints of a history, found by looking at every one of its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

import orjson
import pytest

from engine.core.expressions import ExpressionError
from engine.model.events import ExecutionEvent
from engine.replay import history as history_module
from engine.replay.addressing import setting
from engine.replay.addressing.addresses import MISSING, Address, resolve
from engine.replay.history import History
from engine.replay.session import stops, stretches
from engine.replay.session.breakpoints import Breakpoint
from engine.replay.view import full_view


@contextmanager
def small_pieces() -> Iterator[None]:
    """Everything that is done in pieces is done in tiny ones, so that short histories have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history_module, "KEYFRAME_EVERY", 4)
        patch.setattr(history_module, "MAX_KEYFRAMES", 8)
        patch.setattr(stretches, "SMALLEST_WINDOW", 3)
        patch.setattr(stretches, "LARGEST_WINDOW", 12)
        patch.setattr(stops, "_LARGEST_WINDOW", 12)
        patch.setattr(setting, "_MOST_AT_ONCE", 4)
        patch.setattr(stretches, "_CLOSE", 2)
        yield


class Scanned:
    """A history with the whole of what was true after each of its events."""

    def __init__(self, events: list[ExecutionEvent]) -> None:
        self.history = History(events[0].execution_id, events)
        self.views = [full_view(self.history, sequence) for sequence in range(len(events) + 1)]

    @property
    def last(self) -> int:
        return self.history.folded

    def path(self, sequence: int) -> str:
        """Whose variables short addresses mean there."""
        events = list(self.history)[:sequence]
        if events and events[-1].path_id:
            return events[-1].path_id
        open_paths = self.views[sequence]["active_paths"]
        if open_paths:
            return str(open_paths[-1]["id"])
        return next((event.path_id for event in reversed(events) if event.path_id), "")

    def value(self, address: Address, sequence: int, path: str = "") -> Any:
        return resolve(self.views[sequence], address, path)

    def changes(self, value: Callable[[int], Any]) -> list[tuple[int, Any, Any]]:
        """Every event that changes a value, with the values before and after it."""
        values = [value(sequence) for sequence in range(self.last + 1)]
        return [
            (sequence, values[sequence - 1], values[sequence])
            for sequence in range(1, self.last + 1)
            if written(values[sequence - 1]) != written(values[sequence])
        ]

    def matches(self, asked: Breakpoint) -> list[int]:
        """Every event that meets a breakpoint."""
        return [event.sequence for event in self.history if self._matches(asked, event)]

    def stops(self, asked: Breakpoint) -> list[int]:
        """Every event that it stops at."""
        return self.matches(asked)[asked.every - 1 :: asked.every]

    def _matches(self, asked: Breakpoint, event: ExecutionEvent) -> bool:
        if asked.kinds is not None and event.event_type not in asked.kinds:
            return False
        for wanted, name in ((asked.step, event.step_name), (asked.path, event.path_id)):
            if wanted is not None and not (name and fnmatch(name.lower(), wanted.lower())):
                return False
        for number, key in ((asked.attempt, "attempt"), (asked.visit, "visit")):
            if number is not None and event.data.get(key) != number:
                return False
        at, path = event.sequence, self.path(event.sequence)
        if asked.changes is not None:
            old, new = self.value(asked.changes, at - 1, path), self.value(asked.changes, at, path)
            if written(old) == written(new):
                return False
        if asked.when is None:
            return True
        given = (asked.kinds, asked.step, asked.path, asked.attempt, asked.visit, asked.changes)
        if "event" in asked.when.roots or any(condition is not None for condition in given):
            return self._holds(asked, at, path, event)
        return self._holds(asked, at, path) and not self._holds(asked, at - 1, path)

    def _holds(self, asked: Breakpoint, sequence: int, path: str, event: ExecutionEvent | None = None) -> bool:
        view = self.views[sequence]
        names = {name: view[name] for name in ("inputs", "outputs", "error")} | {"status": str(view["status"])}
        variables = view["paths"].get(path, {}).get("variables", MISSING)
        if variables is not MISSING:
            names["state"] = variables
        if event is not None:
            names["event"] = {
                "sequence": event.sequence,
                "type": str(event.event_type),
                "path": event.path_id,
                "step": event.step_name,
                "timestamp": event.timestamp,
                "seconds": self.history.columns.seconds(event.sequence),
                "data": event.data,
            }
        assert asked.when is not None
        try:
            return bool(asked.when.evaluate(names))
        except ExpressionError:
            return False


def written(value: Any) -> bytes | None:
    """A value as JSON, which tells 1 from true; None for one that is not there."""
    return None if value is MISSING else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
