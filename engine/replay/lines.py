"""Some events of a long history, taken from stored lines: only those that are asked for are decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import orjson

from engine.model.events import ExecutionEvent, InvalidEventError
from engine.replay.history import History
from engine.replay.searching.event_terms import json_bytes
from engine.store import StoreError

T = TypeVar("T")

_FEW = 4
"""So few events are read by themselves, with what lies near them."""
_SPARSE = 16
"""With fewer than every so manyth event of a stretch that is kept here to be looked at, they are taken one by one."""
_BATCH = 32
"""Lines that are looked at together before they are decoded."""

Excludes = Callable[[bytes], bool]
"""Whether no event of some lines, of which this is the text, can be one that is looked for."""


def decoded(line: bytes) -> ExecutionEvent:
    """The event that a stored line stands for; its checksum was compared when it was read first.

    Raises:
        StoreError: it is not what it was then.
    """
    try:
        return ExecutionEvent.from_dict(orjson.loads(line))
    except (orjson.JSONDecodeError, InvalidEventError, TypeError, AttributeError):
        raise StoreError("an event is not what it was when it was read first: the store is damaged") from None


def chosen_events(
    history: History, sequences: Sequence[int], excludes: Excludes | None = None
) -> Iterator[ExecutionEvent]:
    """The events of these sequences, which ascend; of those that `excludes` rules out, some or none.

    Raises:
        StoreError: they are not kept in the history and cannot be read any more.
    """
    if len(sequences) <= _FEW:
        yield from map(history.event, sequences)
        return
    first, last = sequences[0], sequences[-1]
    pieces = history.lines(first, last)
    if pieces is None:
        for events in _batches(_among(history, sequences)):
            if excludes is None or not excludes(_text_of(events)):
                yield from events
        return
    for lines in _batches(_picked(pieces, first, sequences)):
        if excludes is None or not excludes(b"\n".join(lines)):
            events = [decoded(line) for line in lines]
            history.recognise(events)
            yield from events


def _among(history: History, sequences: Sequence[int]) -> Iterator[ExecutionEvent]:
    span = sequences[-1] - sequences[0] + 1
    if len(sequences) * _SPARSE < span:
        return map(history.event, sequences)
    events = history.events(sequences[0], sequences[-1])
    if len(sequences) == span:
        return events
    wanted = frozenset(sequences)
    return (event for event in events if event.sequence in wanted)


def _picked(pieces: Iterable[Sequence[bytes]], first: int, sequences: Sequence[int]) -> Iterator[bytes]:
    """The lines of these sequences; the pieces begin with that of `first`."""
    dense = len(sequences) == sequences[-1] - sequences[0] + 1
    at = 0
    for lines in pieces:
        if dense:
            yield from lines
            continue
        behind = first + len(lines)
        while at < len(sequences) and sequences[at] < behind:
            yield lines[sequences[at] - first]
            at += 1
        first = behind


def _text_of(events: Sequence[ExecutionEvent]) -> bytes:
    """The data of some events as it would stand in their lines."""
    return b"\n".join(json_bytes(event.data) for event in events)


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, _BATCH)):
        yield batch
