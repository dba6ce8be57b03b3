"""Checks of steps that run other workflows: is there such a workflow, and does it get the inputs it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.core.expression_errors import shown_text
from engine.loading.definition_shapes import INPUT_TYPES
from engine.loading.findings import Findings
from engine.loading.inputs import NO_REFERENCE, is_reference, mismatch
from engine.loading.problems import INVALID, Location


def check_children(found: Findings, places: Sequence[tuple[Location, Any]]) -> None:
    """Check the child workflows of all definitions of a file, each given with its location."""
    definitions = [definition for _, definition in places if isinstance(definition, dict)]
    by_name = {name: definition for definition in definitions if isinstance(name := definition.get("name"), str)}
    if len(by_name) < len(places):
        return  # one that cannot be read, or two of one name, which is told
    for at, definition in places:
        for place, step in _child_steps(definition, at):
            child = by_name.get(step["workflow"])
            if child is not None:
                _check_inputs(found, place, step, child)
            else:
                _tell_unknown(found, (*place, "workflow"), step["workflow"], by_name)


def _child_steps(definition: Mapping[str, Any], at: Location) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    steps = definition.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict) and isinstance(step.get("workflow"), str) and step["workflow"]:
            yield (*at, "steps", index), step


def _tell_unknown(found: Findings, at: Location, name: str, known: Mapping[str, Any]) -> None:
    hint = found.suggestion(name, known)
    if len(known) > 1:
        found.error(at, f"the file holds no workflow {shown_text(name)}{hint}")
    else:
        found.warning(at, f"the file holds no workflow {shown_text(name)}; it must be registered in Python{hint}")


def _check_inputs(found: Findings, at: Location, step: Mapping[str, Any], child: Mapping[str, Any]) -> None:
    """Compare a step's parameters with the inputs of the workflow it runs; templates are not looked into."""
    inputs, given = child.get("inputs", []), step.get("parameters", {})
    if not isinstance(given, dict) or not isinstance(inputs, list):
        return
    if not all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in inputs):
        return
    declared = {entry["name"]: entry for entry in inputs}
    called = f"workflow {shown_text(step['workflow'])}"
    for name, value in given.items():
        place = (*at, "parameters", name)
        if name not in declared:
            hint = found.suggestion(name, declared)
            found.error(place, f"{called} has no input {shown_text(name)}{hint}", on_key=True)
        elif problem := _mismatch(declared[name], value):
            found.error(place, f"input {shown_text(name)} of {called} {problem}")
    for name, entry in declared.items():
        if name not in given and entry.get("required", "default" not in entry) is True:
            found.error((*at, "workflow"), f"{called} needs input {shown_text(name)}; give it in 'parameters'")


def _mismatch(declared: Mapping[str, Any], value: Any) -> str | None:
    """Why a literal value does not suit an input, as the end of a sentence."""
    if value is None or value is INVALID or (isinstance(value, str) and "${" in value):
        return None
    if declared.get("secret") is True:
        return None if is_reference(value) else NO_REFERENCE
    type_name = declared.get("type", "string")
    return mismatch(type_name, value) if type_name in INPUT_TYPES else None
