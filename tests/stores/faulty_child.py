"""A process that appends in forked children, whose n-th call that changes a file goes wrong.

Reads orders, one JSON object a line: `{"store": FOLDER, "fault": KIND, "call": N, "does": WHAT}`, and answers each
with a line `{"acknowledged": SEQUENCE, "calls": COUNT, "failures": [[ERROR, ACKNOWLEDGED, READABLE], …], "status": EXIT
CODE}`.
Kinds: `none`; `kill` before the call; `tear`: kill after half of what a write should write; `short`: write half and
say so; `full` and `broken`: fail with ENOSPC or EIO, writes after half; `full for ever`, `broken for ever`: from then
on. What it does: `append` a history; `turn`: the same for two executions at once; `send` messages to an execution that
has begun, the numbers being those of messages; `repair` a store that is there; `delete` an execution from it.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from engine.model.events import ExecutionEvent
from engine.store import StoreError
from engine.testing.conformance_events import SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.file import index
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches, flat

WRITES = ("write", "pwrite")
FAILING = (*WRITES, "fsync", "fdatasync", "mkdir", "replace")
CALLS = (*FAILING, "ftruncate", "unlink")
ATTEMPTS = 3
_sender = SignalMaker()
MESSAGES = [_sender.signal("x" * 50 * number) for number in range(3)]


class Faults:
    """Counts the calls, and lets the one that was ordered go wrong."""

    def __init__(self, kind: str, call: int) -> None:
        self.kind, self.call = kind, call
        self.count = 0
        self.active = True
        for name in CALLS:
            # No power is lost here, so syncing, which takes longest, can be left out; it may still die or fail.
            original = _nothing if name in ("fsync", "fdatasync") else getattr(os, name)
            setattr(os, name, self._wrapped(name, original))

    @contextmanager
    def still(self) -> Iterator[None]:
        """Meanwhile nothing goes wrong, and nothing counts."""
        self.active = False
        try:
            yield
        finally:
            self.active = True

    def _wrapped(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self.active:
                return original(*args, **kwargs)
            self.count += 1
            due = self.count == self.call or (self.kind.endswith("for ever") and self.count > self.call)
            return self._fail(name, original, *args, **kwargs) if due else original(*args, **kwargs)

        return call

    def _fail(self, name: str, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind.startswith(("full", "broken")) and name not in FAILING:
            return original(*args, **kwargs)
        if name not in WRITES and self.kind in ("tear", "short"):
            return original(*args, **kwargs)
        written = original(args[0], args[1][: len(args[1]) // 2], *args[2:]) if name in WRITES else None
        if self.kind == "tear":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "short":
            return written
        number = errno.ENOSPC if self.kind.startswith("full") else errno.EIO
        raise OSError(number, os.strerror(number))


def _nothing(fd: int) -> None:
    pass


class Attempts:
    """Tries again what fails, and tells."""

    def __init__(self, base: Path, faults: Faults, tell: Callable[[dict[str, Any]], None]) -> None:
        self.base = base
        self.faults = faults
        self.tell = tell
        self.acknowledged = 0

    async def succeed(self, work: Callable[[], Awaitable[object]], look: str = "get_event_history") -> bool:
        for _ in range(ATTEMPTS):
            try:
                await work()
            except StoreError as error:
                with self.faults.still():
                    store = FileExecutionEventStore(self.base, offload=False)
                    readable = len(await getattr(store, look)("exec_one"))
                self.tell({"failure": [str(error), self.acknowledged, readable]})
            else:
                return True
        return False

    def acknowledge(self, number: int) -> None:
        self.acknowledged = number
        self.tell({"acknowledged": number})


async def run(base: Path, does: str, faults: Faults, tell: Callable[[dict[str, Any]], None]) -> None:
    """Do with a store what is asked for, as a runner does, trying again what fails."""
    try:
        store = FileExecutionEventStore(base, create=True, offload=False)
    except StoreError as error:
        tell({"failure": [str(error), 0, 0]})
        return
    attempts = Attempts(base, faults, tell)
    if does == "append":
        await append(store, attempts)
    elif does == "turn":
        await turns(store, attempts)
    elif does == "send":
        await send(store, attempts)
    elif await attempts.succeed(store.repair if does == "repair" else partial(store.delete_execution, "exec_one")):
        attempts.acknowledge(1)
    await store.close()


async def append(store: FileExecutionEventStore, attempts: Attempts) -> None:
    done: list[ExecutionEvent] = []
    await attempts.succeed(partial(store.acquire_owner, "exec_one", "runner_1"))
    for batch in batches():
        if not await attempts.succeed(partial(store.append_events, batch)):
            break
        attempts.acknowledge(batch[-1].sequence)
        done += batch
        await attempts.succeed(partial(store.save_snapshot, snapshot_of(done)))
    await attempts.succeed(partial(store.release_owner, "exec_one", "runner_1"))


async def turns(store: FileExecutionEventStore, attempts: Attempts) -> None:
    async def append(turn: list[list[ExecutionEvent]]) -> None:
        results = await store.append_batches(turn)
        turn[:] = [batch for batch, result in zip(turn, results, strict=True) if result is not None]
        for result in results:
            if result is not None:
                raise result

    for one, two in zip(batches(), batches("exec_two"), strict=True):
        if not await attempts.succeed(partial(append, [two, one])):
            break
        attempts.acknowledge(one[-1].sequence)


async def send(store: FileExecutionEventStore, attempts: Attempts) -> None:
    with attempts.faults.still():
        await store.append_events(batches()[0])
    for number, message in enumerate(MESSAGES, start=1):
        if not await attempts.succeed(partial(store.send_signal, "exec_one", message), "get_signals"):
            break
        attempts.acknowledge(number)


def child(order: dict[str, Any], reporting: int) -> None:
    write = os.write

    def tell(fact: dict[str, Any]) -> None:
        write(reporting, json.dumps(fact).encode() + b"\n")

    faults = Faults(order["fault"], order["call"])
    asyncio.run(run(Path(order["store"]), order["does"], faults, tell))
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
    index.STEP = 500  # so that short histories have one, too
    for event in flat(batches()):
        event.validate()  # loads what checks payloads, so that not every child has to
    serve()
