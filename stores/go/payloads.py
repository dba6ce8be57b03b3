"""What the data of each kind of event must hold here, made of what the Go system recorded and of the events before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.core.hashing import canonical_hash
from engine.model.events import JsonObject
from engine.model.ids import is_execution_id
from engine.model.times import seconds_between

ERROR_TYPE = "Error"
"""Errors of the Go system are texts without a type."""
ENGINE = "dive"
_NOT_RECORDED = ""
GONE = object()
"""Stands for a member of the data that must not be there, because it would mean something else here."""


class Position(NamedTuple):
    """The event that is translated, its data aside."""

    event_type: str
    sequence: int
    timestamp: str
    path: str
    step: str


@dataclass(slots=True)
class _Path:
    """What is known of a path."""

    parent: str | None = None
    fork: int | None = None
    branched: bool = False
    step: str | None = None
    """Of the unit that runs, or ran last."""
    started: Position | None = None
    """Of the unit that runs."""
    failed: int | None = None
    """Sequence of its last failure."""
    visits: dict[str, int] = field(default_factory=dict)


class Positions:
    """Where all paths of an execution stand."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.paths: dict[str, _Path] = {}
        self.first_failure: int | None = None
        self.signals = 0

    def path(self, name: str) -> _Path:
        """What is known of a path; of a new one nothing."""
        return self.paths.setdefault(name, _Path())


def canonical(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    """The members of `data` that are added or changed, or `GONE`; none for a kind that needs none."""
    maker = _MAKERS.get(at.event_type)
    return {} if maker is None else maker(positions, at, data)


def _text(data: JsonObject, name: str, otherwise: str = "") -> str:
    value = data.get(name)
    return value if isinstance(value, str) else otherwise


def _object(data: JsonObject, name: str) -> dict[str, Any]:
    value = data.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _gone(data: JsonObject, *names: str) -> dict[str, Any]:
    """Those of these names that are there, gone."""
    return {name: GONE for name in names if name in data}


def _gone_unless(data: JsonObject, **kinds: type) -> dict[str, Any]:
    """The members of these names that are of another kind than ours have, gone."""
    return {name: GONE for name, kind in kinds.items() if name in data and not isinstance(data[name], kind)}


def _hash(value: Any) -> str:
    try:
        return canonical_hash(value)
    except TypeError:  # nested too deep
        return _NOT_RECORDED


def _execution_started(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    positions.first_failure = None
    for path in positions.paths.values():
        path.started = None
    inputs = _object(data, "inputs")
    made: dict[str, Any] = {
        **_gone(data, "source", "deadline", "labels", "lineage", "inbox", "children"),
        "workflow_name": _text(data, "workflow_name"),
        "workflow": {},
        "workflow_hash": _text(data, "workflow_hash"),
        "inputs": inputs,
        "inputs_hash": _text(data, "inputs_hash") or _hash(inputs),
        "engine_version": ENGINE,
        "dialect": positions.dialect,
    }
    before = _text(data, "continued_from")
    if is_execution_id(before):
        made["lineage"] = {"kind": "continue", "execution_id": before}
        if reason := _text(data, "continuation_reason"):
            made["lineage"]["reason"] = reason
    return made


def _path_started(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    path = positions.path(at.path)
    path.branched = False
    made = {**_gone(data, "variables", "parent", "fork"), "current_step": _text(data, "current_step")}
    return made if path.parent is None else made | {"parent": path.parent, "fork": path.fork}


def _step_started(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    path = positions.path(at.path)
    path.step, path.started = at.step, at
    path.visits[at.step] = path.visits.get(at.step, 0) + 1
    parameters = _object(data, "step_params")
    return {
        "step_type": _text(data, "step_type"),
        "visit": path.visits[at.step],
        "attempt": 1,
        "step_params": parameters,
        "inputs_hash": _hash(parameters),
        "effect_key": _NOT_RECORDED,
        **_gone(data, "items", "iteration", "child_id", "action"),
    }


def _ended(path: _Path, at: Position, data: JsonObject) -> dict[str, Any]:
    """What the end of a unit says of it; its start may not be known."""
    if path.step != at.step:
        path.step, path.started = at.step, None
        path.visits[at.step] = path.visits.get(at.step, 0) + 1
    started, path.started = path.started, None
    made = {**_gone(data, "iteration", "signal", "log", "started_seq"), "visit": path.visits[at.step], "attempt": 1}
    if started is None:
        return made | {"duration_ms": 0.0}
    duration = round(seconds_between(started.timestamp, at.timestamp) * 1000, 3)
    return made | {"duration_ms": duration, "started_seq": started.sequence}


def _step_completed(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    made = {**_ended(positions.path(at.path), at, data), "output": data.get("output"), "edges": []}
    return made | _gone(data, "stored_keys") | _gone_unless(data, stored_variable=str, usage=dict)


def _step_failed(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    path = positions.path(at.path)
    # A condition of an edge: it failed when its step had completed already.
    routing = path.step == at.step and path.started is None
    path.failed = at.sequence
    positions.first_failure = positions.first_failure or at.sequence
    made = _ended(path, at, data)
    made |= {
        "phase": "route" if routing else "run",
        "error": _text(data, "error"),
        "error_type": _text(data, "error_type") or ERROR_TYPE,
        "outcome": "known",
        "final": True,
    }
    return made | _gone(data, "retry", "caught", "collected", "traceback", "details")


def _path_branched(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    paths = data.get("new_paths", data.get("NewPaths"))
    entries = [paths] if isinstance(paths, Mapping) else paths
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        return {}
    made = [_new_path(entry, number) for number, entry in enumerate(entries)]
    positions.path(at.path).branched = True
    for entry in made:
        if isinstance(entry["id"], str):
            child = positions.path(entry["id"])
            child.parent, child.fork = at.path, at.sequence
    return {"new_paths": made}


def _new_path(entry: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The last dialect wrote its fields under their names in Go."""
    named = {_GO_NAMES.get(key, key): value for key, value in entry.items()}
    return {"id": None, "current_step": "", **named, "edge": number}


_GO_NAMES = {"ID": "id", "CurrentStep": "current_step", "InheritOutputs": "inherit_outputs"}


def _path_completed(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    path = positions.path(at.path)
    reason = "fork" if path.branched else "end"
    made = {"final_step": _text(data, "final_step", path.step or ""), "reason": reason}
    return made | _gone(data, "fork", "opens", "due_at")


def _path_failed(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    path = positions.path(at.path)
    return {
        "error": _text(data, "error"),
        "error_type": _text(data, "error_type") or ERROR_TYPE,
        "caused_by": path.failed or at.sequence,
        **_gone_unless(data, final_step=str),
    }


def _execution_completed(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    return {"outputs": _object(data, "outputs")}


def _execution_failed(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    return {
        "error": _text(data, "error"),
        "error_type": _text(data, "error_type") or ERROR_TYPE,
        "caused_by": [] if positions.first_failure is None else [positions.first_failure],
    }


def _continued(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    successor = _text(data, "new_execution_id")
    return {
        "new_execution_id": successor if is_execution_id(successor) else _NOT_RECORDED,
        "reason": _text(data, "reason"),
        "new_inputs": _object(data, "new_inputs"),
        "preserved_state": _object(data, "preserved_state") or _object(data, "state_transfer"),
    }


def _signal_received(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    positions.signals += 1
    return {
        "signal_id": _text(data, "signal_id"),
        "ordinal": positions.signals,
        "signal_type": _text(data, "signal_type"),
        "data": data.get("data", data.get("payload")),
        "sent_at": at.timestamp,
        "sender": _text(data, "source"),
    }


def _version_decision(positions: Positions, at: Position, data: JsonObject) -> dict[str, Any]:
    chosen = data.get("selected_version", data.get("version"))
    version = chosen if type(chosen) is int else 0
    return {
        "change_id": _text(data, "change_id", _text(data, "decision_type")),
        "version": version,
        "min_version": version,
        "max_version": version,
    }


_MAKERS: Mapping[str, Callable[[Positions, Position, JsonObject], dict[str, Any]]] = {
    "execution_started": _execution_started,
    "path_started": _path_started,
    "step_started": _step_started,
    "step_completed": _step_completed,
    "step_failed": _step_failed,
    "path_branched": _path_branched,
    "path_completed": _path_completed,
    "path_failed": _path_failed,
    "execution_completed": _execution_completed,
    "execution_failed": _execution_failed,
    "execution_continue_as_new": _continued,
    "signal_received": _signal_received,
    "version_decision": _version_decision,
}
