"""Connections: what they promise stays so whatever else the process does with the file."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from dive_tui.app.known_stores import look_at
from engine.store import ForeignStoreError, ReadOnlyError, StoreError
from engine.testing.conformance_events import START, HistoryMaker
from stores.files import BusyError
from stores.go.detect import is_go_database
from stores.location import open_store
from stores.sqlite.connection import connect
from stores.sqlite.pages import Pages
from stores.sqlite.plain import PlainFile, first_bytes
from stores.sqlite.store import is_database
from tests.stores.sqlite_files import LATER, fill, opened

LOCK_EVERYTHING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
    except BlockingIOError:
        print("held")
    else:
        print("free")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


def locks(path: Path) -> str:
    """Whether anybody holds the lock that every connection to a database in use holds, as another process sees it."""
    child = subprocess.run(
        [sys.executable, "-c", LOCK_EVERYTHING, str(path)], capture_output=True, text=True, timeout=30, check=True
    )
    return child.stdout.strip()


async def second_store(path: Path) -> None:
    other = open_store(path)
    await other.list_executions()
    await other.close()


@pytest.mark.parametrize(
    "look",
    [
        lambda path: first_bytes(path, 16),
        is_database,
        is_go_database,
        lambda path: Pages(path).close(),
        lambda path: look_at(str(path), 5.0),
        lambda path: asyncio.run(second_store(path)),
    ],
    ids=["first_bytes", "is_database", "is_go_database", "Pages", "look_at", "second_store"],
)
async def test_looking_at_the_file_takes_no_lock_from_a_connection(path: Path, look: Any) -> None:
    """POSIX would: closing any descriptor of a file gives up all locks its process has on it."""
    store = opened(path, create=True)
    await fill(store)
    assert locks(path) == "held"
    thread = threading.Thread(target=look, args=(path,))
    thread.start()
    thread.join()
    assert locks(path) == "held"
    await store.close()
    assert locks(path) == "free"


def test_a_plain_file_gives_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(range(256)) * 5000)
    assert first_bytes(tmp_path / "x", 4) == b"\x00\x01\x02\x03"
    (tmp_path / "short").write_bytes(b"ab")
    assert first_bytes(tmp_path / "short", 16) == b"ab"
    with closing(PlainFile(tmp_path / "x")) as file:
        assert (file.read(2, 3), file.read(file.size - 1, 9), file.read(file.size, 9)) == (
            b"\x02\x03\x04",
            b"\xff",
            b"",
        )
        file.copy_to(tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == (tmp_path / "x").read_bytes()
    with pytest.raises(OSError, match="cannot open"):
        first_bytes(tmp_path / "none", 1)


def level(store: Any) -> int:
    return int(store._core.connections.writer().pragma("synchronous"))


async def test_full_stays_full_when_a_lesser_write_finds_the_database_busy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.offloading.PATIENCE", 0.02)
    store = opened(path, create=True, durability="full")
    await fill(store)
    with closing(connect(path, writable=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError):
            await store.acquire_owner("exec_new", "runner_1")
        other.execute("ROLLBACK")
    seen = []
    core = store._core
    core.connections.writer().set_commit_hook(lambda: bool(seen.append(level(store))))
    await store.append_events(HistoryMaker("exec_new").begin())
    await store.acquire_owner("exec_new", "runner_1")
    await store.append_events(HistoryMaker("exec_newer").begin())
    assert seen == [2, 1, 2], "full, and normal only for who owns what"
    await store.close()


async def test_who_cannot_be_looked_at_is_not_taken_for_dead(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = opened(path, create=True), opened(path)
    await store.append_events(HistoryMaker("exec_one").begin())
    await store.acquire_owner("exec_one", "runner_1")
    await other.acquire_owner("exec_two", "runner_2")

    def refused(*_: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("stores.runners.reading", refused)
    for attempt in (other.acquire_owner("exec_one", "runner_2"), other.delete_execution("exec_one")):
        with pytest.raises(StoreError, match="Too many open files"):
            await attempt
    monkeypatch.undo()
    await store.append_events(HistoryMaker("exec_three").begin())
    assert (await store.get_summary("exec_one")).owner == "runner_1"  # type: ignore[union-attr]
    await store.close()
    await other.close()


async def test_a_reader_that_was_told_nothing_changes_looks_anew_each_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = opened(path, create=True)
    await fill(writer)
    await writer.close()
    reader = opened(path)
    connections = reader._core.connections
    connections.start_anew()

    def only_read(_: Path, *, writable: bool, immutable: bool = False) -> apsw.Connection:
        if writable:
            raise apsw.CantOpenError("as for somebody who may not write here")
        return connect(path, writable=False, immutable=immutable)

    monkeypatch.setattr("stores.sqlite.connection.connect", only_read)
    monkeypatch.setattr("stores.sqlite.connection.os.access", lambda *_: False)
    assert len(await reader.list_executions()) == 3
    with monkeypatch.context() as undone:
        undone.setattr("stores.sqlite.connection.connect", connect)
        writer = opened(path)
        await writer.append_events(HistoryMaker("exec_four").begin())
        with pytest.raises(ReadOnlyError, match="copy the folder"):
            undone.setattr("stores.sqlite.connection.connect", only_read)
            await reader.list_executions()
        undone.setattr("stores.sqlite.connection.connect", connect)
        await writer.close()
    assert len(await reader.list_executions()) == 4
    await reader.close()


@pytest.mark.parametrize("offload", [False, True])
async def test_nothing_is_written_once_the_store_was_closed(path: Path, offload: bool) -> None:
    store = opened(path, create=True, offload=offload)
    await fill(store)
    with closing(connect(path, writable=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(store.append_events(HistoryMaker("exec_late").begin()))
        await asyncio.sleep(0.02)
        await store.close()
        other.execute("ROLLBACK")
    with pytest.raises(StoreError, match="closed"):
        await waiting
    again = opened(path)
    assert await again.get_summary("exec_late") is None
    await again.close()


async def test_a_cleanup_tells_all_it_removed_however_busy_others_are(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(path, create=True)
    for number in range(6):
        maker = HistoryMaker(f"exec_{number}")
        await store.append_events(maker.begin() + maker.finish())
    delete, calls = store._core.delete, []

    def busy_at_times(execution_id: str, ended_before: str | None = None) -> bool:
        calls.append(execution_id)
        if len(calls) % 2:
            raise BusyError("another process writes")
        return delete(execution_id, ended_before)

    monkeypatch.setattr(store._core, "delete", busy_at_times)
    assert await store.cleanup_completed_executions(LATER) == [f"exec_{number}" for number in range(6)]
    assert await store.list_executions() == []
    await store.close()


async def test_an_id_that_is_used_again_meanwhile_is_not_cleaned_up(path: Path) -> None:
    store = opened(path, create=True)
    maker = HistoryMaker("exec_one", start=START + timedelta(days=30))
    await store.append_events(maker.begin())
    assert not store._core.delete("exec_one", ended_before="2026-03-10T00:00:00.000000Z")
    assert await store.get_summary("exec_one") is not None
    await store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE executions ADD COLUMN more BLOB GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL",
        "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM executions; END",
        "CREATE VIEW v AS SELECT 1",
        "DROP INDEX executions_by_age",
        "CREATE TABLE extra (x)",
    ],
)
async def test_a_schema_that_is_not_ours_word_for_word_is_refused(path: Path, statement: str) -> None:
    store = opened(path, create=True)
    await fill(store)
    await store.close()
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(statement)
    with pytest.raises(ForeignStoreError, match="its tables are not"):
        opened(path)


@pytest.mark.parametrize(
    "change", ["number = 3000000000", "number = -1", "last_sequence = -5", "last_sequence = 1 << 40"]
)
async def test_numbers_that_no_store_writes_are_damage(path: Path, change: str) -> None:
    store = opened(path, create=True)
    await fill(store)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(f"UPDATE executions SET {change} WHERE id = 'exec_one'")
    for attempt in (
        store.get_event_history("exec_one"),
        store.append_events(HistoryMaker("exec_one").begin()),
        store.get_signals("exec_one"),
    ):
        with pytest.raises(StoreError, match="makes no sense"):
            await attempt
    assert {finding.kind for finding in await store.examine()} & {"damaged", "stale"}
    await store.close()


async def test_deleting_what_was_only_claimed_frees_it(path: Path) -> None:
    store, other = opened(path, create=True), opened(path)
    await store.acquire_owner("exec_one", "runner_1")
    await store.close()
    store = opened(path)
    assert not await store.delete_execution("exec_one")
    await store.acquire_owner("exec_two", "runner_1")
    await other.acquire_owner("exec_one", "runner_2")
    await store.close()
    await other.close()
