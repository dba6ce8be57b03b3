"""Whose thread touches the files."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from engine.testing.conformance_events import START, SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.codec import encode_batch
from stores.file.core import FileCore
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches

WRITING = ("append", "append_turn", "save_snapshot", "send_signal", "delete", "acquire", "append_lines", "repair")
READING = ("events", "snapshot", "list_all", "summary", "due", "signals", "report", "lines")


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """By name of a method of the core, the thread that ran it last."""
    seen: dict[str, int] = {}

    def recorded(name: str) -> None:
        original = getattr(FileCore, name)

        def run(self: FileCore, *args: object, **options: object) -> object:
            seen[name] = threading.get_ident()
            return original(self, *args, **options)

        monkeypatch.setattr(FileCore, name, run)

    for name in (*WRITING, *READING):
        recorded(name)
    return seen


@pytest.mark.parametrize("offload", [True, False])
async def test_files_are_touched_where_it_was_asked_for(base: Path, threads: dict[str, int], offload: bool) -> None:
    store = FileExecutionEventStore(base, create=True, offload=offload)
    begin = batches()[0]
    await store.append_events(begin)
    await store.append_batches(batches()[1:2])
    await store.save_snapshot(snapshot_of(begin))
    await store.get_snapshot("exec_one")
    await store.send_signal("exec_one", SignalMaker().signal())
    await store.get_signals("exec_one")
    await store.due(START)
    await store.get_events("exec_one")
    await store.list_executions()
    await store.get_summary("exec_one")
    await store.history_report("exec_one")
    await store.append_lines("exec_three", encode_batch(batches("exec_three")[0]))
    await store.get_lines("exec_three")
    await store.repair("exec_three")
    await store.acquire_owner("exec_two", "runner_1")
    await store.delete_execution("exec_one")
    await store.close()
    assert threads.keys() == {*WRITING, *READING}
    here = threading.get_ident()
    for name, thread in threads.items():
        assert (thread != here) is offload, name
    if offload:
        assert len({threads[name] for name in WRITING}) == 1


async def test_the_loop_goes_on_while_the_disk_is_slow(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileExecutionEventStore(base, create=True)
    begin, work, *_ = batches()
    await store.append_events(begin)
    released = threading.Event()
    original = os.fdatasync

    def slow(fd: int) -> None:
        assert released.wait(20)
        original(fd)

    monkeypatch.setattr(os, "fdatasync", slow)
    appending = asyncio.create_task(store.append_events(work))
    assert await store.get_events("exec_one", 1, 2) == begin, "reads do not wait for writes"
    assert not appending.done()
    released.set()
    await appending
    await store.close()


async def test_many_appends_at_once_keep_their_order(base: Path) -> None:
    store = FileExecutionEventStore(base, create=True)
    await asyncio.gather(*(store.append_events(batch) for batch in batches(works=50)))
    (summary,) = await store.list_executions()
    assert (summary.last_event_seq, summary.status) == (106, "completed")
    await store.close()


async def test_a_cancelled_append_may_be_repeated(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileExecutionEventStore(base, create=True)
    begin, work, *_ = batches()
    await store.append_events(begin)
    entered, released = threading.Event(), threading.Event()
    original = os.fdatasync

    def slow(fd: int) -> None:
        entered.set()
        assert released.wait(20)
        original(fd)

    monkeypatch.setattr(os, "fdatasync", slow)
    appending = asyncio.create_task(store.append_events(work))
    await asyncio.to_thread(entered.wait, 20)
    appending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await appending
    released.set()
    await store.append_events(work)
    assert await store.get_event_history("exec_one") == begin + work
    await store.close()
