"""Workflows and the project's actions, as commands need them: loaded, and checked against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.loading.files import read_limited
from engine.loading.loaded import LoadedFile
from engine.loading.problems import Location, Problem
from engine.loading.project import Project, ProjectError, load_actions
from engine.loading.project_agents import load_agents
from engine.loading.yaml_positions import load_yaml
from engine.model.step import Step
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionRegistry
from engine.runtime.agent_registry import Agents
from engine.runtime.agents import AgentError
from engine.runtime.builtins import BUILTINS, builtins_for
from engine.store import ExecutionEventStore

if TYPE_CHECKING:
    from engine.lifecycle.engine import Engine
    from engine.runtime.config import PersistenceConfig
    from engine.runtime.notices import Notices


class ProjectActions:
    """A project and its actions, or what is wrong with them."""

    def __init__(self, near: Path) -> None:
        """Load the project of the current folder; where there is none, that of the folder `near`."""
        self.project = Project(Path.cwd())
        self.registry = ActionRegistry(BUILTINS)
        self.modules: list[ModuleType] = []
        self.agents: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.problems: list[str] = []
        self.traceback = ""
        try:
            self.project = Project.discover(Path.cwd())
            if self.project.file is None:
                found = Project.discover(near)
                self.project = found if found.file is not None else self.project
            self.registry = ActionRegistry(builtins_for(self.project.allow))
            self.warnings = load_actions(self.project, self.add)
            self.agents = load_agents(self.project)
            Agents(self.agents)
        except ProjectError as error:
            self.problems = error.problems
            self.traceback = error.traceback
        except AgentError as error:
            self.problems = [f"{self.project.file}: {error}"]

    def engine(
        self, store: ExecutionEventStore, config: PersistenceConfig | None = None, notices: Notices | None = None
    ) -> Engine:
        """An engine that runs steps as this project does."""
        from engine.lifecycle.engine import Engine  # `validate` needs none

        return Engine(
            store,
            actions=self.modules,
            agents=self.agents,
            allow=self.project.allow,
            config=config,
            notices=notices,
        )

    def add(self, module: ModuleType) -> None:
        """Register the actions of a module.

        Raises:
            ActionError: two actions have the same name.
        """
        self.registry.register_module(module)
        if module not in self.modules:
            self.modules.append(module)


def with_children(workflow: Workflow, known: Sequence[Workflow]) -> list[Workflow]:
    """A workflow, and of the known ones those that its steps run as children, and theirs."""
    by_name = {other.name: other for other in known}
    found = {workflow.name: workflow}
    wanted = [workflow]
    while wanted:
        for step in wanted.pop().steps:
            child = by_name.get(step.workflow or "")
            if child is not None and child.name not in found:
                found[child.name] = child
                wanted.append(child)
    return list(found.values())


class _Misfit(NamedTuple):
    """What is wrong with how a step calls an action, and where in the step that stands."""

    sentence: str
    place: Location
    on_key: bool = False


def action_problems(
    loaded: LoadedFile, actions: ActionRegistry, only: Collection[Workflow] | None = None
) -> list[Problem]:
    """A problem, at its place in the file, for each step (of these workflows only) that calls an action nobody
    registered, with a parameter it does not have, or without one it needs.

    Raises:
        LoadError: the file has changed meanwhile, and cannot be read any more.
    """
    found = [
        (misfit, workflow_at, step_at)
        for workflow_at, workflow in enumerate(loaded.workflows)
        if only is None or any(workflow is wanted for wanted in only)
        for step_at, step in enumerate(workflow.steps)
        for misfit in _misfits(step, actions)
    ]
    if not found:
        return []
    document = load_yaml(read_limited(Path(loaded.file)), loaded.file)
    data = document.data if isinstance(document.data, dict) else {}
    ours = "steps" in data or "workflows" in data  # in files of another form steps stand in another order
    problems = []
    for misfit, workflow_at, step_at in found:
        at: Location = (*(("workflows", workflow_at) if "workflows" in data else ()), "steps", step_at, *misfit.place)
        position = (document.positions.key if misfit.on_key else document.positions.value)(at if ours else ())
        problems.append(Problem(loaded.file, *position, misfit.sentence))
    return problems


def _misfits(step: Step, actions: ActionRegistry) -> Iterator[_Misfit]:
    if step.action is None:
        return
    action = actions.get(step.action)
    if action is None:
        yield from (_Misfit(sentence, ("action",)) for sentence in actions.missing([step.action]))
        return
    sentences = action.parameter_problems(step.parameters)
    for sentence in sentences:
        culprit = next(
            (
                name
                for name in step.parameters
                if sentence not in action.parameter_problems({*step.parameters} - {name})
            ),
            None,
        )
        if culprit is None:
            yield _Misfit(sentence, ("action",))
        else:
            yield _Misfit(sentence, ("parameters", culprit), on_key=True)
