"""Checks of joins: are there the paths they wait for, and do their mappings take from these."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.core.expression_errors import shown_text
from engine.loading.findings import Findings
from engine.loading.graph import Join, Node, check_unique, path_names
from engine.loading.problems import Location
from engine.loading.shapes import VARIABLE


def check_joins(found: Findings, steps: Any, nodes: list[Node], stored: Collection[str] | None) -> None:
    """Check the joins among the steps of a definition; `stored` are its variables, None when that cannot be said."""
    declared = path_names(nodes)
    forks = [{*path_names([node])} for node in nodes]
    for node in nodes:
        if node.join is not None:
            _check_paths(found, node.join, declared)
            _check_fork(found, node.join, declared, forks)
            step = steps[node.at[-1]]
            _check_count(found, (*node.at, "count"), step.get("count"), node.join)
            _check_mappings(found, (*node.at, "mappings"), step.get("mappings"), node.join, declared, stored)


def joined_variables(step: Mapping[str, Any], join: Join, declared: Collection[str]) -> list[Any]:
    """The variables a join adds: those its mappings name, without mappings one for each path it waits for."""
    mappings = step.get("mappings") or None
    if mappings is None:
        return [path for path, _ in join.paths] or [*declared]
    return [*mappings.values()] if isinstance(mappings, dict) else [None]


def _check_paths(found: Findings, join: Join, declared: Collection[str]) -> None:
    check_unique(found, "path", join.paths)
    for path, at in join.paths:
        if path and path not in declared:
            found.error(at, f"no edge starts a path {shown_text(path)}{found.suggestion(path, declared)}")


def _check_fork(found: Findings, join: Join, declared: Mapping[str, Any], forks: list[set[str]]) -> None:
    awaited = {path for path, _ in join.paths}
    if len(awaited) > 1 and awaited <= declared.keys() and not any(awaited <= fork for fork in forks):
        message = "no step forks into all these paths; the join waits only for those of one fork"
        found.warning(join.paths[0][1], message)


def _check_count(found: Findings, at: Location, count: Any, join: Join) -> None:
    named = len({path for path, _ in join.paths})
    if named and isinstance(count, int) and count > named:
        paths = "one path" if named == 1 else f"{named} paths"
        found.error(at, f"'count' must not be more than the {paths} the join waits for, and is {count}")


def _check_mappings(
    found: Findings, at: Location, mappings: Any, join: Join, declared: Collection[str], stored: Collection[str] | None
) -> None:
    if not isinstance(mappings, dict):
        return
    awaited = [path for path, _ in join.paths]
    for key in mappings:
        path, _, variable = key.partition(".")
        place = (*at, key)
        if not path or not VARIABLE.fullmatch(variable):
            message = f"a key of 'mappings' is 'path.variable'; {shown_text(key)} is not"
        elif awaited and path not in awaited:
            message = f"the join does not wait for a path {shown_text(path)}{found.suggestion(path, awaited)}"
        elif path not in declared:
            message = f"no edge starts a path {shown_text(path)}{found.suggestion(path, declared)}"
        else:
            if stored is not None and variable not in stored:
                hint = found.suggestion(variable, stored)
                found.warning(place, f"no step stores {shown_text(variable)}{hint}", on_key=True)
            continue
        found.error(place, message, on_key=True)
    check_unique(found, "mapped variable", [(_text(name), (*at, key)) for key, name in mappings.items()])


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
