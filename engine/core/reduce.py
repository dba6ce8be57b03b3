"""The one place that knows how an event changes the state of an execution.

`reduce` reads its two arguments and nothing else. The live engine, recovery, replay and every tool that shows a past
state fold the same events through it, so what was true then is what is shown now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.core import reduce_paths, reduce_steps
from engine.core.changes import Changes, HistoryError, unfit
from engine.core.reduce_go import reduce_go
from engine.model.events import EMPTY, SCHEMA_VERSION, ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import (
    ENDED,
    AttemptState,
    AttemptStatus,
    ExecutionInfo,
    ExecutionState,
    ExecutionStatus,
    PathState,
    changed,
    evolve,
)

__all__ = ["FIRST_PATH", "HistoryError", "fold", "initial_state", "reduce"]

FIRST_PATH = "main"
CONTROL = "$"
"""In front of the kind of a message that is no signal, where a signal has its topic."""


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
        raise unfit(event, f"event {state.sequence + 1} should come here")
    if event.execution_id != state.execution_id:
        raise unfit(event, "it belongs to another execution")
    if state.info.dialect:
        return reduce_go(state, event)
    if state.status in ENDED:
        raise unfit(event, "the execution had already ended")
    changes: Changes = {}
    handler = _HANDLERS.get(event.event_type)
    if handler is None or event.schema_version > SCHEMA_VERSION:
        if state.incomplete_from is None:
            changes["incomplete_from"] = event.sequence
    elif (handler is _execution_started) != (event.sequence == 1):
        raise unfit(event, "a history begins with execution_started, and only there")
    else:
        try:
            changes = handler(state, event, event.data)
        except HistoryError:
            # After an event that could not be folded, what follows may rightly not fit.
            if state.incomplete_from is None:
                raise
        except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            if state.incomplete_from is None:
                raise unfit(event, f"its data is not as it should be ({error})") from error
    if "status" not in changes:
        changes["status"] = _status(changes.get("paths", state.paths), changes.get("paused", state.paused), state)
    changes["sequence"], changes["timestamp"] = event.sequence, event.timestamp
    return changed(state, changes)


def _status(paths: dict[str, PathState], paused: bool, state: ExecutionState) -> str:
    """Where an open execution stands: paused before running, and running before waiting."""
    if paused:
        return ExecutionStatus.PAUSED
    if not paths:
        return ExecutionStatus.PENDING if state.path_count == 0 else ExecutionStatus.RUNNING
    if state.failure is not None and state.info.on_failure != "finish":
        return ExecutionStatus.RUNNING
    # The path that moved last stands last, and is the likeliest to be busy.
    for path in reversed(paths.values()):
        if path.busy:
            return ExecutionStatus.RUNNING
    return ExecutionStatus.WAITING


# Executions


def _execution_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    outputs, steps = data["workflow"].get("outputs") or (), data["workflow"].get("steps") or ()
    info = ExecutionInfo(
        workflow_name=data["workflow_name"],
        workflow_hash=data["workflow_hash"],
        inputs_hash=data["inputs_hash"],
        engine_version=data["engine_version"],
        started_at=event.timestamp,
        labels=data.get("labels") or EMPTY,
        lineage=data.get("lineage"),
        source=data.get("source"),
        deadline=data.get("deadline"),
        on_failure=data["workflow"].get("on_failure") or "cancel",
        concurrency={
            step["name"]: step["each"]["concurrency"] for step in steps if "concurrency" in (step.get("each") or ())
        },
        dialect=data.get("dialect") or "",
    )
    # Output templates may ask for `paths.NAME.VARIABLE`, joins for the paths of a fork; only then is it worth
    # keeping what ended paths held.
    return {
        "info": info,
        "inputs": data["inputs"],
        "keeps_finished": any("paths" in str(output.get("value")) for output in outputs),
        "keeps_forks": any("join" in step or step.get("type") == "join" for step in steps),
    }


_AT_THE_END: Changes = {"finished": {}, "forks": {}, "joins": {}, "paused": False, "controls": ()}


def _execution_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {**_AT_THE_END, "status": ExecutionStatus.COMPLETED, "outputs": data["outputs"]}


def _execution_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    error: dict[str, Any] = {"type": data["error_type"], "message": data["error"], "sequence": event.sequence}
    if state.failure is not None and state.failure.sequence in data["caused_by"]:
        error |= {"step": state.failure.step, "path": state.failure.path, "sequence": state.failure.sequence}
    return {**_AT_THE_END, "status": ExecutionStatus.FAILED, "error": error}


def _execution_cancelled(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {**_AT_THE_END, "status": ExecutionStatus.CANCELLED}


def _execution_recovered(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    paths = dict(state.paths)
    for unit in data.get("interrupted") or ():
        path = paths[unit["path"]]
        if path.each is not None:
            index = unit["iteration"]
            open_items = {**path.each.open, index: _interrupted(path.each.open[index])}
            paths[path.id] = evolve(path, each=evolve(path.each, open=open_items))
        elif path.unit is not None:
            paths[path.id] = evolve(path, unit=_interrupted(path.unit))
    return {"paths": paths, "recoveries": state.recoveries + 1}


def _interrupted(attempt: AttemptState) -> AttemptState:
    return evolve(attempt, status=AttemptStatus.INTERRUPTED)


# Messages


def _signal_received(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    topic, changes = data["signal_type"], {"inbox": data["ordinal"]}
    if not topic.startswith(CONTROL):
        signal = {"sequence": event.sequence, "ordinal": data["ordinal"], "topic": topic, "data": data["data"]}
        return changes | {"signals": (*state.signals, signal)}
    reason = data["data"].get("reason", "") if isinstance(data["data"], dict) else ""
    asked = {
        "kind": topic[len(CONTROL) :],
        "by": data.get("sender") or "",
        "reason": reason,
        "signal_id": data["signal_id"],
        "sequence": event.sequence,
    }
    if asked["kind"] == "wake":
        return changes | {"paths": {name: _woken(path, event.timestamp) for name, path in state.paths.items()}}
    return changes | {"controls": (*state.controls, asked)}


def _woken(path: PathState, now: str) -> PathState:
    """Its sleeps and delays are over."""
    if path.unit is not None:
        path = evolve(path, unit=_woken_attempt(path.unit, now))
    if path.each is not None:
        open_items = {index: _woken_attempt(attempt, now) for index, attempt in path.each.open.items()}
        path = evolve(path, each=evolve(path.each, open=open_items))
    return path


def _woken_attempt(attempt: AttemptState, now: str) -> AttemptState:
    if attempt.status is AttemptStatus.RETRYING and attempt.due_at is not None:
        return evolve(attempt, due_at=min(attempt.due_at, now))
    wait = attempt.wait
    if wait is not None and wait.kind == "sleep" and wait.due_at is not None:
        return evolve(attempt, wait=wait._replace(due_at=min(wait.due_at, now)))
    return attempt


def _without_control(state: ExecutionState, data: JsonObject) -> tuple[JsonObject, ...]:
    return tuple(asked for asked in state.controls if asked["signal_id"] != data.get("signal_id"))


def _execution_paused(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {"paused": True, "controls": _without_control(state, data)}


def _execution_resumed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return {"paused": False, "controls": _without_control(state, data)}


_HANDLERS: dict[str, Callable[[ExecutionState, ExecutionEvent, JsonObject], Changes]] = {
    ExecutionEventType.EXECUTION_STARTED: _execution_started,
    ExecutionEventType.EXECUTION_COMPLETED: _execution_completed,
    ExecutionEventType.EXECUTION_FAILED: _execution_failed,
    ExecutionEventType.EXECUTION_CANCELLED: _execution_cancelled,
    ExecutionEventType.EXECUTION_RECOVERED: _execution_recovered,
    ExecutionEventType.EXECUTION_PAUSED: _execution_paused,
    ExecutionEventType.EXECUTION_RESUMED: _execution_resumed,
    ExecutionEventType.SIGNAL_RECEIVED: _signal_received,
    ExecutionEventType.PATH_STARTED: reduce_paths.path_started,
    ExecutionEventType.PATH_BRANCHED: reduce_paths.path_branched,
    ExecutionEventType.PATH_JOINED: reduce_paths.path_joined,
    ExecutionEventType.PATH_COMPLETED: reduce_paths.path_completed,
    ExecutionEventType.PATH_FAILED: reduce_paths.path_failed,
    ExecutionEventType.PATH_CANCELLED: reduce_paths.path_cancelled,
    ExecutionEventType.STEP_STARTED: reduce_steps.step_started,
    ExecutionEventType.STEP_COMPLETED: reduce_steps.step_completed,
    ExecutionEventType.STEP_FAILED: reduce_steps.step_failed,
    ExecutionEventType.STEP_WAITING: reduce_steps.step_waiting,
    ExecutionEventType.STEP_RETRY_SCHEDULED: reduce_steps.step_retry_scheduled,
}
