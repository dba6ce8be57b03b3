"""Short workflows and actions for tests of the runner, and what they look at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.lifecycle.engine import Engine, ExecutionResult
from engine.model.events import ExecutionEvent
from engine.model.workflow import Edge, Step, Workflow
from engine.runtime.actions import action
from tests.runtime.watched import WatchedStore

MakeEngine = Callable[..., Engine]


@action
async def give(value: Any = None) -> Any:
    return value


@action
def give_sync(value: Any = None) -> Any:
    return value


@action
async def fail(message: str = "no") -> None:
    raise ValueError(message)


def chain(*names: str, action: str = "give") -> Workflow:
    return Workflow(name="chain", steps=[Step(name=name, action=action) for name in names])


def fork(*branches: Step) -> Workflow:
    """Main takes one step, then each branch runs on a path named like its step, in lower case."""
    edges = [Edge(step=branch.name, path=branch.name.lower()) for branch in branches]
    ends = [branch.model_copy(update={"end": True}) for branch in branches]
    return Workflow(name="fork", steps=[Step(name="Fork", action="give", next=edges), *ends])


async def events_of(store: WatchedStore, result: ExecutionResult) -> list[ExecutionEvent]:
    return await store.get_event_history(result.id)


async def until(condition: Callable[[], bool]) -> None:
    """For what an abandoned thread does last, of which nobody is told."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)
