"""What a workflow is: a named graph of steps joined by edges. YAML and Python build these same models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

InputType = Literal["string", "integer", "number", "boolean", "array", "object"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]


class Definition(BaseModel):
    """Base of all parts of a definition: immutable, and an unknown key is an error."""

    # NaN must not turn into null on its way into a history: it is refused there.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Input(Definition):
    """A value the caller gives. Its type is enforced; without `required` or `default` it may be left out (null)."""

    name: Variable
    type: InputType = "string"
    description: str = ""
    default: Any = None
    required: bool | None = None
    """Defaults to true when there is no default."""

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


class Edge(Definition):
    """Where a path may go after a step. A true edge with a `path` name, or a second true edge, forks."""

    step: Name
    condition: str | None = None
    path: Variable | None = None


def _edge(value: Any) -> Any:
    return {"step": value} if isinstance(value, str) else value


class Each(Definition):
    """Run the step once per item, in order; the item is visible under the name `as`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    items: Any
    """A list, or a template that gives one."""
    as_: Annotated[Variable, Field(alias="as")] = "item"


class Step(Definition):
    """One node of the graph: it invokes an action, stores the output, and says where to go next."""

    name: Name
    action: Name
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Rendered before every attempt: texts inside may hold `${...}` templates."""
    store: Variable | None = None
    """The variable of the path that receives the output (with `each`: the list of outputs)."""
    each: Each | None = None
    next: Annotated[tuple[Annotated[Edge, BeforeValidator(_edge)], ...] | None, Field()] = None
    """Edges; left out, the path goes on to the next listed step."""
    end: bool = False

    @model_validator(mode="after")
    def _end_or_next(self) -> Step:
        if self.end and self.next:
            raise ValueError("a step has either 'end: true' or 'next', not both")
        return self


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

    @model_validator(mode="after")
    def _consistent(self) -> Workflow:
        problems = graph_problems(self.steps, self.start)
        for kind, names in (
            ("input", [i.name for i in self.inputs]),
            ("output", [o.name for o in self.outputs]),
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
    """For each step the names of the steps its edges lead to; without edges and `end`, the next one listed."""
    follow: dict[str, list[str]] = {}
    for position, step in enumerate(steps):
        if step.next is not None:
            follow[step.name] = [edge.step for edge in step.next]
        elif step.end or position + 1 == len(steps):
            follow[step.name] = []
        else:
            follow[step.name] = [steps[position + 1].name]
    return follow


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
