"""Child executions: made once, driven by whoever can, and read when they have ended."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.core.drafts import Draft, Outcome
from engine.lifecycle.beginning import Definition, defined_child, first_event
from engine.lifecycle.driving import DETACHED, Driver, Watchers
from engine.lifecycle.errors import ExecutionEndedError, MissingWorkflowError
from engine.lifecycle.messages import Mailbox
from engine.loading.inputs import InputError
from engine.model.state import ENDED, ExecutionState
from engine.replay.latest import latest_state
from engine.runtime.children import Child
from engine.runtime.ports import Clock
from engine.store import ConflictError, OwnedError, StoreError

CANCELLED_ERROR = "ChildCancelled"


class Children:
    """The `ChildExecutions` of an engine."""

    def __init__(self, driver: Driver, mailbox: Mailbox, clock: Clock) -> None:
        self._driver = driver
        self._mailbox = mailbox
        self._clock = clock
        self._background: set[asyncio.Task[Any]] = set()

    async def see_to(self, child: Child) -> Outcome | None:
        """See `ChildExecutions.see_to`."""
        return await self._driver.patience.keep_trying(child.parent, lambda: self._see_to(child))

    async def _see_to(self, child: Child) -> Outcome | None:
        summary = await self._driver.store.get_summary(child.id)
        if summary is None or child.id in self._driver.active:
            try:
                return await self._start(child)
            except (InputError, MissingWorkflowError) as problem:
                error = f"child {child.workflow!r}: {problem}"
                return Outcome(error=error, error_type=type(problem).__name__, phase="parameters")
        if child.detached:
            return _started(child)
        if summary.status not in ENDED:
            try:
                await self._driver.take_up(
                    child.id, self._watchers(child), by=child.parent, reason="its parent goes on and waits for it"
                )
            except OwnedError:
                return None
        return await self._ended(child)

    async def _start(self, child: Child) -> Outcome | None:
        active = self._driver.active.get(child.id)
        if active is None:
            definition = defined_child(child.workflow, child.definitions)
            # Looked at before anything is recorded, so that the step fails, not the child.
            first = first_event(
                definition,
                child.inputs,
                self._clock.now(),
                lineage={"kind": "child", "execution_id": child.parent}
                | ({"reason": DETACHED} if child.detached else {}),
                deadline=child.deadline if not child.detached else None,
            )
            begun = asyncio.Event()
            driving = asyncio.create_task(self._drive(child, definition, first, begun))
            driving.add_done_callback(lambda _: begun.set())
            self._background.add(driving)
            driving.add_done_callback(self._background.discard)
            if child.detached:
                await begun.wait()
                return _started(child)
            try:
                # Should the parent leave, the child is left too; whether it ends is for a message to say.
                await asyncio.shield(driving)
            except asyncio.CancelledError:
                self._leave(child.id)
                raise
            except (ConflictError, OwnedError):
                return None
        else:
            await active.over.wait()
        return await self._ended(child)

    def _leave(self, child_id: str) -> None:
        active = self._driver.active.get(child_id)
        if active is not None:
            active.ask(lambda runner: runner.leave())

    async def _drive(self, child: Child, definition: Definition, first: Draft, begun: asyncio.Event) -> ExecutionState:
        return await self._driver.begin(
            child.id, definition.program, lambda: first, self._watchers(child), claimed=begun.set
        )

    def _watchers(self, child: Child) -> Watchers:
        parent = self._driver.active.get(child.parent)
        linger = parent.watchers.linger if parent is not None else None
        echo = parent.watchers.echo if parent is not None else None
        return Watchers(echo=echo, linger=linger, is_child=not child.detached)

    async def _ended(self, child: Child) -> Outcome | None:
        """How the child ended; None when it has not."""
        state = await latest_state(self._driver.store, child.id)
        if state is None or not state.ended:
            return None
        if state.status == "completed":
            return Outcome(state.outputs)
        error = state.error or {"type": CANCELLED_ERROR, "message": "it was cancelled"}
        return Outcome(
            error=f"child {child.workflow!r} {child.id}: {error['message']}",
            error_type=error["type"],
            details={"execution_id": child.id, "status": state.status, "error": state.error},
        )

    async def cancel(self, child_id: str, reason: str) -> None:
        """See `ChildExecutions.cancel`."""
        try:
            await self._mailbox.send(child_id, "cancel", data={"reason": reason}, sender="parent")
        except (StoreError, ExecutionEndedError):
            # Who drives it next sees that its parent has ended.
            return

    async def settled(self) -> None:
        """Wait for the children that go on without their parents; what becomes of them stands in their histories."""
        while self._background:
            await asyncio.wait(set(self._background))


def _started(child: Child) -> Outcome:
    return Outcome({"execution_id": child.id})
