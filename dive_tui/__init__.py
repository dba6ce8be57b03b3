"""What a person touches: the Python names to import, the command line (`cli`) and the terminal app (`app`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.lifecycle.engine import Engine, ExecutionResult
    from engine.model.events import ExecutionEvent, ExecutionEventType
    from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
    from engine.model.workflow import Each, Edge, Input, Output, Step, Workflow
    from engine.replay.replayer import ExecutionReplayer, ReplayPathState, ReplayResult
    from engine.runtime.actions import ActionRegistry, action
    from engine.runtime.config import PersistenceConfig
    from engine.runtime.recorder import EventBasedExecution
    from engine.store import ExecutionEventStore
    from stores.file_store import FileExecutionEventStore
    from stores.location import open_store
    from stores.memory import MemoryExecutionEventStore

_HOMES = {
    "ActionRegistry": "engine.runtime.actions",
    "Each": "engine.model.workflow",
    "Edge": "engine.model.workflow",
    "Engine": "engine.lifecycle.engine",
    "EventBasedExecution": "engine.runtime.recorder",
    "ExecutionEvent": "engine.model.events",
    "ExecutionEventStore": "engine.store",
    "ExecutionEventType": "engine.model.events",
    "ExecutionFilter": "engine.model.snapshot",
    "ExecutionReplayer": "engine.replay.replayer",
    "ExecutionResult": "engine.lifecycle.engine",
    "ExecutionSnapshot": "engine.model.snapshot",
    "ExecutionSummary": "engine.model.snapshot",
    "FileExecutionEventStore": "stores.file_store",
    "Input": "engine.model.workflow",
    "MemoryExecutionEventStore": "stores.memory",
    "Output": "engine.model.workflow",
    "PersistenceConfig": "engine.runtime.config",
    "ReplayPathState": "engine.replay.replayer",
    "ReplayResult": "engine.replay.replayer",
    "Step": "engine.model.workflow",
    "Workflow": "engine.model.workflow",
    "action": "engine.runtime.actions",
    "open_store": "stores.location",
}

__all__ = [
    "ActionRegistry",
    "Each",
    "Edge",
    "Engine",
    "EventBasedExecution",
    "ExecutionEvent",
    "ExecutionEventStore",
    "ExecutionEventType",
    "ExecutionFilter",
    "ExecutionReplayer",
    "ExecutionResult",
    "ExecutionSnapshot",
    "ExecutionSummary",
    "FileExecutionEventStore",
    "Input",
    "MemoryExecutionEventStore",
    "Output",
    "PersistenceConfig",
    "ReplayPathState",
    "ReplayResult",
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
