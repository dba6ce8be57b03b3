"""From commands and outcomes to the events that record them: pure, like everything that decides a history."""

from __future__ import annotations

from collections.abc import Callable

from engine.core import completing, ending, starting, waiting
from engine.core.decide import Command, CommandKind
from engine.core.drafts import PAYLOAD_ERROR, Draft, Outcome, Surroundings
from engine.core.ending import cancellation, exhaustion
from engine.core.failing import failed
from engine.core.program import Program
from engine.core.starting import effect_key
from engine.model.state import ExecutionState

__all__ = [
    "PAYLOAD_ERROR",
    "Draft",
    "Outcome",
    "Surroundings",
    "cancellation",
    "conclude",
    "effect_key",
    "exhaustion",
    "settle",
]


def settle(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    """The events that carry out any command without an effect. The first one always changes the state."""
    return _SETTLERS[command.kind](command, program, state, around)


def conclude(command: Command, program: Program, state: ExecutionState, outcome: Outcome) -> list[Draft]:
    """The events that record how an effect ended; with a condition that cannot be evaluated, two."""
    step = program.steps[command.step]
    if outcome.error_type:
        return [failed(command, step, state, outcome)]
    return completing.completed(command, step, state, outcome)


_SETTLERS: dict[CommandKind, Callable[[Command, Program, ExecutionState, Surroundings], list[Draft]]] = {
    CommandKind.START_PATH: starting.start_path,
    CommandKind.START: starting.start,
    CommandKind.SCHEDULE: waiting.schedule,
    CommandKind.WAIT: waiting.wait,
    CommandKind.TAKE: waiting.take,
    CommandKind.TIME_OUT: waiting.time_out,
    CommandKind.INTERRUPT: waiting.interrupt,
    CommandKind.DEADLOCK: waiting.deadlock,
    CommandKind.ARRIVE: waiting.arrive,
    CommandKind.JOIN: waiting.join,
    CommandKind.FINISH: completing.finish,
    CommandKind.ROUTE: completing.route,
    CommandKind.BRANCH: ending.branch,
    CommandKind.END_PATH: ending.end_path,
    CommandKind.FAIL_PATH: ending.fail_path,
    CommandKind.CANCEL_PATH: ending.cancel_path,
    CommandKind.CONTROL: ending.control,
    CommandKind.DEADLINE: ending.deadline,
    CommandKind.COMPLETE: ending.complete,
    CommandKind.FAIL: ending.fail,
}
