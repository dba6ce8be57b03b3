"""The execution to compare one with, when nobody says: found in the list, without reading a history."""

from __future__ import annotations

from typing import Literal, NamedTuple

from engine.model.snapshot import ExecutionFilter, ExecutionSummary
from engine.model.state import ExecutionStatus
from engine.store import ExecutionEventStore

Relation = Literal["source", "retry", "continued", "last_good"]
_PREDECESSORS = {"retry": "retry", "continue": "continuation", "migration": "migration"}
_GOOD = frozenset({str(ExecutionStatus.COMPLETED)})


class Counterpart(NamedTuple):
    """An execution to compare with. `why` is what it is to the other one, in words: `the run it is a retry of`."""

    summary: ExecutionSummary
    why: str
    relation: Relation


async def counterpart(store: ExecutionEventStore, summary: ExecutionSummary) -> Counterpart | None:
    """What it is a retry or continuation of, else its newest retry, else the last good run; None without any.

    Raises:
        StoreError: the store cannot be read.
    """
    return await source_of(store, summary) or await newest_retry(store, summary) or await last_good_run(store, summary)


async def source_of(store: ExecutionEventStore, summary: ExecutionSummary) -> Counterpart | None:
    """The execution it retries, continues or was migrated from, when that is still in the store.

    Raises:
        StoreError: the store cannot be read.
    """
    lineage = summary.lineage or {}
    word = _PREDECESSORS.get(str(lineage.get("kind")))
    source = lineage.get("execution_id")
    if word is None or not isinstance(source, str) or source == summary.id:
        return None
    found = await store.get_summary(source)
    return None if found is None else Counterpart(found, f"the run it is a {word} of", "source")


async def newest_retry(store: ExecutionEventStore, summary: ExecutionSummary) -> Counterpart | None:
    """The newest execution that retries this one.

    Raises:
        StoreError: the store cannot be read.
    """
    for other in await store.list_executions(ExecutionFilter(workflow_name=summary.workflow_name)):
        lineage = other.lineage or {}
        if (lineage.get("kind"), lineage.get("execution_id")) == ("retry", summary.id) and other.id != summary.id:
            return Counterpart(other, "its newest retry", "retry")
    return None


async def last_good_run(store: ExecutionEventStore, summary: ExecutionSummary) -> Counterpart | None:
    """The newest completed execution of the same workflow that started before it, else the newest of all.

    Raises:
        StoreError: the store cannot be read.
    """
    good = ExecutionFilter(statuses=_GOOD, workflow_name=summary.workflow_name)
    found = [other for other in await store.list_executions(good) if other.id != summary.id]
    earlier = next((other for other in found if _order(other) < _order(summary)), None)
    if earlier is not None:
        return Counterpart(earlier, "the last good run before it", "last_good")
    return Counterpart(found[0], "the newest good run", "last_good") if found else None


def _order(summary: ExecutionSummary) -> tuple[str, str]:
    """Start time, then id: the order of lists."""
    return summary.start_time, summary.id
