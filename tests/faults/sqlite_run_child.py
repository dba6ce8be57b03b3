"""A process that runs a workflow on an SQLite store in forked children, and kills each at its n-th call that writes.

Reads lines of JSON `{"store": FILE, "log": FILE, "kill_at": N}` and answers each with `{"acknowledged": SEQUENCE,
"calls": CALLS, "status": TEXT, "outputs": JSON, "signal": NUMBER}`. The first run of a store begins the workflow, each
later one recovers it. With `kill_at` 0 a run goes to its end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dive_tui import ActionContext, Engine, Workflow, action
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.sqlite_faults import Faults

KEY = "killed"
WORKFLOW = Workflow.model_validate(
    {
        "name": "small",
        "steps": [
            {
                "name": "Double",
                "each": {"items": [1, 2, 3], "concurrency": 2},
                "action": "double",
                "parameters": {"value": "${item}"},
                "store": "doubled",
                "next": [{"step": "Work", "path": "left"}, {"step": "Work", "path": "right"}],
            },
            {
                "name": "Work",
                "action": "double",
                "parameters": {"value": "${len(state.doubled)}"},
                "store": "n",
                "retry": {"max_attempts": 5, "initial_delay": 0},
                "next": [{"step": "Join"}],
            },
            {"name": "Join", "join": ["left", "right"], "store": "joined", "end": True},
        ],
        "outputs": [{"name": "doubled", "value": "${state.doubled}"}],
    }
)
_write = os.write


def run(order: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    path = Path(order["store"])

    @action
    async def double(value: int, context: ActionContext) -> int:
        with open(order["log"], "a") as log:
            log.write(f"{context.effect_key}\n")
        return 2 * value

    async def go() -> None:
        faults.active = True
        store = SQLiteExecutionEventStore(path, create=True, offload=False)
        engine = Engine(store, actions=[double])
        known = await store.list_executions()
        work = engine.recover(known[0].id) if known else engine.run(WORKFLOW, observer=acknowledged)
        result = await work
        tell({"status": result.status, "outputs": result.outputs})
        await engine.close()
        await store.close()
        faults.active = False

    def acknowledged(batch: Any) -> None:
        tell({"acknowledged": batch[-1].sequence})

    faults = Faults("kill", order["kill_at"])
    asyncio.run(go())
    tell({"calls": faults.count})


def teller(reporting: int) -> Callable[[dict[str, Any]], None]:
    def tell(fact: dict[str, Any]) -> None:
        _write(reporting, json.dumps(fact).encode() + b"\n")

    return tell


def serve() -> None:
    for line in sys.stdin:
        reading, reporting = os.pipe()
        process = os.fork()
        if not process:
            status = 1
            try:
                os.close(reading)
                run(json.loads(line), teller(reporting))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(reporting)
        answer: dict[str, Any] = {"acknowledged": 0, "calls": 0}
        with os.fdopen(reading) as facts:
            for fact in map(json.loads, facts):
                answer |= fact
        answer["signal"] = -os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
