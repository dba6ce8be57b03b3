"""A definition made ready to run: templates and conditions compiled once, steps found by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.core.expressions import Expression, compile_expression
from engine.core.script_check import Script, check_script
from engine.core.templates import Template, compile_template
from engine.model.step import RetryPolicy, Step, StepKind, seconds_of
from engine.model.workflow import Workflow


class ProgramEdge(NamedTuple):
    """An edge with its condition compiled; None is always true."""

    step: str
    path: str | None
    condition: Expression | None


class Policy(NamedTuple):
    """A retry policy with its condition compiled and its delays in seconds."""

    policy: RetryPolicy
    initial_delay: float
    max_backoff: float | None
    condition: Expression | None


class ProgramStep(NamedTuple):
    """A step with its templates compiled."""

    name: str
    kind: StepKind
    definition: Step
    template: Template
    """What a start renders: the parameters of an action or a child; `{prompt, content}`; the topic; the duration."""
    script: Script | None
    items: Template | None
    item_name: str
    edges: tuple[ProgramEdge, ...]
    policies: tuple[Policy, ...]
    timeout: float | None
    """Seconds."""
    timeout_total: float | None
    joined: frozenset[str] = frozenset()
    """Names of the paths a join waits for; none means all of the fork."""

    @property
    def action(self) -> str:
        """Name of the action it invokes; empty when it does something else."""
        return self.definition.action or ""

    @property
    def waits(self) -> bool:
        """Whether its units wait instead of running code."""
        return self.kind in ("sleep", "wait_signal", "join", "workflow") and not self.definition.detached


class Program(NamedTuple):
    """A workflow that `decide` and `settle` can work with."""

    workflow: Workflow
    start: str
    steps: Mapping[str, ProgramStep]
    outputs: tuple[tuple[str, Template], ...]

    @property
    def actions(self) -> frozenset[str]:
        """Names of all actions the steps invoke."""
        return frozenset(step.action for step in self.steps.values() if step.action)

    @property
    def children(self) -> frozenset[str]:
        """Names of all workflows the steps run as children."""
        return frozenset(step.definition.workflow for step in self.steps.values() if step.definition.workflow)


def compile_workflow(workflow: Workflow) -> Program:
    """Compile every template, condition and script of a definition.

    Raises:
        ExpressionProblem, ScriptSyntaxError: one of them does not parse.
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
        kind=step.kind,
        definition=step,
        template=compile_template(_rendered_part(step)),
        script=check_script(step.script) if step.script is not None else None,
        items=compile_template(step.each.items) if step.each else None,
        item_name=step.each.as_ if step.each else "",
        edges=edges,
        policies=tuple(_compile_policy(policy) for policy in step.retry),
        timeout=None if step.timeout is None else seconds_of(step.timeout),
        timeout_total=None if step.timeout_total is None else seconds_of(step.timeout_total),
        joined=frozenset(step.join or ()),
    )


def _rendered_part(step: Step) -> Any:
    if step.kind == "prompt":
        return {"prompt": step.prompt, "content": list(step.content)}
    if step.kind == "wait_signal":
        return {"topic": step.wait_signal}
    if step.kind == "sleep":
        return {"duration": step.sleep}
    return step.parameters


def _compile_policy(policy: RetryPolicy) -> Policy:
    return Policy(
        policy,
        seconds_of(policy.initial_delay),
        None if policy.max_backoff is None else seconds_of(policy.max_backoff),
        compile_expression(policy.condition) if policy.condition else None,
    )
