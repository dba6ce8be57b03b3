"""Values of two executions made comparable: what every run makes anew is taken out, what a person ignores is left out.

An execution's own id, the ids of events, signals and children, effect keys and the times of the runs themselves differ
between any two runs and say nothing. They stand as `<id>` and `<time>` on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import orjson

from engine.model.times import epoch_seconds
from engine.replay.diffing.diff import Change, Differences, diff_values, join_address
from engine.replay.history import History

ABSENT = 0
"""The digest of what was not recorded."""
_TYPEID = rb"(?:exec|event|signal)_[0-9A-Za-z]{26,32}(?![0-9A-Za-z])"
_EFFECT_KEY_END = rb'(?:/[^"\\#]*#[0-9]+)?'
_TIME = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_SLACK = 1.0
"""Seconds: clocks are read before what they say is recorded."""


class Mask:
    """Replaces what two runs make anew, the same way wherever it stands."""

    def __init__(self, *histories: History) -> None:
        own = b"|".join(re.escape(history.execution_id.encode()) for history in histories)
        self._ids = re.compile(rb"(?:" + own + rb"|" + _TYPEID + rb")" + _EFFECT_KEY_END)
        self._times = re.compile(_TIME)
        self._windows = [_window(history) for history in histories if len(history)]

    def digest(self, value: Any) -> int:
        """A number that is the same for values that do not differ, within this process; never `ABSENT`."""
        try:
            text = self._masked(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
        except TypeError:  # nested deeper than it can be written
            text = repr(value).encode(errors="backslashreplace")
        return hash(text) or 1

    def apply(self, value: Any) -> Any:
        """The value as it is compared."""
        try:
            text = orjson.dumps(value)
            masked = self._masked(text)
            return value if masked is text else orjson.loads(masked)
        except (TypeError, orjson.JSONDecodeError):
            return value

    def _masked(self, text: bytes) -> bytes:
        if b"_" in text or b"#" in text:
            text = self._ids.sub(b"<id>", text)
        return self._times.sub(self._masked_time, text)

    def _masked_time(self, found: re.Match[bytes]) -> bytes:
        try:
            moment = epoch_seconds(found[0].decode())
        except (ValueError, OverflowError):
            return found[0]
        # Only a time at which one of the two ran was made by running; any other is part of the data.
        return b"<time>" if any(start <= moment <= end for start, end in self._windows) else found[0]


def _window(history: History) -> tuple[float, float]:
    """Seconds since 1970 of its first and its last event; what it carried over was made when another one ran."""
    started = history.columns.started
    ended = started + history.columns.seconds(len(history))
    for sequence in range(2, min(3, len(history)) + 1):
        origin = history.event(sequence).origin
        with suppress(KeyError, TypeError, ValueError):
            started = min(started, epoch_seconds(origin["timestamp"])) if origin else started
    return started - _SLACK, ended + _SLACK


class Ignored:
    """Addresses whose differences do not count, each with everything below it.

    Full (`paths.main.steps.Charge.output.at`) or counted from any step (`output.at`); `[*]` is any place of a list.
    """

    def __init__(self, addresses: Collection[str]) -> None:
        places = [re.escape(address).replace(r"\[\*\]", r"\[[0-9]+\]") for address in addresses if address]
        self._pattern = re.compile(rf"(?:{'|'.join(places)})(?=[.\[]|\Z)") if places else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def covers(self, place: str, inner: str) -> bool:
        """Whether this address below a place is one of them."""
        if self._pattern is None:
            return False
        return any(self._pattern.match(address) is not None for address in (joined(place, inner), inner))


def joined(place: str, inner: str) -> str:
    """One address below another."""
    if not place or not inner:
        return place or inner
    return place + inner if inner.startswith("[") else f"{place}.{inner}"


def differences(
    mask: Mask, ignored: Ignored, place: str, name: str, old: Any, new: Any, limit: int = 1000
) -> Differences:
    """What differs between two values that stand at `name` below a place; addresses are full."""
    old, new = mask.apply(old), mask.apply(new)
    found = diff_values(old, new, name, limit=limit)
    changes, more = found.changes, found.more
    if not changes and mask.digest(old) != mask.digest(new):
        changes = [Change(name, "changed", old, new)]  # JSON tells them apart, Python does not: 0.0 and -0.0
    kept = [
        change._replace(address=joined(place, change.address))
        for change in changes
        if not ignored.covers(place, change.address)
    ]
    return Differences(kept, more)


def unit_address(path: str, step: str, visit: int, iteration: int | None) -> str:
    """`paths.main.steps["Charge Card"].visits[2].items[0]`; the first visit is not named."""
    address = join_address(join_address(join_address("paths", path), "steps"), step)
    if visit != 1:
        address = f"{address}.visits[{visit}]"
    return address if iteration is None else f"{address}.items[{iteration}]"
