"""Snapshots and indexes that do not fit are told and made anew; a flipped bit anywhere is told or harmless."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from engine.model.events import ExecutionEvent
from engine.model.state import STATE_VERSION
from engine.store import DamagedHistoryError, DamagedInboxError
from engine.testing.conformance_events import HistoryMaker
from engine.testing.conformance_lists import snapshot_of
from stores.codec import seal
from stores.file import index
from tests.stores.filed import EVENTS, OPEN, kinds, opened, repaired, stored, with_inbox
from tests.stores.histories import batches, flat


async def check_snapshot(base: Path, events: list[ExecutionEvent]) -> None:
    """It is as if a runner had saved it after these events."""
    snapshot = await opened(base).get_snapshot("exec_one")
    assert snapshot is not None
    assert snapshot.restore_state() == snapshot_of(events).restore_state()
    assert snapshot.workflow_data == events[0].data["workflow"]


async def test_a_long_history_misses_its_snapshot(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.file.problems._LONG", 9)
    await stored(base, OPEN)
    assert kinds(await opened(base).examine()) == [("stale", "snapshot.json")]
    (mended,) = await repaired(base)
    assert mended.outcome == "made anew at event 10"
    await check_snapshot(base, flat(OPEN))
    await stored(base, batches("exec_two", works=3)[:-1])
    assert await opened(base).examine() == [], "a short one does not"


def resealed(content: bytes, **changes: object) -> bytes:
    record = orjson.loads(content)
    del record["crc"]
    return seal(record | changes) + b"\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:-20],
        lambda content: content.replace(b"probe", b"prose", 1),
        lambda content: resealed(content, last_event_seq=7),
        lambda content: resealed(content, offset=1),
        lambda content: resealed(content, event_id="event_x"),
        lambda content: resealed(content, state={"state_version": STATE_VERSION}),
    ],
)
async def test_a_wrong_snapshot_is_made_anew(base: Path, change: Callable[[bytes], bytes]) -> None:
    file = (await stored(base, OPEN)).with_name("snapshot.json")
    store = opened(base)
    await store.save_snapshot(snapshot_of(EVENTS[:4]))
    file.write_bytes(change(file.read_bytes()))
    assert kinds(await store.examine()) == [("stale", "snapshot.json")]
    await repaired(base)
    await check_snapshot(base, flat(OPEN))


async def test_a_snapshot_of_another_version_is_no_fault(base: Path) -> None:
    file = (await stored(base, OPEN)).with_name("snapshot.json")
    await opened(base).save_snapshot(snapshot_of(EVENTS[:4]))
    file.write_bytes(resealed(file.read_bytes(), state={"state_version": STATE_VERSION - 1}))
    assert await repaired(base) == []


async def test_a_snapshot_of_what_makes_no_sense_is_removed(base: Path) -> None:
    maker = HistoryMaker()
    file = await stored(base, [maker.begin() + maker.finish(), maker.work()])
    store = opened(base)
    assert await store.examine() == [], "what a history says is not judged here"
    await store.save_snapshot(snapshot_of(HistoryMaker().begin()))
    file.with_name("snapshot.json").write_bytes(b"rubbish")
    (mended,) = await repaired(base)
    assert mended.outcome == "removed"
    assert not file.with_name("snapshot.json").exists()


@pytest.mark.parametrize("lie", [b"rubbish", b"%016d %016d\n" % (3, 5), b"0" * 68, "half", "flip"])
async def test_a_wrong_index_is_made_anew(base: Path, monkeypatch: pytest.MonkeyPatch, lie: bytes | str) -> None:
    monkeypatch.setattr(index, "STEP", 1000)
    file = (await stored(base, batches(works=12)[:-1])).with_name("index")
    content = file.read_bytes()
    flipped = bytes([*content[:45], content[45] ^ 1, *content[46:]])
    file.write_bytes(lie if isinstance(lie, bytes) else {"half": content[:50], "flip": flipped}[lie])
    assert kinds(await opened(base).examine()) == [("stale", "index")]
    await repaired(base)
    assert file.read_bytes() == content


async def test_an_index_that_is_far_behind_or_missing_is_made_anew(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "STEP", 500)
    file = (await stored(base, batches(works=20)[:-1])).with_name("index")
    content = file.read_bytes()
    assert len(content) > 15 * 34
    file.write_bytes(content[: -3 * 34])
    assert await opened(base).examine() == [], "somewhat behind is no harm"
    file.unlink()
    await repaired(base)
    assert file.read_bytes() == content


async def test_every_flipped_bit_of_a_small_execution_is_told_or_harmless(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """History, inbox, snapshot and index: who reads is told or gets what was there."""
    monkeypatch.setattr(index, "STEP", 500)
    inbox = await with_inbox(base, 1, 2)
    store = opened(base)
    events, messages = await store.get_event_history("exec_one"), await store.get_signals("exec_one")
    await store.save_snapshot(snapshot_of(events))
    summary, snapshot = await store.get_summary("exec_one"), await store.get_snapshot("exec_one")
    assert sorted(path.name for path in inbox.parent.iterdir()) == [
        "events.jsonl",
        "inbox.jsonl",
        "index",
        "snapshot.json",
    ]
    silent = 0
    for path in sorted(inbox.parent.iterdir()):
        content = path.read_bytes()
        cache = path.name in ("index", "snapshot.json")
        for bit in range(8 * len(content)):
            with path.open("r+b") as file:  # a file is written in place much faster than anew
                os.pwrite(file.fileno(), bytes([content[bit // 8] ^ 1 << bit % 8]), bit // 8)
                if bit >= 8:
                    os.pwrite(file.fileno(), content[bit // 8 - 1 : bit // 8], bit // 8 - 1)
            look = opened(base)
            try:
                if path.name == "inbox.jsonl":
                    assert await look.get_signals("exec_one") == messages
                else:
                    assert await look.get_events("exec_one", len(events) if cache else 1) == events[-cache:]
                assert cache, f"{path.name}, bit {bit} goes unnoticed"
            except (DamagedHistoryError, DamagedInboxError):
                assert not cache
            if path.name == "snapshot.json":
                assert await look.get_snapshot("exec_one") in (None, snapshot)
                assert await look.get_summary("exec_one") == summary
            if bit % 37 == 0:
                silent += not await look.examine()
        path.write_bytes(content)
    assert silent == 0, "whoever examines is told in any case"
