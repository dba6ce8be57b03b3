"""From a script as it is written to the sandbox's text: `a.b` reads a key, the last expression is given.

The text is edited in place, so that every line stays where it was and a column can be traced back.
"""

from __future__ import annotations

import ast
import io
import tokenize
from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple, TypeGuard, TypeVar

KEY, PATH, HAS, VALUE = "__dive_key__", "__dive_path__", "__dive_has__", "__dive_value__"
HELPERS = frozenset({KEY, PATH, HAS, VALUE, "__dive_plain__"})
"""Functions the rewritten text calls; the sandbox brings them along."""

_OPTIONAL = {"get": (PATH, 2), "has": (HAS, 1)}
_Place = tuple[int, int]
_Node = TypeVar("_Node", bound=ast.AST)


class RewriteError(ValueError):
    """A script that means something, but cannot be put into the sandbox's words; `node` is the place."""

    def __init__(self, message: str, node: ast.AST) -> None:
        super().__init__(message)
        self.node = node


class Edit(NamedTuple):
    """What replaces the characters from `start` to `end` of a line."""

    start: int
    end: int
    text: str


Edits = dict[int, list[Edit]]
"""By line, from 1; sorted, without overlaps."""


def original_column(edits: list[Edit], column: int) -> int:
    """The 1-based column of the line as written, for one of the rewritten line."""
    shift = 0
    for edit in edits:
        begin = edit.start + 1 + shift
        if column < begin:
            break
        if column < begin + len(edit.text):
            return edit.start + 1
        shift += len(edit.text) - (edit.end - edit.start)
    return column - shift


def rewrite(source: str, tree: ast.Module, modules: frozenset[str], bound: frozenset[str]) -> tuple[str, Edits]:
    """The text for the sandbox and the edits that made it.

    `modules` are the names that imports bind: theirs are attributes, no keys. `bound` are all names the script binds.

    Raises:
        RewriteError: with a sentence and the place.
    """
    rewriter = _Rewriter(source, modules, bound)
    rewriter.give_last_expression(tree)
    rewriter.visit(tree)
    return rewriter.result()


def _is_key_access(node: ast.AST, modules: frozenset[str]) -> TypeGuard[ast.Attribute]:
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load) or node.attr.startswith("__"):
        return False
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return not (isinstance(root, ast.Name) and root.id in modules)


def _optional_path(node: ast.Call, bound: frozenset[str]) -> tuple[str, list[ast.Attribute | ast.Subscript]] | None:
    """The helper and the steps, outermost first, of `get(a.b, default)` or `has(a.b)`; None for any other call."""
    if not isinstance(node.func, ast.Name) or node.func.id in bound or node.func.id not in _OPTIONAL or node.keywords:
        return None
    helper, most = _OPTIONAL[node.func.id]
    if not 1 <= len(node.args) <= most or any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    steps: list[ast.Attribute | ast.Subscript] = []
    base = node.args[0]
    while isinstance(base, ast.Attribute) or (
        isinstance(base, ast.Subscript) and not isinstance(base.slice, ast.Slice)
    ):
        steps.append(base)
        base = base.value
    return helper, steps


class _Rewriter(ast.NodeVisitor):
    def __init__(self, source: str, modules: frozenset[str], bound: frozenset[str]) -> None:
        self._lines = source.split("\n")
        self._modules = modules
        self._bound = bound
        self._edits: Edits = defaultdict(list)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        self._operators = [(token.start, token.string) for token in tokens if token.type == tokenize.OP]
        self._names = [token.start for token in tokens if token.type == tokenize.NAME]

    def result(self) -> tuple[str, Edits]:
        lines = list(self._lines)
        for number, edits in self._edits.items():
            # Sorting is stable: what was asked for first stands first where nothing is replaced.
            edits.sort(key=lambda edit: (edit.start, edit.end))
            pieces, at = [], 0
            for edit in edits:
                pieces += [lines[number - 1][at : edit.start], edit.text]
                at = edit.end
            lines[number - 1] = "".join([*pieces, lines[number - 1][at:]])
        return "\n".join(lines), dict(self._edits)

    def give_last_expression(self, tree: ast.Module) -> None:
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            self._put(self._start(last), f"{VALUE}((")
            self._put(self._end(last), "))")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if _is_key_access(node, self._modules):
            self._put(self._start(node), f"{KEY}(")
            self._name_as_argument(node, ")")
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        optional = _optional_path(node, self._bound)
        if optional is not None:
            self._ask_for_path(node, *optional)
            return
        # `a.b(...)` stays a method.
        self.visit(node.func.value if isinstance(node.func, ast.Attribute) else node.func)
        for argument in (*node.args, *node.keywords):
            self.visit(argument)

    def visit_MatchValue(self, node: ast.MatchValue) -> None:
        """`case Color.RED` takes a dotted name, never a call."""

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        for pattern in (*node.patterns, *node.kwd_patterns):
            self.visit(pattern)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        changed = _Transformer(self._modules, self._bound)
        replaced = changed.visit(node)
        if not changed.any:
            return
        # Python before 3.12 does not say where in an f-string a field stands: the whole of it is written anew.
        (first, start), (last, end) = self._start(node), self._end(node)
        text = self._unparsed(replaced, node)
        if first == last:
            self._edits[first].append(Edit(start, end, text))
            return
        self._edits[first].append(Edit(start, len(self._lines[first - 1]), text[:-1]))
        for between in range(first + 1, last):
            self._edits[between].append(Edit(0, len(self._lines[between - 1]), ""))
        self._edits[last].append(Edit(0, end, ")"))

    def _unparsed(self, replaced: ast.expr, node: ast.expr) -> str:
        try:
            text = ast.unparse(ast.fix_missing_locations(replaced))
        except ValueError:
            text = "\n"
        if "\n" in text:  # Python before 3.12 has no words in one line for every nesting of quotes
            raise RewriteError("the f-string is too involved; give its parts names first", node)
        return f"({text})"

    def _ask_for_path(self, node: ast.Call, helper: str, steps: list[ast.Attribute | ast.Subscript]) -> None:
        self._replace(self._start(node.func), self._end(node.func), helper)
        if self._has_parentheses(node, steps):
            raise RewriteError("the path in get(a.b, default) and has(a.b) stands without parentheses", node)
        for step in steps:
            if isinstance(step, ast.Attribute):
                self._name_as_argument(step, "")
                continue
            line, column = self._operator_after(self._end(step.value), "[")
            self._replace((line, column), (line, column + 1), ", (")
            line, column = self._end(step)
            self._replace((line, column - 1), (line, column), ")")
            self.visit(step.slice)
        self.visit(steps[-1].value if steps else node.args[0])
        for default in node.args[1:]:
            self._put(self._start_in_parentheses(node.args[0], default), " default=")
            self.visit(default)

    def _has_parentheses(self, node: ast.Call, steps: list[ast.Attribute | ast.Subscript]) -> bool:
        """Whether the path, or a part of it, stands in parentheses of its own."""
        before = self._end(node.func), self._start(node.args[0])
        opened = sum(text == "(" for start, text in self._operators if before[0] <= start < before[1])
        ends = (bisect_left(self._operators, (self._end(step.value), "")) for step in steps)
        return opened > 1 or any(self._operators[at][1] == ")" for at in ends)

    def _start_in_parentheses(self, before: ast.expr, node: ast.expr) -> _Place:
        """Where the second argument begins, its own parentheses included: after the comma."""
        line, column = self._operator_after(self._end(before), ",")
        return line, column + 1

    def _name_as_argument(self, node: ast.Attribute, closing: str) -> None:
        line, column = self._operator_after(self._end(node.value), ".")
        self._replace((line, column), (line, column + 1), ", ")
        line, column = self._names[bisect_left(self._names, (line, column))]
        # Ends as the node does; the name as it is written may be another form of the same letters.
        self._replace((line, column), self._end(node), repr(node.attr) + closing)

    def _operator_after(self, place: _Place, operator: str) -> _Place:
        at = bisect_left(self._operators, (place, ""))
        return next(start for start, text in self._operators[at:] if text == operator)

    def _start(self, node: ast.expr | ast.Expr) -> _Place:
        return node.lineno, self._characters(node.lineno, node.col_offset)

    def _end(self, node: ast.expr | ast.Expr) -> _Place:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return node.end_lineno, self._characters(node.end_lineno, node.end_col_offset)

    def _characters(self, line: int, in_bytes: int) -> int:
        text = self._lines[line - 1]
        return in_bytes if text.isascii() else len(text.encode()[:in_bytes].decode())

    def _put(self, place: _Place, text: str) -> None:
        self._replace(place, place, text)

    def _replace(self, start: _Place, end: _Place, text: str) -> None:
        self._edits[start[0]].append(Edit(start[1], end[1], text))


class _Transformer(ast.NodeTransformer):
    """The same rewriting as syntax, for fields of f-strings."""

    def __init__(self, modules: frozenset[str], bound: frozenset[str]) -> None:
        self._modules = modules
        self._bound = bound
        self.any = False

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = self.visit(node.value)
        if not _is_key_access(node, self._modules):
            return ast.Attribute(value, node.attr, node.ctx)
        return self._call(KEY, [value, ast.Constant(node.attr)])

    def visit_Call(self, node: ast.Call) -> ast.expr:
        optional = _optional_path(node, self._bound)
        if optional is None:
            function = node.func
            if isinstance(function, ast.Attribute):
                function = ast.Attribute(self.visit(function.value), function.attr, function.ctx)
            else:
                function = self.visit(function)
            return ast.Call(function, [self.visit(a) for a in node.args], [self.visit(k) for k in node.keywords])
        helper, steps = optional
        keys = [ast.Constant(s.attr) if isinstance(s, ast.Attribute) else self.visit(s.slice) for s in reversed(steps)]
        base = self.visit(steps[-1].value if steps else node.args[0])
        defaults = [ast.keyword("default", self.visit(default)) for default in node.args[1:]]
        return self._call(helper, [base, *keys], defaults)

    def _call(self, helper: str, arguments: list[ast.expr], keywords: list[ast.keyword] | None = None) -> ast.Call:
        self.any = True
        return ast.Call(ast.Name(helper, ast.Load()), arguments, keywords or [])
