"""Files of the Go system Dive: environments or single workflows in YAML or JSON, with keys such as `Workflows`.

They become the same definitions as files of our own form. What means nothing here is a warning, what cannot be
translated an error, each at its place in the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engine.core.expression_errors import shown_text
from engine.loading.dive_agents import Agents
from engine.loading.dive_content import ContentReader
from engine.loading.dive_expressions import Names
from engine.loading.dive_json import json_as_yaml
from engine.loading.dive_shapes import ENVIRONMENT, WORKFLOW, entries_of, mapping_of, text_of
from engine.loading.dive_steps import Steps
from engine.loading.dive_written import written_key
from engine.loading.findings import Findings, as_problems
from engine.loading.graph import check_unique
from engine.loading.inputs import mismatch
from engine.loading.loaded import LoadedFile
from engine.loading.problems import INVALID, LoadError, Location, Problem, in_file_order
from engine.loading.yaml_positions import Document, load_yaml
from engine.model.step import Step
from engine.model.workflow import Workflow, unreachable_steps

_OUR_KEYS: Final = frozenset({"name", "steps", "workflows"})
_OF_A_WORKFLOW: Final = frozenset({"Steps", "Inputs", "Output"})
_INPUT_TYPES: Final = {
    **{name: name for name in ("string", "integer", "number", "boolean", "array", "object")},
    "text": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "map": "object",
}


def is_dive(data: Any) -> bool:
    """Whether the data of a document are in Dive's form: keys such as `Workflows` or `Steps`, and none of ours."""
    known = {*ENVIRONMENT.keys, *WORKFLOW.keys}
    return isinstance(data, dict) and not _OUR_KEYS & data.keys() and bool(known & data.keys())


def load_dive(source: bytes, file: str, base: Path) -> LoadedFile:
    """The workflows of a Dive file: all of an environment, or the single one that stands at the top level.

    `file` is how problems call the file, `base` the folder that paths in it start from.

    Raises:
        LoadError: with every problem of the file, warnings too, each at its line and column.
    """
    document = load_yaml(json_as_yaml(source), file)
    found = Findings()
    definitions = _translate(found, document.data, base)
    if found.errors or document.problems:
        raise LoadError(document.problems + as_problems(found.found, file, document.positions))
    for at, definition in definitions:
        _leave_out_unreachable(found, at, definition)
    problems = as_problems(found.found, file, document.positions)
    workflows = [_build(document, file, at, definition) for at, definition in definitions]
    return LoadedFile(file, workflows, in_file_order(problems))


def _translate(found: Findings, data: Any, base: Path) -> list[tuple[Location, dict[str, Any]]]:
    """The definitions of all workflows, each with its location; malformed data are told and passed over."""
    alone = isinstance(data, dict) and bool(_OF_A_WORKFLOW & data.keys()) and "Workflows" not in data
    (WORKFLOW if alone else ENVIRONMENT)(found, (), data)
    if not isinstance(data, dict):
        return []
    agents = None if alone else Agents(found, data)
    documents = _documents(found, data)
    places = [((), data)] if alone else list(entries_of(data, (), "Workflows"))
    check_unique(found, "workflow", [(text_of(entry, "Name") or None, (*at, "Name")) for at, entry in places])
    content = ContentReader(found, base, documents)
    return [(at, _workflow(found, at, entry, data, agents, content)) for at, entry in places]


def _documents(found: Findings, data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The documents by name, or by id where they have none."""
    documents: dict[str, dict[str, Any]] = {}
    for at, document in entries_of(data, (), "Documents"):
        name = text_of(document, "Name") or text_of(document, "ID")
        if not name:
            found.error(at, "a document needs 'Name' or 'ID'")
        elif name in documents:
            found.error(at, f"a second document is named {shown_text(name)}")
        documents.setdefault(name, document)
    return documents


def _workflow(
    found: Findings,
    at: Location,
    entry: dict[str, Any],
    data: dict[str, Any],
    agents: Agents | None,
    content: ContentReader,
) -> dict[str, Any]:
    declared = list(entries_of(entry, at, "Inputs"))
    check_unique(found, "input", [(text_of(one, "Name") or None, (*place, "Name")) for place, one in declared])
    stored = [store for _, step in entries_of(entry, at, "Steps") if (store := text_of(step, "Store"))]
    inputs = dict.fromkeys(text_of(one, "Name") for _, one in declared)
    names = Names(inputs, dict.fromkeys(stored), suggestion=found.suggestion)
    steps = Steps(found, names, agents, content).translate(at, entry)
    definition: dict[str, Any] = {
        "name": text_of(entry, "Name"),
        "inputs": [_input(found, place, one) for place, one in declared],
        "steps": [step for _, step in steps],
    }
    if description := text_of(entry, "Description"):
        definition["description"] = description
    if entry is not data:
        definition["version"] = text_of(data, "Version")
        definition["labels"] = {"environment": text_of(data, "Name")}
    if agents is not None and agents.definitions:
        definition["agents"] = list(agents.definitions.values())
    if output := _output(found, (*at, "Output"), mapping_of(entry, "Output"), stored):
        definition["outputs"] = [output]
    _check_graph(found, steps)
    return definition


def _input(found: Findings, at: Location, entry: dict[str, Any]) -> dict[str, Any]:
    """One input. As in Dive it must be given when it has no default, and also when its default is null."""
    default, written = entry.get("Default"), text_of(entry, "Type")
    kind = _INPUT_TYPES.get(written.lower()) if written else _type_of(default)
    if kind is None:
        hint = found.suggestion(written, _INPUT_TYPES)
        found.error((*at, "Type"), f"'Type' must be one of {', '.join(_INPUT_TYPES)}, not {shown_text(written)}{hint}")
        kind = "string"
    definition = {"name": text_of(entry, "Name"), "type": kind}
    if description := text_of(entry, "Description"):
        definition["description"] = description
    if default is None:
        return definition | ({"required": False} if entry.get("Required") is False else {})
    if default is not INVALID and (problem := mismatch(kind, default)):
        found.error((*at, "Default"), f"'Default' {problem}: the input is of type {kind}")
    if entry.get("Required") is True:
        found.warning((*at, "Required"), "'Required' has no effect: the input has a default", on_key=True)
    return definition | {"default": default}


def _type_of(default: Any) -> str:
    """The type of an input that only has a default."""
    types = ((bool, "boolean"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object"))
    return next((name for kind, name in types if isinstance(default, kind)), "string")


def _output(found: Findings, at: Location, output: dict[str, Any], stored: list[str]) -> dict[str, Any] | None:
    """The output: the variable of its name; there is none when no step stores it."""
    if not output:
        return None
    name = text_of(output, "Name")
    if name in stored:
        variable, default = written_key("state", name), output.get("Default")
        if default is None:
            return {"name": name, "value": f"${{get({variable})}}"}
        if isinstance(default, str | int | float):
            return {"name": name, "value": f"${{get({variable}, {default!r})}}"}
        found.warning((*at, "Default"), "'Default' has no effect: only text, a number or true or false can be one")
        return {"name": name, "value": f"${{get({variable})}}"}
    what = f"no step stores {shown_text(name)}{found.suggestion(name, stored)}" if name else "it has no 'Name'"
    found.warning(at, f"'Output' has no effect: {what}", on_key=True)
    return None


def _check_graph(found: Findings, steps: list[tuple[Location, dict[str, Any]]]) -> None:
    """Tell names that stand twice and edges to nowhere."""
    known = check_unique(found, "step", [(step["name"] or None, (*at, "Name")) for at, step in steps])
    for at, step in steps:
        for index, edge in enumerate(step.get("next", ())):
            if edge["step"] and edge["step"] not in known:
                hint = found.suggestion(edge["step"], known)
                found.error((*at, "Next", index, "Step"), f"{shown_text(edge['step'])} is no step{hint}")


def _leave_out_unreachable(found: Findings, at: Location, definition: dict[str, Any]) -> None:
    """Drop steps that no path comes to; in Dive they were no mistake."""
    outline = [
        Step.model_validate({"name": step["name"], "pass": True} | {k: step[k] for k in ("next", "end") if k in step})
        for step in definition["steps"]
    ]
    left_out = frozenset(unreachable_steps(outline, None))
    for index, step in enumerate(definition["steps"]):
        if step["name"] in left_out:
            place = (*at, "Steps", index, "Name")
            found.warning(place, f"no path leads to step {shown_text(step['name'])}; it is left out")
    definition["steps"] = [step for step in definition["steps"] if step["name"] not in left_out]


def _build(document: Document, file: str, at: Location, definition: dict[str, Any]) -> Workflow:
    """The model of a definition that passed all checks; should the model know better, its errors get a position too."""
    try:
        return Workflow.model_validate(definition)
    except ValidationError as error:
        position = document.positions.value(at)
        raise LoadError(
            Problem(file, *position, f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}".removeprefix(": "))
            for detail in error.errors(include_url=False, include_context=False)
        ) from error
