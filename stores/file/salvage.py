"""What can still be read behind damage, and in which order it belongs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from zlib import crc32

from engine.model.signals import ExecutionSignal
from stores.codec import LineError, decode_line, decode_signal
from stores.file.lines import Place, read_pieces, split_lines
from stores.inboxes import message_of


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
        if (message := message_of(event)) is not None
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
