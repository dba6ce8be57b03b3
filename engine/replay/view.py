"""What a person calls the state at an event: the state proper together with what had finished by then."""

from __future__ import annotations

from typing import Any

from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.state import ExecutionState, PathState
from engine.replay.diff import Differences, diff_values
from engine.replay.history import History
from engine.replay.index import Attempt, PathRecord, UnitRecord


def path_view(path: PathState, status: str | None = None) -> dict[str, Any]:
    """One path as it is shown."""
    return {
        "status": status or path.status,
        "parent": path.parent,
        "current_step": path.current_step,
        "visit": path.visit,
        "attempt": path.attempt,
        "waiting_for": None,
        "variables": path.variables,
    }


def open_view(state: ExecutionState) -> dict[str, Any]:
    """The part that costs only what is open: no finished paths and steps."""
    return {
        "status": state.status,
        "inputs": state.inputs,
        "outputs": state.outputs,
        "error": state.error,
        "paths": {name: path_view(path) for name, path in state.paths.items()},
    }


def full_view(history: History, sequence: int) -> dict[str, Any]:
    """Everything at a sequence, finished paths and steps included; costs what exists by then."""
    state = history.state_at(sequence)
    records = [path for path in history.index.paths.values() if path.started_seq <= sequence]
    units = [unit for path in records for unit in path.units_at(sequence)]
    return {
        "execution_id": state.execution_id,
        "sequence": state.sequence,
        **open_view(state),
        "paths": {record.id: _path_at(record, state, sequence) for record in records}
        | {name: path_view(path) for name, path in state.paths.items()},
        "script_globals": {name: value for name, (value, _) in state.script_globals.items()},
        "signals": [],
        "versions": {},
        "completed_steps": completed_steps(history, units, sequence),
        "active_paths": [
            {
                "id": path.id,
                "current_step_name": path.current_step,
                "step_outputs": completed_steps(history, [u for u in units if u.path == path.id], sequence),
            }
            for path in state.paths.values()
        ],
        "steps": [entry for unit in units for entry in _step_entries(history, unit, sequence)],
    }


def _path_at(record: PathRecord, state: ExecutionState, sequence: int) -> dict[str, Any]:
    path = state.paths.get(record.id) or record.final
    if path is None:
        return {"status": record.status_at(sequence), "parent": record.parent}
    return path_view(path, None if record.id in state.paths else record.status_at(sequence))


def completed_steps(history: History, units: list[UnitRecord], sequence: int) -> dict[str, Any]:
    """Step name to the output of its last completed unit by then."""
    done = [unit for unit in units if unit.status_at(sequence) == "completed"]
    done.sort(key=lambda unit: unit.ended_seq or 0)
    return {unit.step: unit_output(history, unit) for unit in done}


def unit_output(history: History, unit: UnitRecord) -> Any:
    """The output of a completed unit; of an each the list of its items' outputs."""
    if unit.ended_seq is None:
        return None
    if unit.items is None:
        return history.event(unit.ended_seq).data.get("output")
    outputs: list[Any] = [None] * unit.items
    for attempt in unit.attempts:
        if attempt.status == "completed" and attempt.iteration is not None and attempt.ended_seq is not None:
            outputs[attempt.iteration] = history.event(attempt.ended_seq).data.get("output")
    return outputs


def _step_entries(history: History, unit: UnitRecord, sequence: int) -> list[dict[str, Any]]:
    if unit.items is None:
        return [_attempt_entry(history, unit, attempt, sequence) for attempt in unit.attempts_at(sequence)]
    whole: dict[str, Any] = {
        "path": unit.path,
        "step": unit.step,
        "visit": unit.visit,
        "attempt": 1,
        "status": unit.status_at(sequence),
        "started_seq": unit.started_seq,
    }
    if whole["status"] != "running":
        whole["ended_seq"] = unit.ended_seq
    if whole["status"] == "completed":
        whole["output"] = unit_output(history, unit)
    items = [_attempt_entry(history, unit, attempt, sequence) for attempt in unit.attempts_at(sequence)]
    return [whole, *items]


def _attempt_entry(history: History, unit: UnitRecord, attempt: Attempt, sequence: int) -> dict[str, Any]:
    status = attempt.status_at(sequence)
    entry: dict[str, Any] = {"path": unit.path, "step": unit.step, "visit": unit.visit}
    if attempt.iteration is not None:
        entry["iteration"] = attempt.iteration
    entry |= {"attempt": attempt.attempt, "status": status}
    if status != "running" and attempt.ended_seq is not None:
        if status == "completed":
            entry["output"] = history.event(attempt.ended_seq).data.get("output")
        elif status == "failed":
            entry["error"] = {"type": attempt.error_type, "message": attempt.error}
    entry["started_seq"] = attempt.started_seq
    if status != "running":
        entry["ended_seq"] = attempt.ended_seq
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
    view: dict[str, Any] = {"status": unit.status_at(sequence)}
    iteration = event.data["iteration"]["index"] if event.data.get("iteration") else None
    attempts = [attempt for attempt in unit.attempts_at(sequence) if attempt.iteration == iteration]
    if attempts:
        entry = _attempt_entry(history, unit, attempts[-1], sequence)
        shown = {key: entry[key] for key in ("attempt", "output", "error") if key in entry}
        if iteration is None:
            view |= shown
        else:
            view["items"] = {iteration: {"status": entry["status"], **shown}}
    return view
