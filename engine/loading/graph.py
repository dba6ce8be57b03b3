"""Checks of the step graph: names that stand twice, edges to nowhere, steps no path comes to, forks that collide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from engine.core.expression_errors import shown_text
from engine.loading.findings import Findings
from engine.loading.kinds import kind_of, waits_for
from engine.loading.problems import Location
from engine.model.step import FAIL

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


class Target(NamedTuple):
    """A step that a step leads to after a caught error or a timeout; `step` is None where it cannot be understood."""

    at: Location
    step: str | None


class Join(NamedTuple):
    """What a join waits for, as far as it can be understood."""

    paths: tuple[tuple[str, Location], ...]
    """The names of paths with their locations; none stand for all paths of the fork."""
    lets_others_go_on: bool
    """Whether paths it waits for may still run when it goes on."""

    def gathers(self, edges: Iterable[Edge]) -> bool:
        """Whether one path is left after it of the paths that start with these edges."""
        awaited = [path for path, _ in self.paths]
        others = [edge for edge in edges if edge.path not in awaited]
        unnamed = [edge for edge in others if edge.path is None]
        return not self.lets_others_go_on and (not awaited or (len(others) == len(unnamed) <= 1))


class Node(NamedTuple):
    """A step as far as it can be understood; `edges` is None where its successors are unclear."""

    at: Location
    name: str | None
    edges: tuple[Edge, ...] | None
    targets: tuple[Target, ...]
    stores: frozenset[str]
    """Variables it stores, with those of its `catch`."""
    join: Join | None
    forks: bool
    """Whether more than one of its edges may be taken."""
    is_contradictory: bool
    """Whether it both ends its path and leads on."""

    @property
    def is_clear(self) -> bool:
        """Whether its name and where it leads are known."""
        led_to = [*(edge.target for edge in self.edges or ()), *(target.step for target in self.targets)]
        return self.name is not None and self.edges is not None and all(led_to)


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
        return Node(at, None, None, (), frozenset(), None, False, False)
    return Node(
        at=at,
        name=name,
        edges=_edges(step, at, following),
        targets=tuple(_targets(step, at)),
        stores=frozenset(stored_by(step)),
        join=_join(step, at) if kind_of(step) == "join" else None,
        forks=step.get("edge_matching", "all") == "all",
        is_contradictory=step.get("end") is True and "next" in step,
    )


def _targets(step: Mapping[str, Any], at: Location) -> Iterator[Target]:
    for place, catch in listed(step, "catch", at):
        if isinstance(catch, dict):
            yield Target((*place, "step"), _text(catch.get("step")))
    if "on_timeout" in step and step["on_timeout"] != FAIL:
        yield Target((*at, "on_timeout"), _text(step["on_timeout"]))


def _join(step: Mapping[str, Any], at: Location) -> Join:
    key, value = waits_for(step, "join") or ("join", [])
    entries = [((*at, key), value)] if isinstance(value, str) else listed(step, key, at)
    paths = tuple((path, place) for place, path in entries if isinstance(path, str))
    return Join(paths, "count" in step and step.get("rest") != "cancel")


def stored_by(step: Mapping[str, Any]) -> Iterator[str]:
    """The variables a step stores when it has run or when an error was caught, as far as they can be read."""
    store = step.get("store")
    catches = [catch.get("store") for _, catch in listed(step, "catch", ()) if isinstance(catch, dict)]
    for variable in [*(store if isinstance(store, dict) else [store]), *catches]:
        if isinstance(variable, str):
            yield variable


def _edges(step: Mapping[str, Any], at: Location, following: str | None) -> tuple[Edge, ...] | None:
    """The edges of a step; `following` is the next listed step: its name, "" for none, None when malformed."""
    if "next" in step:
        return tuple(_edge(edge, place) for place, edge in listed(step, "next", at))
    if step.get("end") is True or following == "":
        return ()
    return None if following is None else (Edge(at, following, at, None, None),)


def listed(step: Mapping[str, Any], key: str, at: Location) -> Iterable[tuple[Location, Any]]:
    """What a step lists under a key that takes one thing or a list of them, each with its location."""
    entries = step.get(key)
    if isinstance(entries, list):
        return [((*at, key, index), entry) for index, entry in enumerate(entries)]
    return [((*at, key), entries)] if key in step else []


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
    led_to = [Target(edge.target_at, edge.target) for edge in node.edges or ()]
    for at, step in [*led_to, *node.targets]:
        if step is not None and step not in known:
            found.error(at, f"{shown_text(step)} is no step{found.suggestion(step, known)}")
    named = [(edge.path, (*edge.at, "path")) for edge in node.edges or () if isinstance(edge.path, str)]
    check_unique(found, "path", named)


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
            todo += [target.step for target in nodes[name].targets]
    return seen


def path_names(nodes: Iterable[Node]) -> dict[str, None]:
    """The names edges give to paths, in order."""
    return {edge.path: None for node in nodes for edge in node.edges or () if isinstance(edge.path, str)}


def contested(nodes: list[Node]) -> dict[str, tuple[str, str]]:
    """Variables that two paths which can run at once both store, each with the storing steps (maybe twice the same).

    Paths that a join gathers again compete for nothing: what they have stored is told apart by the join.
    Of more than a thousand steps nothing is said: the comparison would take too long.
    """
    if len(nodes) > _MOST_STEPS_COMPARED:
        return {}
    by_name = _by_name(nodes)
    stored: dict[str | None, dict[str, str]] = {}
    clashes: dict[str, tuple[str, str]] = {}
    for node in nodes:
        if not node.forks or _is_joined(node, by_name):
            continue
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


def _is_joined(fork: Node, nodes: Mapping[str, Node]) -> bool:
    """Whether a join that the paths of a fork can come to leaves one of them."""
    edges = fork.edges or ()
    gathering = {name for name, node in nodes.items() if node.join is not None and node.join.gathers(edges)}
    return bool(gathering) and any(gathering & _reach(nodes, edge.target) for edge in edges)


def _stored(nodes: Mapping[str, Node], start: str | None) -> dict[str, str]:
    """What a path that begins at a step may store, and the step that does."""
    reached = _reach(nodes, start)
    stored: dict[str, str] = {}
    for name, node in nodes.items():
        for variable in node.stores if name in reached else ():
            stored.setdefault(variable, name)
    return stored
