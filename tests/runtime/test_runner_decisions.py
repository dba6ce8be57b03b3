"""Several commands of one decision are carried out without asking again: the history is the same, the work far less."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given

from engine.core.decide import Command, decide
from engine.core.program import Program
from engine.model.workflow import Workflow
from engine.runtime import runner
from engine.testing import run_workflow, stub
from stores.memory import MemoryExecutionEventStore
from tests.lifecycle.driven import Message, Ran, drive
from tests.lifecycle.generated import definitions, messages


def ask_every_time(program: Program, command: Command) -> bool:
    return False


def is_repeatable(definition: dict[str, Any]) -> bool:
    """Whether two runs are the same: threads, and timeouts by the real clock, end when they like."""
    return "'shout'" not in repr(definition) and "'hang'" not in repr(definition)


def recorded(ran: Ran) -> list[tuple[Any, ...]]:
    return [
        (event.path_id, event.event_type, event.step_name, event.data)
        for events in ran.histories.values()
        for event in events
    ]


@given(definition=definitions().filter(is_repeatable), sent=messages)
def test_a_decision_after_each_command_would_record_the_same(definition: dict[str, Any], sent: list[Message]) -> None:
    together = drive(definition, messages=sent)
    with patch.object(runner, "is_own_affair", ask_every_time):
        one_by_one = drive(definition, messages=sent)
    assert recorded(together) == recorded(one_by_one)


async def decisions_for(width: int) -> int:
    names = [f"p{number}" for number in range(width)]
    steps = [
        {"name": "Fork", "pass": True, "next": [{"step": "Work", "path": name} for name in names]},
        {"name": "Work", "action": "work", "next": [{"step": "Meet"}]},
        {"name": "Meet", "join": names, "end": True},
    ]
    made = 0

    def counted(*args: Any) -> list[Command]:
        nonlocal made
        made += 1
        return decide(*args)

    with patch.object(runner, "decide", counted):
        run = await run_workflow(
            Workflow.model_validate({"name": "wide", "steps": steps}),
            store=MemoryExecutionEventStore(),
            actions=[stub("work", 1)],
        )
    assert run.status == "completed"
    return made


async def test_many_paths_that_do_the_same_cost_no_more_decisions_than_few() -> None:
    assert await decisions_for(40) == await decisions_for(4)


def fork(*paths: str) -> dict[str, Any]:
    return {"name": "Fork", "pass": True, "next": [{"step": name, "path": name} for name in paths]}


JOIN_BESIDE_STEPS = [
    fork("A", "B"),
    {"name": "A", "pass": True, "next": [{"step": "A2"}]},
    {"name": "A2", "pass": True, "next": [{"step": "A3"}]},
    {"name": "A3", "pass": True, "end": True},
    {"name": "B", "join": ["B"], "next": [{"step": "Last"}]},
    {"name": "Last", "pass": True, "end": True},
]
ITEMS_BESIDE_A_PATH = [
    fork("A", "B"),
    {
        "name": "A",
        "each": {"items": [1, 2], "concurrency": 2},
        "action": "fail",
        "retry": {"max_attempts": 2, "initial_delay": 0},
        "catch": {"step": "B3"},
    },
    # It takes longer to its first action than the items: what comes of theirs is recorded first.
    {"name": "B", "pass": True, "next": [{"step": "P"}]},
    {"name": "P", "pass": True, "next": [{"step": "Q"}]},
    {"name": "Q", "pass": True, "next": [{"step": "B1"}]},
    {"name": "B1", "action": "work", "next": [{"step": "B2"}]},
    {"name": "B2", "action": "work", "next": [{"step": "B3"}]},
    {"name": "B3", "action": "work", "end": True},
]
ONE_AT_A_TIME = [fork("A", "B", "C"), *({"name": name, "action": "work", "end": True} for name in ("A", "B", "C"))]


@pytest.mark.parametrize(
    ("steps", "fields"),
    [(JOIN_BESIDE_STEPS, {}), (ITEMS_BESIDE_A_PATH, {}), (ONE_AT_A_TIME, {"max_parallel": 1})],
    ids=["a join is decided after the paths", "one command of each path", "room for one"],
)
async def test_order_is_that_of_decisions_one_by_one(steps: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    workflow = Workflow.model_validate({"name": "beside", "steps": steps, **fields})

    async def told() -> list[tuple[Any, ...]]:
        actions = [stub("work", 1), stub("fail", ValueError("no"))]
        run = await run_workflow(workflow, store=MemoryExecutionEventStore(), actions=actions)
        return [(event.path_id, event.event_type, event.step_name, event.data.get("attempt")) for event in run.events]

    together = await told()
    with patch.object(runner, "is_own_affair", ask_every_time):
        assert together == await told()


async def test_what_follows_a_path_that_fails_is_decided_anew() -> None:
    steps = [
        {"name": "Fork", "pass": True, "next": [{"step": name, "path": name} for name in ("A", "B", "C")]},
        {"name": "A", "action": "work", "end": True},
        {"name": "B", "action": "work", "parameters": {"x": "${state.nothing.at_all}"}, "end": True},
        {"name": "C", "action": "work", "end": True},
    ]
    run = await run_workflow(
        Workflow.model_validate({"name": "failing", "steps": steps}),
        store=MemoryExecutionEventStore(),
        actions=[stub("work", 1)],
    )
    assert run.status == "failed"
    assert [event.step_name for event in run.events if event.event_type == "step_started"] == ["Fork", "A"]
