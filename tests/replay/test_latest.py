"""The latest state from a snapshot and what came after it, and from the events alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.reduce import HistoryError
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSnapshot
from engine.replay import latest
from engine.replay.latest import latest_state
from engine.testing.wrapping import StoreInFront
from stores.memory import MemoryExecutionEventStore
from tests.core.written import EXECUTION, Written, edge


class Counting(StoreInFront):
    """Remembers which events were read, and how many at once at most."""

    def __init__(self) -> None:
        super().__init__(MemoryExecutionEventStore())
        self.read: list[int] = []
        self.most = 0
        self.snapshot: ExecutionSnapshot | None = None

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        events = await super().get_events(execution_id, from_seq, limit)
        self.read += [event.sequence for event in events]
        self.most = max(self.most, len(events))
        return events

    async def get_event_history(self, execution_id: str) -> list[ExecutionEvent]:
        raise AssertionError("nothing may read all events at once")

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        return self.snapshot


def long(visits: int) -> Written:
    written = Written({"name": "A", "action": "a", "store": "a"})
    written.path()
    for visit in range(1, visits + 1):
        written.started("A", visit=visit)
        written.completed("A", visit, visit=visit, edges=[edge("A")], stored_variable="a")
    return written


WRITTEN = long(100)
LAST = len(WRITTEN.events)


async def stored(snapshot_at: int | None = None) -> Counting:
    store = Counting()
    await store.append_events(WRITTEN.events)
    if snapshot_at is not None:
        store.snapshot = ExecutionSnapshot.of(WRITTEN.states[snapshot_at], {})
    return store


async def test_only_what_came_after_the_snapshot_is_read() -> None:
    store = await stored(snapshot_at=LAST - 3)
    assert await latest_state(store, EXECUTION) == WRITTEN.states[-1]
    assert store.read == [LAST - 2, LAST - 1, LAST]


async def test_a_snapshot_of_the_end_is_the_state() -> None:
    store = await stored(snapshot_at=LAST)
    assert await latest_state(store, EXECUTION) == WRITTEN.states[-1]
    assert store.read == []


@pytest.mark.parametrize("piece", [1, 7, LAST - 1, LAST, LAST + 1])
async def test_without_a_snapshot_all_events_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(latest, "PIECE", piece)
    store = await stored()
    assert await latest_state(store, EXECUTION) == WRITTEN.states[-1]
    assert store.read == list(range(1, LAST + 1))
    assert store.most <= piece


async def test_a_snapshot_of_another_version_is_passed_over() -> None:
    store = await stored(snapshot_at=50)
    assert store.snapshot is not None
    store.snapshot = replace(store.snapshot, state={**store.snapshot.state, "state_version": 0})
    assert await latest_state(store, EXECUTION) == WRITTEN.states[-1]
    assert store.read[0] == 1


async def test_a_snapshot_that_the_events_do_not_continue_is_passed_over() -> None:
    store = await stored()
    state = WRITTEN.states[50]
    store.snapshot = ExecutionSnapshot.of(state._replace(paths={}), {})
    assert await latest_state(store, EXECUTION) == WRITTEN.states[-1]
    assert store.read[-LAST:] == list(range(1, LAST + 1))


async def test_a_snapshot_by_somebody_who_understood_less_is_passed_over() -> None:
    store = await stored()
    store.snapshot = ExecutionSnapshot.of(WRITTEN.states[50]._replace(incomplete_from=20), {})
    state = await latest_state(store, EXECUTION)
    assert state is not None
    assert state.incomplete_from is None


async def test_an_unknown_execution_has_no_state() -> None:
    assert await latest_state(Counting(), "exec_nobody") is None


async def test_a_history_that_makes_no_sense_is_an_error() -> None:
    store = Counting()
    written = long(2)
    nonsense = written.events[-1]._replace(sequence=len(written.events) + 1, id="event_twice")
    await store.append_events([*written.events, nonsense])
    with pytest.raises(HistoryError, match="does not fit"):
        await latest_state(store, EXECUTION)
