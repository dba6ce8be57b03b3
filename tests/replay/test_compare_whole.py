"""Executions as a whole compared: inputs, definitions, ends; what is ignored, what is not whole, what still grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.model.events import ExecutionEvent
from engine.replay.comparing.compare import Part, compare_executions
from engine.replay.history import History
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


def test_other_inputs_come_first() -> None:
    def change(event: Any) -> Any:
        return with_data(1, inputs={"n": 4})(with_data(3, step_params={"n": 4})(event))

    comparison = against(change)
    assert comparison.first is not None
    assert (comparison.first.part, comparison.first.unit) == (Part.INPUTS, None)
    assert changes_of(comparison) == [
        ("inputs.n", "changed", 3, 4, 1, 1),
        ("paths.main.steps.A.input.n", "added", None, 4, 3, 3),
    ]


def redefined(*steps: dict[str, Any], **more: Any) -> Written:
    written = begun(*steps, **more)
    written.started("A")
    written.completed("A", 1, edges=[edge("B")])
    written.started("B")
    written.completed("B", 2, edges=[edge("B")])
    written.started("B", visit=2)
    written.completed("B", 2, visit=2, edges=[])
    return written


A, C = {"name": "A", "action": "a", "next": ["B", "C"]}, {"name": "C", "action": "c"}
B, B2 = {"name": "B", "action": "b", "next": ["B"]}, {"name": "B", "action": "b", "next": ["B"], "timeout": "9s"}


def test_a_step_defined_anew_is_told_where_it_ran_first() -> None:
    comparison = compared(redefined(A, B, C), redefined(A, B2, C))
    assert shown(comparison.rows) == ["= 1", "~ B definition", "= 1"]
    assert comparison.first is not None
    assert (comparison.first.part, comparison.first.unit) == (Part.DEFINITION, units_of(comparison)[1])
    assert [change.change.address for change in comparison.first.changes] == ["paths.main.steps.B.definition.timeout"]
    assert changes_of(comparison) == [("definition.steps.B.timeout", "added", None, "9s", 1, 1)]


def test_another_definition_of_the_whole_comes_before_any_step() -> None:
    comparison = compared(redefined(A, B, C), redefined(A, B2, C, on_failure="drain"))
    assert comparison.first is not None
    assert (comparison.first.part, comparison.first.unit) == (Part.DEFINITION, None)
    assert [change.change.address for change in comparison.first.changes] == ["definition.on_failure"]


def test_a_step_that_never_ran_is_the_last_to_be_told() -> None:
    comparison = compared(redefined(A, B, C), redefined(A, B, {**C, "action": "d"}))
    assert shown(comparison.rows) == ["= 3"]
    assert comparison.first is not None
    assert (comparison.first.part, comparison.first.unit) == (Part.DEFINITION, None)
    assert [change.change.address for change in comparison.first.changes] == ["definition.steps.C.action"]
    without = compared(redefined(A, B, C), redefined({**A, "next": ["B"]}, B))
    assert [told[0] for told in changes_of(without)] == ["definition.steps.A.next[1]", "definition.steps.C"]


def test_the_order_of_steps_counts_and_words_about_them_do_not() -> None:
    comparison = compared(redefined(A, B, C), redefined(A, C, B))
    assert changes_of(comparison)[0][0].startswith("definition.order")
    assert compared(redefined(A, B, C), redefined(A, B, C, description="new", labels={"team": "x"})).equal


def test_a_changed_action_is_told_once_for_each_change() -> None:
    def looped(*versions: str) -> Written:
        written = begun({"name": "A", "action": "a", "next": ["A"]})
        for visit, version in enumerate(versions, 1):
            written.started("A", visit=visit, action={"name": "a", "source_hash": version})
            written.completed("A", visit, visit=visit, edges=[edge("A")])
        return written

    comparison = compared(looped(*"xxxx"), looped(*"yyzz"))
    assert shown(comparison.rows) == ["~ A version", "= 1", "~ A[3] version", "= 1"]


def test_how_they_ended_is_compared_too() -> None:
    comparison = against(with_data(10, outputs={"n": 4}))
    assert comparison.first is not None
    assert comparison.first.part == Part.OUTCOME
    assert changes_of(comparison) == [("outputs.n", "changed", 3, 4, 10, 10)]


def test_what_is_ignored_is_no_difference() -> None:
    def change(event: Any) -> Any:
        return with_data(8, output={"at": 1, "rows": [{"id": 5, "n": 1}]})(
            with_data(3, action={"name": "a", "version": "2"})(event)
        )

    left = history_of(ran(), with_data(8, output={"at": 2, "rows": [{"id": 6, "n": 1}]}))
    right = history_of(ran(), change)

    def rows(*ignore: str) -> list[str]:
        return shown(compare_executions(left, right, ignore=ignore).rows)

    assert rows() == ["~ A version", "= 1", "~ B[2] output"]
    assert rows("version", "output.at", "output.rows") == ["= 3"]
    assert rows("paths.main.steps.A", "paths.main.steps.B.visits[2].output") == ["= 3"]
    assert rows("version", "output.a", "output.rows[*].n") == ["= 2", "~ B[2] output"]
    comparison = compare_executions(left, right, ignore=("version", "output.rows"))
    assert [told[0] for told in changes_of(comparison)] == ["paths.main.steps.B.visits[2].output.at"]


def test_the_inputs_can_be_ignored_too() -> None:
    assert against(with_data(1, inputs={"n": 4}), ignore=["inputs.n"]).equal


def test_json_tells_of_at_most_so_many_changes() -> None:
    comparison = against(with_data(8, output=[0, *range(10)]))
    record = against(with_data(8, output={str(n): n for n in range(10)})).to_dict(limit=3)
    assert comparison.to_dict()["more"] is False
    assert record["more"] is False  # a number became an object: one change
    many = compare_executions(
        history_of(ran(), with_data(8, output={"x": 0})), history_of(ran(), with_data(8, output={"y": 1, "z": 2}))
    ).to_dict(limit=2)
    assert (len(many["changes"]), many["more"]) == (2, True)


def test_progress_is_told_and_can_end_the_work() -> None:
    told: list[tuple[int, int]] = []
    compared(ran(), ran(), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)

    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        compared(ran(), ran(), progress=stop)


def test_what_a_running_execution_adds_changes_nothing() -> None:
    written = ran()
    left, right = history_of(ran()), history_of(ran())
    growing = type(left)(written.events[0].execution_id, written.events[:7])
    comparison = compare_executions(growing, right)
    before = comparison.to_dict()
    growing.extend(written.events[7:])
    assert comparison.to_dict() == before
    assert compare_executions(growing, right).equal


def test_a_history_that_makes_no_sense_is_compared_as_far_as_it_does() -> None:
    events = ran().events
    broken = [*events[:6], events[6]._replace(event_type="path_joined", data={}), *events[7:]]
    left = history_of(ran())
    comparison = compare_executions(left, type(left)(left.execution_id, broken))
    assert shown(comparison.rows) == ["= 2", "- B[2]"]
    assert comparison.right_last == 6
    (note,) = comparison.notes
    assert note.startswith("the right one is compared up to event 6: event 7")


def test_a_retry_and_its_source() -> None:
    """What was carried over holds ids and times of the source; what was run again went well."""
    when = "2026-03-01T00:00:03.500000Z"
    source = begun()
    source.started("A")
    source.completed("A", {"at": when, "by": "exec_written"}, edges=[edge("B")])
    source.started("B")
    source.failed("B", error="no")
    retry = begun()
    retry.started("A")
    retry.completed("A", {"at": when, "by": "exec_written"}, edges=[edge("B")])
    retry.started("B")
    retry.completed("B", 2, edges=[])

    def carried(event: ExecutionEvent) -> ExecutionEvent:
        later = moved("exec_retry", 9)(event)
        origin = {"execution_id": "exec_written", "sequence": event.sequence, "timestamp": event.timestamp}
        return later._replace(origin=origin) if 2 <= event.sequence <= 4 else later

    comparison = compare_executions(history_of(source), history_of(retry, carried))
    assert shown(comparison.rows) == ["= 1", "~ B status"]
    again = compare_executions(history_of(retry, carried), history_of(retry, moved("exec_again", 11)))
    assert again.equal


def test_nothing_and_something() -> None:
    empty = History("exec_empty")
    assert compare_executions(empty, empty).equal
    comparison = compare_executions(empty, history_of(ran()))
    assert shown(comparison.rows) == ["+ A", "+ B", "+ B[2]"]
    assert not comparison.equal


def test_names_that_need_quotes() -> None:
    def charged(amount: int) -> Written:
        written = begun({"name": 'Charge "it"', "action": "a"})
        del written.events[1:], written.states[2:]
        written.path("main", 'Charge "it"')
        written.started('Charge "it"')
        written.completed('Charge "it"', {"the amount": amount})
        return written

    address = r'paths.main.steps["Charge \"it\""].output["the amount"]'
    assert [told[0] for told in changes_of(compared(charged(1), charged(2)))] == [address]
    assert compared(charged(1), charged(2), ignore=['output["the amount"]']).equal
    assert compared(charged(1), charged(2), ignore=[address]).equal


def test_another_number_of_the_event_that_failed_is_no_other_end() -> None:
    def failed(*errors: str) -> Written:
        written = failing(*errors, final=True)
        cause = len(written.events)
        written.add("path_failed", "main", error="no", error_type="Trouble", caused_by=cause)
        written.add("execution_failed", error="no", error_type="Trouble", caused_by=[cause + 1])
        return written

    comparison = compared(failed("no"), failed("once", "no"), timing=None)
    assert shown(comparison.rows) == ["~ A attempts"]
    assert comparison.outcome == []


def test_other_definitions_of_the_workflows_that_steps_run() -> None:
    def change(timeout: str) -> Change:
        return with_data(1, children={"sub": {"name": "sub", "steps": [{"name": "X", "timeout": timeout}]}})

    comparison = compare_executions(history_of(ran(), change("1s")), history_of(ran(), change("2s")))
    assert comparison.first is not None
    assert comparison.first.part == Part.DEFINITION
    assert [told[0] for told in changes_of(comparison)] == ["definition.children.sub.steps[0].timeout"]


def test_what_is_added_while_it_is_compared_changes_nothing() -> None:
    written = ran()
    growing, whole = History("exec_written", written.events[:8]), history_of(ran())
    rest = iter([written.events[8:]])
    comparison = compare_executions(growing, whole, progress=lambda *_: growing.extend(next(rest, [])))
    assert (len(growing), comparison.left_last) == (10, 8)
    assert next(told[:4] for told in changes_of(comparison)) == ("status", "changed", "running", "completed")


def test_the_work_can_be_ended_while_units_are_compared() -> None:
    written = begun({"name": "A", "action": "a", "next": ["A"]})
    for visit in range(1, 1_101):
        written.started("A", visit=visit)
        written.completed("A", visit, visit=visit, edges=[edge("A")])
    told: list[tuple[int, int]] = []
    compared(written, written, progress=lambda done, total: told.append((done, total)))
    assert told == [(2_000, 4_404), (4_202, 4_404), (4_404, 4_404), (4_404, 4_404)]


def test_the_document_names_every_part() -> None:
    document = (Path(__file__).parents[2] / "docs" / "comparing-runs.md").read_text()
    rows = [line for line in document.splitlines() if line.startswith("| `")]
    whole = {Part.INPUTS, Part.ONLY_LEFT, Part.ONLY_RIGHT, Part.OUTCOME}
    assert [row.split("`")[1] for row in rows[: len(Part) - len(whole)]] == [part for part in Part if part not in whole]
