"""Reading inside values: `a.b`, `a["b"]`, `a[0]`, `a[1:3]`, and the forms that ask whether a path is there at all."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, TypeGuard

from engine.core.expression_errors import Fault, kind_of, shown_key, suggestion
from engine.core.expression_methods import METHOD_NAMES
from engine.core.expression_nodes import Builder
from engine.core.expression_values import (
    WHOLE_NUMBERS,
    Closure,
    Frame,
    check_key,
    check_text_size,
)

_INDEXED = (list, tuple, str, range)
_MISSING: Any = object()


class NotLookedUpError(Fault, LookupError):
    """The value is of a kind that has no such keys."""


def build_attribute(builder: Builder, node: ast.Attribute) -> Closure:
    """`a.b`: the value under a mapping's key, never an attribute of a Python object."""
    key, base = node.attr, builder.build(node.value)
    column = builder.source.end(node) - len(key) + 1
    where = builder.text(node.value)

    def attribute(frame: Frame) -> Any:
        value = base(frame)
        try:
            if value.__class__ is dict or isinstance(value, Mapping):
                return value[key]
        except KeyError:
            pass
        raise builder.error(Fault(lambda: _no_key(where, value, key)), column)

    if not isinstance(node.value, ast.Name) or builder.is_variable(node.value.id):
        return attribute
    name = node.value.id

    def of_name(frame: Frame) -> Any:
        """The commonest case, `state.b`, without a call for `state`; `attribute` has the words when it fails."""
        try:
            value = frame.names[name]
            if value.__class__ is dict:
                return value[key]
        except KeyError:
            pass
        return attribute(frame)

    return of_name


def _no_key(where: str, value: Any, key: Any) -> str:
    """Why `value[key]` is not there."""
    if not isinstance(value, Mapping):
        return f"{where} is {kind_of(value)}, which has no {shown_key(key)}; only a mapping has keys"
    if isinstance(key, str) and key in METHOD_NAMES:
        return f"{where} has no {shown_key(key)}; did you mean the method, .{key}()?"
    hint = suggestion(key, value)
    if not hint and len(value) <= 5:
        known = ", ".join(shown_key(other)[:24] for other in value)
        hint = f"; it has {known}" if known else "; it is empty"
    return f"{where} has no {shown_key(key)}{hint}"


def build_subscript(builder: Builder, node: ast.Subscript) -> Closure:
    """`a[key]` of a mapping, `a[index]` and `a[start:stop:step]` of a list or text."""
    base, where = builder.build(node.value), builder.text(node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(builder, base, node.slice, builder.column(node.slice.lower or node))
    key_of, column = builder.build(node.slice), builder.column(node.slice)

    def subscript(frame: Frame) -> Any:
        value = base(frame)
        key = key_of(frame)
        try:
            return look_up(value, key, frame)
        except Fault as problem:
            fault = problem
        except LookupError:
            fault = Fault(lambda: _no_item(where, value, key))
        raise builder.error(fault, column)

    return subscript


def look_up(value: Any, key: Any, frame: Frame) -> Any:
    """`value[key]`.

    Raises:
        LookupError: the value does not have it. (Of a kind that has no such keys at all: NotLookedUpError.)
        Fault: the key cannot be one.
    """
    if value.__class__ is dict or isinstance(value, Mapping):
        check_key(key, frame)
        return value[key]
    items, place = value, key
    if value.__class__ not in _INDEXED:
        raise NotLookedUpError(f"{kind_of(value)} has no [{shown_key(key)}]; only a list, text or a mapping has items")
    if key.__class__ not in WHOLE_NUMBERS:
        what = "a fraction" if key.__class__ is float else kind_of(key)
        raise NotLookedUpError(f"{kind_of(value)} is indexed by a whole number, not {what}")
    return items[place]


def _no_item(where: str, value: Any, key: Any) -> str:
    if isinstance(value, Mapping):
        return _no_key(where, value, key)
    what = "characters" if isinstance(value, str) else "items"
    return f"{where} has {len(value)} {what}, there is no [{shown_key(key)}]"


def _slice(builder: Builder, base: Closure, node: ast.Slice, column: int) -> Closure:
    parts = [builder.build(part) if part else None for part in (node.lower, node.upper, node.step)]

    def cut(frame: Frame) -> Any:
        value = base(frame)
        bounds = [part(frame) if part else None for part in parts]
        try:
            return _cut(value, bounds, frame)
        except Fault as fault:
            raise builder.error(fault, column) from None

    return cut


def _cut(value: Any, bounds: list[Any], frame: Frame) -> Any:
    if value.__class__ not in _INDEXED:
        raise Fault(f"only a list or text can be sliced, not {kind_of(value)}")
    for bound in bounds:
        if bound is not None and bound.__class__ not in WHOLE_NUMBERS:
            raise Fault(f"a slice needs whole numbers, not {kind_of(bound)}")
    if bounds[2] is not None and bounds[2] == 0:
        raise Fault("a slice needs a step other than 0")
    part = value[slice(*bounds)]
    if value.__class__ is str:
        check_text_size(len(part), frame)
    elif value.__class__ is not range:
        frame.spend(len(part))
    return part


def build_get(builder: Builder, node: ast.Call) -> Closure:
    """`get(a.b, default)`: the value at a path, or the default (None) when the path is not there."""
    find = _optional_path(builder, node, "get(a.b, default)", most=2)
    default = builder.build(node.args[1]) if len(node.args) == 2 else None

    def get(frame: Frame) -> Any:
        value = find(frame)
        if value is not _MISSING:
            return value
        return default(frame) if default else None

    return get


def build_has(builder: Builder, node: ast.Call) -> Closure:
    """`has(a.b)`: whether the path is there; its value may be None."""
    find = _optional_path(builder, node, "has(a.b)", most=1)
    return lambda frame: find(frame) is not _MISSING


def _optional_path(builder: Builder, node: ast.Call, usage: str, most: int) -> Closure:
    """A closure that gives the value at the path of the first argument, or _MISSING."""
    if node.keywords or not 1 <= len(node.args) <= most:
        raise builder.refusal(f"this form is written {usage}", node)
    base: ast.expr = node.args[0]
    keys: list[Closure] = []
    while _is_step(base):
        keys.append(_step_key(builder, base))
        base = base.value
    keys.reverse()
    if not keys and not isinstance(base, ast.Name):
        raise builder.refusal(f"{usage} asks for a path such as state.a.b, not for a computed value", base)
    start, column = _optional_start(builder, base), builder.column(node.args[0])

    def find(frame: Frame) -> Any:
        value = start(frame)
        for key_of in keys:
            if value is _MISSING:
                break
            key = key_of(frame)
            try:
                value = look_up(value, key, frame)
            except LookupError:
                value = _MISSING
            except Fault as fault:
                raise builder.error(fault, column) from None
        return value

    return find


def _is_step(node: ast.expr) -> TypeGuard[ast.Attribute | ast.Subscript]:
    return isinstance(node, ast.Attribute) or (
        isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice)
    )


def _step_key(builder: Builder, node: ast.Attribute | ast.Subscript) -> Closure:
    if isinstance(node, ast.Subscript):
        return builder.build(node.slice)
    key = node.attr
    return lambda frame: key


def _optional_start(builder: Builder, node: ast.expr) -> Closure:
    if not isinstance(node, ast.Name) or builder.is_variable(node.id):
        return builder.build(node)
    name = node.id
    builder.roots.add(name)
    return lambda frame: frame.names.get(name, _MISSING)
