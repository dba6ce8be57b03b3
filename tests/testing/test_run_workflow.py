"""`engine.testing`: a workflow runs in a test as it would, only that nobody has to wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dive_tui.testing import Crash, FakeClock, fails, run_workflow, stub, told
from engine.loading.inputs import InputError
from engine.model.workflow import Workflow
from stores.file.store import FileExecutionEventStore


def flow(*steps: dict[str, Any], **more: Any) -> Workflow:
    return Workflow.model_validate({"name": "flow", "steps": steps, **more})


ASK = flow(
    {"name": "Ask", "wait_signal": "answer", "timeout": "2h", "store": "answer"},
    {"name": "Rest", "sleep": "7d"},
    outputs=[{"name": "answer", "value": "${state.answer}"}],
)


async def test_waits_cost_no_time_and_signals_arrive_when_they_are_due() -> None:
    run = await run_workflow(ASK, signals=[(3_600, "answer", 42)])
    assert (run.ok, run.outputs) == (True, {"answer": 42})
    assert run.seconds == 3_600 + 7 * 86_400
    assert run.told[-3:] == ["main:Rest step_completed", "main path_completed", "execution_completed"]
    assert run.of("signal_received") == [{**run.of("signal_received")[0], "data": 42, "sender": "test"}]


@pytest.mark.parametrize("after", [0, 7_199.5])
async def test_a_signal_may_come_at_once_or_at_the_last_moment(after: float) -> None:
    assert (await run_workflow(ASK, signals=[(after, "answer", 1)])).outputs == {"answer": 1}


async def test_what_is_due_after_the_end_is_not_sent() -> None:
    run = await run_workflow(ASK, signals=[(8_000, "answer", 1)])
    assert (run.status, run.seconds) == ("failed", 7_200)
    assert run.error is not None
    assert run.error["type"] == "Timeout"


async def test_with_linger_it_comes_back_waiting() -> None:
    run = await run_workflow(ASK, linger=60)
    assert (run.status, run.outputs) == ("waiting", None)


async def test_what_waits_for_nobody_fails_the_test() -> None:
    with pytest.raises(TimeoutError):
        await run_workflow(flow({"name": "Ask", "wait_signal": "never"}), patience=0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_wrong_inputs_are_refused_as_ever() -> None:
    with pytest.raises(InputError):
        await run_workflow(flow({"name": "A", "pass": True}, inputs=[{"name": "n"}]))


async def test_time_stands_still_while_an_action_runs_even_that_of_a_child() -> None:
    gate = asyncio.Event()

    async def work() -> str:
        asyncio.get_running_loop().call_later(0.05, gate.set)
        await gate.wait()
        return "done"

    child = flow({"name": "Work", "action": "work", "store": "x"}, outputs=[{"name": "x", "value": "${state.x}"}])
    child = child.model_copy(update={"name": "child"})
    parent = flow({"name": "Call", "workflow": "child", "timeout": "1h", "store": "c"})
    run = await run_workflow(parent, workflows=[child], actions=[work])
    assert (run.status, run.seconds) == ("completed", 0)


async def test_controls_arrive_too() -> None:
    run = await run_workflow(flow({"name": "Rest", "sleep": "1h"}), controls=[(60, "pause"), (7_200, "resume")])
    assert (run.status, run.seconds) == ("completed", 7_200)
    assert [run.of(kind)[0]["by"] for kind in ("execution_paused", "execution_resumed")] == ["test", "test"]
    run = await run_workflow(flow({"name": "Rest", "sleep": "1h"}), controls=[(60, "cancel")])
    assert (run.status, run.seconds) == ("cancelled", 60)
    run = await run_workflow(flow({"name": "Rest", "sleep": "1h"}), controls=[(60, "wake")])
    assert (run.status, run.seconds) == ("completed", 60)


async def test_a_stub_answers_in_turn_and_remembers_its_calls() -> None:
    give = stub("give", 1, ValueError("no"), lambda n: n * 10, [3])
    steps = {"name": "A", "each": {"items": [1, 2, 3, 4, 5], "on_item_failure": "collect"}, "store": "all"}
    workflow = flow(
        {**steps, "action": "give", "parameters": {"n": "${item}"}}, outputs=[{"name": "o", "value": "${state.all}"}]
    )
    run = await run_workflow(workflow, actions=[give])
    assert run.outputs is not None
    first, second, *others = run.outputs["o"]
    assert (first, others) == (1, [30, [3], [3]])
    assert second["$error"]["message"] == "no"
    assert give.calls == [{"n": n} for n in range(1, 6)]
    assert give.effect_keys == [f"{run.id}/main/A/1/{index}#1" for index in range(5)]


async def test_a_stub_without_answers_gives_nothing_and_two_share_nothing() -> None:
    one, other = stub("one"), stub("other")
    await run_workflow(flow({"name": "A", "action": "one"}), actions=[one, other])
    assert (one.calls, other.calls) == ([{}], [])


async def test_an_action_that_fails_so_many_times() -> None:
    charge = stub("charge", *fails(2, ConnectionError("down")), {"paid": True})
    retrying = flow({"name": "Pay", "action": "charge", "retry": {"initial_delay": "10s"}})
    run = await run_workflow(retrying, actions=[charge])
    assert (run.ok, len(charge.calls), run.seconds) == (True, 3, 30)


# Crashes

STEPS = flow({"name": "A", "action": "act"}, {"name": "B", "action": "act"}, {"name": "C", "sleep": "1h"})


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("at", range(1, 13))
async def test_after_a_crash_anywhere_it_goes_on_and_nothing_completed_runs_again(at: int, lost: bool) -> None:
    act = stub("act")
    run = await run_workflow(STEPS, actions=[act], crashes=[Crash(at, lost)])
    assert run.status == "completed"
    assert run.seconds == 3_600
    completed = [line for line in run.told if line.endswith("step_completed")]
    assert completed == [f"main:{step} step_completed" for step in "ABC"]
    assert set(act.effect_keys) == {f"{run.id}/main/{step}/1#1" for step in "AB"}
    assert len(act.calls) - 2 == (1 if lost and 4 <= at <= 8 else 0)


async def test_it_may_crash_again_and_again() -> None:
    act = stub("act")
    run = await run_workflow(STEPS, actions=[act], crashes=[Crash(2), Crash(6), Crash(9, lost=True), Crash(12)])
    assert run.status == "completed"
    assert len(run.of("execution_recovered")) >= 2
    assert [event.sequence for event in run.events] == list(range(1, len(run.events) + 1))


async def test_a_dead_process_moves_nothing_any_more() -> None:
    """A child that only sleeps must not go on, nor let time pass, when the process of its parent is dead."""
    child = flow({"name": "Rest", "sleep": "1h"}).model_copy(update={"name": "child"})
    parent = flow({"name": "Call", "workflow": "child"}, {"name": "A", "action": "act"})
    act = stub("act")
    run = await run_workflow(
        parent, workflows=[child], actions=[act], crashes=[Crash(4), Crash(3, execution_id=None), Crash(6)]
    )
    assert (run.status, run.seconds, len(act.calls)) == ("completed", 3_600, 1)
    children = [summary for summary in await run.store.list_executions() if summary.id != run.id]
    assert [summary.status for summary in children] == ["completed"]


async def test_any_store_will_do(tmp_path: Any) -> None:
    store = FileExecutionEventStore(tmp_path, create=True)
    run = await run_workflow(STEPS, actions=[stub("act")], store=store, crashes=[Crash(5)])
    assert run.events == await store.get_event_history(run.id)
    assert run.store is store
    await store.close()


async def test_a_clock_of_the_tests_own() -> None:
    clock = FakeClock(tick=0.5, skip=True)
    run = await run_workflow(flow({"name": "A", "pass": True}), clock=clock)
    assert run.clock is clock
    assert run.seconds > 0


async def test_events_in_words() -> None:
    run = await run_workflow(flow({"name": "A", "each": {"items": [7]}, "action": "act"}), actions=[stub("act")])
    assert [told(event) for event in run.events][3] == "main:A[0] step_started"
    assert run.told == [told(event) for event in run.events]
