"""All events of a history that are still in a database, behind damage too; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from typing import Any

import apsw

from engine.model.events import ExecutionEvent
from stores.codec import LineError, decode_line
from stores.salvaging import Entries, in_order
from stores.sqlite.connection import Connections
from stores.sqlite.histories import find
from stores.sqlite.pages import Pages
from stores.sqlite.schema import SEQUENCE_BITS, position

_SEQUENCE = (1 << SEQUENCE_BITS) - 1
_READ_FAILED = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, UnicodeDecodeError)
_ROWS = "SELECT position, line FROM events WHERE position BETWEEN ? AND ? ORDER BY position"


def salvaged_history(connections: Connections, execution_id: str) -> Entries:
    """All events of an execution that a query finds, or where the tables are damaged any page of the file.

    Raises:
        apsw.CorruptError, apsw.NotADBError, DamagedStoreError: nothing leads to the execution any more.
    """
    with connections.reading() as connection:
        found = find(connection, execution_id)
    if found is None:
        return []
    gathered = _Gathered(execution_id)
    span = (position(found.number, 1), position(found.number, _SEQUENCE))
    with suppress(*_READ_FAILED), connections.reading() as connection:
        gathered.add(connection.execute(_ROWS, span))
        return in_order(gathered.events, gathered.problems, found.last_sequence)
    # Whatever is written meanwhile: only what has its checksum, its place and its execution counts.
    with suppress(OSError, apsw.Error), closing(Pages(connections.path)) as pages:
        gathered.add(row for row in pages.blobs() if span[0] <= row[0] <= span[1])
    return in_order(gathered.events, gathered.problems, found.last_sequence)


class _Gathered:
    """Events and problems by sequence."""

    def __init__(self, execution_id: str) -> None:
        self._execution_id = execution_id
        self.events: dict[int, ExecutionEvent] = {}
        self.problems: dict[int, str] = {}

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows of the table of events; what they hold is checked."""
        for at, line in rows:
            sequence = at & _SEQUENCE
            try:
                event, k = decode_line(line)
                if k is None:
                    raise LineError("its checksum is missing")
                if event.sequence != sequence or event.execution_id != self._execution_id:
                    raise LineError(f"its row does not hold event {sequence} of {self._execution_id}")
            except LineError as error:
                self.problems.setdefault(sequence, f"table events: {error}")
            else:
                self.events[sequence] = event
