"""What the execution screen needs of a history besides its step index: times, idle gaps, and where failures lie."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from math import inf
from threading import Lock
from typing import NamedTuple

from dive_tui.widgets.events.event_words import arrivals_in, item_of
from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.times import epoch_seconds
from engine.replay.history import History
from engine.replay.index import StepIndex, UnitRecord
from engine.replay.spans import Spans

SHORTEST_GAP = 0.001
"""Seconds without activity that are worth remembering."""

MOST_GAPS = 128
"""How many of all gaps are looked at: more fit no screen."""
MANY = 1000
"""New events from which on everything is derived at once, and not only when it is asked for."""

_PATH_ENDS = frozenset(
    {ExecutionEventType.PATH_COMPLETED, ExecutionEventType.PATH_FAILED, ExecutionEventType.PATH_CANCELLED}
)
_STEP_ENDS = frozenset({ExecutionEventType.STEP_COMPLETED, ExecutionEventType.STEP_FAILED})


class Gap(NamedTuple):
    """A time in which nothing ran, in seconds since the first event."""

    start: float
    end: float
    lasting: bool = False
    """Whether it goes on, so that its end is only where the time shown ends."""

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


class Mark(NamedTuple):
    """An event that concerns the whole execution and is shown as a glyph on its time."""

    sequence: int
    glyph: str
    style: str


_MARKS = {
    ExecutionEventType.SIGNAL_RECEIVED: ("signal", "accent"),
    ExecutionEventType.EXECUTION_PAUSED: ("paused", "waiting"),
    ExecutionEventType.EXECUTION_RESUMED: ("started", "running"),
    ExecutionEventType.EXECUTION_RECOVERED: ("retry", "waiting"),
}


class Outline:
    """Derived from a history once, from its first event to its last, and kept up as it grows.

    Times are seconds since the first event and never decrease, whatever the timestamps say.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._columns = history.columns
        self._known = 0
        self._open: dict[str, int] = {}
        self._waiting: dict[str, set[int | None]] = {}
        self._idle_from, self._idle_to = array("d"), array("d")
        self._longest: list[tuple[float, Gap]] = []
        self.path_failures: dict[str, list[int]] = {}
        """Sequences of failures by path id."""
        self.step_failures: dict[tuple[str, str], list[int]] = {}
        """Sequences of failed attempts by path id and step."""
        self.marks: list[Mark] = []
        """Signals, pauses and recoveries, in order."""
        self.path_ends: dict[str, str] = {}
        """By path id the join at which it ended."""
        self.path_origins: dict[str, str] = {}
        """By path id of one that goes on after a join, which paths met there."""
        self._items_done: dict[tuple[str, str, object], int] = {}
        self._visits: dict[str, _Visits] = {}
        self._lock = Lock()
        self.step_bounds = array("I")
        """Sequences at which steps began or ended, items of an each aside."""
        self.where_cells = 0
        """Characters of the longest `path › Step`."""
        self._path_numbers: dict[str, int] = {}

    def catch_up(self) -> None:
        """Take in the events that were added to the history since."""
        history, known = self._history, self._known
        for event in history.events(known + 1, len(self._columns)):
            self._add(event)
        if self._known - known >= MANY:  # better now, in whichever thread this is, than while drawing
            for path in list(history.index.paths):
                self.visits(path)

    def __len__(self) -> int:
        return self._known

    @property
    def is_loading(self) -> bool:
        """Whether events that can be looked at are still to be taken in."""
        return self._history.is_loading

    @property
    def started(self) -> float:
        """Seconds since 1970 of the first event; 0 when there is none that has a time."""
        return self._columns.started

    @property
    def duration(self) -> float:
        """Seconds from the first to the last event."""
        return self._columns.seconds(self._known)

    def seconds(self, sequence: int) -> float:
        """When the event of this sequence happened; before the first it is 0, past the last the last one's time."""
        return self._columns.seconds(min(sequence, self._known))

    def seconds_of(self, event: ExecutionEvent) -> float:
        """When an event happened, also one that has not been taken in yet."""
        if event.sequence <= self._known or not self._known:
            return self.seconds(event.sequence)
        try:
            return max(self.duration, epoch_seconds(event.timestamp) - self.started)
        except ValueError:
            return self.duration

    def sequence_at(self, seconds: float) -> int:
        """The last event that is not later; 1 for a time before the first."""
        return max(1, min(self._known, self._columns.last_at(seconds)))

    def count_before(self, seconds: float) -> int:
        """How many events are earlier."""
        return min(self._known, self._columns.count_before(seconds))

    def span(self, start: int, end: int | None, now: float) -> tuple[float, float]:
        """The times of two events; what has no end yet lasts until `now`."""
        started = self.seconds(start)
        return started, max(started, now if end is None else self.seconds(end))

    def idle(self, start: float = 0.0, end: float = inf, *, until: float = 0.0) -> Sequence[Gap]:
        """Times in which no attempt was running, in order, from one time to another; of all only the longest.

        When none runs at the last event either, and time has been going on `until` later, that is one too.
        """
        if start <= 0.0 and end >= self.duration:
            gaps: Sequence[Gap] = sorted(gap for _, gap in self._longest)
        else:
            first, last = bisect_right(self._idle_to, start), bisect_left(self._idle_from, end)
            gaps = list(map(Gap, self._idle_from[first:last], self._idle_to[first:last]))
        if not self._open and until - self.duration >= SHORTEST_GAP and end > self.duration:
            return [*gaps, Gap(self.duration, until, lasting=True)]
        return gaps

    def items_done(self, unit: UnitRecord) -> int:
        """How many items of an each have ended, those whose error was kept included."""
        return self._items_done.get((unit.path, unit.step, unit.visit), 0)

    def next_step(self, sequence: int) -> int | None:
        """Where the next step begins or ends after this event."""
        at = bisect_right(self.step_bounds, sequence)
        return self.step_bounds[at] if at < len(self.step_bounds) else None

    def previous_step(self, sequence: int) -> int | None:
        """Where the last step began or ended before this event."""
        at = bisect_left(self.step_bounds, sequence)
        return self.step_bounds[at - 1] if at else None

    def visits(self, path_id: str) -> Sequence[Spans[UnitRecord]]:
        """The units of a path by step, steps in the order they first began."""
        path = self._history.index.paths[path_id]
        visits = self._visits.setdefault(path_id, _Visits())
        with self._lock:  # asked for by the screen while a thread takes in more
            visits.catch_up(path.units)
        return visits.by_step

    def step_place(self, path_id: str, step: str) -> int:
        """The place of a step among those of its path; 0 for an unknown one."""
        self.visits(path_id)
        return self._visits[path_id].places.get(step, 0)

    def unit_failures(self, unit: UnitRecord) -> Sequence[int]:
        """Sequences of the failed attempts of a unit, that of its own end aside."""
        failures = self.step_failures.get((unit.path, unit.step), [])
        stop = len(failures) if unit.ended_seq is None else bisect_left(failures, unit.ended_seq)
        return failures[bisect_left(failures, unit.started_seq) : stop]

    def path_number(self, path_id: str) -> int:
        """The place of a path among all that started, from 0, which chooses its hue; 0 for an unknown one."""
        return self._path_numbers.get(path_id, 0)

    def _add(self, event: ExecutionEvent) -> None:
        before, now = self.duration, self._columns.seconds(event.sequence)
        if now - before >= SHORTEST_GAP and not self._open:
            self._note_idle(Gap(before, now))
        self._known = event.sequence
        self._count_open(event)
        self.where_cells = max(self.where_cells, len(event.path_id) + len(event.step_name) + 3)
        if event.event_type.endswith("_failed"):
            self._note_failure(event)
        elif not event.event_type.startswith("step_"):
            self._note_paths(event)

    def _note_idle(self, gap: Gap) -> None:
        self._idle_from.append(gap.start)
        self._idle_to.append(gap.end)
        heappush(self._longest, (gap.length, gap))
        if len(self._longest) > MOST_GAPS:
            heappop(self._longest)

    def _count_open(self, event: ExecutionEvent) -> None:
        kind, path, data = event.event_type, event.path_id, event.data
        if kind == ExecutionEventType.STEP_STARTED:
            if "iteration" not in data:
                self.step_bounds.append(event.sequence)
            if "items" not in data:
                self._open[path] = self._open.get(path, 0) + 1
        elif kind in _STEP_ENDS:
            if "iteration" not in data:
                self.step_bounds.append(event.sequence)
            elif kind == ExecutionEventType.STEP_COMPLETED or data.get("collected"):
                unit = path, event.step_name, data.get("visit")
                self._items_done[unit] = self._items_done.get(unit, 0) + 1
            self._close(event)
        elif kind == ExecutionEventType.STEP_WAITING:
            self._close(event)
            self._waiting.setdefault(path, set()).add(item_of(data))
        elif kind in _PATH_ENDS:
            self._open.pop(path, None)
            self._waiting.pop(path, None)

    def _close(self, event: ExecutionEvent) -> None:
        """An attempt of this path runs no more; one that waited has not been counted since."""
        path = event.path_id
        waiting = self._waiting.get(path)
        if waiting and item_of(event.data) in waiting:
            waiting.discard(item_of(event.data))
        elif self._open.get(path, 0) > 1:
            self._open[path] -= 1
        else:
            self._open.pop(path, None)

    def _note_paths(self, event: ExecutionEvent) -> None:
        kind, data = event.event_type, event.data
        if kind == ExecutionEventType.PATH_STARTED:
            self._path_numbers.setdefault(event.path_id, len(self._path_numbers))
        elif kind == ExecutionEventType.PATH_COMPLETED and data.get("reason") == "join":
            self.path_ends[event.path_id] = str(data.get("final_step") or "")
        elif kind == ExecutionEventType.PATH_JOINED:
            self.path_origins[str(data.get("path"))] = arrivals_in(data.get("arrived"))
        elif kind in _MARKS and not str(data.get("signal_type", "")).startswith("$"):
            self.marks.append(Mark(event.sequence, *_MARKS[ExecutionEventType(kind)]))

    def _note_failure(self, event: ExecutionEvent) -> None:
        if not event.path_id:
            return
        self.path_failures.setdefault(event.path_id, []).append(event.sequence)
        if event.step_name:
            self.step_failures.setdefault((event.path_id, event.step_name), []).append(event.sequence)


class _Visits:
    """The units of a path, taken in one by one."""

    def __init__(self) -> None:
        self.count = 0
        self.by_step: list[Spans[UnitRecord]] = []
        self.places: dict[str, int] = {}

    def catch_up(self, units: Spans[UnitRecord]) -> None:
        for unit in units[self.count :]:
            place = self.places.setdefault(unit.step, len(self.by_step))
            if place == len(self.by_step):
                self.by_step.append(units[:0])
            self.by_step[place].rows.append(units.rows[self.count])
            self.count += 1


def unit_of(index: StepIndex, event: ExecutionEvent) -> UnitRecord | None:
    """The unit an event tells of; None when it tells of none, whatever its data may be."""
    if not event.step_name and not isinstance(event.data.get("unit"), Mapping):
        return None
    return index.unit_of(event)
