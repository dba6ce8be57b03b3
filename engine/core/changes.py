"""What all handlers of `reduce` share: how they say what an event changes, and that one does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.model.events import ExecutionEvent, JsonObject
from engine.model.state import ExecutionState, ForkState, JoinState, MemberState, PathState, Phase, evolve

Changes = dict[str, Any]
"""Fields of a state, or of a path, that an event changes."""

NO_VARIABLES: dict[str, Any] = {}


class HistoryError(ValueError):
    """A history that cannot have happened: the message names the event that does not fit."""


def unfit(event: ExecutionEvent, why: str) -> HistoryError:
    """The error about an event that does not fit."""
    return HistoryError(f"event {event.sequence} ({event.event_type}) does not fit: {why}")


def path_of(state: ExecutionState, event: ExecutionEvent) -> PathState:
    """The open path an event is about."""
    path = state.paths.get(event.path_id)
    if path is None:
        raise unfit(event, f"path {event.path_id!r} is not open")
    return path


def with_path(state: ExecutionState, path: PathState) -> dict[str, PathState]:
    """The open paths with one of them changed."""
    # Taken out and put in again: the path that moved last stands last.
    paths = dict(state.paths)
    paths.pop(path.id, None)
    paths[path.id] = path
    return paths


def writing(path: PathState, values: JsonObject, sequence: int) -> Changes:
    """The fields of a path that change when an event writes these variables."""
    if not values:
        return {}
    return {
        "variables": {**path.variables, **values},
        "written": {**path.written, **dict.fromkeys(values, sequence)},
    }


def with_globals(state: ExecutionState, values: JsonObject, sequence: int) -> Changes:
    """The same variables in the merged view of all paths."""
    if not values:
        return {}
    return {"script_globals": {**state.script_globals, **{name: (value, sequence) for name, value in values.items()}}}


def onward(path: PathState, step: str) -> Changes:
    """The fields of a path that change when it comes to a step."""
    visit = path.visits.get(step, 0) + 1
    return {
        "phase": Phase.READY,
        "current_step": step,
        "visit": visit,
        "visits": {**path.visits, step: visit},
        "unit": None,
        "each": None,
        "joined": None,
    }


def counted_in_forks(
    state: ExecutionState,
    fork: int | None,
    member: str,
    open_change: int,
    status: str = "",
    ended: PathState | None = None,
) -> Changes:
    """The forks a path counts for, up to the outermost, after it began (+1) or ended (-1)."""
    if not state.keeps_forks or fork is None:
        return {}
    forks = dict(state.forks)
    at: int | None = fork
    while at is not None and at in forks:
        record = forks[at]
        known = record.members[member]
        changed = evolve(known, open=known.open + open_change)
        if status and known.status == "running":
            changed = evolve(changed, status=status)
        if ended is not None:
            changed = evolve(changed, variables=ended.variables, written=ended.written)
        if changed.open == 0 and changed.status == "running":
            changed = evolve(changed, status="completed")
        elif changed.open > 0 and changed.status == "completed":
            changed = evolve(changed, status="running")
        forks[at] = evolve(record, members={**record.members, member: changed})
        at, member = record.outer, record.outer_member
    return {"forks": _still_needed(forks, state.joins)}


def _still_needed(forks: dict[int, ForkState], joins: dict[str, JoinState]) -> dict[int, ForkState]:
    asked = {join.fork for join in joins.values()}
    needed: set[int] = set()
    for sequence, fork in forks.items():
        if sequence in asked or any(member.open for member in fork.members.values()):
            # The path that goes on after a join is one of the forks around it.
            at: int | None = sequence
            while at is not None and at in forks and at not in needed:
                needed.add(at)
                at = forks[at].outer
    return {sequence: fork for sequence, fork in forks.items() if sequence in needed}


def member_names(names: Iterable[str]) -> dict[str, MemberState]:
    """The members of a new fork, by path id."""
    return {name: MemberState(base_name(name)) for name in names}


def base_name(path_id: str) -> str:
    """The name a path was asked for under: `left` of `left~2`."""
    name, _, repeat = path_id.rpartition("~")
    return name if repeat.isdigit() else path_id
