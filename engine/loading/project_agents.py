"""The agents a project names in its configuration."""

from __future__ import annotations

from typing import Any

from engine.core.expression_errors import suggestion
from engine.loading.project import Project, ProjectError, extend_search_path, import_module


def load_agents(project: Project) -> dict[str, Any]:
    """The project's agents by name, imported; whether each is one is for the engine to judge.

    Raises:
        ProjectError: modules that are not there or raise, objects that are not in them; all of them are told.
    """
    if not project.agents:
        return {}
    extend_search_path(project.root)
    agents: dict[str, Any] = {}
    problems: list[str] = []
    tracebacks: list[str] = []
    for name, place in project.agents.items():
        module_name, _, attribute = place.partition(":")
        try:
            module = import_module(module_name, f" (agent {name!r} of {project.file})")
        except ProjectError as error:
            problems += error.problems
            tracebacks += [error.traceback] if error.traceback else []
            continue
        if hasattr(module, attribute):
            agents[name] = getattr(module, attribute)
        else:
            hint = suggestion(attribute, [known for known in vars(module) if not known.startswith("_")])
            problems.append(f"module {module_name!r} has no {attribute!r} (agent {name!r} of {project.file}){hint}")
    if problems:
        raise ProjectError(problems, "\n".join(tracebacks))
    return agents
