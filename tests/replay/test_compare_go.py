"""Histories of the Go system compared: with each other, and with what this engine records of the same workflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.replay.comparing.compare import Part, compare_executions
from engine.replay.history import History
from stores.go.detect import open_go_store
from tests.core.written import edge
from tests.go.conftest import write
from tests.go.go_runs import RUNS, Recorder, linear
from tests.go.go_stores import DIALECTS, GoExecution
from tests.replay.compared import begun, changes_of, history_of, shown


async def read(place: Path, run: GoExecution) -> History:
    """Its history as it is read from a store."""
    place.mkdir()
    store = open_go_store(write(place, "database", [run]))
    history = History(run.id, await store.get_event_history(run.id))
    await store.close()
    return history


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("make", RUNS)
async def test_every_run_equals_its_like_of_another_hour(
    tmp_path: Path, dialect: str, make: Callable[[str, int], GoExecution]
) -> None:
    left = await read(tmp_path / "one", make(dialect, 3))
    right = await read(tmp_path / "two", make(dialect, 7))
    comparison = compare_executions(left, right)
    assert changes_of(comparison) == []
    assert comparison.equal
    assert sum("the Go system recorded" in note for note in comparison.notes) == 2


def renamed(dialect: str, output: str, topic: str) -> GoExecution:
    go = Recorder(dialect, "Linear Demo", {"topic": topic}, 5)
    go.start("Plan")
    go.step(go.first, "Plan", "a plan", "plan")
    go.step(go.first, "Write", output, "text", kind="action")
    go.end_path(go.first, "Write")
    return go.complete()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_the_go_system_recorded_is_compared(tmp_path: Path, dialect: str) -> None:
    left = await read(tmp_path / "one", linear(dialect, 3))
    right = await read(tmp_path / "two", renamed(dialect, "other", "späti"))
    comparison = compare_executions(left, right, ignore=["inputs"])
    assert shown(comparison.rows)[:1] == ["= 1"]
    assert comparison.first is not None
    assert comparison.first.part == Part.OUTPUT
    assert [(c.change.old, c.change.new) for c in comparison.first.changes] == [("<b>text</b>", "other")]
    with_inputs = compare_executions(left, right).first
    assert with_inputs is not None
    assert with_inputs.part == Part.INPUTS


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_it_lacks_is_no_difference_from_what_this_engine_records(tmp_path: Path, dialect: str) -> None:
    theirs = await read(tmp_path / "one", linear(dialect, 3))
    path = next(iter(theirs.index.paths))
    written = begun({"name": "Plan", "action": "a"}, {"name": "Write", "action": "b"})
    del written.events[1:], written.states[2:]
    written.path(path, "Plan")
    for step, output in (("Plan", "a plan"), ("Write", "<b>text</b>")):
        written.started(step, path, action={"name": "a", "version": "1"})
        written.completed(step, output, path, edges=[edge("Write")] if step == "Plan" else [])
    ours = history_of(written)
    assert ours.problem is None
    comparison = compare_executions(theirs, ours, ignore=["inputs", "status", "outputs", "input"])
    assert changes_of(comparison) == []
    assert [note for note in comparison.notes if "left" in note] == [
        "the Go system recorded the left one, without definition, versions and edges, and often without parameters: "
        "those are not compared"
    ]
