"""Which event made a difference between two states of one history."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from engine.replay.addressing.addresses import MISSING, PARTS, Address, descend, is_same
from engine.replay.addressing.setting import Write, last_change_among, who_set
from engine.replay.addressing.values import latest_unit, moving_kinds, step_value
from engine.replay.diffing.diff import Change, Keys
from engine.replay.history import History
from engine.replay.index import Attempt, UnitRecord
from engine.replay.view import span_entry
from engine.replay.writes import merged


class Explained(NamedTuple):
    """A difference and the event that made it."""

    change: Change
    by: int | None
    """The sequence of the event; None when none can be named."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form: `{address, kind, old, new, by}`."""
        return self.change.to_dict() | {"by": self.by}


def explain(history: History, changes: Iterable[Change], sequence: int, after: int = 0) -> list[Explained]:
    """For each difference the last event, up to the one of `sequence`, that changed the value at its address.

    In a list that is the last event that changed what is at that place; where none did, because what is there has only
    changed places with something equal, the one that wrote the list.

    Args:
        history: what both states are of.
        changes: with keys from the whole state on, as `diff_states` gives them.
        sequence: the later of the two events.
        after: the earlier one; what changed only before it explains nothing.

    Raises:
        StoreError: events are not kept and cannot be read any more.
    """
    explainer = _Explainer(history, sequence, after)
    return [Explained(change, explainer.explanation(change)) for change in changes]


class _Explainer:
    """Remembers what it has found out: many differences have the same reason."""

    def __init__(self, history: History, sequence: int, after: int) -> None:
        self._history = history
        self._sequence = sequence
        self._after = after
        self._known: dict[Keys, int | None] = {}
        self._items: dict[str, _Items | None] = {}
        self._of_paths: dict[str, array[int]] | None = None

    def explanation(self, change: Change) -> int | None:
        """The event that made a difference."""
        for keys in _askable(change):
            if keys not in self._known:
                self._known[keys] = max((by for by in self._writes(keys) if by > self._after), default=None)
            if self._known[keys] is not None:
                return self._known[keys]
        return None

    def _writes(self, keys: Keys) -> Iterator[int]:
        """What may be the last change of the value at an address: the latest of these is."""
        items = self._items_of(keys[1]) if keys[0] == "steps" and len(keys) > 1 else None
        last = self._sequence
        if items is not None:
            # Looked up by itself, a step does not tell of its items; and to ask all events of many items takes long.
            if len(keys) == 2 or keys[2] == "items":
                yield items.last_change(keys[3:])
                if len(keys) > 2:
                    return
            yield from islice((at for at in items.turns if self._changes_step(keys, at)), 1)
            last = items.turns[-1] - 1
        write = self._last_of_path(keys) if _is_of_path(keys) else who_set(self._history, Address(keys), last)
        if write is not None:
            yield write.sequence

    def _last_of_path(self, keys: Keys) -> Write | None:
        """As `who_set`; with thousands of paths, going through all events for each of them would take too long."""
        history, path = self._history, str(keys[1])
        if self._of_paths is None:
            self._of_paths = _by_path(history, self._after + 1, self._sequence)
        events = (self._of_paths.get(name, ()) for name in (path, ""))
        written = history.writes.writes_on(path, self._after + 1, self._sequence)
        return last_change_among(history, Address(keys), merged([*events, written]))

    def _changes_step(self, keys: Keys, sequence: int) -> bool:
        before, after = (step_value(self._history, Address(keys), at) for at in (sequence - 1, sequence))
        return not is_same(before, after)

    def _items_of(self, step: str | int) -> _Items | None:
        """Of the latest unit of a step; None when that has none."""
        name = str(step)
        if name not in self._items:
            unit = latest_unit(self._history, name, self._sequence)
            has_items = unit is not None and unit.items is not None
            self._items[name] = _Items(self._history, unit, self._sequence) if unit and has_items else None
        return self._items[name]


def _is_of_path(keys: Keys) -> bool:
    """Whether it is about a path, and not about one of its variables, whose writes are known."""
    return len(keys) > 1 and keys[0] == "paths" and not (len(keys) > 3 and keys[2] == "variables")


def _by_path(history: History, first: int, last: int) -> dict[str, array[int]]:
    """The events that name a path, by path; under an empty name those that can change any."""
    found: dict[str, array[int]] = {}
    columns, moving = history.columns, moving_kinds(history)
    for sequence in range(first, min(last, history.folded) + 1):
        name = "" if columns.kind(sequence) in moving else columns.path(sequence)
        found.setdefault(name, array("I")).append(sequence)
    return found


class _Items:
    """The items of a unit up to an event, and what changed them."""

    def __init__(self, history: History, unit: UnitRecord, sequence: int) -> None:
        self._history = history
        self._unit = unit
        self._last = sequence
        ends = {at for at in (unit.completed_seq, unit.ended_seq) if at is not None and at <= sequence}
        self.turns = [*sorted(ends, reverse=True), unit.started_seq]
        """Where the unit as a whole ended and began, the last first."""
        self._attempts: dict[str, list[Attempt]] = {}
        for attempt in unit.attempts_at(sequence):
            self._attempts.setdefault(str(attempt.iteration), []).append(attempt)

    def last_change(self, keys: Sequence[str | int]) -> int:
        """The event that last changed any item, one of them, or something in it; else the one that began them all."""
        if not keys:
            return max(map(self.last_change, ([item] for item in self._attempts)), default=self._unit.started_seq)
        attempts = self._attempts.get(str(keys[0]), [])
        for at in sorted({at for attempt in attempts for at in self._events(attempt)}, reverse=True):
            value, before = self._value(attempts, at, keys[1:]), self._value(attempts, at - 1, keys[1:])
            if not is_same(value, before):
                return at
        return self._unit.started_seq

    def _events(self, attempt: Attempt) -> Iterator[int]:
        for at in (attempt.started_seq, attempt.waiting_seq, attempt.completed_seq, attempt.ended_seq):
            if at is not None and at <= self._last:
                yield at

    def _value(self, attempts: list[Attempt], sequence: int, keys: Sequence[str | int]) -> Any:
        began = [attempt for attempt in attempts if attempt.started_seq <= sequence]
        return descend(span_entry(self._history, self._unit, began[-1], sequence), keys) if began else MISSING


def _askable(change: Change) -> Iterator[Keys]:
    """The addresses whose last change may be that difference, the closest first."""
    keys = change.keys
    if not keys or keys[0] not in PARTS:
        return
    while keys:
        yield keys
        if not any(isinstance(key, int) for key in keys):
            return  # without places of lists an address means the same in both states
        keys = keys[:-1]
