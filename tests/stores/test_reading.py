"""Reading parts of histories, and what is remembered in between."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.store import DamagedHistoryError, ExecutionEventStore
from stores.file import ranges as file_ranges
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from tests.stores.histories import batches, flat


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each `pread` gave."""
    sizes: list[int] = []
    original: Callable[..., bytes] = os.pread

    def pread(*args: Any) -> bytes:
        content = original(*args)
        sizes.append(len(content))
        return content

    monkeypatch.setattr(os, "pread", pread)
    return sizes


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_a_limit_below_zero_is_refused(store: FileExecutionEventStore, kind: str) -> None:
    chosen: ExecutionEventStore = store if kind == "file" else MemoryExecutionEventStore()
    with pytest.raises(ValueError, match="0 or more"):
        await chosen.get_events("exec_one", limit=-1)


async def test_who_follows_a_history_reads_only_what_is_new(store: FileExecutionEventStore, read: list[int]) -> None:
    whole = batches(works=30)
    for batch in whole[:-2]:
        await store.append_events(batch)
    events = await store.get_event_history("exec_one")
    read.clear()
    assert await store.get_events("exec_one", len(events) + 1) == []
    assert sum(read) == 0
    await store.append_events(whole[-2])
    read.clear()
    assert await store.get_events("exec_one", len(events) + 1) == whole[-2]
    assert sum(read) < 2000


async def test_what_is_remembered_is_bounded(store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_ranges, "_MAX_PLACES", 3)
    for number in range(10):
        begin = batches(f"exec_{number}")[0]
        await store.append_events(begin)
        assert await store.get_event_history(f"exec_{number}") == begin
        assert len(store._core._ranges._places) <= 4


async def test_reading_goes_on_where_a_history_was_made_anew(store: FileExecutionEventStore) -> None:
    for mark in "abcd":
        whole = batches(works=ord(mark) % 3, mark=mark)
        for batch in whole:
            await store.append_events(batch)
            for from_seq in (1, 2, 3, 4, batch[0].sequence):
                found = await store.get_events("exec_one", from_seq)
                assert found == flat(whole)[from_seq - 1 : batch[-1].sequence]
        await store.delete_execution("exec_one")


async def test_a_writer_that_never_ends_does_not_hide_damage(store: FileExecutionEventStore, base: Path) -> None:
    for batch in batches():
        await store.append_events(batch)
    file = base / "exec_one" / "events.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"visit":1', b'"visit":7', 1))
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DamagedHistoryError):
            await store.get_event_history("exec_one")
