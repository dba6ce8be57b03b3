"""From events to the line of a list, also when the events do not fit or cannot all be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from engine.core.reduce import HistoryError, reduce
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionFilter, ExecutionSummary, summarize
from engine.model.state import ExecutionState

_DAMAGED = "damaged: "


class Folded(NamedTuple):
    """A state, and why the fold ended there; an empty text when it did not have to."""

    state: ExecutionState
    problem: str = ""


def fold_as_far_as_possible(state: ExecutionState, events: Iterable[ExecutionEvent]) -> Folded:
    """Fold the events the state does not have yet."""
    for event in events:
        if event.sequence > state.sequence:
            try:
                state = reduce(state, event)
            except HistoryError as error:
                return Folded(state, str(error))
    return Folded(state)


def summary_of(folded: Folded, otherwise_at: str) -> ExecutionSummary:
    """The list line; for an execution of which nothing can be read with `otherwise_at` as its times."""
    state, problem = folded
    summary = summarize(state)
    if not _is_sound(summary):
        summary = summarize(ExecutionState(state.execution_id))
        problem = problem or "fields of its first event have the wrong type"
    if not summary.start_time:
        summary = replace(summary, start_time=otherwise_at, created_at=otherwise_at, updated_at=otherwise_at)
    return replace(summary, error=_DAMAGED + problem) if problem else summary


def is_damaged(summary: ExecutionSummary) -> bool:
    """Whether its history cannot be read to the end, or makes no sense."""
    return summary.error.startswith(_DAMAGED)


def _is_sound(summary: ExecutionSummary) -> bool:
    """Whether its fields have the types they should, which data that somebody made up may not."""
    objects: tuple[object, ...] = (summary.labels, summary.lineage or summary.labels)
    texts: tuple[object, ...] = (
        summary.workflow_name,
        summary.workflow_hash,
        summary.inputs_hash,
        summary.start_time,
        summary.updated_at,
        summary.error,
        summary.at_step,
    )
    return all(isinstance(value, Mapping) for value in objects) and all(isinstance(text, str) for text in texts)


def select(summaries: Iterable[ExecutionSummary], where: ExecutionFilter | None) -> list[ExecutionSummary]:
    """Those a filter accepts, newest start first, then by id; then its offset and limit."""
    where = where or ExecutionFilter()
    chosen = sorted(filter(where.accepts, summaries), key=lambda summary: summary.id)
    chosen.sort(key=lambda summary: summary.start_time, reverse=True)
    return chosen[where.offset :] if where.limit is None else chosen[where.offset : where.offset + where.limit]
