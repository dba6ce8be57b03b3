"""Executions to replay, and what the screen says of a replay, for tests."""

from __future__ import annotations

from typing import Any

from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.replay_banner import ReplayBanner
from engine.model.workflow import Step, Workflow
from engine.runtime.actions import action
from tests.screens.execution_app import ExecutionApp, text_of
from tests.screens.histories import HOSTILE, Stage, run

TOTALS = (10, 12, 12, 15)


async def counting(**options: Any) -> ExecutionApp:
    """Four steps, each a second long, that set the variable `cart`; the third sets it to what it was."""
    stage = Stage()

    @action(name="Test.Total")
    async def total(value: int) -> dict[str, Any]:
        await stage.takes(1.0)
        return {"total": value, "note": HOSTILE}

    names = ["One", "Two", "Three", "Four"]
    steps = [
        Step(name=name, action="Test.Total", parameters={"value": value}, store="cart")
        for name, value in zip(names, TOTALS, strict=True)
    ]
    store, execution_id = await run(Workflow(name="count", steps=tuple(steps)), [total], stage)
    return ExecutionApp(store, execution_id, **options)


def replay_line(screen: ExecutionScreen) -> str:
    """The banner of the replay, if it is there."""
    line = screen.query_one(ReplayBanner)
    return " ".join(text_of(line).split()) if line.display else ""


def now_lines(screen: ExecutionScreen) -> list[str]:
    """The rows of the pane Now, without the cursor and runs of spaces."""
    return [" ".join(line.strip("▌").split()) for line in text_of(screen.panes.now).splitlines() if line.strip()]
