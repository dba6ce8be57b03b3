"""What every store checks before it touches anything."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.events import ExecutionEvent
from engine.model.ids import InvalidIdError, validate_execution_id


def check_batch(events: Sequence[ExecutionEvent]) -> str:
    """The execution that a batch of at least one event belongs to.

    Raises:
        InvalidEventError: an event breaks the format.
        ValueError: the batch mixes executions or has gaps.
    """
    execution_id, sequence = events[0].execution_id, events[0].sequence
    for expected, event in enumerate(events, start=sequence):
        event.validate()
        if event.execution_id != execution_id:
            raise ValueError(f"a batch holds events of one execution, not of {execution_id} and {event.execution_id}")
        if event.sequence != expected:
            raise ValueError(f"a batch has no gaps, but event {event.sequence} stands where {expected} should")
    return execution_id


def check_runner(runner_id: str) -> str:
    """The id unchanged, when it can be a runner's: the same rules as for an execution id.

    Raises:
        InvalidIdError: it cannot.
    """
    try:
        return validate_execution_id(runner_id)
    except InvalidIdError as error:
        raise InvalidIdError(str(error).replace("an execution id", "a runner id")) from None
