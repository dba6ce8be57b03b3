"""The messages to an execution as rows of the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import apsw

from engine.model.signals import ExecutionSignal
from engine.store import DamagedInboxError
from stores.codec import LineError, decode_signal, encode_signal
from stores.sqlite.histories import Found


def send(connection: apsw.Connection, execution_id: str, found: Found, signal: ExecutionSignal) -> int:
    """Add a message unless it is there already, and return its ordinal. Must be inside a transaction.

    Raises:
        InvalidSignalError: its data is no JSON.
        DamagedInboxError: the message before it cannot be read: behind it nobody would find another one.
    """
    known = connection.execute(
        "SELECT ordinal FROM messages WHERE number = ? AND id = ?", (found.number, signal.id)
    ).fetchone()
    if known is not None:
        return int(known[0])
    ordinal = _last_ordinal(connection, found) + 1
    if ordinal > 1:
        messages(connection, execution_id, found, ordinal - 2)
    line = encode_signal(signal._replace(ordinal=ordinal))[:-1]
    connection.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", (found.number, ordinal, signal.id, line))
    connection.execute("UPDATE executions SET last_ordinal = ? WHERE number = ?", (ordinal, found.number))
    return ordinal


def messages(connection: apsw.Connection, execution_id: str, found: Found, after: int) -> list[ExecutionSignal]:
    """The messages with an ordinal above `after`.

    Raises:
        DamagedInboxError: one of them cannot be read.
    """
    expected = max(0, after) + 1
    signals: list[ExecutionSignal] = []
    rows = connection.execute(
        "SELECT ordinal, line FROM messages WHERE number = ? AND ordinal >= ? ORDER BY ordinal",
        (found.number, expected),
    )
    try:
        for ordinal, line in rows:
            if ordinal != expected:
                raise LineError("it is missing")
            signal = decode_signal(line)
            if signal.ordinal != expected:
                raise LineError(f"its row does not hold message {expected}")
            signals.append(signal)
            expected += 1
        last = _last_ordinal(connection, found)
        if expected <= last:
            raise LineError("it is missing")
        if signals and expected > last + 1:
            raise LineError(f"the execution's row says that there are {last}")
    except LineError as error:
        raise DamagedInboxError(
            f"the messages to {execution_id} are damaged at message {expected}: {error}",
            place=f"table messages, message {expected}",
            readable=signals,
        ) from None
    return signals


def readable(connection: apsw.Connection, number: int) -> list[ExecutionSignal]:
    """All messages that can be read, in order, whatever lies between them."""
    found = []
    for (line,) in connection.execute("SELECT line FROM messages WHERE number = ? ORDER BY ordinal", (number,)):
        with suppress(LineError):
            found.append(decode_signal(line))
    return found


def write_anew(connection: apsw.Connection, number: int, inbox: Sequence[ExecutionSignal]) -> None:
    """Put other messages, numbered without gaps, in the place of all there are. Must be inside a transaction."""
    connection.execute("DELETE FROM messages WHERE number = ?", (number,))
    rows = ((number, message.ordinal, message.id, encode_signal(message)[:-1]) for message in inbox)
    connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows)
    connection.execute("UPDATE executions SET last_ordinal = ? WHERE number = ?", (len(inbox), number))


def _last_ordinal(connection: apsw.Connection, found: Found) -> int:
    row: tuple[Any, ...] | None = connection.execute(
        "SELECT last_ordinal FROM executions WHERE number = ?", (found.number,)
    ).fetchone()
    if row is None or type(row[0]) is not int:
        raise LineError("how many there are cannot be read")
    return int(row[0])
