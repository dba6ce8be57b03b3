"""How much runs at once: over all paths of an execution, and of one action over all executions of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.runtime.actions import Action, ActionRegistry, action
from engine.runtime.slots import Slots
from tests.core.rules import flow, fork, naps, run_workflow
from tests.runtime.watched import WatchedStore

MakeEngine = Callable[..., Engine]


class Counter:
    """An action that notes how many of its calls overlap."""

    def __init__(self, max_parallel: int | None = None) -> None:
        self.running = self.most = self.calls = 0

        @action(name="count", max_parallel=max_parallel)
        async def count(fail: bool = False) -> None:
            self.calls += 1
            self.running += 1
            self.most = max(self.most, self.running)
            for _ in range(20):
                await asyncio.sleep(0)
            self.running -= 1
            if fail:
                raise ValueError("no")

        self.action = count


def counting(name: str = "A", **more: Any) -> dict[str, Any]:
    return {"name": name, "action": "count", "end": True, **more}


MANY = {"each": {"items": list(range(8)), "concurrency": 8}}


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (3, 3), (None, 8)])
async def test_a_workflow_bounds_its_units_in_flight(limit: int | None, most: int) -> None:
    counter = Counter()
    more = {} if limit is None else {"max_parallel": limit}
    assert (await run_workflow(flow(counting(**MANY), **more), actions=[counter.action])).ok
    assert (counter.most, counter.calls) == (most, 8)


async def test_the_bound_holds_over_all_paths() -> None:
    counter = Counter()
    steps = [fork(*(f"{name}:{name.upper()}" for name in "abcd")), *(counting(name) for name in "ABCD")]
    assert (await run_workflow(flow(*steps, max_parallel=2), actions=[counter.action])).ok
    assert (counter.most, counter.calls) == (2, 4)


async def test_what_only_waits_takes_no_room() -> None:
    counter = Counter()
    steps = [fork("a:A", "b:B", "c:C"), counting(), naps("B", "1h"), naps("C", "1h")]
    run = await run_workflow(flow(*steps, max_parallel=1), actions=[counter.action])
    assert (run.ok, run.seconds) == (True, 3_600)


@pytest.mark.parametrize("fail", [False, True])
async def test_an_action_bounds_its_calls_over_all_executions(make_engine: MakeEngine, fail: bool) -> None:
    counter = Counter(max_parallel=2)
    engine = make_engine(counter.action)
    each = {"items": [1, 2, 3], "concurrency": 3, "on_item_failure": "collect"}
    workflow = flow(counting(each=each, parameters={"fail": fail}))
    results = await asyncio.gather(*(engine.run(workflow) for _ in range(3)))
    assert [result.status for result in results] == ["completed"] * 3
    assert (counter.most, counter.calls) == (2, 9)
    await engine.close()


async def test_a_cancelled_call_gives_its_room_back(make_engine: MakeEngine) -> None:
    begun = asyncio.Event()

    @action(max_parallel=1)
    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    engine = make_engine(hang)
    workflow = flow({"name": "A", "action": "hang"})
    for _ in range(2):
        begun.clear()
        running = asyncio.create_task(engine.run(workflow))
        await begun.wait()
        engine.cancel_all()
        assert (await running).status == "cancelled"
    await engine.close()


async def test_retries_give_their_room_back_while_they_wait() -> None:
    """With one call at a time, the other path runs while the first waits for its next attempt."""
    calls: list[str] = []

    @action(max_parallel=1)
    async def act(who: str) -> None:
        calls.append(who)
        if calls == ["a"]:
            raise ValueError("no")

    steps = [
        fork("a:A", "b:B"),
        {"name": "A", "action": "act", "parameters": {"who": "a"}, "retry": {"initial_delay": "1m"}, "end": True},
        {"name": "B", "action": "act", "parameters": {"who": "b"}, "end": True},
    ]
    run = await run_workflow(flow(*steps), actions=[act])
    assert (run.ok, calls, run.seconds) == (True, ["a", "b", "a"], 60)


def limited(limit: int | None) -> Action:
    @action(name="x", max_parallel=limit)
    async def x() -> None: ...

    return ActionRegistry([x]).get("x")  # type: ignore[return-value]


def test_who_had_to_wait_is_woken_once_when_a_call_ends() -> None:
    slots, one, woken = Slots(), limited(1), []

    def wake() -> None:
        woken.append(1)

    assert slots.has_room(one, wake)
    slots.take(one)
    assert not slots.has_room(one, wake)
    assert not slots.has_room(one, wake)
    assert woken == []
    slots.give_back(one)
    assert woken == [1]
    assert slots.has_room(one, wake)
    slots.take(one)
    slots.give_back(one)
    assert woken == [1]


def test_without_a_limit_there_is_always_room() -> None:
    slots, free = Slots(), limited(None)
    for _ in range(100):
        assert slots.has_room(free, lambda: None)
        slots.take(free)


async def test_a_start_that_is_cancelled_before_it_runs_gives_its_place_back(make_engine: MakeEngine) -> None:
    counter = Counter(max_parallel=1)

    class Late(WatchedStore):
        cancels = True

        async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
            await super().append_events(events)
            if self.cancels and any(event.event_type == "step_started" for event in events):
                self.cancels = False
                engine.cancel_all()

    engine = make_engine(counter.action, store=Late())
    first = await engine.run(flow(counting()))
    assert (first.status, counter.calls) == ("cancelled", 0)
    assert (await asyncio.wait_for(engine.run(flow(counting())), 10)).ok
