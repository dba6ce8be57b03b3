"""Which names an expression uses, and which keys it looks up in them, each with its place in the text."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import NamedTuple

from engine.core.expression_source import ParsedSource, parse_source


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
    visitor = _Uses(source)
    visitor.visit(source.tree)
    return tuple(visitor.names), tuple(visitor.keys)


_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class _Uses(ast.NodeVisitor):
    """Walks a tree and knows which names are variables of the comprehensions around it."""

    def __init__(self, source: ParsedSource) -> None:
        self.source = source
        self.bound: list[set[str]] = []
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
