"""What can still be read behind damage, and in which order it belongs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from zlib import crc32

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from stores.codec import LineError, decode_line, decode_signal
from stores.file.layout import EVENTS
from stores.file.lines import Place, is_cut_short, read_pieces, split_lines
from stores.inboxes import message_of
from stores.salvaging import Entries, in_order


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


class _Line(NamedTuple):
    """A line of a history: an event, or why it is none and which one it should be."""

    sequence: int
    event: ExecutionEvent | None
    left: int
    problem: str


def salvaged_history(fd: int, execution_id: str) -> Entries:
    """All events of a file, wherever in it they are, and what stands where there should be others."""
    lines = list(_history_lines(fd, execution_id))
    while lines and lines[-1].left:  # the remains of an append that was never acknowledged
        lines.pop()
    found: dict[int, ExecutionEvent] = {}
    problems: dict[int, str] = {}
    disputed: set[int] = set()
    for sequence, event, _, problem in lines:
        if event is None:
            problems.setdefault(sequence, problem)
        elif found.setdefault(sequence, event) != event:
            disputed.add(sequence)
    for sequence in disputed:
        del found[sequence]
        problems[sequence] = "two different events claim its place"
    return in_order(found, problems)


def _history_lines(fd: int, execution_id: str) -> Iterator[_Line]:
    """Each line of the file; one that cannot be read is taken for the event after the one before it."""
    sealed: bool | None = None
    expected = 1
    for offset, line, complete in _lines(fd, 0):
        problem, left = "", 0
        event: ExecutionEvent | None = None
        try:
            event, k = decode_line(line)
            sealed = k is not None if sealed is None else sealed
            left = k or 0
            if event.execution_id != execution_id:
                raise LineError("it belongs to another execution")
            if sealed is (k is None):
                raise LineError("its checksum is missing" if sealed else "it has a checksum, unlike the others")
            if sealed and not complete:
                raise LineError("its line end is missing")
        except LineError as error:
            if not complete and is_cut_short(line, decode_line):
                return
            event, left, problem = None, 0, f"{EVENTS}, byte {offset}: {error}"
        sequence = expected if event is None else event.sequence
        yield _Line(sequence, event, left, problem)
        expected = sequence + 1


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
