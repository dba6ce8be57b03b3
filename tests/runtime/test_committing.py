"""Group commit: the appends of one turn are one call, and each learns its own fate."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.runtime.committing import Committer
from engine.store import ConflictError, StoreError
from engine.testing import FakeClock, SequentialIds
from engine.testing.wrapping import StoreInFront
from stores.memory import MemoryExecutionEventStore
from tests.core.rules import flow


class Counting(StoreInFront):
    """Counts the calls, and how many batches each had; each takes a turn of the loop."""

    def __init__(self) -> None:
        super().__init__(MemoryExecutionEventStore())
        self.calls: list[int] = []
        self.failure: BaseException | None = None

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        self.calls.append(len(batches))
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return await super().append_batches(batches)


def first_event(execution_id: str, sequence: int = 1) -> list[ExecutionEvent]:
    event = ExecutionEvent(
        id=f"event_{execution_id}_{sequence}",
        execution_id=execution_id,
        path_id="",
        sequence=sequence,
        timestamp="2026-03-01T00:00:00.000000Z",
        event_type="execution_started",
        step_name="",
        data={
            "workflow_name": "w", "workflow": {"name": "w", "steps": [{"name": "A", "pass": True}]},
            "workflow_hash": "v1:w", "inputs": {}, "inputs_hash": "v1:i", "engine_version": "0",
        },
    )  # fmt: skip
    return [event]


def ids(count: int) -> list[str]:
    return [f"exec_{number:026d}" for number in range(count)]


async def test_one_writer_goes_to_the_store_directly() -> None:
    store = Counting()
    committer = Committer(store)
    committer.writers = 1
    await committer.append(first_event(ids(1)[0]))
    assert store.calls == [1]


async def test_what_comes_in_one_turn_is_one_call_and_what_comes_meanwhile_the_next() -> None:
    store = Counting()
    committer = Committer(store)
    committer.writers = 6
    names = ids(6)
    first = [asyncio.create_task(committer.append(first_event(name))) for name in names[:4]]
    while not store.calls:
        await asyncio.sleep(0)
    second = [asyncio.create_task(committer.append(first_event(name))) for name in names[4:]]
    await asyncio.gather(*first, *second)
    assert store.calls == [4, 2]
    assert len(await store.list_executions()) == 6


async def test_each_batch_has_its_own_fate() -> None:
    store = Counting()
    committer = Committer(store)
    committer.writers = 2
    good, bad = ids(2)
    results = await asyncio.gather(
        committer.append(first_event(good)), committer.append(first_event(bad, sequence=5)), return_exceptions=True
    )
    assert results[0] is None
    assert isinstance(results[1], ConflictError)
    assert [summary.id for summary in await store.list_executions()] == [good]


async def test_a_store_that_fails_fails_all_of_the_turn_and_the_next_may_succeed() -> None:
    store = Counting()
    committer = Committer(store)
    committer.writers = 2
    store.failure = StoreError("disk full")
    appends = (committer.append(first_event(name)) for name in ids(2))
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert [str(result) for result in results] == ["disk full"] * 2
    store.failure = None
    await asyncio.gather(*(committer.append(first_event(name)) for name in ids(2)))
    assert len(await store.list_executions()) == 2


async def test_who_gave_up_waiting_changes_nothing_for_the_others() -> None:
    store = Counting()
    committer = Committer(store)
    committer.writers = 2
    gone, stays = (asyncio.create_task(committer.append(first_event(name))) for name in ids(2))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert len(await store.list_executions()) == 2


async def test_many_executions_of_one_engine_share_their_commits() -> None:
    store = Counting()
    engine = Engine(store, clock=FakeClock(), ids=SequentialIds())
    steps = [{"name": name, "action": "Time.Now"} for name in "ABC"]
    results = await asyncio.gather(*(engine.run(flow(*steps)) for _ in range(10)))
    assert all(result.ok for result in results)
    alone = 4  # commits of one execution: its beginning, and one after each step
    assert sum(store.calls) == 10 * alone
    assert len(store.calls) < 10 * alone / 2
    await engine.close()
