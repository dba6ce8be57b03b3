"""What any program must do: the same bytes in the same commits, written to a bare SQLite table or a bare file."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import apsw

_numbers = itertools.count()


def into_sqlite(folder: Path, commits: Sequence[Sequence[bytes]], *, sync: bool) -> float:
    """Seconds to insert lines into one table in WAL mode, a transaction per commit."""
    with closing(apsw.Connection(str(folder / f"probe-{next(_numbers)}.db"))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "FULL" if sync else "NORMAL")
        connection.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, line BLOB NOT NULL) STRICT")
        began = time.perf_counter()
        for commit in commits:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO events (line) VALUES (?)", ((line,) for line in commit))
            connection.execute("COMMIT")
        return time.perf_counter() - began


def into_file(folder: Path, commits: Sequence[Sequence[bytes]], *, sync: bool) -> float:
    """Seconds to append lines to one file, a write per commit."""
    fd = os.open(folder / f"probe-{next(_numbers)}.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        began = time.perf_counter()
        for commit in commits:
            os.write(fd, b"".join(commit))
            if sync:
                os.fdatasync(fd)
        return time.perf_counter() - began
    finally:
        os.close(fd)
