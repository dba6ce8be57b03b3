"""A small SQLite store, its file as bytes, and all that can be read of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw

from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionFilter
from engine.testing.conformance_events import START, HistoryMaker, SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.sqlite.store import SQLiteExecutionEventStore

PAGE = 512
LATER = START + timedelta(days=9)


def opened(path: Path, **options: Any) -> SQLiteExecutionEventStore:
    return SQLiteExecutionEventStore(path, **{"offload": False, "durability": "normal"} | options)


async def write(path: Path, batches: Sequence[Sequence[ExecutionEvent]]) -> None:
    """Append batches to the store, made when it is not there, and close it."""
    store = opened(path, create=True)
    for batch in batches:
        await store.append_events(batch)
    await store.close()


async def fill(store: SQLiteExecutionEventStore) -> None:
    """Executions that run, wait, have ended; messages, a snapshot, an owner."""
    one, waits, ended = (HistoryMaker(name, workflow=name[5:]) for name in ("exec_one", "exec_waits", "exec_ended"))
    events = one.begin() + one.work()
    await store.append_events(events)
    await store.save_snapshot(snapshot_of(events))
    await store.append_events(waits.begin() + waits.wait("signal", topic="approve"))
    await store.append_events(ended.begin() + ended.fail())
    sender = SignalMaker()
    for number in range(2):
        await store.send_signal("exec_waits", sender.signal(number))
    await store.acquire_owner("exec_one", "runner_1")


async def make_small(path: Path) -> bytes:
    """The bytes of a whole store in one file of small pages, each of which is used well."""
    store = opened(path, create=True)
    await fill(store)
    await store.close()
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", "delete")
        connection.pragma("page_size", PAGE)
        connection.execute("VACUUM")
        connection.pragma("journal_mode", "wal")
    content = path.read_bytes()
    assert not Path(f"{path}-wal").exists()
    assert content[16:18] == PAGE.to_bytes(2, "big")
    return content


async def seen(store: SQLiteExecutionEventStore) -> dict[str, Any]:
    """All that a reader can ask for."""
    listed = await store.list_executions()
    found: dict[str, Any] = {"list": listed, "due": await store.due(LATER)}
    statuses = ("running", "interrupted", "waiting", "failed", "completed")
    for status in statuses:
        found[status] = await store.list_executions(ExecutionFilter(statuses=frozenset({status})))
    for name in ("exec_one", "exec_waits", "exec_ended"):
        snapshot = await store.get_snapshot(name)
        found[name] = {
            "events": await store.get_event_history(name),
            "tail": await store.get_events(name, 3),
            "signals": await store.get_signals(name),
            "summary": await store.get_summary(name),
            "snapshot": snapshot and snapshot.to_dict(),
            "workflow": await store.list_executions(ExecutionFilter(workflow_name=name[5:])),
        }
    return found
