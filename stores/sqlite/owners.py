"""Which runner may append to an execution, as rows of the database; whether it lives tells its lock."""

from __future__ import annotations

from zlib import crc32

import apsw

from engine.store import DamagedStoreError
from stores.runners import Owner, Runners


def owner_of(connection: apsw.Connection, execution_id: str) -> Owner | None:
    """Who owns an execution, alive or not.

    Raises:
        DamagedStoreError: the row that says so is damaged: then nobody can be said not to own it.
    """
    row = connection.execute(
        "SELECT execution_id, runner, host, crc FROM owners WHERE execution_id = ?", (execution_id,)
    ).fetchone()
    if row is None:
        return None
    if not is_whole(row):
        raise DamagedStoreError(
            f"who owns {execution_id} cannot be read, its row of the table owners is damaged: dive-tui repair mends it"
        )
    return Owner(row[1], row[2])


def is_whole(row: tuple[object, ...]) -> bool:
    """Whether a row of the table (execution_id, runner, host, crc) is what was written."""
    execution_id, runner, host, crc = row
    return all(isinstance(text, str) for text in row[:3]) and crc == _crc(str(execution_id), str(runner), str(host))


def acquire(connection: apsw.Connection, execution_id: str, mine: Owner, runners: Runners, *, take_over: bool) -> bool:
    """Make a runner the owner; False when it already was. Must be inside a transaction.

    Raises:
        OwnedError: another runner that lives owns it, or may for all we know.
        DamagedStoreError: as `owner_of`.
    """
    current = owner_of(connection, execution_id)
    if current == mine:
        return False
    runners.check_free(execution_id, current, take_over=take_over)
    connection.execute(
        "INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?)",
        (execution_id, mine.runner, mine.host, _crc(execution_id, mine.runner, mine.host)),
    )
    return True


def release(connection: apsw.Connection, execution_id: str, mine: Owner) -> bool:
    """Give ownership up; False when this runner is not the owner. Must be inside a transaction."""
    connection.execute(
        "DELETE FROM owners WHERE execution_id = ? AND runner = ? AND host = ?", (execution_id, mine.runner, mine.host)
    )
    return connection.changes() > 0


def _crc(execution_id: str, runner: str, host: str) -> int:
    return crc32(f"{execution_id}\n{runner}\n{host}".encode())
