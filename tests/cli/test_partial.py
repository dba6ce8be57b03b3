"""Damaged histories on the command line: what can be read is shown, the gap in its place."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from engine.model.events import ExecutionEvent
from tests.cli.histories import record
from tests.cli.shop import Caller, Shop
from tests.stores.test_sqlite_maintenance import large, leaf_of, root_of, smash


def kinds(out: str) -> list[tuple[int, str]]:
    events = [ExecutionEvent.from_dict(json.loads(line)) for line in out.splitlines()]
    return [(event.sequence, event.event_type) for event in events]


def test_a_history_without_its_first_event(shop: Shop, call: Caller) -> None:
    (execution_id,) = record(shop.store, 50)
    whole = kinds(call("events", "last", "--json").out)
    file = shop.store / execution_id / "events.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[1:]))
    events = call("events", execution_id, "--json")
    assert events.code == 4 and events.err.count("\n") == 1
    assert kinds(events.out) == [(1, "unreadable"), *whole[1:]]
    assert call("events", execution_id, "--type", "unreadable").out.split()[-3:] == ["it", "is", "missing"]
    shown = call("show", execution_id)
    assert (shown.code, shown.out, shown.err.count("\n")) == (4, "", 1)


def test_a_database_whose_tree_is_damaged(shop: Shop, call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    histories = asyncio.run(large(path))
    smash(path, root_of(path, "events"))
    ended = call("events", "exec_20", "--json", "--store", str(path))
    assert ended.code == 4
    assert [sequence for sequence, _ in kinds(ended.out)] == [event.sequence for event in histories[20]]
    assert f"the database {path} is damaged" in ended.err
    replayed = call("replay", "exec_20", "--store", str(path))
    assert replayed.code == 4 and f"event {len(histories[20])} of {len(histories[20])} " in replayed.out


def test_a_gap_in_a_database(shop: Shop, call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    histories = asyncio.run(large(path))
    smash(path, leaf_of(path, b'"execution_id":"exec_20"'))
    gaps = 0
    for history in histories:
        ended = call("events", history[0].execution_id, "--json", "--store", str(path))
        told = kinds(ended.out)
        assert [sequence for sequence, _ in told] in ([], [event.sequence for event in history])
        gaps += any(kind == "unreadable" for _, kind in told)
        assert ended.code == (4 if any(kind == "unreadable" for _, kind in told) or ended.err else 0)
    assert gaps
