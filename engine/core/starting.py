"""How paths, units, items and attempts begin."""

from __future__ import annotations

from typing import Any

from engine.core.decide import Command
from engine.core.drafts import (
    EXPRESSION_ERROR,
    MAX_ITEMS_BYTES,
    PAYLOAD_ERROR,
    VISITS_ERROR,
    Draft,
    Outcome,
    Surroundings,
    TooLargeError,
    attempt_of,
    bounded,
    names_for,
)
from engine.core.expressions import ExpressionProblem
from engine.core.failing import failed
from engine.core.hashing import canonical_hash
from engine.core.normalize import NotJsonError
from engine.core.program import Program, ProgramStep
from engine.model.durations import parse_duration
from engine.model.events import ExecutionEventType, JsonObject
from engine.model.ids import derived_execution_id
from engine.model.signals import LONGEST_TOPIC
from engine.model.state import AttemptState, ExecutionState


def start_path(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    data: dict[str, Any] = {"current_step": command.step}
    announced = state.paths.get(command.path)
    if announced is not None:
        data["parent"] = announced.parent
        if announced.fork is not None:
            data["fork"] = announced.fork
    return [Draft(ExecutionEventType.PATH_STARTED, command.path, data=data)]


class _CannotStart(ValueError):
    def __init__(self, message: str, error_type: str = EXPRESSION_ERROR) -> None:
        super().__init__(message)
        self.error_type = error_type


def start(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    """`step_started` of a unit, an item or a further attempt; or why it cannot start, as `step_failed`."""
    step = program.steps[command.step]
    try:
        data = _start_data(command, program, state, around)
    except _CannotStart as problem:
        return [_refused(command, step, state, str(problem), problem.error_type)]
    except TooLargeError as problem:
        return [_refused(command, step, state, str(problem), PAYLOAD_ERROR)]
    except (ExpressionProblem, NotJsonError) as problem:
        return [_refused(command, step, state, str(problem), EXPRESSION_ERROR)]
    return [Draft(ExecutionEventType.STEP_STARTED, command.path, step.name, data)]


def _refused(command: Command, step: ProgramStep, state: ExecutionState, error: str, error_type: str) -> Draft:
    return failed(command, step, state, Outcome(error=error, error_type=error_type, phase="parameters"))


def _start_data(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> dict[str, Any]:
    path, step = state.paths[command.path], program.steps[command.step]
    if command.visit > program.workflow.max_visits:
        limit = f"path {path.id!r} came to it {command.visit:,} times; max_visits is {program.workflow.max_visits:,}"
        raise _CannotStart(limit, VISITS_ERROR)
    names = names_for(state, path, step, command.iteration)
    data: dict[str, Any] = {"step_type": step.kind, "visit": command.visit, "attempt": command.attempt}
    action = None
    if step.kind == "action":
        action = around.action_of(step.action)
        if action is None:
            raise _CannotStart(f"there is no action {step.action!r}", "UnknownAction")
    if command.iteration is not None:
        data["iteration"] = {"index": command.iteration}
    if step.items is not None and command.iteration is None:
        parameters: Any = {}
        hashed: Any = _items(step, names)
        data["items"] = hashed
    else:
        parameters, hashed = _parameters(step, names, around.max_payload)
    if action is not None:
        hashed = [action["name"], action.get("version"), hashed]
    data |= {"step_params": parameters, "inputs_hash": canonical_hash(hashed)}
    before = attempt_of(path, command.iteration)
    data["effect_key"] = _key_for(state.execution_id, command, before, data["inputs_hash"])
    if action is not None:
        data["action"] = action
    if step.kind == "workflow" and "items" not in data:
        data["child_id"] = derived_execution_id("child", data["effect_key"])
    return data


def _items(step: ProgramStep, names: JsonObject) -> list[Any]:
    assert step.items is not None
    value = bounded(step.items.render(names), "items", MAX_ITEMS_BYTES)
    if isinstance(value, list):
        return value
    kind = {dict: "an object", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
    raise _CannotStart(f"the items of 'each' must be a list, not {kind}")


def _parameters(step: ProgramStep, names: JsonObject, limit: int) -> tuple[Any, Any]:
    """What is recorded as parameters, and what their hash is of."""
    if step.kind == "script":
        assert step.script is not None
        read = {root: names[root] for root in sorted(step.script.roots) if root in names}
        return {}, [step.script.source, read]
    if step.kind in ("pass", "join"):
        return {}, []
    parameters = bounded(step.template.render(names), "parameters", limit)
    if step.kind == "prompt":
        parameters = {"agent": step.definition.agent, **parameters}
    elif step.kind == "workflow":
        parameters = {"workflow": step.definition.workflow, "inputs": parameters}
    elif step.kind == "sleep":
        sleep_seconds(parameters)
    elif step.kind == "wait_signal":
        topic_of(parameters)
    return parameters, parameters


def sleep_seconds(parameters: JsonObject) -> float:
    """The seconds a step sleeps, from its rendered parameters."""
    duration = parameters["duration"]
    if isinstance(duration, bool) or not isinstance(duration, (int, float, str)):
        raise _CannotStart(f"a step sleeps for a duration such as 10s, not for {duration!r}"[:200])
    try:
        seconds = parse_duration(duration) if isinstance(duration, str) else float(duration)
    except ValueError as problem:
        raise _CannotStart(str(problem)) from None
    if seconds < 0:
        raise _CannotStart("a step cannot sleep for a negative time")
    return seconds


def topic_of(parameters: JsonObject) -> str:
    """The topic a step waits for, from its rendered parameters."""
    topic = parameters["topic"]
    if not isinstance(topic, str) or not 0 < len(topic) <= LONGEST_TOPIC or topic.startswith("$"):
        raise _CannotStart(f"a topic is a text of 1 to {LONGEST_TOPIC} characters that does not begin with '$'")
    return topic


def _key_for(origin: str, command: Command, before: AttemptState | None, inputs_hash: str) -> str:
    generation = 1
    if before is not None:
        generation = int(before.effect_key.rpartition("#")[2])
        # What may still be going on keeps its name, so that it is not done twice; what is over gets another one.
        generation += before.known or before.inputs_hash != inputs_hash
    return effect_key(origin, command, generation)


def effect_key(origin: str, unit: Command, generation: int = 1) -> str:
    """The name under which an action may ask the outside world whether it has already been done.

    `<origin execution>/<path>/<step>/<visit>[/<iteration>]#<generation>`: the same for every attempt whose outcome
    is unknown, another one after a known outcome.
    """
    item = "" if unit.iteration is None else f"/{unit.iteration}"
    return f"{origin}/{unit.path}/{unit.step}/{unit.visit}{item}#{generation}"
