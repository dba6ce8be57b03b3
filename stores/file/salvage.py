"""What can still be read behind damage, and in which order it belongs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.signals import ExecutionSignal, InvalidSignalError
from engine.model.times import EPOCH, format_time
from stores.codec import LineError, decode_line, decode_signal
from stores.file.lines import Place, read_pieces, split_lines

_CONTROL = "$"


class Stretch(NamedTuple):
    """Some bytes of a file."""

    offset: int
    length: int


class _Found(NamedTuple):
    stretch: Stretch
    left: int
    fingerprint: tuple[str, int]


def continuing_lines(fd: int, execution_id: str, end: Place, sealed: bool | None) -> list[Stretch]:
    """The lines behind the last readable batch that, put in order, go on with the history in whole batches.

    An event that is there twice with the same bytes counts once. Where two different ones claim the same place,
    nothing says which of them was acknowledged: there the order ends.
    """
    lines: dict[int, set[_Found]] = {}
    for offset, line, complete in _lines(fd, end.offset):
        try:
            event, left = decode_line(line)
        except LineError:
            continue
        sealed = left is not None if sealed is None else sealed
        if event.execution_id == execution_id and sealed is (left is not None) and (complete or not sealed):
            found = _Found(Stretch(offset, len(line)), left or 0, (event.id, crc32(line)))
            known = lines.setdefault(event.sequence, set())
            if all(other.fingerprint != found.fingerprint for other in known):
                known.add(found)
    return list(_in_order(lines, end.sequence))


def _in_order(lines: Mapping[int, set[_Found]], sequence: int) -> Iterator[Stretch]:
    batch: list[Stretch] = []
    expected: int | None = None
    while len(candidates := lines.get(sequence, set())) == 1:
        (found,) = candidates
        if expected is not None and found.left != expected:
            return
        batch.append(found.stretch)
        sequence += 1
        expected = found.left - 1
        if not found.left:
            yield from batch
            batch, expected = [], None


def received_messages(fd: int, execution_id: str) -> dict[int, ExecutionSignal]:
    """The messages that a history says it has received, by ordinal."""
    return {
        message.ordinal: message
        for piece in read_pieces(fd, execution_id)
        for event in piece.events
        if event.event_type == ExecutionEventType.SIGNAL_RECEIVED and (message := _message_of(event)) is not None
    }


def readable_messages(fd: int) -> list[ExecutionSignal]:
    """All messages of an inbox that can be read, in the order of the file, each once."""
    found: dict[str, ExecutionSignal] = {}
    for _, line, _ in _lines(fd, 0):
        try:
            message = decode_signal(line)
        except LineError:
            continue
        found.setdefault(message.id, message)
    return list(found.values())


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


def _message_of(event: ExecutionEvent) -> ExecutionSignal | None:
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


def _lines(fd: int, offset: int) -> Iterator[tuple[int, bytes, bool]]:
    """Each line with the byte it begins at, without its end, and whether it had one."""
    for lines, complete in split_lines(fd, offset):
        for line in lines:
            yield offset, line, complete
            offset += len(line) + 1


def copied(fd: int, stretches: Iterable[Stretch], chunk: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of some stretches of a file, in pieces that fit into memory."""
    for offset, length in stretches:
        end = offset + length
        while offset < end and (part := os.pread(fd, min(chunk, end - offset), offset)):
            yield part
            offset += len(part)
