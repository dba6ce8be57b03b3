"""What becomes of an error: a step that catches it, or the end of its path and, one way or another, of the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.runtime.errors import Fatal, OutcomeUnknown
from engine.testing import Crash, fails, stub
from tests.core.rules import Step, error_of, flow, fork, lines, naps, output, run_workflow, sets, showing

NO = ValueError("no")
HANDLE: Step = {"name": "Handle", "pass": True, "end": True}


def act(**more: Any) -> Step:
    return {"name": "A", "action": "act", "end": True, **more}


# Catching


class Declined(Exception):
    def __init__(self) -> None:
        super().__init__("insufficient funds")
        self.details = {"code": 51}


async def test_what_a_catch_stores() -> None:
    step = act(retry={"max_attempts": 2}, catch={"errors": "Declined", "step": "Handle", "store": "e"})
    run = await run_workflow(showing("state.e", step, HANDLE), actions=[stub("act", Declined())])
    assert output(run) == {
        "type": "Declined", "message": "insufficient funds", "step": "A", "attempt": 2, "data": {"code": 51},
    }  # fmt: skip
    assert [data.get("caught") for data in run.of("step_failed")] == [None, {"step": "Handle", "stored_variable": "e"}]
    assert run.state.script_globals["e"][1] == run.events[-5].sequence


@pytest.mark.parametrize(
    ("error", "handler"),
    [(ValueError("v"), "One"), (KeyError("k"), "Two"), (TypeError("t"), "Two"), (OSError("o"), "Three")],
)
async def test_the_first_catch_that_matches_counts(error: Exception, handler: str) -> None:
    catch = [
        {"errors": "ValueError", "step": "One"},
        {"errors": ["KeyError", "TypeError", "ValueError"], "step": "Two"},
        {"errors": "*", "step": "Three"},
    ]
    handlers = [{"name": name, "pass": True, "end": True} for name in ("One", "Two", "Three")]
    run = await run_workflow(flow(act(catch=catch), *handlers), actions=[stub("act", error)])
    assert run.ok
    assert run.told[-3] == f"main:{handler} step_completed"


async def test_an_error_no_catch_is_for_fails_the_path() -> None:
    step = act(catch={"errors": ["KeyError", "Value"], "step": "Handle"})
    run = await run_workflow(flow(step, HANDLE), actions=[stub("act", NO)])
    assert error_of(run) == ("ValueError", "no")


@pytest.mark.parametrize(
    ("step", "error_type"),
    [
        pytest.param(act(), "Fatal", id="fatal"),
        pytest.param({**act(), "parameters": {"n": "${state.nope}"}}, "ExpressionError", id="parameters"),
        pytest.param({**act(), "action": "set"}, "NotJson", id="output"),
        pytest.param(
            {"name": "A", "action": "fine", "next": [{"step": "A", "condition": "state.nope"}]},
            "ExpressionError",
            id="route",
        ),
        pytest.param({**act(), "action": "fine", "store": {"x": "key"}}, "OutputError", id="spreading"),
    ],
)
async def test_what_is_never_retried_can_be_caught(step: Step, error_type: str) -> None:
    actions = [stub("act", Fatal("over")), stub("set", lambda **_: {1, 2}), stub("fine", 1)]
    caught = {**step, "catch": {"errors": error_type, "step": "Handle"}}
    run = await run_workflow(flow(caught, HANDLE), actions=actions)
    assert run.ok
    assert run.told[-3] == "main:Handle step_completed"


async def test_a_handler_may_lead_back_and_each_visit_has_its_own_attempts() -> None:
    step = act(retry={"max_attempts": 2, "initial_delay": 0}, catch={"step": "Handle"})
    handle: Step = {"name": "Handle", "sleep": "1m", "next": ["A"]}
    run = await run_workflow(flow(step, handle), actions=[stub("act", *fails(3, NO), 1)])
    assert (run.ok, run.seconds) == (True, 60)
    assert [(data["visit"], data["attempt"]) for data in run.of("step_started", "A")] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]


async def test_a_failure_that_was_caught_stays_in_the_history_and_among_the_failed_steps() -> None:
    run = await run_workflow(flow(act(catch={"step": "Handle"}), HANDLE), actions=[stub("act", NO)])
    assert (run.ok, run.state.failed_steps, run.error) == (True, ("A",), None)


# How an execution ends that fails

BESIDE = (fork("bad:A", "long:L", "idle:I"), act(), {"name": "L", "action": "slow", "next": ["M"]}, naps("M", "1h"))


def beside(on_failure: str) -> Any:
    return flow(*BESIDE, naps("I", "1m", "N"), naps("N", "1m"), on_failure=on_failure)


def slow_after(gate: asyncio.Event) -> Any:
    """An action that takes until the failing one has failed."""

    async def slow() -> str:
        await gate.wait()
        await asyncio.sleep(0.01)
        return "done"

    return slow


def failing_at(gate: asyncio.Event) -> Any:
    async def act() -> None:
        gate.set()
        raise NO

    return act


async def test_cancel_ends_everything_in_one_batch() -> None:
    gate = asyncio.Event()
    run = await run_workflow(beside("cancel"), actions=[slow_after(gate), failing_at(gate)])
    assert (error_of(run), run.seconds) == (("ValueError", "no"), 0)
    assert run.told[-5:] == [
        "bad:A step_failed",
        "bad path_failed",
        "long path_cancelled",
        "idle path_cancelled",
        "execution_failed",
    ]
    failed_at = run.events[-5].sequence
    assert run.events[-1].data["caused_by"] == [failed_at]
    assert [data["caused_by"] for data in run.of("path_cancelled")] == [failed_at] * 2
    assert run.of("path_cancelled")[0]["effect_key"] == f"{run.id}/long/L/1#1"


async def test_drain_lets_what_runs_finish_and_starts_nothing_new() -> None:
    gate = asyncio.Event()
    run = await run_workflow(beside("drain"), actions=[slow_after(gate), failing_at(gate)])
    assert (error_of(run), run.seconds) == (("ValueError", "no"), 0)
    assert run.told[-6:] == [
        "bad:A step_failed",
        "bad path_failed",
        "idle path_cancelled",
        "long:L step_completed",
        "long path_cancelled",
        "execution_failed",
    ]


async def test_finish_lets_every_other_path_run_to_its_end() -> None:
    gate = asyncio.Event()
    run = await run_workflow(beside("finish"), actions=[slow_after(gate), failing_at(gate)])
    assert (error_of(run), run.seconds) == (("ValueError", "no"), 3_600)
    assert lines(run, "path_failed", "path_completed", "path_cancelled")[1:] == [
        "bad path_failed",
        "idle path_completed",
        "long path_completed",
    ]
    assert run.told[-1] == "execution_failed"


@pytest.mark.parametrize("on_failure", ["cancel", "drain", "finish"])
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("at", range(10, 18))
async def test_after_a_recovery_it_goes_on_failing(on_failure: str, lost: bool, at: int) -> None:
    workflow = flow(fork("bad:A", "other:B"), act(), naps("B", "1s", "C"), naps("C", "1s"), on_failure=on_failure)
    run = await run_workflow(workflow, actions=[stub("act", NO)], crashes=[Crash(at, lost)])
    assert error_of(run) == ("ValueError", "no")
    finishes = on_failure == "finish"
    assert run.seconds == (2 if finishes else 0)
    assert lines(run, "path_completed")[1:] == (["other path_completed"] if finishes else [])


async def test_a_failure_of_what_drains_is_recorded_and_changes_no_end() -> None:
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        await asyncio.sleep(0.01)
        raise TypeError("later")

    run = await run_workflow(beside("drain"), actions=[slow, failing_at(gate)])
    assert error_of(run) == ("ValueError", "no")
    assert lines(run, "path_failed") == ["bad path_failed", "long path_failed"]


async def test_what_finishes_may_still_be_caught() -> None:
    steps = [fork("bad:A", "other:Rest"), act(), naps("Rest", "1s", "B")]
    steps += [{"name": "B", "action": "act", "catch": {"step": "Handle"}, "end": True}, HANDLE]
    run = await run_workflow(flow(*steps, on_failure="finish"), actions=[stub("act", NO)])
    assert error_of(run) == ("ValueError", "no")
    assert "other:Handle step_completed" in run.told


async def test_the_terminal_event_is_the_last() -> None:
    for on_failure in ("cancel", "drain", "finish"):
        gate = asyncio.Event()
        run = await run_workflow(beside(on_failure), actions=[slow_after(gate), failing_at(gate)])
        terminal = [line for line in run.told if line.startswith("execution_") and line != "execution_started"]
        assert terminal == run.told[-1:]


# Limits


async def test_more_visits_than_allowed_end_it_and_no_catch_goes_round_that() -> None:
    loop: Step = {"name": "A", "pass": True, "next": ["A"], "catch": {"step": "Handle"}}
    run = await run_workflow(flow(loop, HANDLE, max_visits=5))
    assert error_of(run) == ("MaxVisitsExceeded", "path 'main' came to it 6 times; max_visits is 5")
    assert len(run.of("step_completed")) == 5


async def test_a_deadline_ends_everything_and_is_never_caught() -> None:
    workflow = flow({**naps("A", "1h"), "catch": {"errors": "*", "step": "Handle"}}, HANDLE, deadline="10m")
    run = await run_workflow(workflow)
    assert run.seconds == 600
    assert error_of(run) == (
        "DeadlineExceeded",
        "it had not ended by its deadline, 2026-03-01T09:24:02.000000Z, 10m after its start",
    )
    assert run.told[-2:] == ["main path_cancelled", "execution_failed"]


async def test_a_deadline_reaches_children() -> None:
    child = flow({"name": "A", "sleep": "1h"}).model_copy(update={"name": "child"})
    run = await run_workflow(flow({"name": "C", "workflow": "child"}, deadline="10m"), workflows=[child])
    assert error_of(run)[0] == "DeadlineExceeded"
    (summary,) = [summary for summary in await run.store.list_executions() if summary.id != run.id]
    assert summary.status in ("failed", "cancelled")
    deadlines = [(await run.store.get_events(name, 1, 1))[0].data["deadline"] for name in (run.id, summary.id)]
    assert deadlines == ["2026-03-01T09:24:02.000000Z"] * 2


async def test_an_unknown_outcome_is_told_from_a_known_one() -> None:
    for error, outcome in ((NO, "known"), (OSError("x"), "unknown"), (OutcomeUnknown("x"), "unknown")):
        run = await run_workflow(flow(act()), actions=[stub("act", error)])
        assert run.of("step_failed")[0]["outcome"] == outcome


async def test_a_script_that_fails_is_a_step_that_fails() -> None:
    run = await run_workflow(
        showing("state.e.type", sets("A", "x", "1 / 0") | {"catch": {"step": "Handle", "store": "e"}}, HANDLE)
    )
    assert output(run) == "ZeroDivisionError"
