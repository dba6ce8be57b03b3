"""Watching a file store: what the one file of changes can go through, watchers still learn of everything."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
import watchfiles

from engine.store import StoreNotFoundError
from engine.testing.conformance_events import HistoryMaker
from stores import changes as file_changes
from stores.changes import ChangesReader, ChangesWriter
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_the_reader_tells_what_was_added_since_it_was_made(folder: Path) -> None:
    writer = ChangesWriter(folder / "changes")
    writer.announce("exec_before")
    reader = ChangesReader(folder / "changes")
    assert reader.news() is None
    writer.announce("exec_one")
    writer.announce("exec_two")
    writer.announce("exec_one")
    assert reader.news() == {"exec_one", "exec_two"}
    assert reader.news() is None
    with (folder / "changes").open("a") as file:
        file.write("exec_th")
        file.flush()
        assert reader.news() is None, "a line that is not finished yet"
        file.write("ree\n")
    assert reader.news() == {"exec_three"}


def test_lines_that_are_no_ids_are_passed_over(folder: Path) -> None:
    reader = ChangesReader(folder / "changes")
    (folder / "changes").write_bytes(b"")
    assert reader.news() == frozenset(), "a new file: look at all"
    with (folder / "changes").open("ab") as file:
        file.write(b"../x\n\n\xff\xfe\n\x1b]0;x\x07\nexec_one\n" + b"x" * 10_000 + b"\n")
    assert reader.news() == {"exec_one"}


def test_a_large_file_is_started_anew_and_nobody_misses_anything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_changes, "_LIMIT", 100)
    writers = [ChangesWriter(folder / "changes"), ChangesWriter(folder / "changes")]
    reader, slow = ChangesReader(folder / "changes"), ChangesReader(folder / "changes")
    told: set[str] = set()
    anew = 0
    for number in range(200):
        writers[number % 2].announce(f"exec_{number}")
        news = reader.news()
        assert news is not None, "each change is told"
        assert not news or f"exec_{number}" in news, "by its id, or by telling to look at all"
        anew += not news
        told |= news
    assert anew > 5
    assert len(told) > 150
    assert (folder / "changes").stat().st_size < 200
    assert slow.news() == frozenset(), "who was asleep meanwhile looks at all"
    assert {path.name for path in folder.iterdir()} == {"changes"}


def test_what_goes_into_a_file_that_was_just_replaced_is_said_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ChangesWriter(folder / "changes"), ChangesWriter(folder / "changes")
    first.announce("exec_one")
    second.announce("exec_two")
    monkeypatch.setattr(file_changes, "_LIMIT", 20)
    first.announce("exec_three")
    monkeypatch.setattr(file_changes, "_LIMIT", 1000)
    second.announce("exec_four")
    assert (folder / "changes").read_text() == "exec_four\n"


def test_a_shrunk_or_vanished_file_means_look_at_all(folder: Path) -> None:
    writer = ChangesWriter(folder / "changes")
    writer.announce("exec_one")
    reader = ChangesReader(folder / "changes")
    (folder / "changes").write_text("")
    assert reader.news() == frozenset()
    (folder / "changes").unlink()
    assert reader.news() == frozenset()
    assert reader.news() is None
    writer.announce("exec_two")
    assert reader.news() == frozenset()
    writer.announce("exec_three")
    assert reader.news() == {"exec_three"}


@asynccontextmanager
async def watching(store: FileExecutionEventStore) -> AsyncIterator[AsyncIterator[frozenset[str]]]:
    async with aclosing(store.watch()) as news:  # type: ignore[type-var]
        yield news


async def test_a_change_by_another_store_wakes_the_watcher(base: Path, store: FileExecutionEventStore) -> None:
    async with watching(store) as news:
        waiting = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0)
        other = FileExecutionEventStore(base, offload=False)
        await other.append_events(batches()[0])
        assert await waiting == {"exec_one"}
        await other.close()


async def test_a_slow_watcher_gets_everything_at_once(store: FileExecutionEventStore) -> None:
    async with watching(store) as news:
        makers = [HistoryMaker(f"exec_{number}") for number in range(50)]
        for maker in makers:
            await store.append_events(maker.begin())
        assert await anext(news) == {maker.execution_id for maker in makers}


@pytest.mark.parametrize("again", [False, True])
async def test_a_store_that_disappears_ends_the_watch(store: FileExecutionEventStore, again: bool) -> None:
    async with watching(store) as news:
        await store.append_events(batches()[0])
        await anext(news)
        shutil.rmtree(store.base)
        if again:
            FileExecutionEventStore(store.base, create=True)
        with pytest.raises(StoreNotFoundError, match="is gone"):
            async with asyncio.timeout(20):
                async for _ in news:
                    pass


async def test_without_notification_by_the_system_it_looks_by_itself(
    store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError("OS file watch limit reached.")

    monkeypatch.setattr(watchfiles, "awatch", refuse)
    async with watching(store) as news:
        waiting = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0)
        await store.append_events(batches()[0])
        assert await waiting == {"exec_one"}
    assert "watch limit" in caplog.text


async def test_a_cancelled_watcher_leaves_nothing_behind(store: FileExecutionEventStore) -> None:
    before = len(os.listdir("/proc/self/fd"))

    async def watch() -> None:
        async for _ in store.watch():
            pass

    for _ in range(5):
        task = asyncio.create_task(watch())
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(os.listdir("/proc/self/fd")) > before
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    never_begun = store.watch()
    del never_begun, task
    async with asyncio.timeout(20):
        while len(os.listdir("/proc/self/fd")) > before:
            await asyncio.sleep(0)  # the system's part is closed by a thread of its own


async def test_a_cancellation_that_comes_while_it_ends_is_not_swallowed() -> None:
    begun, ending = asyncio.Event(), asyncio.Event()

    async def slow_to_end() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await asyncio.sleep(0.01)

    async def closing() -> None:
        waking = asyncio.ensure_future(slow_to_end())
        await begun.wait()
        await file_changes._end(waking)

    task = asyncio.ensure_future(closing())
    await ending.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
