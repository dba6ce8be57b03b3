"""Who set a value, and when it changed before and after that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from engine.model.state import ExecutionState
from engine.replay.addressing.addresses import MISSING, Address, is_same
from engine.replay.addressing.values import candidates, cursor_path, is_of_step, look_up, step_value, value_in
from engine.replay.history import History
from engine.replay.session.stretches import transitions, windows

_MOST_AT_ONCE = 512


class Write(NamedTuple):
    """A change of a value."""

    sequence: int
    """The event that changed it."""
    old: Any
    """MISSING where there was no value before."""
    new: Any
    """MISSING where there is none since."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form; `old` and `new` only where there is a value."""
        values = {"old": self.old, "new": self.new}
        return {"sequence": self.sequence} | {name: value for name, value in values.items() if value is not MISSING}


def who_set(history: History, address: Address, sequence: int, path: str | None = None) -> Write | None:
    """The last event, up to the one of this sequence, that changed the value at an address; None when none did.

    `path`: whose variable a short address is about, by default the path at `sequence`.
    """
    fixed = _on_path(history, address, sequence, path)
    return _last_change(history, fixed, min(sequence, history.folded))


def previous_change(history: History, address: Address, sequence: int, path: str | None = None) -> Write | None:
    """The last event before the one of this sequence that changed the value at an address, as `who_set`."""
    fixed = _on_path(history, address, sequence, path)
    return _last_change(history, fixed, min(sequence - 1, history.folded))


def next_change(history: History, address: Address, sequence: int, path: str | None = None) -> Write | None:
    """The first event after the one of this sequence that changes the value at an address, as `who_set`."""
    fixed = _on_path(history, address, sequence, path)
    for first, last in windows(sequence + 1, history.folded):
        found = next(changes_among(history, fixed, candidates(history, fixed, first, last)), None)
        if found is not None:
            return found
    return None


def copied_from(history: History, address: Address, write: Write) -> int | None:
    """The event that had written a variable which this one only copied to a new path; None when it did not copy."""
    match address.parts:
        case ("paths", str(path), "variables", str(name), *_):
            state = history.state_at(write.sequence).paths.get(path)
            written: int | None = None if state is None else state.written.get(name)
            return None if written == write.sequence else written
    return None


def _on_path(history: History, address: Address, sequence: int, path: str | None) -> Address:
    return address.on_path(cursor_path(history, sequence) if path is None else path) if address.is_short else address


def _last_change(history: History, address: Address, last: int) -> Write | None:
    for start, end in windows(1, last, backwards=True):
        change = last_change_among(history, address, candidates(history, address, start, end))
        if change is not None:
            return change
    return None


def last_change_among(history: History, address: Address, sequences: Sequence[int]) -> Write | None:
    """The last of the candidates that changed the value at a full address; `sequences` as for `changes_among`."""
    # The last one has most often changed it: of those before it ever more are looked at together.
    for first, until in windows(0, len(sequences) - 1, backwards=True, smallest=1, largest=_MOST_AT_ONCE):
        *_, change = [None, *changes_among(history, address, sequences[first : until + 1])]
        if change is not None:
            return change
    return None


def changes_among(history: History, address: Address, sequences: Sequence[int]) -> Iterator[Write]:
    """What of the candidates changed the value at a full address, in order.

    `sequences`: neighbours among its `candidates`: between two of them nothing changes.
    """
    old: Any = None
    for number, (sequence, state) in enumerate(_states_of(history, address, sequences)):
        if number == 0:
            old = look_up(history, address, sequence - 1)
        new = value_in(history, state, address) if state is not None else step_value(history, address, sequence)
        if not is_same(old, new):
            yield Write(sequence, old, new)
        old = new


def _states_of(
    history: History, address: Address, sequences: Sequence[int]
) -> Iterator[tuple[int, ExecutionState | None]]:
    if is_of_step(address):
        return ((sequence, None) for sequence in sequences)
    return ((after.sequence, after) for _, _, after in transitions(history, sequences))
