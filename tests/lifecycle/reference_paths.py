"""Paths as the reference model has them: where they stand, how they fork, join and end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.model.events import ExecutionEvent
from engine.model.step import Step
from engine.model.workflow import Workflow
from tests.lifecycle.reference_units import Attempts, Told, seconds


def _without_number(path_id: str) -> str:
    return re.sub(r"~\d+$", "", path_id)


@dataclass
class Member:
    name: str
    bad: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)


@dataclass
class Fork:
    sequence: int
    step: str
    path: str
    outer: Fork | None
    outer_member: str
    variables: dict[str, Any]
    written: dict[str, int]
    members: dict[str, Member]
    joined: set[str] = field(default_factory=set)
    arrived: dict[str, float | None] = field(default_factory=dict)
    """Joins that somebody has reached, and when they have waited too long."""


@dataclass
class Path:
    id: str
    step: str
    fork: Fork | None
    member: str
    variables: dict[str, Any]
    written: dict[str, int]
    visits: dict[str, int]
    unit: Attempts | None = None
    items: list[Any] | None = None
    open: dict[int, Attempts] = field(default_factory=dict)
    results: dict[int, Any] = field(default_factory=dict)
    failed_items: int = 0
    joined: Told | None = None
    ending: str = ""
    forking: list[tuple[int, str, str | None]] = field(default_factory=list)
    routing: bool = False
    failing: str = ""
    unwanted: bool = False

    @property
    def visit(self) -> int:
        return self.visits[self.step]

    def come_to(self, step: str) -> None:
        self.visits = {**self.visits, step: self.visits.get(step, 0) + 1}
        self.step = step
        self.forget()

    def forget(self) -> None:
        self.unit, self.items, self.joined, self.failed_items = None, None, None, 0
        self.open, self.results = {}, {}

    def write(self, values: Mapping[str, Any], sequence: int) -> None:
        self.variables = {**self.variables, **values}
        self.written = {**self.written, **dict.fromkeys(values, sequence)}


class Paths:
    """All paths of one execution, and what they leave behind."""

    workflow: Workflow
    steps: dict[str, Step]
    deadline: float | None
    now: float
    is_child: bool
    paths: dict[str, Path]
    forks: dict[int, Fork]
    asked: dict[str, int]
    """How often each path name was wanted."""
    globals: dict[str, Any]
    finished: dict[str, dict[str, Any]]
    leaves: list[str]
    wishes: list[str]
    """What messages asked for."""
    failure: str

    def _write(self, path: Path, values: Mapping[str, Any], sequence: int) -> None:
        path.write(values, sequence)
        self.globals |= values

    def _named(self, wanted: str) -> str:
        self.asked[wanted] = self.asked.get(wanted, 0) + 1
        return wanted if self.asked[wanted] == 1 else f"{wanted}~{self.asked[wanted]}"

    def _path_started(self, event: ExecutionEvent, data: Any) -> None:
        if not self.paths and event.path_id == "main":
            start = self.workflow.start or self.workflow.steps[0].name
            self.paths["main"] = Path(self._named("main"), start, None, "main", {}, {}, {start: 1})
        assert self.paths[event.path_id].step == data["current_step"]

    def _path_branched(self, event: ExecutionEvent, data: Any) -> None:
        path = self.paths[event.path_id]
        expected = [
            {"id": self._named(name or f"{path.id}-{place + 1}"), "current_step": target, "edge": place}
            for place, target, name in path.forking
        ]
        assert data["new_paths"] == expected
        members = {new["id"]: Member(_without_number(str(new["id"]))) for new in expected}
        fork = Fork(event.sequence, path.step, path.id, path.fork, path.member, path.variables, path.written, members)
        self.forks[event.sequence] = fork
        for new in expected:
            name, step = str(new["id"]), str(new["current_step"])
            self.paths[name] = Path(name, step, fork, name, path.variables, path.written, {step: 1})
        path.forking, path.ending = [], "fork"

    def _path_completed(self, event: ExecutionEvent, data: Any) -> None:
        path = self.paths.pop(event.path_id)
        self.finished[path.id] = path.variables
        if data["reason"] == "join":
            step = self.steps[path.step]
            fork = self._fork_of(path, step)
            assert fork is not None
            assert path.unit is None
            assert self._is_to_arrive(path, fork, step)
            if step.name not in fork.joined and step.name not in fork.arrived:
                fork.arrived[step.name] = None if step.timeout is None else round(self.now + seconds(step.timeout), 6)
        else:
            assert data["reason"] == path.ending
            if path.ending != "fork":
                self.leaves.append(path.id)
        if data["reason"] != "fork":
            self._count(path, "")

    def _count(self, path: Path, bad: str) -> None:
        """A path has ended: what its forks hear of it."""
        for fork, member in self._outward(path.fork, path.member):
            record = fork.members[member]
            record.bad = record.bad or bad
            record.variables, record.written = path.variables, path.written

    def _outward(self, fork: Fork | None, member: str) -> Iterator[tuple[Fork, str]]:
        while fork is not None:
            yield fork, member
            fork, member = fork.outer, fork.outer_member

    def _path_failed(self, event: ExecutionEvent, data: Any) -> None:
        path = self.paths.pop(event.path_id)
        assert data["error_type"] == path.failing
        self.failure = self.failure or path.failing
        self._count(path, "failed")
        self._leave_join(path)

    def _path_cancelled(self, event: ExecutionEvent, data: Any) -> None:
        path = self.paths.pop(event.path_id)
        over = self.deadline is not None and self.now >= self.deadline
        failing = self.failure and self.workflow.on_failure != "finish"
        assert path.unwanted or failing or "cancel" in self.wishes or over or self.is_child
        self._count(path, "cancelled")
        self._leave_join(path)

    def _leave_join(self, path: Path) -> None:
        fork = self._fork_of(path, self.steps[path.step]) if self.steps[path.step].kind == "join" else None
        if fork is not None and path.unit is not None and path.joined is None:
            fork.arrived.pop(path.step, None)

    # Joins

    def _fork_of(self, path: Path, step: Step) -> Fork | None:
        for fork, _ in self._outward(path.fork, path.member):
            named = {edge.path for edge in self.steps[fork.step].next or ()}
            if not step.join or named & set(step.join):
                return fork
        return None

    def _waiting_at(self, fork: Fork, step: Step) -> Path | None:
        for path in self.paths.values():
            stands = path.step == step.name and path.unit is not None and path.joined is None
            if stands and self._fork_of(path, step) is fork:
                return path
        return None

    def _is_to_arrive(self, path: Path, fork: Fork, step: Step) -> bool:
        """Whether a path ends at a join: waited for, too late, or not the first of those that might go on."""
        member = next(member for other, member in self._outward(path.fork, path.member) if other is fork)
        waited_for = not step.join or fork.members[member].name in step.join
        return step.name in fork.joined or waited_for or self._waiting_at(fork, step) is not None

    def _assert_waits(self, path: Path, step: Step) -> None:
        fork = self._fork_of(path, step)
        assert fork is None or not self._is_to_arrive(path, fork, step)

    def _open_joins(self) -> list[tuple[Fork, str]]:
        return [(fork, name) for fork in self.forks.values() for name in fork.arrived if name not in fork.joined]

    def _standing(self, fork: Fork, step: Step) -> tuple[list[str], list[str], int]:
        """The members that are present and those that may still come, and how many it takes."""
        members = [name for name, member in fork.members.items() if not step.join or member.name in step.join]
        ways = [(path.fork, path.member) for path in self.paths.values()]
        # A path will go on after a join inside a member, also when none of the member's is open.
        ways += [(f.outer, f.outer_member) for f, name in self._open_joins() if (f, name) != (fork, step.name)]
        alive = {member for way in ways for other, member in self._outward(*way) if other is fork}
        present = [name for name in members if name not in alive and not fork.members[name].bad]
        still_open = [name for name in members if name in alive and not fork.members[name].bad]
        return present, still_open, len(members) if step.count is None else step.count

    def _path_joined(self, event: ExecutionEvent, data: Any) -> None:
        fork, step = self.forks[data["fork"]], self.steps[event.step_name]
        waiting = self._waiting_at(fork, step)
        present, still_open, needed = self._standing(fork, step)
        for arrival in data["arrived"]:
            bad = fork.members[arrival["path"]].bad
            assert arrival["status"] == (bad or ("completed" if arrival["path"] in present else "running"))
        output = {arrival["path"]: arrival["status"] for arrival in data["arrived"]}
        told, values = Told(output), {}
        if len(present) >= needed:
            told, values = self._handed_over(fork, step, present, told)
        elif len(present) + len(still_open) < needed:
            told = Told(error_type="JoinUnsatisfied")
        else:
            due = fork.arrived[step.name]
            assert due is not None
            assert self.now >= due
            told = Told(error_type="Timeout")
        assert (data.get("error_type", ""), data["variables"]) == (told.error_type, values)
        for path in self.paths.values():
            counts = {member for other, member in self._outward(path.fork, path.member) if other is fork}
            path.unwanted |= step.rest == "cancel" and path is not waiting and bool(counts & set(still_open))
        assert set(data.get("cancelled", ())) == {path.id for path in self.paths.values() if path.unwanted}
        fork.joined.add(step.name)
        if waiting is None:
            name = self._named(_without_number(fork.path))
            member = name if fork.outer is None else fork.outer_member
            waiting = Path(name, step.name, fork.outer, member, fork.variables, fork.written, {step.name: 1})
            self.paths[name] = waiting
        elif waiting.unit is not None:
            waiting.unit.waiting = None
        assert data["path"] == waiting.id
        waiting.joined = told
        self._write(waiting, values, event.sequence)

    def _handed_over(self, fork: Fork, step: Step, present: list[str], told: Told) -> tuple[Told, dict[str, Any]]:
        by_name = {fork.members[name].name: fork.members[name] for name in present}
        if not step.mappings:
            return told, {
                name: {key: member.variables[key] for key, at in member.written.items() if at > fork.sequence}
                for name, member in by_name.items()
            }
        values = {}
        for source, target in step.mappings.items():
            name, _, variable = source.partition(".")
            if name in by_name and variable not in by_name[name].variables:
                return Told(error_type="ExpressionError"), {}
            values[target] = by_name[name].variables[variable] if name in by_name else None
        return told, values
