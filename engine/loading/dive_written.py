"""Parts of expressions as they are written anew, and what can be known about them."""

from __future__ import annotations

import keyword
from typing import NamedTuple

from engine.loading.dive_calls import ATOM, SIGN, Kind
from engine.loading.dive_nodes import Binary, Call, Group, Literal, Name, Node


class Written(NamedTuple):
    """Text of an expression, how tight it holds together, and what kind of value it has, if known."""

    text: str
    level: int = ATOM
    kind: Kind = ""

    def at(self, level: int) -> str:
        """The text for a place that needs this tightness."""
        return self.text if self.level >= level else f"({self.text})"


def written_literal(value: str | int | float | bool | None) -> Written:
    """A constant."""
    if value is None:
        return Written("None", ATOM, "none")
    if isinstance(value, bool):
        return Written(str(value), ATOM, "bool")
    if isinstance(value, str):
        return Written(repr(value), ATOM, "text")
    return Written(repr(value), SIGN, "int" if isinstance(value, int) else "float")


def written_key(base: str, key: str) -> str:
    """`base.key`, where the key is no word of the language."""
    usable = key.isidentifier() and key.isascii() and not keyword.iskeyword(key)
    return f"{base}.{key}" if usable else f"{base}[{key!r}]"


def inner(node: Node) -> Node:
    """The part without the parentheses around it."""
    while isinstance(node, Group):
        node = node.inner
    return node


def quotient_in(node: Node) -> Binary | None:
    """The division that a part is."""
    found = inner(node)
    return found if isinstance(found, Binary) and found.operator == "/" else None


def divisibility(left: Node, right: Node) -> Binary | None:
    """The remainder that is compared with 0: there its sign means nothing."""
    zero = isinstance(right, Literal) and type(right.value) is int and right.value == 0
    return left if zero and isinstance(left, Binary) and left.operator == "%" else None


def never_negative(node: Node) -> bool:
    """Whether a part is certainly 0 or more."""
    match inner(node):
        case Literal(value=int() | float() as value):
            return value >= 0
        case Call(function=Name(name="len")):
            return True
    return False


def arithmetic_kind(left: Written, right: Written) -> Kind:
    """What kind of value an operator gives for two others, as far as theirs is known."""
    kinds = {left.kind, right.kind}
    if "float" in kinds and kinds <= {"float", "int", ""}:
        return "float"
    if len(kinds) == 1 and kinds <= {"int", "text", "list"}:
        return left.kind
    return ""
