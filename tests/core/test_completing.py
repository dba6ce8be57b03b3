"""Where a path goes after a step, and what becomes of the output."""

from __future__ import annotations

from typing import Any

import pytest

from engine.testing import stub
from tests.core.rules import Step, error_of, flow, lines, output, run_workflow, sets, showing


def choosing(matching: str, *conditions: str) -> Any:
    """A step with one edge per condition, to B0, B1, …"""
    edges = [{"step": f"B{number}", "condition": condition} for number, condition in enumerate(conditions)]
    targets = [{"name": f"B{number}", "pass": True, "end": True} for number in range(len(conditions))]
    return flow({"name": "A", "script": "7", "store": "n", "edge_matching": matching, "next": edges}, *targets)


@pytest.mark.parametrize(
    ("matching", "conditions", "reached"),
    [
        ("all", ["state.n == 7", "state.n == 8"], ["main:B0"]),
        ("all", ["state.n == 7", "True", "False"], ["main-1:B0", "main-2:B1"]),
        ("first", ["False", "state.n == 7", "True"], ["main:B1"]),
        ("first", ["state.n", "state.nope"], ["main:B0"]),
        ("all", ["False", "False"], []),
        ("all", ["[]", "{}", "''", "0", "[0]"], ["main:B4"]),
    ],
)
async def test_the_true_edges_are_taken(matching: str, conditions: list[str], reached: list[str]) -> None:
    run = await run_workflow(choosing(matching, *conditions))
    assert run.ok
    assert lines(run, "step_completed") == [f"{name} step_completed" for name in ["main:A", *reached]]


async def test_an_edge_with_a_path_forks_even_when_it_is_alone() -> None:
    run = await run_workflow(
        flow({"name": "A", "pass": True, "next": [{"step": "B", "path": "x"}]}, {"name": "B", "pass": True})
    )
    assert lines(run, "path_completed") == ["main path_completed", "x path_completed"]


async def test_a_path_without_a_true_edge_ends_there() -> None:
    run = await run_workflow(choosing("all", "False"))
    assert run.of("path_completed") == [{"final_step": "A", "reason": "no_edge"}]


async def test_steps_follow_each_other_as_they_are_listed_until_one_ends() -> None:
    steps: list[Step] = [{"name": name, "pass": True} for name in "AB"]
    ending: Step = {"name": "C", "pass": True, "end": True}
    run = await run_workflow(flow(*steps, ending, {"name": "D", "pass": True, "next": ["A"]}, start="D"))
    assert lines(run, "step_started") == [f"main:{name} step_started" for name in "DABC"]


async def test_visits_are_counted_per_step_and_path() -> None:
    loop = {
        "name": "A",
        "script": "get(state.n, 0) + 1",
        "store": "n",
        "next": [{"step": "A", "condition": "state.n < 3"}],
    }
    run = await run_workflow(flow(loop))
    assert [data["visit"] for data in run.of("step_completed")] == [1, 2, 3]


async def test_an_output_is_spread_over_variables() -> None:
    step = {"name": "A", "action": "act", "store": {"total": "sum", "first": "a"}}
    run = await run_workflow(showing("state", step), actions=[stub("act", {"sum": 3, "a": [1], "more": 0})])
    assert output(run) == {"total": 3, "first": [1]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"sum": 1}, "the output has no 'a' for the variables total, first"),
        ([1, 2], "the output must be an object, to be spread over the variables total, first"),
    ],
)
async def test_an_output_that_cannot_be_spread_fails_the_step(value: Any, message: str) -> None:
    step = {"name": "A", "action": "act", "store": {"total": "sum", "first": "a"}}
    run = await run_workflow(flow(step), actions=[stub("act", value)])
    assert error_of(run) == ("OutputError", message)
    assert run.of("step_failed")[0]["phase"] == "output"


async def test_paths_see_only_their_own_variables_and_a_copy_of_their_parents() -> None:
    workflow = showing(
        "[paths.a.x, paths.b.x, has(paths.b.y)]",
        sets("Begin", "x", "1", "Fork"),
        {"name": "Fork", "pass": True, "next": [{"step": "A", "path": "a"}, {"step": "B", "path": "b"}]},
        sets("A", "y", "state.x + 1", "More"),
        sets("More", "x", "state.y + 1"),
        sets("B", "z", "get(state.y, 'unseen')"),
    )
    assert output(await run_workflow(workflow)) == [3, 1, False]


async def test_a_workflow_without_outputs_has_none() -> None:
    assert (await run_workflow(flow({"name": "A", "pass": True}))).outputs == {}
