"""A history held for looking at: events by sequence, the state after any of them, and the step index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from engine.caching import LRU
from engine.collector import collector_paused
from engine.core.reduce import HistoryError, initial_state, reduce
from engine.model.events import ExecutionEvent
from engine.model.state import ExecutionState
from engine.replay.columns import EventColumns
from engine.replay.index import StepIndex
from engine.replay.index_go import GoStepIndex
from engine.replay.pages import EventPages
from engine.replay.salvaged import UNREADABLE
from engine.replay.writes import WriteIndex
from engine.store import DirectlyReadable, StoreError

KEYFRAME_EVERY = 128
"""A state is kept at every so many events; between two, the rest is folded anew. States share structure, so a
keyframe costs little more than what changed since the one before."""
MAX_KEYFRAMES = 1_024
"""So many states are kept for good; of a longer history every second, every fourth, ... of them. Where somebody looks,
those in between are made again and kept while there is room."""
RECENT_STATES = 512
"""States kept of those that somebody looked at."""
_MALFORMED = (AttributeError, IndexError, KeyError, TypeError)


class History:
    """Events 1..n of one execution; grows at its end while the execution runs.

    A history that stops making sense at some event keeps all its events; states end before that event and `problem`
    says why. Several threads may look at it while one extends it.

    Args:
        source: where its events can be read again. With it a long history is not kept: events are read, a page at a
            time, when somebody looks at them, and getting one may raise `StoreError`.
    """

    def __init__(
        self, execution_id: str, events: Iterable[ExecutionEvent] = (), *, source: DirectlyReadable | None = None
    ) -> None:
        self.execution_id = execution_id
        self.columns = EventColumns()
        self.index = StepIndex(self.columns)
        self.writes = WriteIndex()
        self.problem: str | None = None
        """Why states end early, else None."""
        self._pages = EventPages(execution_id, source)
        self._told: ExecutionState | None = None
        self._state = initial_state(execution_id)
        self._keyframes: tuple[int, list[ExecutionState]] = KEYFRAME_EVERY, [self._state]
        """States after every so many events, from the start; both in one, as others may look while they change."""
        self._recent: LRU[int, ExecutionState] = LRU(RECENT_STATES, name="past states")
        self.extend(events)

    def expect(self, state: ExecutionState) -> None:
        """The history goes on up to this state, which a store told: what is not taken in yet can be looked at already.

        Only for one with a source. Until `extend` has brought those events, nothing is known of the states between.
        """
        self._pages.expect(state.sequence)
        self._told = state

    @property
    def is_loading(self) -> bool:
        """Whether there are events that were told of and not taken in yet."""
        return len(self.columns) < len(self._pages)

    def extend(self, events: Iterable[ExecutionEvent]) -> None:
        """Add the next events, in order."""
        with collector_paused():
            for event in events:
                self.columns.add(event)
                if self.problem is None:
                    self._fold(event)
                self._pages.append(event)

    def __len__(self) -> int:
        return len(self._pages)

    def __iter__(self) -> Iterator[ExecutionEvent]:
        return self.events()

    def has(self, sequence: int) -> bool:
        """Whether this event is here, so that looking at it takes no time."""
        return self._pages.has(sequence)

    def knows_state(self, sequence: int) -> bool:
        """Whether the state after this event is known; not where the history makes no sense, or is still loading."""
        return sequence <= self.folded or sequence == self.latest.sequence

    def event(self, sequence: int) -> ExecutionEvent:
        """The event of this sequence, from 1.

        Raises:
            IndexError: there is none.
            StoreError: it is not kept here and cannot be read any more.
        """
        return self._pages.get(sequence)

    def peek(self, sequence: int) -> ExecutionEvent | None:
        """The event of this sequence; None when it cannot be read any more.

        Raises:
            IndexError: there is none.
        """
        try:
            return self._pages.get(sequence)
        except StoreError:
            return None

    def events(self, first: int = 1, last: int | None = None) -> Iterator[ExecutionEvent]:
        """Events from one sequence to another, in order, those there are now by default.

        Raises:
            StoreError: they are not kept here and cannot be read any more.
        """
        return self._pages.stream(first, len(self) if last is None else last)

    def lines(self, first: int = 1, last: int | None = None) -> Iterator[list[bytes]] | None:
        """What is stored of events from one sequence to another: lines of JSON, some at a time; None where only the
        events themselves are here. Much cheaper to look through than `events`.

        Raises:
            StoreError: they cannot be read any more.
        """
        return self._pages.lines(first, len(self) if last is None else last)

    def recognise(self, events: Iterable[ExecutionEvent]) -> None:
        """Make sure that events made of `lines` are those that were taken in.

        Raises:
            StoreError: another history has taken the place of this one.
        """
        self._pages.recognise(events)

    def states(self, first: int = 1, last: int | None = None) -> Iterator[tuple[ExecutionEvent, ExecutionState]]:
        """Each event from one sequence to another with the state after it, as far as states go; one fold.

        Raises:
            StoreError: the events are not kept here and cannot be read any more.
        """
        first, last = max(1, first), min(self.folded, len(self) if last is None else last)
        if first > last:
            return
        state = self.state_at(first - 1)
        for event in self.events(first, last):
            state = reduce(state, event)
            yield event, state

    @property
    def latest(self) -> ExecutionState:
        """The state after the last event that could be folded, or that a store told when the rest was not here yet."""
        told = self._told
        return told if told is not None and self.problem is None and told.sequence > self.folded else self._state

    @property
    def folded(self) -> int:
        """The last sequence whose state is known."""
        return self._state.sequence

    def state_at(self, sequence: int) -> ExecutionState:
        """The state after this event; 0 is the state before the first. Past `folded`, the last known state.

        Folds at most as many events as lie between two keyframes.

        Raises:
            StoreError: they are not kept here and cannot be read any more.
        """
        latest, last = self.latest, self._state  # both may grow meanwhile
        if sequence >= latest.sequence:
            return latest
        sequence = max(sequence, 0)
        if sequence >= last.sequence:
            return last
        known = self._recent.get(sequence)
        if known is not None:
            return known
        state = self._recent.get(sequence - 1) or self._keyframe_before(sequence)
        for event in self._pages.stream(state.sequence + 1, sequence):
            state = reduce(state, event)
            if state.sequence % KEYFRAME_EVERY == 0:
                self._recent.put(state.sequence, state)
        self._recent.put(sequence, state)
        return state

    def _keyframe_before(self, sequence: int) -> ExecutionState:
        """The nearest kept one that is not after it."""
        spacing, keyframes = self._keyframes
        kept = keyframes[sequence // spacing]
        made_again = range(sequence - sequence % KEYFRAME_EVERY, kept.sequence, -KEYFRAME_EVERY)
        return next((state for state in map(self._recent.get, made_again) if state is not None), kept)

    def _fold(self, event: ExecutionEvent) -> None:
        if event.event_type == UNREADABLE:
            self.problem = f"event {event.sequence} cannot be read: {event.data.get('problem', 'it is damaged')}"
            return
        before = self._state.paths.get(event.path_id)
        try:
            state = reduce(self._state, event)
            if event.sequence == 1 and state.info.dialect:
                self.index = GoStepIndex(self.columns)
            if state.incomplete_from is None:
                self.index.add(event, before)
            else:
                # Events of a newer version are indexed as far as they can be understood.
                with suppress(*_MALFORMED):
                    self.index.add(event, before)
        except HistoryError as error:
            self.problem = str(error)
            return
        except _MALFORMED as error:
            self.problem = f"event {event.sequence} ({event.event_type}): its data is not as it should be ({error})"
            return
        self.writes.add(event, self._state, state)
        spacing, keyframes = self._keyframes
        if event.sequence % spacing == 0:
            keyframes.append(state)
            if len(keyframes) > MAX_KEYFRAMES:
                self._keyframes = spacing * 2, keyframes[::2]
        self._state = state

    def failure_sequence(self) -> int | None:
        """The failure that caused the end, or the first failure there is; None without one."""
        failure = self.latest.failure
        if failure is not None:
            return failure.sequence
        return self.index.failures[0] if self.index.failures else None
