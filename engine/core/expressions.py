"""Expressions: the one small language of conditions, templates, breakpoints and watches.

A subset of Python's expressions over JSON values: literals, `a.b` and `a["b"]` (both look up a key, never an attribute),
comparisons, `and`/`or`/`not`, arithmetic, slices, choices, comprehensions, f-strings, some functions and methods that
only read. Evaluation is a pure function of the names it is given: it changes nothing, asks nothing else, and its limits
are counts.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# These modules add their part of the language to the table of builders when they are imported.
import engine.core.expression_calls
import engine.core.expression_loops
import engine.core.expression_paths
import engine.core.expression_text  # noqa: F401  # as above
from engine.core.expression_errors import ExpressionError, ExpressionProblem, ExpressionSyntaxError, Fault
from engine.core.expression_nodes import Builder
from engine.core.expression_source import parse_source
from engine.core.expression_values import ATOMS, Closure, Frame, Meter, ResultWalk

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
            value = self._run(Frame(names, Meter()))
            if value is True or value is False or value is None:
                return value
            if self._reads_only and (value.__class__ in _CONTAINERS or value.__class__ in ATOMS):
                return value
            return ResultWalk().plain(value)
        except Fault as fault:
            raise ExpressionError(fault.message, 1, self.source) from None
        except RecursionError:
            raise ExpressionError("a value is nested too deeply", 1, self.source) from None


_CONTAINERS = frozenset((dict, list))


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Compile an expression; the same text gives the same object while it is remembered.

    Raises:
        ExpressionSyntaxError: the text is not an expression of the language; its column counts characters from 1.
    """
    source = parse_source(text)
    builder = Builder(source)
    run = builder.build(source.tree)
    return Expression(text, frozenset(builder.roots), run, reads_only=_reads_only(source.tree))


def _reads_only(node: ast.expr) -> bool:
    """Whether the value comes out of the names as it is: then it is JSON already, and need not be looked through."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            return False
        node = node.value
    return isinstance(node, ast.Name)
