"""Executions driven to their end in processes that may die: whatever a run waits for is sent, and time is skipped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.lifecycle.engine import Engine, ExecutionResult
from engine.lifecycle.errors import ExecutionEndedError
from engine.model.events import ExecutionEvent
from engine.model.state import ENDED, ExecutionState, open_waits
from engine.model.workflow import Workflow
from engine.store import StoreError, UnknownExecutionError
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.lifecycle.generated import ACTIONS, CALLS, CHILDREN, INPUTS, LIMITS

LONG = 1e9
"""Seconds to stay for: only what nothing but a message can wake is left alone."""
PATIENCE = 6
"""How often an execution is given what it waits for before it is cancelled."""
Message = tuple[int, str, str]
Crash = tuple[int, bool]


class Ran(NamedTuple):
    """What came of it."""

    result: ExecutionResult
    histories: dict[str, list[ExecutionEvent]]
    """Of the execution and its children, by id."""
    calls: list[tuple[str, int]]
    lives: int

    @property
    def events(self) -> list[ExecutionEvent]:
        return self.histories[self.result.id]


class MortalStore(MemoryExecutionEventStore):
    """A store that ends the life of its process at one of its commits, with or without having stored it."""

    def __init__(self, shared: MemoryExecutionEventStore, crash: Crash | None) -> None:
        super().__init__()
        self._shelf = shared._shelf
        self._crash = crash
        self.commits = 0
        self.died = asyncio.Event()
        self.committed: list[asyncio.Event] = []

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        await self.append_batches([events])

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        await self._mourn()
        self.commits += 1
        dies = self._crash is not None and self.commits == self._crash[0]
        if dies and self._crash is not None and not self._crash[1]:
            self.died.set()
            await self._mourn()
        outcomes = await super().append_batches(batches)
        for problem in outcomes:
            if problem is not None:
                raise problem
        if dies:
            self.died.set()
            await self._mourn()
        return outcomes

    async def save_snapshot(self, snapshot: Any) -> None:
        await self._mourn()
        await super().save_snapshot(snapshot)

    async def send_signal(self, execution_id: str, signal: Any) -> int:
        await self._mourn()
        return await super().send_signal(execution_id, signal)

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        await self._mourn()
        await super().acquire_owner(execution_id, runner_id, take_over=take_over)

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        if self.died.is_set():
            raise StoreError("the process is dead")
        await super().release_owner(execution_id, runner_id)

    async def _mourn(self) -> None:
        """A dead process does nothing any more."""
        if self.died.is_set():
            await asyncio.Event().wait()


def drive(
    definition: dict[str, Any],
    *,
    messages: Sequence[Message] = (),
    crashes: Sequence[Crash] = (),
    inputs: dict[str, Any] | None = None,
) -> Ran:
    """Run a workflow to its end, in as many processes as it takes. The same arguments record the same history."""
    shared, clock, ids = MemoryExecutionEventStore(), FakeClock(skip=True), SequentialIds()
    CALLS.clear()
    found: ExecutionResult | None = None
    lives = 0
    deaths = [*crashes, None]
    for crash in deaths:
        lives += 1
        life = _Life(shared, crash, clock, ids)
        found = asyncio.run(life.lead(definition, INPUTS if inputs is None else inputs, messages if lives == 1 else ()))
        if found is not None:
            break
    assert found is not None, "the last life has no crash"
    return Ran(found, asyncio.run(_histories(shared)), list(CALLS), lives)


async def _histories(store: MemoryExecutionEventStore) -> dict[str, list[ExecutionEvent]]:
    return {summary.id: await store.get_event_history(summary.id) for summary in await store.list_executions()}


class _Life:
    """One process: it starts the execution, or goes on with all that it finds."""

    def __init__(
        self, shared: MemoryExecutionEventStore, crash: Crash | None, clock: FakeClock, ids: SequentialIds
    ) -> None:
        self._shared = shared
        self._crash = crash
        self._clock = clock
        self._ids = ids

    async def lead(
        self, definition: dict[str, Any], inputs: dict[str, Any], messages: Sequence[Message]
    ) -> ExecutionResult | None:
        """The result; None when the process died before there was one."""
        self._store = MortalStore(self._shared, self._crash)
        self._engine = Engine(
            self._store, actions=ACTIONS, workflows=CHILDREN, config=LIMITS, clock=self._clock, ids=self._ids
        )
        self._messages = list(messages)
        driving = asyncio.create_task(self._drive(definition, inputs))
        died = asyncio.create_task(self._store.died.wait())
        await asyncio.wait({driving, died}, return_when=asyncio.FIRST_COMPLETED)
        result = None
        if driving.done():
            result = driving.result()
        died.cancel()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if result is None:
            for task in others:
                task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._engine.close()
        await self._store.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    async def _drive(self, definition: dict[str, Any], inputs: dict[str, Any]) -> ExecutionResult:
        """Drive the execution until it has ended, and then its children."""
        begun = [summary for summary in await self._store.list_executions() if not _is_child(summary.lineage)]
        if begun:
            result = await self._recover(begun[0].id)
        else:
            workflow = Workflow.model_validate(definition)
            result = await self._engine.run(workflow, inputs, linger=LONG, observer=self._send)
        for patience in range(PATIENCE, 0, -1):
            if result.status in ENDED:
                break
            await self._answer(result.state, last=patience == 1)
            result = await self._recover(result.id)
        for summary in await self._store.list_executions():
            if summary.status not in ENDED:
                await self._recover(summary.id)
        return result

    async def _recover(self, execution_id: str) -> ExecutionResult:
        return await self._engine.recover(execution_id, linger=LONG, observer=self._send)

    def _send(self, batch: Sequence[ExecutionEvent]) -> None:
        """The messages whose moment this commit is."""
        if self._store.died.is_set():
            return
        execution_id, now = batch[0].execution_id, self._store.commits
        for message in [message for message in self._messages if message[0] <= now]:
            self._messages.remove(message)
            asyncio.get_running_loop().create_task(self._deliver(execution_id, *message[1:]))

    async def _deliver(self, execution_id: str, kind: str, topic: str) -> None:
        with contextlib.suppress(ExecutionEndedError):
            if kind == "signal":
                await self._engine.signal(execution_id, topic, {"from": "outside", "topic": topic})
            else:
                await getattr(self._engine, kind)(execution_id)

    async def _answer(self, state: ExecutionState, *, last: bool) -> None:
        """Send what an execution waits for that does not go on by itself."""
        with contextlib.suppress(ExecutionEndedError, UnknownExecutionError):
            if last:
                await self._engine.cancel(state.execution_id)
            elif state.paused:
                await self._engine.resume(state.execution_id)
            else:
                for wait in open_waits(state):
                    target = wait.child_id or state.execution_id
                    await self._engine.signal(target, wait.topic or "ok", {"from": "outside", "topic": wait.topic})


def _is_child(lineage: Any) -> bool:
    return bool(lineage) and lineage.get("kind") == "child"
