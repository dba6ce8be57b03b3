"""A process that drives workflows in forked children, each of which dies by SIGKILL at the event it is told.

Reads lines of JSON `{"store": FOLDER, "log": FILE, "workflow": NAME, "go_on": ID or "", "kill_at": N, "before": BOOL}`
and answers each with `{"signal": NUMBER, "id": ID, "status": STATUS, "outputs": OUTPUTS, "error_type": TYPE}`. The
child starts the workflow, or goes on with an execution, and kills itself when its N-th event has become durable, or
just before that; with 0 it goes on to the end. Every event is an append of its own: each boundary can be reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dive_tui import Engine, Workflow, action
from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.runtime.actions import ActionRegistry
from engine.runtime.builtins import BUILTINS
from engine.runtime.context import ActionContext
from engine.store import StoreError
from stores.file.store import FileExecutionEventStore

KEY = "crashing"
LOG = Path(os.devnull)


class BrokenError(Exception):
    """What the failing action raises."""


class NotYetError(Exception):
    """What the flaky action raises."""


def _happened(context: ActionContext) -> None:
    """The side effect: a line that outlives the process."""
    descriptor = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{context.effect_key} {context.attempt}\n".encode())
    os.close(descriptor)


@action
async def work(context: ActionContext, value: Any) -> Any:
    _happened(context)
    await asyncio.sleep(0)
    return {"got": value}


@action
async def flaky(context: ActionContext, value: Any) -> Any:
    """Fails once: the first outcome that is known is an error."""
    _happened(context)
    if context.effect_key.endswith("#1"):
        raise NotYetError("not yet")
    return value


@action
async def risky(context: ActionContext) -> None:
    _happened(context)
    raise BrokenError("always")


@action
async def deadly(context: ActionContext) -> None:
    """The end of its process, whoever tries."""
    _happened(context)
    os.kill(os.getpid(), signal.SIGKILL)


ACTIONS = (work, flaky, risky, deadly)
REGISTRY = ActionRegistry((*BUILTINS, *ACTIONS))
KID = Workflow.model_validate({
    "name": "kid",
    "inputs": [{"name": "a", "type": "integer"}],
    "steps": [
        {"name": "Kid", "action": "work", "parameters": {"value": "${inputs.a * 2}"}, "store": "k"},
        {"name": "Rest", "sleep": 0.002},
    ],
    "outputs": [{"name": "k", "value": "${state.k.got}"}],
})  # fmt: skip
REPRESENTATIVE = Workflow.model_validate({
    "name": "representative",
    "steps": [
        {"name": "Fork", "pass": True, "next": [{"step": "Each", "path": "left"}, {"step": "Flaky", "path": "right"}]},
        {"name": "Each", "action": "work", "each": {"items": [1, 2, 3], "concurrency": 2},
         "parameters": {"value": "${item}"}, "store": "all", "next": ["Join"]},
        {"name": "Flaky", "action": "flaky", "parameters": {"value": 7}, "store": "seven",
         "retry": {"errors": ["BrokenError", "NotYetError"], "initial_delay": 0.002}},
        {"name": "Ask", "wait_signal": "go", "store": "answer", "next": ["Join"]},
        {"name": "Join", "join": ["left", "right"]},
        {"name": "Nap", "sleep": 0.002},
        {"name": "Child", "workflow": "kid", "parameters": {"a": "${state.right.seven}"}, "store": "child"},
        {"name": "Risky", "action": "risky", "catch": {"errors": "BrokenError", "step": "Handle", "store": "error"},
         "end": True},
        {"name": "Handle", "script": "state.error.type + ' ' + str(len(state.left.all))", "store": "handled"},
    ],
    "outputs": [
        {"name": "all", "value": "${[x.got for x in state.left.all]}"},
        {"name": "answer", "value": "${state.right.answer}"},
        {"name": "child", "value": "${state.child.k}"},
        {"name": "handled", "value": "${state.handled}"},
    ],
})  # fmt: skip
OUTPUTS = {"all": [1, 2, 3], "answer": {"yes": True}, "child": 14, "handled": "BrokenError 3"}
DEADLY = Workflow.model_validate({
    "name": "deadly",
    "steps": [
        {"name": "Before", "action": "work", "parameters": {"value": 1}},
        {"name": "Deadly", "action": "deadly", "end": True},
    ],
})  # fmt: skip
CAUGHT = Workflow.model_validate({
    "name": "caught",
    "steps": [
        {"name": "Deadly", "action": "deadly", "catch": {"errors": "Interrupted", "step": "Handle", "store": "error"},
         "retry": {"errors": "BrokenError"}, "end": True},
        {"name": "Handle", "action": "work", "parameters": {"value": "${state.error.type}"}, "store": "handled"},
    ],
    "outputs": [{"name": "handled", "value": "${state.handled.got}"}],
})  # fmt: skip
WORKFLOWS = {workflow.name: workflow for workflow in (REPRESENTATIVE, DEADLY, CAUGHT)}
GO = ExecutionSignal("signal_go", "signal", "2026-03-01T09:14:02.000000Z", "go", {"yes": True}, "test")


class FatalStore(FileExecutionEventStore):
    """Makes every event durable by itself and kills its process at the one it is told."""

    kill_at = 0
    before = False
    events = 0

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        for event in events:
            self.events += 1
            if self.events == self.kill_at and self.before:
                os.kill(os.getpid(), signal.SIGKILL)
            await super().append_events([event])
            if self.events == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        for batch in batches:
            await self.append_events(batch)
        return [None] * len(batches)


async def drive(order: dict[str, Any]) -> dict[str, Any]:
    store = FatalStore(order["store"], create=True, offload=False, durability="normal")
    store.kill_at, store.before = order["kill_at"], order["before"]
    engine = Engine(store, actions=ACTIONS, workflows=[KID])
    if order["go_on"]:
        result = await engine.recover(order["go_on"])
    else:
        sending: list[asyncio.Task[int]] = []

        def started(execution_id: str) -> None:
            sending.append(asyncio.create_task(store.send_signal(execution_id, GO)))

        result = await engine.run(WORKFLOWS[order["workflow"]], key=KEY, started=started)
    await engine.close()
    await store.close()
    error_type = result.error["type"] if result.error else ""
    return {"id": result.id, "status": result.status, "outputs": result.outputs, "error_type": error_type}


def in_child(order: dict[str, Any], report: int) -> None:
    global LOG
    LOG = Path(order["log"])
    os.write(report, json.dumps(asyncio.run(drive(order))).encode())


def serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            code = 1
            try:
                in_child(order, writing)
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        answer = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, **json.loads(said or "{}")}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
