"""The conformance suite finds stores that do not conform, and finds them by the right check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.store import ConflictError, StoreError
from engine.testing import conformance_base
from engine.testing.conformance import (
    OPTIONAL_SHARED_CHECKS,
    READ_ONLY_CHECKS,
    NotConformingError,
    SharedCheck,
    checks_for,
    shared_checks_for,
)
from stores.memory import MemoryExecutionEventStore
from tests.stores.broken_inboxes import BROKEN_INBOXES
from tests.stores.broken_options import (
    BROKEN_OPTIONS,
    BROKEN_READ_ONLY,
    CapableMemory,
    ReadOnlyMemory,
    TellsItsOwnRunnersOnly,
)

Memory = MemoryExecutionEventStore


class ForgetsOptionalFields(Memory):
    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        await super().append_events([event._replace(origin=None) for event in events])


class StripsControlCharacters(Memory):
    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        events = await super().get_events(execution_id, from_seq, limit)
        for event in events:
            if isinstance(event.data.get("output"), dict) and "text" in event.data["output"]:
                event.data["output"]["text"] = event.data["output"]["text"].replace("\x00", "")
        return events


class LosesTheEndOfLargeBatches(Memory):
    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        await super().append_events(events[:500])


class CountsFromZero(Memory):
    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        return await super().get_events(execution_id, from_seq + (from_seq > 1), limit)


class TakesNoLimitForNone(Memory):
    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        return await super().get_events(execution_id, from_seq, limit or None)


class FailsForUnknownExecutions(Memory):
    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        if await self.get_summary(execution_id) is None:
            raise KeyError(execution_id)
        return await super().get_events(execution_id, from_seq, limit)


class TakesAnyId(Memory):
    async def delete_execution(self, execution_id: str) -> bool:
        return "/" not in execution_id and await super().delete_execution(execution_id)


class LeavesGaps(Memory):
    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        try:
            await super().append_events(events)
        except ConflictError:
            known = len(await self.get_event_history(events[0].execution_id))
            if not known or events[0].sequence <= known:
                raise


class RefusesRepetition(Memory):
    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        if events and len(await self.get_event_history(events[0].execution_id)) >= events[-1].sequence:
            raise ConflictError("again")
        await super().append_events(events)


class AcceptsAnyRepetition(Memory):
    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        known = await self.get_event_history(events[0].execution_id) if events else []
        if not events or not {event.id for event in events} <= {event.id for event in known}:
            await super().append_events(events)


class AppendsTheGoodPartOfABadBatch(Memory):
    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        try:
            await super().append_events(events)
        except ValueError:
            await super().append_events(events[:1])
            raise


class SharesItsObjects(Memory):
    def __init__(self) -> None:
        super().__init__()
        self.held: list[ExecutionEvent] = []

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        await super().append_events(events)
        self.held += events

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        held = [event for event in self.held if event.execution_id == execution_id]
        return held or await super().get_events(execution_id, from_seq, limit)


class LetsEveryoneWin(Memory):
    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        before = len(await self.get_event_history(events[0].execution_id)) if events else 0
        await asyncio.sleep(0)
        if events and before == 0 and events[0].sequence == 1:
            self._shelf.executions.pop(events[0].execution_id, None)
        await super().append_events(events)


class KeepsTheFirstSnapshot(Memory):
    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        if await self.get_snapshot(snapshot.id) is None:
            await super().save_snapshot(snapshot)


class GivesSnapshotsThatAreAhead(Memory):
    def __init__(self) -> None:
        super().__init__()
        self.snapshots: dict[str, ExecutionSnapshot] = {}

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        self.snapshots[snapshot.id] = snapshot

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        await super().get_snapshot(execution_id)
        return self.snapshots.get(execution_id)


class ListsWhatTheSnapshotSays(Memory):
    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        listed = []
        for summary in await super().list_executions(where):
            snapshot = await self.get_snapshot(summary.id)
            listed.append(replace(summary, status=snapshot.status) if snapshot else summary)
        return listed


class ListsOldestFirst(Memory):
    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        return (await super().list_executions(where))[::-1]


class CutsBeforeItFilters(Memory):
    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        where = where or ExecutionFilter()
        first = await super().list_executions(ExecutionFilter(limit=where.limit))
        return list(filter(where.accepts, first))[where.offset :]


class HidesWhatDoesNotFit(Memory):
    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        return [line for line in await super().list_executions(where) if not line.error.startswith("damaged")]


class DeletesEverything(Memory):
    async def delete_execution(self, execution_id: str) -> bool:
        existed = await super().delete_execution(execution_id)
        if existed:
            self._shelf.executions.clear()
        return existed


class CleansUpOpenOnes(Memory):
    async def cleanup_completed_executions(self, older_than: datetime) -> list[str]:
        removed = await super().cleanup_completed_executions(older_than)
        if older_than.month > 3:
            removed += [line.id for line in await self.list_executions() if await self.delete_execution(line.id)]
        return removed


class LetsAnybodyOwn(Memory):
    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        self._shelf.owners.pop(execution_id, None)
        await super().acquire_owner(execution_id, runner_id)


class LetsAnybodyRelease(Memory):
    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        await super().release_owner(execution_id, self._shelf.owners.get(execution_id, runner_id))


class TakesEveryOwnerForAlive(Memory):
    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        summary = await super().get_summary(execution_id)
        return (
            replace(summary, live=True)
            if summary and summary.live is False and summary.last_event_seq == 2
            else summary
        )


class DeletesWhatIsOwned(Memory):
    async def delete_execution(self, execution_id: str) -> bool:
        self._shelf.owners.pop(execution_id, None)
        return await super().delete_execution(execution_id)


class TellsNoOwners(Memory):
    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        watchers, self._shelf.watchers = self._shelf.watchers, []
        await super().acquire_owner(execution_id, runner_id)
        self._shelf.watchers = watchers


class TellsTheLastWatcherOnly(Memory):
    def watch(self) -> AsyncIterator[frozenset[str]]:
        self._shelf.watchers.clear()
        return super().watch()


class ClosesOnce(Memory):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed")
        self.closed = True
        await super().close()


BROKEN = [
    (ForgetsOptionalFields, "events_come_back_as_they_were"),
    (StripsControlCharacters, "hostile_text_survives"),
    (LosesTheEndOfLargeBatches, "large_batches_are_whole"),
    (CountsFromZero, "windows_are_exact"),
    (TakesNoLimitForNone, "windows_are_exact"),
    (FailsForUnknownExecutions, "unknown_executions_are_empty"),
    (TakesAnyId, "bad_ids_are_refused"),
    (LeavesGaps, "sequences_must_continue"),
    (RefusesRepetition, "repetition_is_a_success"),
    (AcceptsAnyRepetition, "repetition_is_a_success"),
    (AppendsTheGoodPartOfABadBatch, "batches_are_checked_first"),
    (SharesItsObjects, "nothing_is_shared_with_callers"),
    (LetsEveryoneWin, "one_of_many_wins"),
    (KeepsTheFirstSnapshot, "snapshots_come_back"),
    (GivesSnapshotsThatAreAhead, "snapshots_are_never_ahead"),
    (ListsWhatTheSnapshotSays, "lists_are_never_behind"),
    (ListsOldestFirst, "lists_are_sorted_and_filtered"),
    (CutsBeforeItFilters, "lists_are_sorted_and_filtered"),
    (HidesWhatDoesNotFit, "histories_that_do_not_fit_are_listed"),
    (DeletesEverything, "deleted_executions_are_gone"),
    (CleansUpOpenOnes, "cleanup_takes_what_ended_before"),
    (LetsAnybodyOwn, "one_runner_owns"),
    (LetsAnybodyRelease, "one_runner_owns"),
    (TakesEveryOwnerForAlive, "summaries_name_the_owner"),
    (DeletesWhatIsOwned, "owned_executions_stay"),
    (TellsNoOwners, "watch_tells_of_changes"),
    (TellsTheLastWatcherOnly, "watchers_do_not_disturb_each_other"),
    (ClosesOnce, "closing_twice_is_fine"),
    *BROKEN_INBOXES,
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance_base, "_TOO_LONG", 0.05)


WRONG = (NotConformingError, StoreError, RuntimeError, KeyError, ValueError)
"""What a check may end with when a store is broken."""


def named(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("broken", "check"), [*BROKEN, *BROKEN_OPTIONS], ids=named)
async def test_what_is_broken_is_found(broken: type[Memory], check: str) -> None:
    found = {each.__name__: each for each in checks_for(CapableMemory)}[check]
    await found(CapableMemory())
    with pytest.raises(WRONG):
        await found(broken())


def test_each_check_finds_something() -> None:
    wanted = {each.__name__ for each in checks_for(CapableMemory)}
    assert {check for _, check in [*BROKEN, *BROKEN_OPTIONS]} == wanted


@pytest.mark.parametrize("check", shared_checks_for(CapableMemory), ids=named)
async def test_stores_that_share_nothing_are_found(check: SharedCheck) -> None:
    store = CapableMemory()
    await check(store, store.open_again())
    with pytest.raises(WRONG):
        await check(CapableMemory(), CapableMemory())


async def test_a_store_that_tells_its_own_runners_only_is_found() -> None:
    (check,) = OPTIONAL_SHARED_CHECKS["live_runners"]
    store = TellsItsOwnRunnersOnly()
    with pytest.raises(NotConformingError):
        await check(store, store.open_again())


@pytest.mark.parametrize(("broken", "check"), BROKEN_READ_ONLY, ids=named)
async def test_what_can_be_changed_though_it_should_not_is_found(broken: type[ReadOnlyMemory], check: str) -> None:
    found = {each.__name__: each for each in READ_ONLY_CHECKS}[check]
    await found(await ReadOnlyMemory.filled())
    with pytest.raises(WRONG):
        await found(await broken.filled())


def test_each_check_of_a_read_only_store_finds_something() -> None:
    assert {check for _, check in BROKEN_READ_ONLY} == {each.__name__ for each in READ_ONLY_CHECKS}
