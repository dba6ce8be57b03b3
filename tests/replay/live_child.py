"""A process that runs workflows on a file store and tells the state it holds after each acknowledged append.

Reads lines of JSON `{"store": FOLDER, "definition": WORKFLOW}`. Answers each with a line of JSON `{"id": EXECUTION,
"sequence": N, "state": TEXT}` per append and `{"status": STATUS}` at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import engine.lifecycle.engine
from dive_tui import Engine, Workflow
from engine.runtime.recorder import EventBasedExecution
from stores.file_store import FileExecutionEventStore
from tests.lifecycle.generated import ACTIONS, INPUTS, LIMITS
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
    engine.lifecycle.engine.EventBasedExecution = Telling
    for line in sys.stdin:
        order = json.loads(line)
        store = FileExecutionEventStore(order["store"], create=True, offload=False, durability="normal")
        runner = Engine(store, actions=ACTIONS, config=LIMITS)
        result = await runner.run(Workflow.model_validate(order["definition"]), INPUTS)
        await store.close()
        tell(status=result.status)


if __name__ == "__main__":
    asyncio.run(serve())
