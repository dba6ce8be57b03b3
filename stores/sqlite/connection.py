"""Connections to a store's database: how they are opened, and what their errors mean."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import apsw

from engine.store import DamagedStoreError, ReadOnlyError, StoreError, StoreNotFoundError
from stores.files import BusyError

_OPENING_MS = 5_000
"""How long opening may wait for another process that is opening or closing the same database."""
_READING_MS = 50
_CACHE_KIB = 16_384
_WAL_LIMIT = 64 << 20
_IDLE_READERS = 4
_DISTRUST = (
    # A database that somebody else made may hold triggers and views, and functions in them: we use none.
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),
)


def connect(path: Path, *, writable: bool, immutable: bool = False) -> apsw.Connection:
    """Open a database without trusting what its schema says.

    Args:
        path: its file, which must exist; a symbolic link is not followed.
        writable: false: it can only be read.
        immutable: read it without any lock and without its `-wal`: for files that nobody can be changing.

    Raises:
        apsw.Error: it cannot be opened or is no database.
    """
    flags = apsw.SQLITE_OPEN_READWRITE if writable else apsw.SQLITE_OPEN_READONLY
    name = f"file:{quote(str(path))}?immutable=1" if immutable else str(path)
    connection = apsw.Connection(name, flags=flags | apsw.SQLITE_OPEN_NOFOLLOW | apsw.SQLITE_OPEN_URI * immutable)
    try:
        for setting, value in _DISTRUST:
            connection.config(setting, value)
        connection.set_busy_timeout(_OPENING_MS)
        connection.pragma("cell_size_check", True)
        connection.pragma("mmap_size", 0)
        connection.pragma("cache_size", -_CACHE_KIB)
        connection.pragma("temp_store", "MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


class Connections:
    """One connection that writes, and some that read; each is opened when it is first needed."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self._name = str(path)
        self._durable = durable
        self._opened: os.stat_result | None = None
        """Of the file when it was opened first: the store is what was opened then."""
        self._writer: apsw.Connection | None = None
        self._level = ""
        """What the writer's `synchronous` was set to last."""
        self._closed = False
        self._idle: list[apsw.Connection] = []
        self._lock = threading.Lock()

    def writer(self) -> apsw.Connection:
        """The connection that writes, for one thread at a time.

        Raises:
            StoreNotFoundError: the database was deleted or replaced.
            apsw.Error: it cannot be opened for writing.
        """
        self._check_present()
        if self._writer is None:
            connection = connect(self.path, writable=True)
            try:
                connection.pragma("journal_mode", "wal")
                connection.pragma("journal_size_limit", _WAL_LIMIT)
                if sys.platform == "darwin":  # where a sync leaves data in the drive's own memory
                    connection.pragma("fullfsync", True)
                    connection.pragma("checkpoint_fullfsync", True)
                self._level = ""
            except BaseException:
                connection.close()
                raise
            self._writer = connection
        return self._writer

    @contextmanager
    def writing(self, *, durable: bool = True, wait_ms: int = 0) -> Iterator[apsw.Connection]:
        """A transaction that holds the database's write lock.

        Args:
            durable: false: it need not survive a loss of power.
            wait_ms: how long the calling thread may wait for the lock.

        Raises:
            BusyError: another connection is writing just now.
            StoreError: what a body's or SQLite's own failure means.
        """
        connection = self.writer()
        connection.set_busy_timeout(wait_ms)
        level = "FULL" if self._durable and durable else "NORMAL"
        if level != self._level:
            connection.pragma("synchronous", level)
            self._level = level
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._check_present()  # while we waited for the lock, a repair may have put another file in its place
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with suppress(apsw.Error):
                        connection.execute("ROLLBACK")
                raise
        except (apsw.IOError, apsw.FullError, apsw.CorruptError, apsw.NotADBError):
            # After a failed sync nothing this connection believes to be on the disk can be relied on.
            self.forget_writer()
            raise

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection inside a transaction that sees one state of the database.

        Raises:
            StoreNotFoundError: the database was deleted or replaced.
            apsw.Error: it cannot be read.
        """
        self._check_present()
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        lasting = True
        if connection is None:
            connection, lasting = self._open_reader()
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            _close(connection)
            raise
        with self._lock:
            if lasting and not self._closed and len(self._idle) < _IDLE_READERS:
                self._idle.append(connection)
                return
        _close(connection)

    def forget_writer(self) -> None:
        """Close the connection that writes; the next use opens another one."""
        if self._writer is not None:
            _close(self._writer)
            self._writer = None

    def close(self) -> None:
        """Close all connections, for good."""
        self._closed = True
        self._close_all()

    def start_anew(self) -> None:
        """Close all connections; the file that is there now is the store."""
        self._close_all()
        self._opened = None

    def _close_all(self) -> None:
        with self._lock:
            for connection in self._idle:
                _close(connection)
            self._idle.clear()
        self.forget_writer()

    def _open_reader(self) -> tuple[apsw.Connection, bool]:
        """A new connection, and whether it sees what is written later."""
        lasting = True
        try:
            # Not opened for reading only: the first one after a crash has to finish or undo what was being written.
            connection = connect(self.path, writable=True)
            connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
            connection.pragma("query_only", True)
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            # In a folder that cannot be written, a database that nobody has open can be read all the same.
            if os.access(self.path.parent, os.W_OK):
                raise
            if Path(f"{self.path}-wal").exists():
                raise ReadOnlyError(
                    f"the store at {self.path} is in use, or was left by a process that died, and its folder cannot be "
                    "written, which reading it takes: copy the folder to a place where you may write"
                ) from None
            connection, lasting = connect(self.path, writable=False, immutable=True), False
        connection.set_busy_timeout(_READING_MS)
        return connection, lasting

    def _check_present(self) -> None:
        try:
            status = os.lstat(self._name)
        except (FileNotFoundError, NotADirectoryError):
            raise StoreNotFoundError(f"the store at {self.path} is gone") from None
        if self._opened is None:
            self._opened = status
        elif not os.path.samestat(status, self._opened):
            raise StoreNotFoundError(f"the store at {self.path} is gone: there is another file in its place")


def _close(connection: apsw.Connection) -> None:
    """Close a connection; that it cannot tidy up, on a full disk say, changes nothing of what it has committed."""
    with suppress(apsw.Error):
        connection.close()


def cannot_be_written(path: Path) -> ReadOnlyError:
    """What to tell where nothing can be written."""
    return ReadOnlyError(f"the store at {path} cannot be written: its file or folder is read-only")


def explained(error: apsw.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """What to tell a person when SQLite refused something."""
    explanation: StoreError
    match error:
        case apsw.BusyError() | apsw.LockedError():
            explanation = BusyError(f"the store at {path} is locked by another process")
        case apsw.FullError():
            explanation = StoreError(f"the store at {path} failed: no space is left on its disk")
        case apsw.CorruptError() | apsw.NotADBError() | UnicodeDecodeError():
            explanation = DamagedStoreError(
                f"the database {path} is damaged ({error}): dive-tui verify tells what, dive-tui repair saves the rest"
            )
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            explanation = cannot_be_written(path)
        case apsw.CantOpenError() if not os.access(path.parent, os.W_OK):
            explanation = cannot_be_written(path)
        case apsw.CantOpenError():
            explanation = StoreError(f"cannot open the store at {path}: {error}")
        case _:
            explanation = StoreError(f"the store at {path} failed: {error}")
    explanation.__cause__ = error
    return explanation
