"""A process without the right to write that looks at a store, tries to change it, and watches it.

The store is given by its folder, or by its database, which ends in `.db`. Prints a line of JSON per outcome: `[WHAT,
ERROR OR RESULT]`, and for an error another one: `[WHAT kind, NAME OF THE ERROR]`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable
from pathlib import Path

import watchfiles

from engine.model.events import ExecutionEvent
from engine.store import StoreError
from engine.testing.conformance_base import close_watch
from engine.testing.conformance_lists import snapshot_of
from stores.file.store import FileExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.histories import batches

NOBODY = 65534


def tell(what: str, outcome: object) -> None:
    print(json.dumps([what, outcome]), flush=True)


async def attempt(what: str, work: Awaitable[object]) -> None:
    try:
        await work
    except StoreError as error:
        tell(what, str(error))
        tell(f"{what} kind", type(error).__name__)
    else:
        tell(what, None)


async def main(base: Path, begin: list[ExecutionEvent], work: list[ExecutionEvent]) -> None:
    store = (SQLiteExecutionEventStore if base.suffix == ".db" else FileExecutionEventStore)(base)
    tell("history", len(await store.get_event_history("exec_one")))
    tell("list", [summary.shown_status for summary in await store.list_executions()])
    snapshot = await store.get_snapshot("exec_one")
    tell("snapshot", snapshot and snapshot.last_event_seq)
    await attempt("append", store.append_events(work))
    await attempt("begin", store.append_events([event._replace(execution_id="exec_new") for event in begin]))
    await attempt("save", store.save_snapshot(snapshot_of(begin)))
    await attempt("acquire", store.acquire_owner("exec_one", "runner_9"))
    await attempt("delete", store.delete_execution("exec_one"))
    news = store.watch()
    waiting = asyncio.ensure_future(anext(news))
    await asyncio.sleep(0)
    tell("watching", None)
    tell("news", sorted(await waiting))
    await close_watch(news)
    await store.close()


if __name__ == "__main__":
    assert watchfiles.awatch  # imported, like all else, while it still may be read
    begin, work, *_ = batches()
    for event in begin + work:
        event.validate()
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    asyncio.run(main(Path(sys.argv[1]), begin, work))
