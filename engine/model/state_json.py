"""The state as JSON and back, for `snapshot.state`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.chunks import Chunks
from engine.model.state import (
    STATE_VERSION,
    EachState,
    ExecutionInfo,
    ExecutionState,
    Failure,
    PathState,
    Phase,
)


def state_to_json(state: ExecutionState) -> dict[str, Any]:
    """Plain JSON types; `state_version` says which engine can read it back."""
    record = state._asdict()
    record["state_version"] = STATE_VERSION
    record["info"] = state.info._asdict()
    record["failure"] = state.failure and state.failure._asdict()
    record["paths"] = {name: _path_to_json(path) for name, path in state.paths.items()}
    record["script_globals"] = {name: list(entry) for name, entry in state.script_globals.items()}
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
        fields["failed_steps"] = tuple(fields["failed_steps"])
        return ExecutionState(**fields)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None


def _path_to_json(path: PathState) -> dict[str, Any]:
    record = path._asdict()
    record["failure"] = path.failure and path.failure._asdict()
    record["edges"] = list(path.edges)
    if path.each is not None:
        record["each"] = path.each._asdict() | {
            "results": list(path.each.results),
            "in_flight": {str(index): attempt for index, attempt in path.each.in_flight.items()},
        }
    return record


def _path_from_json(record: Mapping[str, Any]) -> PathState:
    fields = dict(record)
    fields["phase"] = Phase(fields["phase"])
    fields["failure"] = fields["failure"] and Failure(**fields["failure"])
    fields["edges"] = tuple(fields["edges"])
    if fields["each"] is not None:
        each = fields["each"]
        fields["each"] = EachState(
            items=each["items"],
            results=Chunks(each["results"]),
            next_index=each["next_index"],
            done=each["done"],
            in_flight={int(index): attempt for index, attempt in each["in_flight"].items()},
        )
    return PathState(**fields)
