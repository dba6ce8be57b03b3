"""From syntax tree to closures: names, literals, operators, choices. Every node becomes a function of a Frame."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite
from typing import Any

from engine.core.expression_errors import ExpressionError, ExpressionSyntaxError, Fault, kind_of, suggestion
from engine.core.expression_functions import FUNCTIONS
from engine.core.expression_source import ParsedSource
from engine.core.expression_values import (
    NUMBERS,
    UNBOUND,
    Closure,
    Frame,
    check_key,
    check_text_size,
    checked_number,
    compare,
    contains,
)

MAX_NESTING = 100
"""Levels of syntax inside each other."""

_SPECIAL_FORMS = ("get", "has")
_CALLABLE_NAMES = (*FUNCTIONS, *_SPECIAL_FORMS)
_FOREIGN_CONSTANTS = {"true": "True", "false": "False", "null": "None", "nil": "None", "none": "None"}


class Builder:
    """Builds the closures of one expression, and knows what its names mean and where its nodes stand."""

    def __init__(self, source: ParsedSource) -> None:
        self.source = source
        self.roots: set[str] = set()
        self.scopes: list[dict[str, int]] = []
        """The variables of the comprehensions around the current node, outermost first: name to place in the frame."""
        self._nesting = 0

    def build(self, node: ast.expr) -> Closure:
        """The closure of a node.

        Raises:
            ExpressionSyntaxError: the node is not part of the language, or is nested too deeply.
        """
        build = BUILDERS.get(type(node))
        if build is None:
            raise self.refusal(refused_syntax(node), node)
        if self._nesting >= MAX_NESTING:
            raise self.refusal(f"the expression is nested more than {MAX_NESTING} levels deep", node)
        self._nesting += 1
        closure = build(self, node)
        self._nesting -= 1
        return closure

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
        return text if len(text) <= 40 else text[:39] + "…"

    def refusal(self, message: str, node: ast.expr) -> ExpressionSyntaxError:
        """The error for something that is not part of the language."""
        return self.source.error(message, self.source.start(node))

    def error(self, fault: Fault, column: int) -> ExpressionError:
        """The error an evaluation ends with: a fault, and where it happened."""
        return ExpressionError(fault.message, column, self.source.text)


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
                    result.update(spread(frame.meter, mapping))
                else:
                    name = key(frame)
                    check_key(name, frame.meter)
                    result[name] = value(frame)
            except Fault as fault:
                raise builder.error(fault, column) from None
        return result

    return display


def build_bool_op(builder: Builder, node: ast.BoolOp) -> Closure:
    """`a and b`, `a or b`: the operand that decided."""
    *firsts, last = [builder.build(value) for value in node.values]
    decided_by = isinstance(node.op, ast.Or)

    def many(frame: Frame) -> Any:
        for operand in firsts:
            value = operand(frame)
            if bool(value) is decided_by:
                return value
        return last(frame)

    first = firsts[0]
    if len(firsts) > 1:
        return many
    return (lambda frame: first(frame) or last(frame)) if decided_by else (lambda frame: first(frame) and last(frame))


def build_if(builder: Builder, node: ast.IfExp) -> Closure:
    """`a if condition else b`"""
    test, chosen, other = builder.build(node.test), builder.build(node.body), builder.build(node.orelse)
    return lambda frame: chosen(frame) if test(frame) else other(frame)


def build_unary(builder: Builder, node: ast.UnaryOp) -> Closure:
    """`not a`, `-a`, `+a`"""
    operand, column = builder.build(node.operand), builder.column(node)
    if isinstance(node.op, ast.Not):
        return lambda frame: not operand(frame)
    if isinstance(node.op, ast.Invert):
        raise builder.refusal("'~' is not part of expressions", node)
    symbol = "-" if isinstance(node.op, ast.USub) else "+"
    apply = operator.neg if symbol == "-" else operator.pos

    def sign(frame: Frame) -> Any:
        value = operand(frame)
        if value.__class__ in NUMBERS:
            return apply(value)
        raise builder.error(Fault(f"{symbol!r} needs a number, not {kind_of(value)}"), column)

    return sign


_ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
}
_REFUSED_OPERATORS: dict[type[ast.operator], str] = {
    ast.Pow: "'**' is not part of expressions; multiply instead",
    ast.BitOr: "'|' is not part of expressions; write 'or', or {**a, **b} to put mappings together",
    ast.BitAnd: "'&' is not part of expressions; write 'and'",
}


def build_binary(builder: Builder, node: ast.BinOp) -> Closure:
    """Arithmetic on numbers, and `+` on two texts, lists or tuples."""
    left, right = builder.build(node.left), builder.build(node.right)
    if type(node.op) not in _ARITHMETIC:
        message = _REFUSED_OPERATORS.get(type(node.op), "this operator is not part of expressions")
        raise builder.refusal(message, node)
    symbol, apply = _ARITHMETIC[type(node.op)]
    column = builder.operator_column(node.left, symbol)

    def arithmetic(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        try:
            if one.__class__ in NUMBERS and other.__class__ in NUMBERS:
                return checked_number(apply(one, other))
            if symbol == "+" and one.__class__ is other.__class__ and one.__class__ in (str, list, tuple):
                return _concatenated(one, other, frame)
            raise Fault(_no_arithmetic(symbol, one, other))
        except ZeroDivisionError:
            raise builder.error(Fault("division by zero"), column) from None
        except OverflowError:
            raise builder.error(Fault("the number is too large for a fraction"), column) from None
        except Fault as fault:
            raise builder.error(fault, column) from None

    return arithmetic


def _concatenated(one: Any, other: Any, frame: Frame) -> Any:
    if one.__class__ is str:
        check_text_size(len(one) + len(other), frame.meter)
    else:
        frame.meter.spend(len(one) + len(other))
    return one + other


def _no_arithmetic(symbol: str, one: Any, other: Any) -> str:
    mine, others = kind_of(one), kind_of(other)
    if symbol == "+" and "text" in (mine, others):
        return f"'+' cannot join {mine} and {others}; write str(...) around what is not text, or an f-string"
    if symbol == "*" and {mine, others} & {"text", "a list", "a tuple"}:
        return f"'*' multiplies numbers only, not {mine if mine != 'a number' else others}"
    if symbol == "%" and mine == "text":
        return "'%' is the remainder of numbers; text is put together with an f-string"
    return f"{symbol!r} needs two numbers, not {mine} and {others}"


_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
Comparison = Callable[[Any, Any, Frame], bool]


def build_compare(builder: Builder, node: ast.Compare) -> Closure:
    """`a < b`, `a in b`, `a is None`, and chains of them."""
    first = builder.build(node.left)
    operands = [node.left, *node.comparators]
    links = [
        (_comparison(builder, operation, left, right), builder.build(right))
        for operation, left, right in zip(node.ops, operands, node.comparators, strict=False)
    ]
    if len(links) == 1:
        return _single_comparison(builder, node, first, *links[0])

    def chain(frame: Frame) -> bool:
        left = first(frame)
        for holds, operand in links:
            right = operand(frame)
            if not holds(left, right, frame):
                return False
            left = right
        return True

    return chain


def _single_comparison(
    builder: Builder, node: ast.Compare, first: Closure, holds: Comparison, second: Closure
) -> Closure:
    """One comparison; with a number on its right, which conditions mostly have, as short as it can be."""
    known = _COMPARISONS.get(type(node.ops[0]))
    constant = node.comparators[0]
    if known is None or not isinstance(constant, ast.Constant) or constant.value.__class__ not in NUMBERS:
        return lambda frame: holds(first(frame), second(frame), frame)
    apply, limit = known[1], constant.value

    def with_number(frame: Frame) -> Any:
        value = first(frame)
        return apply(value, limit) if value.__class__ in NUMBERS else holds(value, limit, frame)

    return with_number


def _comparison(builder: Builder, operation: ast.cmpop, left: ast.expr, right: ast.expr) -> Comparison:
    if isinstance(operation, ast.Is | ast.IsNot):
        return _identity(builder, operation, left, right)
    if isinstance(operation, ast.In | ast.NotIn):
        column, wanted = builder.operator_column(left, "in"), isinstance(operation, ast.In)
        check = partial(_membership, wanted)
    else:
        symbol, apply = _COMPARISONS[type(operation)]
        column = builder.operator_column(left, symbol)
        check = partial(compare, apply)

    def holds(one: Any, other: Any, frame: Frame) -> bool:
        try:
            return check(one, other, frame.meter)
        except Fault as fault:
            raise builder.error(fault, column) from None

    return holds


def _membership(wanted: bool, item: Any, container: Any, meter: Any) -> bool:
    return contains(container, item, meter) is wanted


def _identity(builder: Builder, operation: ast.cmpop, left: ast.expr, right: ast.expr) -> Comparison:
    if not any(isinstance(side, ast.Constant) and isinstance(side.value, bool | None) for side in (left, right)):
        raise builder.refusal("'is' asks only for None, True or False; values are compared with ==", right)
    wanted = isinstance(operation, ast.Is)
    return lambda one, other, frame: (one is other) is wanted


BUILDERS: dict[type[ast.expr], Callable[[Builder, Any], Closure]] = {
    ast.Constant: build_constant,
    ast.Name: build_name,
    ast.List: build_list,
    ast.Tuple: build_tuple,
    ast.Dict: build_dict,
    ast.BoolOp: build_bool_op,
    ast.IfExp: build_if,
    ast.UnaryOp: build_unary,
    ast.BinOp: build_binary,
    ast.Compare: build_compare,
}
"""What the language is made of; the modules beside this one add their nodes."""
