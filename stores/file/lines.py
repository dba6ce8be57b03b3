"""Reading `events.jsonl`: whole batches in order, and where and why reading stopped."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.collector import collector_paused
from engine.model.events import ExecutionEvent
from engine.store import DamagedHistoryError
from stores.codec import LineError, decode_line
from stores.file.layout import EVENTS

_CHUNK = 1 << 20
_PIECE = 16384


class Place(NamedTuple):
    """Where the line of an event begins, or will begin."""

    sequence: int
    offset: int
    """In bytes from the start of the file."""


START = Place(1, 0)


class Mark(NamedTuple):
    """An event that was seen at a place. While it is there, what was read before it still holds."""

    place: Place
    event_id: str


class Stamp(NamedTuple):
    """Changes whenever a file does."""

    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of a file with this status."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class Damage(NamedTuple):
    """The first line that cannot be history, nor the remains of an append that was cut short."""

    offset: int
    problem: str
    file: str = EVENTS

    @property
    def place(self) -> str:
        """For a person: the file, and the byte where the line begins."""
        return f"{self.file}, byte {self.offset}"


@dataclass(slots=True)
class Reading:
    """What was found from some place on."""

    end: Place
    """Behind the last event of the last whole batch that was read."""
    last_batch: Place = START
    """Where the last whole batch begins."""
    events: list[ExecutionEvent] = field(default_factory=list)
    sealed: bool | None = None
    """Whether its lines carry checksums; None when no line was read."""
    torn: int | None = None
    """Where a last batch begins that is not whole; it was never acknowledged and is not history."""
    damage: Damage | None = None

    @property
    def mark(self) -> Mark | None:
        """The first event of the last batch; None when there are none."""
        if not self.events:
            return None
        return Mark(self.last_batch, self.events[self.last_batch.sequence - self.end.sequence].id)

    def since(self, sequence: int, limit: int | None) -> list[ExecutionEvent]:
        """The events from a sequence on, at most `limit`."""
        first = self.end.sequence - len(self.events)
        skipped = max(0, sequence - first)
        return self.events[skipped:] if limit is None else self.events[skipped : skipped + limit]


def read_history(fd: int, execution_id: str, start: Place = START, limit: int | None = None) -> Reading:
    """The events from `start` to the end of the file, or the whole batches that hold the first `limit` of them."""
    with collector_paused():
        return _read(fd, execution_id, start, limit)


def read_surely(fd: int, execution_id: str, start: Place = START, limit: int | None = None) -> Reading:
    """Like `read_history`, but before it says that a history is damaged it has read all of it in a quiet moment.

    A `start` that is wrong, because the file is another one by now, does no harm either: reading then begins at the
    first event, so `Reading.since` gives what was asked for.
    """
    reading = read_history(fd, execution_id, start, limit)
    if reading.damage is None:
        return reading
    with between_appends(fd):
        return read_history(fd, execution_id)


def read_pieces(fd: int, execution_id: str, start: Place = START) -> Iterator[Reading]:
    """All that `read_history` finds, some thousand events at a time; only the last piece may be torn or damaged."""
    while True:
        piece = read_history(fd, execution_id, start, _PIECE)
        yield piece
        if len(piece.events) < _PIECE or piece.torn is not None or piece.damage is not None:
            return
        start = piece.end


def survey(fd: int, execution_id: str, start: Place = START) -> Reading:
    """What `read_surely` says of a history from a place on, its events aside."""
    found = survey_once(fd, execution_id, start)
    if found.damage is None:
        return found
    with between_appends(fd):
        return survey_once(fd, execution_id)


def survey_once(fd: int, execution_id: str, start: Place = START) -> Reading:
    """What `read_history` says, its events aside."""
    sealed = None
    piece = Reading(start)
    for piece in read_pieces(fd, execution_id, start):
        sealed = piece.sealed if sealed is None else sealed
    return Reading(piece.end, sealed=sealed, torn=piece.torn, damage=piece.damage)


def damaged(execution_id: str, damage: Damage, readable: Sequence[ExecutionEvent]) -> DamagedHistoryError:
    """The error that says where a history is damaged."""
    return DamagedHistoryError(
        f"the history of {execution_id} is damaged at {damage.place}: {damage.problem}",
        place=damage.place,
        readable=readable,
    )


@contextmanager
def between_appends(fd: int) -> Iterator[None]:
    """Meanwhile nobody writes to the file; but after a tenth of a second of waiting for that, go on all the same."""
    for _ in range(20):
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.005)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def find_line(fd: int, sequence: int, near: Place = START) -> Place | None:
    """Where the line of an event begins, by counting line ends from a place before it; None: there are fewer lines."""
    missing = sequence - near.sequence
    offset = near.offset
    if missing <= 0:
        return near if missing == 0 else None
    while chunk := os.pread(fd, _CHUNK, offset):
        ends = chunk.count(b"\n")
        if ends >= missing:
            at = -1
            for _ in range(missing):
                at = chunk.index(b"\n", at + 1)
            return Place(sequence, offset + at + 1)
        missing -= ends
        offset += len(chunk)
    return None


def _read(fd: int, execution_id: str, start: Place, limit: int | None) -> Reading:
    reading = Reading(end=start)
    events, sealed = reading.events, None
    sequence, offset = start
    whole = left = 0
    line, complete = b"", True
    try:
        for lines, complete in split_lines(fd, offset):
            for line in lines:
                event, k = decode_line(line)
                if sealed is None:
                    reading.sealed = sealed = k is not None
                if event.sequence != sequence or event.execution_id != execution_id:
                    raise LineError(f"it does not hold event {sequence} of {execution_id}")
                if (k is None) is sealed:
                    raise LineError("lines with and without checksums are mixed")
                if left and k != left - 1:
                    raise LineError("events of one append are missing")
                if sealed and not complete:
                    raise LineError("its line end is missing")
                events.append(event)
                sequence += 1
                offset += len(line) + 1
                left = k or 0
                if not left:
                    reading.last_batch, reading.end = reading.end, Place(sequence, offset)
                    whole = len(events)
                    if limit is not None and whole >= limit:
                        return reading
        cut_short = left > 0
    except LineError as error:
        cut_short = not complete and is_cut_short(line, decode_line)
        if not cut_short:
            reading.damage = Damage(offset, str(error))
    del events[whole:]
    if cut_short:
        reading.torn = reading.end.offset
    return reading


def is_cut_short(line: bytes, decode: Callable[[bytes], object]) -> bool:
    """Whether a last line without line end is the beginning of one.

    A whole one that is followed by another byte than a line end was altered.
    """
    try:
        decode(line[:-1])
    except LineError:
        return True
    return False


def split_lines(fd: int, offset: int) -> Iterator[tuple[list[bytes], bool]]:
    """Lines without their ends, and whether they had one: the very last may lack it."""
    parts: list[bytes] = []
    while chunk := os.pread(fd, _CHUNK, offset):
        offset += len(chunk)
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join((*parts, lines[0]))
            yield lines, True
            parts = []
        parts.append(rest)
    if last := b"".join(parts):
        yield [last], False
