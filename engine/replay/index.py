"""The step index: which paths, units and attempts a history holds and where they begin and end.

Derived from events, one at a time, and rebuilt at will. It answers for any point of the past: what had begun by then,
and what of it had ended. What it holds stands in columns, a few bytes for a unit.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from engine.model.events import ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import PathState
from engine.replay.columns import EventColumns
from engine.replay.spans import (
    CANCELLED,
    COMPLETED,
    FAILED,
    Attempt,
    AttemptTable,
    PathRecord,
    Span,
    SpanTable,
    UnitRecord,
    UnitTable,
)

__all__ = ["Attempt", "PathRecord", "Span", "StepIndex", "UnitRecord"]


def _iteration(data: JsonObject) -> int | None:
    item = data.get("iteration")
    if not item:
        return None
    index = item["index"]
    if type(index) is not int:
        raise TypeError("the index of an iteration is a whole number")
    return index


_PATH_ENDS: dict[str, str] = {
    ExecutionEventType.PATH_COMPLETED: COMPLETED,
    ExecutionEventType.PATH_FAILED: FAILED,
    ExecutionEventType.PATH_CANCELLED: CANCELLED,
}
_UNIT_ENDS: dict[str, str] = {ExecutionEventType.STEP_COMPLETED: COMPLETED, ExecutionEventType.STEP_FAILED: FAILED}
_FAILURES: frozenset[str] = frozenset(kind for kind in ExecutionEventType if kind.endswith("_failed"))


class StepIndex:
    """Built by feeding every event once, in order, to `add`; `columns` know each event before."""

    def __init__(self, columns: EventColumns) -> None:
        self.paths: dict[str, PathRecord] = {}
        """In the order they started."""
        self.step_starts = array("I")
        """Sequences at which units began."""
        self._starts_of: dict[str, array[int]] = {}
        """The same by the name of their step."""
        self.failures = array("I")
        """Sequences of failed attempts and of the failures they led to."""
        self.messages = array("I")
        """Sequences at which signals and other messages were received."""
        self._columns = columns
        self._path_spans = SpanTable(columns)
        self._attempts = AttemptTable(columns)
        self._units = UnitTable(columns, self._attempts)
        self._open: dict[str, _Open] = {}

    def add(self, event: ExecutionEvent, before: PathState | None) -> None:
        """Take in the next event; `before` is its path's state just before it, if the path was open."""
        kind = event.event_type
        if kind == ExecutionEventType.STEP_STARTED:
            self._start(event, event.data)
        elif kind in _UNIT_ENDS:
            self._end(event, event.data, _UNIT_ENDS[kind])
        elif kind == ExecutionEventType.STEP_WAITING:
            self._wait(event, event.data)
        elif kind == ExecutionEventType.STEP_RETRY_SCHEDULED:
            self._retry(event, event.data)
        elif kind == ExecutionEventType.SIGNAL_RECEIVED:
            self.messages.append(event.sequence)
        elif kind == ExecutionEventType.PATH_STARTED:
            self._begin_path(event, event.path_id, event.data.get("parent"))
        elif kind in _PATH_ENDS:
            self._end_path(event, _PATH_ENDS[kind], before)
        if kind in _FAILURES:
            self.failures.append(event.sequence)

    def units(self) -> Iterator[UnitRecord]:
        """All units, path by path."""
        for path in list(self.paths.values()):
            yield from path.units

    def unit_of(self, event: ExecutionEvent) -> UnitRecord | None:
        """The unit an event tells of, or None. The end of a cancelled path tells of the unit that was in flight."""
        return self._unit_near(event.path_id, event.step_name, event.sequence)

    def unit_at(self, sequence: int) -> UnitRecord | None:
        """The unit that the event of this sequence tells of, as `unit_of`; the event itself is not looked at."""
        return self._unit_near(self._columns.path(sequence), self._columns.step(sequence), sequence)

    def _unit_near(self, path_id: str, step: str, sequence: int) -> UnitRecord | None:
        path = self.paths.get(path_id)
        if path is None or not path.units:
            return None
        if not step:
            last = path.units[-1]
            return last if last.ended_seq == sequence else None
        for at in range(path.units.count_at(sequence) - 1, -1, -1):
            unit = path.units[at]
            if unit.step == step:
                return unit
        return None

    def next_step(self, sequence: int) -> int | None:
        """Where the next unit begins after this sequence."""
        at = bisect_right(self.step_starts, sequence)
        return self.step_starts[at] if at < len(self.step_starts) else None

    def previous_step(self, sequence: int) -> int | None:
        """Where the last unit before this sequence began."""
        at = bisect_left(self.step_starts, sequence)
        return self.step_starts[at - 1] if at else None

    def starts_of(self, step: str) -> Sequence[int]:
        """Sequences at which units of this step began, in order."""
        return self._starts_of.get(step, ())

    def _begin_path(self, event: ExecutionEvent, path_id: str, parent: str | None) -> PathRecord:
        row = self._path_spans.begin(event)
        path = self.paths[path_id] = PathRecord(self._path_spans, row, path_id, parent, self._units)
        return path

    def _start(self, event: ExecutionEvent, data: JsonObject) -> None:
        unit = self._unit(event, data)
        iteration = _iteration(data)
        if iteration is None and "items" in data:
            self._units.items[unit.row] = len(data["items"])
        else:
            self._begin_attempt(unit, event, data, iteration)

    def _begin_attempt(self, unit: _Open, event: ExecutionEvent, data: JsonObject, iteration: int | None) -> int:
        row = unit.latest[iteration] = self._attempts.add(event, data.get("attempt", 1), iteration)
        self._units.add_attempt(unit.row, row)
        return row

    def _wait(self, event: ExecutionEvent, data: JsonObject) -> None:
        row = self._unit(event, data).latest.get(_iteration(data))
        if row is not None:
            self._attempts.waits[row] = event.sequence, data

    def _retry(self, event: ExecutionEvent, data: JsonObject) -> None:
        row = self._unit(event, data).latest.get(_iteration(data))
        if row is not None:
            self._attempts.retries[row] = event.sequence, data.get("due_at")

    def _end(self, event: ExecutionEvent, data: JsonObject, status: str) -> None:
        unit = self._unit(event, data)
        iteration = _iteration(data)
        each = unit.row in self._units.items
        if iteration is not None or not each:
            Attempt(self._attempts, self._attempt_ended(unit, event, data, iteration)).end(event, status)
        goes_on = bool(data.get("retry") or data.get("collected"))
        if not goes_on and (iteration is None or status == FAILED):
            UnitRecord(self._units, unit.row).end(event, status)
            self._closed(event.path_id, unit)
            if each:
                self._cancel_open(unit, event)

    def _unit(self, event: ExecutionEvent, data: JsonObject) -> _Open:
        """The unit an event belongs to, begun with it when there is none yet."""
        unit = self._open.get(event.path_id)
        if unit is not None and not unit.closed and unit.step == event.step_name and unit.visit == data.get("visit"):
            return unit
        path = self.paths[event.path_id]
        if data.get("phase") == "route" and unit is not None:
            return unit
        return self._begin_unit(path, event, data)

    def _begin_unit(self, path: PathRecord, event: ExecutionEvent, data: JsonObject) -> _Open:
        visit = data.get("visit", 1)
        row = self._units.add(event, visit, len(path.units))
        path.units.rows.append(row)
        unit = self._open[path.id] = _Open(row, event.step_name, visit)
        self.step_starts.append(event.sequence)
        self._starts_of.setdefault(event.step_name, array("I")).append(event.sequence)
        return unit

    def _attempt_ended(self, unit: _Open, event: ExecutionEvent, data: JsonObject, iteration: int | None) -> int:
        row = unit.latest.get(iteration)
        if row is not None and (not self._attempts.ended[row] or data.get("phase") == "route"):
            return row
        # Parameters that could not be rendered: the attempt failed before it began.
        return self._begin_attempt(unit, event, data, iteration)

    def _closed(self, path_id: str, unit: _Open) -> None:
        """A unit has ended; what routing may still ask of it is its own attempt."""
        unit.closed = True
        if unit.row in self._units.items:
            unit.latest = {}

    def _cancel_open(self, unit: _Open, event: ExecutionEvent) -> None:
        for row in self._units.attempts_of(unit.row):
            if not self._attempts.ended[row]:
                Attempt(self._attempts, row).end(event, CANCELLED)

    def _end_path(self, event: ExecutionEvent, status: str, before: PathState | None) -> None:
        path = self.paths.get(event.path_id)
        if path is None:
            if before is None:
                return
            # Announced by a fork, and cancelled before it started.
            path = self._begin_path(event, event.path_id, before.parent)
        path.end(event, status)
        path.final = before
        unit = self._open.pop(path.id, None)
        if unit is not None and not unit.closed:
            UnitRecord(self._units, unit.row).end(event, CANCELLED)
            self._cancel_open(unit, event)


class _Open:
    """The latest unit of an open path."""

    __slots__ = ("closed", "latest", "row", "step", "visit")

    def __init__(self, row: int, step: str, visit: int) -> None:
        self.row = row
        self.step = step
        self.visit = visit
        self.closed = False
        self.latest: dict[int | None, int] = {}
        """The row of the last attempt of each item; of a unit without items under None."""
