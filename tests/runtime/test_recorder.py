"""Recording: numbers, times, what is stored is what is folded, and when a snapshot is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.core.reduce import HistoryError, fold, initial_state
from engine.core.settle import Draft
from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.snapshot import ExecutionSnapshot
from engine.runtime.config import PersistenceConfig
from engine.runtime.recorder import EventBasedExecution
from engine.store import StoreError
from engine.testing.ports import FakeClock, SequentialIds
from tests.core.written import Written
from tests.runtime.watched import WatchedStore


def first(**inputs: Any) -> Draft:
    data = dict(Written().events[0].data, inputs=inputs)
    return Draft(ExecutionEventType.EXECUTION_STARTED, data=data)


PATH = Draft(ExecutionEventType.PATH_STARTED, "main", data={"current_step": "A"})
START = Draft(
    ExecutionEventType.STEP_STARTED,
    "main",
    "A",
    {"step_type": "action", "visit": 1, "attempt": 1, "step_params": {}, "inputs_hash": "h", "effect_key": "k"},
)


def done(output: Any = None, **more: Any) -> Draft:
    edges = [{"step": "A", "value": True}]
    data = {"visit": 1, "attempt": 1, "output": output, "edges": edges, "duration_ms": 0.0, **more}
    return Draft(ExecutionEventType.STEP_COMPLETED, "main", "A", data)


@pytest.fixture
def watched() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def execution(watched: WatchedStore, clock: FakeClock, ids: SequentialIds) -> EventBasedExecution:
    return made(watched, clock, ids)


def made(store: Any, clock: FakeClock, ids: SequentialIds, **options: Any) -> EventBasedExecution:
    return EventBasedExecution(store, "exec_1", clock=clock, ids=ids, **options)


def record(execution: EventBasedExecution, *drafts: Draft) -> list[ExecutionEvent]:
    events = [execution.record_event(draft) for draft in drafts]
    assert None not in events
    return events  # type: ignore[return-value]


def test_events_are_numbered_and_folded_at_once(execution: EventBasedExecution) -> None:
    events = record(execution, first(), PATH, START)
    assert [event.sequence for event in events] == [1, 2, 3]
    assert len({event.id for event in events}) == 3
    assert list(execution.buffered) == events
    assert execution.state == fold(initial_state("exec_1"), events)
    assert execution.definition == events[0].data["workflow"]
    for event in events:
        event.validate()


def test_times_never_decrease_when_the_clock_is_set_back(execution: EventBasedExecution, clock: FakeClock) -> None:
    times = []
    for draft, seconds in ((first(), 1.0), (PATH, -3600.0), (START, 3600.25), (done(), 0.0)):
        times.append(record(execution, draft)[0].timestamp)
        clock.advance(seconds)
    assert times == [f"2026-03-01T09:14:0{second}Z" for second in ("2.000000", "3.000000", "3.000000", "3.250000")]


def test_what_is_folded_is_decoded_from_what_is_stored(execution: EventBasedExecution) -> None:
    inputs = {"x": [1, (2,)]}
    record(execution, first(**inputs), PATH, START)
    output = {"deep": [1]}
    (event,) = record(execution, done(output, stored_variable="a"))
    output["deep"].append(2)
    inputs["x"].append(3)  # type: ignore[attr-defined]
    assert event.data["output"] == {"deep": [1]}
    assert execution.state.paths["main"].variables == {"a": {"deep": [1]}}
    assert execution.state.inputs == {"x": [1, [2]]}


def test_an_event_that_does_not_fit_is_not_recorded(execution: EventBasedExecution) -> None:
    record(execution, first())
    before = execution.state
    with pytest.raises(HistoryError, match="not open"):
        execution.record_event(START)
    assert (execution.state, len(execution.buffered)) == (before, 1)


async def test_a_flush_commits_all_that_was_recorded_as_one_batch(
    execution: EventBasedExecution, watched: WatchedStore
) -> None:
    await execution.flush_events()
    assert watched.batches == []
    events = record(execution, first(), PATH, START)
    await execution.flush_events()
    assert watched.batches == [["execution_started", "main path_started", "main:A step_started"]]
    assert execution.buffered == ()
    assert await watched.get_event_history("exec_1") == events
    await execution.flush_events()
    assert len(watched.batches) == 1


async def test_a_failed_flush_keeps_its_events_and_can_be_repeated(clock: FakeClock, ids: SequentialIds) -> None:
    failing = True
    seen: list[Sequence[ExecutionEvent]] = []

    def before(batch: Sequence[ExecutionEvent]) -> None:
        if failing:
            raise StoreError("no space")

    store = WatchedStore(before)
    execution = made(store, clock, ids, observer=seen.append, config=PersistenceConfig(store_patience=0))
    events = record(execution, first(), PATH)
    with pytest.raises(StoreError, match="no space"):
        await execution.flush_events()
    assert list(execution.buffered) == events
    assert (seen, store.snapshots) == ([], [])
    failing = False
    await execution.flush_events()
    assert await store.get_event_history("exec_1") == events
    assert seen == [tuple(events)]


async def test_what_is_recorded_during_a_flush_waits_for_the_next(clock: FakeClock, ids: SequentialIds) -> None:
    execution: EventBasedExecution

    def before(batch: Sequence[ExecutionEvent]) -> None:
        if len(batch) == 1:
            record(execution, PATH)

    store = WatchedStore(before)
    execution = made(store, clock, ids)
    record(execution, first())
    await execution.flush_events()
    assert [event.event_type for event in execution.buffered] == ["path_started"]


async def test_nothing_is_recorded_while_replaying(execution: EventBasedExecution, watched: WatchedStore) -> None:
    history = Written()
    history.path()
    replayed = EventBasedExecution(watched, history.state.execution_id, clock=FakeClock(), ids=SequentialIds())
    replayed.replay(history.events)
    assert replayed.state == history.state
    assert replayed.definition == history.events[0].data["workflow"]
    assert (replayed.buffered, replayed.replay_mode) == ((), False)
    replayed.replay_mode = True
    assert replayed.record_event(START) is None
    assert replayed.state == history.state
    replayed.replay_mode = False
    recorded = replayed.record_event(START)
    assert recorded is not None
    assert recorded.sequence == 3
    await execution.flush_events()
    assert watched.batches == []


def test_a_history_that_does_not_continue_is_refused(execution: EventBasedExecution) -> None:
    with pytest.raises(HistoryError):
        execution.replay(Written().events)
    assert execution.replay_mode is False


# Snapshots


async def visit(execution: EventBasedExecution, number: int, output: Any = None) -> None:
    start = START._replace(data={**START.data, "visit": number})
    end = done(output, stored_variable="a")
    record(execution, start, end._replace(data={**end.data, "visit": number}))
    await execution.flush_events()


async def test_a_snapshot_comes_with_the_first_event_and_with_the_last(
    execution: EventBasedExecution, watched: WatchedStore
) -> None:
    record(execution, first(), PATH)
    await execution.flush_events()
    for number in range(1, 20):
        await visit(execution, number)
    assert [snapshot.last_event_seq for snapshot in watched.snapshots] == [2]
    record(execution, Draft(ExecutionEventType.PATH_CANCELLED, "main"))
    record(execution, Draft(ExecutionEventType.EXECUTION_CANCELLED, data={"by": "me", "reason": "enough"}))
    await execution.flush_events()
    assert [snapshot.last_event_seq for snapshot in watched.snapshots] == [2, 42]
    assert watched.snapshots[-1].restore_state() == execution.state
    assert watched.snapshots[-1].workflow_data == execution.definition


async def test_a_snapshot_waits_for_enough_events_and_twice_its_own_bytes(
    watched: WatchedStore, clock: FakeClock, ids: SequentialIds
) -> None:
    execution = made(watched, clock, ids, config=PersistenceConfig(snapshot_events=10))
    record(execution, first(big="x" * 20_000), PATH)
    await execution.flush_events()
    for number in range(1, 40):
        await visit(execution, number)
    assert len(watched.snapshots) == 1, "the snapshot is larger than the events"
    await visit(execution, 40, "y" * 45_000)
    assert len(watched.snapshots) == 2
    for number in range(41, 46):
        await visit(execution, number, "z" * 200_000)
        assert len(watched.snapshots) == 2, "there are too few events"
    await visit(execution, 46)
    assert len(watched.snapshots) == 3


async def test_a_snapshot_that_cannot_be_written_fails_nothing(clock: FakeClock, ids: SequentialIds) -> None:
    class Snapless(WatchedStore):
        async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
            raise StoreError("no space")

    execution = made(Snapless(), clock, ids)
    record(execution, first(), PATH)
    await execution.flush_events()
    assert execution.buffered == ()
