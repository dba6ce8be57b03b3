"""Feeds: what they post at first, as the store moves, and when it goes away and comes back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from textual.message import Message

from benchmarks.histories import synthetic_history
from dive_tui.feeds.executions import ExecutionsFeed
from dive_tui.feeds.history import PIECE, HistoryFeed
from dive_tui.feeds.messages import (
    ExecutionsChanged,
    ExecutionsListed,
    FeedFailed,
    FeedRecovered,
    HistoryGrew,
    HistoryLoaded,
    HistoryProgress,
)
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.screens.waiting_histories import waiting_for_approval

M = TypeVar("M", bound=Message)
ONE, TWO = "exec_one", "exec_two"


class Posted:
    """Messages in the order they came; `next` waits for one of a kind."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()

    def __call__(self, message: Message) -> None:
        self._queue.put_nowait(message)

    async def next(self, kind: type[M]) -> M:
        while True:
            message = await self._queue.get()
            if isinstance(message, kind):
                return message


@asynccontextmanager
async def running(feed: ExecutionsFeed | HistoryFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_of_many_executions_the_newest_come_first() -> None:
    store, posted = MemoryExecutionEventStore(), Posted()
    for number in range(203):
        await store.append_events(list(synthetic_history(4, f"exec_{number:03}")))
    async with running(ExecutionsFeed(store, posted)):
        first, everything = await posted.next(ExecutionsListed), await posted.next(ExecutionsListed)
    assert len(everything.summaries) == 203
    assert first.summaries == everything.summaries[:200]


async def test_the_list_comes_first_and_then_what_changes() -> None:
    store, posted = MemoryExecutionEventStore(), Posted()
    events = list(synthetic_history(8, ONE))
    await store.append_events(events[:4])
    async with running(ExecutionsFeed(store, posted)):
        listed = await posted.next(ExecutionsListed)
        assert [summary.id for summary in listed.summaries] == [ONE]
        await store.append_events(events[4:])
        await store.append_events(list(synthetic_history(4, TWO)))
        seen = {}
        while seen.keys() != {ONE, TWO}:
            seen |= (await posted.next(ExecutionsChanged)).changed
        assert seen[ONE].last_event_seq == 8
        await store.delete_execution(TWO)
        assert (await posted.next(ExecutionsChanged)).changed == {TWO: None}


async def test_a_history_is_loaded_in_pieces_and_then_grows() -> None:
    store, posted = MemoryExecutionEventStore(), Posted()
    events = list(synthetic_history(PIECE + 500, ONE))
    await store.append_events(events[: PIECE + 100])
    async with running(HistoryFeed(store, ONE, posted)):
        first = await posted.next(HistoryProgress)
        assert (first.loaded, first.total, first.summary.workflow_name) == (0, PIECE + 100, "long-haul")
        assert (await posted.next(HistoryProgress)).loaded == PIECE
        loaded = await posted.next(HistoryLoaded)
        assert len(loaded.history) == loaded.history.folded == PIECE + 100
        await store.append_events(events[PIECE + 100 :])
        grew: list[int] = []
        while len(grew) < 400:
            grew += [event.sequence for event in (await posted.next(HistoryGrew)).events]
        assert grew == list(range(PIECE + 101, PIECE + 501))


async def test_the_death_of_a_runner_is_noticed_though_nothing_is_written(tmp_path: Path) -> None:
    runner = FileExecutionEventStore(tmp_path / "store", create=True, offload=False)
    await runner.acquire_owner(ONE, "runner_one")
    await runner.append_events(list(synthetic_history(4, ONE)))
    store, posted = FileExecutionEventStore(tmp_path / "store"), Posted()
    async with running(HistoryFeed(store, ONE, posted)):
        assert (await posted.next(HistoryLoaded)).summary.live is True
        await runner.close()
        grew = await posted.next(HistoryGrew)
        while grew.summary.live:
            grew = await posted.next(HistoryGrew)
        assert grew.summary.shown_status == "interrupted"
    await store.close()


async def test_a_runner_that_takes_up_a_waiting_one_is_noticed_though_nothing_is_written(tmp_path: Path) -> None:
    found = await waiting_for_approval()
    runner, posted = FileExecutionEventStore(tmp_path / "store", create=True, offload=False), Posted()
    await runner.append_events(await found.store.get_event_history(found.id))
    store = FileExecutionEventStore(tmp_path / "store")
    async with running(HistoryFeed(store, found.id, posted)):
        assert (await posted.next(HistoryLoaded)).summary.live is False
        await runner.acquire_owner(found.id, "runner_one")
        grew = await posted.next(HistoryGrew)
        while not grew.summary.live:
            grew = await posted.next(HistoryGrew)
    await store.close()
    await runner.close()


async def test_a_store_that_goes_away_is_said_once_and_taken_up_again(tmp_path: Path) -> None:
    store, posted = FileExecutionEventStore(tmp_path / "store", create=True), Posted()
    await store.append_events(list(synthetic_history(4, ONE)))
    async with running(HistoryFeed(store, ONE, posted)), running(ExecutionsFeed(store, posted)):
        await posted.next(HistoryLoaded)
        shutil.move(tmp_path / "store", tmp_path / "away")
        assert "store" in (await posted.next(FeedFailed)).trouble.sentence
        shutil.move(tmp_path / "away", tmp_path / "store")
        await posted.next(FeedRecovered)
    await store.close()


@pytest.mark.parametrize("what", ["store.db", ""])
async def test_a_database_that_goes_away_is_missed_though_nothing_runs(tmp_path: Path, what: str) -> None:
    store, posted = SQLiteExecutionEventStore(tmp_path / "store" / "store.db", create=True), Posted()
    await store.append_events(list(synthetic_history(4, ONE)))
    async with running(ExecutionsFeed(store, posted)):
        await posted.next(ExecutionsListed)
        (tmp_path / "store" / what).rename(tmp_path / "away")
        trouble = (await posted.next(FeedFailed)).trouble
        assert trouble.gone
        assert trouble.sentence.endswith("is gone")
        (tmp_path / "away").rename(tmp_path / "store" / what)
        await posted.next(FeedRecovered)
    await store.close()


async def test_a_missing_folder_is_a_store_that_is_gone_from_the_beginning(tmp_path: Path) -> None:
    store, posted = SQLiteExecutionEventStore(tmp_path / "store" / "store.db", create=True), Posted()
    shutil.rmtree(tmp_path / "store")
    async with running(ExecutionsFeed(store, posted)):
        assert (await posted.next(FeedFailed)).trouble.sentence.endswith("is gone")
    await store.close()


async def test_a_feed_goes_on_with_another_store_at_the_place(tmp_path: Path) -> None:
    store, other, posted = MemoryExecutionEventStore(), MemoryExecutionEventStore(), Posted()
    events = list(synthetic_history(8, ONE))
    await store.append_events(events[:4])
    await other.append_events(events)
    feed = HistoryFeed(store, ONE, posted)
    async with running(feed):
        await posted.next(HistoryLoaded)
        feed.use(other)
        assert [event.sequence for event in (await posted.next(HistoryGrew)).events] == [5, 6, 7, 8]


async def test_a_damaged_history_is_shown_with_its_gap_until_it_is_mended(tmp_path: Path) -> None:
    store, posted = FileExecutionEventStore(tmp_path / "store", create=True), Posted()
    for event in synthetic_history(9, ONE):
        await store.append_events([event])
    file = tmp_path / "store" / ONE / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b"main", b"mian")
    file.write_bytes(b"".join(lines))
    async with running(HistoryFeed(store, ONE, posted)):
        loaded = await posted.next(HistoryLoaded)
        kinds = [event.event_type for event in loaded.history]
        assert [at for at, kind in enumerate(kinds, start=1) if kind == "unreadable"] == [6]
        assert (len(kinds), loaded.history.folded) == (9, 5)
        assert loaded.history.problem is not None and "event 6 cannot be read" in loaded.history.problem
        assert "events.jsonl" in loaded.damage
        await store.repair(ONE)
        await store.append_events(list(synthetic_history(6, ONE))[5:])
        mended = await posted.next(HistoryLoaded)
        assert (len(mended.history), mended.damage, mended.history.problem) == (6, "", None)
    await store.close()
