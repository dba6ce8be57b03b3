"""What an execution wants next, as a pure function of its definition and state.

`decide` returns everything that is wanted now; whoever runs the execution does what is not under way already. Nothing
under way and the same state after a crash: that is all recovery has to know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from engine.core.program import Program
from engine.core.reduce import FIRST_PATH
from engine.model.state import ExecutionState, PathState, Phase


class CommandKind(StrEnum):
    """All but `RUN` are carried out by recording events (`engine.core.settle`); `RUN` has an effect."""

    START_PATH = "start_path"
    START = "start"
    """Record that a unit, or an item of one, begins."""
    RUN = "run"
    """Run the attempt that was recorded as begun."""
    FINISH_EACH = "finish_each"
    BRANCH = "branch"
    END_PATH = "end_path"
    ROUTE = "route"
    FAIL_PATH = "fail_path"
    CANCEL_PATH = "cancel_path"
    COMPLETE = "complete"
    FAIL = "fail"


class Command(NamedTuple):
    """One wanted thing. Two commands for the same thing are equal, so a command is its own key."""

    kind: CommandKind
    path: str = ""
    step: str = ""
    visit: int = 0
    attempt: int = 0
    iteration: int | None = None


def decide(program: Program, state: ExecutionState) -> list[Command]:
    """All commands wanted in this state; empty before the first event, after the last, and for an incomplete state."""
    if state.sequence == 0 or state.ended or state.incomplete_from is not None:
        return []
    failing = [path for path in state.paths.values() if path.phase is Phase.FAILING]
    if failing:
        return [Command(CommandKind.FAIL_PATH, path.id, path.current_step, path.visit) for path in failing]
    if state.failure is not None:
        if state.paths:
            return [Command(CommandKind.CANCEL_PATH, path=name) for name in state.paths]
        return [Command(CommandKind.FAIL)]
    if not state.paths:
        if state.path_count == 0:
            return [Command(CommandKind.START_PATH, path=FIRST_PATH, step=program.start)]
        return [Command(CommandKind.COMPLETE)]
    wanted: list[Command] = []
    for path in state.paths.values():
        wanted += _wanted_by(path)
    return wanted


_SIMPLE = {
    Phase.NEW: CommandKind.START_PATH,
    Phase.FORKING: CommandKind.BRANCH,
    Phase.FORKED: CommandKind.END_PATH,
    Phase.ENDING: CommandKind.END_PATH,
    Phase.ROUTING: CommandKind.ROUTE,
}


def _wanted_by(path: PathState) -> list[Command]:
    unit = (path.id, path.current_step, path.visit)
    if path.phase is Phase.READY:
        return [Command(CommandKind.START, *unit, 1)]
    if path.phase is not Phase.RUNNING:
        return [Command(_SIMPLE[path.phase], *unit)]
    each = path.each
    if each is None:
        return [Command(CommandKind.RUN, *unit, path.attempt)]
    if each.in_flight:
        return [Command(CommandKind.RUN, *unit, attempt, index) for index, attempt in each.in_flight.items()]
    if each.next_index < len(each.items):
        return [Command(CommandKind.START, *unit, 1, each.next_index)]
    return [Command(CommandKind.FINISH_EACH, *unit, path.attempt)]
