"""A process that does with a store what it is told: a line of JSON `[METHOD, ARGUMENT, …]` in, the outcome out.

The store is given by its folder, or by its database, which ends in `.db`. The outcome is `[null, RESULT]` or `[NAME OF
THE ERROR, MESSAGE]`. Besides the methods of the store: `append MARK N` appends the n-th batch of the history with that
mark, `send MARK N` sends the n-th message with that mark, `append_for_ever` goes on appending and prints the last
sequence after each, `write MARK N` writes so many whole executions one after the other, `fork` leaves a child of its
own behind and says its process id.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Any

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.store import ExecutionEventStore
from engine.testing.conformance_events import HistoryMaker, SignalMaker
from stores.file.store import FileExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.histories import batches

WORKS = 200
history = cache(lambda mark: batches(works=WORKS, mark=mark))


@cache
def messages(mark: str) -> list[ExecutionSignal]:
    maker = SignalMaker(mark)
    return [maker.signal(number) for number in range(WORKS)]


def open_store(path: Path) -> ExecutionEventStore:
    if path.suffix == ".db":
        return SQLiteExecutionEventStore(path, create=True, offload=False, durability="normal")
    return FileExecutionEventStore(path, create=True, offload=False, durability="normal")


def written(mark: str, number: int) -> list[list[ExecutionEvent]]:
    """What `write` appends to its n-th execution."""
    return batches(f"exec_{mark}{number}", works=number % 3, mark=mark)


async def write_executions(store: ExecutionEventStore, mark: str, count: int) -> int:
    for number in range(count):
        execution = written(mark, number)
        execution_id = execution[0][0].execution_id
        await store.acquire_owner(execution_id, f"runner_{mark}")
        for batch in execution:
            await store.append_events(batch)
        await store.release_owner(execution_id, f"runner_{mark}")
    return count


async def append_for_ever(store: ExecutionEventStore) -> None:
    maker = HistoryMaker()
    batch = maker.begin()
    while True:
        await store.append_events(batch)
        print(json.dumps([None, batch[-1].sequence]), flush=True)
        batch = maker.work("x" * (maker.sequence % 5000))


def fork() -> int:
    process = os.fork()
    if not process:
        os.close(0)
        os.close(1)
        signal.pause()
    return process


async def obey(store: ExecutionEventStore, method: str, *args: Any) -> Any:
    if method == "append":
        mark, number = args
        return await store.append_events(history(mark)[number])
    if method == "send":
        mark, number = args
        return await store.send_signal("exec_one", messages(mark)[number])
    if method == "append_for_ever":
        return await append_for_ever(store)
    if method == "write":
        return await write_executions(store, *args)
    if method == "fork":
        return fork()
    if method == "live":
        summary = await store.get_summary(*args)
        return summary and summary.live
    return await getattr(store, method)(*args)


async def main() -> None:
    store = open_store(Path(sys.argv[1]))
    for line in sys.stdin:
        try:
            outcome = [None, await obey(store, *json.loads(line))]
        except Exception as error:
            outcome = [type(error).__name__, str(error)]
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
