"""The engine's front door: a store, the project's actions and a configuration, and workflows run through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import engine
from engine.core.hashing import canonical_hash, workflow_hash
from engine.core.program import compile_workflow
from engine.core.reduce import fold, initial_state
from engine.core.settle import Draft
from engine.loading.inputs import bind_inputs
from engine.model.events import ExecutionEventType, JsonObject
from engine.model.ids import keyed_execution_id
from engine.model.state import ExecutionState
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionError, ActionFunction, ActionRegistry
from engine.runtime.builtins import BUILTINS
from engine.runtime.capture import Echo
from engine.runtime.config import PersistenceConfig
from engine.runtime.ports import Clock, IdSource, SystemClock, TypeIdSource
from engine.runtime.recorder import EventBasedExecution, EventObserver
from engine.runtime.runner import Runner
from engine.runtime.threads import DaemonThreads
from engine.store import ConflictError, ExecutionEventStore


class KeyInUseError(ValueError):
    """The idempotency key already stands for an execution of another workflow."""


class ExecutionResult(NamedTuple):
    """What became of an execution."""

    id: str
    status: str
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
    always there. Clock and id source are for tests.
    """

    def __init__(
        self,
        store: ExecutionEventStore,
        *,
        actions: Iterable[ActionFunction | ModuleType] = (),
        config: PersistenceConfig | None = None,
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self.store = store
        self.actions = ActionRegistry((*BUILTINS, *actions))
        self.config = config or PersistenceConfig()
        self._clock = clock or SystemClock()
        self._ids = ids or TypeIdSource()
        self._runner_id = self._ids.new("runner")
        self._threads = DaemonThreads()
        self._runners: dict[str, Runner] = {}

    async def run(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        labels: Mapping[str, str] | None = None,
        source: JsonObject | None = None,
        observer: EventObserver | None = None,
        echo: Echo | None = None,
        started: Callable[[str], None] | None = None,
    ) -> ExecutionResult:
        """Run a workflow to its end. A failing workflow is a result, not an exception.

        With a `key`, the same key returns the execution that was started with it, running nothing. `started` is
        called with the execution's id once its first events are durable, `observer` with every committed batch,
        `echo` with everything steps print.

        Raises:
            InputError: inputs that are missing, unknown or of the wrong type; nothing was recorded.
            ActionError: the workflow names actions that are not registered; nothing was recorded.
            ExpressionProblem: a template or condition does not parse; nothing was recorded.
            KeyInUseError: the key belongs to an execution of another workflow.
            StoreError: the store failed (`RecordingError` names what could not be recorded).
        """
        program = compile_workflow(workflow)
        bound = bind_inputs(workflow, inputs or {})
        missing = self.actions.missing(program.actions)
        if missing:
            raise ActionError("; ".join(missing))
        execution_id = keyed_execution_id(key) if key is not None else self._ids.new("exec")
        if key is not None:
            existing = await self._existing(execution_id, workflow.name, key)
            if existing is not None:
                return existing
        execution = EventBasedExecution(
            self.store,
            execution_id,
            clock=self._clock,
            ids=self._ids,
            config=self.config,
            observer=_announcing(execution_id, started, observer),
        )
        execution.record_event(self._first_event(workflow, bound, key, labels, source))
        await self.store.acquire_owner(execution_id, self._runner_id)
        runner = Runner(execution, program, self.actions, clock=self._clock, threads=self._threads, echo=echo)
        self._runners[execution_id] = runner
        try:
            state = await runner.run()
        except ConflictError:
            # Somebody with the same key was a moment faster: theirs is the execution.
            existing = await self._existing(execution_id, workflow.name, key) if key is not None else None
            if existing is None:
                raise
            return existing
        finally:
            del self._runners[execution_id]
            await self.store.release_owner(execution_id, self._runner_id)
        return _result(state)

    def run_sync(self, workflow: Workflow, inputs: Mapping[str, Any] | None = None, **options: Any) -> ExecutionResult:
        """`run` for programs without an event loop; the options are the same."""
        return asyncio.run(self.run(workflow, inputs, **options))

    def cancel(self, by: str = "caller", reason: str = "cancelled") -> None:
        """End every execution this engine is running, cleanly: the cancellation is recorded as such."""
        for runner in self._runners.values():
            runner.cancel(by, reason)

    def _first_event(
        self,
        workflow: Workflow,
        inputs: JsonObject,
        key: str | None,
        labels: Mapping[str, str] | None,
        source: JsonObject | None,
    ) -> Draft:
        data: dict[str, Any] = {
            "workflow_name": workflow.name,
            "workflow": workflow.to_dict(),
            "workflow_hash": workflow_hash(workflow),
            "inputs": inputs,
            "inputs_hash": canonical_hash(inputs),
            "engine_version": engine.__version__,
        }
        merged = {**workflow.labels, **(labels or {}), **({"key": key} if key is not None else {})}
        if merged:
            data["labels"] = merged
        if source is not None:
            data["source"] = source
        return Draft(ExecutionEventType.EXECUTION_STARTED, data=data)

    async def _existing(self, execution_id: str, workflow_name: str, key: str) -> ExecutionResult | None:
        events = await self.store.get_event_history(execution_id)
        if not events:
            return None
        state = fold(initial_state(execution_id), events)
        if state.info.workflow_name != workflow_name:
            raise KeyInUseError(
                f"key {key!r} stands for an execution of workflow {state.info.workflow_name!r}, not {workflow_name!r}"
            )
        return _result(state)._replace(existed=True)


def _announcing(
    execution_id: str, started: Callable[[str], None] | None, observer: EventObserver | None
) -> EventObserver:
    """Tells `started` at the first committed batch, `observer` at each."""

    def observe(batch: Any) -> None:
        if started is not None and batch[0].sequence == 1:
            started(execution_id)
        if observer is not None:
            observer(batch)

    return observe


def _result(state: ExecutionState) -> ExecutionResult:
    return ExecutionResult(state.execution_id, state.status, state.outputs, state.error, state)
