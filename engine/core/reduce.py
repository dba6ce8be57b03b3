"""The one place that knows how an event changes the state of an execution.

`reduce` reads its two arguments and nothing else. The live engine, recovery, replay and every tool that shows a past
state fold the same events through it, so what was true then is what is shown now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.model.chunks import Chunks
from engine.model.events import EMPTY, SCHEMA_VERSION, ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import (
    ENDED,
    EachState,
    ExecutionInfo,
    ExecutionState,
    ExecutionStatus,
    Failure,
    PathState,
    Phase,
    evolve,
)

FIRST_PATH = "main"
_NO_VARIABLES: dict[str, Any] = {}

Changes = dict[str, Any]
"""Fields of a state, or of a path, that an event changes."""


class HistoryError(ValueError):
    """A history that cannot have happened: the message names the event that does not fit."""


def initial_state(execution_id: str) -> ExecutionState:
    """The state before the first event."""
    return ExecutionState(execution_id)


def fold(state: ExecutionState, events: Iterable[ExecutionEvent]) -> ExecutionState:
    """The state after these events.

    Raises:
        HistoryError: an event does not fit.
    """
    for event in events:
        state = reduce(state, event)
    return state


def reduce(state: ExecutionState, event: ExecutionEvent) -> ExecutionState:
    """The state after one more event. An unknown kind of event is passed over and marks the state incomplete.

    Raises:
        HistoryError: wrong execution or sequence, an event after the end, or one about something that is not there.
    """
    if event.sequence != state.sequence + 1:
        raise _unfit(event, f"event {state.sequence + 1} should come here")
    if event.execution_id != state.execution_id:
        raise _unfit(event, "it belongs to another execution")
    if state.status in ENDED:
        raise _unfit(event, "the execution had already ended")
    changes: Changes = {}
    handler = _HANDLERS.get(event.event_type)
    if handler is None or event.schema_version > SCHEMA_VERSION:
        if state.incomplete_from is None:
            changes["incomplete_from"] = event.sequence
    elif (handler is _execution_started) != (event.sequence == 1):
        raise _unfit(event, "a history begins with execution_started, and only there")
    else:
        try:
            changes = handler(state, event, event.data)
        except HistoryError:
            # After an event that could not be folded, what follows may rightly not fit.
            if state.incomplete_from is None:
                raise
        except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            if state.incomplete_from is None:
                raise _unfit(event, f"its data is not as it should be ({error})") from error
    return evolve(state, sequence=event.sequence, timestamp=event.timestamp, **changes)


def _unfit(event: ExecutionEvent, why: str) -> HistoryError:
    return HistoryError(f"event {event.sequence} ({event.event_type}) does not fit: {why}")


def _path(state: ExecutionState, event: ExecutionEvent) -> PathState:
    path = state.paths.get(event.path_id)
    if path is None:
        raise _unfit(event, f"path {event.path_id!r} is not open")
    return path


def _with_path(state: ExecutionState, path: PathState) -> dict[str, PathState]:
    # Taken out and put in again: the path that moved last stands last.
    paths = dict(state.paths)
    paths.pop(path.id, None)
    paths[path.id] = path
    return paths


def _without_path(state: ExecutionState, path: PathState) -> dict[str, PathState]:
    paths = dict(state.paths)
    del paths[path.id]
    return paths


# Executions


def _execution_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    outputs = data["workflow"].get("outputs") or ()
    info = ExecutionInfo(
        workflow_name=data["workflow_name"],
        workflow_hash=data["workflow_hash"],
        inputs_hash=data["inputs_hash"],
        engine_version=data["engine_version"],
        started_at=event.timestamp,
        labels=data.get("labels") or EMPTY,
        lineage=data.get("lineage"),
        source=data.get("source"),
    )
    # Output templates may ask for `paths.NAME.VARIABLE`; only then is it worth keeping what ended paths held.
    keeps_finished = any("paths" in str(output.get("value")) for output in outputs)
    return {"info": info, "inputs": data["inputs"], "keeps_finished": keeps_finished}


def _execution_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {"status": ExecutionStatus.COMPLETED, "outputs": data["outputs"], "finished": {}}


def _execution_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    error: dict[str, Any] = {"type": data["error_type"], "message": data["error"], "sequence": event.sequence}
    if state.failure is not None:
        error |= {"step": state.failure.step, "path": state.failure.path, "sequence": state.failure.sequence}
    return {"status": ExecutionStatus.FAILED, "error": error, "finished": {}}


def _execution_cancelled(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {"status": ExecutionStatus.CANCELLED, "finished": {}}


# Paths


def _new_path(
    name: str, step: str, phase: Phase, parent: str | None, fork: int | None, variables: JsonObject
) -> PathState:
    return PathState(
        id=name,
        phase=phase,
        parent=parent,
        fork=fork,
        current_step=step,
        visit=1,
        attempt=0,
        effect_key="",
        each=None,
        edges=(),
        end_reason="",
        failure=None,
        variables=variables,
        visits={step: 1},
    )


def _path_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    announced = state.paths.get(event.path_id)
    changes: Changes = {"path_count": state.path_count + 1, "status": ExecutionStatus.RUNNING}
    if announced is None:
        variables = data.get("variables") or _NO_VARIABLES
        path = _new_path(
            event.path_id, data["current_step"], Phase.READY, data.get("parent"), data.get("fork"), variables
        )
        changes["path_ids"] = _counted(state.path_ids, [path.id])
    elif announced.phase is Phase.NEW:
        path = evolve(announced, phase=Phase.READY)
    else:
        raise _unfit(event, f"path {event.path_id!r} has already started")
    return changes | {"paths": _with_path(state, path)}


def _counted(path_ids: dict[str, int], names: Iterable[str]) -> dict[str, int]:
    counts = dict(path_ids)
    for path_id in names:
        name, _, repeat = path_id.rpartition("~")
        base = name if repeat.isdigit() else path_id
        counts[base] = counts.get(base, 0) + 1
    return counts


def _path_branched(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    parent = _path(state, event)
    if parent.phase is not Phase.FORKING:
        raise _unfit(event, f"path {parent.id!r} is not at a fork")
    paths = _with_path(state, evolve(parent, phase=Phase.FORKED))
    for entry in data["new_paths"]:
        name, step = entry["id"], entry["current_step"]
        if name in paths:
            raise _unfit(event, f"path {name!r} is already there")
        paths[name] = _new_path(name, step, Phase.NEW, parent.id, event.sequence, parent.variables)
    return {"paths": paths, "path_ids": _counted(state.path_ids, (entry["id"] for entry in data["new_paths"]))}


def _path_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = _path(state, event)
    if path.phase not in (Phase.ENDING, Phase.FORKED):
        raise _unfit(event, f"path {path.id!r} is not at its end")
    changes: Changes = {"paths": _without_path(state, path)}
    leads_nowhere = data["reason"] not in ("fork", "join")
    if leads_nowhere:
        changes["leaves"] = state.leaves + 1
    if state.keeps_finished:
        changes["finished"] = {**state.finished, path.id: path.variables}
    elif leads_nowhere:
        changes["finished"] = {path.id: path.variables}
    return changes


def _path_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = _path(state, event)
    if path.failure is None:
        raise _unfit(event, f"no step of path {path.id!r} has failed")
    return {"paths": _without_path(state, path), "failure": state.failure or path.failure}


def _path_cancelled(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {"paths": _without_path(state, _path(state, event))}


# Steps


def _unit(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> PathState:
    path = _path(state, event)
    if event.step_name != path.current_step or data["visit"] != path.visit:
        raise _unfit(event, f"path {path.id!r} is at {path.current_step!r}, visit {path.visit}")
    return path


def _step_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = _unit(state, event, data)
    attempt = data["attempt"]
    iteration = data.get("iteration")
    if iteration is not None:
        each, index = _open_each(path, event), iteration["index"]
        if index != each.next_index or index >= len(each.items):
            raise _unfit(event, f"item {each.next_index} is the next one to start")
        each = evolve(each, next_index=index + 1, in_flight={**each.in_flight, index: attempt})
        return {"paths": _with_path(state, evolve(path, each=each))}
    if path.phase is not Phase.READY:
        raise _unfit(event, f"path {path.id!r} is not ready to start a step")
    items = data.get("items")
    opened = None if items is None else EachState(items, Chunks(), 0, 0, {})
    running = evolve(path, phase=Phase.RUNNING, attempt=attempt, effect_key=data["effect_key"], each=opened)
    return {"paths": _with_path(state, running)}


def _open_each(path: PathState, event: ExecutionEvent) -> EachState:
    if path.each is None:
        raise _unfit(event, f"{path.current_step!r} is not running over items")
    return path.each


def _step_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = _unit(state, event, data)
    if path.phase is not Phase.RUNNING:
        raise _unfit(event, f"{path.current_step!r} is not running")
    iteration = data.get("iteration")
    if iteration is not None:
        each = _item_done(path, event, iteration["index"], data["output"])
        return {"paths": _with_path(state, evolve(path, each=each))}
    if path.each is not None and path.each.done < len(path.each.items):
        raise _unfit(event, f"only {path.each.done} of {len(path.each.items)} items have completed")
    changes: Changes = {}
    variable, variables = data.get("stored_variable"), path.variables
    if variable:
        value = list(path.each.results) if path.each is not None else data.get("stored_value", data["output"])
        variables = {**variables, variable: value}
        changes["script_globals"] = {**state.script_globals, variable: (value, event.sequence)}
    path = evolve(path, each=None, effect_key="", variables=variables, **_follow(path, data["edges"]))
    changes["paths"] = _with_path(state, path)
    return changes


def _item_done(path: PathState, event: ExecutionEvent, index: int, output: Any) -> EachState:
    each = _open_each(path, event)
    if index not in each.in_flight:
        raise _unfit(event, f"item {index} is not running")
    in_flight = {other: attempt for other, attempt in each.in_flight.items() if other != index}
    return evolve(each, results=each.results.set(index, output), done=each.done + 1, in_flight=in_flight)


def _follow(path: PathState, edges: list[JsonObject]) -> Changes:
    """What changes of a path after a step whose edges were found true or false."""
    if edges and edges[-1].get("error"):
        return {"phase": Phase.ROUTING, "edges": (edges[-1],)}
    taken = [number for number, edge in enumerate(edges) if edge["value"]]
    if not taken:
        return {"phase": Phase.ENDING, "end_reason": "no_edge" if edges else "end", "attempt": 0}
    first = edges[taken[0]]
    if len(taken) > 1 or first.get("path"):
        forks = tuple({**edges[number], "edge": number} for number in taken)
        return {"phase": Phase.FORKING, "edges": forks, "attempt": 0}
    step = first["step"]
    visit = path.visits.get(step, 0) + 1
    visits = {**path.visits, step: visit}
    return {"phase": Phase.READY, "current_step": step, "visit": visit, "visits": visits, "attempt": 0}


def _step_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = _unit(state, event, data)
    if path.phase not in (Phase.READY, Phase.RUNNING, Phase.ROUTING):
        raise _unfit(event, f"{path.current_step!r} has not been at work")
    failure = Failure(data["error"], data["error_type"], event.sequence, event.step_name, path.id, data["attempt"])
    failed_steps = (*(name for name in state.failed_steps if name != event.step_name), event.step_name)
    paths = _with_path(state, evolve(path, phase=Phase.FAILING, failure=failure))
    return {"paths": paths, "failed_steps": failed_steps}


_HANDLERS: dict[str, Callable[[ExecutionState, ExecutionEvent, JsonObject], Changes]] = {
    ExecutionEventType.EXECUTION_STARTED: _execution_started,
    ExecutionEventType.EXECUTION_COMPLETED: _execution_completed,
    ExecutionEventType.EXECUTION_FAILED: _execution_failed,
    ExecutionEventType.EXECUTION_CANCELLED: _execution_cancelled,
    ExecutionEventType.PATH_STARTED: _path_started,
    ExecutionEventType.PATH_BRANCHED: _path_branched,
    ExecutionEventType.PATH_COMPLETED: _path_completed,
    ExecutionEventType.PATH_FAILED: _path_failed,
    ExecutionEventType.PATH_CANCELLED: _path_cancelled,
    ExecutionEventType.STEP_STARTED: _step_started,
    ExecutionEventType.STEP_COMPLETED: _step_completed,
    ExecutionEventType.STEP_FAILED: _step_failed,
}
