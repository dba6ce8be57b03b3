"""Executions as the engines of the Go system recorded them, in every dialect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.go.go_stores import START, GoEvent, GoExecution, event_id, execution_id, go_map

USAGE = {"input_tokens": 12, "output_tokens": 30}
SEVERAL_STATEFUL = ("c", "d")


class Recorder:
    """Records as an engine of a dialect did: a sequence for each event, and what that dialect puts into columns."""

    def __init__(self, dialect: str, workflow: str, inputs: dict[str, Any], number: int = 1) -> None:
        self.run = GoExecution(dialect, execution_id(dialect, number), workflow, inputs)
        self._number = number

    @property
    def first(self) -> str:
        return self.run.first_path

    @property
    def stateful(self) -> bool:
        """Whether variables are changed by events of their own."""
        return self.run.dialect in SEVERAL_STATEFUL

    def add(self, event_type: str, path: str = "", step: str = "", data: Any = None) -> GoEvent:
        """The next event."""
        sequence = len(self.run.events) + 1
        event = GoEvent(
            event_type,
            path,
            step,
            data,
            event_id(self.run.dialect, self._number * 10_000 + sequence),
            sequence,
            START + timedelta(milliseconds=1500 * sequence, hours=self._number),
            sequence * 7 % 1000,
        )
        self.run.events.append(event)
        return event

    def start(self, step: str, **more: Any) -> None:
        """The execution and its first path."""
        data = go_map({"workflow_name": self.run.workflow, "inputs": self.run.inputs, **more})
        self.add("execution_started", "main" if self.run.dialect == "d" else "", "", data)
        self.path(self.first, step)

    def path(self, path: str, step: str) -> None:
        """A path starts."""
        self.add("path_started", path, step if self.run.dialect == "d" else "", {"current_step": step})

    def step(self, path: str, step: str, output: str, store: str = "", kind: str = "prompt", value: Any = None) -> None:
        """A step that completes; from the third dialect on with its operation and its change of the variables."""
        parameters = {"Message": "${inputs.topic} & <more>"} if kind == "action" else None
        self.add("step_started", path, step, {"step_params": parameters, "step_type": kind})
        if self.stateful:
            operation = {"operation_id": "op_8e74ca97e9133ef2", "operation_type": "agent_response"}
            column = operation["operation_id"] if self.run.dialect == "d" else ""
            self.add("operation_started", path, column, operation | {"parameters": {"prompt": "…"}})
            self.add("operation_completed", path, column, {"duration": 1_500_000, **operation, "result": output})
            if store:
                mutation = {"type": "set", "key": store, "value": output if value is None else value}
                where = self.run.id if self.run.dialect == "d" else ""
                self.add("state_mutated", where, "", {"mutations": [mutation]})
        data: dict[str, Any] = {"output": output}
        if store:
            data["stored_variable"] = store
        if self.run.dialect == "d":
            data["usage"] = USAGE
        self.add("step_completed", path, step, data)

    def branch(self, path: str, step: str, *children: tuple[str, str]) -> None:
        """A path forks."""
        if self.run.dialect == "d":
            paths = [{"ID": name, "CurrentStep": at, "InheritOutputs": True} for name, at in children]
        elif self.run.dialect == "c":
            paths = [{"current_step": at, "id": name, "inherit_outputs": True} for name, at in children]
        else:
            paths = [{"current_step": at, "id": name} for name, at in children]
        self.add("path_branched", path, step, {"new_paths": paths})

    def end_path(self, path: str, step: str) -> None:
        """A path ends."""
        self.add("path_completed", path, step if self.run.dialect == "d" else "", {"final_step": step})

    def complete(self) -> GoExecution:
        """The execution ends well."""
        data: dict[str, Any] = {"outputs": {} if self.stateful else None}
        if self.run.dialect == "d":
            data["usage"] = USAGE
        self.add("execution_completed", self.run.workflow if self.run.dialect == "d" else "", "", data)
        return self.run

    def fail(self, path: str, step: str, error: str) -> GoExecution:
        """A step fails, its path, and the execution."""
        self.add("step_failed", path, step, {"error": error})
        self.add("path_failed", path, "", {"error": error})
        self.add("execution_failed", self.run.workflow if self.run.dialect == "d" else "", "", {"error": error})
        self.run.status, self.run.error = "failed", error
        return self.run


def linear(dialect: str, number: int = 1) -> GoExecution:
    """Two steps, a variable each."""
    go = Recorder(dialect, "Linear Demo", {"topic": "späti", "limit": 3}, number)
    go.start("Plan")
    go.step(go.first, "Plan", "a plan", "plan")
    go.step(go.first, "Write", "<b>text</b>", "text", kind="action")
    go.end_path(go.first, "Write")
    return go.complete()


def branching(dialect: str, number: int = 2) -> GoExecution:
    """A fork in two, whose parent ends late; one of the paths reads what the other wrote."""
    go = Recorder(dialect, "Fork Demo", {}, number)
    left, right = f"{go.first}-1", f"{go.first}-2"
    go.start("Plan")
    go.step(go.first, "Plan", "p", "plan")
    go.branch(go.first, "Plan", (left, "Left"), (right, "Right"))
    if not go.stateful:
        go.path(left, "Left")
        go.path(right, "Right")
    go.end_path(go.first, "Plan")
    go.step(left, "Left", "l", "both")
    go.step(right, "Right", "r", "both")
    go.end_path(left, "Left")
    go.end_path(right, "Right")
    return go.complete()


def failing(dialect: str, number: int = 3) -> GoExecution:
    """One of two paths fails; the other is recorded after the end."""
    go = Recorder(dialect, "Fail Demo", {"n": 1}, number)
    left, right = f"{go.first}-1", f"{go.first}-2"
    go.start("Plan")
    go.step(go.first, "Plan", "p", "plan")
    go.branch(go.first, "Plan", (left, "Left"), (right, "Right"))
    if not go.stateful:
        go.path(left, "Left")
        go.path(right, "Right")
    go.add("step_started", right, "Right", {"step_params": None, "step_type": "prompt"})
    go.add("step_started", left, "Left", {"step_params": None, "step_type": "action"})
    go.fail(left, "Left", 'action "Pay" failed: card declined')
    go.add("step_completed", right, "Right", {"output": "too late", "stored_variable": "late"})
    go.end_path(right, "Right")
    return go.run


def route_failing(dialect: str, number: int = 4) -> GoExecution:
    """A condition of an edge fails after its step completed."""
    go = Recorder(dialect, "Route Demo", {}, number)
    go.start("Plan")
    go.step(go.first, "Plan", "p", "plan")
    return go.fail(go.first, "Plan", "undefined variable: nothing")


def looping(dialect: str, number: int = 5) -> GoExecution:
    """The same step three times on one path; no path ever completes."""
    go = Recorder(dialect, "Loop Demo", {}, number)
    go.start("Count")
    for turn in range(3):
        go.step(go.first, "Count", str(turn), "counter", kind="script", value=turn)
    return go.complete()


def each(dialect: str, number: int = 6) -> GoExecution:
    """A step over a list: one pair of events, the outputs joined."""
    go = Recorder(dialect, "Each Demo", {"names": ["ann", "bob"]}, number)
    go.start("Greet")
    joined = "# name: ann\n\nhi ann\n\n# name: bob\n\nhi bob"
    go.step(go.first, "Greet", joined, "greetings", value=["hi ann", "hi bob"])
    go.end_path(go.first, "Greet")
    return go.complete()


def continued(dialect: str, number: int = 7) -> GoExecution:
    """Asked to go on as a new execution, which was all that came of it."""
    go = Recorder(dialect, "Long Demo", {"n": 1}, number)
    go.start("Work")
    go.step(go.first, "Work", "w", "work")
    data: dict[str, Any] = {"continuation_delay": "5s", "new_inputs": None, "preserved_state": {}}
    if dialect == "d":
        data = {"new_execution_id": "0123456789abcdef-continued", "new_inputs": None, "state_transfer": {"k": 1}}
    go.add("execution_continue_as_new", "", "", {**data, "reason": "max_events_reached"})
    go.run.status = "running"
    return go.run


def continuation(dialect: str, number: int = 8) -> GoExecution:
    """What a continuation began with, and never more."""
    go = Recorder(dialect, "Long Demo", {"n": 2}, number)
    before = execution_id(dialect, 7)
    facts = {"continued_from": before, "continuation_reason": "max_events_reached", "original_execution_id": ""}
    data = go_map({"workflow_name": "Long Demo", "inputs": {"n": 2}, "preserved_state": {}, **facts})
    go.add("execution_started", "main" if dialect == "d" else "", "", data)
    go.run.id = "0123456789abcdef-continued" if dialect == "a" else go.run.id
    go.run.status = "pending"
    return go.run


def killed(dialect: str, number: int = 9) -> GoExecution:
    """Whole batches of an execution whose process was killed: no end, no snapshot."""
    go = Recorder(dialect, "Killed Demo", {"topic": "x"}, number)
    go.start("Plan")
    go.step(go.first, "Plan", "p", "plan")
    go.add("step_started", go.first, "Write", {"step_params": None, "step_type": "prompt"})
    go.run.snapshot = False
    return go.run


def disordered(dialect: str, number: int = 10) -> GoExecution:
    """The buffer had two events the other way round."""
    run = linear(dialect, number)
    order = [event.sequence for event in run.events]
    order[2], order[3] = order[3], order[2]
    run.written = order
    return run


def recovered(dialect: str, number: int = 11) -> GoExecution:
    """A recovery, which ran everything again under the same id."""
    go = Recorder(dialect, "Twice Demo", {"n": 1}, number)
    go.start("Plan")
    go.step(go.first, "Plan", "first", "plan")
    go.add("step_started", go.first, "Write", {"step_params": None, "step_type": "prompt"})
    go.start("Plan")
    go.step(go.first, "Plan", "second", "plan")
    go.step(go.first, "Write", "w", "text")
    go.end_path(go.first, "Write")
    return go.complete()


RUNS = (
    linear,
    branching,
    failing,
    route_failing,
    looping,
    each,
    continued,
    continuation,
    killed,
    disordered,
    recovered,
)
