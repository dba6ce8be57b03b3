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
