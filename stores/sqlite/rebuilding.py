"""A new database of all that can still be read of a damaged one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from engine.model.ids import is_execution_id
from stores.codec import LineError, decode_line, decode_signal, events_left
from stores.files import FILE_MODE, make_folder, sync_data, sync_folder
from stores.heads import head_of
from stores.inboxes import renumbered
from stores.sqlite import inbox
from stores.sqlite.aside import Aside
from stores.sqlite.connection import Connections, connect
from stores.sqlite.histories import Found, Known, add, fold
from stores.sqlite.pages import Pages
from stores.sqlite.problems import received
from stores.sqlite.schema import SEQUENCE_BITS, bring_up_to_date, position

_PIECE = 1000
_SEQUENCE = (1 << SEQUENCE_BITS) - 1
_READ_FAILED = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError, UnicodeDecodeError)


_TOLD = 20
"""Shortened executions that are named."""


class Saved(NamedTuple):
    """How much was saved."""

    executions: int
    events: int
    shortened: list[str]
    """What is missing, execution by execution, as far as it can be told."""


def rebuild(connections: Connections, aside: Aside) -> str:
    """Put a new database in the place of a damaged one, which is kept; a clause that says what was done.

    Of each execution everything up to the first event that cannot be found whole is taken over, and its messages.

    Raises:
        apsw.BusyError: somebody else has the database open.
        OSError, apsw.Error: the new one could not be written; the damaged one is still in its place.
    """
    path = connections.path
    fresh, scratch = Path(f"{path}-new"), Path(f"{path}-found")
    connections.start_anew()
    try:
        with closing(_alone(path)) as source, closing(_new(fresh)) as target, closing(_new(scratch)) as found:
            bring_up_to_date(target)
            _gather(source, path, found)
            saved = _save(source, found, target)
            target.close()
            _sync(fresh)
            # Nobody else can have opened the old one before the new one is in its place.
            kept = _swap(path, fresh, aside)
    finally:
        for leftover in (fresh, scratch):
            for suffix in ("", "-wal", "-shm"):
                Path(f"{leftover}{suffix}").unlink(missing_ok=True)
        connections.start_anew()
    told = f"{saved.events} events of {saved.executions} executions are in a new database; the damaged one is {kept}"
    if not saved.shortened:
        return told
    more = f" and {len(saved.shortened) - _TOLD} more" if len(saved.shortened) > _TOLD else ""
    return f"{told}; shortened: {', '.join(saved.shortened[:_TOLD])}{more}"


def _alone(path: Path) -> apsw.Connection:
    """The damaged database with all that its log holds, and with nobody else there; an empty one in its stead when
    SQLite cannot open it at all: then nobody else can either, and only its pages can be read."""
    source = None
    try:
        source = connect(path, writable=True)
        source.pragma("locking_mode", "EXCLUSIVE")
        source.execute("BEGIN EXCLUSIVE")
        source.execute("ROLLBACK")
        source.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        # When it is closed, a log of this name is the new database's.
        source.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    except (apsw.CorruptError, apsw.NotADBError):
        if source is not None:
            source.close()
        return apsw.Connection(":memory:")
    except BaseException:
        if source is not None:
            source.close()
        raise
    return source


def _new(path: Path) -> apsw.Connection:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    connection = connect(path, writable=True)
    # Nothing of it counts before all of it is written, and then it is synced once.
    connection.pragma("journal_mode", "off")
    connection.pragma("synchronous", "OFF")
    return connection


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        sync_data(fd)
    finally:
        os.close(fd)


def _gather(source: apsw.Connection, path: Path, found: apsw.Connection) -> None:
    """Bring all whole events together: those on any page of the file, and first of all those a query still leads to."""
    found.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, line BLOB NOT NULL)")
    numbers = _known_numbers(source)
    with closing(Pages(path)) as pages:
        found.executemany("INSERT OR IGNORE INTO events VALUES (?, ?)", _whole(pages.blobs(), numbers))
    # From both ends, for the damage may be anywhere between.
    for query in ("SELECT * FROM events ORDER BY position", "SELECT * FROM events ORDER BY position DESC"):
        found.executemany("INSERT OR REPLACE INTO events VALUES (?, ?)", _whole(_readable(source, query), numbers))


def _known_numbers(source: apsw.Connection) -> set[int] | None:
    """The numbers of all executions; None when that cannot be told. On pages there may be more: what was deleted."""
    try:
        return {int(str(number)) for (number,) in source.execute("SELECT number FROM executions NOT INDEXED")}
    except _READ_FAILED:
        return None


def _whole(rows: Iterable[tuple[Any, ...]], numbers: set[int] | None) -> Iterator[tuple[int, bytes]]:
    for at, line in rows:
        if not isinstance(line, bytes) or (numbers is not None and at >> SEQUENCE_BITS not in numbers):
            continue
        try:
            events_left(line)
            head = head_of(line)
        except LineError:
            continue
        if head.sequence == at & _SEQUENCE and is_execution_id(head.execution_id):
            yield at, line


def _save(source: apsw.Connection, found: apsw.Connection, target: apsw.Connection) -> Saved:
    executions = events = 0
    expected: dict[str, Any] = dict(_readable(source, "SELECT id, last_sequence FROM executions"))
    # Of what does not have its first event, nothing can be taken over.
    firsts = found.execute("SELECT position FROM events WHERE position & ? = 1 ORDER BY position", (_SEQUENCE,))
    for number in [at >> SEQUENCE_BITS for (at,) in firsts]:
        written: tuple[Found, Known] | None = None
        name = ""
        for name, lines in _pieces(found, number):
            target.execute("BEGIN IMMEDIATE")
            known = written[1] if written is not None else Known(fold(target, name, None))
            known = known.after(decode_line(line[:-1])[0] for line in lines)
            written = add(target, written and written[0], known, lines)
            target.execute("COMMIT")
            events += len(lines)
        if written is not None:
            executions += 1
            if expected.get(name) == written[0].last_sequence:
                del expected[name]
            elif name in expected:
                expected[name] = f"{name} ends at event {written[0].last_sequence} of {expected[name]}"
            _save_messages(source, target, number, name, written[0])
    shortened = [told if isinstance(told, str) else f"{name} is lost" for name, told in expected.items()]
    return Saved(executions, events, shortened)


def _pieces(found: apsw.Connection, number: int) -> Iterator[tuple[str, list[bytes]]]:
    """An execution's id and the lines of its history up to the first that is missing, some at a time."""
    piece: list[bytes] = []
    execution_id = ""
    span = (position(number, 1), position(number + 1, 0))
    query = "SELECT position, line FROM events WHERE position >= ? AND position < ? ORDER BY position"
    for expected, (at, line) in enumerate(found.execute(query, span), start=1):
        name = head_of(line).execution_id
        execution_id = execution_id or name
        if at != position(number, expected) or name != execution_id:
            break
        piece.append(line + b"\n")
        if len(piece) == _PIECE:
            yield execution_id, piece
            piece = []
    if piece:
        yield execution_id, piece


def _save_messages(
    source: apsw.Connection, target: apsw.Connection, number: int, execution_id: str, found: Found
) -> None:
    messages = []
    for (line,) in _readable(source, "SELECT line FROM messages WHERE number = ? ORDER BY ordinal", (number,)):
        with suppress(LineError):
            messages.append(decode_signal(line))
    target.execute("BEGIN IMMEDIATE")
    inbox.write_anew(target, found.number, renumbered(messages, received(target, execution_id, found)))
    target.execute("COMMIT")


def _readable(source: apsw.Connection, query: str, bindings: tuple[int, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The rows of a query up to where the damage is."""
    try:
        yield from source.execute(query, bindings)
    except _READ_FAILED:
        return


def _swap(path: Path, fresh: Path, aside: Aside) -> Path:
    """Put the new database in the place of the old one, which goes aside with the files that belong to it."""
    make_folder(aside.folder)
    kept = next(kept for number in count(1) if not (kept := aside.folder / f"{path.name}-{number}").exists())
    beside = [(Path(f"{path}{suffix}"), Path(f"{kept}{suffix}")) for suffix in ("-wal", "-shm")]
    for old, new in [(path, kept), *beside]:
        if old.exists():
            os.link(old, new)
    sync_folder(aside.folder)
    # Never may the new database stand beside the old one's log, which SQLite would take for its own.
    for old, _ in beside:
        old.unlink(missing_ok=True)
    sync_folder(path.parent)
    fresh.replace(path)
    sync_folder(path.parent)
    return kept
