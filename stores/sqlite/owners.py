"""Which runner may append to an execution, as rows of the database; whether it lives tells its lock."""

from __future__ import annotations

import apsw

from stores.runners import Owner, Runners


def owner_of(connection: apsw.Connection, execution_id: str) -> Owner | None:
    """Who owns an execution, alive or not."""
    row = connection.execute("SELECT runner, host FROM owners WHERE execution_id = ?", (execution_id,)).fetchone()
    return None if row is None else Owner(*row)


def acquire(connection: apsw.Connection, execution_id: str, mine: Owner, runners: Runners, *, take_over: bool) -> bool:
    """Make a runner the owner; False when it already was. Must be inside a transaction.

    Raises:
        OwnedError: another runner that lives owns it, or may for all we know.
    """
    current = owner_of(connection, execution_id)
    if current == mine:
        return False
    runners.check_free(execution_id, current, take_over=take_over)
    connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?)", (execution_id, mine.runner, mine.host))
    return True


def release(connection: apsw.Connection, execution_id: str, mine: Owner) -> bool:
    """Give ownership up; False when this runner is not the owner. Must be inside a transaction."""
    connection.execute(
        "DELETE FROM owners WHERE execution_id = ? AND runner = ? AND host = ?", (execution_id, mine.runner, mine.host)
    )
    return connection.changes() > 0
