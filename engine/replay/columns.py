"""What is known of every event without reading it: its kind, path, step and time, in a few bytes each."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from datetime import timedelta

from engine.model.events import ExecutionEvent
from engine.model.times import EPOCH, epoch_seconds, format_time

_MINUTE = len("2026-03-01T09:14")
_WIDER = {"B": "H", "H": "I", "I": "Q"}


class NameColumn:
    """One name per row; each distinct one is stored once, and rows take as many bytes as there are names to tell."""

    __slots__ = ("_limit", "_numbers", "names", "rows")

    def __init__(self) -> None:
        self.names: list[str] = []
        """Distinct names in the order they came."""
        self.rows = array("B")
        """For each row the place of its name in `names`."""
        self._numbers: dict[str, int] = {}
        self._limit = 1 << 8

    def append(self, name: str) -> None:
        """Add a row."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
            if number == self._limit:
                self.rows = array(_WIDER[self.rows.typecode], self.rows)
                self._limit = 1 << (8 * self.rows.itemsize)
        self.rows.append(number)

    def __getitem__(self, row: int) -> str:
        return self.names[self.rows[row]]

    def number(self, name: str) -> int | None:
        """Its place in `names`; None for one that no row has."""
        return self._numbers.get(name)


class EventColumns:
    """Columns over all events of a history, by sequence from 1; filled in order."""

    def __init__(self) -> None:
        self._kinds, self._paths, self._steps = NameColumn(), NameColumn(), NameColumn()
        self._seconds = array("d")
        self._clock = _Clock()

    def add(self, event: ExecutionEvent) -> None:
        """Take in the next event."""
        self._kinds.append(event.event_type)
        self._paths.append(event.path_id)
        self._steps.append(event.step_name)
        before = self._seconds[-1] if self._seconds else 0.0
        self._seconds.append(max(before, self._clock.read(event.timestamp, before)))

    def __len__(self) -> int:
        return len(self._seconds)

    def kind(self, sequence: int) -> str:
        """The event's type."""
        return self._kinds[sequence - 1]

    def path(self, sequence: int) -> str:
        """The id of its path; empty for one that concerns the whole execution."""
        return self._paths[sequence - 1]

    def step(self, sequence: int) -> str:
        """The name of its step, or empty."""
        return self._steps[sequence - 1]

    def seconds(self, sequence: int) -> float:
        """When it happened, since the first event; never less than that of an event before.

        Before the first it is 0, past the last the last one's time.
        """
        if not self._seconds or sequence < 1:
            return 0.0
        return self._seconds[min(sequence, len(self._seconds)) - 1]

    def timestamp(self, sequence: int) -> str:
        """When it happened, as it is recorded in events."""
        since = timedelta(microseconds=self._clock.microseconds + round(self.seconds(sequence) * 1e6))
        return format_time(EPOCH + since)

    @property
    def started(self) -> float:
        """Seconds since 1970 of the first event; 0 when there is none that has a time."""
        return self._clock.origin

    def last_at(self, seconds: float) -> int:
        """The last event that is not later; 0 when all are."""
        return bisect_right(self._seconds, seconds)

    def count_before(self, seconds: float) -> int:
        """How many events are earlier."""
        return bisect_left(self._seconds, seconds)

    def kind_names(self) -> list[str]:
        """All types of events there are, in the order they first came."""
        return list(self._kinds.names)

    def path_names(self) -> list[str]:
        """All paths that events name."""
        return [name for name in self._paths.names if name]

    def step_names(self) -> list[str]:
        """All steps that events name."""
        return [name for name in self._steps.names if name]

    def find(
        self,
        *,
        kinds: Collection[str] | None = None,
        paths: Collection[str] | None = None,
        steps: Collection[str] | None = None,
        first: int = 1,
        last: int | None = None,
        backwards: bool = False,
    ) -> Iterator[int]:
        """Sequences of the events that are of one of these kinds, on one of these paths, of one of these steps.

        None asks for nothing. Only events up to where the columns reach now are looked at.
        """
        first, last = max(1, first), min(len(self), len(self) if last is None else last)
        asked = ((self._kinds, kinds), (self._paths, paths), (self._steps, steps))
        wanted = [(column.rows, _numbers(column, names)) for column, names in asked if names is not None]
        rows = range(last - 1, first - 2, -1) if backwards else range(first - 1, last)
        if not wanted:
            yield from (row + 1 for row in rows)
            return
        wanted.sort(key=lambda pair: len(pair[1]))
        (column, numbers), *others = wanted
        for row in rows:
            if column[row] in numbers and all(other[row] in these for other, these in others):
                yield row + 1


def _numbers(column: NameColumn, names: Collection[str]) -> frozenset[int]:
    return frozenset(number for number in map(column.number, names) if number is not None)


class _Clock:
    """Reads recorded times fast: the minute is parsed once, the seconds are added.

    Minutes and seconds are subtracted apart, so that nothing of the microseconds is lost in the size of the number.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._text = ""
        self._minute = 0.0

    @property
    def origin(self) -> float:
        """Seconds since 1970 of what counts as 0."""
        return sum(self._first) if self._first is not None else 0.0

    @property
    def microseconds(self) -> int:
        """The same in whole microseconds."""
        return 0 if self._first is None else round(self._first[0] * 1e6) + round(self._first[1] * 1e6)

    def read(self, timestamp: str, otherwise: float) -> float:
        """Seconds since the first time read; `otherwise` for a text that is no time."""
        try:
            minute, second = self._parts(timestamp)
        except (ValueError, OverflowError):
            return otherwise
        if self._first is None:
            self._first = minute, second - otherwise
        return (minute - self._first[0]) + (second - self._first[1])

    def _parts(self, timestamp: str) -> tuple[float, float]:
        if not timestamp.endswith("Z"):
            return epoch_seconds(timestamp), 0.0
        text = timestamp[:_MINUTE]
        if text != self._text:
            self._minute = epoch_seconds(text + ":00Z")
            self._text = text
        return self._minute, float(timestamp[_MINUTE + 1 : -1])
