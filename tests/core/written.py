"""A history written by hand, event by event, folded as it grows."""

from __future__ import annotations

from typing import Any

from engine.core.program import Program, compile_workflow
from engine.core.reduce import initial_state, reduce
from engine.model.events import ExecutionEvent
from engine.model.state import ExecutionState
from engine.model.workflow import Workflow

EXECUTION = "exec_written"


def event(sequence: int, event_type: str, path: str = "", step: str = "", /, **data: Any) -> ExecutionEvent:
    """An event whose time is as many seconds after midnight as its sequence."""
    return ExecutionEvent(
        id=f"event_{sequence:026d}",
        execution_id=EXECUTION,
        path_id=path,
        sequence=sequence,
        timestamp=f"2026-03-01T{sequence // 3600:02d}:{sequence // 60 % 60:02d}:{sequence % 60:02d}.000000Z",
        event_type=event_type,
        step_name=step,
        data=data,
    )


def edge(step: str, value: bool = True, **more: Any) -> dict[str, Any]:
    return {"step": step, "value": value, **more}


class Written:
    """`w.started("A")`, `w.completed("A", 1, edges=[edge("B")])`, …; `w.state` is the fold, `w.events` the history."""

    def __init__(self, *steps: dict[str, Any], **workflow: Any) -> None:
        definition = {"name": "written", "steps": steps or [{"name": "A", "action": "act"}], **workflow}
        self.workflow = Workflow.model_validate(definition)
        self.program: Program = compile_workflow(self.workflow)
        self.events: list[ExecutionEvent] = []
        self.states: list[ExecutionState] = [initial_state(EXECUTION)]
        self.add(
            "execution_started",
            workflow_name=self.workflow.name,
            workflow=self.workflow.to_dict(),
            workflow_hash="v1:w",
            inputs={"n": 3},
            inputs_hash="v1:i",
            engine_version="0",
        )

    @property
    def state(self) -> ExecutionState:
        return self.states[-1]

    def next(self, event_type: str, path: str = "", step: str = "", /, **data: Any) -> ExecutionEvent:
        """The event as it would come next, not added."""
        return event(len(self.events) + 1, event_type, path, step, **data)

    def add(self, event_type: str, path: str = "", step: str = "", /, **data: Any) -> ExecutionState:
        added = self.next(event_type, path, step, **data)
        self.states.append(reduce(self.state, added))
        self.events.append(added)
        return self.state

    def path(self, name: str = "main", step: str = "A", **data: Any) -> ExecutionState:
        return self.add("path_started", name, current_step=step, **data)

    def started(self, step: str, path: str = "main", visit: int = 1, **more: Any) -> ExecutionState:
        item = f"/{more['iteration']['index']}" if "iteration" in more else ""
        key = f"{EXECUTION}/{path}/{step}/{visit}{item}#1"
        about = {"step_type": "action", "visit": visit, "attempt": 1, "step_params": {}, "inputs_hash": "v1:x"}
        return self.add("step_started", path, step, **about, effect_key=key, **more)

    def completed(
        self, step: str, output: Any = None, path: str = "main", visit: int = 1, edges: Any = (), **more: Any
    ) -> ExecutionState:
        about = {"visit": visit, "attempt": 1, "output": output, "edges": list(edges), "duration_ms": 0.0}
        return self.add("step_completed", path, step, **about, **more)

    def failed(
        self, step: str, path: str = "main", visit: int = 1, phase: str = "run", error: str = "no", **more: Any
    ) -> ExecutionState:
        about = {"visit": visit, "attempt": 1, "phase": phase, "error": error, "error_type": "Trouble"}
        return self.add("step_failed", path, step, **about, outcome="known", final=True, **more)

    def item(self, index: int, output: Any, step: str = "A") -> ExecutionState:
        """One item of an each, started and completed."""
        self.started(step, iteration={"index": index})
        return self.completed(step, output, iteration={"index": index})
