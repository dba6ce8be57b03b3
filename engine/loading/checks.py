"""Everything that can be said about a definition before it runs, malformed or not, all at once."""

from __future__ import annotations

from typing import Any

from engine.core.expression_errors import shown_text
from engine.loading.definition_shapes import INPUT_TYPES, WORKFLOW
from engine.loading.findings import Findings
from engine.loading.graph import check_graph, check_unique, outline
from engine.loading.inputs import NO_REFERENCE, is_reference, mismatch
from engine.loading.joins import check_joins
from engine.loading.names import check_names, stored_variables
from engine.loading.problems import INVALID, Location


def check_workflow(found: Findings, at: Location, definition: Any) -> None:
    """Check one workflow that stands at a location of a document of plain data (`INVALID` where a problem is known)."""
    WORKFLOW(found, at, definition)
    if not isinstance(definition, dict):
        return
    for kind, key in (("input", "inputs"), ("output", "outputs"), ("agent", "agents")):
        check_unique(found, kind, _names(definition.get(key), (*at, key)))
    _check_defaults(found, (*at, "inputs"), definition.get("inputs"))
    _check_agents(found, at, definition)
    nodes = outline(definition, at)
    check_graph(found, at, definition, nodes)
    stored = stored_variables(definition, nodes)
    check_joins(found, definition.get("steps"), nodes, stored)
    check_names(found, at, definition, nodes, stored)


def _names(entries: Any, at: Location) -> list[tuple[str | None, Location]]:
    named: list[tuple[str | None, Location]] = []
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, dict) else None
        named.append((name if isinstance(name, str) else None, (*at, index, "name")))
    return named


def _check_agents(found: Findings, at: Location, definition: dict[str, Any]) -> None:
    """Tell names that are almost those of declared agents; any other may be one of the project."""
    declared = [name for name, _ in _names(definition.get("agents"), at) if name is not None]
    steps = definition.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        agent = step.get("agent") if isinstance(step, dict) else None
        if isinstance(agent, str) and agent not in declared and (hint := found.suggestion(agent, declared)):
            found.warning((*at, "steps", index, "agent"), f"the workflow declares no agent {shown_text(agent)}{hint}")


def _check_defaults(found: Findings, at: Location, inputs: Any) -> None:
    for index, entry in enumerate(inputs if isinstance(inputs, list) else ()):
        if not isinstance(entry, dict):
            continue
        place = (*at, index, "default")
        is_secret = entry.get("secret") is True
        type_name, default = entry.get("type", "string"), entry.get("default")
        if is_secret and type_name in INPUT_TYPES and type_name != "string":
            found.error((*at, index, "type"), f"a secret input is of type string, not {type_name}")
        if default is None or default is INVALID:
            continue
        if is_secret:
            if not is_reference(default):
                # The sentence must not repeat what may be the secret itself.
                found.error(place, f"'default' {NO_REFERENCE}")
        elif type_name in INPUT_TYPES and (problem := mismatch(type_name, default)):
            found.error(place, f"'default' {problem}: the input is of type {type_name}")
        if entry.get("required") is True:
            found.warning(place, "the input is required, so this default is never used", on_key=True)
