"""f-strings: fields with conversions and simple format specs, all of them bounded."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

from engine.core.expression_errors import Fault, kind_of, shown_text
from engine.core.expression_nodes import Builder
from engine.core.expression_values import ATOMS, Closure, Frame, check_text_size, to_text

_SPEC = re.compile(r"(?:.?[<>=^])?[-+ ]?z?#?0?(?:\d{1,3})?[_,]?(?:\.\d{1,3})?[bdeEfFgGosxX%]?", re.DOTALL)
_CONVERSIONS: dict[int, Callable[[Any], str]] = {ord("s"): str, ord("r"): repr, ord("a"): ascii}


def build_f_string(builder: Builder, node: ast.JoinedStr) -> Closure:
    """`f"text {value!r:>10}"`"""
    parts = [builder.build(part) for part in node.values]
    column = builder.column(node)

    def joined(frame: Frame) -> str:
        texts = [part(frame) for part in parts]
        try:
            check_text_size(sum(map(len, texts)), frame)
        except Fault as fault:
            raise builder.error(fault, column) from None
        return "".join(texts)

    return joined


def build_field(builder: Builder, node: ast.FormattedValue) -> Closure:
    """One `{value}` of an f-string, as text."""
    value_of, column = builder.build(node.value), builder.column(node.value)
    convert = _CONVERSIONS.get(node.conversion)
    spec_of = builder.build(node.format_spec) if node.format_spec else None

    def field(frame: Frame) -> str:
        value = value_of(frame)
        spec = spec_of(frame) if spec_of else ""
        try:
            if convert:
                value = to_text(value, frame, convert)
            return formatted(value, spec) if spec else to_text(value, frame)
        except Fault as fault:
            raise builder.error(fault, column) from None

    return field


def formatted(value: Any, spec: str) -> str:
    """What `format` makes of a value, for a spec with a width and a precision of at most three digits.

    Raises:
        Fault: the spec is none of the simple ones, or not one for such a value.
    """
    if not _SPEC.fullmatch(spec):
        raise Fault(f"{shown_text(spec)} is not a simple format; width and precision have at most 3 digits")
    if value.__class__ not in ATOMS or value is None:
        raise Fault(f"{kind_of(value)} takes no format; write str(...) around it")
    try:
        return format(value, spec)
    except (ValueError, OverflowError):
        raise Fault(f"{shown_text(spec)} is not a format for {kind_of(value)}") from None
