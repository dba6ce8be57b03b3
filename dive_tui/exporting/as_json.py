"""An execution as one JSON object that needs nothing else to be understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dive_tui.cli.printing import json_bytes
from dive_tui.exporting.as_jsonl import recorded_events
from dive_tui.exporting.formats import Scope
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.replay.salvaged import UNREADABLE
from engine.replay.view import full_view

KIND = "dive-tui execution"
VERSION = 1


def pieces(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[str]:
    """The object: a line for each of its members, and for each event."""
    last = len(history) if scope.last is None else min(scope.last, len(history))
    yield "{\n"
    for name, value in _members(history, summary, scope, last):
        yield f"{_line(name)}: {_line(value)},\n"
    yield '"events": ['
    for number, event in enumerate(recorded_events(history, scope)):
        yield (",\n" if number else "\n") + _line(event.to_dict())
    yield "\n]\n}\n"


def _members(history: History, summary: ExecutionSummary, scope: Scope, last: int) -> Iterator[tuple[str, Any]]:
    state = history.state_at(last)
    yield "kind", KIND
    yield "version", VERSION
    if scope.damage:
        yield "damage", scope.damage
    unreadable = list(history.columns.find(kinds={UNREADABLE}, first=scope.first, last=last))
    if unreadable:
        yield "unreadable", unreadable
    yield "execution", summary.to_dict()
    yield "inputs", state.inputs
    yield "outputs", state.outputs
    yield "error", state.error
    yield "definition", definition_of(history)
    if scope.states:
        yield "state", full_view(history, last)


def definition_of(history: History) -> Any:
    """The workflow an execution runs, as it was recorded; None when it was not."""
    data: Any = history.event(1).data if len(history) else None
    return data.get("workflow") if isinstance(data, Mapping) else None


def _line(value: Any) -> str:
    return json_bytes(value, indented=False).decode().rstrip("\n")
