"""The value at an address after any event of a history, and which events can have changed it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from engine.model.events import TERMINAL_TYPES, ExecutionEventType
from engine.model.state import ExecutionState
from engine.replay.addressing.addresses import MISSING, VARIABLES, Address, descend, resolve
from engine.replay.history import History
from engine.replay.index import UnitRecord
from engine.replay.view import full_view, open_view, path_at, path_view, span_entry, unit_output
from engine.replay.writes import FIELDS, LAST, merged

_PATH_ENDS = frozenset({
    ExecutionEventType.PATH_BRANCHED,
    ExecutionEventType.PATH_COMPLETED,
    ExecutionEventType.PATH_FAILED,
    ExecutionEventType.PATH_CANCELLED,
    ExecutionEventType.EXECUTION_STARTED,
    *TERMINAL_TYPES,
})  # fmt: skip
"""With these a unit can end that they do not name."""
_MOVES_OTHERS = frozenset({ExecutionEventType.PATH_BRANCHED, ExecutionEventType.PATH_JOINED})
"""These can change paths they do not name, as can events about the whole execution."""
_MOVES_OTHERS_IN_GO = _MOVES_OTHERS | _PATH_ENDS

_NEVER_CHANGED = ("execution_id", "versions")


def cursor_path(history: History, sequence: int) -> str:
    """Whose variables a short address means at an event; empty before any path began.

    The event's own path; of an event about the whole execution the open path that moved last, and where none is open
    the one that moved last of all.
    """
    sequence = min(sequence, len(history.columns))  # of what is still loading only that it is there is known
    path_of = history.columns.path
    if sequence < 1 or path_of(sequence):
        return path_of(sequence) if sequence >= 1 else ""
    open_paths = history.state_at(sequence).paths
    if open_paths:
        return next(reversed(open_paths))
    return next((path for path in map(path_of, range(sequence - 1, 0, -1)) if path), "")


def look_up(history: History, address: Address, sequence: int, path: str | None = None) -> Any:
    """The value at an address after the event of this sequence, MISSING where there is none.

    `path`: whose variable a short address means, by default the path at that event.

    Raises:
        StoreError: events are not kept here and cannot be read any more.
    """
    full = address.on_path(cursor_path(history, sequence) if path is None else path) if address.is_short else address
    if is_of_step(full):
        return step_value(history, full, min(sequence, history.folded))
    return value_in(history, history.state_at(sequence), full)


def value_in(history: History, state: ExecutionState, address: Address) -> Any:
    """As `look_up`, for a full address and a state of this history."""
    first, *rest = address.parts
    name = rest[0] if rest and isinstance(rest[0], str) else None
    if first == "paths" and name is not None:
        return _in_path(history, state, name, rest[1:])
    if first == "script_globals" and name is not None:
        value, _ = state.script_globals.get(name, (MISSING, 0))
        return descend(value, rest[1:])
    if is_of_step(address):
        return step_value(history, address, state.sequence)
    if first == "completed_steps" and name is not None:
        return descend(_last_output(history, name, state.sequence), rest[1:])
    if first in FIELDS:
        return descend(open_view(state)["signals"] if first == "signals" else getattr(state, str(first)), rest)
    return resolve(full_view(history, state.sequence), address)


def is_of_step(address: Address) -> bool:
    """Whether it is about the latest unit of a step, which takes no state to tell."""
    return address.parts[0] == "steps" and len(address.parts) > 1 and isinstance(address.parts[1], str)


def step_value(history: History, address: Address, sequence: int) -> Any:
    """The value at an address that `is_of_step`, after an event whose state is known."""
    unit = latest_unit(history, str(address.parts[1]), sequence)
    return MISSING if unit is None else _in_unit(history, unit, address.parts[2:], sequence)


def variables_in(history: History, state: ExecutionState, path: str) -> Any:
    """The variables of a path, which may have ended; MISSING where it has none yet."""
    open_path = state.paths.get(path)
    if open_path is not None:
        return open_path.variables
    record = history.index.paths.get(path)
    if record is None or record.started_seq > state.sequence or record.final is None:
        return MISSING
    return record.final.variables


def _in_path(history: History, state: ExecutionState, name: str, parts: Sequence[str | int]) -> Any:
    if parts and parts[0] == "variables":
        return descend(variables_in(history, state, name), parts[1:])
    record = history.index.paths.get(name)
    if name in state.paths:
        return descend(path_view(state.paths[name]), parts)
    if record is None or record.started_seq > state.sequence:
        return MISSING
    return descend(path_at(record, state, state.sequence), parts)


def latest_unit(history: History, step: str, sequence: int) -> UnitRecord | None:
    """The last unit of a step that had begun by then."""
    starts = history.index.starts_of(step)
    count = bisect_right(starts, sequence)
    if not count:
        return None
    began = starts[count - 1]
    return history.index.paths[history.columns.path(began)].units_at(began)[-1]


def _in_unit(history: History, unit: UnitRecord, parts: Sequence[str | int], sequence: int) -> Any:
    """What lies below the latest unit of a step: status, attempt, output, error, ...; of an each also its items."""
    if parts and parts[0] == "items" and unit.items is not None:
        return _in_items(history, unit, parts[1:], sequence)
    if parts and parts[0] == "status":
        return descend(unit.status_at(sequence), parts[1:])  # without its output, which may be large
    span = unit if unit.items is not None else unit.last_attempt_at(sequence, None)
    entry = {} if span is None else span_entry(history, unit, span, sequence)
    return descend(entry | {"status": unit.status_at(sequence)}, parts)


def _last_output(history: History, step: str, sequence: int) -> Any:
    """The output of the unit of a step that completed last by then."""
    for at in _completions(history, step, last=sequence, backwards=True):
        unit = history.index.unit_at(at)
        if unit is not None and unit.completed_seq == at:
            return unit_output(history, unit)
    return MISSING


def _completions(history: History, step: str, **within: Any) -> Iterator[int]:
    return history.columns.find(kinds=(ExecutionEventType.STEP_COMPLETED,), steps=(step,), **within)


def _in_items(history: History, unit: UnitRecord, parts: Sequence[str | int], sequence: int) -> Any:
    wanted = range(unit.items or 0) if not parts else (int(parts[0]),) if str(parts[0]).isdecimal() else ()
    attempts = {item: unit.last_attempt_at(sequence, item) for item in wanted}
    entries = {
        str(item): span_entry(history, unit, attempt, sequence)
        for item, attempt in attempts.items()
        if attempt is not None
    }
    return descend(entries, parts)


def candidates(history: History, address: Address, first: int = 1, last: int = LAST) -> Sequence[int]:
    """All events from `first` to `last` that can have changed the value at an address, and some more, in order.

    A short address is about the path of each event.
    """
    last = min(last, history.folded)
    writes = history.writes
    root, *rest = address.parts
    name = rest[0] if rest and isinstance(rest[0], str) else None
    if root == VARIABLES and name is not None:
        return merged([writes.writers_of_global(name, first, last), writes.moves(first, last)])
    if root == "paths" and name is not None:
        return _candidates_of_path(history, name, rest[1:], first, last)
    if root == "script_globals":
        return writes.writers(first, last) if name is None else writes.writers_of_global(name, first, last)
    if root == "steps" and name is not None:
        found = history.columns.find
        return merged([
            list(found(steps=(name,), first=first, last=last)),
            list(found(kinds=_PATH_ENDS, first=first, last=last)),
        ])  # fmt: skip
    if root == "completed_steps" and name is not None:
        return list(_completions(history, name, first=first, last=last))
    if root in _NEVER_CHANGED:
        return ()
    if root in FIELDS:
        return writes.changes_of(str(root), first, last)
    return range(first, last + 1)


def moving_kinds(history: History) -> Collection[str]:
    """Kinds of events that can change paths they do not name."""
    return _MOVES_OTHERS_IN_GO if history.latest.info.dialect else _MOVES_OTHERS


def _candidates_of_path(
    history: History, path: str, parts: Sequence[str | int], first: int, last: int
) -> Sequence[int]:
    if len(parts) > 1 and parts[0] == "variables":
        return history.writes.writes(path, str(parts[1]), first, last)
    found = history.columns.find
    return merged([
        list(found(paths=(path, ""), first=first, last=last)),
        list(found(kinds=moving_kinds(history), first=first, last=last)),
        history.writes.writes_on(path, first, last),
    ])  # fmt: skip
