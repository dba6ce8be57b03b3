"""Watches: values one keeps an eye on while going through a history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.replay.addressing.addresses import MISSING, Address, parse_address
from engine.replay.addressing.setting import who_set
from engine.replay.addressing.values import cursor_path, look_up
from engine.replay.history import History


@dataclass(frozen=True, slots=True)
class Watch:
    """An address to look at wherever one is. A short one is about the path at the cursor."""

    address: Address

    @classmethod
    def parse(cls, text: str) -> Watch:
        """The watch on the address that a text is.

        Raises:
            AddressError: it is none.
        """
        return cls(parse_address(text))

    def __str__(self) -> str:
        return str(self.address)


class WatchValue(NamedTuple):
    """What a watch shows at an event."""

    address: str
    value: Any
    """MISSING where there is none."""
    last_set: int | None
    """The last event up to here that changed it; None when none did."""
    previous: int | None
    """The one before that."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form; without `value` where there is none."""
        return {name: value for name, value in self._asdict().items() if value is not MISSING}


def value_at(history: History, watch: Watch, sequence: int, path: str | None = None) -> WatchValue:
    """What a watch shows after the event of this sequence.

    `path`: whose variable a short address means, by default the path there.

    Raises:
        StoreError: events are not kept here and cannot be read any more.
    """
    full = watch.address.on_path(cursor_path(history, sequence) if path is None else path)
    last = who_set(history, full, sequence)
    previous = who_set(history, full, last.sequence - 1) if last is not None else None
    value = look_up(history, full, sequence) if last is None else last.new
    return WatchValue(
        str(watch.address),
        value,
        None if last is None else last.sequence,
        None if previous is None else previous.sequence,
    )
