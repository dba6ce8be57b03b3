"""What an inbox must hold so that it fits what the history has received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.signals import ExecutionSignal, InvalidSignalError
from engine.model.times import EPOCH, format_time

_CONTROL = "$"


def renumbered(readable: Sequence[ExecutionSignal], received: Mapping[int, ExecutionSignal]) -> list[ExecutionSignal]:
    """An inbox without gaps in which what the history has received keeps its ordinal.

    A received message that is lost is taken from the history; one that is not there either has its place held by one
    that says nothing. The others follow in their order: the history does not know their ordinals yet.
    """
    by_id = {message.id: message for message in readable}
    inbox: list[ExecutionSignal] = []
    for ordinal in range(1, max(received, default=0) + 1):
        message = received.get(ordinal) or _nothing(ordinal)
        inbox.append(by_id.pop(message.id, message)._replace(ordinal=ordinal))
    left = sorted(by_id.values(), key=lambda message: message.ordinal)
    return [*inbox, *(message._replace(ordinal=len(inbox) + place) for place, message in enumerate(left, start=1))]


def _nothing(ordinal: int) -> ExecutionSignal:
    return ExecutionSignal(f"signal_lost-{ordinal}", "wake", format_time(EPOCH), ordinal=ordinal)


def message_of(event: ExecutionEvent) -> ExecutionSignal | None:
    """The message that an event says was received; None for any other event, and for one that makes no sense."""
    if event.event_type != ExecutionEventType.SIGNAL_RECEIVED:
        return None
    data = event.data
    try:
        topic = data["signal_type"]
        control = topic.startswith(_CONTROL)
        message = ExecutionSignal(
            id=data["signal_id"],
            kind=topic.removeprefix(_CONTROL) if control else "signal",
            sent_at=data["sent_at"],
            topic="" if control else topic,
            data=data["data"],
            sender=data.get("sender") or "",
            ordinal=data["ordinal"],
        )
        message.validate()
    except (KeyError, TypeError, AttributeError, InvalidSignalError):
        return None
    return message if type(message.ordinal) is int and message.ordinal > 0 else None
