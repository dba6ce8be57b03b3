"""The examples do what they are examples of."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from dive_tui.testing import Crash, ScriptedAgent, fails, run_workflow, stub
from engine.runtime.pydantic_ai_agent import PydanticAIAgent
from tests.examples.loading import EXAMPLES, module, workflow

# Forking and joining


async def test_the_first_two_quotes_are_compared_and_the_third_is_not_waited_for() -> None:
    prices = {"North": 30, "South": 20, "West": 10}

    async def quote(supplier: str, item: str) -> dict[str, Any]:
        if supplier == "West":
            await asyncio.Event().wait()
        return {"supplier": supplier, "price": prices[supplier]}

    run = await run_workflow(workflow("fork_and_join/quotes.yaml"), actions=[quote])
    assert run.outputs == {"choice": {"supplier": "South", "price": 20}}
    assert "west path_cancelled" in run.told


async def test_with_only_one_answer_there_is_nothing_to_compare() -> None:
    late = asyncio.Event()

    async def quote(supplier: str, item: str) -> dict[str, Any]:
        if supplier != "North":
            await late.wait()
        return {"supplier": supplier, "price": 1}

    with pytest.raises(TimeoutError):
        await run_workflow(workflow("fork_and_join/quotes.yaml"), actions=[quote], patience=0.2)


# Each, with concurrency


async def test_broken_links_are_told_and_the_others_checked() -> None:
    run = await run_workflow(workflow("each/links.yaml"), actions=[module("each/pages.py")])
    assert run.outputs == {"broken": ["/jobs"], "good": 4}
    run = await run_workflow(workflow("each/links.yaml"), {"links": []}, actions=[module("each/pages.py")])
    assert run.outputs == {"broken": [], "good": 0}


# Retry with backoff


async def test_a_bad_line_is_tried_again_and_later_each_time() -> None:
    run = await run_workflow(workflow("retry/rate.yaml"), actions=[module("retry/bank.py")])
    assert run.outputs == {"rate": 1.09}
    first, second = (data["delay_ms"] for data in run.of("step_retry_scheduled"))
    assert 160 <= first <= 200
    assert 480 <= second <= 600


async def test_in_the_end_the_old_rate_must_do() -> None:
    ask = stub("exchange_rate", ConnectionError("down"))
    run = await run_workflow(workflow("retry/rate.yaml"), actions=[ask])
    assert (run.outputs, len(ask.calls)) == ({"rate": 1.08}, 4)


@pytest.mark.parametrize(("patience", "calls"), [(5, 2), (60, 1)])
async def test_a_bank_that_wants_to_be_left_alone_for_long_is_left_alone(patience: float, calls: int) -> None:
    ask = stub("exchange_rate", *fails(9, module("retry/bank.py").TooManyRequests(patience)))
    run = await run_workflow(workflow("retry/rate.yaml"), actions=[ask])
    assert (run.outputs, len(ask.calls)) == ({"rate": 1.08}, calls)


# Human approval


async def test_an_approval_pays_and_a_refusal_does_not() -> None:
    expense = workflow("approval/expense.yaml")
    run = await run_workflow(expense, signals=[(3_600, "approval", {"approved": True})])
    assert (run.outputs, run.seconds) == ({"outcome": "paid"}, 3_600)
    run = await run_workflow(expense, signals=[(60, "approval", {"approved": False, "by": "Grace"})])
    assert run.outputs == {"outcome": "refused by Grace"}


async def test_small_expenses_need_nobody() -> None:
    run = await run_workflow(workflow("approval/expense.yaml"), {"amount": 12})
    assert (run.outputs, run.seconds) == ({"outcome": "paid"}, 0)


@pytest.mark.parametrize("crashes", [[], [Crash(8), Crash(14, lost=True), Crash(20)]])
async def test_who_does_not_answer_is_reminded_twice_through_any_crash(crashes: list[Crash]) -> None:
    run = await run_workflow(workflow("approval/expense.yaml"), crashes=crashes)
    assert (run.outputs, run.seconds) == ({"outcome": "nobody answered"}, 6 * 86_400)
    assert len(run.of("step_completed", "Remind")) == 2


# Children


async def test_what_could_be_built_is_published() -> None:
    release, build = (workflow("children/release.yaml", name) for name in ("release", "build"))
    run = await run_workflow(release, workflows=[build], actions=[module("children/workshop.py")])
    assert run.outputs is not None
    assert run.outputs["published"] == ["tool-linux-1.4.tar", "tool-macos-1.4.tar"]
    (failed,) = run.outputs["failed"]
    assert failed.endswith("no compiler for plan9")
    children = [summary for summary in await run.store.list_executions() if summary.id != run.id]
    assert sorted(child.status for child in children) == ["completed", "completed", "failed"]


# Agents


async def test_notes_are_collected_and_put_together() -> None:
    desk = module("agents/desk.py")
    agents = {"researcher": desk.researcher, "writer": desk.writer}
    run = await run_workflow(workflow("agents/briefing.yaml"), agents=agents)
    assert run.outputs == {"briefing": "High tide comes twice a day. The light can be seen for twenty miles."}
    assert run.of("step_completed", "Write")[0]["usage"] == {"requests": 1, "output_tokens": 14}


async def test_a_scripted_agent_shows_what_the_pipeline_asks() -> None:
    researcher = ScriptedAgent(["note one", "note two"], fail_at={1: ConnectionError("down")})
    writer = ScriptedAgent(["long " * 100, "short"])
    run = await run_workflow(
        workflow("agents/briefing.yaml"), {"topics": ["a", "b"]}, agents={"researcher": researcher, "writer": writer}
    )
    assert run.outputs == {"briefing": "short"}
    assert [request.prompt for request in researcher.requests].count("What should a visitor know about a?") == 2
    written, shortened = writer.requests
    assert sorted(written.content[0]) == ["note one", "note two"]
    assert shortened.prompt.startswith("Shorten to one sentence: long long")


async def test_a_model_that_works_offline_does_too() -> None:
    from pydantic_ai.models.test import TestModel

    agent = PydanticAIAgent(TestModel(custom_output_text="calm sea"))
    run = await run_workflow(workflow("agents/briefing.yaml"), agents={"researcher": agent, "writer": agent})
    assert run.outputs == {"briefing": "calm sea"}


# From the command line

COMMANDS = {
    "fork_and_join/quotes.yaml": ([], 0, {"choice": {"supplier": "South", "price": 33}}),
    "each/links.yaml": ([], 0, {"broken": ["/jobs"], "good": 4}),
    "retry/rate.yaml": ([], 0, {"rate": 1.09}),
    "approval/expense.yaml": (["--linger", "0s"], 3, None),
    "children/release.yaml": (["-w", "release", "-i", 'systems=["linux"]'], 0, {
        "published": ["tool-linux-1.4.tar"], "failed": []}),
    "agents/briefing.yaml": ([], 0, {
        "briefing": "High tide comes twice a day. The light can be seen for twenty miles."}),
}  # fmt: skip


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_runs_from_the_command_line(path: str, tmp_path: Any) -> None:
    options, code, outputs = COMMANDS[path]
    file = EXAMPLES / path
    command = [sys.executable, "-m", "dive_tui", "--store", f"file:{tmp_path / 'store'}", "run", file.name, *options]
    ran = subprocess.run([*command, "--json"], cwd=file.parent, capture_output=True, text=True)
    assert ran.returncode == code, ran.stderr
    assert json.loads(ran.stdout)["outputs"] == outputs
