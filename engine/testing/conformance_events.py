"""Small, valid histories to try a store with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.model.events import EMPTY, ExecutionEvent, ExecutionEventType
from engine.model.signals import ExecutionSignal, MessageKind
from engine.model.times import format_time

STEP = "Work"
START = datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC)


class SignalMaker:
    """Makes messages; two makers with different `mark` make messages that differ in their ids only."""

    def __init__(self, mark: str = "a") -> None:
        self._mark = mark
        self._count = 0

    def signal(self, data: object = None, *, topic: str = "approve") -> ExecutionSignal:
        """The next message for a workflow."""
        return self._message("signal", topic, data)

    def ask(self, kind: MessageKind) -> ExecutionSignal:
        """The next message of another kind."""
        return self._message(kind, "", {"reason": "a test"})

    def _message(self, kind: MessageKind, topic: str, data: object) -> ExecutionSignal:
        self._count += 1
        sent_at = format_time(START + timedelta(seconds=self._count))
        signal_id = f"signal_{self._mark}{self._count:025d}"
        return ExecutionSignal(signal_id, kind, sent_at, topic=topic, data=data, sender="probe")


class HistoryMaker:
    """Makes the events of one execution that runs one step over and over; each call returns the next ones.

    Two makers of the same execution with different `mark` make events that differ in their ids only.
    """

    def __init__(
        self, execution_id: str = "exec_one", *, workflow: str = "probe", start: datetime = START, mark: str = "a"
    ) -> None:
        self.execution_id = execution_id
        self.sequence = 0
        self._workflow = workflow
        self._start = start
        self._mark = mark
        self._visit = 0

    def begin(self, inputs: Mapping[str, Any] = EMPTY) -> list[ExecutionEvent]:
        """The two events every history begins with."""
        definition = {"name": self._workflow, "steps": [{"name": STEP, "action": "Print"}]}
        started = {
            "workflow_name": self._workflow,
            "workflow": definition,
            "workflow_hash": "v1:0",
            "inputs": dict(inputs),
            "inputs_hash": "v1:0",
            "engine_version": "0",
        }
        return [
            self._event(ExecutionEventType.EXECUTION_STARTED, started, path=""),
            self._event(ExecutionEventType.PATH_STARTED, {"current_step": STEP}),
        ]

    def work(self, output: object = None) -> list[ExecutionEvent]:
        """The step once more: two events."""
        return [self._step_started(), self._step_completed(output, [{"step": STEP, "value": True}])]

    def wait(self, kind: str, **details: Any) -> list[ExecutionEvent]:
        """The step once more, waiting for a `signal`, a `child` or the end of its `sleep`: two events."""
        started = self._step_started()
        waiting = {"visit": self._visit, "for": kind} | details
        return [started, self._event(ExecutionEventType.STEP_WAITING, waiting, step=STEP)]

    def receive(self, message: ExecutionSignal) -> list[ExecutionEvent]:
        """A message that the store has given its ordinal: one event."""
        received = {
            "signal_id": message.id,
            "ordinal": message.ordinal,
            "signal_type": message.topic,
            "data": message.data,
            "sent_at": message.sent_at,
        }
        return [self._event(ExecutionEventType.SIGNAL_RECEIVED, received, path="")]

    def finish(self) -> list[ExecutionEvent]:
        """The step a last time, and a good end: four events."""
        return [self._step_started(), *self.end()]

    def end(self) -> list[ExecutionEvent]:
        """The end of the step that runs or waits, and a good end of all: three events."""
        return [
            self._step_completed(None, []),
            self._event(ExecutionEventType.PATH_COMPLETED, {"final_step": STEP, "reason": "end"}),
            self._event(ExecutionEventType.EXECUTION_COMPLETED, {"outputs": {}}, path=""),
        ]

    def fail(self, message: str = "no luck") -> list[ExecutionEvent]:
        """The step a last time, failing, and a bad end: four events."""
        started = self._step_started()
        error = {"error": message, "error_type": "RuntimeError"}
        attempt = {"visit": self._visit, "attempt": 1, "phase": "run", "outcome": "known", "final": True}
        failed = self._event(ExecutionEventType.STEP_FAILED, error | attempt, step=STEP)
        return [
            started,
            failed,
            self._event(ExecutionEventType.PATH_FAILED, error | {"caused_by": failed.sequence}),
            self._event(ExecutionEventType.EXECUTION_FAILED, error | {"caused_by": [failed.sequence]}, path=""),
        ]

    def _step_started(self) -> ExecutionEvent:
        self._visit += 1
        started = {
            "step_type": "action",
            "visit": self._visit,
            "attempt": 1,
            "step_params": {},
            "inputs_hash": "v1:0",
            "effect_key": f"{self.execution_id}/main/{STEP}/{self._visit}#1",
        }
        return self._event(ExecutionEventType.STEP_STARTED, started, step=STEP)

    def _step_completed(self, output: object, edges: list[dict[str, Any]]) -> ExecutionEvent:
        completed = {"visit": self._visit, "attempt": 1, "output": output, "edges": edges, "duration_ms": 1.5}
        return self._event(ExecutionEventType.STEP_COMPLETED, completed, step=STEP)

    def _event(
        self, event_type: ExecutionEventType, data: dict[str, Any], *, path: str = "main", step: str = ""
    ) -> ExecutionEvent:
        self.sequence += 1
        return ExecutionEvent(
            id=f"event_{self._mark}{self.sequence:025d}",
            execution_id=self.execution_id,
            path_id=path,
            sequence=self.sequence,
            timestamp=format_time(self._start + timedelta(seconds=self.sequence)),
            event_type=event_type,
            step_name=step,
            data=data,
        )
