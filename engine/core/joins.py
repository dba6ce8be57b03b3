"""Joins: which fork one belongs to, who arrives and who waits, and when it can go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.core.program import Program, ProgramStep
from engine.model.state import ExecutionState, ForkState, JoinState, MemberState, PathState


class Standing(NamedTuple):
    """How far a join has come: path ids of the paths it is about."""

    present: tuple[str, ...]
    """They and all that forked from them have completed."""
    open: tuple[str, ...]
    absent: tuple[str, ...]
    """They failed or were cancelled."""
    needed: int

    @property
    def is_satisfied(self) -> bool:
        """Whether enough paths are present."""
        return len(self.present) >= self.needed

    @property
    def is_hopeless(self) -> bool:
        """Whether there can never be enough."""
        return len(self.present) + len(self.open) < self.needed


def forks_of(state: ExecutionState, path: PathState) -> Iterator[tuple[ForkState, str]]:
    """The forks a path is part of, from the innermost, each with the member it counts for."""
    return _outward(state, path.fork, path.member)


def _outward(state: ExecutionState, at: int | None, member: str) -> Iterator[tuple[ForkState, str]]:
    while at is not None and at in state.forks:
        fork = state.forks[at]
        yield fork, member
        at, member = fork.outer, fork.outer_member


def fork_for(program: Program, state: ExecutionState, path: PathState, step: ProgramStep) -> ForkState | None:
    """The fork a join means when this path reaches it: the innermost that could start the paths it names."""
    names = step.joined
    for fork, _ in forks_of(state, path):
        if not names or any(edge.path in names for edge in program.steps[fork.step].edges):
            return fork
    return None


def arrives(program: Program, state: ExecutionState, path: PathState, fork: ForkState, step: ProgramStep) -> bool:
    """Whether the path completes at the join: it is one that the join waits for, or comes too late to go on there."""
    if step.name in fork.joined:
        return True
    names = step.joined
    member = next(member for other, member in forks_of(state, path) if other.sequence == fork.sequence)
    if not names or fork.members[member].name in names:
        return True
    # One path goes on from a join: the first that came, also while its wait is not recorded yet.
    return any(
        other.id != path.id and other.unit is not None and fork_for(program, state, other, step) is fork
        for other in state.paths.values()
        if other.current_step == step.name
    )


def joined_members(fork: ForkState, step: ProgramStep) -> dict[str, MemberState]:
    """The paths of the fork that the join is about, by id."""
    names = step.joined
    return {name: member for name, member in fork.members.items() if not names or member.name in names}


def standing_of(state: ExecutionState, join: JoinState, step: ProgramStep) -> Standing:
    """How far an open join has come."""
    members = joined_members(state.forks[join.fork], step)
    going_on = _going_on(state, join)
    present = tuple(name for name, member in members.items() if member.status == "completed" and name not in going_on)
    still_open = tuple(name for name, member in members.items() if member.status == "running" or name in going_on)
    known = {*present, *still_open}
    absent = tuple(name for name in members if name not in known)
    needed = step.definition.count
    return Standing(present, still_open, absent, len(members) if needed is None else needed)


def _going_on(state: ExecutionState, join: JoinState) -> set[str]:
    """Members none of whose paths is open, but for whom a path will go on after a join of a fork inside them."""
    inner = [state.forks[other.fork] for other in state.joins.values() if other is not join and other.path is None]
    return {
        member
        for fork in inner
        for outer, member in _outward(state, fork.outer, fork.outer_member)
        if outer.sequence == join.fork and outer.members[member].status == "completed"
    }
