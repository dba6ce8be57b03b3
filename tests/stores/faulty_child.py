"""A process that appends in forked children, whose n-th call that changes a file goes wrong.

Reads orders, one JSON object a line: `{"store": FOLDER, "fault": KIND, "call": N, "sends": FLAG}`, and answers each
with a line `{"acknowledged": SEQUENCE, "calls": COUNT, "failures": [[ERROR, ACKNOWLEDGED, READABLE], …], "status": EXIT
CODE}`.
Kinds: `none`; `kill` before the call; `tear`: kill after half of what a write should write; `short`: write half and
say so; `full` and `broken`: fail with ENOSPC or EIO, writes after half; `full for ever`, `broken for ever`: from then
on. With `sends` it sends messages to an execution that has begun, and the numbers are those of messages.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.model.events import ExecutionEvent
from engine.store import StoreError
from engine.testing.conformance_events import SignalMaker
from engine.testing.conformance_lists import snapshot_of
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

    def __init__(self, kind: str, call: int, sends: bool) -> None:
        self.kind, self.call, self.sends = kind, call, sends
        self.count = 0
        self.active = True
        for name in CALLS:
            # No power is lost here, so syncing, which takes longest, can be left out; it may still die or fail.
            original = _nothing if name in ("fsync", "fdatasync") else getattr(os, name)
            setattr(os, name, self._wrapped(name, original))

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


async def run(base: Path, faults: Faults, tell: Callable[[dict[str, Any]], None]) -> None:
    """Append a history as a runner does, trying again what fails."""
    acknowledged = 0

    async def attempt(what: str, *args: Any) -> bool:
        for _ in range(ATTEMPTS):
            try:
                await getattr(store, what)(*args)
            except StoreError as error:
                faults.active = False
                look = FileExecutionEventStore(base, offload=False)
                readable = len(await (look.get_signals if faults.sends else look.get_event_history)("exec_one"))
                tell({"failure": [str(error), acknowledged, readable]})
                faults.active = True
            else:
                return True
        return False

    try:
        store = FileExecutionEventStore(base, create=True, offload=False)
    except StoreError as error:
        tell({"failure": [str(error), 0, 0]})
        return
    if faults.sends:
        faults.active = False
        await store.append_events(batches()[0])
        faults.active = True
        for number, signal in enumerate(MESSAGES, start=1):
            if not await attempt("send_signal", "exec_one", signal):
                break
            acknowledged = number
            tell({"acknowledged": acknowledged})
        await store.close()
        return
    done: list[ExecutionEvent] = []
    await attempt("acquire_owner", "exec_one", "runner_1")
    for batch in batches():
        if not await attempt("append_events", batch):
            break
        acknowledged = batch[-1].sequence
        tell({"acknowledged": acknowledged})
        done += batch
        await attempt("save_snapshot", snapshot_of(done))
    await attempt("release_owner", "exec_one", "runner_1")
    await store.close()


def child(order: dict[str, Any], reporting: int) -> None:
    write = os.write

    def tell(fact: dict[str, Any]) -> None:
        write(reporting, json.dumps(fact).encode() + b"\n")

    faults = Faults(order["fault"], order["call"], order["sends"])
    asyncio.run(run(Path(order["store"]), faults, tell))
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
    for event in flat(batches()):
        event.validate()  # loads what checks payloads, so that not every child has to
    serve()
