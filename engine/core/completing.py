"""`step_completed`: a unit, or one item of it, ended well, and where its path goes."""

from __future__ import annotations

from typing import Any

from engine.core.decide import Command
from engine.core.drafts import Draft, Outcome, Surroundings
from engine.core.expressions import ExpressionProblem
from engine.core.failing import failed, route_failed
from engine.core.program import Program, ProgramStep
from engine.model.events import EMPTY, ExecutionEventType, JsonObject
from engine.model.state import ExecutionState


def completed(
    command: Command, step: ProgramStep, state: ExecutionState, outcome: Outcome, more: JsonObject = EMPTY
) -> list[Draft]:
    """The events for an attempt that gave an output; two when a condition of its edges has no value."""
    data: dict[str, Any] = {
        "visit": command.visit,
        "attempt": command.attempt,
        "output": outcome.output,
        "duration_ms": outcome.duration_ms,
        **more,
    }
    if outcome.log:
        data["log"] = outcome.log
    if outcome.usage is not None:
        data["usage"] = outcome.usage
    if command.iteration is not None:
        data |= {"iteration": {"index": command.iteration}, "edges": []}
        return [Draft(ExecutionEventType.STEP_COMPLETED, command.path, step.name, data)]
    return _unit_completed(command, step, state, outcome, data, outcome.output)


def _unit_completed(
    command: Command, step: ProgramStep, state: ExecutionState, outcome: Outcome, data: dict[str, Any], value: Any
) -> list[Draft]:
    """Completion of a whole unit: its edges are evaluated with what it stored."""
    variables = state.paths[command.path].variables
    store = step.definition.store
    if isinstance(store, str):
        data["stored_variable"] = store
        variables = {**variables, store: value}
    elif store is not None:
        problem = _spread_problem(store, value)
        if problem:
            faulty = outcome._replace(output=None, error=problem, error_type="OutputError", phase="output")
            return [failed(command, step, state, faulty)]
        data["stored_keys"] = store
        variables = {**variables, **{variable: value[key] for variable, key in store.items()}}
    data["edges"] = _evaluate_edges(step, {"inputs": state.inputs, "state": variables})
    drafts = [Draft(ExecutionEventType.STEP_COMPLETED, command.path, step.name, data)]
    if data["edges"] and "error" in data["edges"][-1]:
        drafts.append(route_failed(command, step, state, data["edges"][-1]))
    return drafts


def _spread_problem(store: JsonObject, value: Any) -> str:
    if not isinstance(value, dict):
        return f"the output must be an object, to be spread over the variables {', '.join(store)}"
    missing = [key for key in store.values() if key not in value]
    return f"the output has no {missing[0]!r} for the variables {', '.join(store)}" if missing else ""


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
        if record["value"] and step.definition.edge_matching == "first":
            break
    return edges


def finish(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    """The end of a unit that runs no code: a pause that is over, a join that is decided, items that have all ended."""
    path, step = state.paths[command.path], program.steps[command.step]
    if path.joined is not None and command.iteration is None:
        joined = path.joined
        if "error" in joined:
            return [failed(command, step, state, Outcome(error=joined["error"], error_type=joined["error_type"]))]
        output = {arrival["path"]: arrival["status"] for arrival in joined["arrived"]}
        return completed(command, step, state, Outcome(output))
    if path.each is not None and command.iteration is None:
        # The outputs already stand in the items' own events; this one only counts them.
        counts = {"items": path.each.done} | ({"failed": path.each.failed} if path.each.failed else {})
        data = {"visit": command.visit, "attempt": command.attempt, "output": counts, "duration_ms": 0.0}
        return _unit_completed(command, step, state, Outcome(), data, list(path.each.results))
    return completed(command, step, state, Outcome({} if step.kind == "join" else None))


def route(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    edge = state.paths[command.path].edges[0]
    return [route_failed(command._replace(attempt=edge["attempt"]), program.steps[command.step], state, edge)]
