"""The loop that drives one execution: receive, decide, record, commit, run, and again with what came of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from engine.core.decide import EFFECTS, Command, CommandKind, Memo, decide, is_own_affair
from engine.core.drafts import Draft, Outcome, Surroundings, attempt_of, attempts_of
from engine.core.program import Program
from engine.core.reduce import CONTROL
from engine.core.settle import cancellation, conclude, exhaustion, settle
from engine.model.events import ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.signals import ExecutionSignal
from engine.model.state import AttemptStatus, ExecutionState, ExecutionStatus, open_waits
from engine.model.times import format_time, parse_time
from engine.runtime.capture import Echo, captured_output
from engine.runtime.effects import Effects, Tools, secret_references
from engine.runtime.inflight import InFlight
from engine.runtime.losses import LostUnit, RecordingError
from engine.runtime.recorder import EventBasedExecution
from engine.runtime.secrets import SecretBox
from engine.store import ConflictError, StoreError

MAX_TURN = 1_000
"""Events that may gather before a commit when steps follow each other without an effect."""
LONGEST_NAP = 3600.0
"""Seconds between two looks at the time of day, which may have been set."""


class Runner:
    """Drives one execution to its end, or to where it waits for longer than it is worth staying.

    In each turn all messages and outcomes that arrived, everything that follows from them and the starts of what comes
    next are recorded in one commit; an effect begins only after its start is durable.
    """

    def __init__(
        self, execution: EventBasedExecution, program: Program, tools: Tools, *, echo: Echo | None = None
    ) -> None:
        self._execution = execution
        self._program = program
        self._tools = tools
        self._around = Surroundings(tools.actions.reference, execution.config.max_payload)
        references = list(secret_references(execution.state))
        self._secrets = SecretBox(references) if references else None
        effects = Effects(tools, program, execution.children, self._secrets, _scrubbing(echo, self._secrets))
        self._inflight = InFlight(program, tools, effects, lambda: self._wake.set())
        self._memo: Memo = {}
        self._asked_to_cancel: JsonObject | None = None
        self._leaving = False
        self._has_mail = True
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    # What others may ask of it

    def cancel(self, by: str, reason: str) -> None:
        """Ask for a clean end: recorded at the next turn; running async actions are cancelled then.

        May be called from any thread and from signal handlers.
        """
        self._asked_to_cancel = {"by": by, "reason": reason}
        self._poke_from_anywhere()

    def leave(self) -> None:
        """Ask it to start nothing more and to come back when nothing is in flight. From any thread."""
        self._leaving = True
        self._poke_from_anywhere()

    def look(self) -> None:
        """Tell it that there may be messages, or news of its children."""
        self._has_mail = True
        self._inflight.look_again()
        self._wake.set()

    def _poke_from_anywhere(self) -> None:
        self._execution.hurry()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def adopt(self, events: Sequence[ExecutionEvent], by: str, reason: str) -> None:
        """Go on with a history that somebody else began: what was in flight then is recorded as interrupted.

        Called before `run`, with all events the execution was brought up to.
        """
        for event in events:
            self._inflight.remember(event)
        state = self._execution.state
        if state.ended:
            return
        interrupted = [
            {"path": path.id, "step": path.current_step, "visit": path.visit}
            | ({} if index is None else {"iteration": index})
            | {"effect_key": attempt.effect_key}
            for path in state.paths.values()
            if not self._program.steps[path.current_step].waits
            for index, attempt in attempts_of(path)
            if attempt.status is AttemptStatus.RUNNING
        ]
        if interrupted or state.status in (ExecutionStatus.PENDING, ExecutionStatus.RUNNING):
            told = {"by": by, "reason": reason, "interrupted": interrupted, "count": state.recoveries + 1}
            self._record([Draft(ExecutionEventType.EXECUTION_RECOVERED, data=told)])

    @property
    def children(self) -> frozenset[str]:
        """Ids of the child executions it waits for."""
        return self._inflight.children

    # The loop

    async def run(self, linger: float | None = None) -> ExecutionState:
        """Go on until the execution has ended; returns its last state. With `linger` also when it only waits, and
        nothing is due within so many seconds; it is to be driven again when it is due.

        Raises:
            ConflictError: somebody else writes this execution now; nothing more was recorded.
            RecordingError: the store failed, for longer than there is patience; it names what was not recorded.
        """
        self._loop = asyncio.get_running_loop()
        with captured_output():
            try:
                with self._naming_losses():
                    return await self._take_turns(linger)
            finally:
                await self._inflight.stop()

    async def _take_turns(self, linger: float | None) -> ExecutionState:
        while True:
            self._record_outcomes()
            wanted = await self._receive()
            await self._execution.flush_events()
            if self._execution.state.ended:
                self._inflight.launch([], self._execution.state)
                return self._execution.state
            if self._asked_to_cancel is None:
                self._inflight.launch(wanted, self._execution.state)
            if any(self._is_immediate(command) for command in wanted):
                await asyncio.sleep(0)
            elif self._may_return(wanted, linger):
                await self._execution.settle()
                # Who sent a message until now relies on it being taken in here.
                self._has_mail = bool(await self._execution.messages())
                if not self._has_mail:
                    return self._execution.state
            else:
                await self._wait(wanted)

    async def receive_only(self) -> None:
        """Take in the messages, and pause or end the execution when one asks for it; start nothing.

        Raises:
            StoreError: the store failed, or somebody else writes this execution now.
        """
        children = [wait.child_id for wait in open_waits(self._execution.state) if wait.child_id]
        for message in await self._messages():
            if not self._execution.state.ended:
                self._record([_received(message)])
            while self._execution.state.controls and not self._execution.state.ended:
                command = Command(CommandKind.CONTROL)
                self._record(settle(command, self._program, self._execution.state, self._around))
        with self._naming_losses():
            await self._execution.flush_events()
            await self._execution.settle()
        if self._execution.state.ended:
            for child in children:
                await self._tools.children.cancel(child, f"its parent {self._execution.execution_id} was cancelled")

    async def _receive(self) -> list[Command]:
        """Take in messages and what is due, in the order they came to be; returns what is wanted then."""
        if self._asked_to_cancel is not None:
            self._leaving = True
            if any(path.failure for path in self._execution.state.paths.values()):
                # What has failed has failed, whoever lost patience at the same moment.
                self._advance(self._execution.state.timestamp)
            if not self._execution.state.ended:
                self._record(cancellation(self._execution.state, self._asked_to_cancel))
            return []
        for message in await self._messages() if self._has_mail else ():
            self._advance(min(message.sent_at, self._now()))
            if not self._execution.state.ended:
                self._record([_received(message)])
        return self._advance()

    async def _messages(self) -> list[ExecutionSignal]:
        self._has_mail = False
        return await self._execution.messages()

    def _now(self) -> str:
        return format_time(self._tools.clock.now())

    def _advance(self, until: str | None = None) -> list[Command]:
        """Record what is wanted by now, or before a moment, and needs no effect; returns what is wanted then."""
        while True:
            wanted = decide(self._program, self._execution.state, self._memo)
            if len(self._execution.buffered) >= MAX_TURN:
                return wanted
            command = self._deadline(wanted, until)
            if command is not None:
                self._carry_out(command)
            elif not self._carry_out_immediate(wanted):
                command = self._due(wanted, until)
                if command is None:
                    return wanted
                self._carry_out(command)

    def _carry_out_immediate(self, wanted: list[Command]) -> bool:
        """Record the first command that can be recorded now, and those that would come next; False if there is none."""
        moved: set[str] = set()
        for command in wanted:
            if command.path in moved or not self._is_immediate(command):
                continue
            alone = not is_own_affair(self._program, command)
            if moved and alone:
                break
            self._carry_out(command)
            moved.add(command.path)
            state = self._execution.state
            path = state.paths.get(command.path)
            if alone or state.ended or (path is not None and path.failure is not None):
                break
        return bool(moved)

    def _carry_out(self, command: Command) -> None:
        state = self._execution.state
        reached = self._limit_reached() if command.kind is CommandKind.START else ""
        if reached:
            self._record(exhaustion(state, f"{reached} before {command.step!r}", "HistoryLimit"))
        else:
            self._record(settle(command, self._program, state, self._around))

    def _deadline(self, wanted: list[Command], until: str | None) -> Command | None:
        """The end of the time the execution had, before anything more begins."""
        if self._execution.state.info.deadline is None or not wanted or wanted[-1].kind is not CommandKind.DEADLINE:
            return None
        return wanted[-1] if wanted[-1].due_at <= (until or self._now()) else None

    def _due(self, wanted: list[Command], until: str | None) -> Command | None:
        """What became due first."""
        timers = [command for command in wanted if command.due_at]
        if not timers or self._leaving:
            return None
        first = min(timers, key=lambda command: command.due_at)
        # What happens at the very moment, such as a message, comes before what is due then.
        is_due = first.due_at <= self._now() if until is None else first.due_at < until
        return first if is_due and self._admits(first) else None

    def _is_immediate(self, command: Command) -> bool:
        """Whether it can be recorded now."""
        if command.kind in EFFECTS or command.due_at:
            return False
        if command.kind is CommandKind.START:
            return not self._leaving and self._admits(command)
        return True

    def _admits(self, command: Command) -> bool:
        """Whether the process has room for what a start would run."""
        return command.kind is not CommandKind.START or self._inflight.has_room(command)

    def _limit_reached(self) -> str:
        execution, config = self._execution, self._execution.config
        if execution.state_bytes > config.max_state:
            return f"the state has reached its limit ({execution.state_bytes:,} bytes)"
        if execution.state.sequence < config.max_events and execution.recorded_bytes < config.max_bytes:
            return ""
        size = f"{execution.state.sequence:,} events, {execution.recorded_bytes:,} bytes"
        return f"the history has reached its limit ({size})"

    def _record(self, drafts: list[Draft], effect_key: str = "") -> None:
        for draft in drafts:
            event = self._execution.record_event(draft, effect_key)
            if event is not None:
                self._inflight.take_room(event)

    def _record_outcomes(self) -> None:
        # Also when the execution is being ended in this turn: what has arrived has happened.
        for command, outcome in self._inflight.arrived(lambda: self._execution.state):
            state = self._execution.state
            attempt = attempt_of(state.paths[command.path], command.iteration)
            key = attempt.effect_key if attempt is not None else ""
            self._record(conclude(command, self._program, state, self._scrubbed(outcome)), key)

    @contextlib.contextmanager
    def _naming_losses(self) -> Iterator[None]:
        """Let a failing store be told with the units whose outcomes it did not take; those of children first."""
        try:
            yield
        except ConflictError:
            raise
        except StoreError as error:
            units = error.units if isinstance(error, RecordingError) else []
            raise RecordingError(str(error), [*units, *self._lost()]) from error

    def _lost(self) -> list[LostUnit]:
        """Whose outcomes are not recorded, those that have arrived since the last turn among them."""
        others: list[LostUnit] = []
        while True:
            try:
                self._record_outcomes()
            except RecordingError as error:
                others += error.units  # of another child
            except StoreError:
                continue
            else:
                return [*others, *self._execution.unrecorded]

    def _scrubbed(self, outcome: Outcome) -> Outcome:
        if outcome.error_type:
            outcome = outcome._replace(ended_at=self._now())
        if self._secrets is None:
            return outcome
        scrub = self._secrets.scrub
        return outcome._replace(
            output=scrub(outcome.output),
            error=self._secrets.scrub_text(outcome.error),
            traceback=self._secrets.scrub_text(outcome.traceback),
            log=self._secrets.scrub_text(outcome.log),
            details=scrub(outcome.details),
        )

    # Waiting

    def _may_return(self, wanted: list[Command], linger: float | None) -> bool:
        if self._inflight:
            return False
        if self._leaving:
            return True
        if linger is None:
            return False
        due = self._next_due(wanted)
        return due is None or due - self._tools.clock.now().timestamp() > linger

    def _next_due(self, wanted: list[Command]) -> float | None:
        """The earliest due time, in seconds since 1970."""
        due = min((command.due_at for command in wanted if command.due_at), default=None)
        return None if due is None or due.startswith("9999") else parse_time(due).timestamp()

    async def _wait(self, wanted: list[Command]) -> None:
        due = None if self._leaving else self._next_due(wanted)
        if due is None:
            await self._wake.wait()
        else:
            seconds = min(max(0.0, due - self._tools.clock.now().timestamp()), LONGEST_NAP)
            await self._wake_or_sleep(seconds, idle=not self._inflight.runs_code)
        self._wake.clear()

    async def _wake_or_sleep(self, seconds: float, idle: bool) -> None:
        nap = asyncio.create_task(self._tools.clock.sleep(seconds, idle=idle))
        # A nap that was cut short wakes nobody: whoever cut it short is awake, and would be woken again and again.
        nap.add_done_callback(lambda done: None if done.cancelled() else self._wake.set())
        try:
            await self._wake.wait()
        finally:
            nap.cancel()


def _scrubbing(echo: Echo | None, secrets: SecretBox | None) -> Echo | None:
    """What steps print, without the secrets they were given."""
    if echo is None or secrets is None:
        return echo
    return lambda text: echo(secrets.scrub_text(text))


def _received(message: ExecutionSignal) -> Draft:
    data = {
        "signal_id": message.id,
        "ordinal": message.ordinal,
        "signal_type": message.topic if message.kind == "signal" else CONTROL + message.kind,
        "data": message.data,
        "sent_at": message.sent_at,
    }
    if message.sender:
        data["sender"] = message.sender
    return Draft(ExecutionEventType.SIGNAL_RECEIVED, data=data)
