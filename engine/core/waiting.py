"""Waits, signals, retries' delays and joins."""

from __future__ import annotations

from typing import Any

from engine.core.completing import completed
from engine.core.decide import Command, first_signal
from engine.core.drafts import (
    TIMEOUT_ERROR,
    Draft,
    Outcome,
    Surroundings,
    attempt_of,
    later,
    names_for,
)
from engine.core.failing import failed
from engine.core.joins import fork_for, forks_of, joined_members, standing_of
from engine.core.program import Program, ProgramStep
from engine.core.reduce_paths import join_key
from engine.core.reduce_steps import INTERRUPTED_ERROR
from engine.core.retrying import next_delay
from engine.core.starting import sleep_seconds, topic_of
from engine.model.events import ExecutionEventType
from engine.model.state import ExecutionState, ForkState, PathState

UNSATISFIED_ERROR = "JoinUnsatisfied"
DEADLOCK_ERROR = "Deadlock"


def _unit(command: Command) -> dict[str, Any]:
    unit: dict[str, Any] = {"visit": command.visit}
    if command.iteration is not None:
        unit["iteration"] = {"index": command.iteration}
    return unit


def schedule(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    attempt = attempt_of(state.paths[command.path], command.iteration)
    assert attempt is not None
    policy, delay = next_delay(program.steps[command.step], attempt)
    data = _unit(command) | {
        "attempt": attempt.number + 1,
        "policy": policy,
        "delay_ms": round(delay * 1000, 3),
        "due_at": later(state.timestamp, delay),
    }
    return [Draft(ExecutionEventType.STEP_RETRY_SCHEDULED, command.path, command.step, data)]


def wait(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path, step = state.paths[command.path], program.steps[command.step]
    data = _unit(command)
    if step.timeout is not None:
        data["due_at"] = later(state.timestamp, step.timeout)
    if step.kind == "sleep":
        rendered = step.template.render(names_for(state, path, step, command.iteration))
        data |= {"for": "sleep", "due_at": later(state.timestamp, sleep_seconds(rendered))}
    elif step.kind == "wait_signal":
        rendered = step.template.render(names_for(state, path, step, command.iteration))
        data |= {"for": "signal", "topic": topic_of(rendered)}
    elif step.kind == "workflow":
        attempt = attempt_of(path, command.iteration)
        assert attempt is not None
        data |= {"for": "child", "child_id": attempt.child_id}
    else:
        data |= _join_wait(program, state, path, step)
    return [Draft(ExecutionEventType.STEP_WAITING, command.path, command.step, data)]


def _join_wait(program: Program, state: ExecutionState, path: PathState, step: ProgramStep) -> dict[str, Any]:
    fork = fork_for(program, state, path, step)
    assert fork is not None
    members = joined_members(fork, step)
    count = step.definition.count
    join = {"fork": fork.sequence, "paths": list(members), "count": len(members) if count is None else count}
    known = state.joins.get(join_key(fork.sequence, step.name))
    # Who came first started the clock.
    return {"for": "join", "join": join} | ({"due_at": known.due_at} if known and known.due_at else {})


def take(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path, step = state.paths[command.path], program.steps[command.step]
    attempt = attempt_of(path, command.iteration)
    assert attempt is not None
    assert attempt.wait is not None
    signal = first_signal(state, attempt.wait.topic)
    assert signal is not None
    return completed(command, step, state, Outcome(signal["data"]), {"signal": signal["sequence"]})


def time_out(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path, step = state.paths[command.path], program.steps[command.step]
    attempt = attempt_of(path, command.iteration)
    assert attempt is not None
    assert attempt.wait is not None
    # Nothing is left in doubt: a child that is not waited for any more is cancelled, another attempt makes another one.
    outcome = Outcome(
        error=f"{attempt.wait.words} took longer than {step.definition.timeout}",
        error_type=TIMEOUT_ERROR,
    )
    return [failed(command, step, state, outcome)]


def interrupt(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    outcome = Outcome(
        error="the process that ran it died", error_type=INTERRUPTED_ERROR, known=False, ended_at=state.timestamp
    )
    return [failed(command, program.steps[command.step], state, outcome)]


def deadlock(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    waits = []
    for path in state.paths.values():
        step = program.steps[path.current_step]
        fork = fork_for(program, state, path, step)
        names = [] if fork is None else list(joined_members(fork, step))
        waits.append(
            f"path {path.id!r} waits at {path.current_step!r} for {' and '.join(map(repr, names)) or 'nothing'}"
        )
    outcome = Outcome(error="nothing can go on: " + "; ".join(waits), error_type=DEADLOCK_ERROR)
    return [failed(command, program.steps[command.step], state, outcome)]


# Joins


def arrive(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    path, step = state.paths[command.path], program.steps[command.step]
    fork = fork_for(program, state, path, step)
    assert fork is not None
    data: dict[str, Any] = {"final_step": path.current_step, "reason": "join", "fork": fork.sequence}
    if join_key(fork.sequence, step.name) not in state.joins and step.name not in fork.joined:
        data["opens"] = True
        if step.timeout is not None:
            data["due_at"] = later(state.timestamp, step.timeout)
    return [Draft(ExecutionEventType.PATH_COMPLETED, path.id, data=data)]


def join(command: Command, program: Program, state: ExecutionState, around: Surroundings) -> list[Draft]:
    """`path_joined`: the paths it has are enough, can never be, or it has waited too long."""
    step = program.steps[command.step]
    opened = state.joins[join_key(command.visit, command.step)]
    fork = state.forks[opened.fork]
    members = joined_members(fork, step)
    standing = standing_of(state, opened, step)
    data: dict[str, Any] = {
        "fork": fork.sequence,
        "arrived": [
            {"path": name, "status": "running" if name in standing.open else member.status}
            for name, member in members.items()
        ],
        "variables": {},
        "path": opened.path or _going_on(state, fork),
    }
    if standing.is_satisfied:
        data |= _values(step, fork, standing.present)
    elif standing.is_hopeless:
        missing = (
            ", ".join(f"path {name!r} {members[name].status}" for name in standing.absent) or "too few were started"
        )
        enough = f"{len(standing.present)} of the {standing.needed} paths it needs completed"
        data |= {"error": f"{enough}: {missing}", "error_type": UNSATISFIED_ERROR}
    else:
        late = ", ".join(map(repr, standing.open))
        data |= {"error": f"waited {step.definition.timeout} for path {late}", "error_type": TIMEOUT_ERROR}
    if step.definition.rest == "cancel":
        rest = set(standing.open)
        data["cancelled"] = [
            path.id for path in state.paths.values() if path.id != opened.path and _counts_for(state, path, fork, rest)
        ]
    return [Draft(ExecutionEventType.PATH_JOINED, data["path"], step.name, data)]


def _counts_for(state: ExecutionState, path: PathState, fork: ForkState, members: set[str]) -> bool:
    return any(outer.sequence == fork.sequence and member in members for outer, member in forks_of(state, path))


def _going_on(state: ExecutionState, fork: ForkState) -> str:
    """The id of a path that goes on where the one that forked ended."""
    name = fork.path.rpartition("~")[0] if fork.path.rpartition("~")[2].isdigit() else fork.path
    name = name or fork.path
    return f"{name}~{state.path_ids.get(name, 0) + 1}"


def _values(step: ProgramStep, fork: ForkState, present: tuple[str, ...]) -> dict[str, Any]:
    """What the joined paths hand over: by mappings, else each path's own writes under its name."""
    by_name = {fork.members[member].name: fork.members[member] for member in present}
    values: dict[str, Any] = {}
    for source, target in step.definition.mappings.items():
        name, _, variable = source.partition(".")
        member = by_name.get(name)
        if member is not None and variable not in member.variables:
            error = f"path {name!r} has no variable {variable!r} that could become {target!r}"
            return {"error": error, "error_type": "ExpressionError"}
        values[target] = None if member is None else member.variables[variable]
    if not step.definition.mappings:
        for name, member in by_name.items():
            own = [variable for variable, sequence in member.written.items() if sequence > fork.sequence]
            values[name] = {variable: member.variables[variable] for variable in own}
    return {"variables": values}
