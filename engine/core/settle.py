"""From commands and outcomes to the events that record them: pure, like everything that decides a history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.core.decide import Command, CommandKind
from engine.core.expressions import ExpressionProblem
from engine.core.hashing import canonical_hash
from engine.core.normalize import NotJsonError, normalize
from engine.core.program import Program, ProgramStep
from engine.model.events import EMPTY, ExecutionEventType, JsonObject
from engine.model.state import ExecutionState, PathState, Phase


class Draft(NamedTuple):
    """An event that has no id, sequence and time yet."""

    event_type: ExecutionEventType
    path_id: str = ""
    step_name: str = ""
    data: JsonObject = EMPTY


class Outcome(NamedTuple):
    """How an attempt ended: with an output, or with an error when `error_type` is set."""

    output: Any = None
    error: str = ""
    error_type: str = ""
    known: bool = True
    """Whether the effect of a failed attempt is known not to have gone on."""
    phase: str = "run"
    traceback: str = ""
    log: str = ""
    duration_ms: float = 0.0


class Surroundings(NamedTuple):
    """What settling needs to know beside definition and state; constant while a runner drives an execution."""

    action_of: Callable[[str], JsonObject | None]
    """From an action's name to `{name, version?, source_hash?}`, or None when there is no such action."""
    max_payload: int
    """Bytes of JSON that rendered parameters, and each output of the execution, may have."""


EXPRESSION_ERROR = "ExpressionError"
PAYLOAD_ERROR = "PayloadTooLarge"
MAX_ITEMS_BYTES = 1_048_576


def settle(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    """The events that carry out any command but `RUN`. The first one always changes the state."""
    return _SETTLERS[command.kind](command, program, state, around)


def conclude(command: Command, program: Program, state: ExecutionState, outcome: Outcome) -> list[Draft]:
    """The events that record how a `RUN` ended; with a condition that cannot be evaluated, two."""
    path, step = state.paths[command.path], program.steps[command.step]
    common: dict[str, Any] = {"visit": command.visit, "attempt": command.attempt}
    if command.iteration is not None:
        common["iteration"] = {"index": command.iteration}
    if outcome.log:
        common["log"] = outcome.log
    if outcome.error_type:
        return [_failed(command, common, outcome)]
    if command.iteration is not None:
        data = common | {"output": outcome.output, "edges": [], "duration_ms": outcome.duration_ms}
        return [Draft(ExecutionEventType.STEP_COMPLETED, path.id, step.name, data)]
    return _completed(path, step, state, common, outcome.output, outcome.output, outcome.duration_ms)


def _failed(command: Command, common: dict[str, Any], outcome: Outcome) -> Draft:
    data = common | {
        "phase": outcome.phase,
        "error": outcome.error,
        "error_type": outcome.error_type,
        "outcome": "known" if outcome.known else "unknown",
        "final": True,
        "duration_ms": outcome.duration_ms,
    }
    if outcome.traceback:
        data["traceback"] = outcome.traceback
    return Draft(ExecutionEventType.STEP_FAILED, command.path, command.step, data)


def _completed(
    path: PathState,
    step: ProgramStep,
    state: ExecutionState,
    common: dict[str, Any],
    output: Any,
    stored: Any,
    duration_ms: float,
) -> list[Draft]:
    """Completion of a whole unit: its edges are evaluated with what it stored."""
    data = common | {"output": output, "duration_ms": duration_ms}
    variables = path.variables
    if step.store:
        data["stored_variable"] = step.store
        variables = {**variables, step.store: stored}
    data["edges"] = _evaluate_edges(step, {"inputs": state.inputs, "state": variables})
    drafts = [Draft(ExecutionEventType.STEP_COMPLETED, path.id, step.name, data)]
    if data["edges"] and "error" in data["edges"][-1]:
        drafts.append(_route_failed(path, step.name, common["attempt"], data["edges"][-1]))
    return drafts


def _evaluate_edges(step: ProgramStep, names: JsonObject) -> list[dict[str, Any]]:
    edges = []
    for edge in step.edges:
        record: dict[str, Any] = {"step": edge.step, "value": True}
        if edge.path:
            record["path"] = edge.path
        if edge.condition is not None:
            record["condition"] = edge.condition.source
            try:
                record["value"] = bool(edge.condition.evaluate(names))
            except ExpressionProblem as problem:
                edges.append(record | {"value": False, "error": problem.message})
                break
        edges.append(record)
    return edges


def _route_failed(path: PathState, step: str, attempt: int, edge: JsonObject) -> Draft:
    message = f"condition {edge['condition']!r} of the edge to {edge['step']!r}: {edge['error']}"
    data = {
        "visit": path.visit,
        "attempt": attempt,
        "phase": "route",
        "error": message,
        "error_type": EXPRESSION_ERROR,
        "outcome": "known",
        "final": True,
    }
    return Draft(ExecutionEventType.STEP_FAILED, path.id, step, data)


# Starting


def _start_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    data: dict[str, Any] = {"current_step": command.step}
    announced = state.paths.get(command.path)
    if announced is not None:
        data |= {"parent": announced.parent, "fork": announced.fork}
    return [Draft(ExecutionEventType.PATH_STARTED, command.path, data=data)]


def _start(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path, step = state.paths[command.path], program.steps[command.step]
    common: dict[str, Any] = {"visit": command.visit, "attempt": command.attempt}
    names: dict[str, Any] = {"inputs": state.inputs, "state": path.variables}
    if command.iteration is not None:
        assert path.each is not None
        names[step.item_name] = path.each.items[command.iteration]
        common["iteration"] = {"index": command.iteration}
    action = around.action_of(step.action)
    if action is None:
        return [_cannot_start(command, common, f"there is no action {step.action!r}", "UnknownAction")]
    try:
        if step.items is not None and command.iteration is None:
            parameters: Any = {}
            common["items"] = hashed = _bounded(_items(step.items.render(names)), "items", MAX_ITEMS_BYTES)
        else:
            hashed = parameters = _bounded(step.parameters.render(names), "parameters", around.max_payload)
    except _TooLargeError as problem:
        return [_cannot_start(command, common, str(problem), PAYLOAD_ERROR)]
    except (ExpressionProblem, NotJsonError, _ItemsError) as problem:
        return [_cannot_start(command, common, str(problem), EXPRESSION_ERROR)]
    data = common | {
        "step_type": step.type,
        "step_params": parameters,
        "inputs_hash": canonical_hash([action["name"], action.get("version"), hashed]),
        "effect_key": effect_key(state.execution_id, command),
        "action": action,
    }
    return [Draft(ExecutionEventType.STEP_STARTED, path.id, step.name, data)]


class _ItemsError(ValueError):
    """The items of an each are no list."""


class _TooLargeError(ValueError):
    """Rendered values of more bytes than may be recorded."""


def _bounded(value: Any, what: str, limit: int) -> Any:
    plain, size = normalize(value, what)
    if size > limit:
        raise _TooLargeError(f"{what}: {size:,} bytes of JSON, but only {limit:,} are allowed")
    return plain


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    kind = {dict: "an object", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
    raise _ItemsError(f"the items of 'each' must be a list, not {kind}")


def _cannot_start(command: Command, common: dict[str, Any], error: str, error_type: str) -> Draft:
    return _failed(command, common, Outcome(error=error, error_type=error_type, phase="parameters"))


def effect_key(origin: str, unit: Command, generation: int = 1) -> str:
    """The name under which an action may ask the outside world whether it has already been done.

    `<origin execution>/<path>/<step>/<visit>[/<iteration>]#<generation>`: the same for every attempt whose outcome
    is unknown, another one after a known outcome.
    """
    item = "" if unit.iteration is None else f"/{unit.iteration}"
    return f"{origin}/{unit.path}/{unit.step}/{unit.visit}{item}#{generation}"


# Going on and ending


def _finish_each(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path, step = state.paths[command.path], program.steps[command.step]
    assert path.each is not None
    common = {"visit": command.visit, "attempt": command.attempt}
    # The outputs already stand in the items' own events; this one only counts them.
    return _completed(path, step, state, common, {"items": path.each.done}, list(path.each.results), 0.0)


def _branch(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
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


def _end_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path = state.paths[command.path]
    reason = "fork" if path.phase is Phase.FORKED else path.end_reason
    data = {"final_step": path.current_step, "reason": reason}
    return [Draft(ExecutionEventType.PATH_COMPLETED, path.id, data=data)]


def _route(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path = state.paths[command.path]
    return [_route_failed(path, path.current_step, max(path.attempt, 1), path.edges[0])]


def _fail_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path = state.paths[command.path]
    assert path.failure is not None
    data = {
        "error": path.failure.error,
        "error_type": path.failure.error_type,
        "caused_by": path.failure.sequence,
        "final_step": path.current_step,
    }
    return [Draft(ExecutionEventType.PATH_FAILED, path.id, data=data)]


def _cancel_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    cause = state.failure.sequence if state.failure else None
    return [cancelled_path(state.paths[command.path], cause)]


def cancelled_path(path: PathState, caused_by: int | None) -> Draft:
    """The end of a path that something else ended; names the unit that was in flight and its effect key."""
    data: dict[str, Any] = {"final_step": path.current_step}
    if caused_by is not None:
        data["caused_by"] = caused_by
    if path.phase is Phase.RUNNING:
        data["unit"] = {"path": path.id, "step": path.current_step, "visit": path.visit}
        data["effect_key"] = path.effect_key
        if path.each is not None and path.each.in_flight:
            data["unit"]["iteration"] = index = min(path.each.in_flight)
            unit, _, generation = path.effect_key.rpartition("#")
            data["effect_key"] = f"{unit}/{index}#{generation}"
    return Draft(ExecutionEventType.PATH_CANCELLED, path.id, data=data)


def _complete(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    if state.leaves == 1 and state.finished:
        variables: JsonObject = next(reversed(state.finished.values()))
    else:
        variables = {name: value for name, (value, _) in state.script_globals.items()}
    names = {"inputs": state.inputs, "state": variables, "paths": state.finished}
    outputs = {}
    for name, template in program.outputs:
        try:
            outputs[name] = _bounded(template.render(names), "value", around.max_payload)
        except (ExpressionProblem, NotJsonError, _TooLargeError) as problem:
            error_type = PAYLOAD_ERROR if isinstance(problem, _TooLargeError) else EXPRESSION_ERROR
            data = {"error": f"output {name!r}: {problem}", "error_type": error_type, "caused_by": []}
            return [Draft(ExecutionEventType.EXECUTION_FAILED, data=data)]
    return [Draft(ExecutionEventType.EXECUTION_COMPLETED, data={"outputs": outputs})]


def _fail(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    failure = state.failure
    assert failure is not None
    data = {"error": failure.error, "error_type": failure.error_type, "caused_by": [failure.sequence]}
    return [Draft(ExecutionEventType.EXECUTION_FAILED, data=data)]


def cancellation(state: ExecutionState, by: str, reason: str) -> list[Draft]:
    """All events by which a person ends an execution: the end of every open path, then its own."""
    drafts = [cancelled_path(path, None) for path in state.paths.values()]
    return [*drafts, Draft(ExecutionEventType.EXECUTION_CANCELLED, data={"by": by, "reason": reason})]


def exhaustion(state: ExecutionState, error: str, error_type: str) -> list[Draft]:
    """All events by which an execution ends that has reached a limit: every open path, then the execution fails."""
    drafts = [cancelled_path(path, None) for path in state.paths.values()]
    data = {"error": error, "error_type": error_type, "caused_by": []}
    return [*drafts, Draft(ExecutionEventType.EXECUTION_FAILED, data=data)]


_SETTLERS: dict[CommandKind, Callable[[Command, Program, ExecutionState, Surroundings], list[Draft]]] = {
    CommandKind.START_PATH: _start_path,
    CommandKind.START: _start,
    CommandKind.FINISH_EACH: _finish_each,
    CommandKind.BRANCH: _branch,
    CommandKind.END_PATH: _end_path,
    CommandKind.ROUTE: _route,
    CommandKind.FAIL_PATH: _fail_path,
    CommandKind.CANCEL_PATH: _cancel_path,
    CommandKind.COMPLETE: _complete,
    CommandKind.FAIL: _fail,
}
