"""Expressions: the one small language of conditions, templates, breakpoints and watches.

A subset of Python's expressions over JSON values: literals, `a.b` and `a["b"]` (both look up a key, never an
attribute), comparisons, `and`/`or`/`not`, arithmetic, slices, choices, comprehensions, f-strings, some functions, and
methods that only read. Evaluation is a pure function of the names it is given: it changes nothing, asks nothing else,
and its limits are counts.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.core import (
    expression_calls,
    expression_loops,
    expression_nodes,
    expression_operators,
    expression_paths,
    expression_text,
)
from engine.core.expression_errors import ExpressionError, ExpressionProblem, ExpressionSyntaxError, Fault
from engine.core.expression_nodes import Builder, Language
from engine.core.expression_source import parse_source
from engine.core.expression_values import ATOMS, Closure, Frame, ResultWalk, stored_atom

__all__ = ["Expression", "ExpressionError", "ExpressionProblem", "ExpressionSyntaxError", "compile_expression"]


class Expression:
    """A compiled expression.

    Attributes:
        source: its text.
        roots: the names it may read when it is evaluated.
    """

    __slots__ = ("_reads_only", "_run", "roots", "source")

    def __init__(self, source: str, roots: frozenset[str], run: Closure, *, reads_only: bool) -> None:
        self.source = source
        self.roots = roots
        self._run = run
        self._reads_only = reads_only

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def evaluate(self, names: Mapping[str, Any]) -> Any:
        """The expression's value for these names, which hold JSON values and are never changed.

        The result is JSON: tuples and iterators have become lists, numbers are finite and whole ones fit in 64 bits.
        It may share containers with `names`.

        Raises:
            ExpressionError: there is no such value, or finding it takes more than the limits allow.
        """
        try:
            value = self._run(Frame(names))
            kind = value.__class__
            if kind is bool or (self._reads_only and kind in _JSON):
                return value
            if kind in ATOMS:
                return stored_atom(value)
            return ResultWalk().plain(value)
        except Fault as fault:
            raise ExpressionError(fault.message, 1, self.source) from None
        except RecursionError:
            raise ExpressionError("a value is nested too deeply", 1, self.source) from None


_JSON = ATOMS | {dict, list}

LANGUAGE: Language = {
    ast.Constant: expression_nodes.build_constant,
    ast.Name: expression_nodes.build_name,
    ast.List: expression_nodes.build_list,
    ast.Tuple: expression_nodes.build_tuple,
    ast.Dict: expression_nodes.build_dict,
    ast.BoolOp: expression_operators.build_bool_op,
    ast.IfExp: expression_operators.build_if,
    ast.UnaryOp: expression_operators.build_unary,
    ast.BinOp: expression_operators.build_binary,
    ast.Compare: expression_operators.build_compare,
    ast.Attribute: expression_paths.build_attribute,
    ast.Subscript: expression_paths.build_subscript,
    ast.Call: expression_calls.build_call,
    ast.ListComp: expression_loops.build_list_comprehension,
    ast.DictComp: expression_loops.build_dict_comprehension,
    ast.GeneratorExp: expression_loops.build_generator,
    ast.JoinedStr: expression_text.build_f_string,
    ast.FormattedValue: expression_text.build_field,
}
"""The syntax an expression may consist of."""


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Compile an expression; the same text gives the same object while it is remembered.

    Raises:
        ExpressionSyntaxError: the text is not an expression of the language; its column counts characters from 1.
    """
    source = parse_source(text)
    builder = Builder(source, LANGUAGE)
    run = builder.build(source.tree)
    builder.source = source.without_tree()  # the closures keep the builder, for the places of their errors
    return Expression(text, frozenset(builder.roots), run, reads_only=_reads_only(source.tree))


def _reads_only(node: ast.expr) -> bool:
    """Whether the value comes out of the names as it is: then it is JSON already, and need not be looked through."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)
