"""What is asked of long histories costs what is near, not what there is: counted, not timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from benchmarks.histories import forked_history
from engine.model.events import ExecutionEvent
from engine.model.state import PathState
from engine.replay import spans
from engine.replay.addressing.addresses import MISSING, Address, parse_address
from engine.replay.addressing.setting import who_set
from engine.replay.addressing.values import cursor_path, look_up
from engine.replay.columns import EventColumns
from engine.replay.diffing.explain import explain
from engine.replay.diffing.states import diff_states
from engine.replay.history import History
from engine.replay.searching.event_query import parse_event_query
from engine.replay.searching.search import Hits, search
from engine.replay.session.session import ReplaySession, SessionError
from engine.replay.spans import UnitRecord
from engine.replay.view import full_view
from tests.core.written import EXECUTION, Written
from tests.replay.test_paged_history import EVENTS, Reader

ITEMS = 300


def each() -> Written:
    """Three hundred items; every seventh fails once, and is tried again when all others are done."""
    written = Written(
        {
            "name": "A",
            "action": "a",
            "each": {"items": "$(inputs.n)", "concurrency": ITEMS},
            "retry": {"max_attempts": 2},
        }
    )
    written.path()
    written.started("A", items=list(range(ITEMS)))
    for item in range(ITEMS):
        written.started("A", iteration={"index": item})
    for item in range(ITEMS):
        if item % 7 == 0:
            retry = {"policy": 0, "delay_ms": 0}
            data = {"visit": 1, "attempt": 1, "phase": "run", "error": "no", "error_type": "T", "outcome": "known"}
            written.add("step_failed", "main", "A", **data, retry=retry, iteration={"index": item})
        else:
            written.completed("A", item, iteration={"index": item})
    for item in range(0, ITEMS, 7):
        due = "2026-03-01T00:00:00.000000Z"
        again = {"visit": 1, "attempt": 2, "policy": 0, "delay_ms": 0, "due_at": due, "iteration": {"index": item}}
        written.add("step_retry_scheduled", "main", "A", **again)
        started = {"step_type": "action", "step_params": {}, "inputs_hash": "v1:x", "effect_key": "k#1"}
        written.add("step_started", "main", "A", **started, visit=1, attempt=2, iteration={"index": item})
        written.add(
            "step_completed", "main", "A", visit=1, attempt=2, output=-item, edges=[], duration_ms=0.0,
            iteration={"index": item},
        )  # fmt: skip
    return written


OF_ITEMS = each().events


def unit_of(history: History) -> UnitRecord:
    return history.index.paths["main"].units[0]


@pytest.mark.parametrize("near", [1, 64])
def test_the_last_attempt_of_an_item_is_the_one_that_looking_at_all_finds(
    near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "_NEAR", near)
    history = History(EXECUTION, OF_ITEMS[:400])
    for grown in ([], OF_ITEMS[400:]):
        history.extend(grown)
        unit = unit_of(history)
        for sequence in range(1, len(history) + 1, 13):
            begun = [attempt for attempt in unit.attempts if attempt.started_seq <= sequence]
            for item in (0, 1, 7, 150, 294, ITEMS - 1, ITEMS, None):
                expected = [attempt for attempt in begun if attempt.iteration == item]
                assert unit.last_attempt_at(sequence, item) == (expected[-1] if expected else None), (sequence, item)


def test_an_item_is_not_looked_for_among_all_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(EXECUTION, OF_ITEMS)
    made: list[int] = []
    plain = spans._Tries.__init__

    def counting(self: Any, unit: int, rows: Any, iteration: Any) -> None:
        made.append(unit)
        plain(self, unit, rows, iteration)

    monkeypatch.setattr(spans._Tries, "__init__", counting)
    items = look_up(history, parse_address("steps.A.items"), len(history))
    assert len(items) == ITEMS
    assert items["7"]["output"] == -7
    assert items["8"]["output"] == 8
    assert who_set(history, parse_address("steps.A.items[1].status"), len(history)) is not None
    assert len(made) == 1


class CountingKeys(dict[str, PathState]):
    """Open paths that count how often they are gone through."""

    seen: ClassVar[Counter[str]] = Counter()

    def keys(self) -> Any:
        self.seen["keys"] += 1
        return super().keys()

    def values(self) -> Any:
        self.seen["values"] += 1
        return super().values()

    def __iter__(self) -> Iterator[str]:
        self.seen["iter"] += 1
        return super().__iter__()


def test_the_write_index_does_not_go_through_all_paths_when_one_goes_on() -> None:
    events = list(forked_history(3, 1))
    history = History(events[0].execution_id, events)
    CountingKeys.seen.clear()
    looked = 0
    for event in events:
        if event.event_type.startswith("step_") and event.path_id != "main":
            before, after = history.state_at(event.sequence - 1), history.state_at(event.sequence)
            counted = [state._replace(paths=CountingKeys(state.paths)) for state in (before, after)]
            CountingKeys.seen.clear()
            history.writes.add(event, counted[0], counted[1])
            looked += 1
            assert not CountingKeys.seen
    assert looked == 6


def test_the_latest_unit_of_a_step_is_found_without_looking_at_other_events(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(EXECUTION, EVENTS)

    def find(self: EventColumns, **_: Any) -> Iterator[int]:
        raise AssertionError("events were gone through")

    monkeypatch.setattr(EventColumns, "find", find)
    last = len(history)
    for sequence in range(0, last + 1, 97):
        status = look_up(history, parse_address("steps.A.status"), sequence)
        expected = [unit for unit in history.index.units() if unit.started_seq <= sequence]
        assert status == (expected[-1].status_at(sequence) if expected else MISSING)
    session = ReplaySession(history, 500)
    assert session.seek_step("a") == 501
    assert session.seek_step("A", backwards=True) == 499
    session.seek(last)
    with pytest.raises(SessionError, match="no step 'A' begins after"):
        session.seek_step("A")
    session.seek(3)
    with pytest.raises(SessionError, match="no step 'A' begins before"):
        session.seek_step("A", backwards=True)


def test_the_status_of_a_step_is_told_without_reading_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(EXECUTION, EVENTS)

    def event(self: History, sequence: int) -> ExecutionEvent:
        raise AssertionError("an event was read")

    monkeypatch.setattr(History, "event", event)
    write = who_set(history, parse_address("steps.A.status"), 100)
    assert write == (100, "running", "completed")


def test_what_never_changes_is_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(EXECUTION, EVENTS[:600])

    def whole(*_: Any) -> None:
        raise AssertionError("a whole state was made")

    expected = full_view(history, 500)["completed_steps"]["A"]
    monkeypatch.setattr("engine.replay.addressing.values.full_view", whole)
    for text in ("execution_id", "versions", "versions.x", "completed_steps.B", "completed_steps.A[5]"):
        assert who_set(history, parse_address(text), 600) is None
    assert look_up(history, parse_address("completed_steps.A"), 500) == expected == [249]
    assert who_set(history, parse_address("completed_steps.A"), 501) == (500, [248], [249])


def stamped(*timestamps: str) -> History:
    events = Written()
    events.path()
    events.started("A")
    events.completed("A", 1)
    return History(
        EXECUTION, [event._replace(timestamp=at) for event, at in zip(events.events, timestamps, strict=True)]
    )


def test_an_event_is_found_at_its_very_time() -> None:
    """Whatever the difference of its seconds comes to: 5.8 - 2.3 is a little less than 3.5."""
    began = datetime.fromisoformat("2026-03-01T09:14:02.300000+00:00")
    for microseconds in range(1, 4_000_000, 99_991):
        moment = began + timedelta(microseconds=microseconds)
        at = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        later = (moment + timedelta(microseconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        session = ReplaySession(stamped("2026-03-01T09:14:02.300000Z", "2026-03-01T09:14:02.300000Z", at, later))
        assert session.seek_seconds(microseconds / 1e6) == 3
        assert session.seek_time(moment) == 3
        assert session.seek_time(moment - timedelta(microseconds=1)) == 2


def loading(known: int) -> History:
    """A history of which a store told how far it goes, and that has been read up to somewhere."""
    whole = History(EXECUTION, EVENTS)
    history = History(EXECUTION, source=Reader(EVENTS))
    history.expect(whole.latest)
    history.extend(EVENTS[:known])
    return history


def test_a_search_of_a_history_that_is_loading_leaves_out_nothing_in_the_end() -> None:
    history = loading(300)
    hits = Hits(parse_event_query("type:completed"), start=len(history))
    hits.fill(history)
    assert list(hits) == list(search(History(EXECUTION, EVENTS[:300]), hits.query)) == list(search(history, hits.query))
    history.extend(EVENTS[300:])
    assert not history.is_loading
    assert hits.fill(history)
    assert list(hits) == list(search(History(EXECUTION, EVENTS), hits.query))


def test_short_addresses_can_be_asked_while_a_history_is_loading() -> None:
    history = loading(300)
    assert cursor_path(history, len(history)) == "main"
    write = who_set(history, parse_address("a"), len(history))
    assert write is not None
    assert write.sequence == 300


def test_differences_of_many_paths_are_explained_without_going_through_all_events_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = list(forked_history(12, 3))
    history = History(events[0].execution_id, events)
    for last in (len(history), len(history) - 12):  # with ends of steps, and with starts
        for before in (last - 9, last - 30):
            found = diff_states(history, before, last)
            of_paths = [change for change in found.changes if change.keys[0] == "paths" and len(change.keys) == 3]
            assert len(of_paths) > 3, last
            expected = [who_set(history, Address(change.keys), last) for change in of_paths]
            with monkeypatch.context() as patch:
                patch.setattr(EventColumns, "find", None)
                explained = explain(history, of_paths, last, before)
            assert [each.by for each in explained] == [write and write.sequence for write in expected]
