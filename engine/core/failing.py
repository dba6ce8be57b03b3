"""`step_failed`: an attempt ended with an error, and what comes of that."""

from __future__ import annotations

from typing import Any

from engine.core.decide import Command
from engine.core.drafts import EXPRESSION_ERROR, Draft, Outcome, attempt_of
from engine.core.program import ProgramStep
from engine.core.retrying import Fault, verdict
from engine.model.events import ExecutionEventType, JsonObject
from engine.model.state import ExecutionState


def failed(command: Command, step: ProgramStep, state: ExecutionState, outcome: Outcome) -> Draft:
    """The event for an attempt that ended with an error."""
    path = state.paths[command.path]
    attempt = attempt_of(path, command.iteration)
    data: dict[str, Any] = {
        "visit": command.visit,
        "attempt": command.attempt,
        "phase": outcome.phase,
        "error": outcome.error,
        "error_type": outcome.error_type,
        "outcome": "known" if outcome.known else "unknown",
        **verdict(state, path, step, attempt, command.iteration, Fault.of(outcome, command.attempt)),
        "duration_ms": outcome.duration_ms,
    }
    if command.iteration is not None:
        data["iteration"] = {"index": command.iteration}
    if outcome.log:
        data["log"] = outcome.log
    if outcome.traceback:
        data["traceback"] = outcome.traceback
    if outcome.details is not None:
        data["details"] = outcome.details
    return Draft(ExecutionEventType.STEP_FAILED, command.path, command.step, data)


def route_failed(command: Command, step: ProgramStep, state: ExecutionState, edge: JsonObject) -> Draft:
    """The event for a step whose way on cannot be told, because a condition has no value."""
    message = f"condition {edge['condition']!r} of the edge to {edge['step']!r}: {edge['error']}"
    outcome = Outcome(error=message, error_type=EXPRESSION_ERROR, phase="route")
    draft = failed(command._replace(iteration=None), step, state, outcome)
    return draft._replace(data={key: value for key, value in draft.data.items() if key != "duration_ms"})
