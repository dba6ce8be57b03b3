"""A process that runs workflows in forked children and kills each child at its n-th call that changes the disk.

Reads lines of JSON `{"store": FOLDER, "items": COUNT, "kill_at": N}` and answers each with `{"acknowledged": SEQUENCE,
"calls": CALLS, "signal": NUMBER}`. With `kill_at` 0 the run goes to its end and `calls` is how many there were.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from dive_tui import Each, Engine, Step, Workflow, action
from stores.file.store import FileExecutionEventStore

WRITING = ("write", "writev", "pwrite", "fdatasync", "fsync", "replace", "rename", "ftruncate", "mkdir", "unlink")


@action
async def double(value: int) -> int:
    return 2 * value


def workflow(items: int) -> Workflow:
    return Workflow(
        name="small",
        steps=[
            Step(name="Double", each=Each(items=list(range(items))), action="double", parameters={"value": "${item}"},
                 store="doubled", next=[{"step": "Left", "path": "left"}, {"step": "Right", "path": "right"}]),
            Step(name="Left", action="double", parameters={"value": 1}, end=True),
            Step(name="Right", action="double", parameters={"value": 2}, end=True),
        ],
    )  # fmt: skip


def run(store: Path, items: int, kill_at: int, report: int) -> None:
    tell = os.write
    calls = 0

    def counted(original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return call

    for name in WRITING:
        setattr(os, name, counted(getattr(os, name)))

    def acknowledged(batch: Any) -> None:
        tell(report, f"{batch[-1].sequence}\n".encode())

    async def go() -> None:
        opened = FileExecutionEventStore(store, create=True, offload=False)
        await Engine(opened, actions=[double]).run(workflow(items), observer=acknowledged)
        await opened.close()

    asyncio.run(go())
    tell(report, f"calls {calls}\n".encode())


def serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            code = 1
            try:
                run(Path(order["store"]), order["items"], order["kill_at"], writing)
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read().split("\n")
        _, status = os.waitpid(child, 0)
        sequences = [int(word) for word in said if word.isdigit()]
        calls = [int(word.split()[1]) for word in said if word.startswith("calls")]
        answer = {
            "acknowledged": sequences[-1] if sequences else 0,
            "calls": calls[0] if calls else 0,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
