"""Lines that stand for events, looked at without taking them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from stores.codec import decode_line, in_batches

_HEAD = re.compile(
    rb'\{"id":"([!#-\[\]-~]+)","execution_id":"([!#-\[\]-~]+)","path_id":"[^"\\]*","sequence":(\d{1,15}),'
)


class Head(NamedTuple):
    """What a line says of its event."""

    id: str
    execution_id: str
    sequence: int


def head_of(line: bytes) -> Head:
    """What a sealed line (its checksum known to be right) says.

    Raises:
        LineError: it is no event.
    """
    match = _HEAD.match(line)
    if match is not None:
        event_id, execution_id, sequence = match.groups()
        return Head(event_id.decode(), execution_id.decode(), int(sequence))
    event, _ = decode_line(line)
    return Head(event.id, event.execution_id, event.sequence)


def checked_lines(lines: Sequence[bytes]) -> tuple[list[Head], list[bytes]]:
    """What lines that continue each other say, and the lines in whole batches: in their own, where these are whole.

    Raises:
        ValueError: they have gaps, are of several executions, or are no sealed lines.
    """
    sealed = in_batches(lines)
    heads = [head_of(line[:-1]) for line in sealed]
    for sequence, head in enumerate(heads, start=heads[0].sequence if heads else 0):
        if head.execution_id != heads[0].execution_id:
            raise ValueError(
                f"lines appended at once are of one execution, not of {heads[0].execution_id} and {head.execution_id}"
            )
        if head.sequence != sequence:
            raise ValueError(f"lines have no gaps, but event {head.sequence} stands where {sequence} should")
    return heads, sealed
