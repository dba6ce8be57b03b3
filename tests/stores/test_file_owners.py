"""Ownership in the file store, as far as one process can show it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.store import ConflictError, OwnedError, StoreError
from engine.testing.conformance_events import START
from stores import runners
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches


async def live(store: FileExecutionEventStore, execution_id: str = "exec_one") -> tuple[str | None, bool | None]:
    summary = await store.get_summary(execution_id)
    assert summary is not None
    return summary.owner, summary.live


async def test_the_files_name_runner_process_and_host(store: FileExecutionEventStore) -> None:
    await store.acquire_owner("exec_one", "runner_1")
    host = os.uname().nodename
    assert json.loads((store.base / "exec_one" / "owner").read_text()) == {"runner": "runner_1", "host": host}
    assert json.loads((store.base / "owners" / "runner_1").read_text()) == {"pid": os.getpid(), "host": host}
    await store.release_owner("exec_one", "runner_1")
    assert not (store.base / "exec_one" / "owner").exists()
    await store.close()
    assert not (store.base / "owners" / "runner_1").exists()


async def test_a_runner_of_another_host_is_never_taken_for_dead(
    base: Path, store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append_events(batches()[0])
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(runners, "HOST", "elsewhere")
        remote = FileExecutionEventStore(base, offload=False)
        await remote.acquire_owner("exec_one", "runner_far")
        lock = (base / "owners" / "runner_far").read_bytes()
        await remote.close()
    (base / "owners" / "runner_far").write_bytes(lock)  # as if its process had died there, or lived
    assert await live(store) == ("runner_far", True)
    with pytest.raises(OwnedError, match="elsewhere"):
        await store.acquire_owner("exec_one", "runner_1")
    with pytest.raises(OwnedError):
        await store.delete_execution("exec_one")
    assert (base / "owners" / "runner_far").exists(), "its file is not ours to clear away"
    assert await live(store) == ("runner_far", True)


async def test_taking_over_from_another_host_needs_somebody_who_knows(
    base: Path, store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, work, *_ = batches()
    await store.append_events(begin)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(runners, "HOST", "elsewhere")
        remote = FileExecutionEventStore(base, offload=False)
        await remote.acquire_owner("exec_one", "runner_far")
    with pytest.raises(OwnedError, match="runner_far on elsewhere, whose life cannot be seen from here"):
        await store.acquire_owner("exec_one", "runner_1")
    assert await store.due(START) == [], "it is not ours to drive"
    await store.acquire_owner("exec_one", "runner_1", take_over=True)
    await store.append_events(work)
    assert await live(store) == ("runner_1", True)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(runners, "HOST", "elsewhere")
        with pytest.raises(ConflictError):
            await remote.append_events(batches(mark="b")[1])
        await remote.release_owner("exec_one", "runner_far")
        with pytest.raises(OwnedError, match="runner_1 on"):
            await remote.acquire_owner("exec_one", "runner_far")
    await remote.close()
    assert await live(store) == ("runner_1", True)


async def test_files_of_dead_runners_are_cleared_away_and_those_of_the_living_stay(
    base: Path, store: FileExecutionEventStore
) -> None:
    other = FileExecutionEventStore(base, offload=False)
    await other.acquire_owner("exec_two", "runner_alive")
    for name, content in {"runner_dead": {"pid": 1, "host": os.uname().nodename}, "runner_empty": None}.items():
        (base / "owners" / name).write_text(json.dumps(content) if content else "")
    (base / "owners" / "runner_far").write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    (base / "owners" / "a folder").mkdir()
    await store.acquire_owner("exec_one", "runner_1")
    left = {path.name for path in (base / "owners").iterdir()}
    assert left == {"runner_1", "runner_alive", "runner_far", "a folder"}
    assert await store.live_runners() == {"runner_1", "runner_alive"}
    await other.close()
    assert await store.live_runners() == {"runner_1"}


async def test_a_runner_whose_lock_file_is_missing_is_dead(base: Path, store: FileExecutionEventStore) -> None:
    await store.append_events(batches()[0])
    other = FileExecutionEventStore(base, offload=False)
    await other.acquire_owner("exec_one", "runner_1")
    shutil.rmtree(base / "owners")
    assert await live(store) == ("runner_1", False)
    assert await store.live_runners() == frozenset()
    await store.acquire_owner("exec_one", "runner_2")
    await other.close()
    assert await live(store) == ("runner_2", True)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"runner": "../../x", "host": "h"}', b'{"runner": 7, "host": "h"}', b"\xff"],
)
async def test_an_owner_file_that_makes_no_sense_is_no_owner(store: FileExecutionEventStore, content: bytes) -> None:
    await store.append_events(batches()[0])
    (store.base / "exec_one" / "owner").write_bytes(content)
    assert await live(store) == (None, False)
    await store.acquire_owner("exec_one", "runner_1")
    assert await live(store) == ("runner_1", True)


async def test_a_runner_id_in_use_elsewhere_is_refused(
    base: Path, store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.offloading.PATIENCE", 0.02)
    other = FileExecutionEventStore(base, offload=False)
    await other.acquire_owner("exec_one", "runner_1")
    with pytest.raises(StoreError, match="runner_1 is already alive in another process"):
        await store.acquire_owner("exec_two", "runner_1")
    await other.close()
    await store.acquire_owner("exec_two", "runner_1")


async def test_a_lock_that_is_held_for_a_moment_is_waited_for(base: Path, store: FileExecutionEventStore) -> None:
    await store.append_events(batches()[0])
    with (base / "exec_one" / "events.jsonl").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        appending = asyncio.create_task(store.append_events(batches()[1]))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not appending.done(), "the loop goes on while it waits"
        fcntl.flock(file, fcntl.LOCK_UN)
        await appending
    assert len(await store.get_event_history("exec_one")) == 4


async def test_release_is_told_to_watchers_only_when_something_changed(store: FileExecutionEventStore) -> None:
    await store.acquire_owner("exec_one", "runner_1")
    await store.acquire_owner("exec_one", "runner_1")
    await store.release_owner("exec_one", "runner_2")
    await store.release_owner("exec_one", "runner_1")
    await store.release_owner("exec_one", "runner_1")
    assert (store.base / "changes").read_text() == "exec_one\n" * 2


class LateLocks:
    """Lets something happen between the opening of a file and the next exclusive lock on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.meanwhile: list[Callable[[], None]] = []
        original = fcntl.flock

        def flock(fd: int, operation: int) -> None:
            if operation & fcntl.LOCK_EX and self.meanwhile:
                self.meanwhile.pop()()
            original(fd, operation)

        monkeypatch.setattr(fcntl, "flock", flock)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> LateLocks:
    return LateLocks(monkeypatch)


async def test_who_comes_late_to_decide_sees_who_was_faster(
    base: Path, store: FileExecutionEventStore, late: LateLocks
) -> None:
    other = FileExecutionEventStore(base, offload=False)
    for runner, waiting in (("runner_1", store), ("runner_2", other)):
        await waiting.acquire_owner("exec_warm_up", runner)
        await waiting.release_owner("exec_warm_up", runner)
    late.meanwhile = [lambda: other._core.acquire("exec_one", "runner_2")]
    with pytest.raises(OwnedError, match="runner_2"):
        await store.acquire_owner("exec_one", "runner_1")
    late.meanwhile = [lambda: other._core.release("exec_one", "runner_2")]
    await store.acquire_owner("exec_one", "runner_1")
    with pytest.raises(OwnedError, match="runner_1"):
        await other.acquire_owner("exec_one", "runner_2")
    await other.close()


async def test_a_runner_whose_new_file_is_cleared_away_makes_another(
    base: Path, store: FileExecutionEventStore, late: LateLocks
) -> None:
    late.meanwhile = [(base / "owners" / "runner_1").unlink]
    await store.acquire_owner("exec_one", "runner_1")
    assert late.meanwhile == []
    assert await FileExecutionEventStore(base, offload=False).live_runners() == {"runner_1"}


async def test_who_asks_is_not_taken_for_the_runner(base: Path, store: FileExecutionEventStore) -> None:
    await store.append_events(batches()[0])
    other = FileExecutionEventStore(base, offload=False)
    await other.acquire_owner("exec_one", "runner_1")
    await other.close()
    with (base / "owners" / "runner_1").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # somebody else asks at this moment
        assert await live(store) == ("runner_1", False)
