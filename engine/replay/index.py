"""The step index: which paths, units and attempts a history holds and where they begin and end.

Derived from events, one at a time, and rebuilt at will. It answers for any point of the past: what had begun by then,
and what of it had ended.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from engine.model.events import ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import PathState

_COMPLETED, _FAILED, _CANCELLED = "completed", "failed", "cancelled"


class Span:
    """Something that begins and ends. Sequences and times are those of its first and last event."""

    __slots__ = ("completed_seq", "ended_at", "ended_seq", "error", "error_type", "started_at", "started_seq", "status")

    def __init__(self, event: ExecutionEvent) -> None:
        self.started_seq = event.sequence
        self.started_at = event.timestamp
        self.completed_seq: int | None = None
        """Of the event that holds the output; kept when the way on from there failed."""
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
        if status == _COMPLETED:
            self.completed_seq = event.sequence
        elif status == _FAILED:
            self.error = str(event.data.get("error", ""))
            self.error_type = str(event.data.get("error_type", ""))

    def ended_by(self, sequence: int) -> int | None:
        """The event that had ended it by then; None while it runs."""
        if self.ended_seq is not None and self.ended_seq <= sequence:
            return self.ended_seq
        return self.completed_seq if self.has_output_at(sequence) else None

    def has_output_at(self, sequence: int) -> bool:
        """Whether its output was recorded by then."""
        return self.completed_seq is not None and self.completed_seq <= sequence

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence."""
        if self.ended_seq is not None and self.ended_seq <= sequence:
            return self.status
        return _COMPLETED if self.has_output_at(sequence) else "running"


class Attempt(Span):
    """One try of a unit, or of one item of it."""

    __slots__ = ("attempt", "iteration", "retry_at", "retry_seq", "waiting", "waiting_at", "waiting_seq")

    def __init__(self, attempt: int, iteration: int | None, event: ExecutionEvent) -> None:
        super().__init__(event)
        self.attempt = attempt
        self.iteration = iteration
        self.waiting: JsonObject | None = None
        """The data of its `step_waiting`."""
        self.waiting_seq: int | None = None
        self.waiting_at: str | None = None
        """When it began to wait."""
        self.retry_seq: int | None = None
        """Of the event that says when the next attempt starts."""
        self.retry_at: str | None = None
        """When that is, or was to be."""

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence."""
        status = super().status_at(sequence)
        if status == "running" and self.waiting_seq is not None and self.waiting_seq <= sequence:
            return "waiting"
        return status


class UnitRecord(Span):
    """One run of one step on one path. An `each` has one attempt per item and counts them in `items`."""

    __slots__ = ("attempts", "items", "latest", "order", "path", "step", "visit")

    def __init__(self, path: str, step: str, visit: int, order: int, event: ExecutionEvent) -> None:
        super().__init__(event)
        self.path = path
        self.step = step
        self.visit = visit
        self.order = order
        """Its place among the units of its path, from 0."""
        self.items: int | None = None
        self.attempts: list[Attempt] = []
        self.latest: dict[int | None, Attempt] = {}
        """The last attempt of each item; of a unit without items under None."""

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence: that of its latest attempt while it is open."""
        status = super().status_at(sequence)
        if status != "running" or self.items is not None:
            return status
        latest = self.last_attempt_at(sequence, None)
        if latest is None:
            return status
        of_attempt = latest.status_at(sequence)
        return "retrying" if of_attempt == _FAILED else of_attempt if of_attempt == "waiting" else status

    def attempts_at(self, sequence: int) -> list[Attempt]:
        """The attempts that had begun by then, in the order they began."""
        return self.attempts[: bisect_right(self.attempts, sequence, key=_began)]

    def last_attempt_at(self, sequence: int, iteration: int | None) -> Attempt | None:
        """The latest attempt, of this item, that had begun by then."""
        latest = self.latest.get(iteration)
        if latest is None or latest.started_seq <= sequence:
            return latest
        for at in range(bisect_right(self.attempts, sequence, key=_began) - 1, -1, -1):
            if self.attempts[at].iteration == iteration:
                return self.attempts[at]
        return None


class PathRecord(Span):
    """One path with its units in the order they began."""

    __slots__ = ("final", "id", "parent", "units")

    def __init__(self, event: ExecutionEvent, parent: str | None) -> None:
        super().__init__(event)
        self.id = event.path_id
        self.parent = parent
        self.final: PathState | None = None
        """Its state just before it ended."""
        self.units: list[UnitRecord] = []

    def units_at(self, sequence: int) -> list[UnitRecord]:
        """The units that had begun by then."""
        return self.units[: bisect_right(self.units, sequence, key=_began)]


def _began(span: Span) -> int:
    return span.started_seq


def _iteration(data: JsonObject) -> int | None:
    item = data.get("iteration")
    if not item:
        return None
    index = item["index"]
    if type(index) is not int:
        raise TypeError("the index of an iteration is a whole number")
    return index


_PATH_ENDS: dict[str, str] = {
    ExecutionEventType.PATH_COMPLETED: _COMPLETED,
    ExecutionEventType.PATH_FAILED: _FAILED,
    ExecutionEventType.PATH_CANCELLED: _CANCELLED,
}
_UNIT_ENDS: dict[str, str] = {ExecutionEventType.STEP_COMPLETED: _COMPLETED, ExecutionEventType.STEP_FAILED: _FAILED}
_FAILURES: frozenset[str] = frozenset(kind for kind in ExecutionEventType if kind.endswith("_failed"))


class StepIndex:
    """Built by feeding every event once, in order, to `add`."""

    def __init__(self) -> None:
        self.paths: dict[str, PathRecord] = {}
        """In the order they started."""
        self.step_starts: list[int] = []
        """Sequences at which units began: where stepping from step to step halts."""
        self.failures: list[int] = []
        """Sequences of failed attempts and of the failures they led to."""
        self.messages: list[int] = []
        """Sequences at which signals and other messages were received."""
        self._open: dict[str, UnitRecord] = {}

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
            self.paths[event.path_id] = PathRecord(event, event.data.get("parent"))
        elif kind in _PATH_ENDS:
            self._end_path(event, _PATH_ENDS[kind], before)
        if kind in _FAILURES:
            self.failures.append(event.sequence)

    def units(self) -> Iterator[UnitRecord]:
        """All units, path by path."""
        for path in self.paths.values():
            yield from path.units

    def unit_of(self, event: ExecutionEvent) -> UnitRecord | None:
        """The unit an event tells of, or None. The end of a cancelled path tells of the unit that was in flight."""
        path = self.paths.get(event.path_id)
        if path is None or not path.units:
            return None
        if not event.step_name:
            return path.units[-1] if path.units[-1].ended_seq == event.sequence else None
        for at in range(bisect_right(path.units, event.sequence, key=_began) - 1, -1, -1):
            if path.units[at].step == event.step_name:
                return path.units[at]
        return None

    def next_step(self, sequence: int) -> int | None:
        """Where the next unit begins after this sequence."""
        at = bisect_right(self.step_starts, sequence)
        return self.step_starts[at] if at < len(self.step_starts) else None

    def previous_step(self, sequence: int) -> int | None:
        """Where the last unit before this sequence began."""
        at = bisect_left(self.step_starts, sequence)
        return self.step_starts[at - 1] if at else None

    def _start(self, event: ExecutionEvent, data: JsonObject) -> None:
        unit = self._unit(event, data)
        iteration = _iteration(data)
        if iteration is None and "items" in data:
            unit.items = len(data["items"])
        else:
            self._begin_attempt(unit, event, data, iteration)

    def _begin_attempt(
        self, unit: UnitRecord, event: ExecutionEvent, data: JsonObject, iteration: int | None
    ) -> Attempt:
        attempt = unit.latest[iteration] = Attempt(data.get("attempt", 1), iteration, event)
        unit.attempts.append(attempt)
        return attempt

    def _wait(self, event: ExecutionEvent, data: JsonObject) -> None:
        attempt = self._unit(event, data).latest.get(_iteration(data))
        if attempt is not None:
            attempt.waiting, attempt.waiting_seq, attempt.waiting_at = data, event.sequence, event.timestamp

    def _retry(self, event: ExecutionEvent, data: JsonObject) -> None:
        attempt = self._unit(event, data).latest.get(_iteration(data))
        if attempt is not None:
            attempt.retry_seq, attempt.retry_at = event.sequence, data.get("due_at")

    def _end(self, event: ExecutionEvent, data: JsonObject, status: str) -> None:
        unit = self._unit(event, data)
        iteration = _iteration(data)
        if iteration is not None or unit.items is None:
            self._attempt_ended(unit, event, data, iteration).end(event, status)
        goes_on = bool(data.get("retry") or data.get("collected"))
        if not goes_on and (iteration is None or status == _FAILED):
            unit.end(event, status)
            self._open.pop(unit.path, None)
            if unit.items is not None:
                self._cancel_open(unit, event)

    def _unit(self, event: ExecutionEvent, data: JsonObject) -> UnitRecord:
        """The unit an event belongs to, begun with it when there is none yet."""
        unit = self._open.get(event.path_id)
        if unit is not None and unit.step == event.step_name and unit.visit == data.get("visit"):
            return unit
        path = self.paths[event.path_id]
        return path.units[-1] if data.get("phase") == "route" and path.units else self._begin_unit(path, event, data)

    def _begin_unit(self, path: PathRecord, event: ExecutionEvent, data: JsonObject) -> UnitRecord:
        unit = UnitRecord(path.id, event.step_name, data.get("visit", 1), len(path.units), event)
        path.units.append(unit)
        self._open[path.id] = unit
        self.step_starts.append(event.sequence)
        return unit

    def _attempt_ended(
        self, unit: UnitRecord, event: ExecutionEvent, data: JsonObject, iteration: int | None
    ) -> Attempt:
        attempt = unit.latest.get(iteration)
        if attempt is not None and (attempt.ended_seq is None or data.get("phase") == "route"):
            return attempt
        # Parameters that could not be rendered: the attempt failed before it began.
        return self._begin_attempt(unit, event, data, iteration)

    def _cancel_open(self, unit: UnitRecord, event: ExecutionEvent) -> None:
        for attempt in unit.attempts:
            if attempt.ended_seq is None:
                attempt.end(event, _CANCELLED)

    def _end_path(self, event: ExecutionEvent, status: str, before: PathState | None) -> None:
        path = self.paths.get(event.path_id)
        if path is None:
            if before is None:
                return
            # Announced by a fork, and cancelled before it started.
            path = self.paths[event.path_id] = PathRecord(event, before.parent)
        path.end(event, status)
        path.final = before
        unit = self._open.pop(path.id, None)
        if unit is not None:
            unit.end(event, _CANCELLED)
            self._cancel_open(unit, event)
