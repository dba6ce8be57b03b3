"""The parts Risor expressions consist of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """A part of an expression, from `start` to `end` in the text."""

    start: int
    end: int


@dataclass(frozen=True)
class Literal(Node):
    """None, a boolean, a number or text."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Name(Node):
    """A name."""

    name: str


@dataclass(frozen=True)
class Pieces(Node):
    """Text with interpolated expressions."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True)
class Group(Node):
    """Something in parentheses."""

    inner: Node


@dataclass(frozen=True)
class ListOf(Node):
    """`[a, b]`"""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class MapOf(Node):
    """`{a: 1}`"""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True)
class Attribute(Node):
    """`base.name`"""

    base: Node
    name: str


@dataclass(frozen=True)
class Index(Node):
    """`base[key]`"""

    base: Node
    key: Node


@dataclass(frozen=True)
class Slice(Node):
    """`base[low:high]`"""

    base: Node
    low: Node | None
    high: Node | None


@dataclass(frozen=True)
class Call(Node):
    """`function(arguments)`"""

    function: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Unary(Node):
    """`!a`, `-a`"""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """`a operator b`; the operator stands at `at`."""

    operator: str
    at: int
    left: Node
    right: Node


@dataclass(frozen=True)
class Choice(Node):
    """`test ? chosen : other`; the question mark (or `if`) stands at `at`."""

    at: int
    test: Node
    chosen: Node
    other: Node
