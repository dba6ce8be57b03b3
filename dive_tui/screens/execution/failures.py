"""Where an execution failed, as far as its history tells; no event is read for it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain

from engine.model.events import ExecutionEventType
from engine.replay.history import History


def cause_of(history: History) -> int | None:
    """The sequence of the failure that caused the end, or of the first failure; None without one.

    Behind damage nobody knows which failure caused the end: there it is the last attempt that is seen to fail.
    """
    if history.problem is None:
        return history.failure_sequence()
    failed = history.columns.find(kinds=[ExecutionEventType.STEP_FAILED], backwards=True)
    return next(failed, None) or history.failure_sequence()


def next_failure(history: History, sequence: int) -> int:
    """The next failed step after an event, from the beginning again behind the last one; without one, the event."""
    failures: Sequence[int] = history.index.failures
    if history.problem is not None:  # what is behind damage is in no index
        failures = list(history.columns.find(kinds=[ExecutionEventType.STEP_FAILED]))
    first = bisect_right(failures, sequence)
    around = map(failures.__getitem__, chain(range(first, len(failures)), range(first)))
    return next((failure for failure in around if is_failed_step(history, failure)), sequence)


def is_failed_step(history: History, sequence: int) -> bool:
    """Whether a step failed there; False while that is not known yet."""
    known = sequence <= len(history.columns)
    return known and history.columns.kind(sequence) == ExecutionEventType.STEP_FAILED
