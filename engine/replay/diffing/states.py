"""The states of one history at two of its events, compared: everything once, at addresses that can be looked up."""

from __future__ import annotations

from typing import Any

from engine.replay.addressing.values import latest_unit
from engine.replay.diffing.diff import Differences, diff_values
from engine.replay.history import History
from engine.replay.index import UnitRecord
from engine.replay.view import open_view, path_at, span_entry

_TOLD_OF_ITEM = ("attempt", "status", "output", "error")
_TOLD = ("path", "visit", *_TOLD_OF_ITEM)


def comparable_view(history: History, sequence: int) -> dict[str, Any]:
    """What was true after an event, as it is compared: nothing that only repeats something else.

    Of each step its latest unit by then, by the step's name: `steps["Charge Card"].status`; of an each, its items
    instead of the list of what they gave. Sequence 0 is the state before the first event.

    Raises:
        StoreError: events are not kept and cannot be read any more.
    """
    state = history.state_at(sequence)
    records = [record for record in list(history.index.paths.values()) if record.started_seq <= sequence]
    # The open ones, which may be announced and not started yet, come last, as they do in the view of everything.
    paths = {record.id: path_at(record, state, sequence) for record in records}
    view = open_view(state)
    units = ((step, latest_unit(history, step, sequence)) for step in history.columns.step_names())
    return view | {
        "paths": paths | view["paths"],
        "steps": {step: _unit(history, unit, sequence) for step, unit in units if unit is not None},
    }


def diff_states(history: History, before: int, after: int, limit: int = 1000) -> Differences:
    """What differs between the states after two events of one history; `before` may be the later one.

    Raises:
        StoreError: events are not kept and cannot be read any more.
    """
    return diff_values(comparable_view(history, before), comparable_view(history, after), limit=limit)


def _unit(history: History, unit: UnitRecord, sequence: int) -> dict[str, Any]:
    if unit.items is None:
        attempt = unit.last_attempt_at(sequence, None)
        entry = {} if attempt is None else span_entry(history, unit, attempt, sequence)
        return {key: entry[key] for key in _TOLD if key in entry} | {"status": unit.status_at(sequence)}
    latest = {attempt.iteration: attempt for attempt in unit.attempts_at(sequence)}
    items = {}
    for item, attempt in latest.items():
        entry = span_entry(history, unit, attempt, sequence)
        items[str(item)] = {key: entry[key] for key in _TOLD_OF_ITEM if key in entry}
    return {"path": unit.path, "visit": unit.visit, "status": unit.status_at(sequence), "items": items}
