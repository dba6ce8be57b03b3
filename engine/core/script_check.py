"""What a script may be, found out before it runs: it parses, leaves `inputs` and `state` alone, and the sandbox knows
its constructs and imports."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from engine.core.expression_errors import suggestion
from engine.core.script_rewrite import HELPERS, Edits, RewriteError, original_column, rewrite

MAX_SCRIPT = 100_000
"""Characters a script may have."""
MODULES = frozenset(
    {"base64", "bisect", "collections", "copy", "csv", "dataclasses", "datetime", "decimal", "functools", "hashlib"}
    | {"itertools", "json", "math", "pathlib", "random", "re", "time", "tomllib", "typing"}
)
"""What scripts may import."""

_REFUSED = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "globals", "locals", "open"})
_READ_ONLY = frozenset({"inputs", "state"})
_UNSUPPORTED = {
    "Yield": "generators with yield; collect the values in a list",
    "YieldFrom": "generators with yield; collect the values in a list",
    "Delete": "the del statement; use .pop(...) or build the value without it",
    "TryStar": "except*",
    "AsyncFor": "async for",
    "AsyncWith": "async with",
    "TypeAlias": "type aliases",
    "TemplateStr": "t-strings; use an f-string",
}
_METHOD_DECORATORS = frozenset({"property", "staticmethod", "classmethod"})


class ScriptSyntaxError(ValueError):
    """A script that cannot be run; one sentence and its place.

    Attributes:
        message: the sentence alone.
        line: from 1.
        column: in characters, from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.message} (line {self.line}, column {self.column})"


class Script(NamedTuple):
    """A script that was checked."""

    source: str
    """As it was written, its line ends made `\\n`."""
    roots: frozenset[str]
    """The names it may read; those that it binds itself may be among them."""
    rewritten: str
    """What the sandbox runs, line for line."""
    edits: Edits

    def place(self, line: int, column: int) -> tuple[int, int]:
        """The line and column as written, for those of the rewritten text (both from 1)."""
        return line, original_column(self.edits.get(line, []), column)


@lru_cache(maxsize=1024)
def check_script(source: str) -> Script:
    """Check a script and prepare it for the sandbox; the same text gives the same object while it is remembered.

    Raises:
        ScriptSyntaxError: it does not parse, assigns to `inputs` or `state`, uses a construct or a module that the
            sandbox does not have, or is too long.
    """
    source = re.sub(r"\r\n?", "\n", source)
    tree = _parsed(source)
    lines = source.split("\n")
    modules: set[str] = set()
    bound: set[str] = set()
    roots: set[str] = set()
    for node in ast.walk(tree):
        problem = _problem(node)
        if problem:
            raise _refusal(problem, node, lines)
        names = set(_bound_names(node))
        for name in names & (_READ_ONLY | HELPERS):
            raise _refusal(_no_assignment(name) if name in _READ_ONLY else f"the name {name} is taken", node, lines)
        bound |= names
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules |= names
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            roots.add(node.id)
    try:
        rewritten, edits = rewrite(source, tree, frozenset(modules), frozenset(bound))
    except RewriteError as problem:
        raise _refusal(str(problem), problem.node, lines) from None
    except RecursionError:
        raise ScriptSyntaxError("the script is nested too deeply", 1, 1) from None
    return Script(source, frozenset(roots - modules), rewritten, edits)


def _parsed(source: str) -> ast.Module:
    if len(source) > MAX_SCRIPT:
        raise ScriptSyntaxError(f"the script is longer than {MAX_SCRIPT:,} characters", 1, 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            # Also finds a `return` outside of functions and the like. Nothing of it is ever executed.
            compile(tree, "script", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as problem:
        message = problem.msg
        if message == "'return' outside function":
            message = "'return' belongs into a function; the value of a script is its last expression"
        raise ScriptSyntaxError(message, max(problem.lineno or 1, 1), max(problem.offset or 1, 1)) from None
    except (RecursionError, MemoryError):
        raise ScriptSyntaxError("the script is nested too deeply", 1, 1) from None
    except ValueError as problem:  # a null character, half of a surrogate pair
        what = "half of a surrogate pair" if isinstance(problem, UnicodeError) else "a null character"
        raise ScriptSyntaxError(f"{what} is not part of scripts", 1, 1) from None
    return tree


def _refusal(message: str, node: ast.AST, lines: list[str]) -> ScriptSyntaxError:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    return ScriptSyntaxError(message, line, len(lines[line - 1].encode()[:column].decode(errors="ignore")) + 1)


def _no_assignment(name: str) -> str:
    return (
        f"a script cannot assign to {name}; make the new value its last expression and name the variable in the step's"
        " `store` (for several: a mapping, and `store: {variable: key}`)"
    )


def _problem(node: ast.AST) -> str:
    """What the sandbox refuses about a node, looked at alone; empty when it takes it."""
    unsupported = _UNSUPPORTED.get(type(node).__name__)
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        root = _root(node)
        if root in _READ_ONLY:
            return _no_assignment(root)
    if isinstance(node, ast.Delete):
        named = [_root(target) for target in node.targets]
        unsupported = next((_no_assignment(root) for root in named if root in _READ_ONLY), "") or unsupported
        if unsupported and unsupported.startswith("a script cannot"):
            return unsupported
    if unsupported:
        return f"scripts do not have {unsupported}"
    if isinstance(node, ast.Name) and node.id in _REFUSED:
        return f"scripts do not have {node.id}"
    if isinstance(node, ast.Name) and node.id in HELPERS:
        return f"the name {node.id} is taken"
    if isinstance(node, ast.comprehension) and node.is_async:
        return "scripts do not have async comprehensions"
    if isinstance(node, ast.ClassDef):
        return _class_problem(node)
    if isinstance(node, ast.Import):
        return next(filter(None, (_module_problem(alias.name) for alias in node.names)), "")
    if isinstance(node, ast.ImportFrom):
        if node.level or any(alias.name == "*" for alias in node.names):
            return "scripts import names from modules one by one, without '.' and '*'"
        return _module_problem(node.module or "")
    return ""


def _class_problem(node: ast.ClassDef) -> str:
    if node.bases or node.keywords:
        return "scripts do not have class inheritance; write a class without bases, or functions"
    for method in node.body:
        for decorator in getattr(method, "decorator_list", ()):
            if isinstance(decorator, ast.Name) and decorator.id in _METHOD_DECORATORS:
                return f"classes in scripts do not have @{decorator.id}; write a plain method or a function"
    return ""


def _module_problem(name: str) -> str:
    if name in MODULES or name == "collections.abc":
        return ""
    hint = suggestion(name, MODULES) or f"; there are {', '.join(sorted(MODULES))}"
    return f"scripts cannot import {name}{hint}"


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _bound_names(node: ast.AST) -> Iterator[str]:
    """The names that a node, looked at alone, gives a new meaning."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
        case (
            ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
