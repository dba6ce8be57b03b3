"""What an expression works on while it is evaluated: its names and counted limits, and the checks on values.

All limits are counts, never time: the same expression over the same values ends the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping, ValuesView
from collections.abc import Set as AbstractSet
from math import isfinite
from operator import eq
from typing import Any, NamedTuple

from engine.core.expression_errors import Fault, kind_of

MAX_OPERATIONS = 1_000_000
"""Steps an evaluation may take: parts evaluated in loops, items passed to functions, 64 characters of text."""
MAX_TEXT = 2_000_000
"""Characters a text, or all texts of a result together, may have."""
MAX_ITEMS = 200_000
"""Values a result may hold, nested ones included."""
MAX_INT_BITS = 4096
MAX_DEPTH = 200
"""Levels of lists and mappings inside each other."""

ATOMS = frozenset((type(None), bool, int, float, str))
NUMBERS = frozenset((bool, int, float))
WHOLE_NUMBERS = frozenset((bool, int))
SIZED = frozenset((str, list, tuple, dict, range, type({}.keys()), type({}.values()), type({}.items())))
SEQUENCES = frozenset((list, tuple))
UNBOUND: Any = object()
"""The value of a comprehension's variable before its loop has set it."""

_LARGEST_INT = 1 << MAX_INT_BITS
_LARGEST_STORED, _SMALLEST_STORED = 2**64 - 1, -(2**63)
_SHORT_TEXT = 256
_VIEWS = (KeysView, ValuesView, AbstractSet)
_LOOKED_UP = (Mapping, KeysView)


class Frame:
    """What names mean at one place: the evaluation's names, and the variables of the comprehensions around it.

    A comprehension gets a fresh frame each time it is entered, so that a generator that runs later still sees its own
    variables. Operations are counted in the outermost frame. (No slots: one is made per evaluation, and defaults that
    live in the class make that cheaper.)
    """

    outer: Frame
    values: list[Any]
    _root: Frame | None = None
    _operations_left = MAX_OPERATIONS

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names

    def inner(self, variables: int) -> Frame:
        """A frame inside this one, for a comprehension with that many variables."""
        frame = Frame(self.names)
        frame._root = self._root or self
        frame.outer = self
        frame.values = [UNBOUND] * variables
        return frame

    def spend(self, operations: int) -> None:
        """Count operations.

        Raises:
            Fault: the evaluation has taken more than MAX_OPERATIONS.
        """
        root = self._root or self
        root._operations_left -= operations
        if root._operations_left < 0:
            raise Fault(f"the expression takes more than {MAX_OPERATIONS:,} operations")


Closure = Callable[[Frame], Any]
"""A compiled node: it gives its value for a frame."""


def iterate(value: Any, frame: Frame) -> Iterator[Any]:
    """Go through a value, its items counted beforehand; an iterator was counted when it was made.

    Raises:
        Fault: the value has no items.
    """
    if value.__class__ in SIZED or isinstance(value, Mapping):
        frame.spend(len(value))
        return iter(value)
    if isinstance(value, Iterator):
        return value
    raise Fault(f"{kind_of(value)} has no items to go through")


class Size(NamedTuple):
    """How large a value is, everything in it included."""

    items: int
    characters: int
    """About as many as it has when it is made text."""

    @property
    def operations(self) -> int:
        """What walking it once counts."""
        return 1 + self.items + (self.characters >> 6)


def measure(value: Any, frame: Frame, *, as_text: bool = False) -> Size:
    """Count a whole value before something native walks it.

    Raises:
        Fault: it is too large or too deeply nested; with `as_text` also when it holds an iterator, whose text would
            name an address.
    """
    items, characters = 0, 0
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            kind = item.__class__
            if kind is str:
                characters += len(item)
            elif kind in ATOMS:
                characters += item.bit_length() // 3 if kind is int else 4
            elif kind is dict or isinstance(item, Mapping):
                frame.spend(2 * len(item))
                below += item
                below += item.values()
            elif kind in SEQUENCES or isinstance(item, _VIEWS):
                frame.spend(len(item))
                below += item
            elif as_text and isinstance(item, Iterator):
                raise Fault("an iterator has no text; make a list of it first, with list(...)")
        if not below:
            frame.spend(1 + (characters >> 6))
            return Size(items, characters)
        items += len(below)
        level = below
    raise Fault(f"a value is nested more than {MAX_DEPTH} levels deep")


def compare(operation: Callable[[Any, Any], Any], left: Any, right: Any, frame: Frame) -> bool:
    """Apply `==`, `!=` or an ordering to two values.

    Raises:
        Fault: the values have no order, or are too large.
    """
    kind = left.__class__
    if kind is str and right.__class__ is str:
        frame.spend(min(len(left), len(right)) >> 6)
    elif kind not in ATOMS:
        measure(left, frame)
    try:
        return bool(operation(left, right))
    except TypeError:
        raise Fault(_no_order(left, right)) from None


def _no_order(left: Any, right: Any) -> str:
    mine, other = kind_of(left), kind_of(right)
    if mine == other or {mine, other} == {"a number", "a boolean"}:
        return f"{mine} and {other} cannot be put in order"
    return f"{mine} cannot be compared with {other}"


def contains(container: Any, item: Any, frame: Frame) -> bool:
    """Whether `item in container`.

    Raises:
        Fault: the container holds nothing, or cannot be asked for such an item.
    """
    kind = container.__class__
    if kind is str:
        if item.__class__ is not str:
            raise Fault(f"text contains only text, not {kind_of(item)}")
        frame.spend(1 + (len(container) >> 4))
        return item in container
    if kind is dict or isinstance(container, _LOOKED_UP):
        check_key(item, frame)
        return item in container
    if kind is range and item.__class__ in WHOLE_NUMBERS:
        return item in container
    if kind in SIZED:
        if item.__class__ in NUMBERS or item is None or (item.__class__ is str and len(item) < _SHORT_TEXT):
            frame.spend(1 + len(container))
        else:
            measure(container, frame)
        return _found(container, item)
    if isinstance(container, Iterator):
        return any(each is item or compare(eq, each, item, frame) for each in container)
    raise Fault(f"'in' needs text, a list or a mapping to look into, not {kind_of(container)}")


def _found(container: Any, item: Any) -> bool:
    try:
        return item in container
    except TypeError:  # a mapping's items() hashes the key of what it looks for
        raise Fault("a list or a mapping cannot be a key") from None


def check_key(key: Any, frame: Frame) -> None:
    """Make sure that a value can be looked up in a mapping.

    Raises:
        Fault: it is a list, a mapping or holds one.
    """
    if key.__class__ in ATOMS:
        return
    if key.__class__ is tuple:
        measure(key, frame)  # hashing walks all of it
    try:
        hash(key)
    except TypeError:
        raise Fault(f"{kind_of(key)} cannot be a key") from None


def checked_number(value: Any) -> Any:
    """A number, when it is not beyond what an expression may hold.

    Raises:
        Fault: it is a whole number of more than MAX_INT_BITS bits.
    """
    if value.__class__ is int and not -_LARGEST_INT < value < _LARGEST_INT:
        raise Fault(f"a number has more than {MAX_INT_BITS:,} bits")
    return value


def check_text_size(characters: int, frame: Frame) -> None:
    """Count a text that is about to be made.

    Raises:
        Fault: it has more than MAX_TEXT characters.
    """
    if characters > MAX_TEXT:
        raise Fault(f"a text has more than {MAX_TEXT:,} characters")
    frame.spend(characters >> 6)


def to_text(value: Any, frame: Frame, convert: Callable[[Any], str] = str) -> str:
    """What `str`, `repr` or `ascii` makes of a value.

    Raises:
        Fault: it is or holds an iterator, or the text would be too long.
    """
    if value.__class__ is str and convert is str:
        text: str = value
        return text
    check_text_size(measure(value, frame, as_text=True).characters, frame)
    text = convert(value)
    check_text_size(len(text), frame)
    return text


class ResultWalk:
    """Makes JSON of a result: iterators, tuples and views become lists. What is JSON already is shared, not copied."""

    def __init__(self) -> None:
        self._values = 0
        self._characters = 0

    def plain(self, value: Any, depth: int = 0) -> Any:
        """The value as JSON.

        Raises:
            Fault: it is too large, too deeply nested, or something in it has no JSON form.
        """
        kind = value.__class__
        self._count(len(value) if kind is str else 0)
        if kind in ATOMS:
            return stored_atom(value)
        if depth >= MAX_DEPTH:
            raise Fault(f"the result is nested more than {MAX_DEPTH} levels deep")
        if kind is dict or isinstance(value, Mapping):
            return self._plain_mapping(value, depth + 1)
        if kind in SIZED or isinstance(value, Iterator):
            items, changed = [], kind is not list
            for item in value:
                stored = self.plain(item, depth + 1)
                changed = changed or stored is not item
                items.append(stored)
            return items if changed else value
        raise Fault(f"the result holds {kind_of(value)}, which is not JSON")

    def _plain_mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        items, changed = {}, value.__class__ is not dict
        for key, item in value.items():
            if key.__class__ is not str:
                raise Fault(f"the result is a mapping with {kind_of(key)} as a key; JSON keys are text")
            self._characters += len(key)
            stored = items[key] = self.plain(item, depth)
            changed = changed or stored is not item
        return items if changed else value

    def _count(self, characters: int) -> None:
        self._values += 1
        self._characters += characters
        if self._values > MAX_ITEMS:
            raise Fault(f"the result holds more than {MAX_ITEMS:,} values")
        if self._characters > MAX_TEXT:
            raise Fault(f"the texts of the result have more than {MAX_TEXT:,} characters")


def stored_atom(value: Any) -> Any:
    """A value without parts, when JSON can hold it.

    Raises:
        Fault: it is a whole number beyond 64 bits, an infinity or not a number.
    """
    if value.__class__ is int and not _SMALLEST_STORED <= value <= _LARGEST_STORED:
        raise Fault("the result holds a whole number beyond 64 bits")
    if value.__class__ is float and not isfinite(value):
        raise Fault(f"the result holds {value}, which is not a finite number")
    return value
