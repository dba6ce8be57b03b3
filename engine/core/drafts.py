"""Events before they are recorded, and what all that draft them share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from engine.core.normalize import normalize
from engine.core.program import ProgramStep
from engine.model.events import EMPTY, ExecutionEventType, JsonObject
from engine.model.state import AttemptState, ExecutionState, PathState
from engine.model.times import format_time, parse_time

EXPRESSION_ERROR = "ExpressionError"
PAYLOAD_ERROR = "PayloadTooLarge"
TIMEOUT_ERROR = "Timeout"
VISITS_ERROR = "MaxVisitsExceeded"
MAX_ITEMS_BYTES = 1_048_576


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
    details: Any = None
    """JSON that says more about an error: what the action attached, and its last reported progress."""
    usage: JsonObject | None = None
    """What an agent used up, such as `{requests, input_tokens, output_tokens}`."""
    ended_at: str = ""
    """When it ended; by default when the last event was recorded."""


class Surroundings(NamedTuple):
    """What settling needs to know beside definition and state; constant while a runner drives an execution."""

    action_of: Callable[[str], JsonObject | None]
    """From an action's name to `{name, version?, source_hash?}`, or None when there is no such action."""
    max_payload: int
    """Bytes of JSON that rendered parameters, and each output of the execution, may have."""


class TooLargeError(ValueError):
    """Rendered values of more bytes than may be recorded."""


def bounded(value: Any, what: str, limit: int) -> Any:
    """The value as JSON has it.

    Raises:
        NotJsonError: it has no JSON form.
        TooLargeError: its JSON is longer than the limit.
    """
    plain, size = normalize(value, what)
    if size > limit:
        raise TooLargeError(f"{what}: {size:,} bytes of JSON, but only {limit:,} are allowed")
    return plain


def names_for(state: ExecutionState, path: PathState, step: ProgramStep, iteration: int | None) -> dict[str, Any]:
    """The names that templates and scripts of a unit, or of one item, may use."""
    names: dict[str, Any] = {"inputs": state.inputs, "state": path.variables}
    if iteration is not None:
        assert path.each is not None
        names[step.item_name] = path.each.items[iteration]
    return names


def attempt_of(path: PathState, iteration: int | None) -> AttemptState | None:
    """The open attempt of a unit, or of one item."""
    if iteration is None:
        return path.unit
    return None if path.each is None else path.each.open.get(iteration)


def attempts_of(path: PathState) -> list[tuple[int | None, AttemptState]]:
    """The open attempts of a path, each with the index of its item."""
    if path.each is not None:
        return list(path.each.open.items())
    return [] if path.unit is None else [(None, path.unit)]


def later(moment: str, seconds: float) -> str:
    """A recorded time so many seconds after another one; at most the last one there is."""
    try:
        return format_time(parse_time(moment) + timedelta(seconds=seconds))
    except OverflowError:
        return "9999-12-31T23:59:59.999999Z"
