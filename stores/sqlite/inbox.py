"""The messages to an execution as rows of the database."""

from __future__ import annotations

import apsw

from engine.model.signals import ExecutionSignal
from engine.store import DamagedInboxError
from stores.codec import LineError, decode_signal, encode_signal
from stores.sqlite.histories import Found


def send(connection: apsw.Connection, found: Found, signal: ExecutionSignal) -> int:
    """Add a message unless it is there already, and return its ordinal. Must be inside a transaction.

    Raises:
        InvalidSignalError: its data is no JSON.
    """
    known = connection.execute(
        "SELECT ordinal FROM messages WHERE number = ? AND id = ?", (found.number, signal.id)
    ).fetchone()
    if known is not None:
        return int(known[0])
    (last,) = connection.execute("SELECT last_ordinal FROM executions WHERE number = ?", (found.number,))
    ordinal: int = last[0] + 1
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
        (last,) = connection.execute("SELECT last_ordinal FROM executions WHERE number = ?", (found.number,))
        if type(last[0]) is not int or expected <= last[0]:
            raise LineError("it is missing")
    except LineError as error:
        raise DamagedInboxError(
            f"the messages to {execution_id} are damaged at message {expected}: {error}",
            place=f"table messages, message {expected}",
            readable=signals,
        ) from None
    return signals
