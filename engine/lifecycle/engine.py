"""The engine's front door: a store, the project's actions and a configuration, and workflows run through them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import engine
from engine.core.hashing import canonical_hash, workflow_hash
from engine.core.normalize import normalize
from engine.core.program import program_from_recorded
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
from engine.store import ConflictError, ExecutionEventStore, OwnedError, StoreError

_LOOKS, _PAUSE = 50, 0.02
"""How often, and after how many seconds each, the beginning of another process's execution is looked for."""


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


class _Active(NamedTuple):
    """An execution this engine is driving."""

    runner: Runner
    begun: asyncio.Event
    """Set once its first events are durable, or will never be."""


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
        self._active: dict[str, _Active] = {}

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
            NotJsonError: the definition holds a value that cannot be recorded; nothing was recorded.
            InputError: inputs that are missing, unknown or of the wrong type; nothing was recorded.
            ActionError: the workflow names actions that are not registered; nothing was recorded.
            ExpressionProblem: a template or condition does not parse; nothing was recorded.
            KeyInUseError: the key belongs to an execution of another workflow.
            StoreError: the store failed (`RecordingError` names what could not be recorded).
        """
        # What runs is what is recorded, not what a Python object may hold beside its JSON form.
        definition, _ = normalize(workflow.to_dict(), f"workflow {workflow.name!r}")
        program = program_from_recorded(definition)
        bound = bind_inputs(program.workflow, inputs or {})
        missing = self.actions.missing(program.actions)
        if missing:
            raise ActionError("; ".join(missing))
        execution_id = keyed_execution_id(key) if key is not None else self._ids.new("exec")
        if key is not None:
            existing = await self._claimed(execution_id, workflow.name, key)
            if existing is not None:
                return existing
        begun = asyncio.Event()
        execution = EventBasedExecution(
            self.store,
            execution_id,
            clock=self._clock,
            ids=self._ids,
            config=self.config,
            observer=_announcing(execution_id, begun, started, observer),
        )
        execution.record_event(self._first_event(program.workflow, definition, bound, key, labels, source))
        runner = Runner(execution, program, self.actions, clock=self._clock, threads=self._threads, echo=echo)
        self._active[execution_id] = _Active(runner, begun)
        try:
            await self.store.acquire_owner(execution_id, self._runner_id)
            return _result(await runner.run())
        except (ConflictError, OwnedError):
            if key is None or begun.is_set():
                raise
            # Somebody with the same key was a moment faster: theirs is the execution.
            existing = await self._begun_elsewhere(execution_id, workflow.name, key)
            if existing is None:
                raise
            return existing
        finally:
            begun.set()
            del self._active[execution_id]
            # Ownership ends with this process at the latest; that it could not be given back changes no result.
            with contextlib.suppress(StoreError):
                await self.store.release_owner(execution_id, self._runner_id)

    def run_sync(self, workflow: Workflow, inputs: Mapping[str, Any] | None = None, **options: Any) -> ExecutionResult:
        """`run` for programs without an event loop; the options are the same."""
        return asyncio.run(self.run(workflow, inputs, **options))

    def cancel(self, by: str = "caller", reason: str = "cancelled") -> None:
        """End every execution this engine is running, cleanly: the cancellation is recorded as such."""
        for active in list(self._active.values()):
            active.runner.cancel(by, reason)

    def _first_event(
        self,
        workflow: Workflow,
        definition: JsonObject,
        inputs: JsonObject,
        key: str | None,
        labels: Mapping[str, str] | None,
        source: JsonObject | None,
    ) -> Draft:
        data: dict[str, Any] = {
            "workflow_name": workflow.name,
            "workflow": definition,
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

    async def _claimed(self, execution_id: str, workflow_name: str, key: str) -> ExecutionResult | None:
        """The execution the key stands for already, or None: then the key is ours, until the next await."""
        while True:
            existing = await self._existing(execution_id, workflow_name, key)
            active = self._active.get(execution_id)
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
    execution_id: str, begun: asyncio.Event, started: Callable[[str], None] | None, observer: EventObserver | None
) -> EventObserver:
    """Sets `begun` and tells `started` at the first committed batch, `observer` at each."""

    def observe(batch: Any) -> None:
        begun.set()
        if started is not None and batch[0].sequence == 1:
            started(execution_id)
        if observer is not None:
            observer(batch)

    return observe


def _result(state: ExecutionState) -> ExecutionResult:
    return ExecutionResult(state.execution_id, state.status, state.outputs, state.error, state)
