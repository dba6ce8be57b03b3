"""What a file store leaves in its folder, what it takes for one, and what it refuses."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.ids import InvalidIdError
from engine.store import ForeignStoreError, StoreError, StoreNotFoundError
from engine.testing.conformance_lists import snapshot_of
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches
from tests.stores.readonly_child import NOBODY

ROOT = Path(__file__).parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_everything_is_private_to_the_user_and_hidden_from_git(base: Path) -> None:
    umask = os.umask(0)
    try:
        store = FileExecutionEventStore(base, create=True)
        begin, work, *_ = batches()
        await store.append_events(begin)
        await store.acquire_owner("exec_one", "runner_1")
        await store.save_snapshot(snapshot_of(begin))
        with (base / "exec_one" / "events.jsonl").open("ab") as file:
            file.write(b"torn")
        other = FileExecutionEventStore(base)
        await other.append_events(work)
    finally:
        os.umask(umask)
    names = {str(path.relative_to(base)) for path in base.rglob("*")}
    assert names == {
        ".gitignore",
        "changes",
        "owners",
        "owners/runner_1",
        "exec_one",
        "exec_one/events.jsonl",
        "exec_one/events.torn-1",
        "exec_one/owner",
        "exec_one/snapshot.json",
    }
    assert (base / ".gitignore").read_text() == "*\n"
    assert mode(base) == 0o700
    for path in base.rglob("*"):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path
    await store.close()
    await other.close()


def test_nothing_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(StoreNotFoundError, match="dive-tui run"):
            FileExecutionEventStore(path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    with pytest.raises(StoreNotFoundError):
        FileExecutionEventStore(tmp_path)
    FileExecutionEventStore(tmp_path, create=True)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    FileExecutionEventStore(tmp_path)
    FileExecutionEventStore(tmp_path, create=True)


def test_a_store_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for base in (tmp_path / "deep" / "store", tmp_path / "there"):
            with pytest.raises(StoreError, match="No space left"):
                FileExecutionEventStore(base, create=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_an_empty_gitignore_is_mended(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").touch()
    (tmp_path / "..gitignore.1-ab").touch()
    FileExecutionEventStore(tmp_path, create=True)
    assert (tmp_path / ".gitignore").read_bytes() == b"*\n"
    (tmp_path / ".gitignore").write_bytes(b"mine\n")
    (tmp_path / "changes").unlink()
    FileExecutionEventStore(tmp_path, create=True)
    assert (tmp_path / ".gitignore").read_bytes() == b"mine\n"


@pytest.mark.parametrize("create", [False, True])
def test_something_else_there(tmp_path: Path, create: bool) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("text")
    with pytest.raises(ForeignStoreError, match="is a file"):
        FileExecutionEventStore(file, create=create)
    with pytest.raises(ForeignStoreError, match="other things"):
        FileExecutionEventStore(tmp_path, create=create)
    (tmp_path / "some folder").mkdir()
    (tmp_path / "changes").mkdir()
    with pytest.raises(ForeignStoreError, match="other things"):
        FileExecutionEventStore(tmp_path, create=create)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "some folder", "changes"}


def test_a_path_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreNotFoundError):
        FileExecutionEventStore(tmp_path / "file" / "store")
    with pytest.raises(StoreError, match="cannot open a store"):
        FileExecutionEventStore(tmp_path / "file" / "store", create=True)


async def test_a_copy_without_changes_file_is_a_store(store: FileExecutionEventStore) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    (store.base / "changes").unlink()
    (store.base / ".gitignore").unlink()
    (store.base / "notes.txt").write_text("a store may hold other things too")
    copy = FileExecutionEventStore(store.base)
    assert [summary.id for summary in await copy.list_executions()] == ["exec_one"]
    await copy.append_events(work)
    await copy.close()


async def test_a_store_behind_a_symbolic_link_chosen_by_the_user_is_fine(tmp_path: Path, base: Path) -> None:
    FileExecutionEventStore(base, create=True)
    link = tmp_path / "link"
    link.symlink_to(base)
    store = FileExecutionEventStore(link)
    await store.append_events(batches()[0])
    assert (base / "exec_one" / "events.jsonl").exists()
    await store.close()


async def test_folders_that_are_no_executions_are_passed_over(store: FileExecutionEventStore) -> None:
    await store.append_events(batches()[0])
    for name in ("exec_empty", "with space", ".hidden", "a..b", "é"):
        (store.base / name).mkdir()
        if name != "exec_empty":
            shutil.copy(store.base / "exec_one" / "events.jsonl", store.base / name)
    (store.base / "exec_file").write_text("")
    assert [summary.id for summary in await store.list_executions()] == ["exec_one"]
    assert await store.get_summary("exec_empty") is None
    assert await store.get_event_history("exec_empty") == []
    assert await store.get_event_history("exec_file") == []
    assert await store.get_snapshot("exec_file") is None
    assert await store.history_report("exec_file") is None
    with pytest.raises(StoreError):
        await store.acquire_owner("exec_file", "runner_1")


@pytest.mark.parametrize("name", ["owners", "changes", "Owners", "CHANGES"])
async def test_the_stores_own_names_are_no_execution_ids(store: FileExecutionEventStore, name: str) -> None:
    event = batches()[0][0]
    with pytest.raises(InvalidIdError, match="itself"):
        await store.append_events([event._replace(execution_id=name)])
    with pytest.raises(InvalidIdError, match="itself"):
        await store.acquire_owner(name, "runner_1")


async def test_links_in_a_store_do_not_lead_out_of_it(store: FileExecutionEventStore, tmp_path: Path) -> None:
    begin, work, *_ = batches()
    outside = FileExecutionEventStore(tmp_path / "outside", create=True)
    await outside.append_events(begin)
    content = (outside.base / "exec_one" / "events.jsonl").read_bytes()
    (store.base / "exec_one").symlink_to(outside.base / "exec_one")
    (store.base / "exec_two").mkdir()
    (store.base / "exec_two" / "events.jsonl").symlink_to(outside.base / "exec_one" / "events.jsonl")
    await store.append_events([event._replace(execution_id="exec_three") for event in begin])
    for name in ("snapshot.json", "owner"):
        (store.base / "exec_three" / name).symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("secret")

    assert {summary.id for summary in await store.list_executions()} <= {"exec_two", "exec_three"}
    assert await store.get_event_history("exec_one") == []
    with pytest.raises(StoreError):
        await store.get_event_history("exec_two")
    for events in (work, [event._replace(execution_id="exec_two") for event in work]):
        with pytest.raises(StoreError):
            await store.append_events(events)
    assert await store.delete_execution("exec_one") is False
    assert await store.get_snapshot("exec_three") is None
    with pytest.raises(StoreError):
        await store.acquire_owner("exec_three", "runner_1")
    await store.save_snapshot(snapshot_of([event._replace(execution_id="exec_three") for event in begin]))
    assert (tmp_path / "secret").read_text() == "secret"
    assert (outside.base / "exec_one" / "events.jsonl").read_bytes() == content
    await outside.close()


async def test_pipes_in_a_store_block_nobody(store: FileExecutionEventStore) -> None:
    for name in ("exec_one", "exec_two"):
        (store.base / name).mkdir()
    os.mkfifo(store.base / "exec_one" / "events.jsonl")
    await store.append_events([event._replace(execution_id="exec_two") for event in batches()[0]])
    os.mkfifo(store.base / "exec_two" / "snapshot.json")
    os.mkfifo(store.base / "exec_two" / "owner")
    listed = {summary.id: summary.error for summary in await store.list_executions()}
    assert "not a regular file" in listed["exec_one"]
    assert listed["exec_two"] == ""
    assert await store.get_snapshot("exec_two") is None
    with pytest.raises(StoreError, match="not a regular file"):
        await store.get_event_history("exec_one")
    with pytest.raises(StoreError, match="not a regular file"):
        await store.append_events(batches()[0])


@pytest.fixture
def readable_by_all() -> Iterator[Path]:
    """A temporary folder that other users get into, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_a_store_that_may_only_be_read(readable_by_all: Path) -> None:
    base = readable_by_all / "store"
    store = FileExecutionEventStore(base, create=True)
    begin, work, *_ = batches()
    await store.append_events(begin)
    await store.save_snapshot(snapshot_of(begin))
    folders = [base, base / "exec_one"]
    for path in (*base.rglob("*"), base):
        path.chmod(0o500 if path in folders else 0o400)
        if os.getuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.stores.readonly_child", str(base), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    outcomes = {}
    async for line in process.stdout:
        what, outcome = json.loads(line)
        outcomes[what] = outcome
        if what == "watching":
            (base / "changes").chmod(0o600)
            await store.append_events(work)
    assert await process.wait() == 0
    assert (outcomes["history"], outcomes["list"], outcomes["snapshot"]) == (2, ["interrupted"], 2)
    for what in ("append", "begin", "save", "acquire", "delete"):
        assert outcomes[what] == f"the store at {base} cannot be written: its file or folder is read-only", what
        assert outcomes[f"{what} kind"] == "ReadOnlyError", what
    assert outcomes["news"] == ["exec_one"]
    for folder in folders:
        folder.chmod(0o700)
    await store.close()
