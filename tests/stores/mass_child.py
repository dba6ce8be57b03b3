"""A process that runs many executions at once on a store of files, as one of several.

Called with the store's folder, a mark of its own and the number of executions. When a line comes in it begins; it says
`true` or `false`: whether the execution that all of them want is its own.
"""

from __future__ import annotations

import asyncio
import json
import sys

from engine.model.events import ExecutionEvent
from engine.store import ConflictError, StoreError
from engine.testing.conformance_events import SignalMaker
from stores.file import index
from stores.file.store import FileExecutionEventStore
from stores.files import BusyError
from tests.stores.histories import batches

STEP = 1500
WORKS = 8
SHARED = "exec_shared"


def execution_ids(mark: str, count: int) -> list[str]:
    return [f"exec_{mark}_{number}" for number in range(count)]


async def write(store: FileExecutionEventStore, mark: str, count: int) -> bool:
    """Turn by turn a batch of each execution, and now and then a message to another process's."""
    sender = SignalMaker(mark)
    mine = True
    turns = zip(*(batches(name, works=WORKS, mark=mark) for name in execution_ids(mark, count)), strict=True)
    for number, (turn, shared) in enumerate(zip(turns, batches(SHARED, works=WORKS, mark=mark), strict=True)):
        results = await store.append_batches(turn)
        assert results == [None] * count, results
        if mine:
            mine = await append_shared(store, shared)
        if number:
            await store.send_signal(SHARED, sender.signal(number))
    return mine


async def append_shared(store: FileExecutionEventStore, batch: list[ExecutionEvent]) -> bool:
    while True:
        try:
            await store.append_events(batch)
        except ConflictError:
            return False
        except BusyError:
            continue
        return True


async def main() -> None:
    index.STEP = STEP
    folder, mark, count = sys.argv[1:]
    store = FileExecutionEventStore(folder, create=True, offload=False, durability="normal")
    sys.stdin.readline()
    try:
        print(json.dumps(await write(store, mark, int(count))), flush=True)
    except (StoreError, AssertionError) as error:
        print(json.dumps(repr(error)), flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
