"""A definition made ready to run: templates and conditions compiled once, steps found by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.core.expressions import Expression, compile_expression
from engine.core.templates import Template, compile_template
from engine.model.workflow import Step, Workflow


class ProgramEdge(NamedTuple):
    """An edge with its condition compiled; None is always true."""

    step: str
    path: str | None
    condition: Expression | None


class ProgramStep(NamedTuple):
    """A step with its templates compiled."""

    name: str
    type: str
    action: str
    parameters: Template
    store: str | None
    items: Template | None
    item_name: str
    edges: tuple[ProgramEdge, ...]


class Program(NamedTuple):
    """A workflow that `decide` and `settle` can work with."""

    workflow: Workflow
    start: str
    steps: Mapping[str, ProgramStep]
    outputs: tuple[tuple[str, Template], ...]

    @property
    def actions(self) -> frozenset[str]:
        """Names of all actions the steps invoke."""
        return frozenset(step.action for step in self.steps.values())


def compile_workflow(workflow: Workflow) -> Program:
    """Compile every template and condition of a definition.

    Raises:
        ExpressionProblem: one of them does not parse.
    """
    following: list[str | None] = [step.name for step in workflow.steps[1:]]
    following.append(None)
    steps = {step.name: _compile_step(step, after) for step, after in zip(workflow.steps, following, strict=True)}
    return Program(
        workflow=workflow,
        start=workflow.start or workflow.steps[0].name,
        steps=steps,
        outputs=tuple((output.name, compile_template(output.value)) for output in workflow.outputs),
    )


def program_from_recorded(definition: Mapping[str, Any]) -> Program:
    """The program of a definition as it stands in `execution_started.workflow`.

    Raises:
        ValueError: it is not a definition this version understands.
    """
    return compile_workflow(Workflow.model_validate(definition))


def _compile_step(step: Step, after: str | None) -> ProgramStep:
    if step.next is not None:
        edges = tuple(
            ProgramEdge(edge.step, edge.path, compile_expression(edge.condition) if edge.condition else None)
            for edge in step.next
        )
    elif step.end or after is None:
        edges = ()
    else:
        edges = (ProgramEdge(after, None, None),)
    return ProgramStep(
        name=step.name,
        type="action",
        action=step.action,
        parameters=compile_template(step.parameters),
        store=step.store,
        items=compile_template(step.each.items) if step.each else None,
        item_name=step.each.as_ if step.each else "",
        edges=edges,
    )
