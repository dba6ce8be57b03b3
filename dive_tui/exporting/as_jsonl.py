"""The events of an execution, one envelope a line, as `dive-tui events --json` prints them."""

from __future__ import annotations

from collections.abc import Iterator

from dive_tui.cli.printing import json_bytes
from dive_tui.exporting.formats import Scope
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.replay.salvaged import UNREADABLE


def recorded_events(history: History, scope: Scope) -> Iterator[ExecutionEvent]:
    """The events of a scope as they were recorded, without what stands in the place of unreadable ones."""
    return (event for event in history.events(scope.first, scope.last) if event.event_type != UNREADABLE)


def pieces(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[str]:
    """A line for each event; one that cannot be read leaves a gap in the sequences."""
    for event in recorded_events(history, scope):
        yield json_bytes(event.to_dict(), indented=False).decode()
