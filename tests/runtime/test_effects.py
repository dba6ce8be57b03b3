"""What runs when a unit runs: what it is given, and what of it may be recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.runtime.context import ActionContext
from engine.testing import Crash, ScriptedAgent, WorkflowRun, fails, stub
from stores.memory import MemoryExecutionEventStore
from tests.core.rules import error_of, flow, fork, join, naps, output, run_workflow, showing

SECRET = "hunter2-very-secret"
TOKEN = {"name": "token", "secret": True}


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", SECRET)


async def test_an_action_learns_who_calls_it() -> None:
    seen: list[ActionContext] = []

    async def act(context: ActionContext, n: int) -> None:
        seen.append(context)

    step = {"name": "A", "action": "act", "parameters": {"n": "${item}"}, "each": {"items": [5]}}
    run = await run_workflow(flow(step, labels={"team": "x"}), actions=[act])
    (context,) = seen
    assert (context.execution_id, context.workflow_name, context.labels) == (run.id, "flow", {"team": "x"})
    assert (context.path, context.step, context.visit, context.attempt, context.iteration) == ("main", "A", 1, 1, 0)
    assert context.effect_key == f"{run.id}/main/A/1/0#1"


async def test_the_next_attempt_learns_how_far_the_last_one_came() -> None:
    seen: list[Any] = []

    async def act(context: ActionContext) -> None:
        seen.append(context.last_progress)
        context.progress({"page": len(seen)})
        if len(seen) < 3:
            raise ValueError("no")

    run = await run_workflow(flow({"name": "A", "action": "act", "retry": {"initial_delay": 0}}), actions=[act])
    assert (run.ok, seen) == (True, [None, {"page": 1}, {"page": 2}])
    assert [data["details"] for data in run.of("step_failed")] == [{"progress": {"page": 1}}, {"progress": {"page": 2}}]


async def test_a_secret_reaches_the_action_and_never_the_history() -> None:
    seen = []

    async def act(headers: dict[str, str]) -> dict[str, str]:
        seen.append(headers["Authorization"])
        print("calling with", headers)
        return {"echo": headers["Authorization"]}

    step = {"name": "A", "action": "act", "parameters": {"headers": {"Authorization": "Bearer ${inputs.token}"}}}
    run = await run_workflow(flow(step | {"store": "x"}, inputs=[TOKEN]), {"token": "env:API_TOKEN"}, actions=[act])
    assert seen == [f"Bearer {SECRET}"]
    recorded = orjson.dumps([event.data for event in run.events]).decode()
    assert SECRET not in recorded
    (completed,) = run.of("step_completed")
    assert completed["output"] == {"echo": "Bearer [secret env:API_TOKEN]"}
    assert "[secret env:API_TOKEN]" in completed["log"]


async def test_a_secret_in_an_error_is_scrubbed_too() -> None:
    async def act(token: str) -> None:
        error = ValueError(f"rejected {token}")
        error.details = {"token": token}  # type: ignore[attr-defined]
        raise error

    step = {
        "name": "A",
        "action": "act",
        "parameters": {"token": "${inputs.token}"},
        "catch": {"step": "H", "store": "e"},
    }
    workflow = showing("state.e", step, {"name": "H", "pass": True}, inputs=[TOKEN])
    run = await run_workflow(workflow, {"token": "env:API_TOKEN"}, actions=[act])
    assert SECRET not in orjson.dumps([event.data for event in run.events]).decode()
    assert output(run)["message"] == "rejected [secret env:API_TOKEN]"
    assert output(run)["data"] == {"token": "[secret env:API_TOKEN]"}
    assert run.of("step_started", "A")[0]["step_params"] == {"token": {"$secret": "env:API_TOKEN"}}


async def test_a_secret_that_is_not_there_fails_the_step_before_anything_runs(tmp_path: Path) -> None:
    act = stub("act")
    step = {"name": "A", "action": "act", "parameters": {"token": "${inputs.token}"}}
    run = await run_workflow(flow(step, inputs=[TOKEN]), {"token": f"file:{tmp_path / 'none'}"}, actions=[act])
    assert run.status == "failed"
    assert (act.calls, run.of("step_failed")[0]["phase"]) == ([], "parameters")


async def test_a_prompt_is_rendered_answered_and_its_usage_recorded() -> None:
    agent = ScriptedAgent([{"answer": 4}])
    step = {
        "name": "Ask",
        "prompt": "What is ${inputs.n} + 2?",
        "agent": "m",
        "content": [{"n": "${inputs.n}"}],
        "store": "x",
    }
    workflow = showing("state.x.answer", step, inputs=[{"name": "n", "type": "integer"}])
    run = await run_workflow(workflow, {"n": 2}, agents={"m": agent})
    assert output(run) == 4
    (request,) = agent.requests
    assert (request.prompt, request.content) == ("What is 2 + 2?", [{"n": 2}])
    assert request.context.effect_key == f"{run.id}/main/Ask/1#1"
    assert run.of("step_started", "Ask")[0]["step_params"] == {
        "agent": "m", "prompt": "What is 2 + 2?", "content": [{"n": 2}],
    }  # fmt: skip
    assert run.of("step_completed", "Ask")[0]["usage"]["requests"] == 1


async def test_an_agent_that_fails_is_retried_as_an_action_is() -> None:
    agent = ScriptedAgent(["fine"], fail_at={1: ConnectionError("down"), 2: ConnectionError("down")})
    step = {"name": "Ask", "prompt": "?", "agent": "m", "retry": {"initial_delay": "1m"}, "store": "x"}
    run = await run_workflow(showing("state.x", step), agents={"m": agent})
    assert (output(run), run.seconds) == ("fine", 180)
    assert {request.context.effect_key for request in agent.requests} == {f"{run.id}/main/Ask/1#1"}


async def test_a_script_sees_inputs_state_and_the_item_and_nothing_of_it_lasts() -> None:
    begin = {"name": "Begin", "script": "[1, 2]", "store": "base"}
    step = {
        "name": "A",
        "script": "total = inputs.n + state.base[0] + item\ntotal * 10",
        "each": {"items": "${state.base}"},
        "store": "all",
    }
    workflow = showing("state.all", begin, step, inputs=[{"name": "n", "type": "integer"}])
    assert output(await run_workflow(workflow, {"n": 100})) == [1_020, 1_030]
    workflow = flow({"name": "A", "script": "x = 1\nx"}, {"name": "B", "script": "x"})
    assert error_of(await run_workflow(workflow))[0] == "NameError"


# Children

CHILD = showing(
    "state.x",
    {"name": "Act", "action": "act", "parameters": {"n": "${inputs.n}"}, "store": "x"},
    inputs=[{"name": "n"}],
).model_copy(update={"name": "child"})


async def test_a_child_has_a_history_of_its_own_and_its_outputs_are_the_steps() -> None:
    step = {"name": "C", "workflow": "child", "parameters": {"n": "two"}, "store": "c"}
    act = stub("act", "done")
    run = await run_workflow(showing("state.c", step), workflows=[CHILD], actions=[act])
    assert (output(run), act.calls) == ({"o": "done"}, [{"n": "two"}])
    child_id = run.of("step_started", "C")[0]["child_id"]
    assert run.of("step_waiting", "C")[0] == {"visit": 1, "for": "child", "child_id": child_id}
    events = await run.store.get_event_history(child_id)
    assert events[0].data["lineage"] == {"kind": "child", "execution_id": run.id}
    assert act.effect_keys == [f"{child_id}/main/Act/1#1"]


async def test_inputs_a_child_does_not_take_fail_the_step_and_make_no_child() -> None:
    step = {"name": "C", "workflow": "child", "parameters": {"n": "${1 + 1}"}}
    run = await run_workflow(flow(step), workflows=[CHILD], actions=[stub("act")])
    assert error_of(run)[0] == "InputError"
    assert run.of("step_failed")[0]["phase"] == "parameters"
    assert len(await run.store.list_executions()) == 1


async def test_the_failure_of_a_child_is_that_of_the_step() -> None:
    step = {
        "name": "C",
        "workflow": "child",
        "parameters": {"n": "x"},
        "catch": {"errors": "KeyError", "step": "H", "store": "e"},
    }
    workflow = showing("state.e.data.status", step, {"name": "H", "pass": True})
    run = await run_workflow(workflow, workflows=[CHILD], actions=[stub("act", KeyError("k"))])
    assert output(run) == "failed"


async def test_a_child_that_failed_is_run_anew_by_a_retry() -> None:
    step = {"name": "C", "workflow": "child", "parameters": {"n": "x"}, "retry": {"initial_delay": "1m"}, "store": "c"}
    act = stub("act", *fails(2, KeyError("k")), "third")
    run = await run_workflow(showing("state.c.o", step), workflows=[CHILD], actions=[act])
    assert (output(run), run.seconds) == ("third", 180)
    assert len({data["child_id"] for data in run.of("step_started", "C")}) == 3


async def test_cancelling_the_parent_cancels_the_child_but_not_a_detached_one() -> None:
    nap = flow({"name": "Nap", "sleep": "1h"}).model_copy(update={"name": "child"})
    for detached, status in ((False, "cancelled"), (True, "completed")):
        steps = [{"name": "C", "workflow": "child", "detached": detached}, {"name": "Rest", "sleep": "10m"}]
        run = await run_workflow(flow(*steps), workflows=[nap], controls=[(60, "cancel")])
        assert run.status == "cancelled"
        (child,) = [summary for summary in await run.store.list_executions() if summary.id != run.id]
        assert child.status == status


async def test_a_child_that_takes_too_long_is_cancelled() -> None:
    nap = flow({"name": "Nap", "sleep": "1h"}).model_copy(update={"name": "child"})
    run = await run_workflow(flow({"name": "C", "workflow": "child", "timeout": "1m"}), workflows=[nap])
    assert error_of(run)[0] == "Timeout"
    (child,) = [summary for summary in await run.store.list_executions() if summary.id != run.id]
    assert child.status == "cancelled"


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("at", range(1, 12))
async def test_there_is_one_child_wherever_the_process_dies(at: int, lost: bool) -> None:
    """Whichever of the two histories comes to that event first."""
    rest = {"name": "Rest", "sleep": "1h"}
    step = {"name": "C", "workflow": "child", "store": "c"}
    child = showing("state.x", rest, {"name": "Act", "action": "act", "store": "x"}).model_copy(
        update={"name": "child"}
    )
    act = stub("act", "done")
    run = await run_workflow(
        showing("state.c.o", step, {"name": "End", "pass": True}),
        workflows=[child],
        actions=[act],
        crashes=[Crash(at, lost)],
    )
    assert (output(run), run.seconds) == ("done", 3_600)
    assert len(await run.store.list_executions()) == 2
    assert len(set(act.effect_keys)) == 1
    assert len(act.calls) <= 2


NAP = flow({"name": "Nap", "sleep": "1h"}).model_copy(update={"name": "child"})


async def statuses_of_children(run: WorkflowRun) -> list[str]:
    return [summary.status for summary in await run.store.list_executions() if summary.id != run.id]


async def test_a_child_nobody_waits_for_any_more_is_cancelled() -> None:
    calling = {"name": "C", "workflow": "child", "timeout": "1m", "on_timeout": "Late", "end": True}
    late = {"name": "Late", "sleep": "1s"}
    run = await run_workflow(flow(calling, late), workflows=[NAP])
    assert (run.ok, await statuses_of_children(run)) == (True, ["cancelled"])


async def test_a_join_that_cancels_the_rest_cancels_its_children() -> None:
    steps = [
        fork("a:A", "b:C"),
        naps("A", "1s", "J"),
        {"name": "C", "workflow": "child", "next": ["J"]},
        join("a", "b", count=1, rest="cancel"),
        {"name": "End", "sleep": "1s"},
    ]
    run = await run_workflow(flow(*steps), workflows=[NAP])
    assert (run.ok, run.seconds, await statuses_of_children(run)) == (True, 2, ["cancelled"])


@pytest.mark.parametrize(
    ("on_failure", "status"), [("cancel", "cancelled"), ("drain", "cancelled"), ("finish", "completed")]
)
async def test_a_path_that_fails_cancels_children_unless_they_may_finish(on_failure: str, status: str) -> None:
    store = MemoryExecutionEventStore()

    async def act() -> None:
        while len(await store.list_executions()) < 2:
            await asyncio.sleep(0)
        raise ValueError("no")

    steps = [
        fork("a:A", "b:C"),
        {"name": "A", "action": "act", "end": True},
        {"name": "C", "workflow": "child", "end": True},
    ]
    run = await run_workflow(flow(*steps, on_failure=on_failure), workflows=[NAP], actions=[act], store=store)
    assert error_of(run) == ("ValueError", "no")
    assert await statuses_of_children(run) == [status]
