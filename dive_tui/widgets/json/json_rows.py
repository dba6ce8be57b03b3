"""A JSON value as rows that unfold: only what a person opened is ever looked at.

A container of more than `GROUP` members opens into groups of at most so many, a long text into its lines, so many at
a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from dive_tui.app.text import display_lines, ellipsis, human_count
from dive_tui.widgets.json.json_text import text_size
from engine.replay.diffing.diff import join_address

GROUP = 100
LONG_TEXT = 48
"""Characters from which a text can be opened into its lines."""
TEXT_LINES = 200
"""So many lines of an opened text are shown at first, and again with every row that says there are more."""

Key = str | int
Place = tuple[Key | range, ...]
"""Where a row stands: keys and indexes from the root; a range is a group of members, or of lines of a text."""


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
        for key in keys_of(self.place):
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
    if depth and isinstance(value, list) and isinstance(before, list) and len(value) <= GROUP:
        pairs = zip(value, before, strict=False)
        return len(value) != len(before) or any(differs(new, old, depth - 1) for new, old in pairs)
    return type(value) is not type(before) or isinstance(value, Mapping | list | Lazy) or bool(value != before)


def opens(value: Any) -> bool:
    """Whether there is something to unfold."""
    if isinstance(value, str):
        return len(value) > LONG_TEXT or "\n" in value
    if isinstance(value, Lazy):
        return True
    return isinstance(value, Mapping | list | tuple) and len(value) > 0


def way_to(value: Any, keys: Sequence[Key]) -> list[Place]:
    """The places that must be open to see what these keys lead to, from the outermost, and behind them its own place.

    Raises:
        KeyError, IndexError, TypeError: they lead nowhere.
    """
    place: Place = ()
    way: list[Place] = []
    for key in keys:
        if isinstance(value, Lazy):
            value = value.make()
        at = list(value).index(key) if isinstance(value, Mapping) else int(key)
        part = range(len(value))
        while len(part) > GROUP:
            size = _group_size(len(part))
            start = part.start + (at - part.start) // size * size
            part = range(start, min(start + size, part.stop))
            place = (*place, part)
            way.append(place)
        place = (*place, key)
        way.append(place)
        value = value[key]
    return way


def keys_of(place: Place) -> tuple[Key, ...]:
    """A place without the groups on the way: the keys that lead there."""
    return tuple(key for key in place if not isinstance(key, range))


def _members(
    value: Any, before: Any, place: Place, depth: int, is_open: Callable[[Place], bool], width: int
) -> Iterator[JsonRow]:
    """The rows of what is inside a value."""
    if isinstance(value, Lazy):
        value = before = value.make()
    if isinstance(value, str):
        yield from _text_lines(value, place, depth, is_open, width)
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
    size = _group_size(len(part))
    for start in range(part.start, part.stop, size):
        group = range(start, min(start + size, part.stop))
        here = (*place, group)
        opened = is_open(here)
        label = f"{human_count(group.start)} – {human_count(group.stop - 1)}"
        yield JsonRow(here, depth, label, MISSING, MISSING, True, opened)
        if opened:
            yield from _grouped(value, before, here, depth + 1, is_open, width, keys, group)


def _group_size(count: int) -> int:
    """How many members a group of a container with more than `GROUP` has."""
    size = GROUP
    while size * GROUP < count:
        size *= GROUP
    return size


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


def _text_lines(
    value: str, place: Place, depth: int, is_open: Callable[[Place], bool], width: int
) -> Iterator[JsonRow]:
    lines = display_lines(value, max(10, width - 2 * depth - 4))
    following = next(lines, None)
    for number in count():
        if following is None:
            return
        if number and number % TEXT_LINES == 0:
            page = (*place, range(number, number + TEXT_LINES))
            if not is_open(page):
                rest = f"{ellipsis()} more of {text_size(value)}, enter shows the next {TEXT_LINES} lines"
                yield JsonRow(page, depth, "", rest, rest, True, False)
                return
        yield JsonRow((*place, number), depth, "", following, following, False, False)
        following = next(lines, None)
