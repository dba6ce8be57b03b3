"""Checks of the step graph: names that stand twice, edges to nowhere, steps no path comes to, forks that collide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engine.core.expression_errors import shown_text
from engine.loading.findings import Findings
from engine.loading.problems import Location

_MOST_STEPS_COMPARED = 1000


class Edge(NamedTuple):
    """An edge as far as it can be understood; `target` is None where it cannot."""

    at: Location
    target: str | None
    target_at: Location
    condition: Any
    path: Any

    @property
    def may_join_others(self) -> bool:
        """Whether it can be true beside any other edge; two mere conditions are taken for alternatives."""
        return self.condition is None or self.path is not None


class Node(NamedTuple):
    """A step as far as it can be understood; `edges` is None where its successors are unclear."""

    at: Location
    name: str | None
    edges: tuple[Edge, ...] | None
    store: str | None
    is_contradictory: bool
    """Whether it both ends its path and leads on."""

    @property
    def is_clear(self) -> bool:
        """Whether its name and where it leads are known."""
        return self.name is not None and self.edges is not None and all(edge.target for edge in self.edges)


def outline(definition: Mapping[str, Any], at: Location) -> list[Node]:
    """The graph of a definition whose parts may be malformed."""
    steps = definition.get("steps")
    if not isinstance(steps, list):
        return []
    names = [_text(step.get("name")) if isinstance(step, dict) else None for step in steps]
    following = [*names[1:], ""]
    return [_node(step, (*at, "steps", index), names[index], following[index]) for index, step in enumerate(steps)]


def _node(step: Any, at: Location, name: str | None, following: str | None) -> Node:
    if not isinstance(step, dict):
        return Node(at, None, None, None, False)
    contradictory = step.get("end") is True and "next" in step
    return Node(at, name, _edges(step, at, following), _text(step.get("store")), contradictory)


def _edges(step: Mapping[str, Any], at: Location, following: str | None) -> tuple[Edge, ...] | None:
    """The edges of a step; `following` is the next listed step: its name, "" for none, None when malformed."""
    if "next" in step:
        return tuple(_edge(edge, place) for place, edge in listed_edges(step, at))
    if step.get("end") is True or following == "":
        return ()
    return None if following is None else (Edge(at, following, at, None, None),)


def listed_edges(step: Mapping[str, Any], at: Location) -> Iterable[tuple[Location, Any]]:
    """The edges a step lists, each with its location."""
    edges = step.get("next")
    if isinstance(edges, list):
        return [((*at, "next", index), edge) for index, edge in enumerate(edges)]
    return [((*at, "next"), edges)] if "next" in step else []


def _edge(edge: Any, at: Location) -> Edge:
    if isinstance(edge, dict):
        return Edge(at, _text(edge.get("step")), (*at, "step"), edge.get("condition"), edge.get("path"))
    return Edge(at, _text(edge), at, None, None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def check_graph(found: Findings, at: Location, definition: Mapping[str, Any], nodes: list[Node]) -> None:
    """Tell everything about the graph that keeps it from being run; unreachable steps only when nothing else is."""
    errors_before = found.errors
    known = check_unique(found, "step", [(node.name, (*node.at, "name")) for node in nodes])
    start = definition.get("start")
    if isinstance(start, str) and start not in known:
        found.error(
            (*at, "start"), f"'start' names {shown_text(start)}, which is no step{found.suggestion(start, known)}"
        )
    for node in nodes:
        _check_edges(found, node, known)
    clear = nodes and all(node.is_clear for node in nodes) and isinstance(start, (str, type(None)))
    if clear and found.errors == errors_before:
        first = start if isinstance(start, str) else nodes[0].name
        reached = _reach(_by_name(nodes), first)
        for node in nodes:
            if node.name is not None and node.name not in reached:
                found.error((*node.at, "name"), f"no path leads to step {shown_text(node.name)}")


def _check_edges(found: Findings, node: Node, known: Mapping[str, Location]) -> None:
    if node.is_contradictory:
        found.error((*node.at, "end"), "a step has either 'end: true' or 'next', not both", on_key=True)
    paths: list[tuple[str | None, Location]] = []
    for edge in node.edges or ():
        if edge.target is not None and edge.target not in known:
            hint = found.suggestion(edge.target, known)
            found.error(edge.target_at, f"{shown_text(edge.target)} is no step{hint}")
        if isinstance(edge.path, str):
            paths.append((edge.path, (*edge.at, "path")))
    check_unique(found, "path", paths)


def check_unique(found: Findings, kind: str, named: Iterable[tuple[str | None, Location]]) -> dict[str, Location]:
    """Tell names that stand twice; the result has each name's first location."""
    first: dict[str, Location] = {}
    for name, at in named:
        if name is None:
            continue
        if name in first:
            found.error(at, f"a second {kind} is named {shown_text(name)}", first=first[name])
        else:
            first[name] = at
    return first


def _by_name(nodes: Iterable[Node]) -> dict[str, Node]:
    return {node.name: node for node in nodes if node.name is not None}


def _reach(nodes: Mapping[str, Node], start: str | None) -> set[str]:
    """Names of the steps paths can come to from a step, itself included."""
    seen: set[str] = set()
    todo: list[str | None] = [start]
    while todo:
        name = todo.pop()
        if name is not None and name in nodes and name not in seen:
            seen.add(name)
            todo += [edge.target for edge in nodes[name].edges or ()]
    return seen


def contested(nodes: list[Node]) -> dict[str, tuple[str, str]]:
    """Variables that two paths which can run at once both store, each with the storing steps (maybe twice the same).

    Of more than a thousand steps nothing is said: the comparison would take too long.
    """
    if len(nodes) > _MOST_STEPS_COMPARED:
        return {}
    by_name = _by_name(nodes)
    stored: dict[str | None, dict[str, str]] = {}
    clashes: dict[str, tuple[str, str]] = {}
    for node in nodes:
        before: dict[str, str] = {}
        before_joining: dict[str, str] = {}
        for edge in node.edges or ():
            if edge.target not in stored:
                stored[edge.target] = _stored(by_name, edge.target)
            own = stored[edge.target]
            others = before if edge.may_join_others else before_joining
            for variable in own.keys() & others.keys():
                clashes.setdefault(variable, (others[variable], own[variable]))
            before = own | before
            if edge.may_join_others:
                before_joining = own | before_joining
    return clashes


def _stored(nodes: Mapping[str, Node], start: str | None) -> dict[str, str]:
    """What a path that begins at a step may store, and the step that does."""
    reached = _reach(nodes, start)
    stored: dict[str, str] = {}
    for name, node in nodes.items():
        if name in reached and node.store is not None:
            stored.setdefault(node.store, name)
    return stored
