"""The first event of an execution: everything that it will ever know of its definition and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import engine
from engine.core.drafts import Draft
from engine.core.hashing import canonical_hash, workflow_hash
from engine.core.normalize import normalize
from engine.core.program import Program, program_from_recorded
from engine.lifecycle.errors import MissingWorkflowError
from engine.loading.inputs import bind_inputs
from engine.model.events import EMPTY, ExecutionEventType, JsonObject
from engine.model.step import seconds_of
from engine.model.times import format_time
from engine.model.workflow import Workflow


class Definition(NamedTuple):
    """A workflow as it is recorded, with those that its steps run as children."""

    recorded: JsonObject
    program: Program
    children: JsonObject
    """By name the recorded definitions of its children, and of theirs."""

    @property
    def actions(self) -> frozenset[str]:
        """Names of all actions that it and its children invoke."""
        programs = [self.program, *map(program_from_recorded, self.children.values())]
        return frozenset().union(*(program.actions for program in programs))


def define(workflow: Workflow, known: Mapping[str, Workflow]) -> Definition:
    """A workflow ready to be recorded; its children are looked up among the known ones.

    Raises:
        NotJsonError: a definition holds a value that cannot be recorded.
        ExpressionProblem, ScriptSyntaxError: a template, condition or script does not parse.
        MissingWorkflowError: a step runs a workflow that is not known.
    """
    # What runs is what is recorded, not what a Python object may hold beside its JSON form.
    recorded, program = _recorded(workflow)
    children: dict[str, JsonObject] = {}
    wanted = [(workflow.name, name) for name in sorted(program.children)]
    while wanted:
        parent, name = wanted.pop()
        if name in children:
            continue
        child = workflow if name == workflow.name else known.get(name)
        if child is None:
            raise MissingWorkflowError(f"workflow {parent!r} runs {name!r} as a child, but there is no such workflow")
        children[name], child_program = _recorded(child)
        wanted += [(name, other) for other in sorted(child_program.children)]
    return Definition(recorded, program, children)


def _recorded(workflow: Workflow) -> tuple[JsonObject, Program]:
    definition, _ = normalize(workflow.to_dict(), f"workflow {workflow.name!r}")
    return definition, program_from_recorded(definition)


def defined_child(name: str, definitions: JsonObject) -> Definition:
    """A child as its parent's first event defines it.

    Raises:
        MissingWorkflowError: it is not among them.
    """
    if name not in definitions:
        raise MissingWorkflowError(f"there is no workflow {name!r} recorded with its parent")
    program = program_from_recorded(definitions[name])
    needed: dict[str, JsonObject] = {}
    wanted = list(program.children)
    while wanted:
        other = wanted.pop()
        if other not in needed:
            needed[other] = definitions[other]
            wanted += program_from_recorded(definitions[other]).children
    return Definition(definitions[name], program, needed)


def first_event(
    definition: Definition,
    inputs: Mapping[str, Any],
    now: datetime,
    *,
    labels: JsonObject = EMPTY,
    source: JsonObject | None = None,
    lineage: JsonObject | None = None,
    deadline: str | None = None,
) -> Draft:
    """`execution_started`.

    Raises:
        InputError: inputs that are missing, unknown or of the wrong type.
    """
    workflow = definition.program.workflow
    bound = bind_inputs(workflow, inputs)
    data: dict[str, Any] = {
        "workflow_name": workflow.name,
        "workflow": definition.recorded,
        "workflow_hash": workflow_hash(workflow),
        "inputs": bound,
        "inputs_hash": canonical_hash(bound),
        "engine_version": engine.__version__,
    }
    merged = {**workflow.labels, **labels}
    if workflow.deadline is not None:
        own = format_time(now + timedelta(seconds=seconds_of(workflow.deadline)))
        deadline = own if deadline is None else min(own, deadline)
    optional = {
        "labels": merged,
        "source": source,
        "lineage": lineage,
        "deadline": deadline,
        "children": definition.children,
    }
    return Draft(
        ExecutionEventType.EXECUTION_STARTED, data=data | {key: value for key, value in optional.items() if value}
    )
