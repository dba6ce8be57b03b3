"""Comprehensions. Each one entered gets its own frame, and pays for every round with the size of what a round runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from engine.core.expression_errors import Fault, kind_of
from engine.core.expression_nodes import Builder
from engine.core.expression_values import Closure, Frame, check_key, iterate

Assign = Callable[[Frame, Any], None]
Rounds = Callable[[Frame, Iterator[Any]], Iterator[None]]
"""Goes through the loops of a comprehension; after each step the frame holds the variables of one round."""


def build_list_comprehension(builder: Builder, node: ast.ListComp) -> Closure:
    """`[element for target in items if condition]`"""
    enter, rounds, (element,) = _loops(builder, node.generators, [node.elt])

    def comprehension(frame: Frame) -> list[Any]:
        inner, items = enter(frame)
        return [element(inner) for _ in rounds(inner, items)]

    return comprehension


def build_generator(builder: Builder, node: ast.GeneratorExp) -> Closure:
    """`(element for target in items if condition)`: evaluated as far as it is asked for."""
    enter, rounds, (element,) = _loops(builder, node.generators, [node.elt])

    def generator(frame: Frame) -> Iterator[Any]:
        inner, items = enter(frame)
        return (element(inner) for _ in rounds(inner, items))

    return generator


def build_dict_comprehension(builder: Builder, node: ast.DictComp) -> Closure:
    """`{key: value for target in items if condition}`"""
    enter, rounds, (key_of, value_of) = _loops(builder, node.generators, [node.key, node.value])
    column = builder.column(node.key)

    def comprehension(frame: Frame) -> dict[Any, Any]:
        inner, items = enter(frame)
        result = {}
        for _ in rounds(inner, items):
            key, value = key_of(inner), value_of(inner)
            try:
                check_key(key, inner)
            except Fault as fault:
                raise builder.error(fault, column) from None
            result[key] = value
        return result

    return comprehension


Enter = Callable[[Frame], tuple[Frame, Iterator[Any]]]


def _loops(
    builder: Builder, generators: list[ast.comprehension], elements: list[ast.expr]
) -> tuple[Enter, Rounds, list[Closure]]:
    """What a comprehension starts with, how it goes round, and what it takes from each round."""
    first = _items_of(builder, generators[0].iter)  # evaluated outside, before the variables exist
    scope: dict[str, int] = {}
    builder.scopes.append(scope)
    for generator in generators:
        _declare(builder, generator.target, scope)
    closures = [builder.build(element) for element in elements]
    rounds: Rounds | None = None
    for generator, inside in reversed(list(zip(generators, [*generators[1:], None], strict=True))):
        below = elements if inside is None else [inside.iter]
        items_of = None if inside is None else _items_of(builder, inside.iter)
        rounds = _loop(builder, generator, sum(map(_size, [*generator.ifs, *below])), items_of, rounds)
    builder.scopes.pop()
    assert rounds is not None  # a comprehension has at least one loop

    def enter(frame: Frame) -> tuple[Frame, Iterator[Any]]:
        return frame.inner(len(scope)), first(frame)

    return enter, rounds, closures


def _size(node: ast.expr) -> int:
    return sum(1 for _ in ast.walk(node))


def _loop(
    builder: Builder, node: ast.comprehension, cost: int, items_of: Closure | None, deeper: Rounds | None
) -> Rounds:
    """One `for`, with its conditions and the loops inside it."""
    if node.is_async:
        raise builder.refusal("async is not part of expressions", node.target)
    assign = _assignment(builder, node.target)
    tests = [builder.build(test) for test in node.ifs]
    column = builder.column(node.target)

    def rounds(frame: Frame, items: Iterator[Any]) -> Iterator[None]:
        spend = frame.spend
        for item in items:
            try:
                spend(cost)
            except Fault as fault:
                raise builder.error(fault, column) from None
            assign(frame, item)
            for test in tests:
                if not test(frame):
                    break
            else:
                if deeper is None or items_of is None:
                    yield
                else:
                    yield from deeper(frame, items_of(frame))

    return rounds


def _items_of(builder: Builder, node: ast.expr) -> Closure:
    values, column = builder.build(node), builder.column(node)

    def items(frame: Frame) -> Iterator[Any]:
        value = values(frame)
        try:
            return iterate(value, frame)
        except Fault as fault:
            raise builder.error(fault, column) from None

    return items


def _declare(builder: Builder, target: ast.expr, scope: dict[str, int]) -> None:
    """Give every variable of a loop's target its place in the frame."""
    if isinstance(target, ast.Name):
        scope.setdefault(target.id, len(scope))
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            _declare(builder, part, scope)
    else:
        raise builder.refusal("a loop sets plain variables only", target)


def _assignment(builder: Builder, target: ast.expr) -> Assign:
    if isinstance(target, ast.Name):
        place = builder.scopes[-1][target.id]

        def assign(frame: Frame, value: Any) -> None:
            frame.values[place] = value

        return assign
    assert isinstance(target, ast.Tuple | ast.List)  # _declare has refused the rest
    parts = [_assignment(builder, part) for part in target.elts]
    column = builder.column(target)

    def unpack(frame: Frame, value: Any) -> None:
        try:
            values = _unpacked(value, len(parts), frame)
        except Fault as fault:
            raise builder.error(fault, column) from None
        for part, item in zip(parts, values, strict=True):
            part(frame, item)

    return unpack


def _unpacked(value: Any, count: int, frame: Frame) -> list[Any]:
    try:
        values = list(iterate(value, frame))
    except Fault:
        raise Fault(f"{kind_of(value)} cannot be taken apart into {count} variables") from None
    if len(values) != count:
        raise Fault(f"{kind_of(value)} of {len(values)} cannot be taken apart into {count} variables")
    return values
