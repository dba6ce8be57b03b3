"""The state as JSON and back, for `snapshot.state`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.chunks import Chunks
from engine.model.state import (
    STATE_VERSION,
    AttemptState,
    AttemptStatus,
    EachState,
    ExecutionInfo,
    ExecutionState,
    Failure,
    ForkState,
    JoinState,
    MemberState,
    PathState,
    Phase,
    Wait,
)


def state_to_json(state: ExecutionState) -> dict[str, Any]:
    """Plain JSON types; `state_version` says which engine can read it back."""
    record = state._asdict()
    record["state_version"] = STATE_VERSION
    record["info"] = state.info._asdict()
    record["failure"] = state.failure and state.failure._asdict()
    record["paths"] = {name: _path_to_json(path) for name, path in state.paths.items()}
    record["script_globals"] = {name: list(entry) for name, entry in state.script_globals.items()}
    record["forks"] = [_fork_to_json(fork) for fork in state.forks.values()]
    record["joins"] = {key: join._asdict() for key, join in state.joins.items()}
    record["signals"], record["controls"] = list(state.signals), list(state.controls)
    return record


def state_from_json(record: Mapping[str, Any]) -> ExecutionState | None:
    """The state a snapshot holds, or None when another version of the engine wrote it, or it is no state.

    A snapshot is a cache: whatever cannot be read is rebuilt from the events.
    """
    if record.get("state_version") != STATE_VERSION:
        return None
    fields = {key: value for key, value in record.items() if key != "state_version"}
    try:
        fields["info"] = ExecutionInfo(**fields["info"])
        fields["failure"] = fields["failure"] and Failure(**fields["failure"])
        fields["paths"] = {name: _path_from_json(path) for name, path in fields["paths"].items()}
        fields["script_globals"] = {name: (v[0], v[1]) for name, v in fields["script_globals"].items()}
        for name in ("failed_steps", "signals", "controls"):
            fields[name] = tuple(fields[name])
        fields["forks"] = {fork["sequence"]: _fork_from_json(fork) for fork in fields["forks"]}
        fields["joins"] = {key: JoinState(**join) for key, join in fields["joins"].items()}
        return ExecutionState(**fields)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None


def _path_to_json(path: PathState) -> dict[str, Any]:
    record = path._asdict()
    record["failure"] = path.failure and path.failure._asdict()
    record["unit"] = path.unit and _attempt_to_json(path.unit)
    record["edges"] = list(path.edges)
    if path.each is not None:
        record["each"] = path.each._asdict() | {
            "results": list(path.each.results),
            "open": {str(index): _attempt_to_json(attempt) for index, attempt in path.each.open.items()},
        }
    return record


def _path_from_json(record: Mapping[str, Any]) -> PathState:
    fields = dict(record)
    fields["phase"] = Phase(fields["phase"])
    fields["failure"] = fields["failure"] and Failure(**fields["failure"])
    fields["unit"] = fields["unit"] and _attempt_from_json(fields["unit"])
    fields["edges"] = tuple(fields["edges"])
    if fields["each"] is not None:
        each = dict(fields["each"])
        each["results"] = Chunks(each["results"])
        each["open"] = {int(index): _attempt_from_json(attempt) for index, attempt in each["open"].items()}
        fields["each"] = EachState(**each)
    return PathState(**fields)


def _attempt_to_json(attempt: AttemptState) -> dict[str, Any]:
    record = attempt._asdict()
    record["policies"] = list(attempt.policies)
    record["wait"] = attempt.wait and attempt.wait._asdict()
    return record


def _attempt_from_json(record: Mapping[str, Any]) -> AttemptState:
    fields = dict(record)
    fields["status"] = AttemptStatus(fields["status"])
    fields["policies"] = tuple(fields["policies"])
    fields["wait"] = fields["wait"] and Wait(**fields["wait"])
    return AttemptState(**fields)


def _fork_to_json(fork: ForkState) -> dict[str, Any]:
    record = fork._asdict()
    record["members"] = {name: member._asdict() for name, member in fork.members.items()}
    record["joined"] = list(fork.joined)
    return record


def _fork_from_json(record: Mapping[str, Any]) -> ForkState:
    fields = dict(record)
    fields["members"] = {name: MemberState(**member) for name, member in fields["members"].items()}
    fields["joined"] = tuple(fields["joined"])
    return ForkState(**fields)
