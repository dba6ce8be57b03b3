"""Calls of functions and methods. How many arguments they take is checked when the expression is compiled."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from engine.core.expression_errors import Fault, kind_of, suggestion
from engine.core.expression_functions import FUNCTIONS, Function
from engine.core.expression_methods import CHANGING_METHODS, METHOD_NAMES, count_phrase, methods_of
from engine.core.expression_nodes import Builder
from engine.core.expression_paths import build_get, build_has
from engine.core.expression_values import Closure, Frame

_SPECIAL_FORMS: dict[str, Callable[[Builder, ast.Call], Closure]] = {"get": build_get, "has": build_has}
_INSTEAD = {
    "set": "lists and mappings are all there is",
    "tuple": "write list(...)",
    "map": "write a comprehension",
    "filter": "write a comprehension",
    "next": "take an item of a list",
    "isinstance": "compare values instead",
    "string": "write str(...)",
}


def build_call(builder: Builder, node: ast.Call) -> Closure:
    """`function(...)` or `value.method(...)`"""
    for keyword in node.keywords:
        if keyword.arg is None:
            raise builder.refusal("'**' in a call is not part of expressions", keyword.value)
    if isinstance(node.func, ast.Attribute):
        return _method_call(builder, node, node.func)
    if not isinstance(node.func, ast.Name):
        raise builder.refusal("only functions and methods can be called", node)
    name = node.func.id
    if name in _SPECIAL_FORMS:
        return _SPECIAL_FORMS[name](builder, node)
    if name not in FUNCTIONS:
        raise builder.refusal(_unknown_function(name), node)
    return _function_call(builder, node, name, FUNCTIONS[name])


def _unknown_function(name: str) -> str:
    if name in _INSTEAD:
        return f"{name}() is not part of expressions; {_INSTEAD[name]}"
    if name in METHOD_NAMES:
        return f"{name} is a method; write value.{name}(...)"
    return f"there is no function {name[:60]!r}{suggestion(name, [*FUNCTIONS, *_SPECIAL_FORMS])}"


def _function_call(builder: Builder, node: ast.Call, name: str, function: Function) -> Closure:
    _check_arguments(builder, node, name, function)
    arguments = [builder.build(argument) for argument in node.args]
    keywords = _keywords(builder, node)
    call, column = function.call, builder.column(node)

    def with_one(frame: Frame) -> Any:
        value = argument(frame)
        try:
            return call(frame, value)
        except Fault as fault:
            raise builder.error(fault, column) from None

    def with_many(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        named = {keyword: value(frame) for keyword, value in keywords.items()}
        try:
            return call(frame, *values, **named)
        except Fault as fault:
            raise builder.error(fault, column) from None

    if len(arguments) == 1 and not keywords:
        argument = arguments[0]
        return with_one
    return with_many


def _check_arguments(builder: Builder, node: ast.Call, name: str, function: Function) -> None:
    count = len(node.args)
    if count < function.least or (function.most is not None and count > function.most):
        raise builder.refusal(f"{name}() takes {count_phrase(function.least, function.most)}, not {count}", node)
    if function.keywords is None:
        return
    for keyword in node.keywords:
        if keyword.arg not in function.keywords:
            hint = suggestion(keyword.arg, function.keywords)
            raise builder.refusal(f"{name}() has no argument {keyword.arg!r}{hint}", keyword.value)
        position = function.keywords[keyword.arg or ""]
        if position is not None and count >= position:
            raise builder.refusal(f"{name}() is given {keyword.arg!r} twice", keyword.value)


def _keywords(builder: Builder, node: ast.Call) -> dict[str, Closure]:
    return {keyword.arg: builder.build(keyword.value) for keyword in node.keywords if keyword.arg is not None}


def _method_call(builder: Builder, node: ast.Call, function: ast.Attribute) -> Closure:
    name = function.attr
    if name not in METHOD_NAMES:
        raise builder.refusal(_unknown_method(name), node)
    base = builder.build(function.value)
    arguments = [builder.build(argument) for argument in node.args]
    keywords = _keywords(builder, node)
    column = builder.source.end(function) - len(name) + 1

    def call(frame: Frame) -> Any:
        value = base(frame)
        values = [argument(frame) for argument in arguments]
        named = {keyword: argument(frame) for keyword, argument in keywords.items()}
        method = methods_of(value).get(name)
        try:
            if method is None:
                raise Fault(lambda: f"{kind_of(value)} has no method {name!r}{suggestion(name, methods_of(value))}")
            method.check(name, values, named)
            return method.call(frame, value, *values, **named)
        except Fault as fault:
            raise builder.error(fault, column) from None

    return call


def _unknown_method(name: str) -> str:
    if name in CHANGING_METHODS:
        return f"{name}() would change the value; expressions only read"
    if name == "format":
        return "format() is not part of expressions; write an f-string"
    return f"there is no method {name[:60]!r}{suggestion(name, METHOD_NAMES)}"
