"""A process that appends to SQLite stores in forked children, whose n-th call that changes a file goes wrong.

Reads orders, one JSON object a line: `{"store": FILE, "fault": KIND, "call": N, "sends": FLAG}`, and answers each with
a line `{"acknowledged": SEQUENCE, "calls": COUNT, "failures": [[ERROR, ACKNOWLEDGED, READABLE], …], "status": CODE}`,
the code with which the child ended. With `sends` it sends messages to an execution that has begun, and the numbers are
those of messages. The kinds of faults are those of `sqlite_faults`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from engine.model.events import ExecutionEvent
from engine.store import StoreError
from engine.testing.conformance_events import SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.histories import batches, flat
from tests.stores.sqlite_faults import Faults

ATTEMPTS = 3
_sender = SignalMaker()
MESSAGES = [_sender.signal("x" * 50 * number) for number in range(3)]
write = os.write


class Client:
    """Appends as a runner does, or sends, trying again what fails."""

    def __init__(self, path: Path, faults: Faults, sends: bool, tell: Callable[[dict[str, Any]], None]) -> None:
        self.path, self.faults, self.sends, self.tell = path, faults, sends, tell
        self.acknowledged = 0

    async def run(self) -> None:
        if self.sends:
            before = SQLiteExecutionEventStore(self.path, create=True, offload=False)
            await before.append_events(batches()[0])
            await before.close()
        self.faults.active = True
        try:
            self.store = SQLiteExecutionEventStore(self.path, create=True, offload=False)
        except StoreError as error:
            self.faults.active = False
            self.tell({"failure": [str(error), 0, 0]})
            return
        await (self.send() if self.sends else self.append())
        await closed(self.store)
        self.faults.active = False

    async def append(self) -> None:
        done: list[ExecutionEvent] = []
        await self.attempt("acquire_owner", "exec_one", "runner_1")
        for batch in batches():
            if not await self.attempt("append_events", batch):
                break
            done += batch
            self.acknowledge(len(done))
            await self.attempt("save_snapshot", snapshot_of(done))
        await self.attempt("release_owner", "exec_one", "runner_1")

    async def send(self) -> None:
        for number, message in enumerate(MESSAGES, start=1):
            if not await self.attempt("send_signal", "exec_one", message):
                break
            self.acknowledge(number)

    def acknowledge(self, number: int) -> None:
        self.acknowledged = number
        self.tell({"acknowledged": number})

    async def attempt(self, what: str, *args: Any) -> bool:
        for _ in range(ATTEMPTS):
            try:
                await getattr(self.store, what)(*args)
            except StoreError as error:
                self.faults.active = False
                look = SQLiteExecutionEventStore(self.path, offload=False)
                readable = len(await (look.get_signals if self.sends else look.get_event_history)("exec_one"))
                await closed(look)
                self.tell({"failure": [str(error), self.acknowledged, readable]})
                self.faults.active = True
            else:
                return True
        return False


async def closed(store: SQLiteExecutionEventStore) -> None:
    # SQLite ignores that what is open for reading only cannot be locked when it is closed; a layer in Python cannot.
    with suppress(apsw.IOError):
        await store.close()


def child(order: dict[str, Any], reporting: int) -> None:
    def tell(fact: dict[str, Any]) -> None:
        write(reporting, json.dumps(fact).encode() + b"\n")

    faults = Faults(order["fault"], order["call"])
    asyncio.run(Client(Path(order["store"]), faults, order["sends"], tell).run())
    tell({"calls": faults.count})


def serve() -> None:
    for line in sys.stdin:
        reading, reporting = os.pipe()
        process = os.fork()
        if not process:
            status = 1
            try:
                os.close(reading)
                child(json.loads(line), reporting)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(reporting)
        answer: dict[str, Any] = {"acknowledged": 0, "calls": 0, "failures": []}
        with os.fdopen(reading) as facts:
            for fact in map(json.loads, facts):
                failure = fact.pop("failure", None)
                answer["failures"] += [failure] if failure else []
                answer |= fact
        answer["status"] = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    for event in flat(batches()):
        event.validate()  # loads what checks payloads, so that not every child has to
    serve()
