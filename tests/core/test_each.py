"""Steps over items: order, concurrency, failures, what is recorded, and that a crash repeats no finished item."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.testing import Crash, fails, stub
from tests.core.rules import Step, error_of, flow, lines, naps, output, run_workflow, showing

NO = ValueError("no")


def over(items: Any, concurrency: int = 1, action: str = "act", failure: str = "fail", **more: Any) -> Step:
    each = {"items": items, "concurrency": concurrency, "on_item_failure": failure}
    return {"name": "A", "action": action, "parameters": {"n": "${item}"}, "each": each, "store": "all", **more}


async def test_items_are_evaluated_once_and_recorded() -> None:
    begin: Step = {"name": "Begin", "script": "[3, 1, 2]", "store": "list"}
    run = await run_workflow(
        showing("state.all", begin, over("${[n * 10 for n in state.list]}")), actions=[stub("act", lambda n: n + 1)]
    )
    assert output(run) == [31, 11, 21]
    whole, *items = run.of("step_started", "A")
    assert whole["items"] == [30, 10, 20]
    assert [item["iteration"] for item in items] == [{"index": 0}, {"index": 1}, {"index": 2}]
    assert [item["step_params"] for item in items] == [{"n": 30}, {"n": 10}, {"n": 20}]
    closing = run.of("step_completed", "A")[-1]
    assert (closing["output"], closing["stored_variable"]) == ({"items": 3}, "all")


@pytest.mark.parametrize(("concurrency", "most"), [(1, 1), (3, 3), (10, 5)])
async def test_so_many_run_at_once_and_the_list_is_in_the_order_of_the_items(concurrency: int, most: int) -> None:
    running, seen, gates = 0, [], [asyncio.Event() for _ in range(5)]

    async def act(n: int) -> int:
        nonlocal running
        running += 1
        seen.append(running)
        if running == min(most, 5 - sum(gate.is_set() for gate in gates)):
            for gate in gates:
                gate.set()
        await gates[n].wait()
        for _ in range(5 - n):  # the first ones end last
            await asyncio.sleep(0)
        running -= 1
        return n * 10

    run = await run_workflow(showing("state.all", over("${[0, 1, 2, 3, 4]}", concurrency)), actions=[act])
    assert output(run) == [0, 10, 20, 30, 40]
    assert max(seen) == most


async def test_a_failing_item_ends_the_step_no_new_one_starts_and_those_in_flight_are_cancelled() -> None:
    cancelled = []

    async def act(n: int) -> None:
        if n == 1:
            raise NO
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(n)
            raise

    run = await run_workflow(flow(over([0, 1, 2, 3], 2)), actions=[act])
    assert error_of(run) == ("ValueError", "no")
    assert cancelled == [0]
    assert lines(run, "step_started")[1:] == ["main:A[0] step_started", "main:A[1] step_started"]


async def test_collect_keeps_the_place_of_an_item_that_failed() -> None:
    act = stub("act", 1, NO, 3)
    run = await run_workflow(showing("state.all", over([0, 1, 2], failure="collect")), actions=[act])
    first, second, third = output(run)
    assert (first, third) == (1, 3)
    assert second == {"$error": {"type": "ValueError", "message": "no", "attempt": 1}}
    assert run.of("step_completed")[-1]["output"] == {"items": 3, "failed": 1}
    assert run.of("step_failed")[0]["collected"] is True


async def test_collect_keeps_it_also_when_its_parameters_cannot_be_had() -> None:
    step = over([1, 0, 2], failure="collect") | {"parameters": {"n": "${10 / item}"}}
    run = await run_workflow(showing("state.all", step), actions=[stub("act", lambda n: n)])
    first, second, third = output(run)
    assert (first, third) == (10, 5)
    assert second["$error"]["type"] == "ExpressionError"


async def test_items_are_retried_and_the_step_caught() -> None:
    act = stub("act", *fails(1, NO), "a", *fails(2, NO))
    step = over([0, 1, 2], retry={"max_attempts": 2, "initial_delay": 0}, catch={"step": "H", "store": "all"}, end=True)
    run = await run_workflow(showing("state.all.message", step, {"name": "H", "pass": True}), actions=[act])
    assert output(run) == "no"
    assert act.calls == [{"n": 0}, {"n": 0}, {"n": 1}, {"n": 1}]


async def test_other_items_go_on_while_one_waits_for_its_next_attempt() -> None:
    act = stub("act", NO, "b", "a")
    step = over(["a", "b"], 2, retry={"initial_delay": "1h"})
    run = await run_workflow(showing("state.all", step), actions=[act])
    assert output(run) == ["a", "b"]
    assert act.calls == [{"n": "a"}, {"n": "b"}, {"n": "a"}]


async def test_the_variable_of_the_item_exists_only_in_what_the_step_runs() -> None:
    step = over([7], next=[{"step": "B"}])
    step["each"]["as"] = "thing"
    step["parameters"] = {"n": "${thing}"}
    run = await run_workflow(
        flow(step, {"name": "B", "action": "act", "parameters": {"n": "${state.thing}"}}), actions=[stub("act")]
    )
    assert error_of(run)[0] == "ExpressionError"
    assert run.of("step_failed")[0]["phase"] == "parameters"


async def test_items_see_the_variables_as_they_were() -> None:
    step = {**over([1, 2]), "parameters": {"n": "${get(state.all, 'none')}"}}
    assert output(await run_workflow(showing("state.all", step), actions=[stub("act", lambda n: n)])) == ["none"] * 2


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("${5}", "the items of 'each' must be a list, not a number"),
        ("${'ab'}", "not a text"),
        ("${{}}", "not an object"),
        ("${None}", "not null"),
        ("${True}", "not a boolean"),
    ],
)
async def test_items_must_be_a_list(items: str, message: str) -> None:
    error_type, told = error_of(await run_workflow(flow(over(items)), actions=[stub("act")]))
    assert error_type == "ExpressionError"
    assert message in told


async def test_nothing_to_do_gives_an_empty_list() -> None:
    run = await run_workflow(showing("state.all", over([])), actions=[stub("act")])
    assert output(run) == []
    assert lines(run, "step_started", "step_completed") == ["main:A step_started", "main:A step_completed"]


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("at", range(3, 14))
async def test_a_crash_repeats_no_item_that_had_completed(at: int, lost: bool, concurrency: int) -> None:
    act = stub("act", lambda n: n)
    run = await run_workflow(
        showing("state.all", over([1, 2, 3, 4], concurrency)), actions=[act], crashes=[Crash(at, lost)]
    )
    assert output(run) == [1, 2, 3, 4]
    completed = lines(run, "step_completed")
    assert sorted(completed) == sorted({*completed})
    assert set(act.effect_keys) == {f"{run.id}/main/A/1/{index}#1" for index in range(4)}
    assert len(act.calls) <= 4 + concurrency


async def test_children_over_items() -> None:
    child = flow(naps("Rest", "1h"), inputs=[{"name": "n", "type": "integer"}], outputs=[
        {"name": "twice", "value": "${inputs.n * 2}"}]).model_copy(update={"name": "child"})  # fmt: skip
    step = {**over([1, 2, 3], 3), "workflow": "child"}
    del step["action"]
    run = await run_workflow(showing("[c.twice for c in state.all]", step), workflows=[child])
    assert (output(run), run.seconds) == ([2, 4, 6], 3_600)
