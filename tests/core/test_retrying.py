"""Retry policies: which one decides, how long it waits, what is never retried, and what is recorded of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.runtime.errors import Fatal, OutcomeUnknown
from engine.testing import Crash, fails, stub
from tests.core.rules import Step, error_of, flow, lines, output, run_workflow, showing, times

NO = ValueError("no")


def trying(**more: Any) -> Step:
    return {"name": "A", "action": "act", "store": "x", **more}


def delays(run: Any) -> list[float]:
    return [data["delay_ms"] / 1000 for data in run.of("step_retry_scheduled")]


async def test_every_attempt_is_an_event_with_its_error_and_the_delay_is_recorded_before_it_is_waited_for() -> None:
    run = await run_workflow(flow(trying(retry={"initial_delay": "10s"})), actions=[stub("act", *fails(2, NO), 7)])
    assert run.told[2:-2] == [
        "main:A step_started",
        "main:A step_failed",
        "main:A step_retry_scheduled",
        "main:A step_started",
        "main:A step_failed",
        "main:A step_retry_scheduled",
        "main:A step_started",
        "main:A step_completed",
    ]
    assert [data["attempt"] for data in run.of("step_started")] == [1, 2, 3]
    assert [(data["attempt"], data["error"], data["retry"]) for data in run.of("step_failed")] == [
        (1, "no", True),
        (2, "no", True),
    ]
    first, second = run.of("step_retry_scheduled")
    assert first == {
        "visit": 1, "attempt": 2, "policy": 0, "delay_ms": 10_000, "due_at": "2026-03-01T09:14:12.000000Z",
    }  # fmt: skip
    assert (second["attempt"], second["due_at"]) == (3, "2026-03-01T09:14:32.000000Z")
    assert times(run, "step_retry_scheduled") == ["09:14:02", "09:14:12"]
    assert times(run, "step_started") == ["09:14:02", "09:14:12", "09:14:32"]


async def test_exhaustion_is_recorded_as_final() -> None:
    act = stub("act", NO)
    run = await run_workflow(flow(trying(retry={"max_attempts": 3})), actions=[act])
    assert error_of(run) == ("ValueError", "no")
    assert [data.get("final", False) for data in run.of("step_failed")] == [False, False, True]
    assert len(act.calls) == 3


async def test_without_a_policy_there_is_one_attempt() -> None:
    act = stub("act", NO)
    await run_workflow(flow(trying()), actions=[act])
    assert len(act.calls) == 1


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [1, 2, 4, 8]),
        ({"initial_delay": 0}, [0, 0, 0, 0]),
        ({"initial_delay": "500ms", "backoff_multiplier": 1}, [0.5, 0.5, 0.5, 0.5]),
        ({"initial_delay": 10, "backoff_multiplier": 10, "max_backoff": "2m"}, [10, 100, 120, 120]),
        ({"initial_delay": "1h", "max_backoff": "1m"}, [60, 60, 60, 60]),
    ],
)
async def test_delays_grow_up_to_the_longest(policy: Step, expected: list[float]) -> None:
    run = await run_workflow(flow(trying(retry={"max_attempts": 5, **policy})), actions=[stub("act", NO)])
    assert delays(run) == expected


async def test_jitter_shortens_delays_by_chance_and_the_same_unit_gets_the_same_chance() -> None:
    workflow = flow(trying(retry={"max_attempts": 30, "backoff_multiplier": 1, "initial_delay": 10, "jitter": 0.2}))
    run = await run_workflow(workflow, actions=[stub("act", NO)])
    found = delays(run)
    assert all(8 <= delay <= 10 for delay in found)
    assert len(set(found)) > 20
    assert delays(await run_workflow(workflow, actions=[stub("act", NO)])) == found


async def test_the_first_policy_whose_errors_match_decides_and_each_counts_its_own() -> None:
    """Three type errors and two value errors, in turn: neither policy ever gets to its own limit but at the end."""
    mixed = [TypeError("t"), NO, TypeError("t"), NO, TypeError("t"), NO]
    policies = [
        {"errors": "TypeError", "max_attempts": 4, "initial_delay": 1},
        {"errors": "*", "max_attempts": 3, "initial_delay": 100},
    ]
    run = await run_workflow(flow(trying(retry=policies)), actions=[stub("act", *mixed)])
    assert [data["policy"] for data in run.of("step_retry_scheduled")] == [0, 1, 0, 1, 0]
    assert delays(run) == [1, 100, 2, 200, 4]
    assert error_of(run)[0] == "ValueError"


async def test_an_error_no_policy_is_for_is_not_retried() -> None:
    act = stub("act", NO)
    await run_workflow(flow(trying(retry={"errors": ["TypeError", "KeyError"]})), actions=[act])
    assert len(act.calls) == 1


async def test_a_policy_that_declines_hands_on_to_no_other() -> None:
    policies = [{"errors": "ValueError", "max_attempts": 1}, {"errors": "*", "max_attempts": 5}]
    act = stub("act", NO)
    await run_workflow(flow(trying(retry=policies)), actions=[act])
    assert len(act.calls) == 1


async def test_what_a_policy_excludes_is_not_retried() -> None:
    act = stub("act", KeyError("k"), NO)
    await run_workflow(flow(trying(retry={"non_retryable_errors": "ValueError", "max_attempts": 9})), actions=[act])
    assert len(act.calls) == 2


@pytest.mark.parametrize(
    ("condition", "calls"),
    [
        ("error.attempt < 3", 3),
        ("error.type == 'TypeError'", 1),
        ("'no' in error.message", 4),
        ("error.data.again", 4),
        ("inputs.patient and state.seen", 4),
        ("state.nope", 1),
    ],
)
async def test_a_condition_sees_the_error_inputs_and_state(condition: str, calls: int) -> None:
    class Again(ValueError):
        details = {"again": True}  # noqa: RUF012 - read only

    act = stub("act", Again("no"))
    workflow = flow(
        {"name": "See", "script": "True", "store": "seen"},
        trying(retry={"max_attempts": 4, "condition": condition}),
        inputs=[{"name": "patient", "type": "boolean", "default": True}],
    )
    await run_workflow(workflow, actions=[act])
    assert len(act.calls) == calls


class Spoilt(Fatal):
    """Also what is derived from it is an error of its own name."""


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(trying(retry={"errors": ["*", "Fatal"]}), id="fatal"),
        pytest.param({**trying(retry={}), "parameters": {"n": "${state.nope}"}}, id="parameters"),
        pytest.param({**trying(retry={}), "action": "set"}, id="output"),
        pytest.param(
            {**trying(retry={}), "action": "fine", "next": [{"step": "A", "condition": "state.nope"}]}, id="route"
        ),
        pytest.param({**trying(retry={}), "action": "fine", "store": {"x": "key"}}, id="spreading"),
    ],
)
async def test_some_kinds_of_errors_are_never_retried(step: Step) -> None:
    actions = [stub("act", Fatal("over")), stub("set", lambda **_: {1, 2}), stub("fine", 1)]
    run = await run_workflow(flow(step), actions=actions)
    assert run.status == "failed"
    assert run.of("step_retry_scheduled") == []
    assert sum(len(action.calls) for action in actions) <= 1


async def test_a_timeout_of_an_attempt_is_an_error_like_others() -> None:
    calls = []

    async def act() -> int:
        calls.append(1)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return 5

    workflow = showing("state.x", trying(timeout="20ms", retry={"errors": "Timeout"}))
    run = await run_workflow(workflow, actions=[act])
    assert output(run) == 5
    (failed,) = run.of("step_failed")
    assert (failed["error_type"], failed["outcome"]) == ("Timeout", "unknown")


async def test_no_attempt_begins_that_would_be_past_the_total() -> None:
    """After 0, 1, 3 and 7 seconds; the next would begin after 15."""
    act = stub("act", NO)
    run = await run_workflow(flow(trying(timeout_total="10s", retry={"max_attempts": 9})), actions=[act])
    assert (len(act.calls), run.seconds) == (4, 7)
    assert error_of(run)[0] == "ValueError"


async def test_the_total_bounds_the_last_attempt_too() -> None:
    async def act() -> None:
        await asyncio.Event().wait()

    run = await run_workflow(flow(trying(timeout_total="20ms")), actions=[act])
    assert error_of(run)[0] == "Timeout"


async def test_each_item_has_its_own_attempts() -> None:
    act = stub("act", NO, 1, NO, NO, 2)
    step = trying(each={"items": ["a", "b"]}, retry={"max_attempts": 3, "initial_delay": 1})
    run = await run_workflow(showing("state.x", step), actions=[act])
    assert output(run) == [1, 2]
    assert [(data["iteration"]["index"], data["attempt"]) for data in run.of("step_retry_scheduled")] == [
        (0, 2),
        (1, 2),
        (1, 3),
    ]


# Effect keys


@pytest.mark.parametrize(
    ("error", "generations"),
    [
        (NO, ["#1", "#2", "#3"]),
        (Fatal("x"), ["#1"]),
        (OutcomeUnknown("perhaps"), ["#1", "#1", "#1"]),
        (ConnectionResetError("gone"), ["#1", "#1", "#1"]),
    ],
)
async def test_the_effect_key_stays_while_the_outcome_is_unknown(error: Exception, generations: list[str]) -> None:
    act = stub("act", error)
    run = await run_workflow(flow(trying(retry={"initial_delay": 0})), actions=[act])
    assert act.effect_keys == [f"{run.id}/main/A/1{generation}" for generation in generations]
    assert [data["effect_key"] for data in run.of("step_started")] == act.effect_keys


async def test_it_changes_with_the_outcome_of_the_attempt_before() -> None:
    act = stub("act", OutcomeUnknown("perhaps"), NO, OutcomeUnknown("perhaps"), 1)
    await run_workflow(flow(trying(retry={"initial_delay": 0, "max_attempts": 9})), actions=[act])
    assert [key[-2:] for key in act.effect_keys] == ["#1", "#1", "#2", "#2"]


async def test_each_visit_and_item_has_a_key_of_its_own() -> None:
    act = stub("act", 1, 2, 3)
    step = trying(each={"items": [1, 2]}, next=[{"step": "A", "condition": "state.x[0] < 3"}])
    run = await run_workflow(flow(step), actions=[act])
    keys = ["1/0", "1/1", "2/0", "2/1"]
    assert act.effect_keys == [f"{run.id}/main/A/{key}#1" for key in keys]


# Deaths of the process


async def test_a_death_uses_no_attempt_of_a_policy_and_keeps_the_key() -> None:
    """It dies with the outcome of the second attempt; the policy still has its third."""
    act = stub("act", NO, NO, NO, 1)
    workflow = flow(trying(retry={"max_attempts": 3, "initial_delay": 0}))
    run = await run_workflow(workflow, actions=[act], crashes=[Crash(7, lost=True)])
    assert run.ok
    assert [data["error_type"] for data in run.of("step_failed")] == ["ValueError", "Interrupted", "ValueError"]
    assert [data["outcome"] for data in run.of("step_failed")] == ["known", "unknown", "known"]
    assert [key[-2:] for key in act.effect_keys] == ["#1", "#2", "#2", "#3"]
    (recovered,) = run.of("execution_recovered")
    assert recovered["interrupted"] == [{"path": "main", "step": "A", "visit": 1, "effect_key": act.effect_keys[1]}]


@pytest.mark.parametrize("deaths", [1, 2, 3, 4])
async def test_after_three_deaths_it_is_an_ordinary_error(deaths: int) -> None:
    """An action that takes the process down each time it runs."""
    crashes = [Crash(4 + 3 * death, lost=True) for death in range(deaths)]
    run = await run_workflow(flow(trying()), actions=[stub("act")], crashes=crashes)
    interrupted = [data for data in run.of("step_failed") if data["error_type"] == "Interrupted"]
    assert len(interrupted) == deaths
    assert (run.status == "completed") == (deaths <= 3)
    assert len({data["effect_key"] for data in run.of("step_started")}) == 1
    if deaths > 3:
        assert error_of(run) == ("Interrupted", "the process that ran it died")
        assert lines(run, "execution_recovered") == ["execution_recovered"] * 4


async def test_an_interruption_past_the_budget_may_have_a_policy_or_be_caught() -> None:
    crashes = [Crash(4 + 3 * death, lost=True) for death in range(4)]
    retried = flow(trying(retry={"errors": "Interrupted", "initial_delay": 0}))
    run = await run_workflow(retried, actions=[stub("act", 1)], crashes=crashes)
    assert run.ok
    assert len(run.of("step_retry_scheduled")) == 1
    caught = flow(trying(catch={"errors": "Interrupted", "step": "H"}), {"name": "H", "pass": True})
    run = await run_workflow(caught, actions=[stub("act", 1)], crashes=crashes)
    assert run.ok
    assert "main:H step_completed" in run.told


async def test_a_delay_outlives_the_process() -> None:
    act = stub("act", NO, 1)
    workflow = flow(trying(retry={"initial_delay": "1h"}))
    run = await run_workflow(workflow, actions=[act], crashes=[Crash(5)])
    assert (run.ok, run.seconds, len(act.calls)) == (True, 3_600, 2)
    assert len(run.of("step_retry_scheduled")) == 1
