"""In which parts an aligned pair of units differs: told by digests, and read from the events when somebody looks."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from engine.replay.comparing.compared_values import ABSENT, Ignored, Mask, differences
from engine.replay.comparing.units import Side, Try, Unit, edges_of, error_of, input_of
from engine.replay.diffing.diff import Change

MIN_SECONDS = 0.1
"""What differs by less takes the same time, whatever the factor."""
_MISSING = object()


class Part(StrEnum):
    """In what two executions, or two of their units, can differ; of a unit in the order in which one causes another."""

    INPUTS = "inputs"
    DEFINITION = "definition"
    VERSION = "version"
    INPUT = "input"
    ATTEMPTS = "attempts"
    STATUS = "status"
    ERROR = "error"
    OUTPUT = "output"
    EDGE = "edge"
    TIMING = "timing"
    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    OUTCOME = "outcome"


class Compared(NamedTuple):
    """A change, and the events that recorded its two values; None where no event of that side did."""

    change: Change
    part: Part
    by_left: int | None
    by: int | None
    """In the right one."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**self.change.to_dict(), "by": self.by, "by_left": self.by_left, "part": str(self.part)}


class Pairing:
    """Compares units of two executions with each other."""

    def __init__(self, left: Side, right: Side, mask: Mask, ignored: Ignored, timing: float | None) -> None:
        self.left, self.right = left, right
        self.mask, self.ignored = mask, ignored
        self._timing = timing
        self._definitions = steps_of(left), steps_of(right)
        ours, theirs = self._definitions
        self._redefined = {
            step for step in ours if step in theirs and mask.digest(ours[step]) != mask.digest(theirs[step])
        }
        self._told: set[tuple[str, int, int]] = set()

    def parts(self, left: Unit, right: Unit) -> tuple[Part, ...]:
        """In what they differ. A step's definition, and a pair of versions, is told where it is first met.

        Raises:
            StoreError: what they recorded has to be looked at, and cannot be read any more.
        """
        found = [part for part in self._by_digest(left, right) if self._counts(part, left, right)]
        return tuple(found)

    def _by_digest(self, left: Unit, right: Unit) -> list[Part]:
        parts = [part for part in (Part.DEFINITION, Part.VERSION) if self._is_news(part, left, right)]
        if self._first_unlike(left, right, Part.INPUT) is not None:
            parts.append(Part.INPUT)
        if self._attempts_differ(left, right):
            parts.append(Part.ATTEMPTS)
        if left.status != right.status:
            parts.append(Part.STATUS)
        elif left.status == "failed" and self._unlike(left.ended, right.ended):
            parts.append(Part.ERROR)
        if self._unlike(left.completed, right.completed):
            parts.append(Part.OUTPUT)
        ends = left.completed or left.ended, right.completed or right.ended
        if _differ(_digest(self.left.side, ends[0]), _digest(self.right.side, ends[1])):
            parts.append(Part.EDGE)
        if self._took_longer(left, right):
            parts.append(Part.TIMING)
        return parts

    def _is_news(self, part: Part, left: Unit, right: Unit) -> bool:
        if part is Part.DEFINITION:
            if left.step not in self._redefined:
                return False
            key = (left.step, 0, 0)
        else:
            unlike = self._first_unlike(left, right, part)
            if unlike is None:
                return False
            key = (left.step, self.left.side[unlike[0]], self.right.side[unlike[1]])
        news = key not in self._told
        self._told.add(key)
        return news

    def _first_unlike(self, left: Unit, right: Unit, part: Part) -> tuple[int, int] | None:
        """The events of the first attempt of both that began in another way."""
        digests = (self.left.main, self.right.main) if part is Part.INPUT else (self.left.side, self.right.side)
        for ours, theirs in zip(_tries(left), _tries(right), strict=False):
            # An attempt that failed before it began recorded an error instead.
            has_begun = ours.started != ours.ended and theirs.started != theirs.ended
            if has_begun and _differ(digests[0][ours.started], digests[1][theirs.started]):
                return ours.started, theirs.started
        return None

    def _unlike(self, left: int | None, right: int | None) -> bool:
        return _differ(_digest(self.left.main, left), _digest(self.right.main, right))

    def _attempts_differ(self, left: Unit, right: Unit) -> bool:
        if len(left.tries) != len(right.tries):
            return bool(left.tries and right.tries)  # not of an each as a whole
        earlier = zip(left.tries[:-1], right.tries[:-1], strict=True)
        return any(ours.status != theirs.status or self._unlike(ours.ended, theirs.ended) for ours, theirs in earlier)

    def _took_longer(self, left: Unit, right: Unit) -> bool:
        if self._timing is None or left.seconds is None or right.seconds is None:
            return False
        short, long = sorted((left.seconds, right.seconds))
        return long - short > MIN_SECONDS and long >= short * self._timing

    def _counts(self, part: Part, left: Unit, right: Unit) -> bool:
        """Whether something is left of it beside what is ignored."""
        return not self.ignored or bool(self.changes(part, left, right))

    def changes(self, part: Part, left: Unit, right: Unit, limit: int = 1000) -> list[Compared]:
        """What differs in this part, at most `limit`; full addresses.

        Raises:
            StoreError: an event cannot be read any more.
        """
        (old, by_left), (new, by) = self._values(part, left, right)
        if old is _MISSING or new is _MISSING:
            return []
        # Beside another status stands the error that explains it.
        name = "" if part is Part.STATUS else str(part)
        found = differences(self.mask, self.ignored, left.address, name, old, new, limit)
        return [Compared(change, part, by_left, by) for change in found.changes]

    def values(self, part: Part, left: Unit, right: Unit) -> tuple[Any, Any]:
        """Both values of this part as they were recorded, None for what was not.

        Raises:
            StoreError: an event cannot be read any more.
        """
        (old, _), (new, _) = self._values(part, left, right)
        return None if old is _MISSING else old, None if new is _MISSING else new

    def _values(self, part: Part, left: Unit, right: Unit) -> list[tuple[Any, int | None]]:
        """Both values of this part, each with the event that recorded it."""
        sides = ((self.left, left), (self.right, right))
        if part in (Part.INPUT, Part.VERSION):
            events = self._first_unlike(left, right, part) or (left.started, right.started)
            pairs = zip(sides, events, strict=True)
            return [(_of_start(part, side.data(event)), event) for (side, _), event in pairs]
        if part is Part.DEFINITION:
            return [(steps.get(left.step, _MISSING), 1) for steps in self._definitions]
        return [_of_end(part, side, unit) for side, unit in sides]


def _of_start(part: Part, data: Any) -> Any:
    return input_of(data) if part is Part.INPUT else data.get("action")


def _of_end(part: Part, side: Side, unit: Unit) -> tuple[Any, int | None]:
    if part is Part.STATUS:
        return _status(side, unit), unit.ended or unit.started
    if part is Part.TIMING:
        return None if unit.seconds is None else round(unit.seconds, 6), unit.ended
    if part is Part.ATTEMPTS:
        return [_status(side, attempt) for attempt in unit.tries], unit.ended or unit.started
    event = unit.ended if part is Part.ERROR else unit.completed or unit.ended
    if event is None:
        return _MISSING, None
    data = side.data(event)
    value = {Part.ERROR: error_of, Part.OUTPUT: _output_of, Part.EDGE: edges_of}[part](data)
    return value, event


def _output_of(data: Any) -> Any:
    return data.get("output")


def _status(side: Side, span: Unit | Try) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": span.status}
    if span.status == "failed" and span.ended is not None:
        shown["error"] = error_of(side.data(span.ended))
    return shown


def _tries(unit: Unit) -> tuple[Try, ...]:
    """Its attempts; an `each` as a whole is one."""
    return unit.tries or (Try(unit.started, unit.ended, unit.status),)


def _digest(digests: Any, sequence: int | None) -> int:
    return ABSENT if sequence is None else int(digests[sequence])


def _differ(left: int, right: int) -> bool:
    """Two digests tell of a difference; what one side did not record is not compared."""
    return ABSENT not in (left, right) and left != right


def steps_of(side: Side) -> dict[str, Any]:
    """The recorded definition of each step by its name."""
    steps = side.definition.get("steps") if isinstance(side.definition, dict) else None
    listed = steps if isinstance(steps, list) else []
    return {str(step["name"]): step for step in listed if isinstance(step, dict) and "name" in step}
