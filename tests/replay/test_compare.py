"""Two executions compared: each kind of difference is found, and the first divergence is the first."""

from __future__ import annotations

from typing import Any

import pytest

from engine.replay.comparing.compare import Equal, Pair, Part, compare_executions
from tests.core.written import Written, edge
from tests.replay.compared import (
    Change,
    against,
    begun,
    changes_of,
    compared,
    failing,
    history_of,
    moved,
    ran,
    shown,
    units_of,
    with_data,
)


def test_an_execution_and_its_like_an_hour_later_are_equal() -> None:
    comparison = compare_executions(history_of(ran()), history_of(ran(), moved("exec_other", 1)))
    assert comparison.equal
    assert comparison.first is None
    assert comparison.notes == []
    assert changes_of(comparison) == []
    assert shown(comparison.rows) == ["= 3"]
    record = comparison.to_dict()
    assert (record["equal"], record["changes"], record["first"], record["more"]) == (True, [], None, False)
    (row,) = record["rows"]
    assert (row["row"], row["count"], row["from"]["step"], row["to"]["visit"]) == ("equal", 3, "A", 2)


ACTION = {"name": "a", "version": "2"}
DIFFERENCES: dict[str, tuple[Change, list[str], tuple[Any, ...]]] = {
    "input": (
        with_data(5, step_params={"amount": 120.0}),
        ["= 1", "~ B input", "= 1"],
        ("paths.main.steps.B.input.amount", "added", None, 120.0, 5, 5),
    ),
    "items": (
        with_data(3, items=[]),
        ["~ A input", "= 2"],
        ("paths.main.steps.A.input", "changed", {}, [], 3, 3),
    ),
    "output": (
        with_data(8, output={"total": 4}),
        ["= 2", "~ B[2] output"],
        ("paths.main.steps.B.visits[2].output", "changed", 3, {"total": 4}, 8, 8),
    ),
    "nothing as output": (
        with_data(8, output=None),
        ["= 2", "~ B[2] output"],
        ("paths.main.steps.B.visits[2].output", "changed", 3, None, 8, 8),
    ),
    "version": (
        with_data(3, action=ACTION),
        ["~ A version", "= 2"],
        ("paths.main.steps.A.version.version", "changed", "1", "2", 3, 3),
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_differs_in_a_unit_of_both(name: str) -> None:
    change, rows, told = DIFFERENCES[name]
    comparison = against(change)
    assert not comparison.equal
    assert shown(comparison.rows) == rows
    assert changes_of(comparison) == [told]
    assert comparison.first is not None
    assert comparison.first.left is not None
    assert comparison.first.changes[0].change.address == told[0]
    assert comparison.first.unit is comparison.first.left
    assert comparison.first.part == next(row for row in rows if "~" in row).split()[-1]
    assert not compare_executions(comparison.right, comparison.left).equal


def test_another_way_is_an_edge_and_what_follows_is_in_one_of_them_only() -> None:
    other = begun()
    other.started("A", action={"name": "a", "version": "1"})
    other.completed("A", 1, edges=[edge("B", False), edge("C")])
    other.started("C")
    other.completed("C", 5, edges=[])
    comparison = compared(ran(), other)
    assert shown(comparison.rows) == ["~ A edge", "+ C", "- B", "- B[2]"]
    assert comparison.first is not None
    assert (comparison.first.part, comparison.first.unit) == (Part.EDGE, units_of(comparison)[0])
    units = [told for told in changes_of(comparison) if told[1] in ("added", "removed")]
    assert [(address, kind, by_left, by) for address, kind, _, _, by_left, by in units[:3]] == [
        ("paths.main.steps.C", "added", None, 5),
        ("paths.main.steps.B", "removed", 5, None),
        ("paths.main.steps.B.visits[2]", "removed", 7, None),
    ]
    assert units[0][3] == {
        "path": "main", "step": "C", "visit": 1, "status": "completed", "attempts": 1,
        "started_seq": 5, "ended_seq": 6, "seconds": 1.0,
    }  # fmt: skip
    turned = compared(other, ran())
    assert shown(turned.rows) == ["~ A edge", "+ B", "+ B[2]", "- C"]


def test_where_the_other_one_stops_is_the_first_divergence() -> None:
    short = begun()
    short.started("A", action={"name": "a", "version": "1"})
    short.completed("A", 1, edges=[edge("B")])
    comparison = compared(ran(), short)
    assert shown(comparison.rows) == ["= 1", "- B", "- B[2]"]
    assert comparison.first is not None
    assert comparison.first.part == Part.ONLY_LEFT
    assert comparison.notes == ["the right one has not ended; it is compared up to event 4"]
    turned = compared(short, ran()).first
    assert turned is not None
    assert (turned.part, turned.left, turned.right) == (Part.ONLY_RIGHT, None, turned.unit)


def test_more_attempts_before_the_same_end() -> None:
    comparison = compared(failing(), failing("once", "twice"), timing=None)
    assert shown(comparison.rows) == ["~ A attempts"]
    assert [told[:2] for told in changes_of(comparison)] == [
        ("paths.main.steps.A.attempts[0]", "added"),
        ("paths.main.steps.A.attempts[1]", "added"),
    ]


def test_attempts_that_failed_in_another_way() -> None:
    comparison = compared(failing("no money"), failing("no card"))
    assert shown(comparison.rows) == ["~ A attempts"]
    address = "paths.main.steps.A.attempts[0].error.message"
    assert changes_of(comparison) == [(address, "changed", "no money", "no card", 7, 7)]


def test_a_unit_that_failed_in_one_of_them() -> None:
    comparison = compared(failing(), failing("no", final=True))
    assert shown(comparison.rows) == ["~ A status"]
    error = {"type": "Trouble", "message": "no"}
    assert changes_of(comparison) == [
        ("paths.main.steps.A.status", "changed", "completed", "failed", 4, 4),
        ("paths.main.steps.A.error", "added", None, error, 4, 4),
    ]


def test_units_that_failed_with_another_error() -> None:
    comparison = compared(failing("yes", final=True), failing("no", final=True))
    assert shown(comparison.rows) == ["~ A error"]
    assert changes_of(comparison) == [("paths.main.steps.A.error.message", "changed", "yes", "no", 4, 4)]
    assert compared(failing("no", final=True), failing("no", final=True)).equal


def test_an_error_that_was_caught_elsewhere() -> None:
    comparison = compared(failing("no", caught={"step": "B"}), failing("no", caught={"step": "C"}))
    assert shown(comparison.rows) == ["~ A edge"]
    assert changes_of(comparison)[0][:4] == ("paths.main.steps.A.edge[0].step", "changed", "B", "C")


def test_items_are_units_of_their_own() -> None:
    def measured(*outputs: Any) -> Written:
        written = begun({"name": "A", "action": "a", "each": {"items": "${inputs.files}"}})
        written.started("A", items=list(range(len(outputs))))
        for index, output in enumerate(outputs):
            written.item(index, output)
        written.completed("A", len(outputs))
        return written

    comparison = compared(measured(1, 2, 3), measured(1, 5, 3))
    assert shown(comparison.rows) == ["= 2", "~ A.1 output", "= 1"]
    assert changes_of(comparison) == [("paths.main.steps.A.items[1].output", "changed", 2, 5, 7, 7)]
    longer = compared(measured(1, 2), measured(1, 2, 3))
    assert shown(longer.rows) == ["~ A input,output", "= 2", "+ A.2"]


def timed(seconds: int) -> Written:
    """A unit that takes so long: nothing else happens meanwhile."""
    written = begun()
    written.started("A")
    for _ in range(seconds - 1):
        written.add("execution_paused", by="me", reason="")
    written.completed("A", 1, edges=[])
    return written


def test_time_alone_makes_nothing_different() -> None:
    comparison = compared(timed(2), timed(4))
    assert shown(comparison.rows) == ["~ A timing"]
    assert comparison.equal
    assert comparison.counts.timing == 1
    assert changes_of(comparison) == []
    (change,) = comparison.differences(comparison.aligned[0])
    assert (change.change.old, change.change.new, change.part) == (2.0, 4.0, Part.TIMING)
    assert shown(compared(timed(4), timed(2)).rows) == ["~ A timing"]
    assert shown(compared(timed(3), timed(4)).rows) == ["= 1"]
    assert shown(compared(timed(3), timed(4), timing=1.3).rows) == ["~ A timing"]
    assert shown(compared(timed(2), timed(9), timing=None).rows) == ["= 1"]


def test_a_short_time_more_is_no_difference() -> None:
    def quick(microseconds: int) -> Change:
        return lambda e: e._replace(timestamp=f"2026-03-01T00:00:03.{microseconds:06d}Z") if e.sequence == 4 else e

    def after(microseconds: int) -> list[str]:
        left = history_of(timed(1), quick(1_000))
        return shown(compare_executions(left, history_of(timed(1), quick(microseconds))).rows)

    assert after(100_000) == ["= 1"]
    assert after(102_000) == ["~ A timing"]


@pytest.mark.parametrize("timing", [0.5, -1, float("nan")])
def test_a_factor_that_is_none(timing: float) -> None:
    with pytest.raises(ValueError, match="a factor of 1 or more"):
        compared(ran(), ran(), timing=timing)


def test_stretches_unfold_to_their_pairs() -> None:
    comparison = against(with_data(8, output=9))
    stretch = comparison.rows[0]
    assert isinstance(stretch, Equal)
    assert comparison.unfold(stretch) == comparison.aligned[:2]
    assert all(isinstance(row, Pair) and row.differences == () for row in comparison.unfold(stretch))
    assert (stretch.first, stretch.last) == tuple(comparison.aligned[:2])
    counts = comparison.counts
    assert (counts.same, counts.different, counts.only_left, counts.only_right) == (2, 1, 0, 0)


def forked(name: str) -> Written:
    """`A` forks to `B` on a path of this name."""
    written = begun()
    written.started("A")
    written.completed("A", edges=[edge("B", path=name)])
    written.add("path_branched", "main", "A", new_paths=[{"id": name, "current_step": "B", "edge": 0}])
    written.add("path_completed", "main", final_step="A", reason="fork")
    written.path(name, "B", parent="main", fork=5)
    written.started("B", name)
    return written


def test_a_path_of_another_name_is_another_path() -> None:
    comparison = compared(forked("one"), forked("two"))
    assert shown(comparison.rows) == ["~ A edge", "+ two:B", "- one:B"]
    assert changes_of(comparison)[0] == ("paths.main.steps.A.edge[0].path", "changed", "one", "two", 4, 4)


def test_a_unit_that_could_not_begin_was_given_nothing_to_compare() -> None:
    refused, ran_well = begun(), begun()
    refused.failed("A", phase="parameters")
    ran_well.started("A")
    ran_well.completed("A")
    for left, right in ((refused, ran_well), (ran_well, refused)):
        assert shown(compared(left, right, timing=None).rows) == ["~ A status"]


def test_edges_were_taken_also_where_the_way_on_failed() -> None:
    def routed(*edges: dict[str, Any]) -> Written:
        written = begun()
        written.started("A")
        written.completed("A", 1, edges=list(edges))
        return written

    lost = routed(edge("B", False, condition="state.x", error="there is no x"))
    lost.failed("A", phase="route")
    comparison = compared(routed(edge("B")), lost, timing=None)
    assert shown(comparison.rows) == ["~ A status,edge"]
    address = "paths.main.steps.A.edge[0]"
    assert [told for told in changes_of(comparison) if "edge" in told[0]] == [
        (address, "removed", {"step": "B"}, None, 4, 4)
    ]
