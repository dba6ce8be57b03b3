"""The time an execution has: once it is over nothing more begins, whoever looks first."""

from __future__ import annotations

from dive_tui import Engine, Workflow
from engine.testing import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore

NAPPING = Workflow.model_validate({
    "name": "napping",
    "deadline": "1m",
    "steps": [{"name": "Nap", "sleep": "10s"}, {"name": "Work", "action": "Print"}],
})  # fmt: skip


async def test_who_comes_after_the_deadline_starts_nothing_more() -> None:
    store, clock = MemoryExecutionEventStore(), FakeClock()
    engine = Engine(store, clock=clock, ids=SequentialIds())
    left = await engine.run(NAPPING, linger=0)
    assert left.status == "waiting"
    clock.advance(120)
    result = await engine.recover(left.id)
    assert result.error is not None
    assert result.error["type"] == "DeadlineExceeded"
    told = [event.event_type for event in await store.get_event_history(left.id)]
    assert told[-2:] == ["path_cancelled", "execution_failed"]
    assert told.count("step_started") == 1
