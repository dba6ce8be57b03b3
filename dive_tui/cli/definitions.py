"""Workflows and the project's actions, as `run` and `validate` need them: loaded, and checked against each other."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from engine.loading.files import read_limited
from engine.loading.problems import Problem
from engine.loading.project import Project, ProjectError, load_actions
from engine.loading.workflow_file import LoadedFile
from engine.loading.yaml_positions import load_yaml
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionRegistry
from engine.runtime.builtins import BUILTINS


class ProjectActions:
    """A project and its actions, or what is wrong with them."""

    def __init__(self, near: Path) -> None:
        """Load the project of the current folder; where there is none, that of the folder `near`."""
        self.project = Project(Path.cwd())
        self.registry = ActionRegistry(BUILTINS)
        self.modules: list[ModuleType] = []
        self.warnings: list[str] = []
        self.problems: list[str] = []
        self.traceback = ""
        try:
            self.project = Project.discover(Path.cwd())
            if self.project.file is None:
                found = Project.discover(near)
                self.project = found if found.file is not None else self.project
            self.warnings = load_actions(self.project, self.add)
        except ProjectError as error:
            self.problems = error.problems
            self.traceback = error.traceback

    def add(self, module: ModuleType) -> None:
        """Register the actions of a module.

        Raises:
            ActionError: two actions have the same name.
        """
        self.registry.register_module(module)
        self.modules.append(module)


def missing_actions(loaded: LoadedFile, actions: ActionRegistry, only: Workflow | None = None) -> list[Problem]:
    """A problem, at its place in the file, for each step (of one workflow only) whose action nobody registered.

    Raises:
        LoadError: the file has changed meanwhile, and cannot be read any more.
    """
    unknown = [
        (place, workflow_at, step_at)
        for workflow_at, workflow in enumerate(loaded.workflows)
        if only is None or workflow is only
        for step_at, step in enumerate(workflow.steps)
        for place in actions.missing([step.action])
    ]
    if not unknown:
        return []
    document = load_yaml(read_limited(Path(loaded.file)), loaded.file)
    several = isinstance(document.data, dict) and "workflows" in document.data
    return [
        Problem(
            loaded.file,
            *document.positions.value((*(("workflows", workflow_at) if several else ()), "steps", step_at, "action")),
            sentence,
        )
        for sentence, workflow_at, step_at in unknown
    ]
