"""A JSON value as rows that unfold: only what a person opened is ever looked at.

A container of more than `GROUP` members opens into groups of at most so many, a long text into its lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from dive_tui.app.text import display_lines, ellipsis, human_count
from dive_tui.widgets.json_text import text_size
from engine.replay.diff import join_address

GROUP = 100
LONG_TEXT = 48
"""Characters from which a text can be opened into its lines."""
TEXT_LINES = 500
"""The most lines of an opened text."""

Key = str | int
Place = tuple[Key | range, ...]
"""Where a row stands: keys and indexes from the root; a range is a group of members."""


class Missing:
    """Stands for no value."""


MISSING = Missing()


class Lazy:
    """A value that costs something to make; it is made when it is opened."""

    def __init__(self, make: Callable[[], Any], size: str = "") -> None:
        self.make = make
        self.size = size
        """What to show of it while it is folded."""


class JsonRow(NamedTuple):
    """One row: a member, a group of members, or a line of an opened text."""

    place: Place
    depth: int
    label: str
    """Its key, index or group; empty for a line of text."""
    value: Any
    before: Any
    """What stood there before; `MISSING` when nothing did, the same object when nothing changed."""
    opens: bool
    """Whether it can be unfolded."""
    is_open: bool

    @property
    def mark(self) -> str:
        """`added` or `changed` against what stood there before, else empty."""
        if self.before is MISSING:
            return "" if self.value is MISSING else "added"
        return "changed" if differs(self.value, self.before) else ""

    @property
    def address(self) -> str:
        """How the value is named: `paths.main.variables.cart.items[0]`."""
        address = ""
        for key in self.place:
            if not isinstance(key, range):
                address = join_address(address, key)
        return address


def rows_of(value: Any, before: Any, is_open: Callable[[Place], bool], width: int) -> list[JsonRow]:
    """The rows of a value whose opened places are known; texts are wrapped to `width` cells."""
    return list(_members(value, before, (), 0, is_open, width))


def differs(value: Any, before: Any, depth: int = 4) -> bool:
    """Whether two values differ; containers that are not the same object count as different deep down."""
    if value is before:
        return False
    if depth and isinstance(value, Mapping) and isinstance(before, Mapping) and len(value) <= GROUP:
        return value.keys() != before.keys() or any(differs(value[key], before[key], depth - 1) for key in value)
    return type(value) is not type(before) or isinstance(value, Mapping | list | Lazy) or bool(value != before)


def opens(value: Any) -> bool:
    """Whether there is something to unfold."""
    if isinstance(value, str):
        return len(value) > LONG_TEXT or "\n" in value
    if isinstance(value, Lazy):
        return True
    return isinstance(value, Mapping | list | tuple) and len(value) > 0


def _members(
    value: Any, before: Any, place: Place, depth: int, is_open: Callable[[Place], bool], width: int
) -> Iterator[JsonRow]:
    """The rows of what is inside a value."""
    if isinstance(value, Lazy):
        value = before = value.make()
    if isinstance(value, str):
        yield from _text_lines(value, place, depth, width)
    elif isinstance(value, Mapping):
        keys: Sequence[Key] = list(value)
        yield from _grouped(value, before, place, depth, is_open, width, keys, range(len(keys)))
    elif isinstance(value, list | tuple):
        yield from _grouped(value, before, place, depth, is_open, width, range(len(value)), range(len(value)))


def _grouped(
    value: Any,
    before: Any,
    place: Place,
    depth: int,
    is_open: Callable[[Place], bool],
    width: int,
    keys: Sequence[Key],
    part: range,
) -> Iterator[JsonRow]:
    """The members of a container within `part`, in groups when there are many."""
    if len(part) <= GROUP:
        for key in keys[part.start : part.stop]:
            yield from _row(value[key], _member(before, key), (*place, key), key, depth, is_open, width)
        return
    size = GROUP
    while size * GROUP < len(part):
        size *= GROUP
    for start in range(part.start, part.stop, size):
        group = range(start, min(start + size, part.stop))
        here = (*place, group)
        opened = is_open(here)
        label = f"{human_count(group.start)} – {human_count(group.stop - 1)}"
        yield JsonRow(here, depth, label, MISSING, MISSING, True, opened)
        if opened:
            yield from _grouped(value, before, here, depth + 1, is_open, width, keys, group)


def _row(
    value: Any, before: Any, place: Place, key: Key, depth: int, is_open: Callable[[Place], bool], width: int
) -> Iterator[JsonRow]:
    unfolds = opens(value)
    opened = unfolds and is_open(place)
    label = f"[{key}]" if isinstance(key, int) else key
    yield JsonRow(place, depth, label, value, before, unfolds, opened)
    if opened:
        yield from _members(value, before, place, depth + 1, is_open, width)


def _member(container: Any, key: Key) -> Any:
    if isinstance(container, Mapping):
        return container.get(key, MISSING)
    if isinstance(container, list | tuple) and isinstance(key, int) and key < len(container):
        return container[key]
    return MISSING


def _text_lines(value: str, place: Place, depth: int, width: int) -> Iterator[JsonRow]:
    lines = display_lines(value, max(10, width - 2 * depth - 4))
    for number, line in enumerate(islice(lines, TEXT_LINES)):
        yield JsonRow((*place, number), depth, "", line, line, False, False)
    if next(lines, None) is not None:
        rest = f"{ellipsis()} the rest of {text_size(value)}"
        yield JsonRow((*place, TEXT_LINES), depth, "", rest, rest, False, False)
