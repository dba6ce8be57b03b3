"""What every store checks before it touches anything."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.events import ExecutionEvent
from engine.model.ids import InvalidIdError, validate_execution_id
from engine.model.signals import ExecutionSignal, InvalidSignalError


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


def check_batches(batches: Sequence[Sequence[ExecutionEvent]]) -> list[str]:
    """The executions that batches of at least one event belong to.

    Raises:
        InvalidEventError: an event breaks the format.
        ValueError: a batch mixes executions or has gaps, or two are of the same execution.
    """
    execution_ids = [check_batch(events) for events in batches]
    seen: set[str] = set()
    for execution_id in execution_ids:
        if execution_id in seen:
            raise ValueError(f"two batches at once are of the same execution, {execution_id}")
        seen.add(execution_id)
    return execution_ids


def check_signal(signal: ExecutionSignal) -> None:
    """See to it that a store can rely on a message's fields.

    Raises:
        InvalidSignalError: it cannot.
    """
    for name in ("id", "kind", "sent_at", "topic", "sender"):
        if type(getattr(signal, name)) is not str:
            raise InvalidSignalError(f"the {name} of a message must be text")
    if type(signal.ordinal) is not int:
        raise InvalidSignalError("the ordinal of a message must be a whole number")
    signal.validate()


def check_runner(runner_id: str) -> str:
    """The id unchanged, when it can be a runner's: the same rules as for an execution id.

    Raises:
        InvalidIdError: it cannot.
    """
    try:
        return validate_execution_id(runner_id)
    except InvalidIdError as error:
        raise InvalidIdError(str(error).replace("an execution id", "a runner id")) from None
