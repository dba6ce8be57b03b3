"""The snapshot in a file store is a cache: it saves reading, and when anything about it is wrong it is not there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from engine.store import StoreError
from engine.testing.conformance_lists import snapshot_of
from stores.codec import encode_batch, seal
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches, flat


@pytest.fixture
async def saved(store: FileExecutionEventStore) -> Path:
    """A snapshot at event 4 of 6."""
    begin, first, second, _ = batches()
    await store.append_events(begin)
    await store.append_events(first)
    await store.save_snapshot(snapshot_of(begin + first))
    await store.append_events(second)
    return store.base / "exec_one" / "snapshot.json"


SIZE_OF_SIX = sum(map(len, (line for batch in batches()[:3] for line in encode_batch(batch))))


def resealed(content: bytes, **changes: object) -> bytes:
    record = orjson.loads(content)
    del record["crc"]
    return seal({key: value for key, value in (record | changes).items() if value is not ...})


async def test_it_names_where_its_last_event_lies(store: FileExecutionEventStore, saved: Path) -> None:
    record = orjson.loads(saved.read_bytes())
    line = (store.base / "exec_one" / "events.jsonl").read_bytes()[record["offset"] :].split(b"\n")[0]
    assert orjson.loads(line)["sequence"] == record["last_event_seq"] == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:-9],
        lambda content: content.replace(b"probe", b"prose", 1),
        lambda content: b"{}",
        lambda content: resealed(content, state=...),
        lambda content: resealed(content, offset=...),
        lambda content: resealed(content, offset="0"),
        lambda content: resealed(content, offset=-1),
        lambda content: resealed(content, offset=0),
        lambda content: resealed(content, offset=7),
        lambda content: resealed(content, offset=10**9),
        lambda content: resealed(content, last_event_seq=5),
        lambda content: resealed(content, last_event_seq=9, offset=SIZE_OF_SIX),
        lambda content: resealed(content, last_event_seq=0),
        lambda content: resealed(content, last_event_seq=99),
        lambda content: resealed(content, last_event_seq=None),
        lambda content: resealed(content, id="exec_two"),
    ],
)
async def test_anything_wrong_makes_it_disappear(
    store: FileExecutionEventStore, saved: Path, change: Callable[[bytes], bytes]
) -> None:
    wanted = await store.list_executions()
    saved.write_bytes(change(saved.read_bytes()))
    fresh = FileExecutionEventStore(store.base, offload=False)
    assert await fresh.get_snapshot("exec_one") is None
    assert await fresh.list_executions() == wanted
    assert await fresh.get_events("exec_one", 5) == flat(batches())[4:6]
    await fresh.append_events(batches()[3])
    assert await fresh.get_event_history("exec_one") == flat(batches())
    await fresh.close()


async def test_every_flipped_bit_is_found(store: FileExecutionEventStore, saved: Path) -> None:
    content = saved.read_bytes().rstrip(b"\n")
    for bit in range(0, 8 * len(content), 11):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(flipped)
        assert await store.get_snapshot("exec_one") is None, f"bit {bit}"


@pytest.mark.parametrize("state", [None, [], {}, {"state_version": 1}, {"state_version": 99}])
async def test_a_state_that_cannot_be_used_is_folded_anew(
    store: FileExecutionEventStore, saved: Path, state: object
) -> None:
    wanted = await store.list_executions()
    saved.write_bytes(resealed(saved.read_bytes(), state=state))
    assert await FileExecutionEventStore(store.base, offload=False).list_executions() == wanted


async def test_one_of_a_history_that_was_replaced_is_not_used(store: FileExecutionEventStore, saved: Path) -> None:
    content = saved.read_bytes()
    for length in (1, 3):  # shorter, and one that has an event at that very place
        await store.delete_execution("exec_one")
        for batch in batches(mark="b")[:length]:
            await store.append_events(batch)
        saved.write_bytes(content)
        assert await store.get_snapshot("exec_one") is None
        (summary,) = await FileExecutionEventStore(store.base, offload=False).list_executions()
        assert (summary.last_event_seq, summary.error) == (2 * length, "")


async def test_what_it_covers_is_not_parsed_again(store: FileExecutionEventStore, saved: Path) -> None:
    """Shown by damage in events before it, which goes unnoticed until somebody asks for them."""
    wanted = await store.list_executions()
    file = store.base / "exec_one" / "events.jsonl"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"execution_started", b"execution_flipped", 1))
    fresh = FileExecutionEventStore(store.base, offload=False)
    assert await fresh.list_executions() == wanted
    assert await fresh.get_events("exec_one", 4) == flat(batches())[3:6]
    assert await FileExecutionEventStore(store.base, offload=False).get_events("exec_one", 7) == []
    assert (await fresh.get_snapshot("exec_one")) is not None


async def test_one_saved_by_a_process_that_did_not_append(store: FileExecutionEventStore) -> None:
    events = flat(batches())
    for batch in batches():
        await store.append_events(batch)
    other = FileExecutionEventStore(store.base, offload=False)
    for until in (7, 3):
        await other.save_snapshot(snapshot_of(events[:until]))
        found = await store.get_snapshot("exec_one")
        assert found is not None and found.last_event_seq == until
    await other.close()


async def test_one_that_cannot_be_written_leaves_the_old_one(
    store: FileExecutionEventStore, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left"):
            await store.save_snapshot(snapshot_of(flat(batches())[:6]))
    found = await store.get_snapshot("exec_one")
    assert found is not None and found.last_event_seq == 4
    assert [path.name for path in saved.parent.iterdir() if path.name.startswith(".")] == []


async def test_a_snapshot_of_nothing_is_not_kept(store: FileExecutionEventStore) -> None:
    await store.save_snapshot(snapshot_of(batches()[0]))
    assert not (store.base / "exec_one").exists()
    shutil.rmtree(store.base)
