"""Driving executions in this process: taking ownership, loading, running, and giving them back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

from engine.core.drafts import Draft
from engine.core.program import Program, program_from_recorded
from engine.lifecycle.errors import ForeignHistoryError, NewerHistoryError
from engine.model.state import ENDED, ExecutionState
from engine.runtime.actions import ActionError
from engine.runtime.batching import EventBatcher
from engine.runtime.capture import Echo
from engine.runtime.committing import Appender, Committer
from engine.runtime.config import PersistenceConfig
from engine.runtime.effects import Tools
from engine.runtime.notices import Notices
from engine.runtime.patience import Patience
from engine.runtime.ports import IdSource
from engine.runtime.recorder import EventBasedExecution, EventObserver
from engine.runtime.runner import Runner
from engine.store import ExecutionEventStore, StoreError, UnknownExecutionError

_UNWATCHED = 0.2
"""Seconds that executions run before it is worth watching for messages to them."""
_BETWEEN_LOOKS = 0.02
"""Seconds from one look for messages to the next."""
_BUSY = 100
"""Commits a second from which on watching the store would cost more than looking."""
_CANCEL_AGAIN = 0.1
"""Seconds after which what does not end is cancelled once more."""

DETACHED = "detached"
"""Reason in the lineage of a child that outlives its parent."""


class Watchers(NamedTuple):
    """Who wants to hear of an execution, and how long to stay with it while it only waits."""

    observer: EventObserver | None = None
    echo: Echo | None = None
    linger: float | None = None
    is_child: bool = False
    """Whether its parent is driven here and waits: then there is always room for it."""


class Active:
    """An execution that this process is driving."""

    def __init__(self, watchers: Watchers) -> None:
        self.watchers = watchers
        self.runner: Runner | None = None
        self._asked: Callable[[Runner], None] | None = None
        self.begun = asyncio.Event()
        """Set once its first events are durable, or will never be."""
        self.over = asyncio.Event()
        """Set when this process does not drive it any more."""

    def ask(self, what: Callable[[Runner], None]) -> None:
        """Ask its runner for something, at the latest when there is one. From any thread."""
        self._asked = what
        if self.runner is not None:
            what(self.runner)

    def drive_with(self, runner: Runner) -> Runner:
        """From now on this is its runner."""
        self.runner = runner
        if self._asked is not None:
            self._asked(runner)
        return runner


class Driver:
    """All executions that one process drives."""

    def __init__(
        self,
        store: ExecutionEventStore,
        tools: Tools,
        *,
        ids: IdSource,
        config: PersistenceConfig,
        max_active: int | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.store = store
        self.patience = Patience(tools.clock, config.store_patience, notices)
        """For what a store that fails is asked while executions are driven."""
        self.active: dict[str, Active] = {}
        self._tools = tools
        self._ids = ids
        self._config = config
        self._runner_id = ids.new("runner")
        relaxed = config.durability == "relaxed"
        self._appender: Appender = EventBatcher(store, config) if relaxed else Committer(store)
        self._notices = notices
        self._max_active = max_active
        self._room = asyncio.Condition()
        self._watching: asyncio.Task[None] | None = None
        self._asked_busy = (0.0, 0)

    async def begin(
        self,
        execution_id: str,
        program: Program,
        first: Callable[[], Draft],
        watchers: Watchers,
        claimed: Callable[[], None] | None = None,
    ) -> ExecutionState:
        """Start a new execution and drive it. `claimed` is called when its first events are durable.

        Raises:
            ConflictError, OwnedError: it exists already.
            StoreError: the store failed.
        """
        async with self._driving(execution_id, watchers) as active:
            execution = self._execution(execution_id, _announcing(active, claimed, watchers.observer))
            execution.record_event(first())
            runner = active.drive_with(Runner(execution, program, self._tools, echo=watchers.echo))
            return await runner.run(watchers.linger)

    async def take_up(
        self, execution_id: str, watchers: Watchers, *, by: str, reason: str, take_over: bool = False
    ) -> ExecutionState:
        """Go on with an execution that exists and that nobody drives.

        Raises:
            UnknownExecutionError: there is none.
            OwnedError: another runner drives it.
            ForeignHistoryError: another system recorded it, without its definition.
            NewerHistoryError: a newer version wrote it.
            ActionError: its steps need actions that are not registered here.
            StoreError: the store failed, or the history is damaged.
        """
        async with self._driving(execution_id, watchers, take_over=take_over) as active:
            execution = self._execution(execution_id, _announcing(active, None, watchers.observer))
            events = await self.store.get_event_history(execution_id)
            execution.replay(events)
            _check_drivable(execution)
            if execution.state.ended:
                return execution.state
            program = program_from_recorded(execution.definition)
            missing = self._tools.actions.missing(program.actions)
            if missing:
                raise ActionError("; ".join(missing))
            runner = Runner(execution, program, self._tools, echo=watchers.echo)
            runner.adopt(events, by, reason)
            if await self._is_orphan(execution.state):
                runner.cancel("parent", "its parent has ended and does not wait for it any more")
            active.drive_with(runner)
            return await runner.run(watchers.linger)

    async def _is_orphan(self, state: ExecutionState) -> bool:
        """Whether it is a child whose parent has ended without it."""
        lineage = state.info.lineage or {}
        if lineage.get("kind") != "child" or lineage.get("reason") == DETACHED:
            return False
        parent = await self.store.get_summary(lineage["execution_id"])
        return parent is not None and parent.status in ENDED

    async def deliver(self, execution_id: str) -> ExecutionState:
        """Let an execution that nobody drives receive its messages, and pause or end as they ask; runs nothing.

        Raises:
            OwnedError: a runner drives it, which will see to its messages itself.
            ForeignHistoryError: another system recorded it, without its definition.
            NewerHistoryError: a newer version wrote it.
            StoreError: the store failed, or the history is damaged.
        """
        async with self._driving(execution_id, Watchers()):
            execution = self._execution(execution_id, None)
            execution.replay(await self.store.get_event_history(execution_id))
            _check_drivable(execution)
            if not execution.state.ended:
                runner = Runner(execution, program_from_recorded(execution.definition), self._tools)
                await runner.receive_only()
            return execution.state

    async def close(self) -> None:
        """Stop watching for messages."""
        watching, self._watching = self._watching, None
        while watching is not None and not watching.done():
            # Again until it has ended: what waits in a thread for changes may swallow a cancellation.
            watching.cancel()
            await asyncio.wait([watching], timeout=_CANCEL_AGAIN)

    def _execution(self, execution_id: str, observer: EventObserver | None) -> EventBasedExecution:
        return EventBasedExecution(
            self.store,
            execution_id,
            clock=self._tools.clock,
            ids=self._ids,
            config=self._config,
            observer=observer,
            committer=self._appender,
            notices=self._notices,
        )

    @asynccontextmanager
    async def _driving(
        self, execution_id: str, watchers: Watchers, *, take_over: bool = False
    ) -> AsyncIterator[Active]:
        """Own an execution while it is driven."""
        while execution_id in self.active:
            await self.active[execution_id].over.wait()
        active = self.active[execution_id] = Active(watchers)
        try:
            async with self._admission(watchers.is_child):
                await self.store.acquire_owner(execution_id, self._runner_id, take_over=take_over)
                self._watch_soon()
                try:
                    yield active
                except StoreError:
                    raise  # what is not recorded has been told as such
                except BaseException:
                    with contextlib.suppress(Exception):
                        await self._appender.flush(execution_id)
                    raise
                finally:
                    self._appender.forget(execution_id)
                    # Ownership ends with this process at the latest; that it could not be given back changes no result.
                    with contextlib.suppress(StoreError):
                        await self.store.release_owner(execution_id, self._runner_id)
        finally:
            del self.active[execution_id]
            active.begun.set()
            active.over.set()
            if not self.active:
                await self.close()

    @asynccontextmanager
    async def _admission(self, at_once: bool) -> AsyncIterator[None]:
        """Wait until there is room for one more execution."""
        limit = self._max_active
        if limit is not None and not at_once:
            async with self._room:
                await self._room.wait_for(lambda: self._appender.writers < limit)
                self._appender.writers += 1
        else:
            self._appender.writers += 1
        try:
            yield
        finally:
            self._appender.writers -= 1
            if limit is not None:
                async with self._room:
                    self._room.notify()

    # Messages

    def _watch_soon(self) -> None:
        """Most executions are over before it is worth watching the store for messages to them."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """See to messages: while much is committed by a look now and then, else by watching the store."""
        while True:
            await asyncio.sleep(_UNWATCHED)
            self.look(None)
            if self._is_busy():
                continue
            # Should the store fail, those who write to it will say so; to be heard of again it is watched anew.
            with contextlib.suppress(StoreError):
                changes = cast("AsyncGenerator[frozenset[str], None]", self.store.watch())
                async with contextlib.aclosing(changes):
                    self.look(None)
                    async for changed in changes:
                        self.look(changed or None)
                        await asyncio.sleep(_BETWEEN_LOOKS)
                        # What is committed here is a change too: being told of every one costs more than a look.
                        if self._is_busy():
                            break

    def _is_busy(self) -> bool:
        """Whether much has been committed since this was last asked."""
        now, commits = asyncio.get_running_loop().time(), self._appender.commits
        (before, known), self._asked_busy = self._asked_busy, (now, commits)
        return commits - known > _BUSY * (now - before)

    def look(self, changed: frozenset[str] | None) -> None:
        """Tell the runners of these executions, or all, that something may have come for them."""
        for execution_id, active in self.active.items():
            runner = active.runner
            if runner is not None and (changed is None or execution_id in changed or runner.children & changed):
                runner.look()


def _announcing(active: Active, claimed: Callable[[], None] | None, observer: EventObserver | None) -> EventObserver:
    """Sets `begun` and tells `claimed` at the first committed batch, `observer` at each."""

    def observe(batch: object) -> None:
        if not active.begun.is_set():
            active.begun.set()
            if claimed is not None:
                claimed()
        if observer is not None:
            observer(batch)  # type: ignore[arg-type]

    return observe


def _check_drivable(execution: EventBasedExecution) -> None:
    state = execution.state
    if state.sequence == 0:
        raise UnknownExecutionError(f"there is no execution {execution.execution_id}")
    if state.info.dialect:
        raise ForeignHistoryError(state.execution_id)
    if state.incomplete_from is not None:
        raise NewerHistoryError(
            f"execution {state.execution_id} was written by a newer version (from event {state.incomplete_from} on): "
            "it can be looked at, but not go on here"
        )
