"""Templates: JSON values whose texts may hold `${expression}`.

A text that is exactly one `${expression}` becomes that expression's value, whatever its type. In any other text the
values are put in as text: text as it is, nothing for None, `true` and `false`, everything else as compact JSON. `$${`
stands for a literal `${`. Keys of mappings are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from json import dumps
from typing import Any, NamedTuple

from engine.core.expression_errors import ExpressionError, ExpressionProblem, ExpressionSyntaxError
from engine.core.expression_source import scan_source
from engine.core.expression_values import MAX_DEPTH, MAX_TEXT
from engine.core.expressions import Expression, compile_expression

Path = tuple[str | int, ...]
"""Keys and indices that lead from a value to something inside it."""
Render = Callable[[Mapping[str, Any]], Any]

_OPENING = re.compile(r"\$?\$\{")


class TemplateError(ExpressionProblem):
    """A template that is malformed, or that has no value for the names it was given.

    Attributes:
        path: keys and indices from the template's value to the text the problem is in.
        column: 1-based, in that text.
        source: that text.
    """

    def __init__(self, message: str | Callable[[], str], column: int, source: str = "", path: Path = ()) -> None:
        super().__init__(message, column, source)
        self.path = path

    def __str__(self) -> str:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")
        return f"{where}: {super().__str__()}" if where else super().__str__()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.column, self.source, self.path)


class TemplateExpression(NamedTuple):
    """An expression of a template, and where it stands."""

    path: Path
    """Leads from the template's value to the text that holds the expression."""
    offset: int
    """Characters of that text before the expression: its column 1 is column `offset + 1` of the text."""
    expression: Expression


class Template:
    """A compiled template.

    Attributes:
        expressions: its expressions, in the order they stand.
    """

    __slots__ = ("_render", "expressions")

    def __init__(self, render: Render, expressions: tuple[TemplateExpression, ...]) -> None:
        self._render = render
        self.expressions = expressions

    @property
    def is_constant(self) -> bool:
        """Whether it renders to the same value for all names."""
        return not self.expressions

    @property
    def roots(self) -> frozenset[str]:
        """The names it may read when it is rendered."""
        return frozenset().union(*(placed.expression.roots for placed in self.expressions))

    def render(self, names: Mapping[str, Any]) -> Any:
        """The value, in which every `${...}` is replaced. The template's own containers are new each time; values that
        come from `names` may be shared with it.

        Raises:
            TemplateError: one of the expressions has no value.
        """
        return self._render(names)


def compile_template(value: Any) -> Template:
    """Compile a JSON value; what is given stays untouched.

    Raises:
        TemplateError: a `${` is not closed, an expression does not parse, or the value is nested too deeply.
    """
    found: list[TemplateExpression] = []
    render = _compile(value, (), found)
    return Template(render, tuple(found))


def _compile(value: Any, path: Path, found: list[TemplateExpression]) -> Render:
    if len(path) > MAX_DEPTH:
        raise TemplateError(f"the value is nested more than {MAX_DEPTH} levels deep", 1, "", path)
    if isinstance(value, str):
        return _compile_text(value, path, found)
    if isinstance(value, list):
        items = [_compile(item, (*path, index), found) for index, item in enumerate(value)]
        return lambda names: [item(names) for item in items]
    if isinstance(value, dict):
        entries = [(key, _compile(item, (*path, key), found)) for key, item in value.items()]
        return lambda names: {key: item(names) for key, item in entries}
    return lambda names: value


def _compile_text(text: str, path: Path, found: list[TemplateExpression]) -> Render:
    parts = _split(text, path)
    found += [part for part in parts if isinstance(part, TemplateExpression)]
    renders = [_constant(part) if isinstance(part, str) else _evaluation(part, text) for part in parts]
    if len(parts) == 1:
        return renders[0]

    def joined(names: Mapping[str, Any]) -> str:
        texts = [_as_text(render(names)) for render in renders]
        if sum(map(len, texts)) > MAX_TEXT:
            raise TemplateError(f"the text has more than {MAX_TEXT:,} characters", 1, text, path)
        return "".join(texts)

    return joined


def _constant(text: str) -> Render:
    return lambda names: text


def _evaluation(placed: TemplateExpression, text: str) -> Render:
    evaluate = placed.expression.evaluate

    def evaluation(names: Mapping[str, Any]) -> Any:
        try:
            return evaluate(names)
        except ExpressionError as problem:
            raise _located(problem, problem.column + placed.offset, text, placed.path) from None

    return evaluation


def _located(problem: ExpressionProblem, column: int, text: str, path: Path) -> TemplateError:
    return TemplateError(lambda: problem.message, column, text, path)


def _split(text: str, path: Path) -> list[str | TemplateExpression]:
    """The literal parts of a text and its expressions, in order; an empty text is one empty part."""
    parts: list[str | TemplateExpression] = []
    literal, position = "", 0
    while opening := _OPENING.search(text, position):
        literal += text[position : opening.start()]
        position = opening.end()
        if opening[0] == "$${":
            literal += "${"
            continue
        if literal:
            parts.append(literal)
            literal = ""
        end = _expression_end(text, opening, path)
        parts.append(_expression(text, position, end, path))
        position = end + 1
    literal += text[position:]
    return [*parts, literal] if literal or not parts else parts


def _expression_end(text: str, opening: re.Match[str], path: Path) -> int:
    """The offset of the brace that closes an expression."""
    unclosed = TemplateError("'${' is never closed; a literal one is written '$${'", opening.start() + 1, text, path)
    if "}" not in text[opening.end() :]:
        raise unclosed
    try:
        end = scan_source(text, opening.end(), until_brace=True).end
    except ExpressionSyntaxError as problem:
        raise _located(problem, problem.column, text, path) from None
    if end == len(text):
        raise unclosed
    return end


def _expression(text: str, start: int, end: int, path: Path) -> TemplateExpression:
    try:
        return TemplateExpression(path, start, compile_expression(text[start:end]))
    except ExpressionSyntaxError as problem:
        raise _located(problem, problem.column + start, text, path) from None


def _as_text(value: Any) -> str:
    """A value inside a longer text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return dumps(value, ensure_ascii=False, separators=(",", ":"))
