"""A process that runs workflows on a file store and tells the state it holds after each acknowledged append.

Reads lines of JSON `{"store": FOLDER, "definition": WORKFLOW}`. Answers each with a line of JSON `{"id": EXECUTION,
"sequence": N, "state": TEXT}` per append, of children too, and `{"id": EXECUTION, "status": STATUS}` at the end. Time
is skipped; what waits for a message is sent one, paused, and cancelled.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import engine.lifecycle.driving
from dive_tui import Engine, Workflow
from engine.runtime.recorder import EventBasedExecution
from engine.testing.ports import FakeClock
from stores.file.store import FileExecutionEventStore
from tests.lifecycle.driven import LONG
from tests.lifecycle.generated import ACTIONS, CHILDREN, INPUTS, LIMITS
from tests.lifecycle.soundness import canonical

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever else is printed is not for the reader of this process


def tell(**record: Any) -> None:
    OUT.write(json.dumps(record) + "\n")
    OUT.flush()


class Telling(EventBasedExecution):
    async def flush_events(self) -> None:
        waiting = len(self.buffered)
        await super().flush_events()
        if waiting:
            tell(id=self.execution_id, sequence=self.state.sequence, state=canonical(self.state).decode())


async def serve() -> None:
    engine.lifecycle.driving.EventBasedExecution = Telling
    for line in sys.stdin:
        order = json.loads(line)
        store = FileExecutionEventStore(order["store"], create=True, offload=False, durability="normal")
        runner = Engine(store, actions=ACTIONS, workflows=CHILDREN, config=LIMITS, clock=FakeClock(skip=True))
        result = await runner.run(Workflow.model_validate(order["definition"]), INPUTS, linger=LONG)
        if not result.state.ended:
            await runner.signal(result.id, "go", {"late": True})
            await runner.pause(result.id)
            await runner.resume(result.id)
            result = await runner.recover(result.id, linger=LONG)
        if not result.state.ended:
            await runner.cancel(result.id)
        await runner.close()
        status = (await store.get_event_history(result.id))[-1].event_type
        await store.close()
        tell(id=result.id, status=status)


if __name__ == "__main__":
    asyncio.run(serve())
