"""What a decider remembers changes no decision, and makes a decision about many paths cheap."""

from __future__ import annotations

from typing import Any

import pytest

from dive_tui import Workflow
from dive_tui.testing import run_workflow, stub
from engine.core.decide import Memo, _Wishes, decide
from engine.core.program import compile_workflow
from engine.core.reduce import initial_state, reduce

STEPS: list[dict[str, Any]] = [
    {"name": "Fork", "pass": True, "next": [{"step": f"S{n}", "path": f"p{n}"} for n in range(4)]},
    {"name": "S0", "action": "work", "retry": {"initial_delay": 1}, "next": ["Join"]},
    {"name": "S1", "sleep": 2, "next": ["Join"]},
    {"name": "S2", "each": {"items": [1, 2, 3], "concurrency": 2}, "action": "work", "next": ["Join"]},
    {"name": "S3", "wait_signal": "go", "next": ["Join"]},
    {"name": "Join", "join": ["p0", "p1", "p2", "p3"]},
    {"name": "Last", "action": "work"},
]


@pytest.mark.parametrize("max_parallel", [None, 1])
async def test_every_decision_is_the_same_with_and_without_a_memory(max_parallel: int | None) -> None:
    options = {} if max_parallel is None else {"max_parallel": max_parallel}
    workflow = Workflow.model_validate({"name": "many", "steps": STEPS, **options})
    run = await run_workflow(
        workflow,
        actions=[stub("work", ValueError("once"), 1)],
        signals=[(3, "go", None)],
        controls=[(1, "pause"), (1.5, "resume")],
    )
    assert run.status == "completed"
    program, state, memo = compile_workflow(workflow), initial_state(run.id), Memo()
    for event in run.events:
        state = reduce(state, event)
        assert decide(program, state, memo) == decide(program, state)


async def test_a_path_that_did_not_change_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    width = 30
    steps = [
        {"name": "Fork", "pass": True, "next": [{"step": "Work", "path": f"p{n}"} for n in range(width)]},
        {"name": "Work", "action": "work"},
    ]
    asked = 0
    ask = _Wishes._asked

    def counted(self: _Wishes, path: Any) -> Any:
        nonlocal asked
        asked += 1
        return ask(self, path)

    monkeypatch.setattr(_Wishes, "_asked", counted)
    run = await run_workflow(Workflow.model_validate({"name": "wide", "steps": steps}), actions=[stub("work", 1)])
    assert run.ok
    assert asked < 12 * width
