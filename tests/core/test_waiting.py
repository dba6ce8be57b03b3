"""Sleeps, signals, messages and the order in which what is due is recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.lifecycle.engine import Engine
from engine.model.state import open_waits, wake_at
from engine.testing import Crash, FakeClock, SequentialIds, fails, stub
from stores.memory import MemoryExecutionEventStore
from tests.core.rules import Step, error_of, flow, fork, lines, naps, output, run_workflow, sets, showing, times


def asks(name: str, topic: str, *following: str, **more: Any) -> Step:
    return {
        "name": name,
        "wait_signal": topic,
        "store": "got",
        **({"next": list(following)} if following else {"end": True}),
        **more,
    }


# Sleeping


@pytest.mark.parametrize(
    ("duration", "seconds"), [("90s", 90), (1.5, 1.5), ("${inputs.n}", 3), ("${inputs.text}", 3_600), (0, 0)]
)
async def test_a_step_sleeps_as_long_as_it_says(duration: Any, seconds: float) -> None:
    inputs = [{"name": "n", "type": "integer", "default": 3}, {"name": "text", "default": "1h"}]
    run = await run_workflow(flow({"name": "A", "sleep": duration}, inputs=inputs))
    assert (run.ok, run.seconds) == (True, seconds)
    assert run.told[2:5] == ["main:A step_started", "main:A step_waiting", "main:A step_completed"]


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        ("${inputs.text}", "not a duration"),
        ("${[1]}", "a step sleeps for a duration such as 10s, not for [1]"),
        ("${True}", "not for True"),
        ("${-1}", "a step cannot sleep for a negative time"),
    ],
)
async def test_it_cannot_sleep_for_what_is_no_duration(duration: str, message: str) -> None:
    workflow = flow({"name": "A", "sleep": duration}, inputs=[{"name": "text", "default": "soon"}])
    run = await run_workflow(workflow)
    assert message in error_of(run)[1]
    assert run.of("step_failed")[0]["phase"] == "parameters"


async def test_the_moment_it_wakes_is_recorded_before_it_sleeps_and_outlives_the_process() -> None:
    run = await run_workflow(flow(naps("A", "1h")), crashes=[Crash(4)])
    assert run.of("step_waiting") == [{"visit": 1, "for": "sleep", "due_at": "2026-03-01T10:14:02.000000Z"}]
    assert run.seconds == 3_600


async def test_what_is_due_is_recorded_in_the_order_it_became_due() -> None:
    """A runner that comes late finds everything due at once."""
    store, clock = MemoryExecutionEventStore(), FakeClock()
    workflow = flow(fork("a:A", "b:B", "c:C"), naps("A", "30s"), naps("B", "10s"), naps("C", "20s"))
    engine = Engine(store, clock=clock, ids=SequentialIds())
    left = await engine.run(workflow, linger=0)
    assert left.status == "waiting"
    await engine.signal(left.id, "early")
    clock.advance(15)
    await engine.signal(left.id, "between")
    clock.advance(5)
    await engine.signal(left.id, "tie")
    clock.advance(100)
    await engine.recover(left.id)
    events = await store.get_event_history(left.id)
    order = [
        event.data.get("signal_type") or event.step_name
        for event in events
        if event.event_type in ("signal_received", "step_completed") and event.step_name != "Fork"
    ]
    assert order == ["early", "B", "between", "tie", "C", "A"]
    await engine.close()


# Signals


async def test_the_output_of_a_wait_is_the_signals_data_and_names_the_signal() -> None:
    run = await run_workflow(showing("state.got", asks("A", "go-${1 + 1}")), signals=[(5, "go-2", {"n": [1]})])
    assert output(run) == {"n": [1]}
    (received,) = [event.sequence for event in run.events if event.event_type == "signal_received"]
    assert run.of("step_completed")[0]["signal"] == received
    assert run.of("step_waiting")[0] == {"visit": 1, "for": "signal", "topic": "go-2"}


async def test_signals_of_a_topic_are_taken_in_the_order_they_were_sent_each_once() -> None:
    loop = {"next": [{"step": "A", "condition": "len(state.all) < 3"}], "store": "all"}
    workflow = showing(
        "state.all",
        sets("Begin", "all", "[]", "A"),
        asks("A", "go", "Add"),
        {"name": "Add", "script": "state.all + [state.got]", **loop},
    )
    signals = [(1, "go", "first"), (1, "other", "never"), (2, "go", "second"), (3, "go", "third"), (3, "go", "left")]
    workflow = workflow.model_copy()
    run = await run_workflow(workflow, signals=signals)
    assert output(run) == ["first", "second", "third"]


async def test_a_signal_may_come_before_anybody_waits_for_it() -> None:
    workflow = showing("state.got", naps("Rest", "1h", "A"), asks("A", "go"))
    run = await run_workflow(workflow, signals=[(1, "go", "early")])
    assert (output(run), run.seconds) == ("early", 3_600)


async def test_who_waits_longest_is_served_first() -> None:
    workflow = showing(
        "[paths.early.got, paths.late.got]",
        fork("late:Rest", "early:E"),
        naps("Rest", "10s", "L"),
        asks("L", "go"),
        asks("E", "go"),
    )
    run = await run_workflow(workflow, signals=[(20, "go", "first"), (30, "go", "second")])
    assert output(run) == ["first", "second"]


async def test_one_signal_wakes_one_of_two() -> None:
    workflow = flow(fork("a:A", "b:B"), asks("A", "go", timeout="1h"), asks("B", "go", timeout="1h"))
    run = await run_workflow(workflow, signals=[(1, "go", 1)])
    assert lines(run, "step_completed") == ["main:Fork step_completed", "a:A step_completed"]
    assert error_of(run) == ("Timeout", "signal go took longer than 1h")


async def test_the_same_signal_again_is_the_same_signal() -> None:
    store, clock = MemoryExecutionEventStore(), FakeClock()
    engine = Engine(store, clock=clock, ids=SequentialIds())
    left = await engine.run(flow(asks("A", "go", "B"), asks("B", "go")), linger=0)
    sent = [await engine.signal(left.id, "go", 1, signal_id="signal_once") for _ in range(2)]
    assert sent == [1, 1]
    result = await engine.recover(left.id, linger=0)
    assert result.status == "waiting"
    assert [wait.words for wait in open_waits(result.state)] == ["signal go"]
    await engine.close()


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("at", range(1, 12))
async def test_a_signal_is_taken_exactly_once_wherever_the_process_dies(at: int, lost: bool) -> None:
    workflow = showing("[state.got, state.more]", asks("A", "go", "B"), {**asks("B", "go"), "store": "more"})
    run = await run_workflow(workflow, signals=[(1, "go", 1), (2, "go", 2)], crashes=[Crash(at, lost)])
    assert output(run) == [1, 2]
    assert [data["ordinal"] for data in run.of("signal_received")] == [1, 2]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "main:A step_failed"),
        ({"on_timeout": "fail"}, "main:A step_failed"),
        ({"on_timeout": "Late"}, "main:Late step_completed"),
        ({"catch": {"errors": "Timeout", "step": "Late"}}, "main:Late step_completed"),
    ],
)
async def test_a_wait_that_lasts_too_long(more: Step, told: str) -> None:
    workflow = flow(asks("A", "go", "Late", timeout="1h", **more), {"name": "Late", "pass": True})
    run = await run_workflow(workflow)
    assert run.seconds == 3_600
    assert told in run.told
    assert run.of("step_failed")[0]["error"] == "signal go took longer than 1h"
    assert run.of("step_waiting")[0]["due_at"] == "2026-03-01T10:14:02.000000Z"


async def test_on_timeout_stores_nothing_a_catch_does() -> None:
    late: Step = {"name": "Late", "pass": True}
    run = await run_workflow(showing("has(state.e)", asks("A", "go", "Late", timeout=1, on_timeout="Late"), late))
    assert output(run) is False
    catch = {"step": "Late", "store": "e"}
    run = await run_workflow(showing("state.e", asks("A", "go", "Late", timeout=1, catch=catch), late))
    assert output(run) == {
        "type": "Timeout", "message": "signal go took longer than 1.0", "step": "A", "attempt": 1, "data": None,
    }  # fmt: skip


@pytest.mark.parametrize("topic", ["${''}", "${'$pause'}", "${5}"])
async def test_an_impossible_topic_is_an_error_of_the_step(topic: str) -> None:
    error_type, message = error_of(await run_workflow(flow(asks("A", topic))))
    assert (error_type, message) == (
        "ExpressionError",
        "a topic is a text of 1 to 200 characters that does not begin with '$'",
    )


# Pause, resume, wake, cancel


async def test_a_pause_starts_nothing_new_lets_what_runs_finish_and_keeps_signals() -> None:
    gate = asyncio.Event()

    async def work() -> str:
        await gate.wait()
        return "done"

    store = MemoryExecutionEventStore()
    engine = Engine(store, actions=[work], clock=FakeClock(), ids=SequentialIds())
    workflow = flow({"name": "A", "action": "work"}, asks("B", "go"))
    begun = asyncio.Event()
    running = asyncio.create_task(engine.run(workflow, linger=0, started=lambda _: begun.set()))
    await begun.wait()
    (summary,) = await store.list_executions()
    await engine.pause(summary.id, by="ann", reason="lunch")
    while (await store.list_executions())[0].status != "paused":
        await asyncio.sleep(0)
    await engine.signal(summary.id, "go", 7)
    gate.set()
    left = await running
    assert left.status == "paused"
    told = [(event.event_type, event.step_name) for event in await store.get_event_history(left.id)][3:]
    assert told == [("signal_received", ""), ("execution_paused", ""), ("signal_received", ""), ("step_completed", "A")]
    await engine.resume(left.id)
    done = await engine.recover(left.id)
    assert (done.status, done.state.path_count) == ("completed", 1)
    await engine.close()


async def test_who_paused_and_why_is_recorded() -> None:
    run = await run_workflow(flow(naps("A", "1h")), controls=[(1, "pause"), (2, "resume")])
    (paused,), (resumed,) = run.of("execution_paused"), run.of("execution_resumed")
    assert {key: paused[key] for key in ("by", "reason")} == {"by": "test", "reason": ""}
    assert [data["signal_type"] for data in run.of("signal_received")] == ["$pause", "$resume"]
    assert [paused["signal_id"], resumed["signal_id"]] == [data["signal_id"] for data in run.of("signal_received")]
    assert run.seconds == 3_600


async def test_a_pause_stops_no_deadline() -> None:
    run = await run_workflow(flow(naps("A", "1h"), deadline="10m"), controls=[(1, "pause")])
    assert (run.seconds, error_of(run)[0]) == (600, "DeadlineExceeded")


async def test_a_timer_that_passed_during_a_pause_counts_when_it_goes_on() -> None:
    run = await run_workflow(flow(naps("A", "10s")), controls=[(1, "pause"), (100, "resume")])
    assert (run.ok, run.seconds) == (True, 100)


async def test_pausing_twice_and_resuming_once_goes_on() -> None:
    run = await run_workflow(flow(naps("A", "10s")), controls=[(1, "pause"), (2, "pause"), (3, "resume")])
    assert (run.ok, run.seconds) == (True, 10)


async def test_waking_ends_sleeps_and_delays_and_no_wait_for_a_signal() -> None:
    workflow = flow(
        fork("a:A", "b:B", "c:C"),
        naps("A", "1h"),
        {"name": "B", "action": "act", "retry": {"initial_delay": "2h"}, "end": True},
        asks("C", "go", timeout="3h", on_timeout="Late"),
        {"name": "Late", "pass": True},
    )
    run = await run_workflow(workflow, actions=[stub("act", *fails(1, ValueError("no")), 1)], controls=[(60, "wake")])
    assert run.ok
    assert times(run, "step_completed", "A") == times(run, "step_completed", "B") == ["09:15:02"]
    assert run.seconds == 3 * 3_600


async def test_a_cancel_ends_every_path_naming_what_waited() -> None:
    workflow = flow(fork("a:A", "b:B"), naps("A", "1h"), asks("B", "go"))
    run = await run_workflow(workflow, controls=[(60, "cancel")])
    assert (run.status, run.seconds, run.error) == ("cancelled", 60, None)
    assert run.told[-3:] == ["a path_cancelled", "b path_cancelled", "execution_cancelled"]
    assert [data["unit"]["step"] for data in run.of("path_cancelled")] == ["A", "B"]
    (cancelled,) = run.of("execution_cancelled")
    assert (cancelled["by"], cancelled["reason"]) == ("test", "cancelled")


async def test_a_cancel_is_never_caught() -> None:
    workflow = flow({**asks("A", "go", "H"), "catch": {"errors": "*", "step": "H"}}, {"name": "H", "pass": True})
    run = await run_workflow(workflow, controls=[(60, "cancel")])
    assert run.status == "cancelled"
    assert run.of("step_failed") == []


@pytest.mark.parametrize(("asked", "status"), [("pause", "paused"), ("cancel", "cancelled")])
async def test_pause_and_cancel_are_carried_out_when_nobody_drives_it(asked: str, status: str) -> None:
    store = MemoryExecutionEventStore()
    engine = Engine(store, clock=FakeClock(), ids=SequentialIds())
    left = await engine.run(flow(asks("A", "go")), linger=0)
    await getattr(engine, asked)(left.id)
    (summary,) = await store.list_executions()
    assert (summary.status, summary.owner) == (status, None)
    await engine.close()


async def test_other_messages_wait_for_a_runner() -> None:
    store = MemoryExecutionEventStore()
    engine = Engine(store, clock=FakeClock(), ids=SequentialIds())
    left = await engine.run(flow(asks("A", "go")), linger=0)
    before = len(await store.get_event_history(left.id))
    await engine.signal(left.id, "go", 1)
    await engine.wake(left.id)
    assert len(await store.get_event_history(left.id)) == before
    assert (await engine.recover(left.id)).ok
    await engine.close()


# Staying and leaving, and what is shown


@pytest.mark.parametrize(
    ("linger", "status"), [(0, "waiting"), (59, "waiting"), (60, "completed"), (None, "completed")]
)
async def test_it_stays_while_the_next_thing_is_due_soon(linger: float | None, status: str) -> None:
    run = await run_workflow(flow(naps("A", "1m")), linger=linger)
    assert run.status == status


async def test_a_wait_without_an_end_is_left_at_once() -> None:
    assert (await run_workflow(flow(asks("A", "go")), linger=10**9)).status == "waiting"


WAITING_AND: dict[str, tuple[list[Step], str]] = {
    "all wait": ([naps("A", "1h"), asks("B", "go")], "waiting"),
    "a retry waits": ([{"name": "A", "action": "fail", "retry": {"initial_delay": "1h"}}, asks("B", "go")], "waiting"),
    "items wait": (
        [
            {
                "name": "A",
                "action": "fail",
                "retry": {"initial_delay": "1h"},
                "each": {"items": [1, 2, 3], "concurrency": 2},
                "end": True,
            },
            asks("B", "go"),
        ],
        "waiting",
    ),
}


@pytest.mark.parametrize("name", WAITING_AND)
async def test_it_is_waiting_when_nothing_is_in_flight_or_could_start(name: str) -> None:
    (a, b), status = WAITING_AND[name]
    run = await run_workflow(
        flow(fork("a:A", "b:B"), a | {"end": True}, b), actions=[stub("fail", OSError())], linger=0
    )
    assert run.status == status
    assert wake_at(run.state) == "2026-03-01T10:14:02.000000Z"


async def test_paused_comes_before_waiting_and_running_before_it() -> None:
    gate = asyncio.Event()
    seen: list[str] = []
    store = MemoryExecutionEventStore()

    async def work() -> None:
        seen.append((await store.list_executions())[0].status)
        await engine.pause(seen_id[0])
        while (await store.list_executions())[0].status != "paused":
            await asyncio.sleep(0)
        gate.set()

    engine = Engine(store, actions=[work], clock=FakeClock(), ids=SequentialIds())
    seen_id: list[str] = []
    workflow = flow(fork("a:A", "b:B"), {"name": "A", "action": "work", "end": True}, naps("B", "1h"))
    left = await engine.run(workflow, linger=0, started=seen_id.append)
    assert (seen, left.status, gate.is_set()) == (["running"], "paused", True)
    await engine.close()


async def test_failed_comes_before_cancelled() -> None:
    """Of an execution that fails already and only lets others finish, a cancellation is no other end."""
    workflow = flow(
        fork("a:A", "b:B"), {"name": "A", "action": "fail", "end": True}, naps("B", "1h"), on_failure="finish"
    )
    run = await run_workflow(workflow, actions=[stub("fail", ValueError("no"))], controls=[(60, "cancel")])
    assert (error_of(run), run.seconds) == (("ValueError", "no"), 60)
    assert run.told[-2:] == ["b path_cancelled", "execution_failed"]
