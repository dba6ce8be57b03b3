"""Which executions somebody should drive now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from engine.model.snapshot import ExecutionSummary
from engine.model.state import ENDED, INTERRUPTED, ExecutionStatus
from engine.model.times import format_time
from stores.folding import is_damaged


def select_due(
    summaries: Sequence[ExecutionSummary], now: datetime, limit: int, last_ordinal: Callable[[str], int]
) -> list[ExecutionSummary]:
    """What `ExecutionEventStore.due` gives, chosen from all summaries of a store.

    Args:
        last_ordinal: the ordinal of the last message to an execution, 0 without messages; asked only when nothing
            else decides.

    Raises:
        ValueError: `now` has no time zone, or `limit` is negative.
    """
    if limit < 0:
        raise ValueError("limit must be 0 or more")
    moment = format_time(now)
    children = _Children(summaries)
    chosen = []
    for summary in summaries:
        if not can_be_due(summary):
            continue
        waiting = summary.status == ExecutionStatus.WAITING
        at_rest = waiting or summary.status == ExecutionStatus.PAUSED
        overdue = at_rest and summary.wake_at is not None and summary.wake_at <= moment
        if (
            overdue
            or summary.shown_status == INTERRUPTED
            or any(children.is_over(child, missing_counts=waiting) for child in summary.children)
            or last_ordinal(summary.id) > summary.inbox
        ):
            wake_at = summary.wake_at or "" if overdue else ""
            chosen.append(((not overdue, wake_at, summary.start_time, summary.id), summary))
    chosen.sort(key=lambda entry: entry[0])
    return [summary for _, summary in chosen[:limit]]


def can_be_due(summary: ExecutionSummary) -> bool:
    """Whether a runner could drive it at all: it is open, nobody does so now, and its history is whole and ours."""
    return summary.live is False and not summary.dialect and not is_damaged(summary)


class _Children:
    """How the executions stand that others wait for."""

    def __init__(self, summaries: Sequence[ExecutionSummary]) -> None:
        self._by_id = {summary.id: summary for summary in summaries}
        self._successors = {
            lineage["execution_id"]: summary
            for summary in summaries
            if (lineage := summary.lineage) is not None
            and lineage.get("kind") == "continue"
            and isinstance(lineage.get("execution_id"), str)
        }

    def is_over(self, execution_id: str, *, missing_counts: bool) -> bool:
        """Whether a child, or the last of the chain it began, has ended; `missing_counts`: also when there is none."""
        child = self._by_id.get(execution_id)
        seen = {execution_id}
        while child is not None and child.status == ExecutionStatus.CONTINUED:
            successor = self._successors.get(child.id)
            if successor is None or successor.id in seen:
                break
            seen.add(successor.id)
            child = successor
        return missing_counts if child is None else child.status in ENDED
