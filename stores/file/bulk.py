"""Histories as the lines they are stored as, moved without taking each event apart."""

from __future__ import annotations

from typing import NamedTuple

from stores.codec import LineError, decode_line, events_left
from stores.file.lines import Damage, Place, between_appends, is_cut_short, split_lines
from stores.heads import head_of


class Lines(NamedTuple):
    """What was found from some place on."""

    lines: list[bytes]
    """Of whole batches, each with its line end."""
    damage: Damage | None = None


def read_lines(fd: int, execution_id: str, start: Place, limit: int | None) -> Lines:
    """The lines from `start` to the end of the file, or at most `limit`; damage is told after a quiet second look."""
    found = _read(fd, execution_id, start, limit)
    if found.damage is None:
        return found
    with between_appends(fd):
        return _read(fd, execution_id, start, limit)


def _read(fd: int, execution_id: str, start: Place, limit: int | None) -> Lines:
    found: list[bytes] = []
    sequence, offset = start
    whole = left = 0
    try:
        for lines, complete in split_lines(fd, offset):
            if not complete:
                if not is_cut_short(lines[0], decode_line):
                    raise LineError("its line end is missing")
                break
            for line in lines:
                left = _check(line, execution_id, sequence, left)
                found.append(line + b"\n")
                sequence += 1
                offset += len(line) + 1
                if not left:
                    whole = len(found)
                    if limit is not None and whole >= limit:
                        return Lines(found[:limit])
    except LineError as error:
        return Lines([], Damage(offset, str(error)))
    return Lines(found[:whole])


def _check(line: bytes, execution_id: str, sequence: int, left: int) -> int:
    """How many events of the same append follow a line that holds the event it should, where `left` were left."""
    k = events_left(line)
    head = head_of(line)
    if (head.sequence, head.execution_id) != (sequence, execution_id):
        raise LineError(f"it does not hold event {sequence} of {execution_id}")
    if left and k != left - 1:
        raise LineError("events of one append are missing")
    return k
