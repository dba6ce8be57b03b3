"""Which events may have changed a value, without looking at them: filled by the one fold over a history."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.state import ExecutionState

LAST = (1 << 63) - 1
"""No event has a higher sequence."""
FIELDS = ("status", "inputs", "outputs", "error", "signals")
"""Parts of a state, besides variables, whose changes are kept."""
_OF_ONE_PATH = frozenset({kind for kind in ExecutionEventType if kind.startswith("step_")})
"""Events after which the same paths are open as before, and all but their own are what they were."""


class WriteIndex:
    """Sequences by path and variable, by variable over all paths, and by part of the state.

    What it gives for a value are all the events that can have changed it, in order; an event that wrote the same value
    again, and one that copied variables to a new path, are among them.
    """

    def __init__(self) -> None:
        self._fields: dict[str, array[int]] = {name: _numbers() for name in FIELDS}
        self._globals: dict[str, array[int]] = {}
        self._variables: dict[str, dict[str, array[int]]] = {}
        self._moves: dict[str, array[int]] = {}
        """By path where it began with variables, and where it went away if others can then see another value."""
        self._any_move, self._any_write = _numbers(), _numbers()

    def add(self, event: ExecutionEvent, before: ExecutionState, after: ExecutionState) -> None:
        """Take in what an event changed; costs next to nothing when that is no variable."""
        sequence = event.sequence
        # What a step does concerns its own path alone, however many are open; only the Go system shared variables.
        alone = event.event_type in _OF_ONE_PATH and not after.info.dialect
        if not alone and before.paths is not after.paths and before.paths.keys() != after.paths.keys():
            self._add_moves(sequence, before, after)
        if before.script_globals is not after.script_globals:
            self._add_writes(sequence, before, after, (event.path_id,) if alone else after.paths)
        if before.status is not after.status:
            self._fields["status"].append(sequence)
        if before.signals is not after.signals:
            self._fields["signals"].append(sequence)
        if before.inputs is not after.inputs:
            self._fields["inputs"].append(sequence)
        if before.outputs is not after.outputs:
            self._fields["outputs"].append(sequence)
        if before.error is not after.error:
            self._fields["error"].append(sequence)

    def writes(self, path: str, name: str, first: int = 1, last: int = LAST) -> Sequence[int]:
        """Events that may have changed a variable of a path."""
        written = self._variables.get(path, {}).get(name, ())
        return merged([between(written, first, last), between(self._moves.get(path, ()), first, last)])

    def writes_on(self, path: str, first: int = 1, last: int = LAST) -> Sequence[int]:
        """Events that may have changed any variable of a path."""
        written = list(self._variables.get(path, {}).values())
        return merged(between(part, first, last) for part in (*written, self._moves.get(path, ())))

    def writers_of_global(self, name: str, first: int = 1, last: int = LAST) -> Sequence[int]:
        """Events that wrote this variable, on whatever path."""
        return between(self._globals.get(name, ()), first, last)

    def writers(self, first: int = 1, last: int = LAST) -> Sequence[int]:
        """Events that wrote any variable."""
        return between(self._any_write, first, last)

    def moves(self, first: int = 1, last: int = LAST) -> Sequence[int]:
        """Events with which paths came, or went away, and their variables with them."""
        return between(self._any_move, first, last)

    def changes_of(self, field: str, first: int = 1, last: int = LAST) -> Sequence[int]:
        """Events that may have changed one of `FIELDS`."""
        return between(self._fields[field], first, last)

    def _add_moves(self, sequence: int, before: ExecutionState, after: ExecutionState) -> None:
        # In histories of the Go system a path that is gone may come again, and until then has no variables.
        gone = before.paths.keys() - after.paths.keys() if after.info.dialect else set()
        moved = [name for name in (after.paths.keys() - before.paths.keys()) if after.paths[name].variables]
        moved += [name for name in gone if before.paths[name].variables]
        for name in moved:
            _append(self._moves, name, sequence)
        if moved:
            self._any_move.append(sequence)

    def _add_writes(
        self, sequence: int, before: ExecutionState, after: ExecutionState, on_paths: Iterable[str]
    ) -> None:
        old, new = before.script_globals, after.script_globals
        names = [name for name, entry in new.items() if old.get(name) is not entry]
        if after.info.dialect:  # only the Go system could remove variables
            names += old.keys() - new.keys()
        self._any_write.append(sequence)
        for name in names:
            _append(self._globals, name, sequence)
        for path in on_paths:
            known, now = before.paths.get(path), after.paths.get(path)
            if known is not None and now is not None and known.variables is not now.variables:
                index = self._variables.setdefault(path, {})
                for name in names:
                    _append(index, name, sequence)


def _numbers() -> array[int]:
    return array("I")


def _append(index: dict[str, array[int]], name: str, sequence: int) -> None:
    known = index.get(name)
    if known is None:
        known = index[name] = _numbers()
    known.append(sequence)


def between(sequences: Sequence[int], first: int, last: int) -> Sequence[int]:
    """Those of some ordered sequences that lie from `first` to `last`."""
    return sequences[bisect_left(sequences, first) : bisect_right(sequences, last)]


def merged(parts: Iterable[Sequence[int]]) -> Sequence[int]:
    """Ordered sequences in one, each once."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else ()
    return sorted(set().union(*filled))
