"""The rules of histories that the Go system Dive recorded, where they are not ours.

`stores.go` translates such a history into our events, one for one, and names its dialect in the first; from then on
these rules hold. All variables are shared by all paths; a branch makes its paths at once and retires the one that
branched; there are no joins, waits or attempts; an end may be missing or come late; whatever is recorded after the
end of the execution is passed over. What its engine did not know of its own steps is not asked for, so these rules
take a history as it is wherever ours would find that something cannot have happened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.changes import NO_VARIABLES, Changes, unfit, with_path
from engine.core.reduce_paths import new_path
from engine.model.events import EMPTY, ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import (
    AttemptState,
    AttemptStatus,
    ExecutionState,
    ExecutionStatus,
    Failure,
    PathState,
    Phase,
    evolve,
)

GO_TYPES: frozenset[str] = frozenset(
    {
        "operation_started",
        "operation_completed",
        "operation_failed",
        "state_mutated",
        "time_accessed",
        "random_generated",
        "iteration_started",
        "iteration_completed",
        "variable_changed",
        "template_evaluated",
        "condition_evaluated",
    }
)
"""Kinds of events that only the Go system recorded."""

_FINAL = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.FAILED})


def reduce_go(state: ExecutionState, event: ExecutionEvent) -> ExecutionState:
    """The state after one more event of a history of the Go system; sequence and execution have been checked.

    Raises:
        HistoryError: its data is not as it should be.
    """
    if state.status in _FINAL:
        after_end = event.sequence if state.after_end is None else state.after_end
        return evolve(state, sequence=event.sequence, timestamp=event.timestamp, after_end=after_end)
    handler = _HANDLERS.get(event.event_type)
    try:
        changes = {} if handler is None else handler(state, event, event.data)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
        raise unfit(event, f"its data is not as it should be ({error})") from error
    if "status" not in changes and state.status == ExecutionStatus.CONTINUED and event.event_type not in GO_TYPES:
        # Continuing as new did not end an execution there: this one went on.
        changes["status"] = ExecutionStatus.RUNNING
    return evolve(state, sequence=event.sequence, timestamp=event.timestamp, **changes)


# Executions


def _execution_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    """Not the first one: a recovery, which ran everything again under the same id."""
    return {
        "status": ExecutionStatus.RUNNING,
        "inputs": data["inputs"],
        "paths": {},
        "path_count": 0,
        "failure": None,
        "recoveries": state.recoveries + 1,
    }


def _execution_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {"status": ExecutionStatus.COMPLETED, "outputs": data["outputs"], "paths": {}}


def _execution_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    error: dict[str, Any] = {"type": data["error_type"], "message": data["error"], "sequence": event.sequence}
    failure = state.failure or next((path.failure for path in state.paths.values() if path.failure is not None), None)
    if failure is not None:
        error |= {"step": failure.step, "path": failure.path, "sequence": failure.sequence}
    return {"status": ExecutionStatus.FAILED, "error": error, "failure": failure, "paths": {}}


def _execution_continued(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {"status": ExecutionStatus.CONTINUED}


# Paths


def _path_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    known = state.paths.get(event.path_id)
    if known is not None and known.unit is None and known.current_step == data["current_step"]:
        return {}  # announced by a branch
    path = _ready(state, event.path_id, data["current_step"], parent=data.get("parent"), fork=data.get("fork"))
    return _begun(state, path)


def _ready(state: ExecutionState, name: str, step: str, **origin: object) -> PathState:
    variables, written = _shared(state)
    return new_path(name, step, phase=Phase.READY, variables=variables, written=written, visits=EMPTY, **origin)


def _begun(state: ExecutionState, *paths: PathState) -> Changes:
    return {
        "paths": {**state.paths, **{path.id: path for path in paths}},
        "path_count": state.path_count + len(paths),
        "status": ExecutionStatus.RUNNING,
    }


def _path_branched(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    origin = {"parent": event.path_id, "fork": event.sequence}
    entries = [(_name(entry["id"]), _name(entry["current_step"])) for entry in data["new_paths"]]
    children = [_ready(state, name, step, **origin) for name, step in entries]
    others = {name: path for name, path in state.paths.items() if name != event.path_id}
    return _begun(evolve(state, paths=others), *children)


def _path_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    changes: Changes = {}
    if "final_output" in data:
        changes = _written(state, event, {f"path_{event.path_id}_output": data["final_output"]})
    return _without(state, event, changes)


def _path_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    changes: Changes = {}
    if "failure_reason" in data:
        changes = _written(state, event, {f"path_{event.path_id}_error": data["failure_reason"]})
    path = state.paths.get(event.path_id)
    if state.failure is None and path is not None and path.failure is not None:
        changes["failure"] = path.failure
    return _without(state, event, changes)


def _without(state: ExecutionState, event: ExecutionEvent, changes: Changes) -> Changes:
    """A path ends; when it branched before, it is gone already."""
    paths = changes.get("paths", state.paths)
    if event.path_id in paths:
        changes["paths"] = {name: path for name, path in paths.items() if name != event.path_id}
    return changes


# Steps


def _step_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path, changes = state.paths.get(event.path_id), {}
    if path is None:
        path = _ready(state, event.path_id, event.step_name)
        changes = {"path_count": state.path_count + 1, "status": ExecutionStatus.RUNNING}
    unit = AttemptState(1, AttemptStatus.RUNNING, data["effect_key"], data["inputs_hash"], event.timestamp)
    path = evolve(path, phase=Phase.RUNNING, current_step=event.step_name, visit=data["visit"], unit=unit)
    return changes | {"paths": with_path(state, path)}


def _step_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = state.paths.get(event.path_id)
    if path is not None:
        state = evolve(state, paths=with_path(state, evolve(path, phase=Phase.READY, unit=None)))
    changes: Changes = _written(state, event, _values_of(state, event, data))
    return {"paths": state.paths} | changes


def _values_of(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> JsonObject:
    """The variables that the end of a step writes; its engine wrote one of them, its own replayer knew them all."""
    values: dict[str, Any] = {}
    variable = data.get("stored_variable")
    if variable:
        _name(variable)
        if "stored_value" in data:
            values[variable] = data["stored_value"]
        elif not _set_meanwhile(state, variable, data.get("started_seq")):
            values[variable] = data.get("output")
    if "condition_result" in data:
        values[f"{event.step_name}_condition"] = data["condition_result"] in (True, "true")
    if isinstance(data.get("iteration_state"), dict):
        values[f"{event.step_name}_iteration"] = data["iteration_state"]
    merged = data.get("script_globals")
    return values | merged if isinstance(merged, dict) else values


def _set_meanwhile(state: ExecutionState, variable: str, started: object) -> bool:
    """Whether the step set its variable by itself: then that has the value, and its output only the value's text."""
    _, mutated = state.script_globals.get(variable, (None, 0))
    return isinstance(started, int) and mutated > started


def _step_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    names = tuple(name for name in state.failed_steps if name != event.step_name)
    changes: Changes = {"failed_steps": (*names, event.step_name)}
    path = state.paths.get(event.path_id)
    if path is not None:
        failure = Failure(data["error"], data["error_type"], event.sequence, event.step_name, path.id, 1)
        failing = evolve(path, phase=Phase.FAILING, current_step=event.step_name, failure=failure)
        changes["paths"] = with_path(state, failing)
    return changes


# Variables


def _name(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{value!r:.40} is no name")


def _shared(state: ExecutionState) -> tuple[JsonObject, JsonObject]:
    """What all paths see: the values, and the events that wrote them."""
    if not state.script_globals:
        return NO_VARIABLES, EMPTY
    values = {name: value for name, (value, _) in state.script_globals.items()}
    return values, {name: sequence for name, (_, sequence) in state.script_globals.items()}


def _written(
    state: ExecutionState, event: ExecutionEvent, values: JsonObject, gone: frozenset[str] = frozenset()
) -> Changes:
    """Variables change, for all paths that are open."""
    if not values and not gone:
        return {}
    kept = {name: entry for name, entry in state.script_globals.items() if name not in gone}
    after = evolve(state, script_globals={**kept, **{name: (value, event.sequence) for name, value in values.items()}})
    variables, written = _shared(after)
    paths = {name: evolve(path, variables=variables, written=written) for name, path in state.paths.items()}
    return {"script_globals": after.script_globals, "paths": paths}


def _state_mutated(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    values: dict[str, Any] = {}
    gone: set[str] = set()
    for mutation in data["mutations"]:
        key = _name(mutation["key"])
        if mutation["type"] == "delete":
            values.pop(key, None)
            gone.add(key)
        else:
            values[key] = mutation.get("value")
            gone.discard(key)
    return _written(state, event, values, frozenset(gone))


def _variable_changed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return _written(state, event, {_name(data["variable_name"]): data.get("new_value")})


_HANDLERS: dict[str, Callable[[ExecutionState, ExecutionEvent, JsonObject], Changes]] = {
    ExecutionEventType.EXECUTION_STARTED: _execution_started,
    ExecutionEventType.EXECUTION_COMPLETED: _execution_completed,
    ExecutionEventType.EXECUTION_FAILED: _execution_failed,
    ExecutionEventType.PATH_STARTED: _path_started,
    ExecutionEventType.PATH_BRANCHED: _path_branched,
    ExecutionEventType.PATH_COMPLETED: _path_completed,
    ExecutionEventType.PATH_FAILED: _path_failed,
    ExecutionEventType.STEP_STARTED: _step_started,
    ExecutionEventType.STEP_COMPLETED: _step_completed,
    ExecutionEventType.STEP_FAILED: _step_failed,
    "execution_continue_as_new": _execution_continued,
    "state_mutated": _state_mutated,
    "variable_changed": _variable_changed,
}
