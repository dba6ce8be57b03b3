"""From syntax tree to closures: names, literals, operators, choices. Every node becomes a function of a Frame."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from engine.core.expression_errors import ExpressionError, ExpressionSyntaxError, Fault, kind_of, suggestion
from engine.core.expression_functions import FUNCTIONS
from engine.core.expression_source import ParsedSource
from engine.core.expression_values import (
    UNBOUND,
    Closure,
    Frame,
    check_key,
    checked_number,
)

MAX_NESTING = 100
"""Levels of syntax inside each other."""

_SPECIAL_FORMS = ("get", "has")
_CALLABLE_NAMES = (*FUNCTIONS, *_SPECIAL_FORMS)
_FOREIGN_CONSTANTS = {"true": "True", "false": "False", "null": "None", "nil": "None", "none": "None"}


class Builder:
    """Builds the closures of one expression, and knows what its names mean and where its nodes stand."""

    def __init__(self, source: ParsedSource, language: Language) -> None:
        self.source = source
        self._language = language
        self.roots: set[str] = set()
        self.scopes: list[dict[str, int]] = []
        """The variables of the comprehensions around the current node, outermost first: name to place in the frame."""
        self._nesting = 0

    def build(self, node: ast.expr) -> Closure:
        """The closure of a node.

        Raises:
            ExpressionSyntaxError: the node is not part of the language, or is nested too deeply.
        """
        build = self._language.get(type(node))
        if build is None:
            raise self.refusal(refused_syntax(node), node)
        if self._nesting >= MAX_NESTING:
            raise self.refusal(f"the expression is nested more than {MAX_NESTING} levels deep", node)
        self._nesting += 1
        closure = build(self, node)
        self._nesting -= 1
        return closure

    def is_variable(self, name: str) -> bool:
        """Whether a comprehension around the current node sets that name."""
        return any(name in scope for scope in self.scopes)

    def column(self, node: ast.expr) -> int:
        """The 1-based column of a node's first character."""
        return self.source.start(node) + 1

    def operator_column(self, left: ast.expr, symbol: str) -> int:
        """The 1-based column of the operator after a node."""
        found = self.source.text.find(symbol, self.source.end(left))
        return (found if found >= 0 else self.source.start(left)) + 1

    def text(self, node: ast.expr) -> str:
        """A node as it is written, in one line and at most 40 characters, for use in a sentence."""
        text = " ".join(self.source.text[self.source.start(node) : self.source.end(node)].split())
        text = text if text.isprintable() else repr(text)[1:-1]
        return text if len(text) <= 40 else text[:39] + "…"

    def refusal(self, message: str, node: ast.expr) -> ExpressionSyntaxError:
        """The error for something that is not part of the language."""
        return self.source.error(message, self.source.start(node))

    def error(self, fault: Fault, column: int) -> ExpressionError:
        """The error an evaluation ends with: a fault, and where it happened."""
        return ExpressionError(fault.message, column, self.source.text)


Language = Mapping[type[ast.expr], Callable[[Builder, Any], Closure]]
"""What each kind of node is built by; a kind that is not in it is not part of the language."""


def refused_syntax(node: ast.expr) -> str:
    """A sentence about syntax of Python that expressions leave out."""
    return _REFUSED.get(type(node), "this is not part of expressions")


_REFUSED: dict[type[ast.expr], str] = {
    ast.Lambda: "lambda is not part of expressions; write a comprehension",
    ast.NamedExpr: "':=' is not part of expressions; they assign nothing",
    ast.Set: "a set is not JSON; write a list",
    ast.SetComp: "a set is not JSON; write a list",
    ast.Starred: "'*' before a value is not part of expressions; join lists with +",
    ast.Slice: "a slice stands only in brackets after a value",
    ast.Await: "await is not part of expressions",
    ast.Yield: "yield is not part of expressions",
    ast.YieldFrom: "yield is not part of expressions",
}


def build_constant(builder: Builder, node: ast.Constant) -> Closure:
    """None, True, False, a number or text."""
    value = node.value
    if not isinstance(value, str | int | float) and value is not None:
        what = {bytes: "bytes are", complex: "a complex number is"}.get(type(value), "'...' is")
        raise builder.refusal(f"{what} not JSON", node)
    if isinstance(value, str) and not _encodable(value):
        raise builder.refusal("half of a surrogate pair is not a character", node)
    if isinstance(value, float) and not isfinite(value):
        raise builder.refusal("the number is too large", node)
    try:
        checked_number(value)
    except Fault as fault:
        raise builder.refusal(str(fault.message), node) from None
    return lambda frame: value


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def build_name(builder: Builder, node: ast.Name) -> Closure:
    """A variable of a comprehension around it, else one of the names an evaluation is given."""
    name, column = node.id, builder.column(node)
    for levels, scope in enumerate(reversed(builder.scopes)):
        if name in scope:
            return _local(builder, name, levels, scope[name], column)
    if name in _FOREIGN_CONSTANTS:
        raise builder.refusal(f"write {_FOREIGN_CONSTANTS[name]} instead of {name!r}", node)
    builder.roots.add(name)

    def root(frame: Frame) -> Any:
        try:
            return frame.names[name]
        except KeyError:
            names = frame.names
        raise builder.error(Fault(lambda: _unknown_name(name, names)), column)

    return root


def _unknown_name(name: str, names: Any) -> str:
    if name in _CALLABLE_NAMES:
        return f"{name} is a function; call it: {name}(...)"
    hint = suggestion(name, [*names, *_CALLABLE_NAMES])
    known = ", ".join(str(key)[:20] for key in list(names)[:5])
    return f"there is no {name[:60]!r} here" + (hint or (f"; there is {known}" if known else ""))


def _local(builder: Builder, name: str, levels: int, place: int, column: int) -> Closure:
    def local(frame: Frame) -> Any:
        for _ in range(levels):
            frame = frame.outer
        value = frame.values[place]
        if value is UNBOUND:
            raise builder.error(Fault(f"{name!r} is used before its loop has set it"), column)
        return value

    def nearest_local(frame: Frame) -> Any:
        value = frame.values[place]
        return value if value is not UNBOUND else local(frame)

    return local if levels else nearest_local


def build_list(builder: Builder, node: ast.List) -> Closure:
    """`[a, b]`"""
    items = [builder.build(item) for item in node.elts]
    return lambda frame: [item(frame) for item in items]


def build_tuple(builder: Builder, node: ast.Tuple) -> Closure:
    """`(a, b)`; as a result it is a list."""
    items = [builder.build(item) for item in node.elts]
    return lambda frame: tuple([item(frame) for item in items])


def build_dict(builder: Builder, node: ast.Dict) -> Closure:
    """`{key: value, **mapping}`"""
    pairs = [
        (builder.build(key) if key else None, builder.build(value), builder.column(key or value))
        for key, value in zip(node.keys, node.values, strict=True)
    ]
    spread = FUNCTIONS["dict"].call

    def display(frame: Frame) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key, value, column in pairs:
            try:
                if key is None:
                    mapping = value(frame)
                    if not isinstance(mapping, Mapping):
                        raise Fault(f"'**' needs a mapping, not {kind_of(mapping)}")
                    result.update(spread(frame, mapping))
                else:
                    name = key(frame)
                    check_key(name, frame)
                    result[name] = value(frame)
            except Fault as fault:
                raise builder.error(fault, column) from None
        return result

    return display
