"""What an append does to the file and to the disk, also when the disk fails."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.store import ConflictError, StoreError, StoreNotFoundError
from engine.testing.conformance_events import HistoryMaker
from engine.testing.conformance_lists import snapshot_of
from stores.codec import encode_batch
from stores.file import core as file_core
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches, flat


class Calls:
    """What was called, in order; calls can be made to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, Any]] = []
        self.failing: set[str] = set()
        for name in ("write", "pwrite", "fdatasync", "fsync", "ftruncate", "close"):
            monkeypatch.setattr(os, name, self._recorded(name, getattr(os, name)))

    def _recorded(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(fd: int, *args: Any) -> Any:
            if name != "close" or self.made:
                self.made.append((name, os.readlink(f"/proc/self/fd/{fd}").rpartition("/")[2]))
            if name in self.failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return original(fd, *args)

        return call

    def take(self, file: str) -> list[str]:
        """Names of the calls for a file since the last time."""
        names = [name for name, of in self.made if of == file]
        self.made.clear()
        return names


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


async def test_an_append_is_one_write_and_one_sync(store: FileExecutionEventStore, calls: Calls) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    assert calls.made[:2] == [("fsync", "exec_one"), ("close", "exec_one")], "the folder's entry comes first"
    assert ("fsync", "store") in calls.made
    assert [name for name, of in calls.made if of == "events.jsonl"] == ["write", "fdatasync"]
    calls.made.clear()
    await store.append_events(work)
    assert calls.made == [("write", "events.jsonl"), ("fdatasync", "events.jsonl"), ("write", "changes")]
    content = (store.base / "exec_one" / "events.jsonl").read_bytes()
    assert content == b"".join(encode_batch(begin) + encode_batch(work))


async def test_without_power_loss_in_mind_nothing_is_synced(base: Path, calls: Calls) -> None:
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    calls.made.clear()
    for batch in batches():
        await store.append_events(batch)
    await store.append_events(batches()[-1])
    assert {"write"} <= {name for name, _ in calls.made} <= {"write", "pwrite", "close"}
    await store.close()


def test_there_are_two_durabilities(base: Path) -> None:
    with pytest.raises(ValueError, match="'full' or 'normal', not 'none'"):
        FileExecutionEventStore(base, create=True, durability="none")  # type: ignore[arg-type]
    assert not base.exists()


async def test_a_store_is_on_the_disk_when_it_is_made(tmp_path: Path, calls: Calls) -> None:
    await FileExecutionEventStore(tmp_path / "a" / "b", create=True, offload=False).close()
    synced = [of for name, of in calls.made if name == "fsync"]
    assert synced == ["a", tmp_path.name]


async def test_after_a_failed_sync_the_file_is_opened_again(store: FileExecutionEventStore, calls: Calls) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    calls.made.clear()
    calls.failing = {"fdatasync"}
    with pytest.raises(StoreError, match="Input/output error"):
        await store.append_events(work)
    assert calls.take("events.jsonl") == ["write", "fdatasync", "ftruncate", "close"]
    assert await store.get_event_history("exec_one") == begin
    calls.failing = set()
    calls.made.clear()
    await store.append_events(work)
    assert calls.take("events.jsonl") == ["write", "fdatasync"]
    assert await store.get_event_history("exec_one") == begin + work


async def test_what_may_be_lost_although_it_can_be_read_is_written_again(
    store: FileExecutionEventStore, calls: Calls
) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    calls.made.clear()
    calls.failing = {"fdatasync", "ftruncate"}
    with pytest.raises(StoreError):
        await store.append_events(work)
    assert calls.take("events.jsonl") == ["write", "fdatasync", "ftruncate", "close"]
    assert await store.get_event_history("exec_one") == begin + work, "it could not be taken back"
    calls.failing = set()
    await store.append_events(work)
    assert calls.take("events.jsonl")[-3:] == ["pwrite", "fdatasync", "close"]
    assert await store.get_event_history("exec_one") == begin + work
    calls.failing = {"fdatasync"}
    with pytest.raises(StoreError):
        await store.append_events(work)


async def test_a_folder_that_cannot_be_synced_leaves_no_event(store: FileExecutionEventStore, calls: Calls) -> None:
    begin = batches()[0]
    calls.failing = {"fsync"}
    with pytest.raises(StoreError):
        await store.append_events(begin)
    assert await store.get_event_history("exec_one") == []
    calls.failing = set()
    calls.made.clear()
    await store.append_events(begin)
    assert "fsync" in calls.take("exec_one"), "it was not synced before, so it must be now"


async def test_names_are_synced_again_for_an_execution_made_anew(store: FileExecutionEventStore, calls: Calls) -> None:
    begin = batches()[0]
    await store.append_events(begin)
    await store.delete_execution("exec_one")
    calls.made.clear()
    await store.append_events(begin)
    assert "fsync" in calls.take("exec_one")


async def test_an_append_that_waits_while_its_execution_is_deleted_fails(
    store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    other = FileExecutionEventStore(store.base, offload=False)
    original = shutil.rmtree
    waited = []

    def rmtree(path: Path, **options: bool) -> None:
        """By now the lock is free again, and whoever waited for it goes on."""
        with pytest.raises(ConflictError):
            store._core.append(work)
        waited.append(path)
        original(path, **options)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    assert await other.delete_execution("exec_one")
    assert len(waited) == 1
    assert await store.list_executions() == []


async def test_a_failure_to_tell_watchers_does_not_fail_the_append(
    store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    original = os.write

    def write(fd: int, data: bytes) -> int:
        if data == b"exec_one\n":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(fd, data)

    monkeypatch.setattr(os, "write", write)
    await store.append_events(work)
    assert await store.get_event_history("exec_one") == begin + work
    assert "No space left" in caplog.text


async def test_more_executions_than_open_files(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_core, "_MAX_OPEN", 3)
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    before = len(os.listdir("/proc/self/fd"))
    makers = [HistoryMaker(f"exec_{number}") for number in range(10)]
    for maker in makers:
        await store.append_events(maker.begin())
    for _ in range(3):
        for maker in makers:
            await store.append_events(maker.work())
    assert len(os.listdir("/proc/self/fd")) - before <= 3 + 1, "three histories and `changes`"
    assert {summary.last_event_seq for summary in await store.list_executions()} == {8}
    await store.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_an_execution_deleted_by_another_process_is_not_written_into_the_void(
    store: FileExecutionEventStore,
) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    other = FileExecutionEventStore(store.base, offload=False)
    assert await other.delete_execution("exec_one")
    with pytest.raises(ConflictError):
        await store.append_events(work)
    assert not (store.base / "exec_one").exists()
    await store.append_events(begin)
    assert await other.get_event_history("exec_one") == begin
    assert await other.delete_execution("exec_one")
    await other.append_events(batches(mark="b")[0])
    with pytest.raises(ConflictError):
        await store.append_events(work[:0] + begin)


async def test_a_removal_that_was_cut_short_is_finished_by_the_next(store: FileExecutionEventStore) -> None:
    await store.append_events(batches()[0])
    (store.base / "exec_one").rename(store.base / ".deleted-exec_one-0000")
    assert await store.list_executions() == []
    assert await store.delete_execution("exec_one") is False
    assert not list(store.base.glob(".deleted*"))


async def test_a_store_deleted_while_open(store: FileExecutionEventStore) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    await store.acquire_owner("exec_one", "runner_1")
    shutil.rmtree(store.base)
    for attempt in (
        store.append_events(work),
        store.append_events(batches("exec_two")[0]),
        store.get_events("exec_one"),
        store.get_snapshot("exec_one"),
        store.get_summary("exec_one"),
        store.list_executions(),
        store.delete_execution("exec_one"),
        store.acquire_owner("exec_one", "runner_1"),
        store.history_report("exec_one"),
    ):
        with pytest.raises(StoreNotFoundError, match="is gone"):
            await attempt
    with pytest.raises(StoreNotFoundError):
        store.watch()
    assert not store.base.exists(), "nothing of it is made again"
    await store.close()


async def test_opening_for_append_parses_only_what_the_snapshot_does_not_cover(base: Path) -> None:
    whole = batches(works=5)
    store = FileExecutionEventStore(base, create=True, offload=False)
    for batch in whole[:-1]:
        await store.append_events(batch)
    await store.save_snapshot(snapshot_of(flat(whole[:-1])))
    await store.close()
    file = base / "exec_one" / "events.jsonl"
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"visit":1', b'"visit":9', 1))
    again = FileExecutionEventStore(base, offload=False)
    await again.append_events(whole[-1])
    file.write_bytes(file.read_bytes().replace(b'"visit":9', b'"visit":1', 1))
    assert await again.get_event_history("exec_one") == flat(whole)
    await again.close()
