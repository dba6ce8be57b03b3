"""How paths fork and end, and how an execution ends."""

from __future__ import annotations

from typing import Any

from engine.core.decide import Command
from engine.core.drafts import EXPRESSION_ERROR, PAYLOAD_ERROR, Draft, Surroundings, TooLargeError, bounded
from engine.core.expressions import ExpressionProblem
from engine.core.normalize import NotJsonError
from engine.core.program import Program
from engine.model.events import ExecutionEventType, JsonObject
from engine.model.state import ExecutionState, PathState, Phase

DEADLINE_ERROR = "DeadlineExceeded"


def branch(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path = state.paths[command.path]
    asked = dict(state.path_ids)
    new_paths = []
    for edge in path.edges:
        name = edge.get("path") or f"{path.id}-{edge['edge'] + 1}"
        asked[name] = count = asked.get(name, 0) + 1
        new_paths.append(
            {"id": name if count == 1 else f"{name}~{count}", "current_step": edge["step"], "edge": edge["edge"]}
        )
    return [Draft(ExecutionEventType.PATH_BRANCHED, path.id, path.current_step, {"new_paths": new_paths})]


def end_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path = state.paths[command.path]
    reason = "fork" if path.phase is Phase.FORKED else path.end_reason
    data = {"final_step": path.current_step, "reason": reason}
    return [Draft(ExecutionEventType.PATH_COMPLETED, path.id, data=data)]


def fail_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path = state.paths[command.path]
    assert path.failure is not None
    data = {
        "error": path.failure.error,
        "error_type": path.failure.error_type,
        "caused_by": path.failure.sequence,
        "final_step": path.current_step,
    }
    return [Draft(ExecutionEventType.PATH_FAILED, path.id, data=data)]


def cancel_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path = state.paths[command.path]
    cause = state.failure.sequence if state.failure else path.cancelled_by
    return [cancelled_path(path, cause)]


def cancelled_path(path: PathState, caused_by: int | None) -> Draft:
    """The end of a path that something else ended; names the unit that was in flight and its effect key."""
    data: dict[str, Any] = {"final_step": path.current_step}
    if caused_by is not None:
        data["caused_by"] = caused_by
    if path.phase is Phase.RUNNING:
        data["unit"] = {"path": path.id, "step": path.current_step, "visit": path.visit}
        data["effect_key"] = path.effect_key
        if path.each is not None and path.each.open:
            data["unit"]["iteration"] = index = min(path.each.open)
            data["effect_key"] = path.each.open[index].effect_key
    return Draft(ExecutionEventType.PATH_CANCELLED, path.id, data=data)


def complete(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    if state.leaves == 1 and state.finished:
        variables: JsonObject = next(reversed(state.finished.values()))
    else:
        variables = {name: value for name, (value, _) in state.script_globals.items()}
    names = {"inputs": state.inputs, "state": variables, "paths": state.finished}
    outputs = {}
    for name, template in program.outputs:
        try:
            outputs[name] = bounded(template.render(names), "value", around.max_payload)
        except (ExpressionProblem, NotJsonError, TooLargeError) as problem:
            error_type = PAYLOAD_ERROR if isinstance(problem, TooLargeError) else EXPRESSION_ERROR
            data = {"error": f"output {name!r}: {problem}", "error_type": error_type, "caused_by": []}
            return [Draft(ExecutionEventType.EXECUTION_FAILED, data=data)]
    return [Draft(ExecutionEventType.EXECUTION_COMPLETED, data={"outputs": outputs})]


def fail(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    return [_failed(state)]


def _failed(state: ExecutionState) -> Draft:
    failure = state.failure
    assert failure is not None
    data = {"error": failure.error, "error_type": failure.error_type, "caused_by": [failure.sequence]}
    return Draft(ExecutionEventType.EXECUTION_FAILED, data=data)


def control(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    """What somebody asked for, the first message first."""
    asked = state.controls[0]
    told = {"by": asked["by"], "reason": asked["reason"], "signal_id": asked["signal_id"]}
    if asked["kind"] == "pause":
        return [Draft(ExecutionEventType.EXECUTION_PAUSED, data=told)]
    if asked["kind"] == "resume":
        return [Draft(ExecutionEventType.EXECUTION_RESUMED, data=told)]
    return cancellation(state, told)


def cancellation(state: ExecutionState, told: JsonObject) -> list[Draft]:
    """All events by which a person ends an execution: the end of every open path, then its own.

    One that is failing already, and only waits for others to finish, ends as failed.
    """
    drafts = [cancelled_path(path, None) for path in state.paths.values()]
    if state.failure is not None:
        return [*drafts, _failed(state)]
    return [*drafts, Draft(ExecutionEventType.EXECUTION_CANCELLED, data=told)]


def deadline(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    error = f"it had not ended by its deadline, {state.info.deadline}"
    if program.workflow.deadline is not None:
        error += f", {program.workflow.deadline} after its start"
    return exhaustion(state, error, DEADLINE_ERROR)


def exhaustion(state: ExecutionState, error: str, error_type: str) -> list[Draft]:
    """All events by which an execution ends that has reached a limit: every open path, then the execution fails."""
    drafts = [cancelled_path(path, None) for path in state.paths.values()]
    data = {"error": error, "error_type": error_type, "caused_by": []}
    return [*drafts, Draft(ExecutionEventType.EXECUTION_FAILED, data=data)]
