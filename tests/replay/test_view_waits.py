"""What a person is shown of waits, retries, joins and signals at any event of the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dive_tui.testing import WorkflowRun, run_workflow, stub
from engine.replay.replayer import ExecutionReplayer
from tests.core.rules import Step, flow, fork, naps


def at(run: WorkflowRun, line: str, nth: int = 0) -> int:
    """The sequence of the nth event that reads so."""
    return [event.sequence for event, told in zip(run.events, run.told, strict=True) if told == line][nth]


async def shown(run: WorkflowRun, sequence: int) -> dict[str, Any]:
    return (await ExecutionReplayer(run.store).replay_execution(run.id, sequence)).to_dict()


def statuses(view: dict[str, Any], step: str) -> list[tuple[int, str]]:
    return [(entry["attempt"], entry["status"]) for entry in view["steps"] if entry["step"] == step]


def asking(**more: Any) -> Step:
    return {"name": "A", "wait_signal": "go", "store": "got", **more}


async def test_a_wait_is_shown_with_all_that_was_recorded_of_it() -> None:
    run = await run_workflow(flow(asking(timeout="1h")), signals=[(5, "go", 1), (5, "other", 2)])
    sequence = at(run, "main:A step_waiting")
    view = await shown(run, sequence)
    assert {**view["paths"]["main"]["waiting_for"], "visit": 1} == run.events[sequence - 1].data
    assert (view["status"], view["paths"]["main"]["status"], statuses(view, "A")) == (
        "waiting", "waiting", [(1, "waiting")],
    )  # fmt: skip
    before, after = await shown(run, sequence - 1), await shown(run, len(run.events))
    assert (before["status"], before["paths"]["main"]["waiting_for"]) == ("running", None)
    assert (after["paths"]["main"]["waiting_for"], statuses(after, "A")) == (None, [(1, "completed")])


async def test_signals_are_shown_until_they_are_taken() -> None:
    run = await run_workflow(flow(asking(), naps("Rest", "1m")), signals=[(0, "other", [1]), (5, "go", 1)], clock=None)
    received = at(run, "signal_received")
    view = await shown(run, at(run, "main:A step_completed") - 1)
    assert [(signal["topic"], signal["data"]) for signal in view["signals"]] == [("other", [1]), ("go", 1)]
    view = await shown(run, at(run, "main:A step_completed"))
    assert view["signals"] == [{"ordinal": 1, "topic": "other", "data": [1]}]
    assert received < at(run, "main:A step_completed")


async def test_a_unit_between_two_attempts_is_retrying() -> None:
    step: Step = {"name": "A", "action": "act", "retry": {"initial_delay": "1m"}}
    run = await run_workflow(flow(step), actions=[stub("act", ValueError("no"), 7)])
    view = await shown(run, at(run, "main:A step_retry_scheduled"))
    assert (view["status"], statuses(view, "A")) == ("waiting", [(1, "failed")])
    view = await shown(run, at(run, "main:A step_started", 1))
    assert statuses(view, "A") == [(1, "failed"), (2, "running")]
    view = await shown(run, len(run.events))
    assert (statuses(view, "A"), view["completed_steps"]) == ([(1, "failed"), (2, "completed")], {"A": 7})


def stored_and_shown(view: dict[str, Any], pairs: Sequence[tuple[str, str]]) -> None:
    for step, variable in pairs:
        assert view["completed_steps"][step] == view["script_globals"][variable]


async def test_the_output_of_an_each_is_what_was_stored_with_failures_and_retries() -> None:
    error = ValueError("no")
    error.details = {"code": 5}  # type: ignore[attr-defined]
    step: Step = {
        "name": "A",
        "action": "act",
        "each": {"items": [1, 2, 3], "on_item_failure": "collect"},
        "retry": {"max_attempts": 2, "initial_delay": 0},
        "store": "all",
    }
    run = await run_workflow(flow(step), actions=[stub("act", "one", error, error, error, "three")])
    view = await shown(run, len(run.events))
    assert view["completed_steps"]["A"] == [
        "one",
        {"$error": {"type": "ValueError", "message": "no", "attempt": 2, "data": {"code": 5}}},
        "three",
    ]
    stored_and_shown(view, [("A", "all")])


async def test_a_pause_is_shown_as_such() -> None:
    run = await run_workflow(flow(naps("A", "1h")), controls=[(1, "pause"), (2, "resume")])
    assert (await shown(run, at(run, "execution_paused")))["status"] == "paused"
    assert (await shown(run, at(run, "execution_resumed")))["status"] == "waiting"


async def test_paths_after_a_join_are_shown_beside_those_it_joined() -> None:
    workflow = flow(fork("a:A", "b:B"), naps("A", "1s", "J"), naps("B", "2s", "J"), {"name": "J", "join": ["a", "b"]})
    run = await run_workflow(workflow)
    view = await shown(run, at(run, "main~2:J step_started"))
    assert {name: path["status"] for name, path in view["paths"].items()} == {
        "main": "completed", "a": "completed", "b": "completed", "main~2": "running",
    }  # fmt: skip
    view = await shown(run, at(run, "a path_completed"))
    assert view["paths"]["b"]["status"] == "waiting"
