"""Help for tests of workflows and stores: a clock and ids that do what the test says, stubs, crashes, whole runs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.testing.agents import ScriptedAgent
    from engine.testing.crashes import Crash, CrashedError, CrashingStore
    from engine.testing.ports import FakeClock, SequentialIds
    from engine.testing.stubs import StubAction, fails, stub
    from engine.testing.workflows import WorkflowRun, run_workflow, told

_HOMES = {
    "Crash": "crashes",
    "CrashedError": "crashes",
    "CrashingStore": "crashes",
    "FakeClock": "ports",
    "ScriptedAgent": "agents",
    "SequentialIds": "ports",
    "StubAction": "stubs",
    "WorkflowRun": "workflows",
    "fails": "stubs",
    "run_workflow": "workflows",
    "stub": "stubs",
    "told": "workflows",
}

__all__ = [
    "Crash",
    "CrashedError",
    "CrashingStore",
    "FakeClock",
    "ScriptedAgent",
    "SequentialIds",
    "StubAction",
    "WorkflowRun",
    "fails",
    "run_workflow",
    "stub",
    "told",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562), so that its parts can be had alone."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'engine.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"engine.testing.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
