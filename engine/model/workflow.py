"""What a workflow is: a named graph of steps joined by edges. YAML and Python build these same models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.model.step import Definition, Duration, Each, Edge, Name, RetryPolicy, Step, Variable

__all__ = ["AgentSettings", "Each", "Edge", "Input", "Output", "RetryPolicy", "Step", "Workflow"]

InputType = Literal["string", "integer", "number", "boolean", "array", "object"]
OnFailure = Literal["cancel", "drain", "finish"]
MAX_VISITS = 10_000


class Input(Definition):
    """A value the caller gives. Its type is enforced; without `required` or `default` it may be left out (null)."""

    name: Variable
    type: InputType = "string"
    description: str = ""
    default: Any = None
    required: bool | None = None
    """Defaults to true when there is no default."""
    secret: bool = False
    """The value is a reference, `env:NAME` or `file:PATH`, and only the reference is recorded."""

    @property
    def is_required(self) -> bool:
        """Whether a run without this input is refused."""
        if self.required is not None:
            return self.required
        return "default" not in self.model_fields_set


class Output(Definition):
    """A result of the whole execution: a template evaluated when the last path has ended."""

    name: Variable
    value: Any


class AgentSettings(Definition):
    """An agent a definition brings along; a project's own agent of the same name comes first."""

    name: Name
    instructions: str = ""
    model: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class Workflow(Definition):
    """A definition as it is recorded in the first event of each of its executions."""

    name: Name
    description: str = ""
    version: str = ""
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    start: Name | None = None
    """The first step; by default the first one listed."""
    labels: dict[str, str] = Field(default_factory=dict)
    on_failure: OnFailure = "cancel"
    """What a failed path means for the others: cancelled at once; after the units in flight; or run to their end."""
    deadline: Duration | None = None
    """How long an execution may take from its start."""
    max_visits: Annotated[int, Field(ge=1)] = MAX_VISITS
    """How often one path may come to the same step."""
    max_parallel: Annotated[int, Field(ge=1)] | None = None
    """Units in flight at once, over all paths."""
    agents: tuple[AgentSettings, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Workflow:
        problems = graph_problems(self.steps, self.start)
        for kind, names in (
            ("input", [i.name for i in self.inputs]),
            ("output", [o.name for o in self.outputs]),
            ("agent", [a.name for a in self.agents]),
        ):
            problems += [f"two {kind}s are named {name!r}" for name in _repeated(names)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def to_dict(self) -> dict[str, Any]:
        """The definition as it is recorded and hashed: only what was set, JSON types."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def graph_problems(steps: Sequence[Step], start: str | None) -> list[str]:
    """Sentences about steps with the same name, edges to nowhere, an unknown start and unreachable steps."""
    names = [step.name for step in steps]
    problems = [f"two steps are named {name!r}" for name in _repeated(names)]
    known = set(names)
    if start is not None and start not in known:
        problems.append(f"start names {start!r}, which is no step")
    for step in steps:
        problems += [
            f"step {step.name!r} leads to {edge.step!r}, which is no step"
            for edge in step.next or ()
            if edge.step not in known
        ]
        problems += [
            f"step {step.name!r} goes to {target!r} after an error, which is no step"
            for target in step.targets
            if target not in known
        ]
    named = {edge.path for step in steps for edge in step.next or () if edge.path}
    problems += [
        f"join {step.name!r} waits for path {path!r}, which no edge names"
        for step in steps
        for path in step.join or ()
        if path not in named
    ]
    if not problems:
        problems += [f"step {name!r} cannot be reached" for name in unreachable_steps(steps, start)]
    return problems


def unreachable_steps(steps: Sequence[Step], start: str | None) -> list[str]:
    """Names of steps no path can come to, in the order they are listed."""
    follow = successors(steps)
    seen: set[str] = set()
    todo = [start or steps[0].name]
    while todo:
        name = todo.pop()
        if name in follow and name not in seen:
            seen.add(name)
            todo += follow[name]
    return [step.name for step in steps if step.name not in seen]


def successors(steps: Sequence[Step]) -> Mapping[str, list[str]]:
    """For each step the names of the steps it can lead to, by its edges, a caught error or a timeout; without edges and
    `end`, the next one listed."""
    follow: dict[str, list[str]] = {}
    for position, step in enumerate(steps):
        if step.next is not None:
            follow[step.name] = [edge.step for edge in step.next]
        elif step.end or position + 1 == len(steps):
            follow[step.name] = []
        else:
            follow[step.name] = [steps[position + 1].name]
        follow[step.name] += step.targets
    return follow


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
