"""What a person touches: the Python names to import, the command line (`cli`) and the terminal app (`app`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.lifecycle.engine import Engine, ExecutionResult
    from engine.model.events import ExecutionEvent, ExecutionEventType
    from engine.model.signals import ExecutionSignal
    from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
    from engine.model.step import Catch, Each, Edge, RetryPolicy, Step
    from engine.model.workflow import Input, Output, Workflow
    from engine.replay.replayer import ExecutionReplayer, ReplayPathState, ReplayResult
    from engine.runtime.actions import ActionRegistry, action
    from engine.runtime.agents import Agent, AgentReply, AgentRequest
    from engine.runtime.batching import EventBatcher
    from engine.runtime.config import PersistenceConfig
    from engine.runtime.context import ActionContext
    from engine.runtime.errors import ActionFailure, Fatal, OutcomeUnknown
    from engine.runtime.recorder import EventBasedExecution
    from engine.store import ExecutionEventStore
    from stores.file.store import FileExecutionEventStore
    from stores.location import open_store
    from stores.memory import MemoryExecutionEventStore
    from stores.sqlite.store import SQLiteExecutionEventStore

_HOMES = {
    "ActionContext": "engine.runtime.context",
    "ActionFailure": "engine.runtime.errors",
    "ActionRegistry": "engine.runtime.actions",
    "Agent": "engine.runtime.agents",
    "AgentReply": "engine.runtime.agents",
    "AgentRequest": "engine.runtime.agents",
    "Catch": "engine.model.step",
    "Each": "engine.model.step",
    "Edge": "engine.model.step",
    "Engine": "engine.lifecycle.engine",
    "EventBasedExecution": "engine.runtime.recorder",
    "EventBatcher": "engine.runtime.batching",
    "ExecutionEvent": "engine.model.events",
    "ExecutionEventStore": "engine.store",
    "ExecutionEventType": "engine.model.events",
    "ExecutionFilter": "engine.model.snapshot",
    "ExecutionReplayer": "engine.replay.replayer",
    "ExecutionResult": "engine.lifecycle.engine",
    "ExecutionSignal": "engine.model.signals",
    "ExecutionSnapshot": "engine.model.snapshot",
    "ExecutionSummary": "engine.model.snapshot",
    "Fatal": "engine.runtime.errors",
    "FileExecutionEventStore": "stores.file.store",
    "Input": "engine.model.workflow",
    "MemoryExecutionEventStore": "stores.memory",
    "OutcomeUnknown": "engine.runtime.errors",
    "Output": "engine.model.workflow",
    "PersistenceConfig": "engine.runtime.config",
    "ReplayPathState": "engine.replay.replayer",
    "ReplayResult": "engine.replay.replayer",
    "RetryPolicy": "engine.model.step",
    "SQLiteExecutionEventStore": "stores.sqlite.store",
    "Step": "engine.model.step",
    "Workflow": "engine.model.workflow",
    "action": "engine.runtime.actions",
    "open_store": "stores.location",
}

__all__ = [
    "ActionContext",
    "ActionFailure",
    "ActionRegistry",
    "Agent",
    "AgentReply",
    "AgentRequest",
    "Catch",
    "Each",
    "Edge",
    "Engine",
    "EventBasedExecution",
    "EventBatcher",
    "ExecutionEvent",
    "ExecutionEventStore",
    "ExecutionEventType",
    "ExecutionFilter",
    "ExecutionReplayer",
    "ExecutionResult",
    "ExecutionSignal",
    "ExecutionSnapshot",
    "ExecutionSummary",
    "Fatal",
    "FileExecutionEventStore",
    "Input",
    "MemoryExecutionEventStore",
    "OutcomeUnknown",
    "Output",
    "PersistenceConfig",
    "ReplayPathState",
    "ReplayResult",
    "RetryPolicy",
    "SQLiteExecutionEventStore",
    "Step",
    "Workflow",
    "action",
    "open_store",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562): `import dive_tui` itself loads nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'dive_tui' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
