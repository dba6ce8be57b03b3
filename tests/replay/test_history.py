"""Histories held for looking at: states at any sequence, growth, and histories that stop making sense."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.reduce import initial_state
from engine.model.events import ExecutionEvent
from engine.replay import history as history_module
from engine.replay.history import KEYFRAME_EVERY, History
from engine.replay.replayer import ExecutionReplayer
from engine.replay.view import changes_at, full_view
from stores.memory import MemoryExecutionEventStore
from tests.core.written import EXECUTION, Written, edge


def long(visits: int) -> Written:
    """A step that leads to itself, `visits` times."""
    written = Written({"name": "A", "action": "a", "store": "a"})
    written.path()
    for visit in range(1, visits + 1):
        written.started("A", visit=visit)
        written.completed("A", [visit], visit=visit, edges=[edge("A")], stored_variable="a")
    return written


LONG = long(2 * KEYFRAME_EVERY)


def test_an_empty_history_has_a_state() -> None:
    history = History(EXECUTION)
    assert (len(history), history.folded, history.problem) == (0, 0, None)
    assert history.latest == history.state_at(0) == history.state_at(5) == initial_state(EXECUTION)
    assert history.failure_sequence() is None


def test_states_around_keyframes_and_beyond_the_ends() -> None:
    history = History(EXECUTION, LONG.events)
    total = len(LONG.events)
    for sequence in (0, 1, 2, *(k * KEYFRAME_EVERY + d for k in (1, 2, 3) for d in (-1, 0, 1)), total - 1, total):
        assert history.state_at(sequence) == LONG.states[sequence]
    assert history.state_at(-3) == LONG.states[0]
    assert history.state_at(total + 3) == LONG.states[-1] == history.latest


def test_events_are_found_by_sequence() -> None:
    history = History(EXECUTION, LONG.events)
    assert history.event(1) is LONG.events[0]
    assert history.event(len(history)) is LONG.events[-1]
    assert list(history) == LONG.events
    for sequence in (0, -1, len(history) + 1):
        with pytest.raises(IndexError):
            history.event(sequence)


def test_a_history_that_grows_is_the_history_read_at_once() -> None:
    grown = History(EXECUTION)
    for event in LONG.events:
        grown.extend([event])
        assert grown.latest == LONG.states[event.sequence]
    whole = History(EXECUTION, LONG.events)
    assert grown.latest == whole.latest
    assert grown.index.step_starts == whole.index.step_starts
    assert grown.state_at(KEYFRAME_EVERY + 1) == whole.state_at(KEYFRAME_EVERY + 1)


def test_a_state_asked_for_again_is_not_folded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[int] = []
    plain = history_module.reduce

    def counting(state: Any, event: ExecutionEvent) -> Any:
        folded.append(event.sequence)
        return plain(state, event)

    history = History(EXECUTION, LONG.events)
    monkeypatch.setattr(history_module, "reduce", counting)
    history.state_at(KEYFRAME_EVERY + 2)
    assert folded == [KEYFRAME_EVERY + 1, KEYFRAME_EVERY + 2]
    history.state_at(KEYFRAME_EVERY + 2)
    history.state_at(KEYFRAME_EVERY + 3)
    assert folded == [KEYFRAME_EVERY + 1, KEYFRAME_EVERY + 2, KEYFRAME_EVERY + 3]
    folded.clear()
    for sequence in range(3 * KEYFRAME_EVERY):
        history.state_at(sequence)
        assert len(folded) <= KEYFRAME_EVERY
        folded.clear()


def test_so_many_states_are_kept_and_no_more_however_long_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "KEYFRAME_EVERY", 4)
    monkeypatch.setattr(history_module, "MAX_KEYFRAMES", 8)
    monkeypatch.setattr(history_module, "RECENT_STATES", 40)
    history = History(EXECUTION)
    for event in LONG.events:
        history.extend([event])
        assert len(history._keyframes[1]) <= 8
    kept = [state.sequence for state in history._keyframes[1]]
    assert kept == list(range(0, len(LONG.events), kept[1]))
    assert history._recent.limit == 40
    for sequence in range(len(LONG.events) + 1):
        assert history.state_at(sequence) == LONG.states[sequence]
    assert history._recent.info().entries == 40


def test_where_somebody_looks_keyframes_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "KEYFRAME_EVERY", 4)
    monkeypatch.setattr(history_module, "MAX_KEYFRAMES", 2)
    history = History(EXECUTION, LONG.events)
    folded: list[int] = []
    plain = history_module.reduce

    def counting(state: Any, event: ExecutionEvent) -> Any:
        folded.append(event.sequence)
        return plain(state, event)

    monkeypatch.setattr(history_module, "reduce", counting)
    history.state_at(203)
    assert len(folded) > 4
    for back in (195, 187, 183):
        folded.clear()
        assert history.state_at(back) == LONG.states[back]
        assert len(folded) <= 3


def test_a_history_that_stops_making_sense_keeps_its_events_and_says_why() -> None:
    written = long(3)
    bad = written.events[4]._replace(event_type="path_branched")
    events = [*written.events[:4], bad, *written.events[5:]]
    history = History(EXECUTION, events)
    assert history.problem is not None
    assert history.problem.startswith("event 5 (path_branched) does not fit")
    assert len(history) == len(events)
    assert history.folded == 4
    assert history.latest == history.state_at(99) == written.states[4]
    history.extend([written.next("path_cancelled", "main")])
    assert (len(history), history.folded) == (len(events) + 1, 4)


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("step_started", {"items": 5}),
        ("step_started", {"iteration": 5}),
        ("step_started", {"iteration": {"index": "x"}}),
        ("step_completed", {"iteration": [1]}),
        ("step_completed", {"edges": {"a": 1}}),
        ("step_failed", {"iteration": "no"}),
    ],
)
def test_malformed_data_ends_the_states_and_nothing_else(event_type: str, data: dict[str, Any]) -> None:
    written = Written()
    written.path()
    about = {"visit": 1, "attempt": 1, "effect_key": "k", "output": 1, "edges": [], "error": "e", "error_type": "E"}
    if event_type != "step_started":
        written.started("A")
    events = [*written.events, written.next(event_type, "main", "A", **about | data)]
    history = History(EXECUTION, events)
    assert history.problem is not None
    assert f"event {len(events)} ({event_type})" in history.problem
    assert history.latest == written.state
    assert len(history) == len(events)


def test_events_of_a_newer_version_are_held_and_indexed_as_far_as_they_are_understood() -> None:
    written = Written()
    written.path()
    newer = written.next("step_started", "main", "A", items=7)._replace(schema_version=2)
    strange = newer._replace(sequence=4, event_type="step_dreamt")
    known = newer._replace(sequence=5, schema_version=1, data={"visit": 1, "attempt": 1})
    history = History(EXECUTION, [*written.events, newer, strange, known])
    assert (history.problem, history.folded, history.latest.incomplete_from) == (None, 5, 3)
    assert [unit.step for unit in history.index.units()] == ["A"]


def test_after_an_event_nobody_understands_whatever_follows_can_be_looked_at() -> None:
    written = Written()
    written.path()
    start = {"visit": 1, "attempt": 1, "effect_key": "k"}
    done = {"visit": 1, "attempt": 1, "output": 1, "edges": []}
    follow = [
        ("step_dreamt", {}),
        ("step_started", start | {"items": [1]}),
        ("step_started", start | {"iteration": {"index": 7}}),
        ("step_completed", done | {"iteration": {"index": 7}}),
        ("step_started", start | {"iteration": {"index": "x"}}),
        ("step_completed", done | {"iteration": {"index": "x"}}),
        ("step_completed", done),
        ("step_failed", {"visit": 1, "attempt": 1, "phase": "route", "error": [5], "error_type": None}),
        ("path_cancelled", {"unit": "odd"}),
    ]
    events = list(written.events)
    for event_type, data in follow:
        event = written.next(event_type, "main", "" if event_type == "path_cancelled" else "A", **data)
        events.append(event._replace(sequence=len(events) + 1))
    history = History(EXECUTION, events)
    assert history.problem is None
    for sequence in range(len(events) + 1):
        full_view(history, sequence)
        changes_at(history, sequence)
    assert [unit.error for unit in history.index.units()] == ["[5]"]


def test_the_failure_is_the_one_that_caused_the_end() -> None:
    written = Written({"name": "A", "action": "a"}, {"name": "B", "action": "b"})
    written.path()
    written.started("A")
    edges = [edge("A", path="x"), edge("B", path="y")]
    written.completed("A", edges=edges)
    new = [{"id": "x", "current_step": "A", "edge": 0}, {"id": "y", "current_step": "B", "edge": 1}]
    written.add("path_branched", "main", "A", new_paths=new)
    written.path("x")
    written.path("y", "B")
    written.failed("B", path="y", phase="parameters")
    assert History(EXECUTION, written.events).failure_sequence() == 8
    written.failed("A", path="x", phase="parameters")
    written.add("path_failed", "x", error="no", error_type="Trouble", caused_by=9)
    assert History(EXECUTION, written.events).failure_sequence() == 9


def test_an_execution_that_failed_without_a_step_has_its_end_as_failure() -> None:
    written = Written()
    written.add("execution_failed", error="full", error_type="HistoryLimit", caused_by=[])
    assert History(EXECUTION, written.events).failure_sequence() == 2


# What is wrong with a history


def problems(*events: ExecutionEvent) -> list[str]:
    return ExecutionReplayer(MemoryExecutionEventStore()).validate_event_history(events)


def test_a_sound_history_has_no_problems() -> None:
    assert problems() == []
    assert problems(*LONG.events) == []


def test_everything_that_is_wrong_is_told() -> None:
    first, path, start, done, *_ = long(2).events
    end = Written().next("execution_cancelled", by="me", reason="x")
    assert problems(first, path, done._replace(sequence=3)) == [
        "event 3 (step_completed) does not fit: 'A' is not running"
    ]
    assert problems(first, path, done) == ["event 4 (step_completed) does not fit: event 3 should come here"]
    assert problems(path) == ["event 2 (path_started) does not fit: event 1 should come here"]
    early = path._replace(timestamp="2026-02-28T00:00:00.000000Z")
    assert problems(first, early) == ["event 2 is earlier than event 1"]
    assert problems(first, end, path._replace(sequence=3)) == [
        "event 3 comes after the end of the execution",
        "event 3 (path_started) does not fit: the execution had already ended",
    ]
    assert problems(first, path._replace(event_type="path_dreamt")) == [
        "event 2 is of kind 'path_dreamt', unknown to this version"
    ]
    told = problems(first, path._replace(data={"current_step": 5}, id="x"))
    assert told == ["event 2 ('path_started'): id 'x' does not start with 'event_'"]
    told = problems(first, path, start._replace(data={**start.data, "effect_key": 5}))
    assert told == ["event 3 (step_started): effect_key: Input should be a valid string"]
