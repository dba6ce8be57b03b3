"""The events of a history in pages: all of them kept, or those that somebody looked at last, read anew when needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from engine.caching import LRU
from engine.model.events import ExecutionEvent
from engine.store import ReadEvents, StoreError

PAGE = 256
"""Events of a page."""
MOST_PAGES = 48
"""Pages kept of a history that can be read again; one of up to so many is kept whole."""
PIECE = 4_096
"""Events read at a time where all are gone through."""


class EventPages:
    """Events 1..n, to which more are added at the end.

    Args:
        read: how to read events again: then only some pages are kept. Without it all are.
    """

    def __init__(self, execution_id: str, read: ReadEvents | None = None, most: int = MOST_PAGES) -> None:
        self._execution_id = execution_id
        self._read = read
        self._count = 0
        self._first: list[ExecutionEvent] = []
        self._tail = (0, self._first)
        """The number of the last page and its events, in one: others may look while it changes."""
        self._kept: dict[int, Sequence[ExecutionEvent]] = {}
        self._recent: LRU[int, Sequence[ExecutionEvent]] = LRU(most, name="pages of events")

    def __len__(self) -> int:
        return self._count

    def append(self, event: ExecutionEvent) -> None:
        """Add the next event."""
        number, events = self._tail
        if len(events) < PAGE:
            events.append(event)
        else:
            self._keep(number, events)
            self._tail = number + 1, [event]
        self._count += 1

    def has(self, sequence: int) -> bool:
        """Whether the event is here, so that getting it takes no time."""
        return 1 <= sequence <= self._count and self._known((sequence - 1) // PAGE) is not None

    def get(self, sequence: int) -> ExecutionEvent:
        """The event of this sequence; its page is read when it is not here.

        Raises:
            IndexError: there is none.
            StoreError: its page cannot be read any more.
        """
        if not 1 <= sequence <= self._count:
            raise IndexError(sequence)
        number, place = divmod(sequence - 1, PAGE)
        page = self._known(number)
        if page is None:
            page = self._again(number * PAGE + 1, PAGE)
            self._keep(number, page)
        return page[place]

    def stream(self, first: int, last: int) -> Iterator[ExecutionEvent]:
        """Events from one sequence to another, in order; what is read for it is not kept.

        Raises:
            StoreError: some of them cannot be read any more.
        """
        sequence, last = max(1, first), min(last, self._count)
        while sequence <= last:
            number, place = divmod(sequence - 1, PAGE)
            page = self._known(number)
            events: Iterable[ExecutionEvent]
            if page is not None:
                events = islice(page, place, min(len(page), place + last - sequence + 1))
            else:
                events = self._again(sequence, self._unknown_from(sequence, last))
            for event in events:
                yield event
                sequence += 1

    def _unknown_from(self, sequence: int, last: int) -> int:
        """How many events to read: up to the next page that is here."""
        end = min(last, sequence + PIECE - 1)
        number = (sequence - 1) // PAGE + 1
        while number * PAGE < end and self._known(number) is None:
            number += 1
        return min(end, number * PAGE) - sequence + 1

    def _known(self, number: int) -> Sequence[ExecutionEvent] | None:
        if number == 0:
            return self._first
        last, events = self._tail
        if number == last:
            return events
        return self._kept.get(number) if self._read is None else self._recent.get(number)

    def _keep(self, number: int, page: Sequence[ExecutionEvent]) -> None:
        if number == 0:
            return
        if self._read is None:
            self._kept[number] = page
        else:
            self._recent.put(number, page)

    def _again(self, first: int, count: int) -> Sequence[ExecutionEvent]:
        assert self._read is not None
        events = self._read(self._execution_id, first, count)
        if len(events) != count:
            raise StoreError(f"events {first} to {first + count - 1} of {self._execution_id} are not there any more")
        return events
