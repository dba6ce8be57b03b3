"""`decide`: everything that is wanted in a state, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.decide import Command, CommandKind, decide
from engine.core.reduce import initial_state
from tests.core.written import EXECUTION, Written, edge

TWO = ({"name": "A", "action": "act"}, {"name": "B", "action": "act"})


def wanted(history: Written) -> list[Command]:
    return decide(history.program, history.state)


def begun(*steps: dict[str, Any]) -> Written:
    history = Written(*steps)
    history.path()
    return history


def forking(*edges: dict[str, Any]) -> Written:
    history = begun(*TWO)
    history.started("A")
    history.completed("A", edges=edges)
    return history


def forked() -> Written:
    history = forking(edge("B", path="left"), edge("B", path="right"))
    new = [{"id": "left", "current_step": "B", "edge": 0}, {"id": "right", "current_step": "B", "edge": 1}]
    history.add("path_branched", "main", "A", new_paths=new)
    return history


def both_running() -> Written:
    history = forked()
    history.add("path_completed", "main", final_step="A", reason="fork")
    for name in ("left", "right"):
        history.path(name, "B")
        history.started("B", path=name)
    return history


def test_nothing_before_the_first_event() -> None:
    assert decide(Written().program, initial_state(EXECUTION)) == []


def test_nothing_after_the_last_event() -> None:
    history = Written()
    history.add("execution_cancelled", by="me", reason="enough")
    assert wanted(history) == []


def test_nothing_in_a_state_that_is_incomplete() -> None:
    history = begun()
    history.add("step_dreamt")
    assert wanted(history) == []


@pytest.mark.parametrize(("start", "first"), [(None, "A"), ("B", "B")])
def test_the_first_path_begins_at_the_start(start: str | None, first: str) -> None:
    steps = ({"name": "A", "action": "act"}, {"name": "B", "action": "act", "next": ["A"] if start else []})
    history = Written(*(steps if start else TWO), **({"start": start} if start else {}))
    assert wanted(history) == [Command(CommandKind.START_PATH, "main", first)]


def test_a_ready_step_starts_with_its_visit() -> None:
    history = forking(edge("A", condition="x"))
    assert wanted(history) == [Command(CommandKind.START, "main", "A", 2, 1)]


def test_a_started_step_runs() -> None:
    history = begun()
    history.started("A")
    assert wanted(history) == [Command(CommandKind.RUN, "main", "A", 1, 1)]


def test_items_start_one_after_the_other_and_then_the_each_is_finished() -> None:
    history = begun({"name": "A", "action": "act", "each": {"items": [1, 2]}})
    history.started("A", items=[1, 2])
    seen = [wanted(history)]
    for index in (0, 1):
        history.started("A", iteration={"index": index})
        seen.append(wanted(history))
        history.completed("A", index, iteration={"index": index})
        seen.append(wanted(history))
    assert seen == [
        [Command(CommandKind.START, "main", "A", 1, 1, 0)],
        [Command(CommandKind.RUN, "main", "A", 1, 1, 0)],
        [Command(CommandKind.START, "main", "A", 1, 1, 1)],
        [Command(CommandKind.RUN, "main", "A", 1, 1, 1)],
        [Command(CommandKind.FINISH, "main", "A", 1, 1)],
    ]


def test_an_each_over_nothing_is_finished_at_once() -> None:
    history = begun({"name": "A", "action": "act", "each": {"items": []}})
    history.started("A", items=[])
    assert wanted(history) == [Command(CommandKind.FINISH, "main", "A", 1, 1)]


def test_a_fork_branches_then_ends_its_path_and_starts_the_new_ones() -> None:
    assert wanted(forking(edge("B", path="x"))) == [Command(CommandKind.BRANCH, "main", "A", 1)]
    assert wanted(forked()) == [
        Command(CommandKind.END_PATH, "main", "A", 1),
        Command(CommandKind.START_PATH, "left", "B", 1),
        Command(CommandKind.START_PATH, "right", "B", 1),
    ]


def test_paths_are_wanted_side_by_side() -> None:
    assert wanted(both_running()) == [
        Command(CommandKind.RUN, "left", "B", 1, 1),
        Command(CommandKind.RUN, "right", "B", 1, 1),
    ]


def test_a_step_that_leads_nowhere_ends_the_path_and_then_the_execution() -> None:
    history = forking()
    assert wanted(history) == [Command(CommandKind.END_PATH, "main", "A", 1)]
    history.add("path_completed", "main", final_step="A", reason="end")
    assert wanted(history) == [Command(CommandKind.COMPLETE)]


def test_a_condition_that_failed_is_told() -> None:
    history = forking(edge("B", False, condition="nope", error="no"))
    assert wanted(history) == [Command(CommandKind.ROUTE, "main", "A", 1)]


def test_after_a_failure_only_the_end_is_wanted() -> None:
    history = both_running()
    history.failed("B", path="left")
    assert wanted(history) == [Command(CommandKind.FAIL_PATH, "left", "B", 1)]
    history.add("path_failed", "left", error="no", error_type="Trouble", caused_by=10)
    assert wanted(history) == [Command(CommandKind.CANCEL_PATH, "right")]
    history.add("path_cancelled", "right", caused_by=10)
    assert wanted(history) == [Command(CommandKind.FAIL)]


def test_paths_that_failed_together_both_fail() -> None:
    history = both_running()
    history.failed("B", path="left")
    history.failed("B", path="right")
    assert wanted(history) == [
        Command(CommandKind.FAIL_PATH, "left", "B", 1),
        Command(CommandKind.FAIL_PATH, "right", "B", 1),
    ]
    history.add("path_failed", "left", error="no", error_type="Trouble", caused_by=10)
    assert wanted(history) == [Command(CommandKind.FAIL_PATH, "right", "B", 1)]


def test_what_a_dead_process_left_is_recorded_before_anything_else() -> None:
    history = both_running()
    history.failed("B", path="left")
    unit = {"path": "right", "step": "B", "visit": 1, "effect_key": "k"}
    history.add("execution_recovered", by="w", reason="", interrupted=[unit], count=1)
    assert wanted(history) == [Command(CommandKind.INTERRUPT, "right", "B", 1, 1)]


def test_what_was_asked_for_comes_even_before_that() -> None:
    history = both_running()
    sent = "2026-03-01T00:00:00.000000Z"
    history.add("signal_received", signal_id="s", ordinal=1, signal_type="$cancel", data={}, sent_at=sent)
    assert wanted(history) == [Command(CommandKind.CONTROL)]


def test_deciding_changes_nothing() -> None:
    history = both_running()
    before = repr(history.state)
    assert wanted(history) == wanted(history)
    assert repr(history.state) == before
