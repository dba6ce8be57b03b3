"""Histories on disk, as tests of the file store need them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from engine.model.events import ExecutionEvent
from engine.testing.conformance_events import HistoryMaker
from stores.file.store import FileExecutionEventStore


def batches(execution_id: str = "exec_one", works: int = 2, mark: str = "a") -> list[list[ExecutionEvent]]:
    """A whole history as its runner appends it: a batch of two, batches of two, a batch of four."""
    maker = HistoryMaker(execution_id, mark=mark)
    return [maker.begin(), *(maker.work({"n": number}) for number in range(works)), maker.finish()]


def flat(batches: Sequence[Sequence[ExecutionEvent]]) -> list[ExecutionEvent]:
    return [event for batch in batches for event in batch]


def write(base: Path, batches: Sequence[Sequence[ExecutionEvent]]) -> Path:
    """Append batches and close the store; returns the events file."""

    async def run() -> None:
        store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
        for batch in batches:
            await store.append_events(batch)
        await store.close()

    asyncio.run(run())
    return base / batches[0][0].execution_id / "events.jsonl"


def read(
    base: Path, execution_id: str = "exec_one", from_seq: int = 1, limit: int | None = None
) -> list[ExecutionEvent]:
    """What a store that was opened just now reads."""
    return asyncio.run(FileExecutionEventStore(base, offload=False).get_events(execution_id, from_seq, limit))
