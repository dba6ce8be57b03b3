"""Everything that can be said about a definition before it runs, malformed or not, all at once."""

from __future__ import annotations

from typing import Any

from engine.loading.findings import Findings
from engine.loading.graph import check_graph, check_unique, outline
from engine.loading.inputs import mismatch
from engine.loading.names import check_names
from engine.loading.problems import INVALID, Location
from engine.loading.shapes import INPUT_TYPES, WORKFLOW


def check_workflow(found: Findings, at: Location, definition: Any) -> None:
    """Check one workflow that stands at a location of a document of plain data (`INVALID` where a problem is known)."""
    WORKFLOW(found, at, definition)
    if not isinstance(definition, dict):
        return
    for kind, key in (("input", "inputs"), ("output", "outputs")):
        check_unique(found, kind, _names(definition.get(key), (*at, key)))
    _check_defaults(found, (*at, "inputs"), definition.get("inputs"))
    nodes = outline(definition, at)
    check_graph(found, at, definition, nodes)
    check_names(found, at, definition, nodes)


def _names(entries: Any, at: Location) -> list[tuple[str | None, Location]]:
    named: list[tuple[str | None, Location]] = []
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, dict) else None
        named.append((name if isinstance(name, str) else None, (*at, index, "name")))
    return named


def _check_defaults(found: Findings, at: Location, inputs: Any) -> None:
    for index, entry in enumerate(inputs if isinstance(inputs, list) else ()):
        if not isinstance(entry, dict) or entry.get("default") is None or entry["default"] is INVALID:
            continue
        place = (*at, index, "default")
        type_name = entry.get("type", "string")
        if type_name in INPUT_TYPES and (problem := mismatch(type_name, entry["default"])):
            found.error(place, f"'default' {problem}: the input is of type {type_name}")
        if entry.get("required") is True:
            found.warning(place, "the input is required, so this default is never used", on_key=True)
