"""Long histories made quickly: a loop of one step, as the engine would record it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.model.events import ExecutionEvent
from engine.model.times import format_time

START = datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC)
STEP_NAMES = ("Fetch", "Check", "Store")


def synthetic_history(
    events: int, execution_id: str = "exec_synthetic", ended: bool = False
) -> Iterator[ExecutionEvent]:
    """`events` events (at least 4) of a workflow that goes round three steps; 40 ms between two events."""
    sequence = 0

    def make(kind: str, path: str = "", step: str = "", data: dict[str, Any] | None = None) -> ExecutionEvent:
        nonlocal sequence
        sequence += 1
        return ExecutionEvent(
            id=f"event_{sequence:026d}",
            execution_id=execution_id,
            path_id=path,
            sequence=sequence,
            timestamp=format_time(START + timedelta(milliseconds=40 * sequence)),
            event_type=kind,
            step_name=step,
            data=data or {},
        )

    steps = [
        {"name": name, "action": "Work", "store": "n", "next": [{"step": STEP_NAMES[(at + 1) % 3]}]}
        for at, name in enumerate(STEP_NAMES)
    ]
    yield make("execution_started", data={
        "workflow_name": "long-haul", "workflow": {"name": "long-haul", "steps": steps}, "workflow_hash": "v1:0",
        "inputs": {}, "inputs_hash": "v1:0", "engine_version": "0.1.0"})  # fmt: skip
    yield make("path_started", "main", data={"current_step": STEP_NAMES[0]})
    number = 0
    while sequence < events - (3 if ended else 0):
        step, visit = STEP_NAMES[number % 3], number // 3 + 1
        common = {"visit": visit, "attempt": 1}
        yield make("step_started", "main", step, common | {
            "step_type": "action", "step_params": {"n": number}, "inputs_hash": "v1:0",
            "effect_key": f"{execution_id}/main/{step}/{visit}#1", "action": {"name": "Work"}})  # fmt: skip
        last = ended and sequence >= events - 3
        edges = [] if last else [{"step": STEP_NAMES[(number + 1) % 3], "value": True}]
        if sequence < events:
            yield make("step_completed", "main", step, common | {
                "output": number, "edges": edges, "duration_ms": 38.0, "stored_variable": "n"})  # fmt: skip
        number += 1
    if ended:
        yield make("path_completed", "main", data={"final_step": STEP_NAMES[(number - 1) % 3], "reason": "end"})
        yield make("execution_completed", data={"outputs": {}})


def forked_history(paths: int, rounds: int, execution_id: str = "exec_forked") -> Iterator[ExecutionEvent]:
    """A fork into `paths` paths, each of which runs the same step `rounds` times and stays open.

    Its first `FORK_EVENTS + paths` events open the paths; then come two events per path and round.
    """
    sequence = 0
    names = [f"p{number}" for number in range(paths)]
    edges = [{"step": "Work", "path": name} for name in names]

    def make(kind: str, path: str = "", step: str = "", data: dict[str, Any] | None = None) -> ExecutionEvent:
        nonlocal sequence
        sequence += 1
        moment = format_time(START + timedelta(milliseconds=sequence))
        return ExecutionEvent(
            f"event_{sequence:026d}", execution_id, path, sequence, moment, kind, step, data=data or {}
        )  # fmt: skip

    workflow = {
        "name": "forked",
        "steps": [
            {"name": "Fork", "pass": True, "next": edges},
            {"name": "Work", "action": "count", "parameters": {"value": 1}, "store": "n", "next": [{"step": "Work"}]},
        ],
    }
    yield make("execution_started", data={
        "workflow_name": "forked", "workflow": workflow, "workflow_hash": "v1:0", "inputs": {}, "inputs_hash": "v1:0",
        "engine_version": "0.1.0"})  # fmt: skip
    yield make("path_started", "main", data={"current_step": "Fork"})
    first = {"visit": 1, "attempt": 1}
    yield make("step_started", "main", "Fork", first | {
        "step_type": "pass", "step_params": {}, "inputs_hash": "v1:0",
        "effect_key": f"{execution_id}/main/Fork/1#1"})  # fmt: skip
    yield make("step_completed", "main", "Fork", first | {
        "output": None, "duration_ms": 0.0, "edges": [edge | {"value": True} for edge in edges]})  # fmt: skip
    new = [{"id": name, "current_step": "Work", "edge": edge} for edge, name in enumerate(names)]
    yield make("path_branched", "main", "Fork", {"new_paths": new})
    yield make("path_completed", "main", data={"final_step": "Fork", "reason": "fork"})
    for name in names:
        yield make("path_started", name, data={"current_step": "Work", "parent": "main", "fork": 5})
    for visit in range(1, rounds + 1):
        unit = {"visit": visit, "attempt": 1}
        for name in names:
            yield make("step_started", name, "Work", unit | {
                "step_type": "action", "step_params": {"value": 1}, "inputs_hash": "v1:0",
                "effect_key": f"{execution_id}/{name}/Work/{visit}#1", "action": {"name": "count"}})  # fmt: skip
        for name in names:
            yield make("step_completed", name, "Work", unit | {
                "output": 2, "duration_ms": 0.1, "stored_variable": "n",
                "edges": [{"step": "Work", "value": True}]})  # fmt: skip


FORK_EVENTS = 6
"""What `forked_history` records before the first of its new paths starts."""
