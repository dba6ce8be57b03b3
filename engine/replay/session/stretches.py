"""Going through the parts of a long history that matter: in windows from somewhere on, and from event to event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.model.events import ExecutionEvent
from engine.model.state import ExecutionState
from engine.replay.history import History
from engine.replay.lines import chosen_events

SMALLEST_WINDOW, LARGEST_WINDOW = 256, 65_536
_CLOSE = 64
"""Events so near each other are read in one go, with those between them."""


def windows(
    first: int, last: int, *, backwards: bool = False, smallest: int | None = None, largest: int | None = None
) -> Iterator[tuple[int, int]]:
    """A range of numbers cut into pieces, from its beginning or its end on, each twice as large as the one before.

    So what is near is found at once, and what is far is not looked for in small steps.
    """
    size, largest = smallest or SMALLEST_WINDOW, largest or LARGEST_WINDOW
    while first <= last:
        size = min(size, largest)
        if backwards:
            start = max(first, last - size + 1)
            yield start, last
            last = start - 1
        else:
            end = min(last, first + size - 1)
            yield first, end
            first = end + 1
        size *= 2


def events_of(history: History, sequences: Sequence[int]) -> Iterator[ExecutionEvent]:
    """The events of some sequences, which are in order.

    Raises:
        StoreError: they are not kept here and cannot be read any more.
    """
    for stretch in _stretches(sequences):
        yield from chosen_events(history, stretch)


def transitions(
    history: History, sequences: Sequence[int]
) -> Iterator[tuple[ExecutionEvent, ExecutionState, ExecutionState]]:
    """The events of some sequences, which are in order, with the states before and after; as far as states go.

    Raises:
        StoreError: events are not kept here and cannot be read any more.
    """
    for stretch in _stretches(sequences):
        wanted = iter(stretch)
        sequence = next(wanted)
        before = history.state_at(sequence - 1)
        for event, after in history.states(stretch[0], stretch[-1]):
            if event.sequence == sequence:
                yield event, before, after
                sequence = next(wanted, 0)
            before = after


def _stretches(sequences: Sequence[int]) -> Iterator[Sequence[int]]:
    """Sequences in groups whose members are near each other."""
    start = 0
    for at in range(1, len(sequences) + 1):
        if at == len(sequences) or sequences[at] - sequences[at - 1] > _CLOSE:
            yield sequences[start:at]
            start = at
