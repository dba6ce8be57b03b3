"""What an execution wants next, as a pure function of its definition and state.

`decide` returns everything that is wanted now; whoever runs the execution does what is not under way already. Nothing
under way and the same state after a crash: that is all recovery has to know. It reads no clock: a command with a due
time is wanted then.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from engine.core.drafts import attempts_of
from engine.core.joins import arrives, fork_for, standing_of
from engine.core.program import Program, ProgramStep
from engine.core.reduce import FIRST_PATH
from engine.model.events import JsonObject
from engine.model.state import AttemptState, AttemptStatus, EachState, ExecutionState, PathState, Phase, Wait


class CommandKind(StrEnum):
    """All but `RUN` and `AWAIT_CHILD` are carried out by recording events (`engine.core.settle`)."""

    START_PATH = "start_path"
    START = "start"
    """Record that a unit, or an item of one, begins; or its next attempt."""
    RUN = "run"
    """Run the attempt that was recorded as begun."""
    AWAIT_CHILD = "await_child"
    """See to the child execution that a unit waits for."""
    SCHEDULE = "schedule"
    """Record when the next attempt starts."""
    WAIT = "wait"
    TAKE = "take"
    """Give a received signal to the unit that has waited for it longest."""
    TIME_OUT = "time_out"
    FINISH = "finish"
    """Complete a unit that runs no code, or all of whose items have ended."""
    INTERRUPT = "interrupt"
    """Record the end of an attempt whose process died."""
    BRANCH = "branch"
    ARRIVE = "arrive"
    """End a path at a join that waits for it."""
    JOIN = "join"
    """Decide a join; `visit` is the sequence of its fork."""
    END_PATH = "end_path"
    ROUTE = "route"
    FAIL_PATH = "fail_path"
    CANCEL_PATH = "cancel_path"
    CONTROL = "control"
    """Do what somebody asked for: pause, resume, cancel."""
    DEADLOCK = "deadlock"
    DEADLINE = "deadline"
    COMPLETE = "complete"
    FAIL = "fail"


EFFECTS = frozenset({CommandKind.RUN, CommandKind.AWAIT_CHILD})
_WHILE_PAUSED = EFFECTS | {CommandKind.ROUTE}
"""What goes on: a step that ends then has ended also when nobody can tell where it leads."""


class Command(NamedTuple):
    """One wanted thing. Two commands for the same thing are equal, so a command is its own key."""

    kind: CommandKind
    path: str = ""
    step: str = ""
    visit: int = 0
    attempt: int = 0
    iteration: int | None = None
    due_at: str = ""
    """When it is wanted; empty for now."""


Memo = dict[str, tuple[PathState, Sequence[Command]]]
"""What paths wanted when they were last asked; a path that is still the same object still wants the same."""


def decide(program: Program, state: ExecutionState, memo: Memo | None = None) -> list[Command]:
    """All commands wanted in this state; empty before the first event, after the last, and for an incomplete state.

    Who asks again and again about one execution gives the same `memo` each time, an empty dict at first: then a
    decision costs what has changed. It changes no answer.
    """
    if state.sequence == 0 or state.ended or state.incomplete_from is not None:
        return []
    if memo is None:
        memo = {}
    elif len(memo) > 2 * len(state.paths) + _FORGOTTEN:
        memo.clear()
    urgent = _urgent(state, memo)
    if urgent:
        return urgent
    failing = state.failure is not None and program.workflow.on_failure != "finish"
    if not state.paths and (failing or not state.joins):
        if state.failure is not None:
            return [Command(CommandKind.FAIL)]
        if state.path_count == 0:
            return [Command(CommandKind.START_PATH, path=FIRST_PATH, step=program.start)]
        return [*([] if state.paused else [Command(CommandKind.COMPLETE)]), *_deadline(state)]
    if failing:
        return _draining(program, state) + _deadline(state)
    wanted = _Wishes(program, state, memo).all()
    if not wanted:
        wanted = [_deadlock(state)]
    if state.paused:
        wanted = [command for command in wanted if command.kind in _WHILE_PAUSED]
    return wanted + _deadline(state)


_FORGOTTEN = 64
"""Paths that may have ended before they are forgotten."""


def _urgent(state: ExecutionState, memo: Memo) -> list[Command]:
    """What comes before everything else, and lets nothing else begin."""
    if state.controls:
        return [Command(CommandKind.CONTROL)]
    failing, cancelled, interrupted = [], [], []
    for path in state.paths.values():
        known = memo.get(path.id)
        if known is not None and known[0] is path:
            continue  # what is remembered was not urgent
        if path.failure is not None:
            failing.append(Command(CommandKind.FAIL_PATH, path.id, path.current_step, path.visit))
        elif path.cancelled_by is not None:
            cancelled.append(Command(CommandKind.CANCEL_PATH, path=path.id))
        elif path.unit is not None:
            interrupted += [
                Command(CommandKind.INTERRUPT, path.id, path.current_step, path.visit, attempt.number, index)
                for index, attempt in attempts_of(path)
                if attempt.status is AttemptStatus.INTERRUPTED
            ]
    return interrupted or failing or cancelled


def _draining(program: Program, state: ExecutionState) -> list[Command]:
    """A path has failed and the others end: at once, or as soon as nothing of them is in flight."""
    running: list[Command] = []
    if program.workflow.on_failure == "drain":
        wishes = _Wishes(program, state, {}).all()
        running = [command for command in wishes if command.kind is CommandKind.RUN]
    busy = {command.path for command in running}
    return [Command(CommandKind.CANCEL_PATH, path=name) for name in state.paths if name not in busy] + running


_OWN_AFFAIRS = frozenset(
    {
        CommandKind.START_PATH,
        CommandKind.START,
        CommandKind.SCHEDULE,
        CommandKind.WAIT,
        CommandKind.FINISH,
        CommandKind.BRANCH,
        CommandKind.END_PATH,
    }
)


def is_own_affair(program: Program, command: Command) -> bool:
    """Whether carrying it out changes nothing of what other paths want, unless its path fails of it.

    Several such commands of one decision, of different paths, may be carried out in their order without another
    decision in between: each would be the next one.
    """
    if program.workflow.max_parallel is not None:
        return False
    if command.kind is CommandKind.ARRIVE:
        return True
    return command.kind in _OWN_AFFAIRS and program.steps[command.step].kind not in _LOOKING_AROUND


_LOOKING_AROUND = ("join", "wait_signal")
"""Kinds of steps of which what a path wants depends on other paths and on signals."""


def _deadline(state: ExecutionState) -> list[Command]:
    due_at = state.info.deadline
    return [Command(CommandKind.DEADLINE, due_at=due_at)] if due_at else []


def _deadlock(state: ExecutionState) -> Command:
    path = next(iter(state.paths.values()))
    return Command(CommandKind.DEADLOCK, path.id, path.current_step, path.visit, path.attempt)


_SIMPLE = {
    Phase.NEW: CommandKind.START_PATH,
    Phase.FORKING: CommandKind.BRANCH,
    Phase.FORKED: CommandKind.END_PATH,
    Phase.ENDING: CommandKind.END_PATH,
    Phase.ROUTING: CommandKind.ROUTE,
}


class _Wishes:
    """What the open paths and joins want."""

    def __init__(self, program: Program, state: ExecutionState, memo: Memo) -> None:
        self._program = program
        self._state = state
        self._memo = memo
        limit = program.workflow.max_parallel
        self._room = limit is None or limit > sum(
            attempt.in_flight
            for path in state.paths.values()
            if not program.steps[path.current_step].waits
            for attempt in path.attempts
        )

    def all(self) -> list[Command]:
        """Path by path, then join by join."""
        memo = self._memo
        wanted: list[Command] = []
        for path in self._state.paths.values():
            known = memo.get(path.id)
            wanted += known[1] if known is not None and known[0] is path else self._asked(path)
        for join in self._state.joins.values():
            standing = standing_of(self._state, join, self._program.steps[join.step])
            decided = standing.is_satisfied or standing.is_hopeless
            if decided or join.due_at:
                due_at = "" if decided else join.due_at or ""
                wanted.append(Command(CommandKind.JOIN, join.path or "", join.step, join.fork, due_at=due_at))
        return wanted

    def _asked(self, path: PathState) -> Sequence[Command]:
        step = self._program.steps[path.current_step]
        wanted = self._path(path, step)
        if self._program.workflow.max_parallel is None and step.kind not in _LOOKING_AROUND:
            self._memo[path.id] = path, wanted
        return wanted

    def _path(self, path: PathState, step: ProgramStep) -> Sequence[Command]:
        if path.phase is Phase.READY:
            return self._ready(path, step)
        if path.phase is not Phase.RUNNING:
            return (Command(_SIMPLE[path.phase], path.id, path.current_step, path.visit),)
        if path.each is not None:
            return self._items(path, path.each, step)
        assert path.unit is not None
        return self._attempt(path, step, path.unit, None)

    def _ready(self, path: PathState, step: ProgramStep) -> Sequence[Command]:
        kind = CommandKind.START
        if step.kind == "join" and path.joined is None:
            fork = fork_for(self._program, self._state, path, step)
            if fork is not None and arrives(self._program, self._state, path, fork, step):
                kind = CommandKind.ARRIVE
        if self._room or step.waits:
            return (Command(kind, path.id, path.current_step, path.visit, 1),)
        return ()

    def _items(self, path: PathState, each: EachState, step: ProgramStep) -> Sequence[Command]:
        assert path.unit is not None
        wanted: list[Command] = []
        for index, attempt in each.open.items():
            wanted += self._attempt(path, step, attempt, index)
        if each.next_index < len(each.items):
            assert step.definition.each is not None
            if len(each.open) < step.definition.each.concurrency and (self._room or step.waits):
                wanted.append(Command(CommandKind.START, path.id, path.current_step, path.visit, 1, each.next_index))
        elif not each.open:
            wanted.append(Command(CommandKind.FINISH, path.id, path.current_step, path.visit, path.unit.number))
        return wanted

    def _attempt(
        self, path: PathState, step: ProgramStep, attempt: AttemptState, index: int | None
    ) -> Sequence[Command]:
        unit = (path.id, path.current_step, path.visit, attempt.number, index)
        if attempt.status is AttemptStatus.RUNNING:
            return (Command(self._running(path, step), *unit),)
        if attempt.status is AttemptStatus.FAILED:
            return (Command(CommandKind.SCHEDULE, *unit),)
        if attempt.status is AttemptStatus.RETRYING:
            if self._room or step.waits:
                return (Command(CommandKind.START, *unit[:3], attempt.number + 1, index, attempt.due_at or ""),)
            return ()
        return () if attempt.wait is None else self._waiting(unit, attempt.wait)

    def _running(self, path: PathState, step: ProgramStep) -> CommandKind:
        """What a started attempt wants."""
        if step.kind == "pass" or path.joined is not None:
            return CommandKind.FINISH
        if step.kind == "join" and fork_for(self._program, self._state, path, step) is None:
            return CommandKind.FINISH
        return CommandKind.WAIT if step.waits else CommandKind.RUN

    def _waiting(self, unit: tuple[str, str, int, int, int | None], wait: Wait) -> Sequence[Command]:
        if wait.kind == "sleep":
            return (Command(CommandKind.FINISH, *unit, wait.due_at or ""),)
        if wait.kind == "signal" and self._is_served(wait.topic, wait.since):
            return (Command(CommandKind.TAKE, *unit),)
        # A wait without an end still is one: with no due time it is wanted never, not now.
        time_out = Command(CommandKind.TIME_OUT, *unit, wait.due_at or NEVER)
        if wait.kind == "child":
            return (Command(CommandKind.AWAIT_CHILD, *unit), time_out)
        return (time_out,) if wait.kind == "signal" else ()

    def _is_served(self, topic: str, since: int) -> bool:
        """Whether there is a signal for this topic, and nobody has waited for it longer."""
        return first_signal(self._state, topic) is not None and since == min(
            attempt.wait.since
            for path in self._state.paths.values()
            for attempt in path.attempts
            if attempt.wait is not None and attempt.wait.kind == "signal" and attempt.wait.topic == topic
        )


NEVER = "9999-12-31T23:59:59.999999Z"


def first_signal(state: ExecutionState, topic: str) -> JsonObject | None:
    """The oldest signal of a topic that nobody has taken."""
    return next((signal for signal in state.signals if signal["topic"] == topic), None)
