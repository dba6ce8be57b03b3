"""Relaxed durability: what gathers, when it is flushed, and what a failing store does to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.model.step import Step
from engine.model.workflow import Workflow
from engine.runtime.batching import EventBatcher
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import ActionContext
from engine.runtime.losses import RecordingError
from engine.store import ConflictError, StoreError
from engine.testing import Crash, FakeClock, SequentialIds, run_workflow
from engine.testing.wrapping import StoreInFront
from stores.memory import MemoryExecutionEventStore
from tests.runtime.test_committing import first_event, ids

NEVER = 60.0
A, B, C = ids(3)


class Written(StoreInFront):
    """Notes what each call writes; fails while `problem` is set, with `lies` after it has stored."""

    def __init__(self) -> None:
        super().__init__(MemoryExecutionEventStore())
        self.calls: list[dict[str, list[int]]] = []
        self.problem: Exception | None = None
        self.only: str | None = None
        self.lies = False
        self.gate: asyncio.Event | None = None
        self.called = asyncio.Event()

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        self.calls.append({batch[0].execution_id: [event.sequence for event in batch] for batch in batches})
        self.called.set()
        if self.gate is not None:
            await self.gate.wait()
        problem, only = self.problem, self.only
        if problem is not None and (only is None or not isinstance(problem, StoreError)):
            if self.lies:
                await super().append_batches(batches)
            raise problem
        kept = [batch for batch in batches if problem is None or batch[0].execution_id != only]
        results = iter(await super().append_batches(kept))
        assert problem is None or isinstance(problem, StoreError)
        return [next(results) if batch in kept else problem for batch in batches]


def events(execution_id: str, first: int, last: int) -> list[ExecutionEvent]:
    """Some of a history; they fold only in so far as the store does not."""
    (begin,) = first_event(execution_id)
    others = [
        begin._replace(
            id=f"event_{execution_id}_{number}", sequence=number, event_type="version_decision", data=DECIDED
        )
        for number in range(max(first, 2), last + 1)
    ]
    return ([begin] if first == 1 else []) + others


DECIDED = {"change_id": "c", "version": 1, "min_version": 1, "max_version": 1}


def relaxed(**more: float) -> PersistenceConfig:
    return PersistenceConfig.model_validate({"durability": "relaxed", "flush_interval": NEVER, **more})


@pytest.fixture
async def store() -> AsyncIterator[Written]:
    yield Written()


async def stored(store: Written, execution_id: str) -> list[int]:
    return [event.sequence for event in await store.behind.get_event_history(execution_id)]


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_appended_waits_in_memory_until_the_interval_is_over(store: Written) -> None:
    batcher = EventBatcher(store, relaxed(flush_interval=0.01))
    await batcher.append(events(A, 1, 2))
    await batcher.append(events(B, 1, 1))
    await batcher.append(events(A, 3, 3))
    await turns()
    assert store.calls == []
    assert [event.sequence for event in batcher.pending(A)] == [1, 2, 3]
    await store.called.wait()
    assert store.calls == [{A: [1, 2, 3], B: [1]}], "one call, one batch of each execution, in order"
    await turns()
    assert (batcher.pending(A), batcher.pending(B)) == ([], [])
    assert await stored(store, A) == [1, 2, 3]
    await batcher.close()


async def test_many_events_are_flushed_at_once(store: Written) -> None:
    batcher = EventBatcher(store, relaxed(batch_size=4))
    await batcher.append(events(A, 1, 3))
    await turns()
    assert store.calls == []
    await batcher.append(events(B, 1, 1))
    await turns()
    assert store.calls == [{A: [1, 2, 3], B: [1]}]
    await batcher.close()


async def test_many_bytes_are_flushed_at_once(store: Written) -> None:
    batcher = EventBatcher(store, relaxed(max_batch_bytes=1_000))
    await batcher.append(events(A, 1, 1), size=600)
    await turns()
    assert store.calls == []
    await batcher.append(events(B, 1, 1), size=600)
    await turns()
    assert store.calls == [{A: [1], B: [1]}]
    # Without a size they are counted.
    await batcher.append(events(A, 2, 20))
    await turns()
    assert store.calls[1:] == [{A: list(range(2, 21))}]
    await batcher.close()


async def test_who_must_be_sure_waits_and_takes_all_the_others_along(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    await batcher.append(events(A, 1, 2))
    await batcher.append(events(B, 1, 1), at_once=True)
    assert store.calls == [{A: [1, 2], B: [1]}]
    assert await stored(store, B) == [1]
    await batcher.append(events(A, 3, 3))
    await batcher.flush(A)
    assert await stored(store, A) == [1, 2, 3]
    await batcher.append(events(A, 4, 4))
    await batcher.append(events(C, 1, 1))
    await batcher.flush()
    assert store.calls[-1] == {A: [4], C: [1]}
    await batcher.flush()
    await batcher.append([])
    assert len(store.calls) == 3
    assert batcher.commits == 5


async def test_closing_flushes(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    await batcher.append(events(A, 1, 2))
    await batcher.close()
    assert await stored(store, A) == [1, 2]


async def test_an_append_to_a_full_buffer_waits(store: Written) -> None:
    batcher = EventBatcher(store, relaxed(batch_size=2))
    store.gate = asyncio.Event()
    await batcher.append(events(A, 1, 2))
    await store.called.wait()
    # The first two are being written; two more may gather.
    await batcher.append(events(B, 1, 2))
    waits = asyncio.create_task(batcher.append(events(C, 1, 1)))
    await turns()
    assert not waits.done()
    store.gate.set()
    await waits
    assert store.calls == [{A: [1, 2]}, {B: [1, 2], C: [1]}]
    await batcher.close()


async def test_what_a_failing_store_did_not_take_is_repeated_as_it_was_and_then_the_rest(store: Written) -> None:
    """It may have been stored all the same, which the store knows only of the very same batch."""
    batcher = EventBatcher(store, relaxed(flush_interval=0.005))
    store.problem, store.lies = StoreError("no space"), True
    await batcher.append(events(A, 1, 2))
    await store.called.wait()
    await turns()
    with pytest.raises(StoreError, match="no space"):
        await batcher.append(events(A, 3, 3))
    assert [event.sequence for event in batcher.pending(A)] == [1, 2, 3], "it is kept"
    with pytest.raises(StoreError, match="no space"):
        await batcher.append(events(A, 3, 3))
    assert [event.sequence for event in batcher.pending(A)] == [1, 2, 3], "and not taken twice"
    store.problem = None
    await batcher.append(events(A, 3, 3))
    assert all(call == {A: [1, 2]} for call in store.calls[:-1])
    assert store.calls[-1] == {A: [3]}
    assert await stored(store, A) == [1, 2, 3]
    await batcher.append(events(A, 4, 4))
    await turns()
    assert store.calls[-1] == {A: [3]}, "once it works again nobody waits any more"
    await batcher.close()


async def test_a_failing_store_is_tried_again_by_itself_with_growing_pauses(
    store: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noted(delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        pauses.append(delay)
        return call_later(0, callback)

    monkeypatch.setattr(loop, "call_later", noted)
    batcher = EventBatcher(store, relaxed(flush_interval=0.1))
    store.problem = StoreError("no space")
    await batcher.append(events(A, 1, 2))
    while len(pauses) < 10:
        await asyncio.sleep(0)
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[9] == 5.0
    store.problem = None
    await turns()
    assert await stored(store, A) == [1, 2]
    assert batcher.pending(A) == []


async def test_a_batch_that_was_stored_all_the_same_is_no_conflict(store: Written) -> None:
    class Forgetful(Written):
        async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
            if self.calls:
                self.calls.append({})
                return [ConflictError("the history is longer")] * len(batches)
            return await super().append_batches(batches)

    forgetful = Forgetful()
    forgetful.problem, forgetful.lies = StoreError("I/O error"), True
    batcher = EventBatcher(forgetful, relaxed())
    with pytest.raises(StoreError, match="I/O error"):
        await batcher.append(events(A, 1, 2), at_once=True)
    await batcher.append(events(A, 1, 2), at_once=True)
    assert await stored(forgetful, A) == [1, 2]
    await batcher.append(events(A, 3, 3))
    with pytest.raises(ConflictError):
        await batcher.flush(A)


async def test_a_conflict_reaches_its_own_execution_only(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    await batcher.append(events(A, 1, 2))
    await batcher.append(events(B, 7, 8))
    await batcher.append(events(C, 1, 1), at_once=True)
    assert await stored(store, A) == [1, 2]
    with pytest.raises(ConflictError):
        await batcher.append(events(B, 9, 9))
    with pytest.raises(ConflictError):
        await batcher.flush(B)
    assert batcher.pending(B) == []
    await batcher.append(events(A, 3, 3), at_once=True)
    assert await stored(store, A) == [1, 2, 3]
    batcher.forget(B)
    await batcher.append(events(B, 1, 1), at_once=True)
    await batcher.close()


async def test_a_failure_of_one_execution_leaves_the_others_durable(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    store.problem, store.only = StoreError("its file is broken"), B
    await batcher.append(events(A, 1, 1))
    with pytest.raises(StoreError, match="its file is broken"):
        await batcher.append(events(B, 1, 1), at_once=True)
    assert await stored(store, A) == [1]
    await batcher.append(events(A, 2, 2))
    assert await stored(store, A) == [1, 2]
    store.problem = None
    await batcher.close()
    assert await stored(store, B) == [1]


async def test_what_is_forgotten_is_not_written(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    store.gate = asyncio.Event()
    await batcher.append(events(A, 1, 1))
    waits = asyncio.create_task(batcher.append(events(B, 1, 1), at_once=True))
    await store.called.wait()
    await batcher.append(events(A, 2, 2))
    batcher.forget(A)
    batcher.forget(B)
    with pytest.raises(StoreError, match="given up"):
        await waits
    store.gate.set()
    await turns()
    await batcher.close()
    assert store.calls == [{A: [1], B: [1]}]


async def test_closing_with_a_failing_store_says_so_and_gives_up(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    store.problem = StoreError("no space")
    await batcher.append(events(A, 1, 1))
    with pytest.raises(StoreError, match="no space"):
        await batcher.close()
    assert batcher.pending(A) == []


async def test_what_is_no_error_of_the_store_is_not_tried_again(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    store.problem = ZeroDivisionError("a mistake")
    with pytest.raises(ZeroDivisionError):
        await batcher.append(events(A, 1, 1), at_once=True)
    store.problem = None
    with pytest.raises(ZeroDivisionError):
        await batcher.append(events(A, 2, 2))
    assert len(store.calls) == 1


async def test_a_writer_that_is_cancelled_leaves_nobody_waiting_and_nothing_to_come(store: Written) -> None:
    batcher = EventBatcher(store, relaxed())
    store.gate = asyncio.Event()
    before = asyncio.all_tasks()
    waits = asyncio.create_task(batcher.append(events(A, 1, 1), at_once=True))
    await store.called.wait()
    (writer,) = asyncio.all_tasks() - before - {waits}
    writer.cancel()
    with pytest.raises(RuntimeError, match="interrupted"):
        await waits
    assert batcher.pending(A) == []


# Executions


async def give(value: object = None) -> object:
    return value


def chain(*names: str) -> Workflow:
    return Workflow(name="w", steps=[Step(name=name, action="give") for name in names])


async def test_an_execution_is_durable_at_its_beginning_and_its_end_and_gathers_between(store: Written) -> None:
    """An effect begins when its start is taken, though that is not durable yet."""
    seen: list[int] = []

    async def look() -> None:
        (known,) = await store.behind.list_executions()
        seen.append(known.last_event_seq)

    engine = Engine(store, actions=[look], config=relaxed())
    steps = [Step(name=name, action="look") for name in "ABCDE"]
    result = await engine.run(Workflow(name="w", steps=steps))
    await engine.close()
    assert seen == [3, 3, 3, 3, 3]
    assert [next(iter(call.values()))[-1] for call in store.calls] == [3, result.state.sequence]
    assert await stored(store, result.id) == list(range(1, result.state.sequence + 1))


async def test_what_waits_or_is_left_is_durable(store: Written) -> None:
    steps = [*(Step(name=name, action="give") for name in "AB"), Step(name="W", wait_signal="go")]
    engine = Engine(store, actions=[give], config=relaxed())
    result = await engine.run(Workflow(name="w", steps=steps), linger=0)
    assert result.status == "waiting"
    assert await stored(store, result.id) == list(range(1, result.state.sequence + 1))

    async def stop() -> None:
        engine.stop()

    engine = Engine(store, actions=[stop, give], config=relaxed())
    steps = [Step(name="A", action="give"), Step(name="Stop", action="stop"), Step(name="B", action="give")]
    left = await engine.run(Workflow(name="w", steps=steps))
    assert left.status == "running"
    assert left.state.sequence > 5
    assert await stored(store, left.id) == list(range(1, left.state.sequence + 1))


async def test_what_stops_a_runner_in_the_middle_does_not_take_what_was_recorded_along(store: Written) -> None:
    def observe(batch: Sequence[ExecutionEvent]) -> None:
        if batch[-1].sequence > 6:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Engine(store, actions=[give], config=relaxed(), ids=SequentialIds()).run(
            chain("A", "B", "C", "D"), observer=observe
        )
    assert len(await stored(store, SequentialIds().new("exec"))) > 6


async def test_executions_share_their_flushes(store: Written) -> None:
    engine = Engine(store, actions=[give], config=relaxed())
    results = await asyncio.gather(*(engine.run(chain(*"ABCDE")) for _ in range(20)))
    assert all(result.ok for result in results)
    assert len(store.calls) <= 8
    for result in results:
        assert await stored(store, result.id) == list(range(1, result.state.sequence + 1))


async def test_lost_units_are_those_that_were_taken_and_those_that_were_not(store: Written) -> None:
    clock = FakeClock(skip=True)

    async def spoil() -> None:
        store.problem = StoreError("no space")

    steps = [Step(name=name, action="give") for name in "AB"] + [Step(name="Spoil", action="spoil")]
    engine = Engine(store, actions=[give, spoil], config=relaxed(), clock=clock)
    with pytest.raises(RecordingError, match="no space") as caught:
        await engine.run(Workflow(name="w", steps=steps))
    assert [unit.step for unit in caught.value.units] == ["A", "B", "Spoil"]
    assert clock.monotonic() == pytest.approx(60)
    # What was told as lost is not written later, when somebody else may own the execution.
    store.problem, calls = None, len(store.calls)
    assert (await engine.run(chain("C"))).ok
    assert all(set(call).isdisjoint({caught.value.units[0].execution_id}) for call in store.calls[calls:])


@pytest.mark.parametrize("lost", [True, False])
async def test_after_a_death_what_was_not_flushed_runs_again_with_the_same_effect_key(lost: bool) -> None:
    keys: list[tuple[str, str]] = []

    async def note(context: ActionContext) -> None:
        keys.append((context.step, context.effect_key))

    steps = [Step(name=name, action="note") for name in "ABC"]
    run = await run_workflow(
        Workflow(name="w", steps=steps),
        store=MemoryExecutionEventStore(),
        actions=[note],
        config=relaxed(),
        crashes=[Crash(8, lost)],
    )
    assert run.ok
    assert [event.sequence for event in run.events] == list(range(1, len(run.events) + 1))
    again = keys[3:]
    assert {step for step, _ in keys} == {"A", "B", "C"}
    assert set(again) <= set(keys[:3])
    assert bool(again) == lost
