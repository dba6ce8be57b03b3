"""What is wrong with the rows of one execution, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import apsw

from engine.core.reduce import initial_state
from engine.model.events import ExecutionEvent
from engine.model.ids import InvalidIdError, validate_execution_id
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionSummary
from engine.store import DamagedHistoryError, DamagedInboxError
from stores.codec import LineError, seal, unseal
from stores.folding import Folded, fold_as_far_as_possible, summary_of
from stores.inboxes import message_of, renumbered
from stores.maintenance import Finding, Kind
from stores.sqlite import histories, inbox
from stores.sqlite.aside import Aside
from stores.sqlite.histories import Found
from stores.sqlite.schema import MOST_EXECUTIONS, position
from stores.sqlite.summaries import Row, update_row


class Problem(NamedTuple):
    """A finding, and what mends it inside a transaction, which returns what was done; None when nothing can."""

    finding: Finding
    mend: Callable[[], str] | None = None


class Reading(NamedTuple):
    """How far a history can be read, and where that leads."""

    folded: Folded
    readable: int
    """Events from the first on."""
    damage: str
    """Why it ends there; empty when it ends where its rows do."""


def problems_of(connection: apsw.Connection, number: int, execution_id: object, aside: Aside) -> Iterator[Problem]:
    """What is wrong with the rows of an execution, the history first: each is to be mended before the next is asked.

    Args:
        number: of its row.
        execution_id: as its row has it, which may be anything.
        aside: where to what is cut out is kept.
    """
    try:
        name = validate_execution_id(execution_id if isinstance(execution_id, str) else "")
    except InvalidIdError as error:
        yield Problem(Finding("damaged", "", f"table executions, row {number}", str(error)))
        return
    if not 0 < number < MOST_EXECUTIONS:
        yield Problem(Finding("damaged", name, f"table executions, row {number}", "no store gives such a number"))
        return
    rows = _Rows(connection, number, name, aside)
    reading = rows.read()
    yield from rows.history(reading)
    yield from rows.summary(reading)
    yield from rows.snapshot(reading)
    yield from rows.messages(reading)


class _Rows:
    def __init__(self, connection: apsw.Connection, number: int, execution_id: str, aside: Aside) -> None:
        self._connection = connection
        self._number = number
        self._id = execution_id
        self._aside = aside

    def read(self) -> Reading:
        """Read the history as far as it goes, whatever its row says about its length."""
        folded, readable = Folded(initial_state(self._id)), 0
        while True:
            try:
                found = Found(self._number, readable)  # the rows themselves tell where it ends
                events = histories.read(self._connection, self._id, found, readable + 1, histories.PIECE)
            except DamagedHistoryError as error:
                folded = _fold(folded, error.readable)
                return Reading(folded, readable + len(error.readable), reason(error))
            folded, readable = _fold(folded, events), readable + len(events)
            if len(events) < histories.PIECE:
                return Reading(folded, readable, "")

    def history(self, reading: Reading) -> Iterator[Problem]:
        place = f"table events, event {reading.readable + 1}"
        if reading.damage:
            remedy = "it and what follows are cut out and kept"
            yield self._problem("damaged", place, reading.damage, remedy, partial(self._cut, reading))
        elif reading.readable < (last := self._last_sequence()):
            what = f"it is missing, as all up to {last} are"
            yield self._problem("damaged", place, what, "the history ends before it", partial(self._cut, reading))
        elif reading.readable > last:
            what = f"its row says that the history ends at event {last}"
            yield self._problem("stale", self._row, what, "the row is written anew", partial(self._write_row, reading))

    def summary(self, reading: Reading) -> Iterator[Problem]:
        if not reading.readable or reading.damage or reading.readable != self._last_sequence():
            return  # which is told already, and mended together
        (columns,) = self._connection.execute(
            "SELECT status, workflow_name, start_time, end_time, wake_at, children, continues, received, summary"
            " FROM executions WHERE number = ?",
            (self._number,),
        )
        problem = self._summary_problem(columns, summary_of(reading.folded, reading.folded.state.timestamp))
        if problem:
            yield self._problem(
                "stale", self._row, problem, "the row is written anew", partial(self._write_row, reading)
            )

    def snapshot(self, reading: Reading) -> Iterator[Problem]:
        place = f"table snapshots, row {self._number}"
        stored = self._connection.execute("SELECT 1 FROM snapshots WHERE number = ?", (self._number,)).fetchone()
        found = Found(self._number, reading.readable)
        if stored is None or not reading.readable:
            return
        if histories.load_snapshot(self._connection, self._id, found) is None:
            what = "it cannot be read, or is ahead of its history"
            yield self._problem("stale", place, what, "it is removed", self._remove_snapshot)

    def messages(self, reading: Reading) -> Iterator[Problem]:
        found = Found(self._number, reading.readable)
        try:
            last = len(inbox.messages(self._connection, self._id, found, 0))
        except DamagedInboxError as error:
            remedy = "messages that can be read are kept in order, the rest is kept aside"
            mend = partial(self._mend_messages, len(error.readable), found)
            yield self._problem("damaged", error.place, reason(error), remedy, mend)
            return
        state = reading.folded.state
        if state.inbox > last and not state.ended:
            what = f"the history has received message {state.inbox}, but the last one here is {last}"
            mend = partial(self._mend_messages, last, found)
            yield self._problem("damaged", "table messages", what, "received messages are taken from the history", mend)

    @property
    def _row(self) -> str:
        return f"table executions, row {self._number}"

    def _problem(self, kind: Kind, place: str, what: str, remedy: str, mend: Callable[[], str]) -> Problem:
        return Problem(Finding(kind, self._id, place, what, remedy), mend)

    def _last_sequence(self) -> int:
        query = "SELECT last_sequence FROM executions WHERE number = ?"
        return sum(last for (last,) in self._connection.execute(query, (self._number,)))

    def _summary_problem(self, columns: tuple[object, ...], expected: ExecutionSummary) -> str:
        *row, line = columns
        try:
            stored = ExecutionSummary.from_dict(unseal(line if isinstance(line, bytes) else b""))
        except (LineError, ValueError) as error:
            return f"what lists show of it cannot be read: {error}"
        if stored.to_dict() != expected.to_dict():
            return "what lists show of it is not what its history says"
        return "" if tuple(row) == Row.of(expected) else "what lists look for is not what its history says"

    def _cut(self, reading: Reading) -> str:
        first = position(self._number, reading.readable + 1)
        span = (first, position(self._number + 1, 0))
        rows = self._connection.execute("SELECT line FROM events WHERE position >= ? AND position < ?", span)
        kept = self._aside.keep(f"{self._id}.events", (line for (line,) in rows))
        self._connection.execute("DELETE FROM events WHERE position >= ? AND position < ?", span)
        self._write_row(reading)
        self._connection.execute(
            "DELETE FROM snapshots WHERE number = ? AND last_sequence > ?", (self._number, reading.readable)
        )
        return f"the history ends at event {reading.readable} now; {kept}"

    def _write_row(self, reading: Reading) -> str:
        summary = summary_of(reading.folded, reading.folded.state.timestamp)
        shown = seal(summary.to_dict())
        update_row(self._connection, self._number, reading.readable, summary, shown, None)
        return "written anew"

    def _remove_snapshot(self) -> str:
        self._connection.execute("DELETE FROM snapshots WHERE number = ?", (self._number,))
        return "removed"

    def _mend_messages(self, whole: int, found: Found) -> str:
        rest = (self._number, whole)
        rows = self._connection.execute("SELECT line FROM messages WHERE number = ? AND ordinal > ?", rest)
        kept = self._aside.keep(f"{self._id}.inbox", (line for (line,) in rows))
        messages = renumbered(
            inbox.readable(self._connection, self._number), received(self._connection, self._id, found)
        )
        inbox.write_anew(self._connection, self._number, messages)
        return f"{len(messages)} messages are left; {kept}"


def received(connection: apsw.Connection, execution_id: str, found: Found) -> dict[int, ExecutionSignal]:
    """The messages that a history says it has received, by ordinal."""
    messages: dict[int, ExecutionSignal] = {}
    for sequence in range(1, found.last_sequence + 1, histories.PIECE):
        for event in histories.read(connection, execution_id, found, sequence, histories.PIECE):
            if (message := message_of(event)) is not None:
                messages[message.ordinal] = message
    return messages


def reason(error: DamagedHistoryError | DamagedInboxError) -> str:
    """Why, without what and where, which a finding says in its own fields."""
    return str(error).rpartition(": ")[2]


def _fold(folded: Folded, events: Sequence[ExecutionEvent]) -> Folded:
    return folded if folded.problem else fold_as_far_as_possible(folded.state, events)
