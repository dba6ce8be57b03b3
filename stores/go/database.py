"""The SQLite store of the Go system, opened so that not a byte of it changes and nothing in it is believed."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw

from engine.model.ids import is_execution_id
from engine.store import DamagedStoreError, ForeignStoreError, StoreError, StoreNotFoundError
from stores.go.raw import (
    Damage,
    FormatProblem,
    Oddity,
    RawEvent,
    RawHistory,
    RawSnapshot,
    decoded,
    in_order,
    raw_event,
)
from stores.sqlite.plain import PlainFile

EVENTS = "execution_events"
SNAPSHOTS = "execution_snapshots"
EVENT_COLUMNS = ("id", "execution_id", "path_id", "sequence", "timestamp", "event_type", "step_name", "data")
_SNAPSHOT_COLUMNS = (
    "execution_id", "workflow_name", "workflow_hash", "inputs_hash", "status", "start_time", "end_time", "created_at",
    "updated_at", "last_event_seq", "workflow_data", "inputs", "outputs", "error",
)  # fmt: skip
_JSON_COLUMNS = frozenset({"inputs", "outputs", "total_usage"})
_LARGEST_VALUE = 256 * 1024 * 1024
_TRIES = 5

_Stamp = tuple[tuple[int, int, int] | None, ...]


class GoDatabase:
    """A `Source` in an SQLite file.

    A file without a write-ahead log is opened in place, as one that nobody changes. With one it is opened as a private
    copy of both, because reading a log means writing beside it. Either is done anew when the files have changed.
    """

    def __init__(self, place: Path, *, with_log: bool = True) -> None:
        """
        Args:
            place: the file.
            with_log: read what its write-ahead log holds too.

        Raises:
            StoreNotFoundError: there is no file.
            ForeignStoreError: it is no store of the Go system.
            StoreError: it cannot be read.
        """
        self.place = place
        self._with_log = with_log
        self._connection: apsw.Connection | None = None
        self._opened: _Stamp = ()
        self._cleanup: weakref.finalize[[str], GoDatabase] | None = None
        self._columns: dict[str, tuple[str, ...]] = {}
        self._database()

    def execution_ids(self) -> list[str]:
        """See `Source.execution_ids`."""
        return [found for found in self._ids(EVENTS) if isinstance(found, str) and is_execution_id(found)]

    def oddities(self) -> list[Oddity]:
        """See `Source.oddities`."""
        with_events = self._ids(EVENTS)
        odd = [Oddity(_shown(found), "it cannot be an execution id") for found in with_events if not _is_id(found)]
        known = {found for found in with_events if _is_id(found)}
        alone = [found for found in self._ids(SNAPSHOTS) if found not in known]
        return odd + [Oddity(_shown(found), "it has a snapshot and no events") for found in alone]

    def history(self, execution_id: str) -> RawHistory:
        """See `Source.history`."""
        return in_order(self._rows(execution_id), execution_id)

    def snapshot(self, execution_id: str) -> RawSnapshot | None:
        """See `Source.snapshot`."""
        database = self._database()
        columns = self._columns.get(SNAPSHOTS)
        if columns is None:
            return None
        try:
            row = database.execute(f"{_select(columns, SNAPSHOTS)} WHERE execution_id = ?", (execution_id,)).fetchone()
            if row is None:
                return None
            record = {name: _value(*cell) for name, cell in zip(columns, _cells(row), strict=True)}
            for name in _JSON_COLUMNS & record.keys():
                content = record[name]
                record[name] = None if content is None else decoded(_bytes(content))
        except (apsw.Error, FormatProblem):
            return None
        record["id"] = record.pop("execution_id", execution_id)
        return RawSnapshot(record)

    def stamp(self, execution_id: str) -> object:
        """See `Source.stamp`."""
        return _stamp(self.place)

    def marks(self) -> dict[str, object]:
        """See `Source.marks`."""
        stamp = _stamp(self.place)
        if stamp[0] is None:
            raise StoreNotFoundError(f"the store at {self.place} is gone")
        return {"": stamp}

    def close(self) -> None:
        """See `Source.close`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._cleanup is not None:
            self._cleanup()
            self._cleanup = None

    def _ids(self, table: str) -> list[object]:
        database = self._database()
        if table not in self._columns:
            return []
        found: list[object] = []
        distinct = f"SELECT DISTINCT execution_id AS found FROM {table} ORDER BY 1"  # noqa: S608 - a name of ours
        query = f"SELECT typeof(found), CAST(found AS BLOB) FROM ({distinct})"  # noqa: S608 - of the above
        try:
            found.extend(_id(*row) for row in database.execute(query))
        except apsw.Error as error:
            if not found:
                raise self._explained(error) from error
        return found

    def _rows(self, execution_id: str) -> Iterator[RawEvent | Damage]:
        database = self._database()
        columns = self._columns[EVENTS]
        place = f"{self.place}, table {EVENTS}"
        try:
            for rowid, *row in database.execute(
                f"{_select(columns, EVENTS, 'rowid, ')} WHERE execution_id = ? ORDER BY sequence", (execution_id,)
            ):
                place = f"{self.place}, row {rowid} of {EVENTS}"
                try:
                    yield _read_row(columns, row, place)
                except FormatProblem as problem:
                    yield Damage(place, str(problem))
        except apsw.Error as error:
            yield Damage(place, f"what follows cannot be read ({error})")

    # Opening

    def _database(self) -> apsw.Connection:
        stamp = _stamp(self.place)
        if self._connection is not None and stamp == self._opened:
            return self._connection
        self.close()
        if stamp[0] is None:
            raise StoreNotFoundError(f"there is no store at {self.place}")
        try:
            self._open(stamp)
        except apsw.Error as error:
            self.close()
            raise self._explained(error) from error
        except OSError as error:
            self.close()
            raise StoreError(f"cannot read {self.place}: {error.strerror or error}") from error
        except StoreError:
            self.close()
            raise
        assert self._connection is not None
        return self._connection

    def _open(self, stamp: _Stamp) -> None:
        _, log, journal = stamp
        if journal is not None and journal[1]:
            raise StoreError(
                f"{self.place} has the journal of an unfinished transaction beside it: open a copy of both with "
                "sqlite3 once, and name that copy"
            )
        if self._with_log and log is not None and log[1]:
            path = self._copy()
            self._connection = apsw.Connection(str(path))
        else:
            address = f"file:{quote(os.fsencode(self.place.absolute()))}?mode=ro&immutable=1"
            self._connection = apsw.Connection(address, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        self._opened = _stamp(self.place)
        _distrust(self._connection)
        if self._connection.pragma("encoding") != "UTF-8":
            raise ForeignStoreError(f"{self.place} is an SQLite file, but not a store of executions")
        self._columns = {name: columns for name in (EVENTS, SNAPSHOTS) if (columns := self._columns_of(name))}
        if not set(EVENT_COLUMNS) <= set(self._columns.get(EVENTS, ())):
            raise ForeignStoreError(f"{self.place} is an SQLite file, but not a store of executions")

    def _copy(self) -> Path:
        folder = tempfile.mkdtemp(prefix="dive-")  # 0700
        self._cleanup = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        copy = Path(folder, "copy.db")
        for _ in range(_TRIES):
            before = _stamp(self.place)
            with closing(PlainFile(self.place)) as file:
                file.copy_to(copy)
            shutil.copyfile(f"{self.place}-wal", f"{copy}-wal")
            if _stamp(self.place) == before:
                return copy
        raise StoreError(f"{self.place} is being written all the time; try again when the other process has ended")

    def _columns_of(self, table: str) -> tuple[str, ...]:
        """The columns of a table that is one, none computed; none of what only has the name."""
        assert self._connection is not None
        found = self._connection.execute(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? AND rootpage > 0 "
            "AND upper(substr(sql, 1, 13)) = 'CREATE TABLE '",
            (table,),
        ).fetchone()
        if found is None:
            return ()
        columns = [(row[1], row[6]) for row in self._connection.execute(f"PRAGMA table_xinfo({table})")]
        if any(hidden for _, hidden in columns):
            raise ForeignStoreError(f"{self.place}: table {table} has computed columns, which no store of Dive's has")
        return tuple(name for name, _ in columns if name in (*EVENT_COLUMNS, *_SNAPSHOT_COLUMNS, *_MORE))

    def _explained(self, error: apsw.Error) -> StoreError:
        if isinstance(error, apsw.NotADBError):
            return ForeignStoreError(f"{self.place} is no SQLite file")
        if isinstance(error, apsw.CorruptError):
            return DamagedStoreError(f"{self.place} is damaged: {error}")
        return StoreError(f"cannot read {self.place}: {error}")


_MORE = ("created_at", "total_usage")


def _distrust(connection: apsw.Connection) -> None:
    """Nothing in the file's schema may run or be believed."""
    for option, value in (
        (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
        (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
    ):
        connection.config(option, value)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
    for pragma, value in (("cell_size_check", 1), ("mmap_size", 0), ("query_only", 1)):
        connection.pragma(pragma, value)


def _stamp(path: Path) -> _Stamp:
    """Of the file, its log and its journal."""
    return tuple(_stamp_of(f"{path}{suffix}") for suffix in ("", "-wal", "-journal"))


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - a text with a suffix
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _select(columns: tuple[str, ...], table: str, first: str = "") -> str:
    # As bytes with their type: what is no UTF-8 must not stop the whole query.
    cells = ", ".join(f"typeof({name}), CAST({name} AS BLOB)" for name in columns)
    return f"SELECT {first}{cells} FROM {table}"  # noqa: S608 - names of ours


def _cells(row: Any) -> Iterator[tuple[str, bytes | None]]:
    return zip(row[::2], row[1::2], strict=True)


def _value(kind: str, content: bytes | None) -> Any:
    """The value of a column.

    Raises:
        FormatProblem: text that is no UTF-8.
    """
    if content is None or kind == "null":
        return None
    if kind == "blob":
        return content
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatProblem("it holds text that is no UTF-8") from None
    return int(text) if kind == "integer" else float(text) if kind == "real" else text


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise FormatProblem("what should be JSON is a number")


def _read_row(columns: tuple[str, ...], row: list[Any], place: str) -> RawEvent:
    record = {name: _value(*cell) for name, cell in zip(columns, _cells(row), strict=True)}
    data = record["data"]
    record["data"] = None if data is None else decoded(_bytes(data))
    created = record.get("created_at")
    return raw_event(record, place, {"created_at": created} if isinstance(created, str) else {})


def _id(kind: str, content: bytes | None) -> object:
    try:
        return _value(kind, content)
    except FormatProblem:
        return content


def _is_id(found: object) -> bool:
    return isinstance(found, str) and is_execution_id(found)


def _shown(found: object) -> str:
    return found if isinstance(found, str) else repr(found)
