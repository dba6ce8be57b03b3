"""From syntax tree to closures: `and`, `or`, `not`, choices, arithmetic and comparisons."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.core.expression_errors import Fault, kind_of
from engine.core.expression_nodes import Builder
from engine.core.expression_values import (
    NUMBERS,
    Closure,
    Frame,
    check_text_size,
    checked_number,
    compare,
    contains,
)

Comparison = Callable[[Any, Any, Frame], bool]
"""Whether two values stand in a relation, or the error that says why they have none."""


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
        number: Any = value
        if value.__class__ in NUMBERS:
            return apply(number)
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
        check_text_size(len(one) + len(other), frame)
    else:
        frame.spend(len(one) + len(other))
    return one + other


def _no_arithmetic(symbol: str, one: Any, other: Any) -> str:
    mine, others = kind_of(one), kind_of(other)
    if symbol == "+" and "text" in (mine, others):
        return f"'+' cannot join {mine} and {others}; write str(...) around what is not text, or an f-string"
    if symbol == "*":
        return f"'*' multiplies numbers only, not {mine if one.__class__ not in NUMBERS else others}"
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
            return check(one, other, frame)
        except Fault as fault:
            raise builder.error(fault, column) from None

    return holds


def _membership(wanted: bool, item: Any, container: Any, frame: Frame) -> bool:
    return contains(container, item, frame) is wanted


def _identity(builder: Builder, operation: ast.cmpop, left: ast.expr, right: ast.expr) -> Comparison:
    if not any(isinstance(side, ast.Constant) and isinstance(side.value, bool | None) for side in (left, right)):
        raise builder.refusal("'is' asks only for None, True or False; values are compared with ==", right)
    wanted = isinstance(operation, ast.Is)
    return lambda one, other, frame: (one is other) is wanted
