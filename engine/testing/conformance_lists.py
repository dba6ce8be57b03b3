"""Conformance: snapshots, lists, and removing executions."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, summarize
from engine.store import ExecutionEventStore
from engine.testing.conformance_base import Check, expect, expect_error
from engine.testing.conformance_events import START, HistoryMaker


def snapshot_of(events: list[ExecutionEvent]) -> ExecutionSnapshot:
    """The snapshot a runner would save after these events."""
    state = fold(initial_state(events[0].execution_id), events)
    return ExecutionSnapshot.of(state, events[0].data["workflow"])


async def snapshots_come_back(store: ExecutionEventStore) -> None:
    """The last one saved is kept, and its state can be used."""
    maker = HistoryMaker()
    events = maker.begin({"limit": 3}) + maker.work({"a": [1]})
    await store.append_events(events)
    for until in (2, 3, 4, 1):
        snapshot = snapshot_of(events[:until])
        await store.save_snapshot(snapshot)
        found = await store.get_snapshot(maker.execution_id)
        expect(found is not None, f"a snapshot at event {until} should be found")
        if found is not None:
            expect(found.last_event_seq == until, f"the snapshot should be the one at event {until}")
            expect(found.restore_state() == snapshot.restore_state(), "the state of a snapshot came back changed")
            expect(found.workflow_data == snapshot.workflow_data, "the workflow of a snapshot came back changed")


async def snapshots_are_never_ahead(store: ExecutionEventStore) -> None:
    """A snapshot at an event that the history does not have is not given out."""
    maker = HistoryMaker()
    first, second = maker.begin(), maker.work()
    await store.save_snapshot(snapshot_of(first))
    expect(await store.get_snapshot(maker.execution_id) is None, "a snapshot without history should not be found")
    expect(await store.list_executions() == [], "a snapshot alone makes no execution")
    await store.append_events(first)
    await store.save_snapshot(snapshot_of(first + second))
    found = await store.get_snapshot(maker.execution_id)
    expect(found is None or found.last_event_seq <= 2, "a snapshot ahead of its history should not be found")


async def lists_are_never_behind(store: ExecutionEventStore) -> None:
    """After each append, and whatever snapshot there is, the list says where the execution stands."""
    maker = HistoryMaker()
    events: list[ExecutionEvent] = []
    for batch in (maker.begin(), maker.work(), maker.work(), maker.fail("card declined")):
        await store.append_events(batch)
        events += batch
        wanted = summarize(fold(initial_state(maker.execution_id), events), live=False)
        expect(await store.list_executions() == [wanted], f"the list after event {len(events)} is not what is folded")
        expect(await store.get_summary(maker.execution_id) == wanted, "get_summary is not the line of the list")
        if len(events) == 4:
            await store.save_snapshot(snapshot_of(events))


async def lists_are_sorted_and_filtered(store: ExecutionEventStore) -> None:
    """Newest start first, then by id; filters, offset and limit apply in that order."""
    started = {"exec_b": 1, "exec_a": 1, "exec_c": 0, "exec_d": 2}
    for execution_id, day in started.items():
        workflow = "nightly" if execution_id == "exec_a" else "probe"
        maker = HistoryMaker(execution_id, workflow=workflow, start=START + timedelta(days=day))
        await store.append_events(maker.begin())
        if execution_id in ("exec_a", "exec_c"):
            await store.append_events(maker.finish())
    for where, wanted in (
        (None, "dabc"),
        (ExecutionFilter(), "dabc"),
        (ExecutionFilter(limit=2), "da"),
        (ExecutionFilter(offset=1, limit=2), "ab"),
        (ExecutionFilter(offset=9), ""),
        (ExecutionFilter(limit=0), ""),
        (ExecutionFilter(statuses=frozenset({"completed"})), "ac"),
        (ExecutionFilter(statuses=frozenset({"interrupted"})), "db"),
        (ExecutionFilter(statuses=frozenset({"completed", "interrupted"}), limit=3), "dab"),
        (ExecutionFilter(statuses=frozenset({"running"})), ""),
        (ExecutionFilter(workflow_name="nightly"), "a"),
        (ExecutionFilter(workflow_name="night"), ""),
    ):
        found = "".join(summary.id[-1] for summary in await store.list_executions(where))
        expect(found == wanted, f"list_executions({where}) should give {wanted!r} in this order, not {found!r}")


async def histories_that_do_not_fit_are_listed(store: ExecutionEventStore) -> None:
    """An execution whose events make no sense is listed with an error, and hides no other."""
    good, bad = HistoryMaker("exec_good"), HistoryMaker("exec_bad")
    await store.append_events(good.begin())
    await store.append_events(bad.begin() + bad.finish())
    await store.append_events(bad.work())
    found = {summary.id: summary for summary in await store.list_executions()}
    expect(found.keys() == {"exec_good", "exec_bad"}, "both executions should be listed")
    expect("event 7" in found["exec_bad"].error, "its error should name the event that does not fit")
    expect(found["exec_good"].error == "", "the other has no error")


async def deleted_executions_are_gone(store: ExecutionEventStore) -> None:
    """Nothing is left, the others stay, and the id can be used again."""
    one, other = HistoryMaker("exec_one"), HistoryMaker("exec_two")
    begin = one.begin()
    await store.append_events(begin)
    await store.append_events(other.begin())
    await store.save_snapshot(snapshot_of(begin))
    expect(await store.delete_execution("exec_one") is True, "deleting an execution should say so")
    expect(await store.delete_execution("exec_one") is False, "deleting it again should say it was not there")
    expect(await store.get_event_history("exec_one") == [], "a deleted execution should have no events")
    expect(await store.get_snapshot("exec_one") is None, "a deleted execution should have no snapshot")
    expect([line.id for line in await store.list_executions()] == ["exec_two"], "only the other should be listed")
    again = HistoryMaker("exec_one", mark="b").begin()
    await store.append_events(again)
    expect(await store.get_event_history("exec_one") == again, "a deleted id should be free again")


async def cleanup_takes_what_ended_before(store: ExecutionEventStore) -> None:
    """Only ended executions go, by the time of their end; a time without zone is refused."""
    ends: dict[str, datetime] = {}
    for number, execution_id in enumerate(("exec_old", "exec_new", "exec_open")):
        start = START + timedelta(days=number)
        maker = HistoryMaker(execution_id, start=start)
        await store.append_events(maker.begin())
        if execution_id != "exec_open":
            ending = maker.finish()
            await store.append_events(ending)
            ends[execution_id] = ending[-1].time
    await expect_error(ValueError, store.cleanup_completed_executions(datetime(2026, 3, 1)), "a time without zone")  # noqa: DTZ001 - that is the point
    removed = await store.cleanup_completed_executions(ends["exec_new"])
    expect(removed == ["exec_old"], f"only exec_old ended before that moment, but {removed} went")
    removed = await store.cleanup_completed_executions(START + timedelta(days=99))
    expect(removed == ["exec_new"], f"only exec_new has ended, but {removed} went")
    expect([line.id for line in await store.list_executions()] == ["exec_open"], "open executions should stay")


CHECKS: tuple[Check, ...] = (
    snapshots_come_back,
    snapshots_are_never_ahead,
    lists_are_never_behind,
    lists_are_sorted_and_filtered,
    histories_that_do_not_fit_are_listed,
    deleted_executions_are_gone,
    cleanup_takes_what_ended_before,
)
