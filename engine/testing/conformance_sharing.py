"""Conformance: owners, watching, and two stores on the same data."""

from __future__ import annotations

from datetime import timedelta

from engine.model.snapshot import ExecutionFilter
from engine.store import ConflictError, ExecutionEventStore, OwnedError
from engine.testing.conformance_base import (
    Check,
    SharedCheck,
    close_watch,
    expect,
    expect_error,
    expect_history,
    expect_news,
)
from engine.testing.conformance_events import START, HistoryMaker
from engine.testing.conformance_lists import snapshot_of


async def one_runner_owns(store: ExecutionEventStore) -> None:
    """An execution has one living owner, who may take it again; releasing what one does not own is no error."""
    await store.acquire_owner("exec_one", "runner_1")
    await store.acquire_owner("exec_one", "runner_1")
    await expect_error(OwnedError, store.acquire_owner("exec_one", "runner_2"), "taking what a living runner owns")
    taking_over = store.acquire_owner("exec_one", "runner_2", take_over=True)
    await expect_error(OwnedError, taking_over, "taking over from a runner that is seen to live")
    await store.acquire_owner("exec_two", "runner_2")
    await store.release_owner("exec_one", "runner_2")
    await expect_error(OwnedError, store.acquire_owner("exec_one", "runner_2"), "taking what a living runner owns")
    await store.release_owner("exec_one", "runner_1")
    await store.release_owner("exec_one", "runner_1")
    await store.acquire_owner("exec_one", "runner_2")
    await expect_error(OwnedError, store.acquire_owner("exec_one", "runner_1"), "taking what a living runner owns")


async def summaries_name_the_owner(store: ExecutionEventStore) -> None:
    """`owner` and `live` are those of this moment; an open execution without living owner is shown interrupted."""
    maker = HistoryMaker()
    await store.acquire_owner("exec_one", "runner_1")
    expect(await store.list_executions() == [], "owning alone makes no execution")
    await store.append_events(maker.begin())

    async def owner_is(owner: str | None, live: bool | None, shown: str) -> None:
        summary = await store.get_summary("exec_one")
        expect(
            summary is not None and (summary.owner, summary.live, summary.shown_status) == (owner, live, shown),
            f"owner, live and status should be {(owner, live, shown)}",
        )
        listed = await store.list_executions(ExecutionFilter(statuses=frozenset({shown})))
        expect(listed == [summary], f"the list of what is {shown} should hold it")

    await owner_is("runner_1", True, "running")
    await store.release_owner("exec_one", "runner_1")
    await owner_is(None, False, "interrupted")
    await store.acquire_owner("exec_one", "runner_2")
    await store.append_events(maker.finish())
    await owner_is("runner_2", None, "completed")


async def owned_executions_stay(store: ExecutionEventStore) -> None:
    """What a living runner owns is neither deleted nor cleaned up."""
    maker = HistoryMaker()
    events = maker.begin() + maker.finish()
    await store.append_events(events)
    await store.acquire_owner("exec_one", "runner_1")
    await expect_error(OwnedError, store.delete_execution("exec_one"), "deleting what a living runner owns")
    later = events[-1].time.replace(year=2036)
    expect(await store.cleanup_completed_executions(later) == [], "what a living runner owns should stay")
    await expect_history(store, "exec_one", events)
    await store.release_owner("exec_one", "runner_1")
    expect(await store.cleanup_completed_executions(later) == ["exec_one"], "what nobody owns any more should go")


async def watch_tells_of_changes(store: ExecutionEventStore) -> None:
    """Appends, owners and removals are told, from the moment of the call on."""
    before = HistoryMaker("exec_before")
    await store.append_events(before.begin())
    watching = store.watch()
    maker = HistoryMaker("exec_one")
    await store.append_events(maker.begin())
    changed = await anext(aiter(watching))
    expect(not changed or "exec_one" in changed, "the first news should be of what changed since the call")
    expect("exec_before" not in changed, "what happened before the call is no news")
    await store.append_events(before.work())
    await expect_news(watching, "exec_before")
    await store.acquire_owner("exec_one", "runner_1")
    await expect_news(watching, "exec_one")
    await store.release_owner("exec_one", "runner_1")
    await expect_news(watching, "exec_one")
    await store.delete_execution("exec_one")
    await expect_news(watching, "exec_one")
    await close_watch(watching)


async def watchers_do_not_disturb_each_other(store: ExecutionEventStore) -> None:
    """Each gets all news, and closing one leaves the others."""
    first, second = store.watch(), store.watch()
    maker = HistoryMaker()
    await store.append_events(maker.begin())
    await expect_news(first, "exec_one")
    await close_watch(first)
    await expect_news(second, "exec_one")
    await store.append_events(maker.work())
    await expect_news(second, "exec_one")
    await close_watch(second)


async def closing_twice_is_fine(store: ExecutionEventStore) -> None:
    """The second time does nothing."""
    await store.append_events(HistoryMaker().begin())
    await store.acquire_owner("exec_one", "runner_1")
    await store.close()
    await store.close()


async def others_see_what_was_acknowledged(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """History, list and snapshot are the same from everywhere, at once."""
    maker = HistoryMaker()
    events = maker.begin()
    await store.append_events(events)
    for _ in range(3):
        await expect_history(other, "exec_one", events)
        expect(await other.list_executions() == await store.list_executions(), "the lists should be the same")
        tail = await other.get_events("exec_one", len(events) + 1)
        expect(tail == [], "there is nothing behind the end")
        batch = maker.work()
        await store.append_events(batch)
        found = await other.get_events("exec_one", len(events) + 1)
        expect(found == batch, "another store should see what was just appended")
        events += batch
        await store.save_snapshot(snapshot_of(events))
        snapshot = await other.get_snapshot("exec_one")
        expect(snapshot is not None and snapshot.last_event_seq == len(events), "it should see the snapshot")


async def a_lost_execution_is_fenced(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """Whoever goes on with an old idea of the history cannot append; who has read what others wrote can."""
    maker, rival = HistoryMaker(), HistoryMaker(mark="b")
    begin = maker.begin()
    rival.begin()
    await store.append_events(begin)
    taken = rival.work()
    await other.append_events(taken)
    await expect_error(ConflictError, store.append_events(maker.work()), "appending to a history others went on with")
    await expect_history(store, "exec_one", begin + taken)
    more = rival.work()
    await store.append_events(more)
    await other.append_events(more)
    await expect_history(other, "exec_one", begin + taken + more)


async def a_dead_runner_is_succeeded(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """When a runner's process ends without releasing, its executions are interrupted and can be taken at once."""
    maker = HistoryMaker()
    await other.acquire_owner("exec_one", "runner_1")
    await other.append_events(maker.begin())
    summary = await store.get_summary("exec_one")
    expect(summary is not None and summary.live is True, "another process's runner should be seen alive")
    await expect_error(OwnedError, store.acquire_owner("exec_one", "runner_2"), "taking what a living runner owns")
    await other.close()
    summary = await store.get_summary("exec_one")
    expect(summary is not None and summary.shown_status == "interrupted", "its execution should show as interrupted")
    expect(summary is not None and summary.owner == "runner_1", "who drove it last should still be known")
    await store.acquire_owner("exec_one", "runner_2")
    await store.append_events(maker.work())
    await store.acquire_owner("exec_one", "runner_2", take_over=True)


async def an_id_made_anew_is_not_mistaken(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """Deleted and begun again under the same id, an execution is the new one for everybody."""
    for day in range(20):
        maker = HistoryMaker(start=START + timedelta(days=day), mark=f"{day:02}")
        events = maker.begin()
        await store.append_events(events)
        if day % 2:
            events += maker.work()
            await store.append_events(events[2:])
        for looking in (store, other):
            await expect_history(looking, "exec_one", events)
            (summary,) = await looking.list_executions()
            expect(summary.start_time == events[0].timestamp, "the list should show the new execution of that id")
            expect(summary.last_event_seq == len(events), "the list should show the new execution of that id")
        await (store if day % 3 else other).delete_execution("exec_one")


async def others_are_watched(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """A watch tells of changes whoever made them."""
    watching = store.watch()
    maker = HistoryMaker()
    await other.append_events(maker.begin())
    await expect_news(watching, "exec_one")
    await other.acquire_owner("exec_one", "runner_1")
    await expect_news(watching, "exec_one")
    await close_watch(watching)


CHECKS: tuple[Check, ...] = (
    one_runner_owns,
    summaries_name_the_owner,
    owned_executions_stay,
    watch_tells_of_changes,
    watchers_do_not_disturb_each_other,
    closing_twice_is_fine,
)
SHARED_CHECKS: tuple[SharedCheck, ...] = (
    others_see_what_was_acknowledged,
    a_lost_execution_is_fenced,
    a_dead_runner_is_succeeded,
    an_id_made_anew_is_not_mistaken,
    others_are_watched,
)
