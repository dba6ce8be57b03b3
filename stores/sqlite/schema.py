"""The tables of a store in SQLite, and how a database of an older version becomes one of this version.

An event's row holds the very line that a store of files would hold, sealed with its checksum (its line end aside); its
position is the number of its execution times 2**32 plus its sequence, so a history is one range of the table. What
lists show is kept in the row of the execution and changes with the events, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache

import apsw

from engine.store import ForeignStoreError, StoreError

APPLICATION_ID = 0x44495645
"""`DIVE`, at a fixed place in the file, so that tools like `file` can tell what it is."""
SEQUENCE_BITS = 32
MOST_EXECUTIONS = (1 << 31) - 1
"""Numbers of executions are below this, so that every position is one that SQLite can hold."""

_TABLES = """
CREATE TABLE executions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    last_sequence INTEGER NOT NULL,
    status TEXT NOT NULL,
    workflow_name TEXT NOT NULL,
    start_time TEXT NOT NULL,
    end_time TEXT,
    wake_at TEXT,
    children TEXT,
    continues TEXT,
    received INTEGER NOT NULL DEFAULT 0,
    last_ordinal INTEGER NOT NULL DEFAULT 0,
    summary BLOB NOT NULL
) STRICT;
CREATE INDEX executions_by_age ON executions (start_time DESC, id);
CREATE INDEX executions_by_status ON executions (status, start_time DESC, id);
CREATE INDEX executions_by_workflow ON executions (workflow_name, start_time DESC, id);
CREATE INDEX executions_by_end ON executions (end_time) WHERE end_time IS NOT NULL;
CREATE INDEX executions_by_wake_up ON executions (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX executions_with_children ON executions (number) WHERE children IS NOT NULL;
CREATE INDEX executions_with_messages ON executions (start_time, id) WHERE last_ordinal > received AND end_time IS NULL;
CREATE INDEX executions_by_predecessor ON executions (continues) WHERE continues IS NOT NULL;
CREATE TABLE events (position INTEGER PRIMARY KEY, line BLOB NOT NULL) STRICT;
CREATE TABLE snapshots (number INTEGER PRIMARY KEY, last_sequence INTEGER NOT NULL, line BLOB NOT NULL) STRICT;
CREATE TABLE messages (
    number INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    id TEXT NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (number, ordinal),
    UNIQUE (number, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE owners (
    execution_id TEXT PRIMARY KEY,
    runner TEXT NOT NULL,
    host TEXT NOT NULL,
    crc INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (_TABLES,)
"""What makes a database of version n one of version n + 1. What was once released is never changed again."""


def position(number: int, sequence: int) -> int:
    """Where an event stands in the table of events."""
    return number << SEQUENCE_BITS | sequence


def is_current(connection: apsw.Connection, migrations: Sequence[str] = MIGRATIONS) -> bool:
    """Whether a database is a store of this version.

    Raises:
        ForeignStoreError: it is none of ours.
        StoreError: a newer version wrote it.
    """
    application, version = connection.pragma("application_id"), connection.pragma("user_version")
    if application != APPLICATION_ID:
        if application or version or connection.execute("SELECT count(*) FROM sqlite_schema").get:
            raise ForeignStoreError(f"{connection.filename} is a database, but not a store of executions")
        return False
    if not isinstance(version, int) or version > len(migrations):
        raise StoreError(
            f"{connection.filename} was written by a newer version of dive-tui "
            f"(its tables are of version {version}, this one knows {len(migrations)})"
        )
    if version < len(migrations):
        return False
    if _tables_of(connection) != _tables_made_by(tuple(migrations)):
        raise ForeignStoreError(f"{connection.filename} says that it is a store of executions, but its tables are not")
    return True


def _tables_of(connection: apsw.Connection) -> set[tuple[object, ...]]:
    # What SQLite makes by itself, like the index of a primary key, it names so.
    return set(connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"))


@lru_cache
def _tables_made_by(migrations: tuple[str, ...]) -> set[tuple[object, ...]]:
    """The tables as they must be, word for word: those of a file that somebody made up may compute what is read."""
    with closing(apsw.Connection(":memory:")) as connection:
        for step in migrations:
            connection.execute(step)
        return _tables_of(connection)


def bring_up_to_date(connection: apsw.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Make a new or older database one of this version, all at once or not at all.

    Raises:
        ForeignStoreError, StoreError: as `is_current`.
        apsw.Error: it could not be written.
    """
    if is_current(connection, migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while we waited for the lock.
        if not is_current(connection, migrations):
            version = int(str(connection.pragma("user_version")))
            for step in migrations[version:]:
                connection.execute(step)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", len(migrations))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
