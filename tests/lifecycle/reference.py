"""A second, plain account of what a definition means: paths that walk over its graph, with no events and no fold.

Which of several things comes first is the scheduler's freedom, so the model is shown the recorded events one by one and
takes from each only *that* something happened: whether it might, and everything it must lead to - outputs, variables,
ways taken, verdicts, joins, the end - it says by itself, and compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.events import ExecutionEvent
from engine.model.step import Step
from engine.model.times import parse_time
from engine.model.workflow import Workflow
from tests.lifecycle.reference_paths import Path, Paths
from tests.lifecycle.reference_units import (
    Attempts,
    CannotRender,
    Told,
    catch_of,
    delay_bounds,
    is_retried,
    outcome_of,
    render,
    seconds,
    truth,
)

WAITING_KINDS = ("sleep", "wait_signal", "join", "workflow")


class Reference(Paths):
    """One execution, followed from its first event to its last."""

    def __init__(self, histories: Mapping[str, Sequence[ExecutionEvent]]) -> None:
        self._histories = histories

    def follow(self, events: Sequence[ExecutionEvent]) -> None:
        """Compare a whole history with what it must be."""
        first = events[0]
        self.workflow = Workflow.model_validate(first.data["workflow"])
        self.steps = {step.name: step for step in self.workflow.steps}
        self.following = dict(zip(self.steps, [*list(self.steps)[1:], None], strict=True))
        self.inputs = first.data["inputs"]
        self.deadline = self._time(first.data["deadline"]) if "deadline" in first.data else None
        self.is_child = (first.data.get("lineage") or {}).get("kind") == "child"
        self.paths = {}
        self.forks = {}
        self.asked = {}
        self.globals = {}
        self.finished = {}
        self.leaves = []
        self.signals: list[tuple[int, str, Any]] = []
        self.wishes = []
        self.paused = False
        self.failure = ""
        self.ended = ""
        self.now = self._time(first.timestamp)
        for event in events[1:]:
            assert not self.ended
            # What was in flight may still end, when nobody could look before; nothing more begins.
            in_time = self.deadline is None or self._time(event.timestamp) <= self.deadline
            assert in_time or event.event_type not in ("step_started", "path_started", "step_waiting")
            now = self._time(event.timestamp)
            if now > self.now and not self.paused:
                self._nothing_was_left_undone()
            self.now = now
            getattr(self, f"_{event.event_type}")(event, event.data)
        assert self.ended
        assert not self.paths

    def _time(self, moment: str) -> float:
        return round(parse_time(moment).timestamp(), 6)

    def _nothing_was_left_undone(self) -> None:
        """Time passes only while everybody waits for it."""
        for path in self.paths.values():
            assert not (path.ending or path.forking or path.routing or path.failing), path
            assert path.unit is not None or self._is_full(), path
            waiting = path.unit.waiting if path.unit is not None else None
            assert waiting is None or waiting["topic"] is None or waiting["topic"] not in [s[1] for s in self.signals]
        for fork, name in self._open_joins():
            present, still_open, needed = self._standing(fork, self.steps[name])
            assert len(present) < needed <= len(present) + len(still_open)

    def _running(self) -> list[Attempts]:
        return [
            attempts
            for path in self.paths.values()
            if self._kind(path) not in WAITING_KINDS
            for attempts in ([path.unit] if path.items is None and path.unit else path.open.values())
            if attempts.running
        ]

    def _is_full(self) -> bool:
        return self.workflow.max_parallel is not None and len(self._running()) >= self.workflow.max_parallel

    def _kind(self, path: Path) -> str:
        step = self.steps[path.step]
        return "detached" if step.detached else step.kind

    def _names(self, path: Path, index: int | None = None) -> dict[str, Any]:
        names = {"inputs": self.inputs, "state": path.variables}
        each = self.steps[path.step].each
        return names if index is None or each is None or path.items is None else {**names, each.as_: path.items[index]}

    # Units

    def _unit(self, event: ExecutionEvent) -> tuple[Path, Step, int | None, Attempts | None]:
        path = self.paths[event.path_id]
        assert (path.step, path.visit) == (event.step_name, event.data["visit"])
        index = event.data["iteration"]["index"] if "iteration" in event.data else None
        return path, self.steps[path.step], index, path.unit if index is None else path.open.get(index)

    def _parameters(self, path: Path, step: Step, index: int | None) -> Any:
        names = self._names(path, index)
        if step.each is not None and index is None:
            items = render(step.each.items, names)
            if not isinstance(items, list):
                raise CannotRender
            return items
        if step.kind == "wait_signal":
            return {"topic": render(step.wait_signal, names)}
        if step.kind == "sleep":
            return {"duration": render(step.sleep, names)}
        if step.kind == "workflow":
            return {"workflow": step.workflow, "inputs": render(step.parameters, names)}
        return render(step.parameters, names) if step.kind == "action" else {}

    def _step_started(self, event: ExecutionEvent, data: Any) -> None:
        path, step, index, attempts = self._unit(event)
        assert not self.paused
        assert not self.failure or self.workflow.on_failure == "finish"
        assert not (path.ending or path.forking or path.failing)
        assert path.visit <= self.workflow.max_visits
        parameters = self._parameters(path, step, index)
        assert (data["items"] if step.each is not None and index is None else data["step_params"]) == parameters
        if self._kind(path) not in WAITING_KINDS:
            assert not self._is_full()
        if step.kind == "join" and path.joined is None:
            self._assert_waits(path, step)
        if attempts is None:
            attempts = Attempts(self.now)
            if index is None:
                path.unit = attempts
                path.items = parameters if step.each is not None else None
            else:
                assert step.each is not None
                assert len(path.open) < step.each.concurrency
                assert index == len(path.open) + len(path.results)
                path.open[index] = attempts
        else:
            assert not attempts.running
            assert attempts.due is not None
            assert self.now >= attempts.due
        attempts.start(parameters)
        attempts.child = data.get("child_id", "")
        assert data["attempt"] == attempts.number
        assert int(data["effect_key"].rpartition("#")[2]) == attempts.generation

    def _step_waiting(self, event: ExecutionEvent, data: Any) -> None:
        path, step, _, attempts = self._unit(event)
        assert attempts is not None
        kinds = {"sleep": "sleep", "wait_signal": "signal", "join": "join", "workflow": "child"}
        assert data["for"] == kinds[step.kind]
        due = seconds(attempts.parameters["duration"]) if step.kind == "sleep" else None
        if step.timeout is not None:
            due = seconds(step.timeout)
        until = None if due is None else round(self.now + due, 6)
        if step.kind == "join":
            fork = self._fork_of(path, step)
            assert fork is not None
            assert data["join"]["fork"] == fork.sequence
            until = fork.arrived.setdefault(step.name, until)
        assert ("due_at" in data) == (until is not None)
        assert until is None or abs(self._time(data["due_at"]) - until) < 1e-4
        attempts.running = False
        attempts.waiting = {"kind": data["for"], "until": until, "since": event.sequence, "topic": data.get("topic")}

    def _told(self, path: Path, step: Step, attempts: Attempts, event: ExecutionEvent) -> Told:
        """How the attempt that ends now must end."""
        wait, data = attempts.waiting, event.data
        if attempts.interrupted:
            return Told(error_type="Interrupted", known=False)
        if path.joined is not None:
            return path.joined
        if path.items is not None and attempts is path.unit:
            assert len(path.results) == len(path.items)
            assert not path.open
            counts = {"items": len(path.items)} | ({"failed": path.failed_items} if path.failed_items else {})
            return Told(counts)
        if data.get("error_type") == "Deadlock":
            assert not any(self._running()), "somebody could still go on"
            return Told(error_type="Deadlock")
        if wait is not None and wait["until"] is not None and self.now >= wait["until"]:
            if wait["kind"] == "sleep":
                return Told()
            if event.event_type == "step_failed" and data["error_type"] == "Timeout":
                return Told(error_type="Timeout")
        if step.kind == "wait_signal":
            return self._taken(path, attempts, data)
        if step.kind == "workflow":
            return self._of_child(step, attempts)
        if step.kind == "action":
            return outcome_of(step.action or "", attempts.parameters, attempts.generation)
        assert step.kind in ("pass", "join") or (wait is not None and self.now >= wait["until"])
        return Told({} if step.kind == "join" else None)

    def _taken(self, path: Path, attempts: Attempts, data: Any) -> Told:
        """The oldest signal of the topic goes to whoever has waited for it longest."""
        assert attempts.waiting is not None
        topic = attempts.waiting["topic"]
        longest = min(
            other.unit.waiting["since"]
            for other in self.paths.values()
            if other.unit is not None and other.unit.waiting is not None and other.unit.waiting["topic"] == topic
        )
        assert longest == attempts.waiting["since"]
        oldest = next(signal for signal in self.signals if signal[1] == topic)
        assert data["signal"] == oldest[0]
        self.signals.remove(oldest)
        return Told(oldest[2])

    def _of_child(self, step: Step, attempts: Attempts) -> Told:
        if attempts.child not in self._histories:
            return Told(error_type="InputError", phase="parameters")
        if step.detached:
            return Told({"execution_id": attempts.child})
        last = self._histories[attempts.child][-1]
        if last.event_type == "execution_completed":
            return Told(last.data["outputs"])
        return Told(error_type=last.data.get("error_type", "ChildCancelled"))

    def _step_completed(self, event: ExecutionEvent, data: Any) -> None:
        path, step, index, attempts = self._unit(event)
        assert attempts is not None
        told = self._told(path, step, attempts, event)
        assert (told.error_type, data["output"], data["attempt"]) == ("", told.output, attempts.number)
        if index is not None:
            path.results[index] = told.output
            del path.open[index]
            assert data["edges"] == []
            return
        value = told.output
        if path.items is not None:
            value = [path.results[place] for place in range(len(path.items))]
        if isinstance(step.store, str):
            self._write(path, {step.store: value}, event.sequence)
        elif step.store is not None:
            self._write(path, {name: value[key] for name, key in step.store.items()}, event.sequence)
        path.forget()
        self._route(path, step, data["edges"])

    def _route(self, path: Path, step: Step, recorded: Any) -> None:
        edges: list[tuple[str, str | None, str | None]] = []
        after = self.following[step.name]
        if step.next is not None:
            edges = [(edge.step, edge.path, edge.condition) for edge in step.next]
        elif not step.end and after is not None:
            edges = [(after, None, None)]
        taken: list[tuple[int, str, str | None]] = []
        looked_at = 0
        for place, (target, name, condition) in enumerate(edges):
            value = truth(condition, {"inputs": self.inputs, "state": path.variables})
            looked_at += 1
            path.routing = value is None
            if value is None or (value and step.edge_matching == "first"):
                taken += [(place, target, name)] if value else []
                break
            taken += [(place, target, name)] if value else []
        assert len(recorded) == looked_at
        if path.routing:
            return
        if not taken:
            path.ending = "no_edge" if edges else "end"
        elif len(taken) > 1 or taken[0][2]:
            path.forking = taken
        else:
            path.come_to(taken[0][1])

    def _step_failed(self, event: ExecutionEvent, data: Any) -> None:
        path, step, index, attempts = self._unit(event)
        told = self._failure(path, step, index, attempts, event)
        phases = data["error_type"], data["phase"], data["outcome"] == "known"
        assert phases == (told.error_type, told.phase, told.known), f"event {event.sequence}: {told}"
        retried = is_retried(step, attempts, told, self._names(path, index), data["error"], self.now)
        assert bool(data.get("retry")) == retried
        if retried:
            assert attempts is not None
            attempts.running, attempts.waiting, attempts.known = False, None, told.known
            if attempts.interrupted:
                attempts.interrupted, attempts.due = False, self.now
                attempts.interruptions += 1
            return
        error = {"type": told.error_type, "message": data["error"], "attempt": data["attempt"]}
        if index is not None and step.each is not None and step.each.on_item_failure == "collect":
            assert data["collected"]
            path.results[index] = {"$error": error}
            path.failed_items += 1
            path.open.pop(index, None)
            return
        caught = catch_of(step, told)
        if caught is None:
            assert data["final"]
            path.failing = told.error_type
            return
        assert data["caught"] == {"step": caught[0]} | ({"stored_variable": caught[1]} if caught[1] else {})
        if caught[1]:
            self._write(path, {caught[1]: {**error, "step": step.name, "data": data.get("details")}}, event.sequence)
        path.routing = False
        path.come_to(caught[0])

    def _failure(
        self, path: Path, step: Step, index: int | None, attempts: Attempts | None, event: ExecutionEvent
    ) -> Told:
        if path.routing:
            return Told(error_type="ExpressionError", phase="route")
        if attempts is not None and (attempts.running or attempts.waiting or attempts.interrupted or path.joined):
            told = self._told(path, step, attempts, event)
            if told.error_type == "" and isinstance(step.store, dict):
                return Told(error_type="OutputError", phase="output")
            return told
        if path.visit > self.workflow.max_visits:
            return Told(error_type="MaxVisitsExceeded", phase="parameters")
        try:
            self._parameters(path, step, index)
        except CannotRender:
            return Told(error_type="ExpressionError", phase="parameters")
        raise AssertionError("it could have started")

    def _step_retry_scheduled(self, event: ExecutionEvent, data: Any) -> None:
        _, step, _, attempts = self._unit(event)
        assert attempts is not None
        place = data["policy"]
        used = attempts.used.get(place, 0)
        shortest, longest = delay_bounds(step.retry[place], used)
        assert shortest - 1e-6 <= data["delay_ms"] / 1000 <= longest + 1e-6
        attempts.used[place] = used + 1
        attempts.due = self._time(data["due_at"])
        assert abs(attempts.due - self.now - data["delay_ms"] / 1000) < 1e-4

    # Messages and ends

    def _signal_received(self, event: ExecutionEvent, data: Any) -> None:
        topic = data["signal_type"]
        if not topic.startswith("$"):
            self.signals.append((event.sequence, topic, data["data"]))
        elif topic != "$wake":
            self.wishes.append(topic[1:])
        else:
            for path in self.paths.values():
                for attempts in (path.unit, *path.open.values()):
                    if attempts is not None:
                        self._wake(attempts)

    def _wake(self, attempts: Attempts) -> None:
        if attempts.waiting is not None and attempts.waiting["kind"] == "sleep":
            attempts.waiting["until"] = min(attempts.waiting["until"], self.now)
        if attempts.due is not None:
            attempts.due = min(attempts.due, self.now)

    def _execution_paused(self, event: ExecutionEvent, data: Any) -> None:
        self.wishes.remove("pause")
        self.paused = True

    def _execution_resumed(self, event: ExecutionEvent, data: Any) -> None:
        self.wishes.remove("resume")
        self.paused = False

    def _execution_recovered(self, event: ExecutionEvent, data: Any) -> None:
        running = self._running()
        assert len(data["interrupted"]) == len(running)
        for attempts in running:
            attempts.running, attempts.interrupted = False, True

    def _execution_cancelled(self, event: ExecutionEvent, data: Any) -> None:
        assert "cancel" in self.wishes or self.is_child
        self.ended = "cancelled"

    def _execution_failed(self, event: ExecutionEvent, data: Any) -> None:
        self.ended = "failed"
        if self.deadline is not None and self.now >= self.deadline and data["error_type"] == "DeadlineExceeded":
            return
        if self.failure:
            assert data["error_type"] == self.failure
            return
        assert data["error_type"] == "ExpressionError"
        try:
            self._outputs()
        except CannotRender:
            return
        raise AssertionError("its outputs have values")

    def _execution_completed(self, event: ExecutionEvent, data: Any) -> None:
        self.ended = "completed"
        assert not self.failure
        assert not self._open_joins()
        assert data["outputs"] == self._outputs()

    def _outputs(self) -> dict[str, Any]:
        state = self.finished[self.leaves[0]] if len(self.leaves) == 1 else self.globals
        names = {"inputs": self.inputs, "state": state, "paths": self.finished}
        return {output.name: render(output.value, names) for output in self.workflow.outputs}
