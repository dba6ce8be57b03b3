"""The events of a history in pages: all of them kept, or those that somebody looked at last, read anew when needed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from engine.caching import LRU
from engine.model.events import ExecutionEvent
from engine.replay.salvaged import UNREADABLE
from engine.store import DirectlyReadable, StoreError

PAGE = 256
"""Events of a page."""
MOST_PAGES = 32
"""Pages kept of a history that can be read again; one of up to so many is kept whole."""
PIECE = 4_096
"""Events read at a time where all are gone through."""


class EventPages:
    """Events 1..n, to which more are added at the end.

    Args:
        source: where events can be read again: then only some pages are kept. Without it all are.
    """

    def __init__(self, execution_id: str, source: DirectlyReadable | None = None, most: int = MOST_PAGES) -> None:
        self._execution_id = execution_id
        self._source = source
        self._added = self._expected = 0
        self._marks = array("B")
        """Of each event that was added, and can be read again, a few bits by which to know it."""
        self._first: list[ExecutionEvent] = []
        self._tail = (0, self._first)
        """The number of the last page that was added to and its events, in one: others may look while it changes."""
        self._kept: dict[int, Sequence[ExecutionEvent]] = {}
        self._recent: LRU[int, Sequence[ExecutionEvent]] = LRU(most, name="pages of events")
        self._kept_from: int | None = 0 if source is None else None
        """The page from which on all are kept, if any."""

    def __len__(self) -> int:
        return max(self._added, self._expected)

    def expect(self, total: int) -> None:
        """There are so many events, of which those not added yet can be read already."""
        assert self._source is not None
        self._expected = max(self._expected, total)

    def append(self, event: ExecutionEvent) -> None:
        """Add the next event."""
        number, events = self._tail
        if len(events) < PAGE:
            events.append(event)
        else:
            self._keep(number, events)
            self._tail = number + 1, [event]
        if self._source is not None:
            self._marks.append(_mark(event))
        self._added += 1
        if event.event_type == UNREADABLE and self._kept_from is None:
            # What stands in the place of something unreadable, and what was saved from behind it, is read but once.
            self._kept_from = self._tail[0]

    def has(self, sequence: int) -> bool:
        """Whether the event is here, so that getting it takes no time."""
        return 1 <= sequence <= len(self) and self._page_of(sequence) is not None

    def get(self, sequence: int) -> ExecutionEvent:
        """The event of this sequence; its page is read when it is not here.

        Raises:
            IndexError: there is none.
            StoreError: its page cannot be read any more.
        """
        if not 1 <= sequence <= len(self):
            raise IndexError(sequence)
        number, place = divmod(sequence - 1, PAGE)
        page = self._page_of(sequence)
        if page is None:
            page = self._again(number * PAGE + 1, min(PAGE, len(self) - number * PAGE))
            self._keep(number, page)
        return page[place]

    def stream(self, first: int, last: int) -> Iterator[ExecutionEvent]:
        """Events from one sequence to another, in order; what is read for it is not kept.

        Raises:
            StoreError: some of them cannot be read any more.
        """
        sequence, last = max(1, first), min(last, len(self))
        while sequence <= last:
            place = (sequence - 1) % PAGE
            page = self._page_of(sequence)
            events: Iterable[ExecutionEvent]
            if page is not None:
                events = islice(page, place, min(len(page), place + last - sequence + 1))
            else:
                events = self._again(sequence, self._unknown_from(sequence, last))
            for event in events:
                yield event
                sequence += 1

    def lines(self, first: int, last: int) -> Iterator[list[bytes]] | None:
        """The lines that stand for events from one sequence to another, some at a time; None where there are none.

        Raises:
            StoreError: some of them cannot be read any more.
        """
        return None if self._source is None or self._kept_from is not None else self._lines(self._source, first, last)

    def _lines(self, source: DirectlyReadable, first: int, last: int) -> Iterator[list[bytes]]:
        sequence, last = max(1, first), min(last, len(self))
        while sequence <= last:
            wanted = min(PIECE, last - sequence + 1)
            lines = source.read_lines(self._execution_id, sequence, wanted)
            if len(lines) != wanted:
                raise _gone(self._execution_id, sequence, wanted)
            yield lines
            sequence += wanted

    def _unknown_from(self, sequence: int, last: int) -> int:
        """How many events to read: up to the next page that is here."""
        end = min(last, sequence + PIECE - 1)
        following = (sequence - 1) // PAGE * PAGE + PAGE
        while following < end and self._page_of(following + 1) is None:
            following += PAGE
        return min(end, following) - sequence + 1

    def _page_of(self, sequence: int) -> Sequence[ExecutionEvent] | None:
        """The page that holds an event, if it is here; the last one may have been read before it grew."""
        number, place = divmod(sequence - 1, PAGE)
        last, events = self._tail
        known = self._first if number == 0 else events if number == last else None
        if known is not None and place < len(known):
            return known
        page = self._kept.get(number) or self._recent.get(number)
        return page if page is not None and place < len(page) else None

    def _keep(self, number: int, page: Sequence[ExecutionEvent]) -> None:
        if self._kept_from is not None and number >= self._kept_from:
            self._kept[number] = page
        elif page is not self._first:
            self._recent.put(number, page)

    def _again(self, first: int, count: int) -> Sequence[ExecutionEvent]:
        assert self._source is not None
        events = self._source.read_events(self._execution_id, first, count)
        if len(events) != count:
            raise _gone(self._execution_id, first, count)
        self.recognise(events)
        return events

    def recognise(self, events: Iterable[ExecutionEvent]) -> None:
        """Make sure that events read again are those that were added.

        Raises:
            StoreError: another history has taken the place of this one.
        """
        known = self._marks
        for event in events:
            if event.sequence <= len(known) and known[event.sequence - 1] != _mark(event):
                raise StoreError(f"the history of {self._execution_id} is another one than the one that was read first")


def _mark(event: ExecutionEvent) -> int:
    return hash(event.id) & 0xFF


def _gone(execution_id: str, first: int, count: int) -> StoreError:
    return StoreError(f"events {first} to {first + count - 1} of {execution_id} are not there any more")
