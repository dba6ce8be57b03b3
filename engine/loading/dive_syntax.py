"""Risor expressions as syntax trees.

Risor's operators bind in an order of its own: `&&` and `||` alike and from left to right, `? :` tighter than both,
`%` tighter than `*`, `in` tightest of all. Every expression is therefore parsed in that order and in the usual one;
where the two trees differ, the person who reads it and the program that ran it understood different things, and that
is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.core.expression_errors import shown_text
from engine.loading.dive_nodes import (
    Attribute,
    Binary,
    Call,
    Choice,
    Group,
    Index,
    ListOf,
    Literal,
    MapOf,
    Name,
    Node,
    Pieces,
    Slice,
    Unary,
)
from engine.loading.dive_tokens import RisorError, Token, Words

_LEVELS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("&&", "||"), 1),
    "?": 2,
    **dict.fromkeys(("==", "!="), 3),
    **dict.fromkeys(("<", "<=", ">", ">="), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/"), 6),
    "%": 7,
    "in": 10,
}
_USUAL_LEVELS: Final[Mapping[str, int]] = {**_LEVELS, "?": -2, "||": -1, "&&": 0, "%": 6, "in": 4}
_PREFIX, _POSTFIX = 8, 11
_LOWEST = -10
_DEEPEST = 60
_WHOLE = range(-(2**63), 2**63)

_REFUSED_NAMES: Final = {
    "func": "a function cannot be written here",
    "for": "a loop cannot be written here",
    "switch": "'switch' cannot be written here; use condition ? a : b",
    "import": "nothing can be imported here",
    "from": "nothing can be imported here",
    "var": "nothing can be assigned here",
    "const": "nothing can be assigned here",
    "return": "'return' is not part of an expression",
    "break": "'break' is not part of an expression",
    "continue": "'continue' is not part of an expression",
    "range": "'range' is not part of an expression here",
    "defer": "'defer' is not part of an expression",
    "go": "'go' is not part of an expression",
    "struct": "'struct' is not part of an expression",
    "try": "'try' has no counterpart here; inputs.get(\"name\", default) asks whether there is a value",
}
_REFUSED_SYMBOLS: Final = {
    "|": "a pipe cannot be written here; call the function: len(items)",
    "&": "'&' is not part of an expression; 'and' is written &&",
    "**": "'**' has no counterpart here; multiply instead",
    ";": "a second statement begins here; an expression is a single value",
    "<-": "channels are not part of an expression",
    **dict.fromkeys((":=", "=", "+=", "-=", "*=", "/=", "++", "--"), "nothing can be assigned here"),
}


def parse(text: str, words: Words) -> Node:
    """The syntax tree of an expression whose words stand in this text.

    Raises:
        RisorError: it is no single expression, or people would read it in another way than Risor does.
    """
    try:
        tree = _Parser(words.tokens, _LEVELS).whole()
        usual = _Parser(words.tokens, _USUAL_LEVELS).whole()
        if tree == usual:
            return tree
        mine, other = _difference(tree, usual)
    except RecursionError:
        raise RisorError("the expression is nested too deeply", words.tokens[0].start) from None
    readings = f"{_shown(text, mine)}, but reads like {_shown(text, other)}"
    message = f"put parentheses here: Risor takes this for {readings}"
    raise RisorError(message, mine.at if isinstance(mine, Binary | Choice) else mine.start)


def _difference(one: Node, other: Node) -> tuple[Node, Node]:
    """The innermost parts of two trees of the same words that differ as a whole."""
    if type(one) is type(other) and (one.start, one.end) == (other.start, other.end):
        pairs = list(zip(_children(one), _children(other), strict=False))
        same_place = all((a.start, a.end) == (b.start, b.end) for a, b in pairs)
        if same_place and getattr(one, "at", 0) == getattr(other, "at", 0):
            return next(_difference(a, b) for a, b in pairs if a != b)
    return one, other


def _children(node: Node) -> list[Node]:
    found: list[Node] = []
    for value in vars(node).values():
        for item in value if isinstance(value, tuple) else (value,):
            found += [part for part in (item if isinstance(item, tuple) else (item,)) if isinstance(part, Node)]
    return found


def _shown(text: str, node: Node) -> str:
    """A part of an expression with the parentheses it does without."""
    return shown_text(_spelled(text, node), 120)


def _spelled(text: str, node: Node, *, inside: bool = False) -> str:
    match node:
        case Binary():
            left, right = _spelled(text, node.left, inside=True), _spelled(text, node.right, inside=True)
            spelled = f"{left} {node.operator} {right}"
        case Choice():
            test, chosen, other = (_spelled(text, part, inside=True) for part in (node.test, node.chosen, node.other))
            spelled = f"{test} ? {chosen} : {other}"
        case Unary():
            spelled = node.operator + _spelled(text, node.operand, inside=True)
        case _:
            return " ".join(text[node.start : node.end].split())
    return f"({spelled})" if inside else spelled


class _Parser:
    """Precedence climbing over the words of one expression."""

    def __init__(self, tokens: tuple[Token, ...], levels: Mapping[str, int]) -> None:
        self.tokens = tokens
        self.levels = levels
        self.place = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def at_symbol(self, *symbols: str) -> bool:
        return self.next.kind == "symbol" and self.next.text in symbols

    def expect(self, symbol: str, where: str) -> Token:
        if not self.at_symbol(symbol):
            raise self.unexpected(f"; {where} needs {symbol!r} here")
        return self.take()

    def unexpected(self, hint: str = "") -> RisorError:
        token = self.next
        if token.kind == "end":
            return RisorError(f"the expression ends too early{hint}", token.start)
        if token.begins_line:
            return RisorError(_REFUSED_SYMBOLS[";"], token.start)
        if token.kind == "symbol" and token.text in _REFUSED_SYMBOLS:
            return RisorError(_REFUSED_SYMBOLS[token.text], token.start)
        if token.kind == "name" and token.text in _REFUSED_NAMES:
            return RisorError(_REFUSED_NAMES[token.text], token.start)
        return RisorError(f"{shown_text(token.text)} does not belong here{hint}", token.start)

    def whole(self) -> Node:
        if self.is_over():
            raise RisorError("the expression is empty", self.next.start)
        node = self.expression(_LOWEST)
        if not self.is_over():
            raise self.unexpected()
        return node

    def is_over(self) -> bool:
        return self.next.kind == "end"

    def expression(self, level: int) -> Node:
        """An expression of operators that bind tighter than `level`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RisorError("the expression is nested too deeply", self.next.start)
        node = self.prefix()
        while (binds := self.infix_level()) is not None and binds > level:
            node = self.choice(node) if self.at_symbol("?") else self.binary(node, binds)
        self.depth -= 1
        return node

    def infix_level(self) -> int | None:
        token = self.next
        if token.kind not in ("symbol", "name") or token.begins_line:
            return None
        return self.levels.get(token.text)

    def binary(self, left: Node, level: int) -> Node:
        operator = self.take()
        right = self.expression(level)
        return Binary(left.start, right.end, operator.text, operator.start, left, right)

    def choice(self, test: Node) -> Node:
        mark = self.take()
        chosen = self.expression(_LOWEST)
        self.expect(":", "a choice")
        other = self.expression(_LOWEST)
        return Choice(test.start, other.end, mark.start, test, chosen, other)

    def prefix(self) -> Node:
        if self.at_symbol("!", "-"):
            sign = self.take()
            operand = self.expression(_PREFIX)
            return Unary(sign.start, operand.end, sign.text, operand)
        return self.postfix(self.atom())

    def postfix(self, node: Node) -> Node:
        while self.at_symbol(".", "[", "(") and not (self.next.begins_line and not self.at_symbol(".")):
            opener = self.take().text
            if opener == ".":
                if self.next.kind != "name":
                    raise self.unexpected("; a name follows a '.'")
                name = self.take()
                node = Attribute(node.start, name.end, node, name.text)
            elif opener == "(":
                arguments = self.listed(")", "a call")
                node = Call(node.start, self.take().end, node, arguments)
            else:
                node = self.item(node)
        return node

    def item(self, base: Node) -> Node:
        low = None if self.at_symbol(":") else self.expression(_LOWEST)
        if low is not None and self.at_symbol("]"):
            return Index(base.start, self.take().end, base, low)
        self.expect(":", "an index")
        high = None if self.at_symbol("]") else self.expression(_LOWEST)
        return Slice(base.start, self.expect("]", "a slice").end, base, low, high)

    def listed(self, closing: str, what: str) -> tuple[Node, ...]:
        """Expressions between commas; the closing bracket is next."""
        items: list[Node] = []
        while not self.at_symbol(closing):
            items.append(self.expression(_LOWEST))
            if not self.at_symbol(closing):
                self.expect(",", what)
        return tuple(items)

    def atom(self) -> Node:
        token = self.next
        span = (token.start, token.end)
        if token.kind == "number":
            self.take()
            return Literal(*span, _number(token))
        if token.kind == "text":
            self.take()
            return Literal(*span, token.text)
        if token.kind == "pieces":
            self.take()
            parts = [part if isinstance(part, str) else _Parser(part, self.levels).whole() for part in token.pieces]
            return Pieces(*span, tuple(parts))
        if token.kind == "name":
            return self.word()
        if self.at_symbol("("):
            self.take()
            inner = self.expression(_LOWEST)
            return Group(token.start, self.expect(")", "a parenthesis").end, inner)
        if self.at_symbol("["):
            self.take()
            items = self.listed("]", "a list")
            return ListOf(token.start, self.take().end, items)
        if self.at_symbol("{"):
            return self.mapping()
        raise self.unexpected()

    def word(self) -> Node:
        token = self.next
        if token.text == "if":
            return self.conditional()
        if token.text in _REFUSED_NAMES or token.text in ("in", "else", "not"):
            raise self.unexpected("; 'not' is written !" if token.text == "not" else "")
        self.take()
        constants = {"true": True, "false": False, "nil": None}
        if token.text in constants:
            return Literal(token.start, token.end, constants[token.text])
        return Name(token.start, token.end, token.text)

    def conditional(self) -> Node:
        """`if test { a } else { b }`, each branch a single expression."""
        word = self.take()
        test = self.expression(_LOWEST)
        chosen, end = self.branch()
        other: Node = Literal(end, end, None)
        if self.next.kind == "name" and self.next.text == "else":
            self.take()
            if self.next.text == "if":
                other = self.conditional()
                end = other.end
            else:
                other, end = self.branch()
        return Group(word.start, end, Choice(word.start, end, word.start, test, chosen, other))

    def branch(self) -> tuple[Node, int]:
        self.expect("{", "'if'")
        node = self.expression(_LOWEST)
        return node, self.expect("}", "'if'").end

    def mapping(self) -> Node:
        start = self.take().start
        entries: list[tuple[Node, Node]] = []
        while not self.at_symbol("}"):
            key = self.expression(_LOWEST)
            if not self.at_symbol(":"):
                if self.at_symbol(",", "}"):
                    raise RisorError("a set cannot be written here; write a list", start)
                raise self.unexpected("; a mapping needs ':' here")
            self.take()
            bare = isinstance(key, Name)
            entries.append(
                (
                    Literal(key.start, key.end, key.name) if isinstance(key, Name) and bare else key,
                    self.expression(_LOWEST),
                )
            )
            if not self.at_symbol("}"):
                self.expect(",", "a mapping")
        return MapOf(start, self.take().end, tuple(entries))


def _number(token: Token) -> int | float:
    if "." in token.text:
        value = float(token.text)
        if value == float("inf"):
            raise RisorError("the number is too large", token.start)
        return value
    base = {"0x": 16, "0b": 2}.get(token.text[:2].lower(), 10)
    digits = token.text if base == 10 else token.text[2:]
    if len(digits) > 64 or int(digits, base) not in _WHOLE:
        raise RisorError("the number is too large", token.start)
    return int(digits, base)
