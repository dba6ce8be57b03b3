"""Conformance: which executions somebody should drive."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.model.times import format_time
from engine.store import ExecutionEventStore
from engine.testing.conformance_base import Check, SharedCheck, expect, expect_error
from engine.testing.conformance_events import START, HistoryMaker, SignalMaker

LATER = START + timedelta(days=99)


async def expect_due(store: ExecutionEventStore, wanted: list[str], why: str, limit: int = 100) -> None:
    """These executions must be due, in this order, and shown as in a list."""
    found = await store.due(LATER, limit)
    ids = [summary.id for summary in found]
    expect(ids == wanted, f"{why}: {wanted} should be due, not {ids}")
    listed = {summary.id: summary for summary in await store.list_executions()}
    expect(all(summary == listed[summary.id] for summary in found), "due gives the lines of the list")


async def orphans_are_due(store: ExecutionEventStore) -> None:
    """An open execution without a living owner is due, oldest first; owned and ended ones are not."""
    expect(await store.due(LATER) == [], "in an empty store nothing is due")
    makers = {}
    for execution_id, day in (("exec_b", 2), ("exec_a", 2), ("exec_c", 1), ("exec_d", 3), ("exec_e", 0)):
        makers[execution_id] = HistoryMaker(execution_id, start=START + timedelta(days=day))
        await store.append_events(makers[execution_id].begin())
    await expect_due(store, ["exec_e", "exec_c", "exec_a", "exec_b", "exec_d"], "without owners, oldest first")
    await expect_due(store, ["exec_e", "exec_c"], "no more than asked for", limit=2)
    await expect_due(store, [], "no more than asked for", limit=0)
    await store.acquire_owner("exec_c", "runner_1")
    await store.append_events(makers["exec_e"].finish())
    await store.append_events(makers["exec_d"].fail())
    await expect_due(store, ["exec_a", "exec_b"], "what is owned or ended needs nobody")
    await store.release_owner("exec_c", "runner_1")
    await expect_due(store, ["exec_c", "exec_a", "exec_b"], "what was let go of needs somebody")


async def what_waits_is_due_when_something_comes(store: ExecutionEventStore) -> None:
    """A time that has come, a message that was not received, a child that ended: longest overdue first."""

    async def waits(execution_id: str, kind: str, **details: str) -> HistoryMaker:
        maker = HistoryMaker(execution_id)
        await store.append_events(maker.begin() + maker.wait(kind, **details))
        return maker

    due_at = {name: format_time(LATER + timedelta(seconds=shift)) for name, shift in (("b", -2), ("c", -1), ("d", 1))}
    for name in "cbd":
        await waits(f"exec_{name}", "sleep", due_at=due_at[name])
    told = await waits("exec_told", "signal", topic="approve")
    await waits("exec_parent", "child", child_id="exec_child")
    child = await waits("exec_child", "signal", topic="approve")
    await waits("exec_orphan", "child", child_id="exec_none")
    times = ["exec_b", "exec_c"]
    await expect_due(store, [*times, "exec_orphan"], "nothing else has come")
    sender = SignalMaker()
    await store.send_signal("exec_told", sender.signal(topic="other"))
    await expect_due(store, [*times, "exec_orphan", "exec_told"], "a message came")
    (message,) = await store.get_signals("exec_told")
    await store.append_events(told.receive(message))
    await expect_due(store, [*times, "exec_orphan"], "the message was received")
    await store.send_signal("exec_told", sender.signal())
    await expect_due(store, [*times, "exec_orphan", "exec_told"], "another message came")
    await store.acquire_owner("exec_told", "runner_1")
    await store.acquire_owner("exec_b", "runner_1")
    await store.append_events(child.end())
    await expect_due(store, ["exec_c", "exec_orphan", "exec_parent"], "some are owned, and a child has ended")


async def what_cannot_be_read_is_not_due(store: ExecutionEventStore) -> None:
    """Nobody could drive it, and it must not keep the others from being driven."""
    good, bad = HistoryMaker("exec_good"), HistoryMaker("exec_bad")
    await store.append_events(good.begin())
    begin = bad.begin()
    await store.append_events([begin[0], bad.work()[1]._replace(sequence=2)])
    await expect_due(store, ["exec_good"], "a history that makes no sense")


async def due_is_asked_properly(store: ExecutionEventStore) -> None:
    """A time without zone and a negative limit are refused."""
    await expect_error(ValueError, store.due(datetime(2026, 3, 1)), "a time without zone")  # noqa: DTZ001 - that is the point
    await expect_error(ValueError, store.due(LATER, -1), "a negative limit")


async def what_a_dead_runner_owned_is_due(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """At once, and for everybody."""
    await other.acquire_owner("exec_one", "runner_1")
    await other.append_events(HistoryMaker().begin())
    await expect_due(store, [], "its runner lives")
    await other.close()
    await expect_due(store, ["exec_one"], "its runner is dead")


CHECKS: tuple[Check, ...] = (
    orphans_are_due,
    what_waits_is_due_when_something_comes,
    what_cannot_be_read_is_not_due,
    due_is_asked_properly,
)
SHARED_CHECKS: tuple[SharedCheck, ...] = (what_a_dead_runner_owned_is_due,)
