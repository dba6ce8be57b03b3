"""The search for the event at which a breakpoint stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.collector import collector_paused
from engine.replay.history import History
from engine.replay.session.breakpoints import Breakpoint
from engine.replay.session.matching import Matcher
from engine.replay.session.stretches import windows
from engine.replay.writes import LAST, between, merged

Progress = Callable[[int, int], None]
"""Told events looked at so far, and how many there are to look at."""
_LARGEST_WINDOW = 8_192
"""Between two of them a search can be cancelled."""


class Stop(NamedTuple):
    """Where continuing stops."""

    sequence: int
    breakpoints: tuple[int, ...]
    """Numbers of the breakpoints that stop there, in order."""
    hits: Mapping[int, int]
    """By number how many events each breakpoint matched on the way, this one included."""


def never() -> bool:
    return False


def silent(done: int, total: int) -> None:
    pass


class Search:
    """The way from an event to an end of the history.

    `inclusive`: whether the event itself is looked at, too.
    """

    def __init__(
        self, history: History, asked: Sequence[Breakpoint], sequence: int, backwards: bool, inclusive: bool = False
    ) -> None:
        self._backwards = backwards
        self._first, self._last = (1, sequence) if backwards else (sequence, len(history))
        if not inclusive:
            self._first, self._last = self._first + (not backwards), self._last - backwards
        self._asked = [(each, Matcher(history, each)) for each in asked]
        self._counted = self._last if backwards else self._first - 1
        """Up to where matches are counted beforehand, for breakpoints that do not stop at every one."""
        self._done = 0

    def problems(self) -> dict[int, str]:
        """By breakpoint why its expression had no value anywhere on the way, or an empty text."""
        return {each.number: matcher.problem for each, matcher in self._asked}

    def stops(self, cancelled: Callable[[], bool], progress: Progress) -> Iterator[Stop]:
        """All stops on the way, the nearest first; no more once it is cancelled.

        Raises:
            StoreError: events are not kept here and cannot be read any more.
        """
        counting = [(each, matcher) for each, matcher in self._asked if each.every > 1]
        total = max(0, self._last - self._first + 1) + len(counting) * max(0, self._counted)
        before = {each.number: 0 for each, _ in counting}
        for first, last in windows(1, self._counted if counting else 0, largest=_LARGEST_WINDOW):
            if cancelled():
                return
            for each, matcher in counting:
                before[each.number] += len(matcher.matches(first, last))
                self._tell(first, last, total, progress)
        passed = {each.number: 0 for each, _ in self._asked}
        for first, last in windows(self._first, self._last, backwards=self._backwards, largest=_LARGEST_WINDOW):
            if cancelled():
                return
            with collector_paused():  # events come and go by the thousand, and no cycle with them
                found = {each.number: matcher.matches(first, last) for each, matcher in self._asked}
            yield from self._stops_among(found, self._stopping(found, before), passed)
            for number, matches in found.items():
                passed[number] += len(matches)
                if number in before:
                    before[number] += -len(matches) if self._backwards else len(matches)
            self._tell(first, last, total, progress)

    def _tell(self, first: int, last: int, total: int, progress: Progress) -> None:
        self._done += last - first + 1
        progress(self._done, total)

    def _stopping(self, found: Mapping[int, Sequence[int]], before: Mapping[int, int]) -> dict[int, Sequence[int]]:
        """Of the matches in a stretch those that are stopped at, by breakpoint.

        `before`: how many of a counted breakpoint's matches come before the stretch, or backwards up to its end.
        """
        stops = dict(found)
        for each, _ in self._asked:
            if each.every > 1:
                matches = found[each.number]
                skipped = before[each.number] - (len(matches) if self._backwards else 0)
                stops[each.number] = matches[each.every - 1 - skipped % each.every :: each.every]
        return stops

    def _stops_among(
        self, found: Mapping[int, Sequence[int]], stopping: Mapping[int, Sequence[int]], passed: Mapping[int, int]
    ) -> Iterator[Stop]:
        """The stops of a stretch in their order on the way; `passed`: the matches before it."""
        for sequence in sorted(merged(stopping.values()), reverse=self._backwards):
            hits = {
                number: passed[number]
                + len(between(matches, sequence, LAST) if self._backwards else between(matches, 1, sequence))
                for number, matches in found.items()
            }
            at = [number for number, matches in stopping.items() if len(between(matches, sequence, sequence))]
            yield Stop(sequence, tuple(at), hits)
