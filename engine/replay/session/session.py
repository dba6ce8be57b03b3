"""A replay of a history: a cursor that goes anywhere, marks, breakpoints and watches. It knows of no terminal."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import count
from string import ascii_lowercase

from engine.core.expression_errors import shown_text
from engine.model.state import ExecutionState
from engine.replay.addressing.addresses import parse_address
from engine.replay.addressing.setting import Write, who_set
from engine.replay.history import History
from engine.replay.replayer import ReplayResult
from engine.replay.session.breakpoints import Breakpoint, parse_breakpoint
from engine.replay.session.matching import glob_test
from engine.replay.session.stops import Progress, Search, Stop, never, silent
from engine.replay.session.watches import Watch, WatchValue, value_at

__all__ = ["ReplaySession", "SessionError", "Stop"]


_HALF_A_MICROSECOND = 5e-7
"""Times are recorded in microseconds; the difference of two is a number that may be a little less."""


class SessionError(ValueError):
    """There is no such mark, breakpoint, watch or step; the message is one sentence."""


class ReplaySession:
    """A cursor over a history, which may grow meanwhile: the cursor keeps its place.

    Sequences count from 1; 0 is where the cursor of an empty history stands. Moves beyond either end stop there. All
    that moves returns the sequence it came to.
    """

    def __init__(self, history: History, sequence: int | None = None) -> None:
        self.history = history
        self.sequence = len(history)
        self._marks: dict[str, int] = {}
        self._breakpoints: dict[int, Breakpoint] = {}
        self._numbers = count(1)
        self._problems: dict[int, str] = {}
        """By breakpoint what the last search had to say of its expression."""
        self._watches: list[Watch] = []
        if sequence is not None:
            self.seek(sequence)

    @property
    def at_end(self) -> bool:
        """Whether the cursor stands at the last event there is."""
        return self.sequence == len(self.history)

    @property
    def state(self) -> ExecutionState:
        """The state after the event at the cursor."""
        return self.history.state_at(self.sequence)

    def result(self) -> ReplayResult:
        """Everything that was true after the event at the cursor."""
        return ReplayResult.of(self.history, self.sequence)

    def seek(self, sequence: int) -> int:
        """Go to an event, or to the nearest there is."""
        self.sequence = min(max(sequence, 1), len(self.history))
        return self.sequence

    def seek_seconds(self, seconds: float) -> int:
        """Go to the last event that had happened so long after the first one."""
        return self.seek(self.history.columns.last_at(seconds + _HALF_A_MICROSECOND))

    def seek_time(self, moment: datetime) -> int:
        """Go to the last event that had happened by a time, which has a time zone."""
        return self.seek_seconds(moment.timestamp() - self.history.columns.started)

    def seek_step(self, glob: str, backwards: bool = False) -> int:
        """Go to where the next (or the last) step of such a name begins.

        Raises:
            SessionError: there is none that way.
        """
        fits, index = glob_test(glob), self.history.index
        ways = (index.starts_of(step) for step in self.history.columns.step_names() if fits(step))
        if backwards:
            found = [starts[at - 1] for starts in ways if (at := bisect_left(starts, self.sequence))]
        else:
            found = [starts[at] for starts in ways if (at := bisect_right(starts, self.sequence)) < len(starts)]
        if not found:
            way = "before" if backwards else "after"
            raise SessionError(f"no step {shown_text(glob)} begins {way} event {self.sequence:,}")
        return self.seek(max(found) if backwards else min(found))

    def step_event(self, count: int = 1) -> int:
        """Go so many events on, or back where negative."""
        return self.seek(self.sequence + count)

    def step_step(self, count: int = 1) -> int:
        """Go to where the so-manyth next step begins, or back where negative; as far as there are any."""
        index, at = self.history.index, self.sequence
        for _ in range(abs(count)):
            found = index.next_step(at) if count > 0 else index.previous_step(at)
            if found is None:
                break
            at = found
        return self.seek(at)

    def set_mark(self, name: str | None = None) -> str:
        """Remember where the cursor is, by default under the first free letter; returns the name."""
        if name is None:
            name = next(free for free in _mark_names() if free not in self._marks)
        self._marks[name] = self.sequence
        return name

    @property
    def marks(self) -> Mapping[str, int]:
        """Sequences by name."""
        return dict(self._marks)

    def remove_mark(self, name: str) -> None:
        """Forget a mark.

        Raises:
            SessionError: there is none of this name.
        """
        if self._marks.pop(name, None) is None:
            raise _no_mark(name, self._marks)

    def seek_mark(self, name: str) -> int:
        """Go to a mark.

        Raises:
            SessionError: there is none of this name.
        """
        if name not in self._marks:
            raise _no_mark(name, self._marks)
        return self.seek(self._marks[name])

    @property
    def breakpoints(self) -> tuple[Breakpoint, ...]:
        """All of them with their hits so far, by number."""
        known = list(self._breakpoints.items())
        return tuple(replace(each, problem=self._problems.get(number, "")) for number, each in known)

    def add_breakpoint(self, text: str) -> Breakpoint:
        """Set a breakpoint; it gets the next number.

        Raises:
            BreakpointError: the text is none.
        """
        parsed = parse_breakpoint(text)
        number = next(self._numbers)
        self._breakpoints[number] = replace(parsed, number=number)
        return self._breakpoints[number]

    def toggle_breakpoint(self, number: int) -> Breakpoint:
        """Disable a breakpoint, or enable it again.

        Raises:
            SessionError: there is none of this number.
        """
        known = self._known(number)
        self._breakpoints[number] = replace(known, enabled=not known.enabled)
        return self._breakpoints[number]

    def remove_breakpoint(self, number: int) -> None:
        """Remove a breakpoint.

        Raises:
            SessionError: there is none of this number.
        """
        self._known(number)
        del self._breakpoints[number]
        self._problems.pop(number, None)

    def find_stop(
        self,
        backwards: bool = False,
        *,
        inclusive: bool = False,
        cancelled: Callable[[], bool] = never,
        progress: Progress = silent,
    ) -> Stop | None:
        """Where an enabled breakpoint stops next on the way from the cursor; None when none does, or it is cancelled.

        Moves nothing, and may run in a thread. `inclusive`: the event at the cursor is looked at, too.

        Raises:
            StoreError: events are not kept here and cannot be read any more.
        """
        with closing(self.stops(backwards, inclusive=inclusive, cancelled=cancelled, progress=progress)) as stops:
            return next(stops, None)

    def stops(
        self,
        backwards: bool = False,
        *,
        inclusive: bool = False,
        cancelled: Callable[[], bool] = never,
        progress: Progress = silent,
    ) -> Generator[Stop, None, None]:
        """All stops on the way from the cursor, the nearest first, as `find_stop`."""
        asked = [each for each in list(self._breakpoints.values()) if each.enabled]
        search = Search(self.history, asked, self.sequence, backwards, inclusive)
        try:
            yield from search.stops(cancelled, progress)
        finally:
            self._problems |= search.problems()

    def stop_at(self, stop: Stop) -> int:
        """Go where a search found a stop, and count what was hit on the way."""
        for number, hits in stop.hits.items():
            known = self._breakpoints.get(number)
            if known is not None:
                self._breakpoints[number] = replace(known, hits=known.hits + hits)
        return self.seek(stop.sequence)

    def go_on(
        self,
        backwards: bool = False,
        *,
        inclusive: bool = False,
        cancelled: Callable[[], bool] = never,
        progress: Progress = silent,
    ) -> Stop | None:
        """Go to the next stop, and where there is none to the end (or the start); cancelled, it stays."""
        stop = self.find_stop(backwards, inclusive=inclusive, cancelled=cancelled, progress=progress)
        if stop is not None:
            self.stop_at(stop)
        elif not cancelled():
            self.seek(1 if backwards else len(self.history))
        return stop

    def add_watch(self, text: str) -> Watch:
        """Watch an address.

        Raises:
            AddressError: the text is none.
        """
        watch = Watch.parse(text)
        if watch not in self._watches:
            self._watches.append(watch)
        return watch

    def remove_watch(self, watch: Watch | str) -> None:
        """Watch it no longer.

        Raises:
            SessionError: it is not watched.
        """
        wanted = watch if isinstance(watch, Watch) else Watch.parse(watch)
        if wanted not in self._watches:
            raise SessionError(f"{shown_text(str(wanted))} is not watched")
        self._watches.remove(wanted)

    def watches(self) -> list[WatchValue]:
        """What each watch shows at the cursor, in the order they were set."""
        return [value_at(self.history, watch, self.sequence) for watch in list(self._watches)]

    def who_set(self, text: str, path: str | None = None) -> Write | None:
        """The event, up to the cursor, that set the value at an address.

        Raises:
            AddressError: the text is none.
        """
        return who_set(self.history, parse_address(text), self.sequence, path)

    def _known(self, number: int) -> Breakpoint:
        known = self._breakpoints.get(number)
        if known is None:
            numbers = ", ".join(map(str, self._breakpoints))
            raise SessionError(f"there is no breakpoint {number}" + (f"; there are {numbers}" if numbers else ""))
        return known


def _mark_names() -> Iterator[str]:
    yield from ascii_lowercase
    yield from (f"m{number}" for number in count(1))


def _no_mark(name: str, marks: Mapping[str, int]) -> SessionError:
    known = ", ".join(shown_text(other) for other in marks)
    return SessionError(f"there is no mark {shown_text(name)}" + (f"; there are {known}" if known else ""))
