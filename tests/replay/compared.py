"""Pairs of written histories to compare, and what came of comparing them, in short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.model.events import ExecutionEvent
from engine.replay.comparing.compare import Comparison, Equal, OnlyLeft, OnlyRight, Pair, Row, Unit, compare_executions
from engine.replay.history import History
from tests.core.written import Written, edge

STEPS = (
    {"name": "A", "action": "a", "next": ["B", "C"]},
    {"name": "B", "action": "b", "next": ["B"]},
    {"name": "C", "action": "c"},
)
Write = Callable[[Written], object]
Change = Callable[[ExecutionEvent], ExecutionEvent]


def history_of(written: Written, change: Change | None = None) -> History:
    """Its history, each event changed before it is read."""
    events = [event if change is None else change(event) for event in written.events]
    return History(events[0].execution_id, events)


def with_data(sequence: int, **data: Any) -> Change:
    """The change of what the event of this sequence holds."""
    return lambda event: event._replace(data={**event.data, **data}) if event.sequence == sequence else event


def moved(execution_id: str, hours: int) -> Change:
    """The change of all events to those of another execution, later on that day."""

    def change(event: ExecutionEvent) -> ExecutionEvent:
        hour = int(event.timestamp[11:13]) + hours
        timestamp = f"{event.timestamp[:11]}{hour:02d}{event.timestamp[13:]}"
        return event._replace(execution_id=execution_id, timestamp=timestamp)

    return change


def begun(*steps: dict[str, Any], **workflow: Any) -> Written:
    """An execution on its path `main`."""
    written = Written(*(steps or STEPS), **workflow)
    written.path()
    return written


def failing(*errors: str, output: Any = None, **ending: Any) -> Written:
    """`A` with so many failed attempts; after the last it ends so, or completes."""
    written = begun()
    data = {"visit": 1, "phase": "run", "error_type": "Trouble", "outcome": "known"}
    for attempt, error in enumerate(errors, 1):
        begins = {"step_type": "action", "visit": 1, "attempt": attempt, "step_params": {}, "inputs_hash": "v1:x"}
        written.add("step_started", "main", "A", **begins, effect_key=f"exec_written/main/A/1#{attempt}")
        how = ending if ending and attempt == len(errors) else {"retry": True}
        written.add("step_failed", "main", "A", **data, attempt=attempt, error=error, **how)
        if "retry" in how:
            due = f"2026-03-01T00:01:0{attempt}.000000Z"
            later = {"visit": 1, "attempt": attempt + 1, "policy": 0, "delay_ms": 0.0, "due_at": due}
            written.add("step_retry_scheduled", "main", "A", **later)
    if not ending:
        attempt = len(errors) + 1
        begins = {"step_type": "action", "visit": 1, "attempt": attempt, "step_params": {}, "inputs_hash": "v1:x"}
        written.add("step_started", "main", "A", **begins, effect_key=f"exec_written/main/A/1#{attempt}")
        ends = {"visit": 1, "attempt": attempt, "output": output, "edges": [], "duration_ms": 0.0}
        written.add("step_completed", "main", "A", **ends)
    return written


def compared(left: Written, right: Written, **options: Any) -> Comparison:
    """Both as they are."""
    return compare_executions(history_of(left), history_of(right), **options)


def shown(rows: list[Row]) -> list[str]:
    """`= 2`, `~ A input,output`, `- B`, `+ C`; a name holds what is not as usual: `other:B[2].0`."""
    return [_shown(row) for row in rows]


def _shown(row: Row) -> str:
    if isinstance(row, Equal):
        return f"= {row.count}"
    if isinstance(row, OnlyLeft):
        return f"- {name_of(row.unit.key)}"
    if isinstance(row, OnlyRight):
        return f"+ {name_of(row.unit.key)}"
    return f"~ {name_of(row.left.key)} {','.join(row.differences)}"


def name_of(key: tuple[str, str, int, int | None]) -> str:
    path, step, visit, iteration = key
    name = step if path == "main" else f"{path}:{step}"
    name = name if visit == 1 else f"{name}[{visit}]"
    return name if iteration is None else f"{name}.{iteration}"


def changes_of(comparison: Comparison) -> list[tuple[Any, ...]]:
    """Address, kind, both values and both events of every change."""
    return [
        (c.change.address, c.change.kind, c.change.old, c.change.new, c.by_left, c.by) for c in comparison.changes()
    ]


def ran(output: Any = 1) -> Written:
    """A, B and B again: events 3 to 8; the path ends with 9, the execution with 10."""
    written = begun()
    written.started("A", action={"name": "a", "version": "1"})
    written.completed("A", output, edges=[edge("B"), edge("C", False)])
    written.started("B")
    written.completed("B", 2, edges=[edge("B")])
    written.started("B", visit=2)
    written.completed("B", 3, visit=2, edges=[edge("B", False)])
    written.add("path_completed", "main", final_step="B", reason="no_edge")
    written.add("execution_completed", outputs={"n": 3})
    return written


def against(change: Change, **options: Any) -> Comparison:
    """An execution compared with itself, in which something was changed."""
    return compare_executions(history_of(ran()), history_of(ran(), change), **options)


def units_of(comparison: Comparison) -> list[Unit]:
    """The left units of all pairs."""
    return [row.left for row in comparison.aligned if isinstance(row, Pair)]
