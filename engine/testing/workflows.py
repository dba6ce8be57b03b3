"""Whole runs of workflows in tests: waits are skipped, signals come and processes die when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from engine.core.reduce import fold, initial_state
from engine.lifecycle.engine import Engine, ExecutionResult
from engine.lifecycle.errors import ExecutionEndedError
from engine.model.events import ExecutionEvent, JsonObject
from engine.model.state import ExecutionState, ExecutionStatus
from engine.model.times import parse_time
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionFunction
from engine.runtime.agents import Agent, AgentFunction
from engine.runtime.config import PersistenceConfig
from engine.store import ExecutionEventStore, StoreError
from engine.testing.crashes import Crash, CrashedError, CrashingStore
from engine.testing.ports import FakeClock, SequentialIds
from engine.testing.wrapping import StoreInFront

__all__ = ["WorkflowRun", "run_workflow", "told"]

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
        return [told(event) for event in self.events]

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
    store: ExecutionEventStore,
    actions: Iterable[ActionFunction | ModuleType] = (),
    agents: Mapping[str, Agent | AgentFunction] | None = None,
    workflows: Iterable[Workflow] = (),
    signals: Iterable[Signal] = (),
    controls: Iterable[Control] = (),
    crashes: Sequence[Crash] = (),
    linger: float | None = None,
    config: PersistenceConfig | None = None,
    clock: FakeClock | None = None,
    patience: float = PATIENCE,
) -> WorkflowRun:
    """Run a workflow to its end, or with `linger` until it waits for longer than so many seconds.

    Time jumps over every wait, so nothing takes long; while an action runs it stands still. `signals` and `controls`
    arrive when so many seconds have passed since the start; what is due after the end is not sent. After each of the
    `crashes`, in their order, a new engine recovers the execution as after the death of its process. Actions run as
    they are, and their own `timeout` goes by the real clock; give a `stub` for those that reach outside. `workflows`
    are those that may run as children.

    Raises:
        TimeoutError: it came to no end within `patience` real seconds, perhaps because nobody sends what it waits for.
        InputError, ActionError, ExpressionProblem and others: as `Engine.run`.
    """
    clock = clock or FakeClock(skip=True)
    observed = _ObservedStore(store)
    clock.busy = observed.is_busy
    ids, deaths = SequentialIds(), list(crashes)
    sender = _Sender(clock, observed, signals, controls)
    async with asyncio.timeout(patience):
        while True:
            front = CrashingStore(observed, deaths.pop(0)) if deaths else observed
            engine = Engine(
                front, actions=actions, agents=agents, workflows=workflows, config=config, clock=clock, ids=ids
            )
            known = observed.first_id
            going_on = (
                engine.run(workflow, inputs, linger=linger)
                if known is None
                else engine.recover(known, by="test", reason="its process died", linger=linger)
            )
            try:
                result = await _in_one_process(engine, going_on, sender)
                break
            except CrashedError:
                continue
    events = await observed.get_event_history(result.id)
    return WorkflowRun(
        result.id, result.status, result.outputs, result.error, result.state, events, observed.behind, clock
    )


async def _in_one_process(
    engine: Engine, going_on: Coroutine[Any, Any, ExecutionResult], sender: _Sender
) -> ExecutionResult:
    """Drive an execution while messages arrive; whatever becomes of it, nothing of the process is left afterwards."""
    others = asyncio.all_tasks()
    driving = asyncio.create_task(going_on)
    sending = asyncio.create_task(sender.send(engine))
    try:
        await asyncio.wait({driving, sending}, return_when=asyncio.FIRST_COMPLETED)
        if not driving.done():
            await sending  # what went wrong there goes wrong for the test
        result = await driving
        sending.cancel()
        await engine.close()
        return result
    finally:
        # With a process everything in it dies: actions in flight, children that go on alone.
        left = asyncio.all_tasks() - others
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class _Sender:
    """Sends messages when they are due."""

    def __init__(
        self, clock: FakeClock, store: _ObservedStore, signals: Iterable[Signal], controls: Iterable[Control]
    ) -> None:
        self._clock = clock
        self._store = store
        self._began = clock.monotonic()
        messages = [*signals, *((after, _CONTROL + kind, None) for after, kind in controls)]
        self._due = sorted(messages, key=lambda message: message[0])

    async def send(self, engine: Engine) -> None:
        await self._store.begun.wait()
        assert self._store.first_id is not None
        while self._due:
            after, topic, data = self._due[0]
            left = self._began + after - self._clock.monotonic()
            if left > 0:
                await self._clock.sleep(left, idle=True)
            try:
                if topic.startswith(_CONTROL):
                    await getattr(engine, topic.removeprefix(_CONTROL))(self._store.first_id, by="test")
                else:
                    await engine.signal(self._store.first_id, topic, data, sender="test")
            except ExecutionEndedError:
                return
            del self._due[0]


_CONTROL = "$"


class _ObservedStore(StoreInFront):
    """Knows what is going on in the executions that are driven."""

    def __init__(self, behind: ExecutionEventStore) -> None:
        super().__init__(behind)
        self.begun = asyncio.Event()
        self.first_id: str | None = None
        """The execution the test began; its children come later."""
        self._states: dict[str, ExecutionState] = {}
        self._failing: set[str] = set()
        """What could not be appended to: there is nothing to do but to wait for the store."""
        self._driven: set[str] = set()

    def is_busy(self) -> bool:
        """Whether something other than waiting goes on in any of them."""
        going_on = self._driven - self._failing
        return any(_is_busy(self._states.get(execution_id)) for execution_id in going_on)

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """See `ExecutionEventStore`."""
        names = {batch[0].execution_id for batch in batches}
        self._failing |= names
        results = await super().append_batches(batches)
        self._failing -= names
        for batch, problem in zip(batches, results, strict=True):
            if problem is None:
                self._note(batch)
            else:
                self._failing.add(batch[0].execution_id)
        return results

    def _note(self, batch: Sequence[ExecutionEvent]) -> None:
        execution_id = batch[0].execution_id
        state = self._states.get(execution_id) or initial_state(execution_id)
        # An append may be repeated; what is known already changes nothing.
        self._states[execution_id] = fold(state, [event for event in batch if event.sequence > state.sequence])
        self.first_id = self.first_id or execution_id
        self.begun.set()

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """See `ExecutionEventStore`."""
        await super().acquire_owner(execution_id, runner_id, take_over=take_over)
        self._driven.add(execution_id)

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        """See `ExecutionEventStore`."""
        self._driven.discard(execution_id)
        await super().release_owner(execution_id, runner_id)


def _is_busy(state: ExecutionState | None) -> bool:
    if state is None or state.status in (ExecutionStatus.PENDING, ExecutionStatus.RUNNING):
        return True
    if state.status != ExecutionStatus.PAUSED:
        return False
    return any(attempt.in_flight for path in state.paths.values() for attempt in path.attempts)


def told(event: ExecutionEvent) -> str:
    """An event in words: `main:Fetch step_started`, `main:Fetch[2] step_completed`, `execution_failed`."""
    item = f"[{event.data['iteration']['index']}]" if "iteration" in event.data else ""
    unit = f"{event.path_id}:{event.step_name}{item}" if event.step_name else event.path_id
    return f"{unit} {event.event_type}".strip()
