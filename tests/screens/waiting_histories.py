"""Executions that wait, retry, join and are steered, for tests of screens and widgets: real runs on a fake clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.lifecycle.engine import Engine
from engine.model.workflow import Workflow
from engine.runtime.actions import action
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore

APPROVAL: dict[str, Any] = {
    "name": "purchase",
    "steps": [
        {"name": "Check", "pass": True},
        {"name": "Wait for OK", "wait_signal": "approve", "timeout": "1h", "store": "answer"},
        {"name": "Buy", "pass": True},
    ],
}
SLEEPER: dict[str, Any] = {"name": "sleeper", "steps": [{"name": "Nap", "sleep": "5m"}, {"name": "Up", "pass": True}]}
MEETING: dict[str, Any] = {
    "name": "meeting",
    "steps": [
        {"name": "Fork", "pass": True, "next": [{"step": "Left", "path": "left"}, {"step": "Nap", "path": "right"}]},
        {"name": "Left", "sleep": "2s", "next": ["Meet"]},
        {"name": "Nap", "sleep": "4s", "next": ["Meet"]},
        {"name": "Meet", "join": ["left", "right"]},
        {"name": "After", "sleep": "1s"},
    ],
}
PARENT: dict[str, Any] = {"name": "parent", "steps": [{"name": "Ask", "workflow": "purchase"}]}


def flaky(fails: int, delay: str = "8s", attempts: int = 4) -> dict[str, Any]:
    """A workflow whose only step fails so many times."""
    return {
        "name": "flaky",
        "steps": [
            {
                "name": "Charge",
                "action": "Test.Flaky",
                "parameters": {"fails": fails},
                "retry": {"max_attempts": attempts, "initial_delay": delay, "backoff_multiplier": 1},
            }
        ],
    }


class Ran(NamedTuple):
    """An execution that ran, or that was left waiting."""

    store: MemoryExecutionEventStore
    id: str
    engine: Engine
    clock: FakeClock


async def ran(
    definition: Mapping[str, Any], *, linger: float | None = None, others: Sequence[Mapping[str, Any]] = ()
) -> Ran:
    """Run a definition; with `linger` it is left as soon as it waits longer. Time jumps over what is waited for."""
    clock = FakeClock(skip=linger is None)
    calls: list[int] = []

    @action(name="Test.Flaky")
    async def fail(fails: int) -> str:
        if linger is None:
            await clock.sleep(1, idle=True)
        calls.append(fails)
        if len(calls) <= fails:
            raise ConnectionError(f"no line {len(calls)}")
        return "done"

    store = MemoryExecutionEventStore()
    workflows = [Workflow.model_validate(other) for other in others]
    engine = Engine(store, actions=[fail], workflows=workflows, clock=clock, ids=SequentialIds())
    result = await engine.run(Workflow.model_validate(definition), linger=linger)
    return Ran(store, result.id, engine, clock)


async def waiting_for_approval() -> Ran:
    """An execution that waits for the signal `approve`, for an hour, and that nobody drives."""
    return await ran(APPROVAL, linger=0)
