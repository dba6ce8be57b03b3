"""A process that runs executions with relaxed durability and kills itself in the n-th call of an action.

One argument, JSON: `{"store": LOCATION, "executions": COUNT, "steps": COUNT, "kill_at": N, "batch_size": EVENTS,
"flush_interval": SECONDS}`. Tells on stdout, a line each, what cannot be taken back: `started ID`, `ended ID`,
`taken ID SEQUENCE` for each batch that was taken, and `ran ID STEP KEY` before an action returns.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

from dive_tui import ActionContext, Engine, PersistenceConfig, Step, Workflow, action, open_store


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def workflow(steps: int) -> Workflow:
    return Workflow(name="chain", steps=[Step(name=f"S{number}", action="note") for number in range(steps)])


async def drive(order: dict[str, Any]) -> None:
    calls = 0

    @action
    async def note(context: ActionContext) -> None:
        nonlocal calls
        calls += 1
        tell("ran", context.execution_id, context.step, context.effect_key)
        if calls == order["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0)

    config = PersistenceConfig(
        durability="relaxed", batch_size=order["batch_size"], flush_interval=order["flush_interval"]
    )
    store = open_store(order["store"], create=True, offload=False, durability=config.durability)
    engine = Engine(store, actions=[note], config=config)

    async def one() -> None:
        result = await engine.run(
            workflow(order["steps"]),
            started=lambda execution_id: tell("started", execution_id),
            observer=lambda batch: tell("taken", batch[0].execution_id, batch[-1].sequence),
        )
        tell("ended", result.id)

    await asyncio.gather(*(one() for _ in range(order["executions"])))
    await engine.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(drive(json.loads(sys.argv[1])))
