"""Testing workflows: `run_workflow` on a clock that skips waits, stubs for actions, scripted agents, crashes; and
`assert_history_fits` for what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dive_tui.fitting import assert_history_fits
from engine.model.workflow import Workflow
from engine.store import ExecutionEventStore
from engine.testing import (
    Crash,
    CrashedError,
    CrashingStore,
    FakeClock,
    ScriptedAgent,
    SequentialIds,
    StubAction,
    WorkflowRun,
    fails,
    stub,
    told,
)
from engine.testing import run_workflow as _run_workflow
from stores.memory import MemoryExecutionEventStore

__all__ = [
    "Crash",
    "CrashedError",
    "CrashingStore",
    "FakeClock",
    "ScriptedAgent",
    "SequentialIds",
    "StubAction",
    "WorkflowRun",
    "assert_history_fits",
    "fails",
    "run_workflow",
    "stub",
    "told",
]


async def run_workflow(
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    store: ExecutionEventStore | None = None,
    **options: Any,
) -> WorkflowRun:
    """`engine.testing.run_workflow`, which has all options; without a `store` the run is kept in memory."""
    return await _run_workflow(workflow, inputs, store=store or MemoryExecutionEventStore(), **options)
