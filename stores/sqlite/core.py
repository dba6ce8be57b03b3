"""The SQLite store itself, without any asyncio: what it does to the database."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import apsw

from engine.caching import LRU
from engine.model.events import ExecutionEvent
from engine.model.ids import validate_execution_id
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.store import FoldedBatch, StoreError, UnknownExecutionError
from stores.changes import ChangesReader, ChangesWriter
from stores.checks import check_batch, check_signal
from stores.codec import decode_line, encode_batch
from stores.folding import Folded
from stores.heads import checked_lines
from stores.runners import Runners
from stores.salvaging import Entries
from stores.sqlite import histories, inbox, owners, summaries
from stores.sqlite.connection import Connections, cannot_be_written, connect, explained
from stores.sqlite.histories import Found, Known, find
from stores.sqlite.maintenance import Maintenance
from stores.sqlite.salvage import salvaged_history
from stores.sqlite.schema import bring_up_to_date, is_current, position

_STATES = 1024
"""Executions whose latest state is remembered, so that an append folds its own events only."""


class Batch:
    """Events of one execution on their way into the database."""

    def __init__(self, execution_id: str, events: Sequence[ExecutionEvent]) -> None:
        self.execution_id = execution_id
        self.events = events
        self.lines = encode_batch(events)
        state = events.state if isinstance(events, FoldedBatch) else None
        fits = state is not None and (state.execution_id, state.sequence) == (self.execution_id, events[-1].sequence)
        self.after = Known(Folded(state)) if state is not None and fits else None
        """The execution after it, when its recorder knows."""


class SQLiteCore:
    """What writes must come from one thread at a time; what reads may come from any."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self.connections = Connections(path, durable=durable)
        self.runners = Runners(Path(f"{path}-owners"))
        self._changes = ChangesWriter(Path(f"{path}-changes"))
        self.maintenance = Maintenance(self.connections, self.runners, self._mended)
        self._known: LRU[Found, Known] = LRU(_STATES, name="states of the SQLite store")
        """By execution and sequence: what is known of a history up to there stays true."""

    def prepare(self) -> None:
        """See to it that the database's tables are those of this version.

        Raises:
            ForeignStoreError: it is a database of something else.
            StoreError: a newer version wrote it.
            apsw.Error: it cannot be read or written.
        """
        with self.connections.reading() as connection:
            current = is_current(connection)
        if not current:
            # Before there is a log: what a file is can be told from its first bytes then, without asking SQLite.
            with closing(connect(self.path, writable=True)) as connection:
                bring_up_to_date(connection)

    def append(self, events: Sequence[ExecutionEvent]) -> None:
        """Make a batch durable and tell watchers; `ExecutionEventStore.append_events` has the rules."""
        batch = Batch(check_batch(events), events)
        with self.connections.writing() as connection:
            written = self._append(connection, batch)
        if written is not None:
            self._known.put(*written)
            self._changes.announce(batch.execution_id)

    def append_turn(self, batches: Sequence[Batch]) -> list[StoreError | None]:
        """Append the batches of a turn in one transaction; what became of each. One that fails takes none with it."""
        results: list[StoreError | None] = []
        all_written = []
        with self.connections.writing() as connection:
            for batch in batches:
                connection.execute("SAVEPOINT batch")
                try:
                    written = self._append(connection, batch)
                except StoreError as error:
                    connection.execute("ROLLBACK TO batch")
                    results.append(error)
                else:
                    results.append(None)
                    if written is not None:
                        all_written.append((batch.execution_id, written))
                connection.execute("RELEASE batch")
        for _, written in all_written:
            self._known.put(*written)
        if all_written:
            self._changes.announce(*(execution_id for execution_id, _ in all_written))
        return results

    def events(self, execution_id: str, from_seq: int, limit: int | None) -> list[ExecutionEvent]:
        """Events from a sequence on; what stands before them is not read."""
        validate_execution_id(execution_id)
        if limit is not None and limit < 0:
            raise ValueError("limit must be 0 or more")
        with self.connections.reading() as connection:
            found = find(connection, execution_id)
            return [] if found is None else histories.read(connection, execution_id, found, from_seq, limit)

    def salvage(self, execution_id: str) -> Entries:
        """All that can be read of a history, and what cannot in its place."""
        validate_execution_id(execution_id)
        return salvaged_history(self.connections, execution_id)

    def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """Keep a snapshot, unless it is ahead of the history."""
        validate_execution_id(snapshot.id)
        with self.connections.writing(durable=False) as connection:
            histories.save_snapshot(connection, snapshot)

    def snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """The snapshot, when it can be used."""
        validate_execution_id(execution_id)
        with self.connections.reading() as connection:
            found = find(connection, execution_id)
            return None if found is None else histories.load_snapshot(connection, execution_id, found)

    def list_all(self, where: ExecutionFilter | None) -> list[ExecutionSummary]:
        """Summaries of the executions a filter accepts."""
        living = self.runners.living()
        with self.connections.reading() as connection:
            return summaries.select(connection, where, living)

    def summary(self, execution_id: str) -> ExecutionSummary | None:
        """One line of that list."""
        validate_execution_id(execution_id)
        living = self.runners.living()
        with self.connections.reading() as connection:
            return summaries.get(connection, execution_id, living)

    def due(self, now: datetime, limit: int) -> list[ExecutionSummary]:
        """Executions that somebody should drive."""
        living = self.runners.living()
        with self.connections.reading() as connection:
            return summaries.due(connection, now, limit, living)

    def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        """Make a message durable, tell watchers, and return its ordinal."""
        validate_execution_id(execution_id)
        check_signal(signal)
        with self.connections.writing() as connection:
            found = find(connection, execution_id)
            if found is None:
                raise UnknownExecutionError(f"there is no execution {execution_id} in {self.path}")
            ordinal = inbox.send(connection, execution_id, found, signal)
        self._changes.announce(execution_id)
        return ordinal

    def signals(self, execution_id: str, after: int) -> list[ExecutionSignal]:
        """The messages after an ordinal."""
        validate_execution_id(execution_id)
        with self.connections.reading() as connection:
            found = find(connection, execution_id)
            return [] if found is None else inbox.messages(connection, execution_id, found, after)

    def delete(self, execution_id: str, ended_before: str | None = None) -> bool:
        """Remove an execution that nobody owns; with a moment only if it ended before that."""
        validate_execution_id(execution_id)
        with self.connections.writing() as connection:
            if ended_before is not None and not summaries.has_ended(connection, execution_id, ended_before):
                return False
            self.runners.check_free(execution_id, owners.owner_of(connection, execution_id))
            # One that was claimed and never began has an owner and nothing else.
            connection.execute("DELETE FROM owners WHERE execution_id = ?", (execution_id,))
            found = find(connection, execution_id)
            if found is not None:
                _delete(connection, found)
        if found is not None:
            self._changes.announce(execution_id)
        return found is not None

    def ended(self, before: str) -> list[str]:
        """Ids of the executions that ended before a moment."""
        with self.connections.reading() as connection:
            return summaries.ended_before(connection, before)

    def acquire(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """Make a runner the owner of an execution."""
        validate_execution_id(execution_id)
        mine = self.runners.begin_life(runner_id)
        with self.connections.writing(durable=False) as connection:
            changed = owners.acquire(connection, execution_id, mine, self.runners, take_over=take_over)
        if changed:
            self._changes.announce(execution_id)

    def release(self, execution_id: str, runner_id: str) -> None:
        """Take ownership from a runner."""
        validate_execution_id(execution_id)
        mine = self.runners.here(runner_id)
        with self.connections.writing(durable=False) as connection:
            changed = owners.release(connection, execution_id, mine)
        if changed:
            self._changes.announce(execution_id)

    def changes(self) -> ChangesReader:
        """What changes from now on."""
        return ChangesReader(Path(f"{self.path}-changes"))

    def explained(self, error: Exception) -> StoreError | None:
        """What to tell a person when the system or SQLite refused something; None for any other error."""
        if isinstance(error, apsw.Error | UnicodeDecodeError):
            return explained(error, self.path)
        if not isinstance(error, OSError):
            return None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            return cannot_be_written(self.path)
        where = f" ({error.filename})" if error.filename else ""
        return StoreError(f"the store at {self.path} failed: {error.strerror or error}{where}")

    def close(self) -> None:
        """Close all connections and end the life of this process's runners."""
        self.connections.close()
        self._changes.close()
        self.runners.close()

    def lines(self, execution_id: str, from_seq: int, limit: int | None) -> list[bytes]:
        """The lines of events from a sequence on."""
        validate_execution_id(execution_id)
        if limit is not None and limit < 0:
            raise ValueError("limit must be 0 or more")
        with self.connections.reading() as connection:
            found = find(connection, execution_id)
            return [] if found is None else histories.read_lines(connection, execution_id, found, from_seq, limit)

    def raw_lines(self, execution_id: str, from_seq: int, limit: int | None) -> list[bytes]:
        """As `lines`, without line ends and without a look into them."""
        validate_execution_id(execution_id)
        if limit is not None and limit < 0:
            raise ValueError("limit must be 0 or more")
        with self.connections.reading() as connection:
            found = find(connection, execution_id)
            return [] if found is None else histories.raw_lines(connection, execution_id, found, from_seq, limit)

    def append_lines(self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None) -> None:
        """Make lines durable in one transaction and tell watchers; `Bulk.append_lines` has the rules."""
        validate_execution_id(execution_id)
        heads, sealed = checked_lines(lines)
        if not heads:
            return
        if heads[0].execution_id != execution_id:
            raise ValueError(f"the lines are of {heads[0].execution_id}, not of {execution_id}")
        after = Known.at(snapshot, execution_id, heads[-1].sequence)
        with self.connections.writing() as connection:
            found = find(connection, execution_id)
            if not histories.check_continues(connection, found, heads):
                return
            known = self._known_at(connection, execution_id, found)
            if after is not None:
                known = Known(after.folded, known.row)
            else:
                known = known.after(decode_line(line[:-1])[0] for line in sealed)
            written = histories.add(connection, found, known, sealed)
        self._known.put(*written)
        self._changes.announce(execution_id)

    def _mended(self, *execution_ids: str) -> None:
        self._known.clear()
        if execution_ids:
            self._changes.announce(*execution_ids)

    def _append(self, connection: apsw.Connection, batch: Batch) -> tuple[Found, Known] | None:
        """The execution after the batch; None when its history ends with this batch already."""
        found = find(connection, batch.execution_id)
        if not histories.check_continues(connection, found, batch.events):
            return None
        after = batch.after
        if after is not None:
            before = self._known.pop(found) if found is not None else None
            after = after if before is None else Known(after.folded, before.row)
        else:
            after = self._known_at(connection, batch.execution_id, found).after(batch.events)
        return histories.add(connection, found, after, batch.lines)

    def _known_at(self, connection: apsw.Connection, execution_id: str, found: Found | None) -> Known:
        known = self._known.pop(found) if found is not None else None
        return known or Known(histories.fold(connection, execution_id, found))


def _delete(connection: apsw.Connection, found: Found) -> None:
    connection.execute(
        "DELETE FROM events WHERE position BETWEEN ? AND ?", (position(found.number, 0), position(found.number + 1, 0))
    )
    connection.execute("DELETE FROM snapshots WHERE number = ?", (found.number,))
    connection.execute("DELETE FROM messages WHERE number = ?", (found.number,))
    connection.execute("DELETE FROM executions WHERE number = ?", (found.number,))
