"""A store in front of another one is a store itself; one that crashes is none any more from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.lifecycle.engine import Engine
from engine.store import ExecutionEventStore
from engine.testing import Crash, CrashedError, CrashingStore, FakeClock, SequentialIds, stub
from engine.testing.conformance import StoreConformance
from stores.memory import MemoryExecutionEventStore
from tests.core.rules import flow

STEPS = flow({"name": "A", "action": "act"}, {"name": "B", "action": "act"})


class TestInFront(StoreConformance):
    @pytest.fixture
    async def store(self) -> AsyncIterator[CrashingStore]:
        behind = MemoryExecutionEventStore()
        yield CrashingStore(behind, Crash(10**6))
        await behind.close()

    def test_it_is_a_store(self, store: CrashingStore) -> None:
        assert isinstance(store, ExecutionEventStore)


@pytest.mark.parametrize(("lost", "kept"), [(False, 5), (True, 3)])
async def test_the_commit_it_dies_at_is_whole_or_lost(lost: bool, kept: int) -> None:
    behind, act = MemoryExecutionEventStore(), stub("act")
    store = CrashingStore(behind, Crash(4, lost))
    engine = Engine(store, actions=[act], clock=FakeClock(), ids=SequentialIds())
    with pytest.raises(CrashedError, match="died at event 4"):
        await engine.run(STEPS)
    (summary,) = await behind.list_executions()
    assert (summary.last_event_seq, summary.owner, store.crashed) == (kept, None, True)
    assert len(act.calls) == 1
    with pytest.raises(CrashedError):
        await store.get_event_history(summary.id)
    with pytest.raises(CrashedError):
        await store.append_events((await behind.get_event_history(summary.id))[:1])
    await engine.close()


async def test_it_may_wait_for_one_execution() -> None:
    behind = MemoryExecutionEventStore()
    ids = SequentialIds()
    first, second = SequentialIds().new("exec"), "exec_00000000000000000000000002"
    store = CrashingStore(behind, Crash(4, execution_id=second))
    engine = Engine(store, actions=[stub("act")], clock=FakeClock(), ids=ids)
    assert (await engine.run(STEPS)).id == first
    with pytest.raises(CrashedError):
        await engine.run(STEPS)
    await engine.close()
