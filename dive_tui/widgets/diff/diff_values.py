"""What differs between two values as rows: the way to each change, what did not change folded.

Nothing is made before it is opened, so that rows cost what is shown of two values and not what they hold.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from dive_tui.widgets.diff.diff_rows import MISSING, NOBODY, Events, Kind, Row, Rows
from engine.replay.diffing.alignment import NAMES
from engine.replay.diffing.diff import Change, join_address

FEW = 2
"""So many unchanged members are shown as they are: a fold would save nothing."""
PAGE = 100
"""Members that one unfolding shows."""
_NAME = 40
"""The most characters of what a member of a list calls itself."""
_TEXT_LINES = 2_000
"""The most lines of two texts that are compared line by line."""

Key = str | int


class Marked(NamedTuple):
    """A change, the event that made it when one is known, and whether it is ignored."""

    change: Change
    by: Events = NOBODY
    ignored: bool = False


def value_rows(old: Any, new: Any, changes: Sequence[Marked], depth: int = 0, *, all_told: bool = True) -> list[Row]:
    """The rows of two values that differ in `changes`, everything on the way to one of them unfolded.

    Without `all_told` there are more differences, so that nothing can be said of what is not among them.
    """
    root = _Node("same" if all_told else "unknown")
    for marked in changes:
        if not marked.change.keys:
            return [_leaf(marked, "the value", depth)]
        root.add(marked)
    return _members(root, new, old, "", depth)


class _Node:
    """A place on the way to changes."""

    __slots__ = ("children", "count", "marked", "moved", "others", "removed")

    def __init__(self, others: Kind) -> None:
        self.others: Kind = others
        """What its other members are."""
        self.children: dict[Key, _Node] = {}
        self.removed: dict[Key, Marked] = {}
        """Removed members; of a list by their index in the old one, which is another count than the children's."""
        self.moved: dict[Key, Marked] = {}
        """Members that have another place; what of them changed besides is among the children."""
        self.marked: Marked | None = None
        self.count = 0

    def add(self, marked: Marked) -> None:
        """Take in a change below it."""
        node = self
        *way, last = marked.change.keys
        for key in way:
            node.count += not marked.ignored
            node = node.children.setdefault(key, _Node(self.others))
        node.count += not marked.ignored
        if marked.change.kind == "removed":
            node.removed[last] = marked
        elif marked.change.kind == "moved":
            node.moved[last] = marked
        else:
            node.children.setdefault(last, _Node(self.others)).marked = marked


def _members(node: _Node, new: Any, old: Any, address: str, depth: int) -> list[Row]:
    rows: list[Row] = []
    if isinstance(new, Mapping):
        _of_mapping(rows, node, new, old, address, depth)
    elif isinstance(new, list | tuple):
        _of_list(rows, node, new, old, address, depth)
    return rows


def _of_mapping(rows: list[Row], node: _Node, new: Mapping[str, Any], old: Any, address: str, depth: int) -> None:
    same: list[Key] = []
    for key in new:
        child = node.children.get(key)
        if child is None:
            same.append(key)
            continue
        rows += _others(node, new, same, address, depth)
        same = []
        rows.append(_touched(child, key, new[key], _get(old, key), address, depth))
    rows += _others(node, new, same, address, depth)
    rows += [_leaf(marked, str(key), depth) for key, marked in node.removed.items()]


def _of_list(rows: list[Row], node: _Node, new: Sequence[Any], old: Any, address: str, depth: int) -> None:
    """Members by their place in the new list; what was removed stands where it was."""
    at = 0
    for place, key, removed in _places(node):
        rows += _others(node, new, range(at, min(place, len(new))), address, depth)
        at = max(at, min(place, len(new)))
        if removed is not None:
            rows.append(_leaf(removed, _label(key, removed.change.old), depth))
        elif at < len(new):
            if key in node.moved:
                rows.append(_leaf(node.moved[key], _label(key, new[at]), depth))
            if key in node.children:
                rows.append(_touched(node.children[key], key, new[at], MISSING, address, depth))
            at += 1
    rows += _others(node, new, range(at, len(new)), address, depth)


def _places(node: _Node) -> list[tuple[int, int, Marked | None]]:
    """The touched members of a list in order: place in the new list, key, and the removal if it is one."""
    touched = sorted(key for key in {*node.children, *node.moved} if isinstance(key, int))
    nodes = {key: node.children.get(key) for key in touched}
    added = [key for key, child in nodes.items() if child and child.marked and child.marked.change.kind == "added"]
    places: list[tuple[int, int, Marked | None]] = [(key, key, None) for key in touched]
    passed = 0
    for gone, key in enumerate(sorted(key for key in node.removed if isinstance(key, int))):
        place = key - gone + passed
        while passed < len(added) and added[passed] < place:
            passed += 1
            place += 1
        places.append((place, key, node.removed[key]))
    return sorted(places, key=lambda entry: (entry[0], entry[2] is None, entry[1]))


def _touched(node: _Node, key: Key, new: Any, old: Any, address: str, depth: int) -> Row:
    label = _label(key, new)
    if node.marked is not None:
        return _leaf(node.marked, label, depth)
    here = join_address(address, key)

    def make() -> list[Row]:
        return _members(node, new, old, here, depth + 1)

    return Row(
        "branch",
        depth,
        label,
        here,
        old=old,
        new=new,
        count=node.count,
        ignored=not node.count,
        make=make,
        is_open=bool(node.count),
    )


def _leaf(marked: Marked, label: str, depth: int) -> Row:
    change = marked.change
    old = MISSING if change.kind == "added" else change.old
    new = MISSING if change.kind == "removed" else change.new
    make: Callable[[], Rows] | None = None
    if change.kind in ("added", "removed"):
        value = change.new if change.kind == "added" else change.old
        if _opens(value):
            make = _inner(change.kind, value, change.address, depth, marked)
    elif _is_long(old) and _is_long(new):

        def make() -> list[Row]:
            return _text_rows(change.old, change.new, depth + 1)

    return Row(
        change.kind,
        depth,
        label,
        change.address,
        old=old,
        new=new,
        by=marked.by,
        ignored=marked.ignored,
        make=make,
    )


def _inner(kind: Kind, value: Any, address: str, depth: int, marked: Marked | None = None) -> Callable[[], list[Row]]:
    """What is inside a value that is new, gone, or the same on both sides."""

    def make() -> list[Row]:
        keys: Sequence[Key] = list(value) if isinstance(value, Mapping) else range(len(value))
        return _page(kind, value, keys, address, depth + 1, marked)

    return make


def _others(node: _Node, container: Any, keys: Sequence[Key], address: str, depth: int) -> list[Row]:
    """Members without changes, folded where there are more than a few."""
    if len(keys) <= FEW:
        return [_member(node.others, container[key], key, address, depth, None) for key in keys]
    return [_stretch(node.others, container, keys, address, depth, None)]


def _stretch(kind: Kind, container: Any, keys: Sequence[Key], address: str, depth: int, marked: Marked | None) -> Row:
    def make() -> list[Row]:
        return _page(kind, container, keys, address, depth, marked)

    label = {"same": "unchanged", "unknown": "not compared"}.get(kind, "more")
    return Row("stretch", depth, label, address, count=len(keys), make=make)


def _page(
    kind: Kind, container: Any, keys: Sequence[Key], address: str, depth: int, marked: Marked | None
) -> list[Row]:
    """The first of many members, and the rest folded."""
    rows = [_member(kind, container[key], key, address, depth, marked) for key in keys[:PAGE]]
    if len(keys) > PAGE:
        rows.append(_stretch(kind, container, keys[PAGE:], address, depth, marked))
    return rows


def _member(kind: Kind, value: Any, key: Key, address: str, depth: int, marked: Marked | None) -> Row:
    here = join_address(address, key)
    return Row(
        kind,
        depth,
        _label(key, value),
        here,
        old=MISSING if kind in ("added", "unknown") else value,
        new=MISSING if kind == "removed" else value,
        by=marked.by if marked is not None else NOBODY,
        ignored=marked is not None and marked.ignored,
        inner=kind != "same",
        words="not compared" if kind == "unknown" else "",
        make=_inner(kind, value, here, depth, marked) if _opens(value) else None,
    )


def _text_rows(old: str, new: str, depth: int) -> list[Row]:
    """Two texts of several lines, line by line, with a few lines around what differs."""
    before, after = (list(islice(text.splitlines(), _TEXT_LINES)) for text in (old, new))
    rows = []
    for line in islice(difflib.unified_diff(before, after, n=2, lineterm=""), 2, None):
        sign, text = line[:1], line[1:]
        if sign == "@":
            rows.append(Row("text", depth, line))
        elif sign == "-":
            rows.append(Row("text", depth, "", old=text))
        elif sign == "+":
            rows.append(Row("text", depth, "", new=text))
        else:
            rows.append(Row("text", depth, "", old=text, new=text))
    return rows


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _opens(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and len(value) > 0


def _get(container: Any, key: Key) -> Any:
    return container.get(key, MISSING) if isinstance(container, Mapping) else MISSING


def _label(key: Key, value: Any) -> str:
    """The name of a member; of a list its place, and what it is called when it says so itself."""
    if not isinstance(key, int):
        return key
    if isinstance(value, Mapping):
        for name in NAMES:
            called = value.get(name)
            if isinstance(called, str) and called:
                return f"[{key}] {called[:_NAME]}"
    return f"[{key}]"
