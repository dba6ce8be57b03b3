"""The loop that drives one execution: decide, record, commit, run, and again with what came of it."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import NamedTuple

from engine.core.decide import Command, CommandKind, decide
from engine.core.program import Program
from engine.core.settle import Draft, Outcome, Surroundings, cancellation, conclude, effect_key, exhaustion, settle
from engine.model.events import ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import ExecutionState
from engine.runtime.actions import ActionRegistry
from engine.runtime.attempt import run_attempt
from engine.runtime.capture import Echo, captured_output
from engine.runtime.ports import Clock
from engine.runtime.recorder import EventBasedExecution
from engine.runtime.threads import DaemonThreads
from engine.store import ConflictError, StoreError

GRACE = 5.0
"""Seconds that cancelled async actions get to clean up."""
MAX_TURN = 1_000
"""Events that may gather before a commit when steps follow each other without an effect."""


class RecordingError(StoreError):
    """The store failed while something was to be recorded.

    `units` names the outcomes that are lost to the history, as `PATH › STEP`; `effect_keys` are theirs, in that order.
    """

    def __init__(self, message: str, units: list[str], effect_keys: list[str]) -> None:
        super().__init__(message)
        self.units = units
        self.effect_keys = effect_keys


class _Cancellation(NamedTuple):
    by: str
    reason: str


_ATTEMPT_ENDS = (ExecutionEventType.STEP_COMPLETED, ExecutionEventType.STEP_FAILED)
_CANCELLED_ITSELF = Outcome(error="the action cancelled its own task", error_type="CancelledError", known=False)


class Runner:
    """Drives one execution to its end.

    In each turn all outcomes that arrived, everything that follows from them and the starts of what comes next are
    recorded in one commit; an action runs only after its start is durable.
    """

    def __init__(
        self,
        execution: EventBasedExecution,
        program: Program,
        actions: ActionRegistry,
        *,
        clock: Clock,
        threads: DaemonThreads,
        echo: Echo | None = None,
    ) -> None:
        self._execution = execution
        self._program = program
        self._actions = actions
        self._clock = clock
        self._threads = threads
        self._echo = echo
        self._around = Surroundings(actions.reference, execution.config.max_payload)
        self._running: dict[Command, asyncio.Task[Outcome]] = {}
        self._parameters: dict[Command, JsonObject] = {}
        self._arrived: deque[tuple[Command, asyncio.Task[Outcome]]] = deque()
        self._cancel: _Cancellation | None = None
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def cancel(self, by: str, reason: str) -> None:
        """Ask for a clean end: recorded at the next turn; running async actions are cancelled then.

        May be called from any thread and from signal handlers.
        """
        self._cancel = _Cancellation(by, reason)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> ExecutionState:
        """Go on until the execution has ended; returns its last state.

        Raises:
            ConflictError: somebody else writes this execution now; nothing more was recorded.
            RecordingError: the store failed.
        """
        self._loop = asyncio.get_running_loop()
        with captured_output():
            try:
                while True:
                    wanted = self._advance()
                    await self._commit()
                    if self._execution.state.ended:
                        return self._execution.state
                    if self._cancel is None:
                        self._launch(wanted)
                    if all(command.kind is CommandKind.RUN for command in wanted):
                        await self._wake.wait()
                    else:
                        await asyncio.sleep(0)
                    self._wake.clear()
                    self._record_outcomes()
            finally:
                await self._stop_actions()

    def _advance(self) -> list[Command]:
        """Record what is wanted and needs no effect; returns what is wanted then.

        That is what is to run, and more only when so much has been recorded that a commit is due first.
        """
        if self._cancel is not None and not self._failing():
            self._record(cancellation(self._execution.state, self._cancel.by, self._cancel.reason))
            return []
        while True:
            state = self._execution.state
            wanted = decide(self._program, state)
            command = next((c for c in wanted if c.kind is not CommandKind.RUN), None)
            if command is None:
                return wanted
            if command.kind is CommandKind.START:
                reached = self._limit_reached()
                if reached:
                    self._record(exhaustion(state, f"{reached} before {command.step!r}", "HistoryLimit"))
                    return []
                if len(self._execution.buffered) >= MAX_TURN:
                    return wanted
            self._record(settle(command, self._program, state, self._around))

    def _failing(self) -> bool:
        return any(path.failure for path in self._execution.state.paths.values())

    def _limit_reached(self) -> str:
        execution, config = self._execution, self._execution.config
        if execution.state.sequence < config.max_events and execution.recorded_bytes < config.max_bytes:
            return ""
        size = f"{execution.state.sequence:,} events, {execution.recorded_bytes:,} bytes"
        return f"the history has reached its limit ({size})"

    def _record(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            event = self._execution.record_event(draft)
            if event is not None and event.event_type == ExecutionEventType.STEP_STARTED and "items" not in event.data:
                self._parameters[_attempt_of(event)] = event.data["step_params"]

    async def _commit(self) -> None:
        try:
            await self._execution.flush_events()
        except ConflictError:
            raise
        except StoreError as error:
            lost = [event for event in self._execution.buffered if event.event_type in _ATTEMPT_ENDS]
            units = [f"{event.path_id} › {event.step_name}" for event in lost]
            keys = [effect_key(self._execution.execution_id, _attempt_of(event)) for event in lost]
            raise RecordingError(str(error), units, keys) from error

    def _launch(self, wanted: list[Command]) -> None:
        for command in wanted:
            if command.kind is not CommandKind.RUN or command in self._running:
                continue
            action = self._actions.get(self._program.steps[command.step].action)
            assert action is not None, "a unit only starts when its action is known"
            attempt = run_attempt(
                action,
                self._parameters.pop(command),
                clock=self._clock,
                threads=self._threads,
                config=self._execution.config,
                echo=self._echo,
            )
            task = asyncio.create_task(attempt)
            self._running[command] = task
            task.add_done_callback(partial(self._attempt_ended, command))

    def _attempt_ended(self, command: Command, task: asyncio.Task[Outcome]) -> None:
        self._arrived.append((command, task))
        self._wake.set()

    def _record_outcomes(self) -> None:
        # Also when the execution is being ended in this turn: what has arrived has happened.
        while self._arrived:
            command, task = self._arrived.popleft()
            del self._running[command]
            outcome = _CANCELLED_ITSELF if task.cancelled() else task.result()
            self._record(conclude(command, self._program, self._execution.state, outcome))

    async def _stop_actions(self) -> None:
        tasks = list(self._running.values())
        self._running.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)


def _attempt_of(event: ExecutionEvent) -> Command:
    """The attempt that an event begins or ends."""
    data = event.data
    iteration = data["iteration"]["index"] if "iteration" in data else None
    return Command(CommandKind.RUN, event.path_id, event.step_name, data["visit"], data["attempt"], iteration)
