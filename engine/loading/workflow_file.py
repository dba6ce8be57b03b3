"""Workflows in YAML or JSON: from a file to checked definitions, or to everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.core.expression_errors import nearest, shown_text, suggestion
from engine.loading.checks import check_workflow
from engine.loading.children import check_children
from engine.loading.definition_shapes import SEVERAL
from engine.loading.dive_file import is_dive, load_dive
from engine.loading.dive_json import json_as_yaml
from engine.loading.files import read_limited
from engine.loading.findings import Findings, as_problems
from engine.loading.graph import check_unique
from engine.loading.loaded import LoadedFile
from engine.loading.problems import LoadError, Location, Problem, in_file_order
from engine.loading.shapes import describe
from engine.loading.yaml_positions import Document, load_yaml
from engine.model.workflow import Workflow


def load_workflows(path: Path | str) -> LoadedFile:
    """Read the workflows in a YAML file: one at the top level, or several under `workflows`.

    Raises:
        LoadError: with every problem of the file, each at its line and column.
    """
    file = str(path)
    return read_workflows(read_limited(Path(path)), file)


def read_workflows(source: bytes, file: str) -> LoadedFile:
    """The same for the content of a file; `file` is how problems call it."""
    document = load_yaml(json_as_yaml(source), file)
    data = document.data
    if is_dive(data):
        return load_dive(source, file, Path(file).parent)
    if data is None:
        raise LoadError.about(file, "the file is empty")
    if not isinstance(data, dict) and not document.problems:
        message = f"a workflow is a mapping with 'name' and 'steps', not {describe(data)}"
        raise LoadError.about(file, message, document.positions.value(()))
    found = Findings()
    places = _workflow_places(found, data)
    for at, definition in places:
        check_workflow(found, at, definition)
    check_children(found, places)
    problems = document.problems + as_problems(found.found, file, document.positions)
    if any(problem.severity == "error" for problem in problems):
        raise LoadError(problems)
    workflows = [_build(document, file, at, definition) for at, definition in places]
    return LoadedFile(file, workflows, in_file_order(problems))


def _workflow_places(found: Findings, data: Any) -> list[tuple[Location, Any]]:
    """Where in a document the workflows stand; what is wrong around them is told."""
    if not isinstance(data, dict):
        return []
    if not _means_several(data):
        return [((), data)]
    SEVERAL(found, (), data)
    entries = data.get("workflows")
    places: list[tuple[Location, Any]] = [
        (("workflows", index), entry) for index, entry in enumerate(entries if isinstance(entries, list) else ())
    ]
    names = [(_name(entry), (*at, "name")) for at, entry in places]
    check_unique(found, "workflow", names)
    return places


def _means_several(data: dict[str, Any]) -> bool:
    if "workflows" in data or "steps" in data or "name" in data:
        return "workflows" in data
    return any(nearest(key, ["workflows"]) for key in data)


def _name(definition: Any) -> str | None:
    name = definition.get("name") if isinstance(definition, dict) else None
    return name if isinstance(name, str) else None


def _build(document: Document, file: str, at: Location, definition: dict[str, Any]) -> Workflow:
    """The model of a definition that passed all checks; should the model know better, its errors get positions too."""
    try:
        return Workflow.model_validate({**definition, "steps": [_with_edge_list(step) for step in definition["steps"]]})
    except ValidationError as error:
        raise LoadError(
            Problem(file, *document.positions.value((*at, *detail["loc"])), detail["msg"])
            for detail in error.errors(include_url=False, include_context=False)
        ) from error


def _with_edge_list(step: dict[str, Any]) -> dict[str, Any]:
    edges = step.get("next", [])
    return step if isinstance(edges, list) else {**step, "next": [edges]}


def select_workflow(loaded: LoadedFile, name: str | None = None) -> Workflow:
    """The workflow of this name, or the only one of the file.

    Raises:
        LoadError: there is none of this name, or there are several and no name is given.
    """
    names = [workflow.name for workflow in loaded.workflows]
    if name is None and len(names) == 1:
        return loaded.workflows[0]
    listed = ", ".join(shown_text(name) for name in names)
    if name is None:
        raise LoadError.about(loaded.file, f"holds {len(names)} workflows, choose one by its name: {listed}")
    for workflow in loaded.workflows:
        if workflow.name == name:
            return workflow
    hint = suggestion(name, names) or f"; it holds {listed}"
    raise LoadError.about(loaded.file, f"has no workflow {shown_text(name)}{hint}")
