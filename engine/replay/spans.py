"""What begins and ends in a history: units, attempts and paths, in compact columns, with handles to look at them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar, overload

from engine.model.events import ExecutionEvent, JsonObject
from engine.model.state import PathState
from engine.replay.columns import EventColumns

RUNNING, COMPLETED, FAILED, CANCELLED = "running", "completed", "failed", "cancelled"
_STATUSES = (RUNNING, COMPLETED, FAILED, CANCELLED)
_NUMBERS = {status: number for number, status in enumerate(_STATUSES)}
_NEAR = 64
"""So many attempts are looked through one by one."""


class SpanTable:
    """Rows of what begins at one event and ends at another; 0 stands for an event that has not come."""

    def __init__(self, columns: EventColumns) -> None:
        self.columns = columns
        self.started = array("I")
        self.completed = array("I")
        self.ended = array("I")
        self.status = array("B")
        self.errors: dict[int, tuple[str, str]] = {}
        """By row of what failed: its message and type."""

    def begin(self, event: ExecutionEvent) -> int:
        """Add a row that begins with this event; returns its number."""
        self.started.append(event.sequence)
        self.completed.append(0)
        self.ended.append(0)
        self.status.append(0)
        return len(self.started) - 1


class Span:
    """Something that begins and ends. Sequences are those of its first and last event."""

    __slots__ = ("_row", "_table")

    def __init__(self, table: SpanTable, row: int) -> None:
        self._table = table
        self._row = row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and other._table is self._table and other._row == self._row

    def __hash__(self) -> int:
        return hash((id(self._table), self._row))

    @property
    def started_seq(self) -> int:
        """The event it began with."""
        return self._table.started[self._row]

    @property
    def started_at(self) -> str:
        """The time of that event."""
        return self._table.columns.timestamp(self.started_seq)

    @property
    def completed_seq(self) -> int | None:
        """The event that holds the output; kept when the way on from there failed."""
        return self._table.completed[self._row] or None

    @property
    def ended_seq(self) -> int | None:
        """The event that ended it; None while it runs."""
        return self._table.ended[self._row] or None

    @property
    def ended_at(self) -> str | None:
        """The time of that event."""
        ended = self.ended_seq
        return None if ended is None else self._table.columns.timestamp(ended)

    @property
    def status(self) -> str:
        """Its latest status: running, completed, failed or cancelled."""
        return _STATUSES[self._table.status[self._row]]

    @property
    def error(self) -> str:
        """The message of its failure, or empty."""
        return self._table.errors.get(self._row, ("", ""))[0]

    @property
    def error_type(self) -> str:
        """The type of its failure, or empty."""
        return self._table.errors.get(self._row, ("", ""))[1]

    def end(self, event: ExecutionEvent, status: str) -> None:
        """Close it with the event that says how it ended."""
        table, row = self._table, self._row
        table.ended[row] = event.sequence
        table.status[row] = _NUMBERS[status]
        if status == COMPLETED:
            table.completed[row] = event.sequence
        elif status == FAILED:
            table.errors[row] = str(event.data.get("error", "")), str(event.data.get("error_type", ""))

    def reopen(self) -> None:
        """It goes on after all."""
        self._table.ended[self._row] = self._table.status[self._row] = 0

    def ended_by(self, sequence: int) -> int | None:
        """The event that had ended it by then; None while it runs."""
        ended = self.ended_seq
        if ended is not None and ended <= sequence:
            return ended
        return self.completed_seq if self.has_output_at(sequence) else None

    def has_output_at(self, sequence: int) -> bool:
        """Whether its output was recorded by then."""
        return 0 < self._table.completed[self._row] <= sequence

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence."""
        if 0 < self._table.ended[self._row] <= sequence:
            return self.status
        return COMPLETED if self.has_output_at(sequence) else RUNNING


S = TypeVar("S", bound=Span, covariant=True)


class Spans(Sequence[S], Generic[S]):
    """Some rows of a table, in the order they began; what is taken out is a handle, made when it is asked for."""

    __slots__ = ("_kind", "_table", "rows")

    def __init__(self, kind: type[S], table: SpanTable, rows: array[int]) -> None:
        self._kind = kind
        self._table = table
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> S: ...

    @overload
    def __getitem__(self, at: slice) -> Spans[S]: ...

    def __getitem__(self, at: int | slice) -> S | Spans[S]:
        if isinstance(at, slice):
            return Spans(self._kind, self._table, self.rows[at])
        return self._kind(self._table, self.rows[at])

    def __iter__(self) -> Iterator[S]:
        return (self._kind(self._table, row) for row in self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # compared by what it holds, as lists are

    def count_at(self, sequence: int) -> int:
        """How many had begun by then."""
        return bisect_right(self.rows, sequence, key=self._table.started.__getitem__)


class AttemptTable(SpanTable):
    """All attempts of a history."""

    def __init__(self, columns: EventColumns) -> None:
        super().__init__(columns)
        self.number = array("I")
        self.iteration = array("q")
        self.waits: dict[int, tuple[int, JsonObject]] = {}
        """By row of what waits or waited: the event that says so, and its data."""
        self.retries: dict[int, tuple[int, str | None]] = {}
        """By row of what is or was to be tried again: the event that says so, and when."""

    def add(self, event: ExecutionEvent, number: int, iteration: int | None) -> int:
        """Add an attempt of this number, of this item; returns its row."""
        self.number.append(number)
        try:
            self.iteration.append(-1 if iteration is None else iteration)
        except (OverflowError, TypeError):
            self.number.pop()
            raise
        return self.begin(event)


class Attempt(Span):
    """One try of a unit, or of one item of it."""

    __slots__ = ()
    _table: AttemptTable

    @property
    def attempt(self) -> int:
        """The how-manyth try it is, from 1."""
        return self._table.number[self._row]

    @property
    def iteration(self) -> int | None:
        """The item's index from 0; None for a unit without items."""
        index = self._table.iteration[self._row]
        return None if index < 0 else index

    @property
    def waiting(self) -> JsonObject | None:
        """The data of its `step_waiting`."""
        wait = self._table.waits.get(self._row)
        return None if wait is None else wait[1]

    @property
    def waiting_seq(self) -> int | None:
        """The event with which it began to wait."""
        wait = self._table.waits.get(self._row)
        return None if wait is None else wait[0]

    @property
    def waiting_at(self) -> str | None:
        """When it began to wait."""
        since = self.waiting_seq
        return None if since is None else self._table.columns.timestamp(since)

    @property
    def retry_seq(self) -> int | None:
        """The event that says when the next attempt starts."""
        retry = self._table.retries.get(self._row)
        return None if retry is None else retry[0]

    @property
    def retry_at(self) -> str | None:
        """When that is, or was to be."""
        retry = self._table.retries.get(self._row)
        return None if retry is None else retry[1]

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence."""
        status = super().status_at(sequence)
        if status == RUNNING:
            since = self.waiting_seq
            if since is not None and since <= sequence:
                return "waiting"
        return status


class _Tries:
    """Of each item of a unit the last attempt, and of each attempt the one before it; by row, as far as it was made."""

    def __init__(self, unit: int, rows: Sequence[int], iteration: array[int]) -> None:
        self.unit = unit
        self.count = len(rows)
        self.last: dict[int, int] = {}
        self.before: dict[int, int] = {}
        for row in rows[: self.count]:
            known = self.last.get(iteration[row])
            if known is not None:
                self.before[row] = known
            self.last[iteration[row]] = row


class UnitTable(SpanTable):
    """All units of a history."""

    def __init__(self, columns: EventColumns, attempts: AttemptTable) -> None:
        super().__init__(columns)
        self.attempts = attempts
        self.visit = array("I")
        self.order = array("I")
        self.only = array("I")
        """The row of its attempt, plus 1, while it has just one."""
        self.several: dict[int, array[int]] = {}
        """By row of those that have more: the rows of their attempts."""
        self.items: dict[int, int] = {}
        """By row of an each: how many items it has."""
        self._tries = _Tries(-1, (), attempts.iteration)

    def add(self, event: ExecutionEvent, visit: int, order: int) -> int:
        """Add a unit that begins with this event; returns its row."""
        self.visit.append(visit)
        self.order.append(order)
        self.only.append(0)
        return self.begin(event)

    def add_attempt(self, row: int, attempt: int) -> None:
        """Give a unit one more attempt."""
        rows = self.several.get(row)
        if rows is not None:
            rows.append(attempt)
        elif self.only[row]:
            self.several[row] = array("I", (self.only[row] - 1, attempt))
        else:
            self.only[row] = attempt + 1

    def last_try(self, row: int, count: int, iteration: int) -> int | None:
        """The row of the last attempt of an item among the first so many of a unit; None when there is none."""
        rows, items = self.attempts_of(row), self.attempts.iteration
        nearest = max(0, count - _NEAR)
        for at in range(count - 1, nearest - 1, -1):
            if items[rows[at]] == iteration:
                return rows[at]
        if not nearest:
            return None
        # The unit that was asked for last is remembered: one of very many items is most often asked again.
        tries = self._tries
        if tries.unit != row or tries.count < count:
            tries = self._tries = _Tries(row, rows, items)
        found = tries.last.get(iteration)
        while found is not None and found > rows[count - 1]:
            found = tries.before.get(found)
        return found

    def attempts_of(self, row: int) -> array[int]:
        """The rows of a unit's attempts, in the order they began."""
        rows = self.several.get(row)
        if rows is not None:
            return rows
        return array("I", (self.only[row] - 1,)) if self.only[row] else array("I")


class UnitRecord(Span):
    """One run of one step on one path. An `each` has one attempt per item and counts them in `items`."""

    __slots__ = ()
    _table: UnitTable

    @property
    def path(self) -> str:
        """The id of its path."""
        return self._table.columns.path(self.started_seq)

    @property
    def step(self) -> str:
        """The name of its step."""
        return self._table.columns.step(self.started_seq)

    @property
    def visit(self) -> int:
        """The how-manyth time its path runs this step, from 1."""
        return self._table.visit[self._row]

    @property
    def order(self) -> int:
        """Its place among the units of its path, from 0."""
        return self._table.order[self._row]

    @property
    def items(self) -> int | None:
        """How many items an each has; None for any other unit."""
        return self._table.items.get(self._row)

    @property
    def attempts(self) -> Spans[Attempt]:
        """All its attempts in the order they began."""
        return Spans(Attempt, self._table.attempts, self._table.attempts_of(self._row))

    @property
    def repeated(self) -> int:
        """How many of its attempts repeat an earlier one."""
        rows = self._table.attempts_of(self._row)
        return len(rows) - len(set(map(self._table.attempts.iteration.__getitem__, rows))) if len(rows) > 1 else 0

    def latest_attempts(self) -> list[Attempt]:
        """The last attempt of each item; of a unit without items the last one."""
        last = {self._table.attempts.iteration[row]: row for row in self._table.attempts_of(self._row)}
        return [Attempt(self._table.attempts, row) for row in last.values()]

    def status_at(self, sequence: int) -> str:
        """Its status after the event of this sequence: that of its latest attempt while it is open."""
        status = super().status_at(sequence)
        if status != RUNNING or self.items is not None:
            return status
        latest = self.last_attempt_at(sequence, None)
        if latest is None:
            return status
        of_attempt = latest.status_at(sequence)
        return "retrying" if of_attempt == FAILED else of_attempt if of_attempt == "waiting" else status

    def attempts_at(self, sequence: int) -> Spans[Attempt]:
        """The attempts that had begun by then, in the order they began."""
        attempts = self.attempts
        return attempts[: attempts.count_at(sequence)]

    def last_attempt_at(self, sequence: int, iteration: int | None) -> Attempt | None:
        """The latest attempt, of this item, that had begun by then."""
        count = self.attempts.count_at(sequence)
        row = self._table.last_try(self._row, count, -1 if iteration is None else iteration)
        return None if row is None else Attempt(self._table.attempts, row)


class PathRecord(Span):
    """One path with its units in the order they began."""

    __slots__ = ("final", "id", "parent", "units")

    def __init__(self, table: SpanTable, row: int, path_id: str, parent: str | None, units: UnitTable) -> None:
        super().__init__(table, row)
        self.id = path_id
        self.parent = parent
        self.final: PathState | None = None
        """Its state just before it ended."""
        self.units: Spans[UnitRecord] = Spans(UnitRecord, units, array("I"))

    def units_at(self, sequence: int) -> Spans[UnitRecord]:
        """The units that had begun by then."""
        return self.units[: self.units.count_at(sequence)]
