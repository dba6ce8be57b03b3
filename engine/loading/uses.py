"""Which names an expression or a script uses, and which keys it looks up in them, each with its place in the text."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from functools import lru_cache
from symtable import SymbolTable, symtable
from typing import NamedTuple, Protocol

from engine.core.expression_source import parse_source
from engine.core.script_check import ScriptSyntaxError, check_script


class NameUse(NamedTuple):
    """A name from outside the expression, at a 0-based offset."""

    name: str
    offset: int


class KeyUse(NamedTuple):
    """`root.key` or `root["key"]` of a name from outside; the offset is that of the key."""

    root: str
    key: str
    offset: int


@lru_cache(maxsize=4096)
def uses_of(text: str) -> tuple[tuple[NameUse, ...], tuple[KeyUse, ...]]:
    """The uses in an expression that parses."""
    source = parse_source(text)
    visitor = _Uses(source, set())
    visitor.visit(source.tree)
    return tuple(visitor.names), tuple(visitor.keys)


@lru_cache(maxsize=1024)
def script_uses(text: str) -> tuple[tuple[NameUse, ...], tuple[KeyUse, ...]]:
    """The uses in a script of names it does not bind itself.

    Raises:
        ScriptSyntaxError: it is no script that can be run.
    """
    check_script(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as '\d' in a text: Python would print them
            tree, table = ast.parse(text), symtable(text, "script", "exec")
        visitor = _Uses(_Script(text), _bound(table))
        visitor.visit(tree)
    except RecursionError:
        raise ScriptSyntaxError("the script is nested too deeply", 1, 1) from None
    names = (use for use in visitor.names if not hasattr(builtins, use.name))
    return tuple(names), tuple(visitor.keys)


def _bound(table: SymbolTable) -> set[str]:
    """The names that get a value anywhere in a script."""
    own = (
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter()
    )
    return set(own).union(*map(_bound, table.get_children()))


def offset_in_script(text: str, line: int, column: int) -> int:
    """The 0-based offset of a line and column, both from 1, counted in characters."""
    starts = _line_starts(text)
    start = starts[min(line, len(starts)) - 1]
    return min(start + column - 1, len(text))


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


class _Source(Protocol):
    """Tells the offsets at which a node begins and ends."""

    def start(self, node: ast.expr) -> int: ...
    def end(self, node: ast.expr) -> int: ...


class _Script:
    """The offsets of a script's nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.line_starts = _line_starts(text)

    def start(self, node: ast.expr) -> int:
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr) -> int:
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def _offset(self, line: int, byte: int) -> int:
        start = self.line_starts[line - 1]
        return start + len(self.text[start : start + byte].encode()[:byte].decode(errors="ignore"))


_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class _Uses(ast.NodeVisitor):
    """Walks a tree and knows which names are variables of the comprehensions around it."""

    def __init__(self, source: _Source, bound: set[str]) -> None:
        self.source = source
        self.bound = [bound]
        self.names: list[NameUse] = []
        self.keys: list[KeyUse] = []

    def is_free(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and not any(node.id in names for names in self.bound)

    def visit_Name(self, node: ast.Name) -> None:
        if self.is_free(node):
            self.names.append(NameUse(node.id, self.source.start(node)))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and self.is_free(node.value):
            self.keys.append(KeyUse(node.value.id, node.attr, self.source.end(node) - len(node.attr)))
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        match node:
            case ast.Subscript(value=ast.Name(id=root), slice=ast.Constant(value=str(key))) if self.is_free(node.value):
                self.keys.append(KeyUse(root, key, self.source.start(node.slice)))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        # `f(...)` names a function and `x.f(...)` a method, not something that is looked up.
        if isinstance(node.func, ast.Attribute):
            self.visit(node.func.value)
        for argument in [*node.args, *node.keywords]:
            self.visit(argument)

    def _visit_comprehension(self, node: _Comprehension) -> None:
        self.visit(node.generators[0].iter)  # evaluated outside, before the variables exist
        targets = [part for loop in node.generators for part in ast.walk(loop.target)]
        self.bound.append({part.id for part in targets if isinstance(part, ast.Name)})
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for loop in node.generators:
            parts += [*loop.ifs, *([loop.iter] if loop is not node.generators[0] else [])]
        for part in parts:
            self.visit(part)
        self.bound.pop()

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_comprehension
