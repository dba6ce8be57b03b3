"""The step index: which units and attempts there were, and what of them was known at any point."""

from __future__ import annotations

from typing import Any

import pytest

from engine.replay.history import History
from engine.replay.index import UnitRecord
from tests.core.written import EXECUTION, Written, edge

TWO = ({"name": "A", "action": "a"}, {"name": "B", "action": "b"})
EACH = {"name": "A", "action": "a", "each": {"items": [1, 2, 3]}}


def history_of(written: Written) -> History:
    history = History(EXECUTION, written.events)
    assert history.problem is None
    return history


def only_unit(written: Written) -> UnitRecord:
    (unit,) = history_of(written).index.units()
    return unit


def begun(*steps: dict[str, Any]) -> Written:
    written = Written(*steps)
    written.path()
    return written


def fork(written: Written, *paths: str) -> None:
    """`A` on main ends, and these paths begin at `A`; four events and one more for each."""
    written.started("A")
    written.completed("A", edges=[edge("A", path=name) for name in paths])
    new = [{"id": name, "current_step": "A", "edge": at} for at, name in enumerate(paths)]
    written.add("path_branched", "main", "A", new_paths=new)
    written.add("path_completed", "main", final_step="A", reason="fork")


def test_a_unit_with_its_attempt_from_start_to_end() -> None:
    written = begun()
    written.started("A")
    unit = only_unit(written)
    assert (unit.path, unit.step, unit.visit, unit.order, unit.items) == ("main", "A", 1, 0, None)
    assert (unit.status, unit.started_seq, unit.ended_seq, unit.completed_seq) == ("running", 3, None, None)
    assert unit.started_at == "2026-03-01T00:00:03.000000Z"
    written.completed("A", 5)
    unit = only_unit(written)
    assert (unit.status, unit.ended_seq, unit.completed_seq, unit.ended_at) == (
        "completed", 4, 4, "2026-03-01T00:00:04.000000Z",
    )  # fmt: skip
    (attempt,) = unit.attempts
    assert (attempt.attempt, attempt.iteration, attempt.started_seq, attempt.ended_seq) == (1, None, 3, 4)
    assert [unit.status_at(sequence) for sequence in (3, 4, 9)] == ["running", "completed", "completed"]
    assert [unit.ended_by(sequence) for sequence in (3, 4, 9)] == [None, 4, 4]


def test_a_failed_unit_knows_its_error() -> None:
    written = begun()
    written.started("A")
    written.failed("A", error="it broke")
    unit = only_unit(written)
    for span in (unit, *unit.attempts):
        assert (span.status, span.error, span.error_type, span.ended_seq) == ("failed", "it broke", "Trouble", 4)
        assert span.completed_seq is None


def test_a_unit_that_failed_in_its_parameters_begins_and_ends_with_that_event() -> None:
    written = begun()
    written.failed("A", phase="parameters")
    unit = only_unit(written)
    (attempt,) = unit.attempts
    for span in (unit, attempt):
        assert (span.status, span.started_seq, span.ended_seq) == ("failed", 3, 3)
    assert list(history_of(written).index.step_starts) == [3]


@pytest.mark.parametrize("over_items", [False, True])
def test_a_unit_that_failed_in_its_routing_has_completed_before(over_items: bool) -> None:
    written = begun(EACH if over_items else TWO[0], TWO[1])
    if over_items:
        written.started("A", items=[1])
        written.item(0, "x")
    else:
        written.started("A")
    bad = edge("B", False, condition="nope", error="no nope")
    written.completed("A", {"items": 1} if over_items else 5, edges=[bad])
    done = written.state.sequence
    written.failed("A", phase="route", error="no nope")
    unit = only_unit(written)
    assert (unit.status, unit.completed_seq, unit.ended_seq) == ("failed", done, done + 1)
    assert [unit.status_at(done + d) for d in (-1, 0, 1)] == ["running", "completed", "failed"]
    assert [unit.ended_by(done + d) for d in (-1, 0, 1)] == [None, done, done + 1]
    assert unit.error == "no nope"
    (attempt,) = unit.attempts
    assert (attempt.status, attempt.error) == (("completed", "") if over_items else ("failed", "no nope"))


def test_items_are_attempts_of_one_unit() -> None:
    written = begun(EACH)
    written.started("A", items=[1, 2, 3])
    written.item(0, "x")
    written.started("A", iteration={"index": 1})
    unit = only_unit(written)
    assert (unit.items, unit.status) == (3, "running")
    assert [(a.iteration, a.status, a.started_seq, a.ended_seq) for a in unit.attempts] == [
        (0, "completed", 4, 5), (1, "running", 6, None),
    ]  # fmt: skip
    assert [len(unit.attempts_at(sequence)) for sequence in (3, 4, 5, 6)] == [0, 1, 1, 2]
    first = unit.last_attempt_at(6, 0)
    assert first == unit.attempts[0]
    assert unit.last_attempt_at(5, 1) is None
    assert list(history_of(written).index.step_starts) == [3]


def test_a_failing_item_fails_its_unit() -> None:
    written = begun(EACH)
    written.started("A", items=[1, 2, 3])
    written.item(0, "x")
    written.failed("A", phase="parameters", iteration={"index": 1}, error="no")
    unit = only_unit(written)
    assert [(a.iteration, a.status) for a in unit.attempts] == [(0, "completed"), (1, "failed")]
    assert (unit.status, unit.error, unit.ended_seq) == ("failed", "no", 6)


def test_an_item_in_flight_is_cancelled_with_its_path() -> None:
    written = begun(EACH)
    written.started("A", items=[1, 2, 3])
    written.item(0, "x")
    written.started("A", iteration={"index": 1})
    written.add("path_cancelled", "main", unit={"path": "main", "step": "A", "visit": 1, "iteration": 1})
    history = history_of(written)
    (unit,) = history.index.units()
    assert [(a.status, a.ended_seq) for a in unit.attempts] == [("completed", 5), ("cancelled", 7)]
    assert (unit.status, unit.ended_seq) == ("cancelled", 7)
    path = history.index.paths["main"]
    assert (path.status, path.ended_seq) == ("cancelled", 7)
    assert path.final is not None
    assert path.final.current_step == "A"
    assert history.index.unit_of(history.event(7)) == unit


def test_a_path_with_nothing_in_flight_cancels_no_unit() -> None:
    written = begun(*TWO)
    written.started("A")
    written.completed("A", edges=[edge("B")])
    written.add("path_cancelled", "main")
    assert only_unit(written).status == "completed"


def test_visits_are_units_of_their_own_in_order() -> None:
    written = begun(TWO[0])
    for visit in (1, 2, 3):
        written.started("A", visit=visit)
        written.completed("A", visit, visit=visit, edges=[edge("A")])
    units = list(history_of(written).index.units())
    assert [(unit.visit, unit.order, unit.started_seq) for unit in units] == [(1, 0, 3), (2, 1, 5), (3, 2, 7)]


def test_paths_know_their_parents_ends_and_what_they_were_before() -> None:
    written = begun()
    fork(written, "x", "y")
    written.path("x", parent="main", fork=5)
    written.path("y", parent="main", fork=5)
    written.failed("A", path="x", phase="parameters")
    written.add("path_failed", "x", error="no", error_type="T", caused_by=9)
    written.add("path_cancelled", "y")
    paths = history_of(written).index.paths
    assert list(paths) == ["main", "x", "y"]
    assert [(p.parent, p.status, p.started_seq, p.ended_seq) for p in paths.values()] == [
        (None, "completed", 2, 6), ("main", "failed", 7, 10), ("main", "cancelled", 8, 11),
    ]  # fmt: skip
    assert [paths["x"].status_at(sequence) for sequence in (9, 10)] == ["running", "failed"]
    final = paths["x"].final
    assert final is not None
    assert final.status == "failed"
    assert list(history_of(written).index.failures) == [9, 10]


def test_a_path_cancelled_before_it_started_is_not_lost() -> None:
    written = begun()
    fork(written, "x", "y")
    written.path("x", parent="main", fork=5)
    written.add("path_cancelled", "y")
    record = history_of(written).index.paths["y"]
    assert (record.parent, record.status, record.started_seq, record.ended_seq) == ("main", "cancelled", 8, 8)
    assert record.units == []


def test_an_event_tells_of_the_unit_it_belongs_to() -> None:
    written = begun(*TWO)
    written.started("A")
    written.completed("A", edges=[edge("B")])
    written.started("B")
    written.completed("B", edges=[edge("A", path="x")])
    written.add("path_branched", "main", "B", new_paths=[{"id": "x", "current_step": "A", "edge": 0}])
    written.add("path_completed", "main", final_step="B", reason="fork")
    history = history_of(written)
    found = [history.index.unit_of(event) for event in history]
    assert [unit.step if unit else None for unit in found] == [None, None, "A", "A", "B", "B", "B", None]


def test_of_a_repeated_step_it_is_the_visit_of_that_time() -> None:
    written = begun(TWO[0])
    for visit in (1, 2):
        written.started("A", visit=visit)
        written.completed("A", visit=visit, edges=[edge("A")])
    history = history_of(written)
    visits = [unit.visit for event in history if (unit := history.index.unit_of(event))]
    assert visits == [1, 1, 2, 2]


def test_stepping_halts_where_units_begin() -> None:
    written = begun(*TWO)
    written.started("A")
    written.completed("A", edges=[edge("B")])
    written.started("B")
    index = history_of(written).index
    assert list(index.step_starts) == [3, 5]
    assert [index.next_step(sequence) for sequence in (0, 2, 3, 4, 5, 9)] == [3, 3, 5, 5, None, None]
    assert [index.previous_step(sequence) for sequence in (0, 3, 4, 5, 6, 9)] == [None, None, 3, 3, 5, 5]


def test_units_by_the_time_they_had_begun() -> None:
    written = begun(*TWO)
    written.started("A")
    written.completed("A", edges=[edge("B")])
    written.started("B")
    path = history_of(written).index.paths["main"]
    assert [[unit.step for unit in path.units_at(sequence)] for sequence in (2, 3, 4, 5)] == [
        [],
        ["A"],
        ["A"],
        ["A", "B"],
    ]
