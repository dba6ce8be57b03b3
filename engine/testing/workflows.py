"""Running a workflow in a test: on a clock that skips waits, with signals at given moments and crashes at given events."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any, Literal

from engine.core.reduce import initial_state, reduce
from engine.lifecycle.engine import Engine, ExecutionResult
from engine.model.events import ExecutionEvent, JsonObject
from engine.model.state import ExecutionState
from engine.model.times import parse_time
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionFunction
from engine.runtime.agents import Agent, AgentFunction
from engine.runtime.config import PersistenceConfig
from engine.store import ExecutionEventStore, StoreError
from engine.testing.crashes import Crash, CrashedError, CrashingStore
from engine.testing.ports import FakeClock, SequentialIds
from engine.testing.stubs import StubAction
from engine.testing.wrapping import StoreInFront

PATIENCE = 30.0
"""Real seconds after which a run that comes to no end fails its test."""
Signal = tuple[float, str, Any]
"""Seconds after the start, topic, data."""
Control = tuple[float, Literal["pause", "resume", "cancel", "wake"]]
"""Seconds after the start, and what somebody asks for then."""


@dataclass(frozen=True)
class WorkflowRun:
    """What became of a workflow in a test."""

    id: str
    status: str
    outputs: JsonObject | None
    error: JsonObject | None
    """`{type, message, step?, path?, sequence}` of the failure."""
    state: ExecutionState
    events: list[ExecutionEvent]
    """Its whole history."""
    store: ExecutionEventStore
    """Where it is, and the histories of its children."""
    clock: FakeClock

    @property
    def ok(self) -> bool:
        """Whether it completed."""
        return self.status == "completed"

    @property
    def told(self) -> list[str]:
        """The history in words: `main:Fetch[2] step_completed`, `main path_completed`, `execution_completed`."""
        return [_told(event) for event in self.events]

    @property
    def seconds(self) -> float:
        """How long it took by the clock of the test."""
        first, last = self.events[0], self.events[-1]
        return (parse_time(last.timestamp) - parse_time(first.timestamp)).total_seconds()

    def of(self, event_type: str, step: str | None = None) -> list[JsonObject]:
        """The data of all events of this type, of this step."""
        return [
            event.data for event in self.events if event.event_type == event_type and step in (None, event.step_name)
        ]


async def run_workflow(
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    actions: Iterable[ActionFunction | StubAction | ModuleType] = (),
    agents: Mapping[str, Agent | AgentFunction] | None = None,
    workflows: Iterable[Workflow] = (),
    signals: Iterable[Signal] = (),
    controls: Iterable[Control] = (),
    crashes: Sequence[Crash] = (),
    linger: float | None = None,
    config: PersistenceConfig | None = None,
    clock: FakeClock | None = None,
    store: ExecutionEventStore | None = None,
    patience: float = PATIENCE,
) -> WorkflowRun:
    """Run a workflow to its end, or with `linger` until it waits for longer than that.

    Time jumps over every wait, so nothing takes long; while an action runs, it stands still. `signals` and `controls`
    arrive when so many seconds have passed since the start. After each of the `crashes` it is recovered by a new
    engine, as after the death of a process. Actions run as they are: give `stub`s for those that reach outside. Their
    own `timeout` goes by the real clock. `workflows` are those that may run as children.

    Raises:
        TimeoutError: it came to no end within `patience` real seconds, perhaps because nothing sends what it waits for.
        ExecutionEndedError: it ended before a signal was due.
        InputError, ActionError, ExpressionProblem: as `Engine.run`.
    """
    clock = clock or FakeClock(skip=True)
    observed = _ObservedStore(store or _memory_store())
    clock.busy = lambda: observed.is_busy
    ids = SequentialIds()
    waiting_crashes = list(crashes)
    sender = _Sender(clock, sorted([*signals, *((after, "$" + kind, None) for after, kind in controls)], key=_moment))

    async def in_one_process(execution_id: str | None) -> ExecutionResult:
        dying: ExecutionEventStore = CrashingStore(observed, waiting_crashes.pop(0)) if waiting_crashes else observed
        engine = Engine(
            dying,
            actions=actions,
            agents=agents,
            workflows=workflows,
            config=config,
            clock=clock,
            ids=ids,  # type: ignore[arg-type]
        )
        try:
            if execution_id is not None:
                return await sender.during(engine, execution_id, engine.recover(execution_id, linger=linger))
            return await sender.during(engine, None, engine.run(workflow, inputs, linger=linger, started=sender.begin))
        finally:
            await engine.close()

    async with asyncio.timeout(patience):
        while True:
            try:
                result = await in_one_process(sender.execution_id)
                break
            except CrashedError:
                if sender.execution_id is None:
                    continue  # nothing had become history: it is started anew
    events = await observed.get_event_history(result.id)
    return WorkflowRun(
        result.id, result.status, result.outputs, result.error, result.state, events, observed.behind, clock
    )
