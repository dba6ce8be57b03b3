"""A database that is gone, locked, newer, read-only or made by somebody who means harm."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

import stores.offloading
from engine.model.snapshot import ExecutionFilter, InvalidFilterError
from engine.store import ForeignStoreError, StoreError, StoreNotFoundError
from engine.testing.conformance_base import close_watch
from engine.testing.conformance_events import SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.files import BusyError
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.histories import batches, flat
from tests.stores.readonly_child import NOBODY
from tests.stores.sqlite_files import LATER, opened, seen, write

ROOT = Path(__file__).parents[2]
HISTORY = flat(batches())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def calls(store: SQLiteExecutionEventStore) -> dict[str, Callable[[], Any]]:
    """One of each, all but `close` and `watch`."""
    begin, work, *_ = batches()
    return {
        "append_events": lambda: store.append_events(work),
        "append_batches": lambda: append_one(store),
        "get_events": lambda: store.get_events("exec_one"),
        "get_event_history": lambda: store.get_event_history("exec_one"),
        "save_snapshot": lambda: store.save_snapshot(snapshot_of(begin)),
        "get_snapshot": lambda: store.get_snapshot("exec_one"),
        "list_executions": store.list_executions,
        "get_summary": lambda: store.get_summary("exec_one"),
        "due": lambda: store.due(LATER),
        "send_signal": lambda: store.send_signal("exec_one", SignalMaker().signal()),
        "get_signals": lambda: store.get_signals("exec_one"),
        "delete_execution": lambda: store.delete_execution("exec_one"),
        "cleanup_completed_executions": lambda: store.cleanup_completed_executions(LATER),
        "acquire_owner": lambda: store.acquire_owner("exec_one", "runner_1"),
        "release_owner": lambda: store.release_owner("exec_one", "runner_1"),
        "get_lines": lambda: store.get_lines("exec_one"),
    }


async def append_one(store: SQLiteExecutionEventStore) -> None:
    (problem,) = await store.append_batches([batches()[1]])
    if problem is not None:
        raise problem


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("offload", [False, True])
async def test_a_database_that_goes_away_is_told(path: Path, replaced: bool, offload: bool) -> None:
    store = opened(path, create=True, offload=offload)
    await store.append_events(batches()[0])
    await store.list_executions()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()
    if replaced:
        await write(path, batches(mark="b"))
    for name, call in calls(store).items():
        with pytest.raises(StoreNotFoundError, match=f"{path} is gone"):
            await call()
            pytest.fail(f"{name} should tell that the store is gone")
    await store.close()
    assert path.exists() is replaced
    if replaced:
        other = opened(path)
        assert await other.get_event_history("exec_one") == flat(batches(mark="b"))
        await other.close()


async def test_a_watch_ends_when_the_folder_of_the_database_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "store.db"
    store = opened(path, create=True)
    await store.append_events(batches()[0])
    watching = store.watch()
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        async for _ in watching:
            pass
    await close_watch(watching)
    await store.close()


class Sleeps(apsw.VFS):
    """Counts how often SQLite sleeps, and with it the thread it is called from."""

    def __init__(self) -> None:
        super().__init__("sleeps", "unix", makedefault=True)
        self.count = 0

    def xSleep(self, microseconds: int) -> int:
        self.count += 1
        return super().xSleep(microseconds)


class Locked:
    """Another connection that is writing."""

    def __init__(self, path: Path) -> None:
        self.sleeps = Sleeps()
        self.connection = apsw.Connection(str(path))
        self.connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self.connection.close()


@pytest.fixture
async def locked(path: Path) -> AsyncIterator[Locked]:
    await write(path, batches()[:1])
    locked = Locked(path)
    yield locked
    locked.release()
    locked.sleeps.unregister()


@pytest.mark.parametrize("offload", [False, True])
async def test_the_loop_goes_on_while_others_write(path: Path, locked: Locked, offload: bool) -> None:
    store = opened(path, offload=offload)
    beats = 0
    appending = asyncio.create_task(store.append_events(batches()[1]))
    sending = asyncio.create_task(store.send_signal("exec_one", SignalMaker().signal()))
    while beats < 50:
        assert not appending.done()
        assert await store.get_event_history("exec_one") == HISTORY[:2], "whoever reads need not wait"
        await asyncio.sleep(0)
        beats += 1
    locked.release()
    await appending
    assert await sending == 1
    assert await store.get_event_history("exec_one") == HISTORY[:4]
    assert locked.sleeps.count == 0, "who waits for others waits outside of SQLite"
    await store.close()


@pytest.mark.parametrize("offload", [False, True])
async def test_whose_patience_ends_is_told_in_a_sentence(
    path: Path, locked: Locked, offload: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores.offloading, "PATIENCE", 0.05)
    store = opened(path, offload=offload)
    reading = {"get_events", "get_event_history", "get_snapshot", "list_executions", "get_summary", "due"}
    reading |= {"get_signals", "get_lines", "cleanup_completed_executions"}
    for name, call in calls(store).items():
        if name in reading:
            await call()
            continue
        waiting = asyncio.create_task(call())
        beats = 0
        while not waiting.done():
            beats += 1
            await asyncio.sleep(0)
        with pytest.raises(BusyError, match=f"^the store at {path} is locked by another process$"):
            await waiting
        assert beats > 1, f"{name} should wait without holding up the loop"
        assert locked.sleeps.count == 0, f"{name} should wait outside of SQLite"
    assert await store.get_event_history("exec_one") == HISTORY[:2]
    locked.release()
    await store.append_events(batches()[1])
    await store.close()


async def test_what_was_cancelled_while_it_waited_is_not_written(path: Path, locked: Locked) -> None:
    store = opened(path)
    waiting = asyncio.create_task(store.append_events(batches()[1]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    locked.release()
    assert await store.get_event_history("exec_one") == HISTORY[:2]
    await store.append_events(batches()[1])
    await store.close()


async def test_a_newer_database_is_refused_in_a_sentence(path: Path) -> None:
    await write(path, batches())
    with closing(apsw.Connection(str(path))) as raw:
        (known,) = raw.execute("PRAGMA user_version").fetchone()
        raw.pragma("user_version", known + 1)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=rf"{path} was written by a newer version of dive-tui .*{known + 1}.*{known}"):
        opened(path, create=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("make", ["CREATE TABLE notes (text)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"])
async def test_a_database_of_something_else_is_refused_and_stays_as_it_is(path: Path, make: str) -> None:
    with closing(apsw.Connection(str(path))) as raw:
        raw.execute(make)
    before = path.read_bytes()
    with pytest.raises(ForeignStoreError, match="not a store of executions"):
        opened(path, create=True)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["store.db"]


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3", b"{}\n" * 900, b"SQLite format 3\0" + b"\xff" * 2000])
async def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=str(path)):
        opened(path, create=True)
    assert path.read_bytes() == content


async def test_names_are_not_taken_for_sql(path: Path) -> None:
    await write(path, batches())
    store = opened(path)
    for text in ("' OR '1'='1", "completed' OR 1 --", "'; DELETE FROM events; --", '"', "x\0y"):
        assert await store.list_executions(ExecutionFilter(workflow_name=text)) == []
        with pytest.raises(InvalidFilterError):
            await store.list_executions(ExecutionFilter(statuses=frozenset({text})))
    assert await store.get_event_history("exec_one") == HISTORY
    await store.close()


async def test_only_the_user_gets_at_the_files(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    store = opened(path, create=True)
    await store.acquire_owner("exec_one", "runner_1")
    await store.append_events(batches()[0])
    found = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.rglob("*")}
    assert {"store.db", "store.db-wal", "store.db-shm", "store.db-changes", "store.db-owners", "runner_1"} <= set(found)
    assert {name: oct(mode) for name, mode in found.items() if mode & 0o077} == {}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await store.close()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-changes", "-owners", "-journal"])
@pytest.mark.parametrize("kind", ["file", "folder"])
async def test_no_link_leads_out_of_the_store(tmp_path: Path, suffix: str, kind: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir() if kind == "folder" else victim.write_text("precious\n" * 900)
    before = [] if kind == "folder" else victim.read_bytes()
    path = tmp_path / "store.db"
    if suffix:
        await write(path, batches()[:1])
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").unlink()
    Path(f"{path}{suffix}").symlink_to(victim)
    with suppress(StoreError):
        store = opened(path, create=True)
        for call in (*calls(store).values(), lambda: store.acquire_owner("exec_two", "runner_2")):
            with suppress(StoreError):
                await call()
        await store.close()
    assert (list(victim.iterdir()) if kind == "folder" else victim.read_bytes()) == before


async def test_a_link_to_a_database_elsewhere_is_none(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    await write(elsewhere, batches()[:1])
    link = tmp_path / "store.db"
    link.symlink_to(elsewhere)
    with pytest.raises(ForeignStoreError, match="symbolic link"):
        opened(link, create=True)


HOSTILE = {
    "a trigger before a row is written": "CREATE TRIGGER t BEFORE INSERT ON {table} BEGIN SELECT harm(); END",
    "a trigger after a row is written": "CREATE TRIGGER t AFTER INSERT ON {table} BEGIN SELECT harm(); END",
    "a trigger on a change": "CREATE TRIGGER t AFTER UPDATE ON {table} BEGIN SELECT harm(); END",
    "a trigger on a removal": "CREATE TRIGGER t BEFORE DELETE ON {table} BEGIN SELECT harm(); END",
    "a view": "ALTER TABLE {table} RENAME TO real; CREATE VIEW {table} AS SELECT * FROM real WHERE harm() IS NOT 1",
    "a computed column": "ALTER TABLE {table} ADD COLUMN bad INTEGER AS (harm()) VIRTUAL",
    "a default": "ALTER TABLE {table} ADD COLUMN bad INTEGER DEFAULT (harm())",
    "a check": "ALTER TABLE {table} ADD COLUMN bad INTEGER CHECK (harm() IS NOT 1)",
    "an index of an expression": "CREATE INDEX bad ON {table} (harm())",
    "a partial index": "CREATE INDEX bad ON {table} ({column}) WHERE harm() IS NOT 1",
}
TABLES = {"executions": "id", "events": "position", "messages": "id", "snapshots": "number", "owners": "execution_id"}


@pytest.fixture
def harm() -> Iterator[list[str]]:
    """What SQL of the database has run: a function that every connection has, as a dangerous one might be there."""
    done: list[str] = []

    def harmful() -> int:
        done.append("harm")
        return 5

    def register(connection: apsw.Connection) -> None:
        connection.create_scalar_function("harm", harmful, 0, deterministic=True)

    apsw.connection_hooks.append(register)
    yield done
    apsw.connection_hooks.remove(register)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("way", HOSTILE)
async def test_nothing_in_the_database_is_run(path: Path, harm: list[str], way: str, table: str) -> None:
    await write(path, batches()[:1])
    statements = HOSTILE[way].format(table=table, column=TABLES[table])
    with closing(apsw.Connection(str(path))) as raw:
        with suppress(apsw.SQLError):
            raw.execute(statements)
        added = "harm" in str(raw.execute("SELECT group_concat(sql) FROM sqlite_schema").get)
    assert added or way == "a default", "some tables cannot have such a default"
    harm.clear()
    with suppress(StoreError):
        store = opened(path)
        for call in calls(store).values():
            with suppress(StoreError):
                await call()
        with suppress(StoreError):
            await store.examine()
        with suppress(StoreError):
            await seen(store)
        await store.close()
    assert harm == []


def test_such_a_database_would_do_harm_to_others(path: Path, harm: list[str]) -> None:
    with closing(apsw.Connection(str(path))) as raw:
        raw.execute("CREATE TABLE events (position); CREATE TRIGGER t AFTER INSERT ON events BEGIN SELECT harm(); END")
        raw.execute("INSERT INTO events VALUES (1)")
    assert harm == ["harm"]


@pytest.fixture
def readable_by_all() -> Iterator[Path]:
    """A temporary folder that other users get into, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("in_use", [False, True], ids=["closed", "in use"])
async def test_a_store_that_may_only_be_read(readable_by_all: Path, in_use: bool) -> None:
    folder = readable_by_all / "folder"
    folder.mkdir()
    path = folder / "store.db"
    begin, work, *_ = batches()
    store = opened(path, create=True)
    await store.append_events(begin)
    await store.save_snapshot(snapshot_of(begin))
    if not in_use:
        await store.close()
    for entry in (*folder.rglob("*"), folder):
        entry.chmod(0o500 if entry == folder else 0o400)
        if os.getuid() == 0:
            os.chown(entry, NOBODY, NOBODY)
    before = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.stores.readonly_child", str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    outcomes = {}
    async for line in process.stdout:
        what, outcome = json.loads(line)
        outcomes[what] = outcome
        if what == "watching":
            assert {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()} == before
            for entry in folder.iterdir():
                entry.chmod(0o600)
            folder.chmod(0o700)
            writing = store if in_use else opened(path)
            await writing.append_events(work)
            await writing.close()
    assert await process.wait() == 0
    assert (outcomes["history"], outcomes["list"], outcomes["snapshot"]) == (2, ["interrupted"], 2)
    for what in ("append", "begin", "save", "acquire", "delete"):
        # The locks of runners are files, not rows: what the system says of them is passed on.
        allowed = {"ReadOnlyError", "StoreError"} if what == "acquire" else {"ReadOnlyError"}
        assert outcomes[f"{what} kind"] in allowed, outcomes[what]
        assert str(path) in outcomes[what]
    assert outcomes["news"] == ["exec_one"]
