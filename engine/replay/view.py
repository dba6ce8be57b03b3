"""What a person calls the state at an event: the state proper together with what had finished by then."""

from __future__ import annotations

from typing import Any

from engine.core.reduce_steps import collected_value
from engine.model.events import ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import ExecutionState, PathState
from engine.replay.diffing.diff import Differences, diff_values
from engine.replay.history import History
from engine.replay.index import Attempt, PathRecord, Span, UnitRecord


def path_view(path: PathState, status: str | None = None) -> dict[str, Any]:
    """One path as it is shown."""
    return {
        "status": status or path.status,
        "parent": path.parent,
        "current_step": path.current_step,
        "visit": path.visit,
        "attempt": path.attempt,
        "waiting_for": _waiting_for(path),
        "variables": path.variables,
    }


def _waiting_for(path: PathState) -> dict[str, Any] | None:
    """What it waits for: the first of the waits of its items, or its own."""
    if path.status != "waiting":
        return None
    for attempt in path.attempts:
        if attempt.wait is not None:
            wait = attempt.wait
            told = {"for": wait.kind, "topic": wait.topic, "due_at": wait.due_at, "child_id": wait.child_id}
            return {key: value for key, value in told.items() if value}
        if attempt.due_at is not None:
            return {"for": "retry", "due_at": attempt.due_at}
    return None


def open_view(state: ExecutionState) -> dict[str, Any]:
    """The part that costs only what is open: no finished paths and steps."""
    return {
        "status": state.status,
        "inputs": state.inputs,
        "outputs": state.outputs,
        "error": state.error,
        "paths": {name: path_view(path) for name, path in state.paths.items()},
        "signals": [_signal_view(signal) for signal in state.signals],
    }


def _signal_view(signal: JsonObject) -> dict[str, Any]:
    return {"ordinal": signal["ordinal"], "topic": signal["topic"], "data": signal["data"]}


def full_view(history: History, sequence: int) -> dict[str, Any]:
    """Everything at a sequence, finished paths and steps included; costs what exists by then."""
    state = history.state_at(sequence)
    records = [path for path in list(history.index.paths.values()) if path.started_seq <= sequence]
    units_of = {path.id: list(path.units_at(sequence)) for path in records}
    units = [unit for of_path in units_of.values() for unit in of_path]
    return {
        "execution_id": state.execution_id,
        "sequence": state.sequence,
        **open_view(state),
        "paths": {record.id: path_at(record, state, sequence) for record in records}
        | {name: path_view(path) for name, path in state.paths.items()},
        "script_globals": {name: value for name, (value, _) in state.script_globals.items()},
        "signals": [_signal_view(signal) for signal in state.signals],
        "versions": {},
        "completed_steps": completed_steps(history, units, sequence),
        "active_paths": [
            {
                "id": path.id,
                "current_step_name": path.current_step,
                "step_outputs": completed_steps(history, units_of.get(path.id, []), sequence),
            }
            for path in state.paths.values()
        ],
        "steps": [entry for unit in units for entry in _step_entries(history, unit, sequence)],
    }


def path_at(record: PathRecord, state: ExecutionState, sequence: int) -> dict[str, Any]:
    """A path after an event, whether it has ended by then or not."""
    path = state.paths.get(record.id) or record.final
    if path is None:
        return {"status": record.status_at(sequence), "parent": record.parent}
    return path_view(path, None if record.id in state.paths else record.status_at(sequence))


def completed_steps(history: History, units: list[UnitRecord], sequence: int) -> dict[str, Any]:
    """Step name to the output of its last completed unit by then."""
    done = [unit for unit in units if unit.has_output_at(sequence)]
    done.sort(key=lambda unit: unit.completed_seq or 0)
    return {unit.step: unit_output(history, unit) for unit in done}


def unit_output(history: History, unit: UnitRecord) -> Any:
    """The output of a completed unit; of an each the list of its items' outputs."""
    if unit.items is None or unit.completed_seq is None:
        return _output(history, unit)
    outputs: list[Any] = [None] * unit.items
    for attempt in unit.attempts:
        if attempt.iteration is not None and 0 <= attempt.iteration < unit.items:
            outputs[attempt.iteration] = _item_output(history, attempt)
    return outputs


def _item_output(history: History, attempt: Attempt) -> Any:
    if attempt.completed_seq is None and attempt.ended_seq is not None:
        data = history.event(attempt.ended_seq).data
        if data.get("collected"):
            return collected_value(data)
    return _output(history, attempt)


def _output(history: History, span: Span) -> Any:
    return None if span.completed_seq is None else history.event(span.completed_seq).data.get("output")


def _step_entries(history: History, unit: UnitRecord, sequence: int) -> list[dict[str, Any]]:
    attempts = [span_entry(history, unit, attempt, sequence) for attempt in unit.attempts_at(sequence)]
    return attempts if unit.items is None else [span_entry(history, unit, unit, sequence), *attempts]


def span_entry(history: History, unit: UnitRecord, span: UnitRecord | Attempt, sequence: int) -> dict[str, Any]:
    """A unit as a whole, or one of its attempts."""
    status, ended = span.status_at(sequence), span.ended_by(sequence)
    entry: dict[str, Any] = {"path": unit.path, "step": unit.step, "visit": unit.visit}
    if isinstance(span, Attempt) and span.iteration is not None:
        entry["iteration"] = span.iteration
    entry |= {"attempt": span.attempt if isinstance(span, Attempt) else 1, "status": status}
    if span.has_output_at(sequence):
        entry["output"] = _output(history, span) if isinstance(span, Attempt) else unit_output(history, unit)
    if status == "failed":
        entry["error"] = {"type": span.error_type, "message": span.error}
    entry["started_seq"] = span.started_seq
    if ended is not None:
        entry["ended_seq"] = ended
    return entry


def changes_at(history: History, sequence: int, limit: int = 1000) -> Differences:
    """What the event of this sequence changed, by address: state, variables, and the step it tells of."""
    if not 1 <= sequence <= history.folded:
        return Differences([])
    before, after = history.state_at(sequence - 1), history.state_at(sequence)
    old, new = open_view(before), open_view(after)
    _keep_ended_path(history, sequence, new)
    _step_change(history, sequence, old, new)
    return diff_values(old, new, limit=limit)


def _keep_ended_path(history: History, sequence: int, new: dict[str, Any]) -> None:
    """A path that ends does not vanish: its status changes."""
    event = history.event(sequence)
    record = history.index.paths.get(event.path_id)
    if record is not None and record.ended_seq == sequence and record.final is not None:
        new["paths"][record.id] = path_view(record.final, record.status)


def _step_change(history: History, sequence: int, old: dict[str, Any], new: dict[str, Any]) -> None:
    event = history.event(sequence)
    unit = history.index.unit_of(event)
    if unit is None or event.event_type == ExecutionEventType.PATH_BRANCHED:
        return
    old["steps"], new["steps"] = {}, {}
    for side, at in ((old, sequence - 1), (new, sequence)):
        if unit.started_seq <= at:
            side["steps"][unit.step] = _unit_view(history, unit, event, at)


def _unit_view(history: History, unit: UnitRecord, event: ExecutionEvent, sequence: int) -> dict[str, Any]:
    status = unit.status_at(sequence)
    iteration = event.data["iteration"]["index"] if event.data.get("iteration") else None
    whole = unit.items is not None and iteration is None
    span = unit if whole else unit.last_attempt_at(sequence, iteration)
    shown = {} if span is None else span_entry(history, unit, span, sequence)
    shown = {key: shown[key] for key in ("status", "attempt", "output", "error") if key in shown}
    if iteration is None:
        return {**shown, "status": status}
    return {"status": status, "items": {iteration: shown} if shown else {}}
