"""The history of an execution as rows of the database: appending to it and reading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import apsw

from engine.collector import collector_paused
from engine.core.reduce import initial_state
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSnapshot
from engine.store import ConflictError, DamagedHistoryError, DamagedStoreError
from stores.codec import LineError, decode_line, events_left, seal, unseal
from stores.folding import Folded, fold_as_far_as_possible, summary_of
from stores.heads import Head, head_of
from stores.sqlite.schema import MOST_EXECUTIONS, position
from stores.sqlite.summaries import Row, add_row, update_row

PIECE = 8192
_LAST = (1 << 32) - 1


class Found(NamedTuple):
    """Where an execution is kept, and how far it goes."""

    number: int
    last_sequence: int
    seal: bytes = b""
    """The end of what lists show of it, with the checksum: whoever changes the execution changes this."""


def find(connection: apsw.Connection, execution_id: str) -> Found | None:
    """Look an execution up; None when there is none of this id.

    Raises:
        DamagedStoreError: its row holds what no store writes.
    """
    row: tuple[Any, ...] | None = connection.execute(
        "SELECT number, last_sequence, substr(summary, -14) FROM executions WHERE id = ?", (execution_id,)
    ).fetchone()
    if row is None:
        return None
    number, last, seal = row
    if type(number) is not int or type(last) is not int or not (0 < number < MOST_EXECUTIONS and 0 <= last <= _LAST):
        raise DamagedStoreError(f"the row of {execution_id} in the table executions makes no sense: it cannot be read")
    return Found(number, last, seal)


def check_continues(
    connection: apsw.Connection, found: Found | None, events: Sequence[ExecutionEvent] | Sequence[Head]
) -> bool:
    """Whether a batch continues a history; False when the history ends with this very batch already.

    Raises:
        ConflictError: it does neither.
    """
    known = found.last_sequence if found is not None else 0
    if events[0].sequence == known + 1:
        return True
    execution_id = events[0].execution_id
    if found is not None and events[-1].sequence == known:
        try:
            present = read(connection, execution_id, found, events[0].sequence, None)
        except DamagedHistoryError:
            present = []
        if [event.id for event in present] == [event.id for event in events]:
            return False
    if known == 0:
        raise ConflictError(f"event {events[0].sequence} cannot be the first one of {execution_id}")
    raise ConflictError(f"event {events[0].sequence} cannot be appended to {execution_id}, which has {known} events")


class Known(NamedTuple):
    """What is known of an execution at some event of its history, and stays true."""

    folded: Folded
    row: Row | None = None
    """What its row says; None: not looked at."""

    def after(self, events: Iterable[ExecutionEvent]) -> Known:
        """The execution after more events; one that could not be folded to its end stays where it is."""
        folded = self.folded
        return self if folded.problem else Known(fold_as_far_as_possible(folded.state, events), self.row)

    @classmethod
    def at(cls, snapshot: ExecutionSnapshot | None, execution_id: str, sequence: int) -> Known | None:
        """What a snapshot tells of an execution at an event; None when it is no snapshot of that."""
        state = snapshot.restore_state() if snapshot is not None else None
        if state is None or (state.execution_id, state.sequence) != (execution_id, sequence):
            return None
        return cls(Folded(state))


def add(connection: apsw.Connection, found: Found | None, known: Known, lines: Sequence[bytes]) -> tuple[Found, Known]:
    """Add a batch behind a history, and to what lists show. Must be inside a transaction.

    Args:
        known: the execution after the batch, and its row before.
        lines: the events, each with its line end.
    """
    folded, row = known
    summary = summary_of(folded, folded.state.timestamp)
    first = 1 if found is None else found.last_sequence + 1
    last = first + len(lines) - 1
    shown = seal(summary.to_dict())
    if found is None:
        number, row = add_row(connection, last, summary, shown), None
    else:
        number = found.number
        row = update_row(connection, number, last, summary, shown, row)
    at = position(number, first)
    connection.executemany("INSERT INTO events VALUES (?, ?)", enumerate((line[:-1] for line in lines), start=at))
    return Found(number, last, shown[-14:]), Known(folded, row)


def read(
    connection: apsw.Connection, execution_id: str, found: Found, from_seq: int, limit: int | None
) -> list[ExecutionEvent]:
    """Events from a sequence on.

    Raises:
        DamagedHistoryError: one of them cannot be read.
    """
    events: list[ExecutionEvent] = []
    expected = max(1, from_seq)
    with collector_paused():
        for at, line in _rows(connection, found.number, expected, limit):
            try:
                if at != position(found.number, expected):
                    raise LineError("it is missing")
                event, k = decode_line(line)
                if k is None:
                    raise LineError("its checksum is missing")
                if event.sequence != expected or event.execution_id != execution_id:
                    raise LineError(f"its row does not hold event {expected} of {execution_id}")
            except LineError as error:
                raise damaged(execution_id, expected, str(error), events) from None
            events.append(event)
            expected += 1
    if (limit is None or len(events) < limit) and expected <= found.last_sequence:
        raise damaged(execution_id, expected, "it is missing", events)
    return events


def read_lines(
    connection: apsw.Connection, execution_id: str, found: Found, from_seq: int, limit: int | None
) -> list[bytes]:
    """The lines of events from a sequence on, each with its line end.

    Raises:
        DamagedHistoryError: one of them is missing or not whole.
    """
    expected = max(1, from_seq)
    lines = []
    for at, line in _rows(connection, found.number, expected, limit):
        try:
            if at != position(found.number, expected):
                raise LineError("it is missing")
            events_left(line)
            head = head_of(line)
            if (head.sequence, head.execution_id) != (expected, execution_id):
                raise LineError(f"its row does not hold event {expected} of {execution_id}")
        except LineError as error:
            raise damaged(execution_id, expected, str(error), ()) from None
        lines.append(line + b"\n")
        expected += 1
    if (limit is None or len(lines) < limit) and expected <= found.last_sequence:
        raise damaged(execution_id, expected, "it is missing", ())
    return lines


def raw_lines(
    connection: apsw.Connection, execution_id: str, found: Found, from_seq: int, limit: int | None
) -> list[bytes]:
    """The lines of events from a sequence on, nothing checked but that they are all there.

    Raises:
        DamagedHistoryError: they are not.
    """
    first = max(1, from_seq)
    lines = [line for _, line in _rows(connection, found.number, first, limit)]
    expected = max(0, found.last_sequence - first + 1)
    if len(lines) < (expected if limit is None else min(limit, expected)) or not all(
        type(line) is bytes for line in lines
    ):
        raise damaged(execution_id, first, "an event from there on is missing", ())
    return lines


def damaged(execution_id: str, sequence: int, problem: str, readable: Sequence[ExecutionEvent]) -> DamagedHistoryError:
    """The history cannot be read from this event on."""
    return DamagedHistoryError(
        f"the history of {execution_id} is damaged at event {sequence}: {problem}",
        place=f"table events, event {sequence}",
        readable=readable,
    )


def fold(connection: apsw.Connection, execution_id: str, found: Found | None) -> Folded:
    """The state a stored history leads to, from its snapshot on where that can be used.

    Raises:
        DamagedHistoryError: it cannot be read to its end.
    """
    if found is None:
        return Folded(initial_state(execution_id))
    snapshot = load_snapshot(connection, execution_id, found)
    state = snapshot.restore_state() if snapshot is not None else None
    folded = Folded(state or initial_state(execution_id))
    while not folded.problem and folded.state.sequence < found.last_sequence:
        events = read(connection, execution_id, found, folded.state.sequence + 1, PIECE)
        folded = fold_as_far_as_possible(folded.state, events)
    return folded


def save_snapshot(connection: apsw.Connection, snapshot: ExecutionSnapshot) -> None:
    """Keep a snapshot, unless it is ahead of the history. Must be inside a transaction."""
    found = find(connection, snapshot.id)
    if found is not None and 0 < snapshot.last_event_seq <= found.last_sequence:
        connection.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)",
            (found.number, snapshot.last_event_seq, seal(snapshot.to_dict())),
        )


def load_snapshot(connection: apsw.Connection, execution_id: str, found: Found) -> ExecutionSnapshot | None:
    """The snapshot, when it can be used."""
    row = connection.execute("SELECT line FROM snapshots WHERE number = ?", (found.number,)).fetchone()
    if row is None:
        return None
    try:
        snapshot = ExecutionSnapshot.from_dict(unseal(row[0]))
    except ValueError:
        return None
    sound = (
        snapshot.id == execution_id
        and type(snapshot.state) is dict
        and type(snapshot.last_event_seq) is int
        and 0 < snapshot.last_event_seq <= found.last_sequence
    )
    return snapshot if sound else None


def _rows(connection: apsw.Connection, number: int, from_seq: int, limit: int | None) -> Iterator[tuple[int, bytes]]:
    rows: Iterator[tuple[int, bytes]] = connection.execute(
        "SELECT position, line FROM events WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?",
        (position(number, min(from_seq, _LAST)), position(number, _LAST), -1 if limit is None else limit),
    )
    return rows
