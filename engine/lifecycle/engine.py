"""The engine's front door: a store, the project's actions and a configuration, and workflows run through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from engine.lifecycle.beginning import define, first_event
from engine.lifecycle.children import Children
from engine.lifecycle.driving import Driver, Watchers
from engine.lifecycle.errors import KeyInUseError
from engine.lifecycle.messages import Mailbox
from engine.lifecycle.worker import Report, Worker
from engine.model.events import JsonObject
from engine.model.ids import keyed_execution_id
from engine.model.state import ExecutionState
from engine.model.workflow import Workflow
from engine.replay.latest import latest_state
from engine.runtime.actions import ActionError, ActionFunction, ActionRegistry
from engine.runtime.agent_registry import Agents
from engine.runtime.agents import Agent, AgentFunction
from engine.runtime.builtins import builtins_for
from engine.runtime.capture import Echo
from engine.runtime.config import PersistenceConfig
from engine.runtime.effects import Tools
from engine.runtime.notices import Notices
from engine.runtime.ports import Clock, IdSource, SystemClock, TypeIdSource
from engine.runtime.recorder import EventObserver
from engine.store import ConflictError, ExecutionEventStore, OwnedError

__all__ = ["Engine", "ExecutionResult", "KeyInUseError"]

_LOOKS, _PAUSE = 50, 0.02
"""How often, and after how many seconds each, the beginning of another process's execution is looked for."""


class ExecutionResult(NamedTuple):
    """What became of an execution."""

    id: str
    status: str
    """Of one that was left while it waits: `waiting` or `paused`."""
    outputs: JsonObject | None
    error: JsonObject | None
    """`{type, message, step?, path?, sequence}` of the failure."""
    state: ExecutionState
    existed: bool = False
    """Whether the key had been used before, so that nothing was run."""

    @property
    def ok(self) -> bool:
        """Whether it completed."""
        return self.status == "completed"


class Engine:
    """Runs workflows, recording every event in a store.

    `actions` are functions (marked with `@action` or not) or modules holding marked ones; the built-in actions are
    always there, those that reach out only when `allow` names them (`http`, `shell`). `agents` answer prompt steps, by
    name. `workflows` are those that steps may run as children. At most `max_active` executions are driven at once,
    children aside; further ones wait for their turn. `notices` hears of sizes that will make histories slow, and of a
    store that fails while it is still tried again. Clock and id source are for tests.
    """

    def __init__(
        self,
        store: ExecutionEventStore,
        *,
        actions: Iterable[ActionFunction | ModuleType] = (),
        agents: Mapping[str, Agent | AgentFunction] | None = None,
        workflows: Iterable[Workflow] = (),
        allow: Collection[str] = (),
        config: PersistenceConfig | None = None,
        max_active: int | None = None,
        notices: Notices | None = None,
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self.store = store
        self.actions = ActionRegistry((*builtins_for(allow), *actions))
        self.workflows = {workflow.name: workflow for workflow in workflows}
        self.config = config or PersistenceConfig()
        self._clock = clock or SystemClock()
        self._ids = ids or TypeIdSource()
        self._tools = tools = Tools(self.actions, self._clock, self.config, agents=Agents(agents))
        self._driver = Driver(store, tools, ids=self._ids, config=self.config, max_active=max_active, notices=notices)
        self._mailbox = Mailbox(self._driver, self._clock, self._ids, self.config.max_payload)
        self._children = tools.children = Children(self._driver, self._mailbox, self._clock)
        self._workers: list[Worker] = []

    async def run(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        labels: Mapping[str, str] | None = None,
        source: JsonObject | None = None,
        workflows: Iterable[Workflow] = (),
        linger: float | None = None,
        observer: EventObserver | None = None,
        echo: Echo | None = None,
        started: Callable[[str], None] | None = None,
    ) -> ExecutionResult:
        """Run a workflow to its end. A failing workflow is a result, not an exception.

        With `linger` the execution is left, waiting, when nothing of it is in flight and nothing is due within so many
        seconds; a worker or `recover` goes on with it. With a `key`, the same key returns the execution that was
        started with it, running nothing. `workflows` may be run as children, beside the engine's own. `started` is
        called with the execution's id once its first events are durable, `observer` with every committed batch, `echo`
        with everything steps print.

        Raises:
            NotJsonError: the definition holds a value that cannot be recorded; nothing was recorded.
            InputError: inputs that are missing, unknown or of the wrong type; nothing was recorded.
            ActionError: the workflow names actions that are not registered; nothing was recorded.
            MissingWorkflowError: a step runs a workflow that nobody defined; nothing was recorded.
            ExpressionProblem, ScriptSyntaxError: a template, condition or script does not parse; nothing was recorded.
            KeyInUseError: the key belongs to an execution of another workflow.
            StoreError: the store failed, for longer than `config.store_patience` (`RecordingError` names the units
                whose outcomes could not be recorded).
        """
        definition = define(workflow, {**self.workflows, **{other.name: other for other in workflows}})
        self._check_actions(definition.actions)
        more = {"key": key} if key is not None else {}
        first = first_event(
            definition, inputs or {}, self._clock.now(), labels={**(labels or {}), **more}, source=source
        )
        execution_id = keyed_execution_id(key) if key is not None else self._ids.new("exec")
        if key is not None:
            existing = await self._claimed(execution_id, workflow.name, key)
            if existing is not None:
                return existing
        began = asyncio.Event()

        def claimed() -> None:
            began.set()
            if started is not None:
                started(execution_id)

        watchers = Watchers(observer, echo, linger)
        try:
            return _result(await self._driver.begin(execution_id, definition.program, lambda: first, watchers, claimed))
        except (ConflictError, OwnedError):
            if key is None or began.is_set():
                raise
            # Somebody with the same key was a moment faster: theirs is the execution.
            existing = await self._begun_elsewhere(execution_id, workflow.name, key)
            if existing is None:
                raise
            return existing

    def run_sync(self, workflow: Workflow, inputs: Mapping[str, Any] | None = None, **options: Any) -> ExecutionResult:
        """`run` for programs without an event loop; the options are the same."""
        return asyncio.run(self._run_and_settle(workflow, inputs, options))

    async def _run_and_settle(
        self, workflow: Workflow, inputs: Mapping[str, Any] | None, options: dict[str, Any]
    ) -> ExecutionResult:
        try:
            return await self.run(workflow, inputs, **options)
        finally:
            await self.close()

    async def recover(
        self,
        execution_id: str,
        *,
        by: str = "caller",
        reason: str = "recovered",
        take_over: bool = False,
        linger: float | None = None,
        observer: EventObserver | None = None,
        echo: Echo | None = None,
    ) -> ExecutionResult:
        """Go on with an execution whose process died, or that waits. What was in flight then is recorded as
        interrupted and tried again with the same effect key; what had completed does not run again.

        Raises:
            UnknownExecutionError: there is none.
            OwnedError: a living runner drives it, or one of another host (unless `take_over`).
            NewerHistoryError: a newer version wrote it.
            ActionError: its steps need actions that are not registered; nothing was recorded.
            StoreError: the store failed, or the history is damaged.
        """
        watchers = Watchers(observer, echo, linger)
        return _result(await self._driver.take_up(execution_id, watchers, by=by, reason=reason, take_over=take_over))

    async def work(
        self,
        *,
        once: bool = False,
        linger: float = 60.0,
        report: Report | None = None,
        echo: Echo | None = None,
        observer: EventObserver | None = None,
    ) -> int:
        """Drive everything that is due: timers, delivered messages, ended children, executions whose process died.

        With `once` until nothing is due any more, else until `stop` is called. Returns how many were driven; `report`
        hears of each, also of those that cannot be driven here.

        Raises:
            StoreError: the store cannot be read.
        """
        worker = Worker(self._driver, self._clock, Watchers(observer, echo, linger), report)
        self._workers.append(worker)
        try:
            return await worker.work(once=once)
        finally:
            self._workers.remove(worker)

    # Messages

    async def signal(
        self, execution_id: str, topic: str, data: Any = None, *, sender: str = "", signal_id: str | None = None
    ) -> int:
        """Send a signal to an execution, whoever drives it; returns its ordinal in the inbox.

        The same `signal_id` again is the same signal.

        Raises:
            UnknownExecutionError: there is no such execution.
            ExecutionEndedError: it has ended.
            NotJsonError: the data has no JSON form.
            InvalidSignalError: an impossible topic or id.
            StoreError: the store failed.
        """
        return await self._mailbox.send(
            execution_id, "signal", topic=topic, data=data, sender=sender, signal_id=signal_id
        )

    async def pause(self, execution_id: str, *, by: str = "caller", reason: str = "") -> None:
        """Start nothing more of it until it is resumed; what is in flight finishes. Raises like `signal`."""
        await self._mailbox.send(execution_id, "pause", data={"reason": reason}, sender=by)

    async def resume(self, execution_id: str, *, by: str = "caller", reason: str = "") -> None:
        """Let a paused execution go on, as soon as somebody drives it. Raises like `signal`."""
        await self._mailbox.send(execution_id, "resume", data={"reason": reason}, sender=by)

    async def cancel(self, execution_id: str, *, by: str = "caller", reason: str = "cancelled") -> None:
        """End it cleanly, its children too. Raises like `signal`."""
        await self._mailbox.send(execution_id, "cancel", data={"reason": reason}, sender=by)

    async def wake(self, execution_id: str, *, by: str = "caller", reason: str = "") -> None:
        """End its sleeps and the delays before its next attempts now. Raises like `signal`."""
        await self._mailbox.send(execution_id, "wake", data={"reason": reason}, sender=by)

    # The whole process

    def cancel_all(self, by: str = "caller", reason: str = "cancelled") -> None:
        """End every execution this engine is driving, cleanly: the cancellation is recorded as such.

        May be called from any thread and from signal handlers.
        """
        for active in list(self._driver.active.values()):
            active.ask(lambda runner: runner.cancel(by, reason))

    def stop(self) -> None:
        """Start nothing more and let what is in flight finish: everything can be gone on with later."""
        for worker in list(self._workers):
            worker.stop()
        for active in list(self._driver.active.values()):
            active.ask(lambda runner: runner.leave())

    async def close(self) -> None:
        """Wait for detached children that are driven here, and end what watches the store."""
        await self._children.settled()
        await self._driver.close()
        await self._tools.scripts.close()

    def _check_actions(self, names: Iterable[str]) -> None:
        missing = self.actions.missing(names)
        if missing:
            raise ActionError("; ".join(missing))

    async def _claimed(self, execution_id: str, workflow_name: str, key: str) -> ExecutionResult | None:
        """The execution the key stands for already, or None: then the key is ours, until the next await."""
        while True:
            existing = await self._existing(execution_id, workflow_name, key)
            active = self._driver.active.get(execution_id)
            if existing is not None or active is None:
                return existing
            await active.begun.wait()

    async def _begun_elsewhere(self, execution_id: str, workflow_name: str, key: str) -> ExecutionResult | None:
        """The execution another process has just taken the key for, once its first events can be read."""
        for _ in range(_LOOKS):
            existing = await self._existing(execution_id, workflow_name, key)
            if existing is not None:
                return existing
            await asyncio.sleep(_PAUSE)
        return None

    async def _existing(self, execution_id: str, workflow_name: str, key: str) -> ExecutionResult | None:
        state = await latest_state(self.store, execution_id)
        if state is None:
            return None
        if state.info.workflow_name != workflow_name:
            raise KeyInUseError(
                f"key {key!r} stands for an execution of workflow {state.info.workflow_name!r}, not {workflow_name!r}"
            )
        return _result(state)._replace(existed=True)


def _result(state: ExecutionState) -> ExecutionResult:
    return ExecutionResult(state.execution_id, state.status, state.outputs, state.error, state)
