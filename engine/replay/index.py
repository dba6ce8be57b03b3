"""The step index: which paths, units and attempts a history holds and where they begin and end.

Derived from events, one at a time, and rebuilt at will. It answers for any point of the past: what had begun by then,
and what of it had ended.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from engine.model.events import ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import PathState

_FAILED = "failed"


class Attempt:
    """One try of a unit, or of one item of it. Sequences and times are those of its first and last event."""

    __slots__ = (
        "attempt", "ended_at", "ended_seq", "error", "error_type", "iteration", "started_at", "started_seq", "status",
    )  # fmt: skip

    def __init__(self, attempt: int, iteration: int | None, event: ExecutionEvent) -> None:
        self.attempt = attempt
        self.iteration = iteration
        self.started_seq = event.sequence
        self.started_at = event.timestamp
        self.ended_seq: int | None = None
        self.ended_at: str | None = None
        self.status = "running"
        self.error = ""
        self.error_type = ""

    def end(self, event: ExecutionEvent, status: str) -> None:
        """Close it with the event that says how it ended."""
        self.ended_seq = event.sequence
        self.ended_at = event.timestamp
        self.status = status
        if status == _FAILED:
            self.error = event.data.get("error", "")
            self.error_type = event.data.get("error_type", "")

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence."""
        ended = self.ended_seq is not None and self.ended_seq <= sequence
        return self.status if ended else "running"


class UnitRecord:
    """One run of one step on one path. An `each` has one attempt per item and counts them in `items`."""

    __slots__ = (
        "attempts", "ended_at", "ended_seq", "items", "order", "path", "started_at", "started_seq", "status", "step",
        "visit",
    )  # fmt: skip

    def __init__(self, path: str, step: str, visit: int, order: int, event: ExecutionEvent) -> None:
        self.path = path
        self.step = step
        self.visit = visit
        self.order = order
        """Its place among the units of its path, from 0."""
        self.started_seq = event.sequence
        self.started_at = event.timestamp
        self.ended_seq: int | None = None
        self.ended_at: str | None = None
        self.status = "running"
        self.items: int | None = None
        self.attempts: list[Attempt] = []

    @property
    def error_type(self) -> str:
        """Of its last failed attempt."""
        return next((a.error_type for a in reversed(self.attempts) if a.error_type), "")

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence."""
        ended = self.ended_seq is not None and self.ended_seq <= sequence
        return self.status if ended else "running"

    def attempts_at(self, sequence: int) -> list[Attempt]:
        """The attempts that had begun by then, in the order they began."""
        return self.attempts[: bisect_right(self.attempts, sequence, key=lambda a: a.started_seq)]


class PathRecord:
    """One path with its units in the order they began."""

    __slots__ = ("ended_at", "ended_seq", "final", "id", "parent", "started_at", "started_seq", "status", "units")

    def __init__(self, event: ExecutionEvent, parent: str | None) -> None:
        self.id = event.path_id
        self.parent = parent
        self.started_seq = event.sequence
        self.started_at = event.timestamp
        self.ended_seq: int | None = None
        self.ended_at: str | None = None
        self.status = "running"
        self.final: PathState | None = None
        """Its state just before it ended."""
        self.units: list[UnitRecord] = []

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence."""
        ended = self.ended_seq is not None and self.ended_seq <= sequence
        return self.status if ended else "running"

    def units_at(self, sequence: int) -> list[UnitRecord]:
        """The units that had begun by then."""
        return self.units[: bisect_right(self.units, sequence, key=lambda u: u.started_seq)]


_PATH_ENDS = {
    ExecutionEventType.PATH_COMPLETED: "completed",
    ExecutionEventType.PATH_FAILED: _FAILED,
    ExecutionEventType.PATH_CANCELLED: "cancelled",
}
_UNIT_EVENTS = frozenset(
    {ExecutionEventType.STEP_STARTED, ExecutionEventType.STEP_COMPLETED, ExecutionEventType.STEP_FAILED}
)


class StepIndex:
    """Built by feeding every event once, in order, to `add`."""

    def __init__(self) -> None:
        self.paths: dict[str, PathRecord] = {}
        """In the order they started."""
        self.step_starts: list[int] = []
        """Sequences at which units began: where stepping from step to step halts."""
        self.failures: list[int] = []
        """Sequences of failed attempts and of the failures they led to."""
        self._open: dict[str, UnitRecord] = {}

    def add(self, event: ExecutionEvent, before: PathState | None) -> None:
        """Take in the next event; `before` is its path's state just before it, if the path was open."""
        kind = event.event_type
        if kind in _UNIT_EVENTS:
            self._add_unit_event(event, event.data)
        elif kind == ExecutionEventType.PATH_STARTED:
            self.paths[event.path_id] = PathRecord(event, event.data.get("parent"))
        elif kind in _PATH_ENDS:
            self._end_path(event, _PATH_ENDS[ExecutionEventType(kind)], before)
        if kind.endswith("_failed"):
            self.failures.append(event.sequence)

    def units(self) -> Iterator[UnitRecord]:
        """All units, path by path."""
        for path in self.paths.values():
            yield from path.units

    def unit_of(self, event: ExecutionEvent) -> UnitRecord | None:
        """The unit an event tells of, or None."""
        path = self.paths.get(event.path_id)
        if path is None or not event.step_name:
            return None
        for unit in reversed(path.units_at(event.sequence)):
            if unit.step == event.step_name:
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

    def _add_unit_event(self, event: ExecutionEvent, data: JsonObject) -> None:
        path = self.paths.get(event.path_id)
        if path is None:
            return
        iteration = data["iteration"]["index"] if data.get("iteration") else None
        unit = self._open.get(event.path_id)
        starts = event.event_type == ExecutionEventType.STEP_STARTED
        if unit is None or (unit.step, unit.visit) != (event.step_name, data.get("visit")):
            if not starts and data.get("phase") == "route" and path.units:
                unit = path.units[-1]
            else:
                unit = self._begin_unit(path, event, data)
        if starts:
            if iteration is not None or "items" not in data:
                unit.attempts.append(Attempt(data.get("attempt", 1), iteration, event))
            else:
                unit.items = len(data["items"])
            return
        self._end_attempt(unit, event, data, iteration)

    def _begin_unit(self, path: PathRecord, event: ExecutionEvent, data: JsonObject) -> UnitRecord:
        unit = UnitRecord(path.id, event.step_name, data.get("visit", 1), len(path.units), event)
        path.units.append(unit)
        self._open[path.id] = unit
        self.step_starts.append(event.sequence)
        return unit

    def _end_attempt(self, unit: UnitRecord, event: ExecutionEvent, data: JsonObject, iteration: int | None) -> None:
        status = "completed" if event.event_type == ExecutionEventType.STEP_COMPLETED else _FAILED
        running = next((a for a in reversed(unit.attempts) if a.ended_seq is None and a.iteration == iteration), None)
        if running is None and status == _FAILED and data.get("phase") != "route":
            # Parameters that could not be rendered: the attempt failed before it began.
            running = Attempt(data.get("attempt", 1), iteration, event)
            unit.attempts.append(running)
        if running is not None:
            running.end(event, status)
        if status == _FAILED or iteration is None:
            unit.status = status
            unit.ended_seq, unit.ended_at = event.sequence, event.timestamp
            if status == _FAILED and running is None and unit.attempts:
                unit.attempts[-1].error_type, unit.attempts[-1].error = (
                    data.get("error_type", ""),
                    data.get("error", ""),
                )
            if data.get("phase") != "route":
                self._open.pop(unit.path, None)

    def _end_path(self, event: ExecutionEvent, status: str, before: PathState | None) -> None:
        path = self.paths.get(event.path_id)
        if path is None:
            return
        path.status, path.ended_seq, path.ended_at, path.final = status, event.sequence, event.timestamp, before
        unit = self._open.pop(path.id, None)
        if unit is not None and unit.ended_seq is None:
            unit.status, unit.ended_seq, unit.ended_at = "cancelled", event.sequence, event.timestamp
        for attempt in unit.attempts if unit is not None else ():
            if attempt.ended_seq is None:
                attempt.end(event, "cancelled")
