"""Conformance: stores that may only be looked at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.model.events import ExecutionEvent
from engine.model.ids import InvalidIdError
from engine.model.snapshot import ExecutionFilter
from engine.store import ExecutionEventStore, ReadOnlyError
from engine.testing.conformance_base import Check, expect, expect_error
from engine.testing.conformance_events import START, HistoryMaker, SignalMaker
from engine.testing.conformance_lists import snapshot_of


async def _seen(store: ExecutionEventStore) -> list[Any]:
    listed = await store.list_executions()
    return [listed, [await store.get_event_history(summary.id) for summary in listed]]


async def nothing_can_be_changed(store: ExecutionEventStore) -> None:
    """Whatever would change it raises `ReadOnlyError`, for executions that are there and for new ones."""
    before = await _seen(store)
    expect(bool(before[0]), "the store to be checked should hold an execution")
    known = before[0][0].id
    for execution_id in (known, "exec_conformance"):
        begin = HistoryMaker(execution_id).begin()
        calls: tuple[tuple[str, tuple[Any, ...]], ...] = (
            ("append_events", (begin,)),
            ("append_batches", ([begin],)),
            ("save_snapshot", (snapshot_of(begin),)),
            ("send_signal", (execution_id, SignalMaker().signal())),
            ("delete_execution", (execution_id,)),
            ("acquire_owner", (execution_id, "runner_1")),
        )
        for name, args in calls:
            await expect_error(ReadOnlyError, getattr(store, name)(*args), f"{name} of {execution_id}")
    cleaning = store.cleanup_completed_executions(START + timedelta(days=9999))
    await expect_error(ReadOnlyError, cleaning, "cleanup_completed_executions")
    await store.release_owner(known, "runner_1")
    expect(await _seen(store) == before, "what was refused should change nothing")
    expect(await store.get_summary("exec_conformance") is None, "what was refused should leave nothing behind")


async def all_of_it_can_be_read(store: ExecutionEventStore) -> None:
    """Every line of the list has its history, its windows are exact, and filters apply."""
    listed = await store.list_executions()
    order = [(summary.start_time, summary.id) for summary in listed]
    newest_first = sorted(sorted(order, key=lambda entry: entry[1]), key=lambda entry: entry[0], reverse=True)
    expect(order == newest_first, "the list begins with the newest, then goes by id")
    for summary in listed:
        history = await store.get_event_history(summary.id)
        expect(await store.get_summary(summary.id) == summary, "get_summary is the line of the list")
        sequences = [event.sequence for event in history]
        expect(sequences == list(range(1, len(history) + 1)), f"the events of {summary.id} should count from 1")
        await _windows_are_exact(store, summary.id, history)
        await store.get_snapshot(summary.id)
        await store.get_signals(summary.id)
    statuses = {summary.shown_status for summary in listed}
    for status in statuses:
        found = await store.list_executions(ExecutionFilter(statuses=frozenset({status})))
        wanted = [summary for summary in listed if summary.shown_status == status]
        expect(found == wanted, f"a filter for {status} should give what is shown so")
    found = await store.list_executions(ExecutionFilter(offset=1, limit=1))
    expect(found == listed[1:2], "offset and limit cut the list")


async def _windows_are_exact(store: ExecutionEventStore, execution_id: str, history: list[ExecutionEvent]) -> None:
    for from_seq in {1, 2, len(history) // 2 + 1, len(history), len(history) + 1} - {0}:
        for limit in (None, 0, 1, 3):
            found = await store.get_events(execution_id, from_seq, limit)
            window = f"get_events({execution_id!r}, from_seq={from_seq}, limit={limit})"
            expect(found == history[from_seq - 1 :][:limit], f"{window} gives other events")


async def questions_are_answered_as_always(store: ExecutionEventStore) -> None:
    """What is unknown is empty, bad ids and times are refused, and closing twice is fine."""
    expect(await store.get_event_history("exec_none") == [], "an unknown execution has no history")
    expect(await store.get_snapshot("exec_none") is None, "an unknown execution has no snapshot")
    expect(await store.get_summary("exec_none") is None, "an unknown execution has no summary")
    expect(await store.get_signals("exec_none") == [], "an unknown execution has no messages")
    for name in ("get_events", "get_event_history", "get_snapshot", "get_summary", "get_signals"):
        await expect_error(InvalidIdError, getattr(store, name)("../x"), f"{name}('../x')")
    await expect_error(ValueError, store.due(datetime(2026, 3, 1)), "a time without zone")  # noqa: DTZ001 - that is the point
    await store.close()
    await store.close()


READ_ONLY_CHECKS: tuple[Check, ...] = (
    nothing_can_be_changed,
    all_of_it_can_be_read,
    questions_are_answered_as_always,
)
