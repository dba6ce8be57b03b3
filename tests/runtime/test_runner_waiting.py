"""The runner's loop while there is nothing to do: it sleeps, wakes when something comes, and leaves when told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from engine.lifecycle.engine import Engine
from engine.runtime import threads
from engine.testing import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.core.rules import flow, fork, naps

MakeEngine = Callable[..., Engine]


class CountingClock(FakeClock):
    """Counts how often somebody goes to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.naps = 0

    async def sleep(self, seconds: float, *, idle: bool) -> None:
        self.naps += 1
        await super().sleep(seconds, idle=idle)


async def turns(count: int = 200) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_message_does_not_keep_it_from_going_back_to_sleep() -> None:
    clock = CountingClock()
    engine = Engine(MemoryExecutionEventStore(), clock=clock, ids=SequentialIds())
    started: list[str] = []
    running = asyncio.create_task(engine.run(flow(naps("A", "10m")), started=started.append))
    await turns()
    for expected in (1, 2, 3):
        assert clock.naps == expected
        await engine.signal(started[0], "nobody cares")
        await turns()
    clock.advance(600)
    assert (await running).ok
    await engine.close()


async def test_it_sleeps_no_longer_than_an_hour_at_a_time_because_clocks_are_set() -> None:
    asked: list[float] = []

    class Asked(FakeClock):
        async def sleep(self, seconds: float, *, idle: bool) -> None:
            asked.append(seconds)
            await super().sleep(seconds, idle=idle)

    clock = Asked(skip=True)
    engine = Engine(MemoryExecutionEventStore(), clock=clock, ids=SequentialIds())
    assert (await engine.run(flow(naps("A", "150m")))).ok
    assert asked == [3_600, 3_600, 1_800]
    await engine.close()


async def test_while_an_action_runs_it_says_that_it_is_not_idle() -> None:
    asked: list[bool] = []
    gate = asyncio.Event()

    class Asked(FakeClock):
        async def sleep(self, seconds: float, *, idle: bool) -> None:
            asked.append(idle)
            await super().sleep(seconds, idle=idle)

    async def work() -> None:
        await gate.wait()

    clock = Asked()
    engine = Engine(MemoryExecutionEventStore(), actions=[work], clock=clock, ids=SequentialIds())
    workflow = flow(fork("a:A", "b:B"), {"name": "A", "action": "work", "end": True}, naps("B", "1m"))
    running = asyncio.create_task(engine.run(workflow))
    await turns()
    gate.set()
    await turns()
    assert asked == [False, True]
    clock.advance(60)
    assert (await running).ok
    await engine.close()


async def test_stop_starts_nothing_more_and_what_is_left_can_be_gone_on_with(make_engine: MakeEngine) -> None:
    begun, gate, calls = asyncio.Event(), asyncio.Event(), []

    async def work(step: str) -> None:
        calls.append(step)
        begun.set()
        await gate.wait()

    engine = make_engine(work)
    steps = [{"name": name, "action": "work", "parameters": {"step": name}} for name in "AB"]
    running = asyncio.create_task(engine.run(flow(*steps)))
    await begun.wait()
    engine.stop()
    await turns()
    assert not running.done()
    gate.set()
    left = await running
    assert (left.status, calls) == ("running", ["A"])
    done = await engine.recover(left.id)
    assert (done.status, calls) == ("completed", ["A", "B"])
    kinds = [event.event_type for event in await engine.store.get_event_history(left.id)]
    assert kinds.count("step_failed") == 0  # what had ended before it stopped was not interrupted
    await engine.close()


async def test_while_too_many_threads_hang_no_step_that_needs_one_starts(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = True
    monkeypatch.setattr(threads.DaemonThreads, "exhausted", property(lambda self: hangs))
    ran: list[str] = []

    def sync() -> None:
        ran.append("sync")

    async def other() -> None:
        ran.append("other")

    engine = make_engine(sync, other)
    workflow = flow(
        fork("a:A", "b:B"), {"name": "A", "action": "sync", "end": True}, {"name": "B", "action": "other", "end": True}
    )
    running = asyncio.create_task(engine.run(workflow))
    await turns()
    assert (ran, running.done()) == (["other"], False)
    hangs = False
    assert (await running).ok
    assert ran == ["other", "sync"]
    await engine.close()


@pytest.mark.parametrize("linger", [None, 0])
async def test_a_deadlock_is_found_and_nothing_hangs(make_engine: MakeEngine, linger: float | None) -> None:
    steps: list[dict[str, Any]] = [
        fork("x:First", "y:Second"),
        {"name": "First", "join": "y", "end": True},
        {"name": "Second", "join": "x", "end": True},
    ]
    engine = make_engine()
    result = await engine.run(flow(*steps), linger=linger)
    assert result.error is not None
    assert result.error["type"] == "Deadlock"
    await engine.close()
