"""A history that keeps only some of its events is the one that keeps all of them."""

from __future__ import annotations

from itertools import islice

import orjson
import pytest

from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.replay.lines import chosen_events
from engine.replay.pages import MOST_PAGES, PAGE, EventPages
from engine.replay.salvaged import UNREADABLE
from engine.store import StoreError
from tests.core.written import EXECUTION, Written, edge


def long(events: int) -> list[ExecutionEvent]:
    """A step that leads to itself until there are so many events."""
    written = Written({"name": "A", "action": "a", "store": "a"})
    written.path()
    visit = 0
    while len(written.events) < events:
        visit += 1
        written.started("A", visit=visit)
        written.completed("A", [visit], visit=visit, edges=[edge("A")], stored_variable="a")
    return written.events[:events]


PAGES = 5
EVENTS = long(PAGES * PAGE + 17)


class Reader:
    """Reads from a list, and remembers what it was asked for."""

    def __init__(self, events: list[ExecutionEvent]) -> None:
        self.events = events
        self.asked: list[tuple[int, int | None]] = []

    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        assert execution_id == EXECUTION
        self.asked.append((from_seq, limit))
        return list(islice(self.events, from_seq - 1, None if limit is None else from_seq - 1 + limit))

    def read_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        return [orjson.dumps(event.to_dict()) for event in self.read_events(execution_id, from_seq, limit)]


class Replaced(Reader):
    """Where, once it was read, another history of the same execution has taken its place."""

    def replace(self) -> None:
        self.events = [event._replace(id=f"event_other{event.sequence}") for event in self.events]


def pages_of(reader: Reader, most: int = 2) -> EventPages:
    pages = EventPages(EXECUTION, reader, most)
    for event in reader.events:
        pages.append(event)
    return pages


def test_only_some_pages_are_kept_and_the_others_read_again() -> None:
    reader = Reader(EVENTS)
    pages = pages_of(reader)
    assert reader.asked == []
    ends = {PAGE: True, PAGE + 1: False, 2 * PAGE + 1: False, 3 * PAGE + 1: True, 4 * PAGE + 1: True, len(EVENTS): True}
    assert {sequence: pages.has(sequence) for sequence in ends} == ends
    assert pages.get(PAGE + 3) is EVENTS[PAGE + 2]
    assert pages.get(2 * PAGE) is EVENTS[2 * PAGE - 1]
    assert reader.asked == [(PAGE + 1, PAGE)]
    assert (pages.has(PAGE + 1), pages.has(3 * PAGE + 1)) == (True, False)


def test_without_a_reader_everything_is_kept() -> None:
    pages = EventPages(EXECUTION, None, 1)
    for event in EVENTS:
        pages.append(event)
    assert [pages.get(sequence) for sequence in range(1, len(EVENTS) + 1)] == EVENTS


@pytest.mark.parametrize("first", [1, 2, PAGE, PAGE + 1, 3 * PAGE - 1, len(EVENTS)])
@pytest.mark.parametrize("last", [1, PAGE, PAGE + 1, 3 * PAGE, len(EVENTS), len(EVENTS) + 9])
def test_a_stream_is_a_slice_and_keeps_nothing(first: int, last: int) -> None:
    pages = pages_of(Reader(EVENTS))
    known = [pages.has(sequence) for sequence in range(1, len(EVENTS) + 1)]
    assert list(pages.stream(first, last)) == EVENTS[first - 1 : last]
    assert [pages.has(sequence) for sequence in range(1, len(EVENTS) + 1)] == known


@pytest.mark.parametrize("sequence", [0, -1, len(EVENTS) + 1])
def test_there_are_no_other_events(sequence: int) -> None:
    pages = pages_of(Reader(EVENTS))
    assert not pages.has(sequence)
    with pytest.raises(IndexError):
        pages.get(sequence)


def test_events_that_are_gone_are_an_error_and_never_others() -> None:
    reader = Reader(EVENTS)
    pages = pages_of(reader)
    reader.events = EVENTS[: PAGE + 9]
    with pytest.raises(StoreError, match=rf"events {PAGE + 1} to {2 * PAGE} of {EXECUTION} are not there any more"):
        pages.get(PAGE + 1)
    with pytest.raises(StoreError):
        list(pages.stream(1, len(EVENTS)))


def test_events_that_were_told_of_can_be_read_before_they_are_added() -> None:
    reader = Reader(EVENTS)
    pages = EventPages(EXECUTION, reader, 3)
    pages.append(EVENTS[0])
    pages.expect(len(EVENTS) - 5)
    assert len(pages) == len(EVENTS) - 5
    last = len(EVENTS) - 5
    assert pages.get(last) is EVENTS[last - 1]
    assert pages.get(2) is EVENTS[1]
    assert list(pages.stream(1, last)) == EVENTS[:last]
    for event in EVENTS[1:]:
        pages.append(event)
    assert len(pages) == len(EVENTS)
    assert [pages.get(sequence) for sequence in range(last - 2, len(EVENTS) + 1)] == EVENTS[last - 3 :]


def test_a_paged_history_says_what_a_whole_one_says() -> None:
    events = long((MOST_PAGES + 4) * PAGE + 9)
    reader = Reader(events)
    paged, whole = History(EXECUTION, events, source=reader), History(EXECUTION, events)
    assert not paged.has(2 * PAGE)
    assert list(paged) == events
    for sequence in (0, 1, PAGE, PAGE + 1, 7 * PAGE - 3, len(events) - PAGE, len(events)):
        assert paged.state_at(sequence) == whole.state_at(sequence)
    first, last = 3 * PAGE - 2, 5 * PAGE + 1
    assert list(paged.states(first, last)) == [(events[n - 1], whole.state_at(n)) for n in range(first, last + 1)]


@pytest.mark.parametrize(
    ("first", "last"), [(1, None), (0, 3), (PAGE, PAGE + 1), (len(EVENTS), len(EVENTS) + 5), (5, 4)]
)
def test_lines_are_the_events_as_they_are_stored(first: int, last: int | None) -> None:
    history = History(EXECUTION, EVENTS, source=Reader(EVENTS))
    pieces = history.lines(first, last)
    assert pieces is not None
    found = [orjson.loads(line) for piece in pieces for line in piece]
    assert found == [event.to_dict() for event in history.events(first, last)]


def test_where_there_are_only_events_there_are_no_lines() -> None:
    assert History(EXECUTION, EVENTS).lines() is None
    gap = EVENTS[9]._replace(event_type=UNREADABLE, data={"problem": "gone"})
    assert History(EXECUTION, [*EVENTS[:9], gap, *EVENTS[10:]], source=Reader(EVENTS)).lines() is None


def test_what_was_saved_from_behind_damage_is_kept() -> None:
    events = long((MOST_PAGES + 6) * PAGE)
    at = 2 * PAGE + 7
    saved = [*events[:at], events[at]._replace(event_type=UNREADABLE, data={"problem": "gone"}), *events[at + 1 :]]
    history = History(EXECUTION, saved, source=Reader([]))
    assert [history.event(n) for n in range(2 * PAGE + 1, len(saved) + 1)] == saved[2 * PAGE :]
    assert (history.problem, history.folded) == (f"event {at + 1} cannot be read: gone", at)


def test_states_of_an_empty_stretch() -> None:
    history = History(EXECUTION, EVENTS[:9])
    assert list(history.states(7, 6)) == list(history.states(10)) == []
    assert [event.sequence for event, _ in history.states()] == list(range(1, 10))


def test_while_it_loads_its_end_is_known_and_what_lies_between_is_not() -> None:
    reader = Reader(EVENTS)
    history = History(EXECUTION, EVENTS[:PAGE], source=reader)
    final = fold(initial_state(EXECUTION), EVENTS)
    history.expect(final)
    assert (len(history), history.is_loading, history.folded) == (len(EVENTS), True, PAGE)
    assert history.latest is history.state_at(len(EVENTS)) is final
    assert [history.knows_state(n) for n in (1, PAGE, PAGE + 1, len(EVENTS) - 1, len(EVENTS))] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert history.event(len(EVENTS) - 1) is EVENTS[-2]
    history.extend(EVENTS[PAGE:])
    assert (history.is_loading, history.folded, history.latest == final) == (False, len(EVENTS), True)
    assert history.state_at(PAGE + 1) == History(EXECUTION, EVENTS).state_at(PAGE + 1)


def test_the_failure_is_known_while_it_loads() -> None:
    written = Written({"name": "A", "action": "a"})
    written.path()
    written.started("A")
    written.failed("A")
    written.add("path_failed", "main", final_step="A", error="no", error_type="Trouble", caused_by=4)
    written.add("execution_failed", error="no", error_type="Trouble", caused_by=[5])
    history = History(EXECUTION, written.events[:1], source=Reader(written.events))
    assert history.failure_sequence() is None
    history.expect(fold(initial_state(EXECUTION), written.events))
    assert history.failure_sequence() == History(EXECUTION, written.events).failure_sequence() == 4


def test_another_history_in_the_place_of_the_one_that_was_read_is_never_mixed_with_it() -> None:
    reader = Replaced(EVENTS)
    history = History(EXECUTION, EVENTS, source=reader)
    pages = pages_of(reader)
    reader.replace()
    sought = (PAGE + 1, PAGE + 7, 3 * PAGE)
    for sequence in sought:
        with pytest.raises(StoreError, match="is another one than the one that was read first"):
            pages.get(sequence)
        with pytest.raises(StoreError, match="is another one"):
            list(pages.stream(sequence, sequence + 2))
    with pytest.raises(StoreError, match="is another one"):
        list(chosen_events(history, range(300, 400)))
    assert pages.get(1) == EVENTS[0]
