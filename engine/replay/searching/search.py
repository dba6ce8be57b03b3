"""Searching a history: the events a query asks for, found span by span, and the hits as they come in.

What kind, path, step, sequence and time decide is read from the columns of the history; only events that they let
through are read and looked into.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from engine.collector import collector_paused
from engine.replay.columns import EventColumns
from engine.replay.history import History
from engine.replay.lines import chosen_events
from engine.replay.searching.event_query import EventFilter, EventQuery, parse_event_query
from engine.replay.searching.event_terms import Field, Sight, Term, folded, json_bytes

__all__ = ["EventFilter", "EventQuery", "Hits", "parse_event_query", "search"]

SPAN = 4_096
"""Events between two reports of a search that looks into them."""
WIDE_SPAN = 65_536
"""The same of one that needs the columns only."""

Cancelled = Callable[[], bool]
Progress = Callable[[int, int], None]


def _known(history: History) -> int:
    """Up to where events can be searched: of those that are still loading nothing is known yet."""
    return min(len(history), len(history.columns))


class Span(NamedTuple):
    """A stretch of a history that was searched."""

    first: int
    last: int
    hits: list[int]
    """Sequences, ascending."""


def search(
    history: History,
    query: EventQuery,
    *,
    first: int = 1,
    last: int | None = None,
    backwards: bool = False,
    cancelled: Cancelled = lambda: False,
    progress: Progress = lambda done, total: None,
) -> Iterator[int]:
    """The sequences of the events that a query asks for, ascending or, backwards, descending.

    `cancelled` is asked before every event that is looked into, and ends the search; what cannot be interrupted is one
    term on one event, which takes milliseconds (of the worst regular expressions a few tenths of a second). `progress`
    is told how many events of how many are done.

    Raises:
        StoreError: the events are not kept in the history and cannot be read any more.
    """
    known = _known(history)
    first, last = max(1, first), known if last is None else min(known, last)
    total, done = max(0, last - first + 1), 0
    for span in spans(history, query, first, last, backwards=backwards, cancelled=cancelled):
        yield from reversed(span.hits) if backwards else span.hits
        done += span.last - span.first + 1
        progress(done, total)


def spans(
    history: History,
    query: EventQuery,
    first: int,
    last: int,
    *,
    backwards: bool = False,
    cancelled: Cancelled = lambda: False,
) -> Iterator[Span]:
    """The stretch from `first` to `last` span by span, every event of it in one of them; ends early when cancelled.

    Raises:
        StoreError: as `search`.
    """
    plan = _Plan(query, history.columns, first, last)
    size = SPAN if plan.tests else WIDE_SPAN
    starts = range(first, last + 1, size)
    for start in reversed(starts) if backwards else starts:
        end = min(start + size - 1, last)
        if cancelled():
            return
        with collector_paused():  # events come and go by the thousand, and no cycle with them
            hits = _hits_between(history, plan, start, end, cancelled)
        if hits is None:
            return
        yield Span(start, end, hits)


def _hits_between(history: History, plan: _Plan, first: int, last: int, cancelled: Cancelled) -> list[int] | None:
    """The hits of a span; None when cancelled."""
    candidates = plan.candidates(first, last)
    if not plan.tests or not candidates:
        return candidates
    hits = []
    for event in chosen_events(history, candidates, plan.excludes if plan.words else None):
        if cancelled():
            return None
        sight = Sight(event)
        if all(term.holds(sight) for term in plan.tests):
            hits.append(event.sequence)
    return hits


class _Plan:
    """A query against one history: what its columns decide, and what is left to look into events for."""

    def __init__(self, query: EventQuery, columns: EventColumns, first: int, last: int) -> None:
        self._columns = columns
        self._first, self._last = _range(query.terms, columns, first, last)
        self._kinds = _names(query.terms, "kind", columns.kind_names())
        self._paths = _names(query.terms, "path", ["", *columns.path_names()])
        self._steps = _names(query.terms, "step", ["", *columns.step_names()])
        self._outside = [term for term in query.terms if term.negated and term.field in ("sequence", "seconds")]
        self.tests = [term for term in query.terms if term.field == "event"]
        names = (*columns.kind_names(), *columns.path_names(), *columns.step_names())
        written = [folded(json_bytes(name)) for name in names]
        self.words = [
            term.word
            for term in self.tests
            if term.word and not term.negated and not any(term.word in name for name in written)
        ]

    def candidates(self, first: int, last: int) -> list[int]:
        """Sequences from one to another that the columns let through, ascending."""
        found = self._columns.find(
            kinds=self._kinds,
            paths=self._paths,
            steps=self._steps,
            first=max(first, self._first),
            last=min(last, self._last),
        )
        if not self._outside:
            return list(found)
        return [at for at in found if all(term.holds(self._value(term, at)) for term in self._outside)]

    def _value(self, term: Term, sequence: int) -> float:
        return sequence if term.field == "sequence" else self._columns.seconds(sequence)

    def excludes(self, lines: bytes) -> bool:
        """Whether some word, which is in no name, stands in none of these lines: one look instead of many."""
        text = folded(lines)
        return any(word not in text for word in self.words)


def _range(terms: Sequence[Term], columns: EventColumns, first: int, last: int) -> tuple[int, int]:
    for term in terms:
        if term.negated:
            continue
        if term.field == "sequence":
            first, last = max(first, int(term.low)), last if term.high == math.inf else min(last, int(term.high))
        elif term.field == "seconds":
            first = max(first, columns.count_before(term.low) + 1)
            last = min(last, columns.last_at(term.high))
    return first, last


def _names(terms: Sequence[Term], field: Field, names: Sequence[str]) -> Collection[str] | None:
    asked = [term for term in terms if term.field == field]
    return frozenset(name for name in names if all(term.holds(name) for term in asked)) if asked else None


class Hits:
    """The hits of a query in one history, while they are searched for and after.

    The search begins where somebody looks, goes to the end, and then takes what lies before. One thread fills; others
    may look at any time. Filling again goes on where it was cancelled, or with what the history has grown by.
    """

    def __init__(self, query: EventQuery, start: int = 1) -> None:
        self.query = query
        self._start = max(1, start)
        self._before, self._after = array("Q"), array("Q")
        """Sequences below `_start`, and from there on; each ascending."""
        self._before_to = 0
        self._after_to = self._start - 1
        self._total: int | None = None

    def fill(
        self, history: History, *, cancelled: Cancelled = lambda: False, progress: Progress = lambda done, total: None
    ) -> bool:
        """Search what has not been searched yet; whether it came to the end.

        Raises:
            StoreError: as `search`; what was found until then stays.
        """
        total = self._total = _known(history)
        for span in spans(history, self.query, self._after_to + 1, total, cancelled=cancelled):
            self._after.extend(span.hits)
            self._after_to = span.last
            progress(self.searched, total)
        last = min(self._start - 1, total)
        for span in spans(history, self.query, self._before_to + 1, last, cancelled=cancelled):
            self._before.extend(span.hits)
            self._before_to = span.last
            progress(self.searched, total)
        return self.complete

    @property
    def searched(self) -> int:
        """How many events have been searched."""
        return self._before_to + self._after_to - self._start + 1

    @property
    def complete(self) -> bool:
        """Whether all events there were when it was last filled have been searched."""
        return self._total is not None and self.searched >= self._total

    def __len__(self) -> int:
        return len(self._before) + len(self._after)

    def __iter__(self) -> Iterator[int]:
        yield from self._before
        yield from self._after

    def __getitem__(self, place: int) -> int:
        """The hit at a place, from 0, in the order of sequences; negative places count from the end."""
        before, after = self._before, self._after
        place += len(before) + len(after) if place < 0 else 0
        if place < 0:
            raise IndexError(place)
        return before[place] if place < len(before) else after[place - len(before)]

    def __contains__(self, sequence: object) -> bool:
        return isinstance(sequence, int) and self.after(sequence - 1) == sequence

    def place(self, sequence: int) -> int:
        """How many hits there are up to this sequence: of a hit its number, from 1, as in `3 of 41`."""
        if sequence < self._start:
            return bisect_right(self._before, sequence)
        return len(self._before) + bisect_right(self._after, sequence)

    def after(self, sequence: int) -> int | None:
        """The first known hit after a sequence."""
        for hits in (self._before, self._after):
            at = bisect_right(hits, sequence)
            if at < len(hits):
                return hits[at]
        return None

    def before(self, sequence: int) -> int | None:
        """The last known hit before a sequence."""
        for hits in (self._after, self._before):
            at = bisect_left(hits, sequence)
            if at:
                return hits[at - 1]
        return None
