"""What lists show: a row per execution, kept up to date by every append, and the queries over it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import apsw
import orjson

from engine.model.events import EMPTY
from engine.model.snapshot import ExecutionFilter, ExecutionSummary
from engine.model.state import INTERRUPTED, ExecutionState, ExecutionStatus
from engine.model.times import EPOCH, format_time
from stores.codec import LineError, unseal
from stores.due import can_be_due, select_due
from stores.folding import Folded, summary_of
from stores.runners import Living, Owner

Bindings = Mapping[str, str | int | None]

_OPEN = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)
_SELECT = """
SELECT executions.id, executions.summary, owners.runner, owners.host
FROM executions LEFT JOIN owners ON owners.execution_id = executions.id
"""
_LIVE = "(owners.host IS NOT NULL AND (owners.host <> :host OR owners.runner IN (SELECT value FROM json_each(:live))))"
_OLDEST = "ORDER BY executions.start_time, executions.id"
_DUE = (
    "executions.wake_at <= :moment ORDER BY executions.wake_at, executions.start_time, executions.id",
    f"executions.status = 'pending' AND NOT {_LIVE} {_OLDEST}",
    f"executions.status = 'running' AND NOT {_LIVE} {_OLDEST}",
    f"executions.last_ordinal > executions.received AND executions.end_time IS NULL {_OLDEST}",
)
"""Each in the order of `select_due`, so that of each only the first that can be due are looked at."""
_WITH_CHILDREN = "executions.children IS NOT NULL"


class Row(NamedTuple):
    """The columns of `executions` that queries ask for."""

    status: str
    workflow_name: str
    start_time: str
    end_time: str | None
    wake_at: str | None
    children: str | None
    continues: str | None
    received: int

    @classmethod
    def of(cls, summary: ExecutionSummary) -> Row:
        """What a summary says."""
        lineage = summary.lineage or EMPTY
        predecessor = lineage.get("execution_id") if lineage.get("kind") == "continue" else None
        return cls(
            summary.status,
            summary.workflow_name,
            summary.start_time,
            summary.end_time,
            summary.wake_at,
            orjson.dumps(summary.children).decode() if summary.children else None,
            predecessor if isinstance(predecessor, str) else None,
            summary.inbox,
        )


def add_row(connection: apsw.Connection, last_sequence: int, summary: ExecutionSummary, shown: bytes) -> int:
    """The number of a new execution. `shown`: its summary, sealed."""
    connection.execute(
        "INSERT INTO executions (id, last_sequence, summary, status, workflow_name, start_time, end_time, wake_at,"
        " children, continues, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (summary.id, last_sequence, shown, *Row.of(summary)),
    )
    return connection.last_insert_rowid()


def update_row(
    connection: apsw.Connection,
    number: int,
    last_sequence: int,
    summary: ExecutionSummary,
    shown: bytes,
    before: Row | None,
) -> Row:
    """What lists show from now on.

    Args:
        shown: the summary, sealed.
        before: what the row says now, which need not be written again.
    """
    row = Row.of(summary)
    if row == before:
        connection.execute(
            "UPDATE executions SET last_sequence = ?, summary = ? WHERE number = ?", (last_sequence, shown, number)
        )
    else:
        connection.execute(
            "UPDATE executions SET last_sequence = ?, summary = ?, status = ?, workflow_name = ?, start_time = ?,"
            " end_time = ?, wake_at = ?, children = ?, continues = ?, received = ? WHERE number = ?",
            (last_sequence, shown, *row, number),
        )
    return row


def get(connection: apsw.Connection, execution_id: str, living: Living) -> ExecutionSummary | None:
    """The list line of an execution; None when there is none of this id."""
    return next(_query(connection, "WHERE executions.id = :id", living, {"id": execution_id}), None)


def select(connection: apsw.Connection, where: ExecutionFilter | None, living: Living) -> list[ExecutionSummary]:
    """Those a filter accepts, newest start first, then by id; then its offset and limit."""
    where = where or ExecutionFilter()
    bindings = {
        "workflow": where.workflow_name,
        "limit": -1 if where.limit is None else where.limit + where.offset,
        **_alive(living),
    }
    # Each condition is answered in the order of an index, so that a page costs what it shows, not what there is.
    order = "ORDER BY executions.start_time DESC, executions.id LIMIT :limit"
    streams = [_query(connection, f"{condition} {order}", living, bindings) for condition in _conditions(where)]
    merged = heapq.merge(*streams, key=_newest_first)
    stop = None if where.limit is None else where.offset + where.limit
    return list(islice(merged, where.offset, stop))


def due(connection: apsw.Connection, now: datetime, limit: int, living: Living) -> list[ExecutionSummary]:
    """What `select_due` chooses."""
    bindings = {"moment": format_time(now), **_alive(living)}
    found = [
        islice(filter(can_be_due, _query(connection, f"WHERE {condition}", living, bindings)), max(0, limit))
        for condition in _DUE
    ]
    found.append(islice(_query(connection, f"WHERE {_WITH_CHILDREN}", living, bindings), None))
    candidates = {summary.id: summary for summaries in found for summary in summaries}
    # Whether an awaited child is over depends on the whole chain it began.
    awaited, seen = [child for summary in candidates.values() for child in summary.children], set[str]()
    while awaited:
        child = awaited.pop()
        if child in seen:
            continue
        seen.add(child)
        if child not in candidates and (summary := get(connection, child, living)) is not None:
            candidates[child] = summary
        awaited += (name for (name,) in connection.execute("SELECT id FROM executions WHERE continues = ?", (child,)))
    return select_due(list(candidates.values()), now, limit, lambda name: last_ordinal(connection, name))


def ended_before(connection: apsw.Connection, moment: str) -> list[str]:
    """Ids of the executions that ended before a moment."""
    return [
        name for (name,) in connection.execute("SELECT id FROM executions WHERE end_time < ? ORDER BY +id", (moment,))
    ]


def has_ended(connection: apsw.Connection, execution_id: str, before: str) -> bool:
    """Whether an execution ended before a moment."""
    query = "SELECT 1 FROM executions WHERE id = ? AND end_time < ?"
    return connection.execute(query, (execution_id, before)).fetchone() is not None


def last_ordinal(connection: apsw.Connection, execution_id: str) -> int:
    """The ordinal of the last message to an execution; 0 when there is none."""
    row = connection.execute("SELECT last_ordinal FROM executions WHERE id = ?", (execution_id,)).fetchone()
    return 0 if row is None else int(row[0])


def _query(connection: apsw.Connection, rest: str, living: Living, bindings: Bindings) -> Iterator[ExecutionSummary]:
    for execution_id, line, runner, host in connection.execute(f"{_SELECT} {rest}", bindings):
        yield _restored(execution_id, line, None if runner is None else Owner(runner, host), living)


def _alive(living: Living) -> dict[str, str | int | None]:
    return {"host": living.host, "live": orjson.dumps(sorted(living.runners)).decode()}


def _conditions(where: ExecutionFilter) -> list[str]:
    workflow = "executions.workflow_name = :workflow" if where.workflow_name is not None else ""
    if not where.statuses:
        return [f"WHERE {workflow}" if workflow else ""]
    conditions = []
    for status in sorted(where.statuses):
        if status == INTERRUPTED:
            parts = [f"executions.status = '{name}' AND NOT {_LIVE}" for name in _OPEN]
        elif status in _OPEN:
            parts = [f"executions.status = '{status}' AND {_LIVE}"]
        else:
            parts = [f"executions.status = '{status}'"]
        conditions += [f"WHERE {part}{f' AND {workflow}' if workflow else ''}" for part in parts]
    return conditions


def _newest_first(summary: ExecutionSummary) -> tuple[_Newest, str]:
    return _Newest(summary.start_time), summary.id


class _Newest(str):
    """A time that sorts before every earlier one."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _restored(execution_id: str, line: bytes, owner: Owner | None, living: Living) -> ExecutionSummary:
    """The summary as it was sealed, and who owns the execution now; one that does not unseal says so."""
    try:
        record = unseal(line)
        if record.get("id") != execution_id:
            raise LineError("it is of another execution")
        record["owner"] = owner and owner.runner
        record["live"] = living.includes(owner) if record.get("end_time") is None else None
        return ExecutionSummary.from_dict(record)
    except ValueError as error:
        problem = f"table executions, the summary of {execution_id}: {error}"
        unreadable = summary_of(Folded(ExecutionState(execution_id), problem), format_time(EPOCH))
        return replace(unreadable, owner=owner and owner.runner, live=living.includes(owner))
