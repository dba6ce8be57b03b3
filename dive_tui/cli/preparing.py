"""What `run` needs before anything is recorded: the workflow, its inputs and the actions; all problems at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dive_tui.cli.definitions import ProjectActions, action_problems, with_children
from dive_tui.cli.problems import UsageError
from engine.lifecycle.beginning import define
from engine.lifecycle.errors import MissingWorkflowError
from engine.loading.inputs import InputError, bind_inputs, read_input_text, read_inputs_file
from engine.loading.problems import LoadError
from engine.loading.project import ProjectError, load_module_workflow
from engine.loading.workflow_file import load_workflows, select_workflow
from engine.model.events import JsonObject
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionError


class Prepared(NamedTuple):
    """Everything a run needs."""

    workflow: Workflow
    inputs: dict[str, Any]
    workflows: list[Workflow]
    """Those that may be run as its children."""
    project: ProjectActions
    source: JsonObject
    warnings: list[str]


def prepare(target: str, name: str | None, texts: Sequence[str], inputs_file: Path | None) -> Prepared:
    """Load what `run TARGET` names and bind its inputs. Nothing is recorded or created.

    Raises:
        UsageError: with every problem found.
    """
    names_module = is_module_reference(target)
    actions = ProjectActions(near=Path.cwd() if names_module else Path(target).resolve().parent)
    problems, traceback = list(actions.problems), actions.traceback
    workflow: Workflow | None = None
    known: list[Workflow] = []
    try:
        workflow, known = _from_module(target, name, actions) if names_module else _from_file(target, name, actions)
    except (LoadError, ProjectError, ActionError) as error:
        problems += map(str, getattr(error, "problems", [error]))
        traceback = traceback or getattr(error, "traceback", "")
    inputs: dict[str, Any] = {}
    if workflow is not None:
        try:
            define(workflow, {other.name: other for other in known})
        except MissingWorkflowError as error:
            problems.append(str(error))
        try:
            inputs = read_inputs(workflow, texts, inputs_file)
        except InputError as error:
            problems += error.problems
    if workflow is None or problems:
        raise UsageError(*problems, traceback=traceback)
    source = {
        "kind": "module" if names_module else "file",
        "ref": target if names_module else str(Path(target).resolve()),
        "workflow": workflow.name,
        "project": str(actions.project.root),
    }
    return Prepared(workflow, inputs, known, actions, source, actions.warnings)


def is_module_reference(target: str) -> bool:
    """Whether `module:name` is meant and not a file."""
    module, colon, name = target.partition(":")
    return bool(colon) and name.isidentifier() and not {"/", "\\"} & set(module) and not Path(target).exists()


def _from_file(target: str, name: str | None, actions: ProjectActions) -> tuple[Workflow, list[Workflow]]:
    """The workflow, and all of its file."""
    if target.endswith(".py"):
        stem = Path(target).stem
        raise ProjectError([f"{target} is Python; run a workflow in it by its name: dive-tui run {stem}:NAME"])
    loaded = load_workflows(target)
    workflow = select_workflow(loaded, name)
    actions.warnings += map(str, loaded.warnings)
    # Where actions could not be loaded, a missing one would only repeat that.
    wanted = with_children(workflow, loaded.workflows)
    wrong = [] if actions.problems else action_problems(loaded, actions.registry, wanted)
    if wrong:
        raise LoadError(wrong)
    return workflow, loaded.workflows


def _from_module(target: str, name: str | None, actions: ProjectActions) -> tuple[Workflow, list[Workflow]]:
    """The workflow, and all of its module."""
    if name is not None:
        raise ProjectError([f"{target} names one workflow; --workflow {name} is for a file that holds several"])
    workflow = load_module_workflow(target, actions.project.root)
    module = sys.modules[target.partition(":")[0]]
    actions.add(module)
    known = [value for value in list(vars(module).values()) if isinstance(value, Workflow)]
    steps = [step for each in with_children(workflow, known) for step in each.steps]
    missing = actions.registry.missing(step.action for step in steps if step.action)
    if missing and not actions.problems:
        raise ProjectError(f"{target}: {sentence}" for sentence in missing)
    return workflow, known


def read_inputs(workflow: Workflow, texts: Sequence[str], inputs_file: Path | None) -> dict[str, Any]:
    """The inputs of a run: those of the file, over them each `NAME=TEXT`, checked and with defaults.

    Raises:
        InputError: with every problem found.
    """
    problems: list[str] = []
    given: dict[str, Any] = {}
    try:
        given = {} if inputs_file is None else read_inputs_file(inputs_file)
    except InputError as error:
        problems += error.problems
    declared = {wanted.name: wanted for wanted in workflow.inputs}
    seen: set[str] = set()
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            problems.append(f"-i {text!r} is not of the form NAME=VALUE")
        elif name in seen:
            problems.append(f"input {name!r} is given twice")
        elif name in declared:
            try:
                given[name] = read_input_text(declared[name], value)
            except InputError as error:
                problems += error.problems
                # Told already: it must not be called missing too.
                declared[name] = declared[name].model_copy(update={"required": False})
                given.pop(name, None)
        else:
            given[name] = value
        seen.add(name)
    remaining = workflow.model_copy(update={"inputs": tuple(declared.values())})
    try:
        bound = bind_inputs(remaining, given)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return bound
