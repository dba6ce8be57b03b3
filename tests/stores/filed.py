"""Histories in files, broken and mended by tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.model.events import ExecutionEvent
from engine.testing.conformance_events import HistoryMaker, SignalMaker
from stores.codec import encode_batch
from stores.file.store import FileExecutionEventStore
from stores.maintenance import Finding, Mended
from tests.stores.histories import batches, flat

WHOLE = batches(works=4)
EVENTS = flat(WHOLE)
LINES = [line for batch in WHOLE for line in encode_batch(batch)]
OPEN = WHOLE[:-1]


async def stored(base: Path, batches: Sequence[Sequence[ExecutionEvent]]) -> Path:
    """Append batches and close the store; returns the events file."""
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    for batch in batches:
        await store.append_events(batch)
    await store.close()
    return base / batches[0][0].execution_id / "events.jsonl"


def opened(base: Path) -> FileExecutionEventStore:
    return FileExecutionEventStore(base, offload=False, durability="normal")


async def repaired(base: Path) -> list[Mended]:
    """What a repair does, after which nothing is left that another one would do."""
    store = opened(base)
    mended = await store.repair()
    assert [finding for finding in await store.examine() if finding.remedy] == []
    assert await store.repair() == []
    await store.close()
    return mended


def kinds(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.kind, finding.place) for finding in findings]


def tree(base: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of everything in a folder."""
    return {
        str(path.relative_to(base)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(base.rglob("*"))
    }


async def with_inbox(base: Path, received: int, sent: int) -> Path:
    """An open execution that has received some of the messages sent to it; returns the inbox."""
    maker, sender = HistoryMaker(), SignalMaker()
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    await store.append_events(maker.begin())
    for number in range(sent):
        # Without a sender, which the history of these tests does not record.
        await store.send_signal("exec_one", sender.signal({"n": number})._replace(sender=""))
    for message in (await store.get_signals("exec_one"))[:received]:
        await store.append_events(maker.receive(message))
    await store.close()
    return base / "exec_one" / "inbox.jsonl"
