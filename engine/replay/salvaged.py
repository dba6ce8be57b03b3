"""What can still be read of a damaged history, with what cannot be read in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.model.events import ExecutionEvent

UNREADABLE = "unreadable"
"""The type of what stands in the place of an event that cannot be read; no store ever holds one."""


class Unreadable(NamedTuple):
    """An event that was recorded and cannot be read, or is not there."""

    sequence: int
    problem: str
    """A clause: what is wrong, and where."""


def as_events(execution_id: str, entries: Sequence[ExecutionEvent | Unreadable]) -> list[ExecutionEvent]:
    """Entries as a `History` takes them: what is unreadable becomes an event of kind `UNREADABLE`.

    Such an event is only for showing: it has no id, the time of the event before it, and `data={"problem": …}`. States
    of the history end before the first of them. Empty when not one event can be read.
    """
    time = next((entry.timestamp for entry in entries if isinstance(entry, ExecutionEvent)), None)
    if time is None:
        return []
    events: list[ExecutionEvent] = []
    for entry in entries:
        if isinstance(entry, Unreadable):
            problem = {"problem": entry.problem}
            events.append(ExecutionEvent("", execution_id, "", entry.sequence, time, UNREADABLE, data=problem))
        else:
            time = entry.timestamp
            events.append(entry)
    return events
