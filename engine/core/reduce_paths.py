"""How paths begin, fork, join and end."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.changes import (
    NO_VARIABLES,
    Changes,
    base_name,
    counted_in_forks,
    member_names,
    path_of,
    unfit,
    with_globals,
    with_path,
    writing,
)
from engine.model.events import EMPTY, ExecutionEvent, JsonObject
from engine.model.state import (
    AttemptStatus,
    ExecutionState,
    ForkState,
    JoinState,
    PathState,
    Phase,
    evolve,
)


def join_key(fork: int, step: str) -> str:
    """Under which a state keeps an open join."""
    return f"{fork}:{step}"


def new_path(name: str, step: str, **fields: object) -> PathState:
    """A path that comes to its first step."""
    blank = PathState(
        id=name,
        phase=Phase.NEW,
        parent=None,
        fork=None,
        member=name,
        current_step=step,
        visit=1,
        unit=None,
        each=None,
        edges=(),
        end_reason="",
        failure=None,
        variables=NO_VARIABLES,
        written=EMPTY,
        visits={step: 1},
        joined=None,
        cancelled_by=None,
    )
    return evolve(blank, **fields)


def path_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    announced = state.paths.get(event.path_id)
    changes: Changes = {"path_count": state.path_count + 1}
    if announced is None:
        path = new_path(
            event.path_id,
            data["current_step"],
            phase=Phase.READY,
            parent=data.get("parent"),
            fork=data.get("fork"),
            variables=data.get("variables") or NO_VARIABLES,
        )
        changes["path_ids"] = _counted(state.path_ids, [path.id])
    elif announced.phase is Phase.NEW:
        path = evolve(announced, phase=Phase.READY)
    else:
        raise unfit(event, f"path {event.path_id!r} has already started")
    return changes | {"paths": with_path(state, path)}


def _counted(path_ids: dict[str, int], names: Iterable[str]) -> dict[str, int]:
    counts = dict(path_ids)
    for path_id in names:
        base = base_name(path_id)
        counts[base] = counts.get(base, 0) + 1
    return counts


def path_branched(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    parent = path_of(state, event)
    if parent.phase is not Phase.FORKING:
        raise unfit(event, f"path {parent.id!r} is not at a fork")
    paths = with_path(state, evolve(parent, phase=Phase.FORKED))
    names = [entry["id"] for entry in data["new_paths"]]
    for entry in data["new_paths"]:
        name, step = entry["id"], entry["current_step"]
        if name in paths:
            raise unfit(event, f"path {name!r} is already there")
        paths[name] = new_path(
            name,
            step,
            parent=parent.id,
            fork=event.sequence,
            variables=parent.variables,
            written=parent.written,
        )
    changes: Changes = {"paths": paths, "path_ids": _counted(state.path_ids, names)}
    if not state.keeps_forks:
        return changes
    # They count for what their parent counts for, which itself is about to end.
    changes |= counted_in_forks(state, parent.fork, parent.member, len(names))
    fork = ForkState(
        sequence=event.sequence,
        step=parent.current_step,
        path=parent.id,
        outer=parent.fork,
        outer_member=parent.member,
        variables=parent.variables,
        written=parent.written,
        members=member_names(names),
    )
    return changes | {"forks": {**changes.get("forks", state.forks), event.sequence: fork}}


def path_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = path_of(state, event)
    reason = data["reason"]
    if path.phase not in ((Phase.READY,) if reason == "join" else (Phase.ENDING, Phase.FORKED)):
        raise unfit(event, f"path {path.id!r} is not at its end")
    changes: Changes = {"paths": _without_path(state, path)}
    if reason == "join" and data.get("opens"):
        join = JoinState(path.current_step, data["fork"], None, data.get("due_at"))
        changes["joins"] = {**state.joins, join_key(join.fork, join.step): join}
    changes |= counted_in_forks(
        evolve(state, **changes), path.fork, path.member, -1, ended=None if reason == "fork" else path
    )
    if reason in ("end", "no_edge"):
        changes["leaves"] = state.leaves + 1
    if state.keeps_finished:
        changes["finished"] = {**state.finished, path.id: path.variables}
    elif reason in ("end", "no_edge"):
        changes["finished"] = {path.id: path.variables}
    return changes


def _without_path(state: ExecutionState, path: PathState) -> dict[str, PathState]:
    paths = dict(state.paths)
    del paths[path.id]
    return paths


def path_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path = path_of(state, event)
    if path.failure is None:
        raise unfit(event, f"no step of path {path.id!r} has failed")
    return _ended_badly(state, path, "failed") | {"failure": state.failure or path.failure}


def path_cancelled(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    return _ended_badly(state, path_of(state, event), "cancelled")


def _ended_badly(state: ExecutionState, path: PathState, status: str) -> Changes:
    changes: Changes = {"paths": _without_path(state, path)}
    joins = {key: join for key, join in state.joins.items() if join.path != path.id}
    if len(joins) < len(state.joins):
        changes["joins"] = joins
    return changes | counted_in_forks(evolve(state, **changes), path.fork, path.member, -1, status=status, ended=path)


def path_joined(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    """The join a step waits for has been decided: it goes on, or it never can."""
    join = state.joins.get(join_key(data["fork"], event.step_name))
    if join is None:
        raise unfit(event, f"nobody waits at join {event.step_name!r} of fork {data['fork']}")
    fork = state.forks[join.fork]
    outcome = {key: data[key] for key in ("arrived", "error", "error_type") if key in data}
    changes: Changes = {"joins": {key: other for key, other in state.joins.items() if other is not join}}
    changes |= with_globals(state, data["variables"], event.sequence)
    forks = {**state.forks, join.fork: evolve(fork, joined=(*fork.joined, join.step))}
    paths = {
        name: evolve(path, cancelled_by=event.sequence) if name in data.get("cancelled", ()) else path
        for name, path in state.paths.items()
    }
    if join.path is not None:
        path = paths.pop(join.path)
        assert path.unit is not None
        unit = evolve(path.unit, status=AttemptStatus.RUNNING, wait=None)
        path = evolve(path, joined=outcome, unit=unit, **writing(path, data["variables"], event.sequence))
    else:
        path = new_path(
            data["path"],
            join.step,
            parent=fork.path,
            fork=fork.outer,
            member=fork.outer_member if fork.outer is not None else data["path"],
            variables=fork.variables,
            written=fork.written,
            joined=outcome,
        )
        path = evolve(path, **writing(path, data["variables"], event.sequence))
        changes["path_ids"] = _counted(state.path_ids, [path.id])
        forks = counted_in_forks(evolve(state, forks=forks, joins=changes["joins"]), path.fork, path.member, +1).get(
            "forks", forks
        )
    return changes | {"paths": {**paths, path.id: path}, "forks": forks}
