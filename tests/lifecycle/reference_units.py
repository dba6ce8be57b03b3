"""What single units must do, said a second time and plainly: outcomes of actions, verdicts on errors, delays."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.core.expressions import ExpressionProblem, compile_expression
from engine.core.templates import compile_template
from engine.model.durations import parse_duration
from engine.model.step import RetryPolicy, Step

RECOVERIES = 3


class Told(NamedTuple):
    """How an attempt must end: with an output, or with an error of a type, in a phase."""

    output: Any = None
    error_type: str = ""
    phase: str = "run"
    known: bool = True


class CannotRender(Exception):
    """A template has no value here."""


def seconds(duration: Any) -> float:
    return parse_duration(duration) if isinstance(duration, str) else float(duration)


def render(template: Any, names: dict[str, Any]) -> Any:
    try:
        return compile_template(template).render(names)
    except ExpressionProblem:
        raise CannotRender from None


def truth(condition: str | None, names: dict[str, Any]) -> bool | None:
    """Whether a condition holds; None when it has no value."""
    if condition is None:
        return True
    try:
        return bool(compile_expression(condition).evaluate(names))
    except ExpressionProblem:
        return None


def outcome_of(action: str, parameters: dict[str, Any], generation: int) -> Told:
    """What the actions of the generated workflows give."""
    value = parameters.get("value")
    if action == "halve":
        if not isinstance(value, int):
            return Told(error_type="TypeError", phase="parameters")
        return Told(error_type="BrokenError") if value % 2 else Told(value / 2)
    if action == "flaky" and generation <= parameters["failures"]:
        return Told(error_type="FlakyError")
    if action == "hang":
        return Told(error_type="Timeout", known=False)
    return Told({"heard": value} if action == "shout" else value)


class Attempts:
    """The attempts of one unit, or of one item, so far."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.number = 0
        self.generation = 0
        self.known = True
        self.used: dict[int, int] = {}
        self.interruptions = 0
        self.running = False
        self.interrupted = False
        self.parameters: Any = None
        self.due: float | None = None
        self.waiting: dict[str, Any] | None = None
        self.child = ""

    def start(self, parameters: Any) -> None:
        changed = self.number > 0 and parameters != self.parameters
        self.generation += self.known or changed
        self.number += 1
        self.parameters, self.running, self.due = parameters, True, None


def matching(step: Step, error_type: str) -> tuple[int, RetryPolicy] | None:
    return next(
        ((place, p) for place, p in enumerate(step.retry) if "*" in p.errors or error_type in p.errors),
        None,
    )


def delay_bounds(policy: RetryPolicy, used: int) -> tuple[float, float]:
    """The shortest and the longest delay before the next attempt."""
    delay = seconds(policy.initial_delay) * policy.backoff_multiplier**used
    if policy.max_backoff is not None:
        delay = min(delay, seconds(policy.max_backoff))
    return delay * (1 - policy.jitter), delay


def is_retried(
    step: Step, attempts: Attempts | None, told: Told, names: dict[str, Any], message: str, now: float
) -> bool:
    """Whether another attempt must follow."""
    if attempts is None or told.phase != "run":
        return False
    if told.error_type == "Interrupted" and attempts.interruptions < RECOVERIES:
        return True
    found = matching(step, told.error_type)
    if found is None:
        return False
    place, policy = found
    used = attempts.used.get(place, 0)
    if used + 1 >= policy.max_attempts or {told.error_type, "*"} & set(policy.non_retryable_errors):
        return False
    error = {"type": told.error_type, "message": message, "attempt": attempts.number, "data": None}
    if not truth(policy.condition, {**names, "error": error}):
        return False
    if step.timeout_total is None:
        return True
    return now - attempts.started_at + delay_bounds(policy, used)[1] < seconds(step.timeout_total)


def catch_of(step: Step, told: Told) -> tuple[str, str | None] | None:
    """The step and variable of whoever must catch an error."""
    if told.error_type == "Timeout" and step.on_timeout != "fail":
        return step.on_timeout, None
    for catch in step.catch:
        if told.error_type != "MaxVisitsExceeded" and ("*" in catch.errors or told.error_type in catch.errors):
            return catch.step, catch.store
    return None
