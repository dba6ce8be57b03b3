"""The units of one history as they are compared with those of another, and digests of what they recorded."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.replay.comparing.compared_values import ABSENT, Mask, unit_address
from engine.replay.history import History
from engine.replay.index import Attempt, Span, UnitRecord

_STARTED, _COMPLETED, _FAILED = (
    ExecutionEventType.STEP_STARTED,
    ExecutionEventType.STEP_COMPLETED,
    ExecutionEventType.STEP_FAILED,
)
Tick = Callable[[int], None]
"""Called with how many events have been read; what it raises ends the work."""
_EVENTS_PER_TICK = 2_000


class Try(NamedTuple):
    """One attempt: the sequences of its first and last event, None while it has none."""

    started: int
    ended: int | None
    status: str


class Unit(NamedTuple):
    """One run of one step, or of one item of it, as far as its history had come."""

    path: str
    step: str
    visit: int
    iteration: int | None
    """The index of an item of an `each`; None for a unit as a whole."""
    status: str
    started: int
    """Sequence of its first event."""
    ended: int | None
    """Sequence of its last event."""
    completed: int | None
    """Sequence of the event that holds its output."""
    seconds: float | None
    """How long it took; None while it runs."""
    tries: tuple[Try, ...]
    """In order; none for an `each` as a whole."""

    @property
    def key(self) -> tuple[str, str, int, int | None]:
        """What makes it the same unit in another execution."""
        return self[:4]

    @property
    def address(self) -> str:
        """Where its differences stand."""
        return unit_address(*self.key)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        record: dict[str, Any] = {"path": self.path, "step": self.step, "visit": self.visit}
        if self.iteration is not None:
            record["iteration"] = self.iteration
        record |= {"status": self.status, "attempts": len(self.tries), "started_seq": self.started}
        if self.ended is not None:
            record["ended_seq"] = self.ended
        if self.seconds is not None:
            record["seconds"] = round(self.seconds, 6)
        return record


class Side:
    """One of the two executions, up to the last event whose state was known when this was made."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.last = history.folded
        self.is_go = bool(history.latest.info.dialect)
        """Whether the Go system recorded it, which kept less."""
        started = history.event(1).data if self.last else {}
        self.inputs: Any = started.get("inputs", {})
        self.definition: Any = started.get("workflow", {})
        self.children: Any = started.get("children", {})
        # Of a step's start its input and its action, of its completion output and edges, of its failure the error and
        # where it was caught.
        self.main = array("q", bytes(8 * (self.last + 1)))
        self.side = array("q", bytes(8 * (self.last + 1)))

    def read(self, mask: Mask, tick: Tick) -> None:
        """Take the digests of all events, in one pass.

        Raises:
            StoreError: the events cannot be read any more.
        """
        for event in self.history.events(1, self.last):
            if event.event_type in _PARTS:
                main, side = _PARTS[event.event_type](event)
                self.main[event.sequence] = ABSENT if self._lacks(main) else mask.digest(main)
                self.side[event.sequence] = ABSENT if self._lacks(side) else mask.digest(side)
            if event.sequence % _EVENTS_PER_TICK == 0:
                tick(event.sequence)

    def _lacks(self, part: Any) -> bool:
        return part is None or (self.is_go and part in ({}, []))

    def units(self) -> list[Unit]:
        """All of them in the order they started."""
        rows = [
            row for record in list(self.history.index.paths.values()) for row in self._rows(record.units_at(self.last))
        ]
        rows.sort(key=lambda row: (row.started, row.iteration is not None))
        return rows

    def _rows(self, records: Iterable[UnitRecord]) -> Iterator[Unit]:
        for record in records:
            tries: dict[int | None, list[Attempt]] = {}
            for attempt in record.attempts_at(self.last):
                tries.setdefault(attempt.iteration, []).append(attempt)
            yield self._row(record, None, record, tries.pop(None, []))
            for iteration, attempts in tries.items():
                yield self._row(record, iteration, attempts[-1], attempts)

    def _row(self, record: UnitRecord, iteration: int | None, span: Span, attempts: list[Attempt]) -> Unit:
        started = attempts[0].started_seq if iteration is not None else record.started_seq
        ended = span.ended_by(self.last)
        seconds = self.history.columns.seconds
        return Unit(
            record.path,
            record.step,
            record.visit,
            iteration,
            span.status_at(self.last),
            started,
            ended,
            span.completed_seq if span.has_output_at(self.last) else None,
            None if ended is None else seconds(ended) - seconds(started),
            tuple(Try(a.started_seq, a.ended_by(self.last), a.status_at(self.last)) for a in attempts),
        )

    def parents(self) -> dict[str, str | None]:
        """Each path's parent."""
        return {name: record.parent for name, record in list(self.history.index.paths.items())}

    def data(self, sequence: int) -> Any:
        """What an event holds.

        Raises:
            StoreError: it cannot be read any more.
        """
        return self.history.event(sequence).data


def _of_start(event: ExecutionEvent) -> tuple[Any, Any]:
    return input_of(event.data), event.data.get("action")


def _of_completion(event: ExecutionEvent) -> tuple[Any, Any]:
    # In a list, because nothing is an output too.
    return [event.data.get("output")], edges_of(event.data)


def _of_failure(event: ExecutionEvent) -> tuple[Any, Any]:
    return error_of(event.data), edges_of(event.data)


_PARTS: dict[str, Callable[[ExecutionEvent], tuple[Any, Any]]] = {
    _STARTED: _of_start,
    _COMPLETED: _of_completion,
    _FAILED: _of_failure,
}


def input_of(data: Any) -> Any:
    """What a unit was given: its parameters, of an `each` as a whole its items; None when that was not recorded."""
    return data["items"] if "items" in data else data.get("step_params")


def error_of(data: Any) -> dict[str, Any]:
    """The error in a failure's data."""
    return {"type": data.get("error_type", ""), "message": data.get("error", "")}


def edges_of(data: Any) -> list[dict[str, Any]] | None:
    """Where it went on from a unit's end: the edges taken, or the step that caught its error."""
    caught = data.get("caught")
    if caught:
        return [{"step": caught.get("step"), "caught": True}]
    edges = data.get("edges")
    if edges is None:
        return None
    return [
        {name: edge[name] for name in ("step", "path") if edge.get(name) is not None}
        for edge in edges
        if edge.get("value")
    ]
