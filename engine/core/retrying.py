"""What becomes of an error: another attempt, a step that catches it, or the end of the path."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from engine.core.drafts import TIMEOUT_ERROR, VISITS_ERROR, Outcome, names_for
from engine.core.expressions import Expression, ExpressionProblem
from engine.core.program import Policy, ProgramStep
from engine.core.reduce_steps import INTERRUPTED_ERROR, RECOVERY_BUDGET
from engine.model.events import JsonObject
from engine.model.state import AttemptState, ExecutionState, PathState
from engine.model.step import FAIL
from engine.model.times import seconds_between

FATAL_ERROR = "Fatal"
ANY = "*"


class Fault(NamedTuple):
    """An error of one attempt."""

    error_type: str
    message: str
    phase: str
    number: int
    details: Any = None
    ended_at: str = ""

    @classmethod
    def of(cls, outcome: Outcome, number: int) -> Fault:
        """The fault of an attempt that ended with an error."""
        return cls(outcome.error_type, outcome.error, outcome.phase, number, outcome.details, outcome.ended_at)


def verdict(
    state: ExecutionState,
    path: PathState,
    step: ProgramStep,
    attempt: AttemptState | None,
    iteration: int | None,
    fault: Fault,
) -> dict[str, Any]:
    """What `step_failed` says comes of an error: `{retry}`, `{caught: {step, stored_variable?}}` or `{final}`."""
    if attempt is not None and fault.phase == "run" and _goes_on(state, path, step, attempt, iteration, fault):
        return {"retry": True}
    if iteration is not None and step.definition.each is not None and step.definition.each.on_item_failure == "collect":
        return {"final": True, "collected": True}
    if fault.error_type == TIMEOUT_ERROR and step.definition.on_timeout != FAIL:
        return {"caught": {"step": step.definition.on_timeout}}
    # The cap on visits is what ends a loop of errors that are caught.
    catches = () if fault.error_type == VISITS_ERROR else step.definition.catch
    for catch in catches:
        if _matches(catch.errors, fault.error_type):
            store = {} if catch.store is None else {"stored_variable": catch.store}
            return {"caught": {"step": catch.step, **store}}
    return {"final": True}


def _goes_on(
    state: ExecutionState,
    path: PathState,
    step: ProgramStep,
    attempt: AttemptState,
    iteration: int | None,
    fault: Fault,
) -> bool:
    if fault.error_type == INTERRUPTED_ERROR and attempt.interruptions < RECOVERY_BUDGET:
        return True
    found = policy_for(step, fault.error_type)
    if found is None or fault.error_type == FATAL_ERROR:
        return False
    index, policy = found
    used = _used(attempt, index)
    if used + 1 >= policy.policy.max_attempts or _matches(policy.policy.non_retryable_errors, fault.error_type):
        return False
    if policy.condition is not None and not _holds(policy.condition, state, path, step, iteration, fault):
        return False
    if step.timeout_total is None:
        return True
    elapsed = seconds_between(attempt.started_at, fault.ended_at or state.timestamp)
    return elapsed + delay_before(policy, used, attempt.effect_key, attempt.number) < step.timeout_total


def policy_for(step: ProgramStep, error_type: str) -> tuple[int, Policy] | None:
    """The first policy for this type of error, and its place."""
    for index, policy in enumerate(step.policies):
        if _matches(policy.policy.errors, error_type):
            return index, policy
    return None


def next_delay(step: ProgramStep, attempt: AttemptState) -> tuple[int, float]:
    """For an attempt that failed and is to be followed by another one: the policy's place, and the seconds between."""
    error: JsonObject = attempt.error or {}
    found = policy_for(step, error["type"])
    assert found is not None, "only an error that a policy is for is retried"
    index, policy = found
    return index, delay_before(policy, _used(attempt, index), attempt.effect_key, attempt.number)


def delay_before(policy: Policy, used: int, effect_key: str, number: int) -> float:
    """Seconds until the next attempt. What is left to chance follows from the unit, so that it is the same for everyone
    who asks, and differs between units that failed together."""
    delay, longest = policy.initial_delay, _LONGEST if policy.max_backoff is None else policy.max_backoff
    # Not a power: after a thousand attempts that would be no float any more.
    for _ in range(used):
        delay *= policy.policy.backoff_multiplier
        if delay > longest:
            break
    digest = hashlib.sha256(f"{effect_key}/{number}".encode()).digest()
    chance = int.from_bytes(digest[:8], "big") / 2**64
    return round(min(delay, longest) * (1 - policy.policy.jitter * chance), 6)


_LONGEST = 365 * 86_400.0


def _used(attempt: AttemptState, index: int) -> int:
    return attempt.policies[index] if index < len(attempt.policies) else 0


def _matches(names: tuple[str, ...], error_type: str) -> bool:
    return error_type in names or ANY in names


def _holds(
    condition: Expression,
    state: ExecutionState,
    path: PathState,
    step: ProgramStep,
    iteration: int | None,
    fault: Fault,
) -> bool:
    error = {"type": fault.error_type, "message": fault.message, "attempt": fault.number, "data": fault.details}
    try:
        return bool(condition.evaluate(names_for(state, path, step, iteration) | {"error": error}))
    except ExpressionProblem:
        # Where nobody can say that another attempt makes sense there is none.
        return False
