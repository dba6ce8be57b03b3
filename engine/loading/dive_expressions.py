"""Risor expressions in the language of expressions: the same value, written anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain

from engine.core.expression_errors import ExpressionProblem, shown_text, suggestion
from engine.core.expressions import compile_expression
from engine.loading.dive_calls import (
    AND,
    ATOM,
    CHOICE,
    COMPARE,
    FUNCTIONS,
    METHODS,
    NOT,
    OR,
    PRODUCT,
    REFUSED,
    SIGN,
    STRINGS_MODULE,
    SUM,
    Twin,
)
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
from engine.loading.dive_syntax import parse
from engine.loading.dive_tokens import RisorError, Words, tokenize
from engine.loading.dive_written import (
    Written,
    arithmetic_kind,
    divisibility,
    inner,
    never_negative,
    quotient_in,
    written_key,
    written_literal,
)

_LONGEST_REPEATED = 500
_SPECIAL_FUNCTIONS = ("getattr", "string")


@dataclass
class Names:
    """What names mean at one place of a workflow; collects what is doubtful about their use."""

    inputs: Collection[str]
    stored: Collection[str]
    """Variables that steps store."""
    loop: str | None = None
    """The variable of an `Each`."""
    warnings: list[tuple[str, int]] = field(default_factory=list)
    """Sentences with 0-based offsets."""
    suggestion: Callable[[str, Iterable[str]], str] = suggestion
    """Gives the end of a sentence about an unknown name."""

    def inside(self, loop: str | None) -> Names:
        """The names where the variable of an `Each` exists."""
        return replace(self, loop=loop, warnings=[])


def translate(text: str, names: Names, *, start: int = 0) -> str:
    """The expression that stands in a text from an offset to its end.

    Raises:
        RisorError: it does not parse, uses unknown names, or something that has no counterpart.
    """
    return translate_words(text, tokenize(text, start), names)


def translate_words(text: str, words: Words, names: Names) -> str:
    """The same for words that were found in the text.

    Raises:
        RisorError: as in `translate`.
    """
    tree = parse(text, words)
    try:
        written = _Writer(names).write(tree).text
        compile_expression(written)
    except RecursionError:
        raise RisorError("the expression is nested too deeply", tree.start) from None
    except ExpressionProblem as problem:
        raise RisorError(problem.message, tree.start) from None
    return written


class _Writer:
    """Writes the parts of one syntax tree, each once."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.done: dict[int, Written] = {}

    def write(self, node: Node) -> Written:
        """A part of the tree as it is written anew.

        Raises:
            RisorError: it has no counterpart.
        """
        written = self.done.get(id(node))
        if written is None:
            written = self.done[id(node)] = self.written(node)
        return written

    def written(self, node: Node) -> Written:
        match node:
            case Literal():
                return written_literal(node.value)
            case Name():
                return self.name(node)
            case Group():
                return self.write(node.inner)
            case Pieces():
                return self.pieces(node)
            case ListOf():
                return Written(f"[{', '.join(self.write(item).text for item in node.items)}]", ATOM, "list")
            case MapOf():
                entries = (f"{self.write(key).text}: {self.write(value).text}" for key, value in node.entries)
                return Written(f"{{{', '.join(entries)}}}", ATOM, "map")
            case Attribute():
                return self.attribute(node)
            case Index():
                return Written(f"{self.write(node.base).at(ATOM)}[{self.write(node.key).text}]")
            case Slice():
                low, high = (self.write(part).text if part else "" for part in (node.low, node.high))
                return Written(f"{self.write(node.base).at(ATOM)}[{low}:{high}]")
            case Call():
                return self.call(node)
            case Unary():
                return self.unary(node)
            case Choice():
                return self.choice(node)
        assert isinstance(node, Binary)  # the last kind there is
        return self.binary(node)

    # Names

    def name(self, node: Name) -> Written:
        name, names = node.name, self.names
        if name in ("inputs", "state") or name == names.loop:
            return Written(name)
        if name in names.stored:
            return Written(written_key("state", name))
        if name in names.inputs:
            return Written(written_key("inputs", name))
        raise RisorError(f"unknown name {shown_text(name)}{self._name_hint(name)}", node.start)

    def _name_hint(self, name: str) -> str:
        if name == "documents":
            return "; a document is shown to an agent with Content: [{Document: NAME}]"
        if name in (*FUNCTIONS, *_SPECIAL_FUNCTIONS):
            return f"; {name} is a function, call it: {name}(...)"
        if name in REFUSED:
            return f"; {REFUSED[name]}"
        loop = [self.names.loop] if self.names.loop else []
        return self.names.suggestion(name, chain(loop, self.names.stored, self.names.inputs, ("inputs", "state")))

    def attribute(self, node: Attribute) -> Written:
        base, key = node.base, node.name
        if isinstance(base, Name) and base.name in ("inputs", "state") and base.name != self.names.loop:
            if base.name == "state" and key == self.names.loop and key not in self.names.stored:
                return Written(key)
            self.check_key(base.name, key, node.end - len(key))
            return Written(written_key(base.name, key))
        return Written(written_key(self.write(base).at(ATOM), key))

    def check_key(self, root: str, key: str, offset: int) -> None:
        """Tell a key of `inputs` or `state` that nobody sets."""
        if root == "inputs" and key not in self.names.inputs:
            hint = self.names.suggestion(key, self.names.inputs)
            raise RisorError(f"there is no input {shown_text(key)}{hint}", offset)
        if root == "state" and key not in self.names.stored:
            hint = self.names.suggestion(key, self.names.stored)
            self.names.warnings.append((f"no step stores {shown_text(key)}{hint}", offset))

    # Calls

    def call(self, node: Call) -> Written:
        function = node.function
        if isinstance(function, Attribute):
            return self.method(node, function)
        if not isinstance(function, Name):
            raise RisorError("only functions and methods can be called", node.start)
        name = function.name
        if name == "string":
            self.check_count(node, name, 1)
            return self.as_text(node.arguments[0])
        if name == "getattr":
            return self.getattr(node)
        if name not in FUNCTIONS:
            hint = (
                f"; {REFUSED[name]}"
                if name in REFUSED
                else self.names.suggestion(name, [*FUNCTIONS, *_SPECIAL_FUNCTIONS])
            )
            raise RisorError(f"the function {shown_text(name)} has no counterpart here{hint}", function.start)
        self.check_count(node, name, FUNCTIONS[name].arguments)
        if name == "int" and (quotient := quotient_in(node.arguments[0])):
            return Written(f"int({self.division(quotient)})", ATOM, "int")
        return self.fill(FUNCTIONS[name], node.arguments)

    def check_count(self, node: Call, name: str, *counts: int) -> None:
        """Tell a wrong number of arguments."""
        if len(node.arguments) not in counts:
            wanted = " or ".join(map(str, counts))
            raise RisorError(
                f"{name}() takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(node.arguments)}", node.start
            )

    def fill(self, twin: Twin, parts: tuple[Node, ...]) -> Written:
        texts = [self.write(part) for part in parts]
        first, *others = texts
        filled = twin.pattern.format(first.at(ATOM), *(other.at(SUM) for other in others))
        return Written(filled, twin.level, twin.kind)

    def getattr(self, node: Call) -> Written:
        self.check_count(node, "getattr", 2, 3)
        base, key, *default = node.arguments
        if not isinstance(key, Literal) or not isinstance(key.value, str):
            raise RisorError("getattr() needs the name as text in quotes", key.start)
        path = written_key(self.write(base).at(ATOM), key.value)
        if not default:
            return Written(path)
        return Written(f"get({path}, {self.write(default[0]).text})")

    def method(self, node: Call, function: Attribute) -> Written:
        name, base, offset = function.name, function.base, function.end - len(function.name)
        if isinstance(base, Name) and base.name == "strings" and base.name not in (*self.names.stored, self.names.loop):
            return self.strings_function(node, name, offset)
        if name not in METHODS:
            self.write(base)  # an unknown name says more than an unknown method
            hint = f"; {REFUSED[name]}" if name in REFUSED else self.names.suggestion(name, METHODS)
            raise RisorError(f"the method {shown_text(name)} has no counterpart here{hint}", offset)
        self.check_count(node, name, *METHODS[name])
        if name == "get" and isinstance(base, Name) and base.name in ("inputs", "state"):
            optional = self.optional(node, base.name)
            if optional:
                return optional
        return self.fill(METHODS[name][len(node.arguments)], (base, *node.arguments))

    def optional(self, node: Call, root: str) -> Written | None:
        """`inputs.get("key", default)` of a key that can be written as a path."""
        key, *default = node.arguments
        if not isinstance(key, Literal) or not isinstance(key.value, str):
            return None
        known = self.names.inputs if root == "inputs" else self.names.stored
        if key.value not in known:
            what = "there is no input" if root == "inputs" else "no step stores"
            self.names.warnings.append(
                (f"{what} {shown_text(key.value)}{self.names.suggestion(key.value, known)}", key.start)
            )
        path = written_key(root, key.value)
        return Written(f"get({path}, {self.write(default[0]).text})" if default else f"get({path})")

    def strings_function(self, node: Call, name: str, offset: int) -> Written:
        if name not in STRINGS_MODULE:
            hint = self.names.suggestion(name, STRINGS_MODULE)
            raise RisorError(f"the function {shown_text('strings.' + name)} has no counterpart here{hint}", offset)
        twin = STRINGS_MODULE[name]
        self.check_count(node, f"strings.{name}", twin.arguments)
        if name == "join":
            items, separator = node.arguments
            return Written(f"{self.write(separator).at(ATOM)}.join({self.write(items).text})", ATOM, "text")
        return self.fill(twin, node.arguments)

    # Operators

    def unary(self, node: Unary) -> Written:
        operand = self.write(node.operand)
        if node.operator == "!":
            return Written(f"not {operand.at(NOT)}", NOT, "bool")
        return Written(f"-{operand.at(SIGN)}", SIGN, operand.kind)

    def choice(self, node: Choice) -> Written:
        test, chosen, other = self.write(node.test), self.write(node.chosen), self.write(node.other)
        kind = chosen.kind if chosen.kind == other.kind else ""
        return Written(f"{chosen.at(OR)} if {test.at(OR)} else {other.at(CHOICE)}", CHOICE, kind)

    def binary(self, node: Binary) -> Written:
        match node.operator:
            case "&&":
                return Written(f"{self.write(node.left).at(AND)} and {self.write(node.right).at(NOT)}", AND)
            case "||":
                return Written(f"{self.write(node.left).at(OR)} or {self.write(node.right).at(AND)}", OR)
            case "/":
                return self.quotient(node)
            case "%":
                return self.remainder(node)
            case "+" | "-" | "*":
                return self.arithmetic(node)
        return self.comparison(node)

    def comparison(self, node: Binary) -> Written:
        left, right = self.write(node.left), self.write(node.right)
        operator = node.operator
        if operator in ("==", "!="):
            sides = (inner(node.left), inner(node.right))
            if any(
                isinstance(side, Literal) and (side.value is None or side.value is True or side.value is False)
                for side in sides
            ):
                operator = "is" if operator == "==" else "is not"
            elif (remainder := divisibility(*sides)) is not None:
                left = self.plain(remainder, "%", PRODUCT)
        return Written(f"{left.at(SUM)} {operator} {right.at(SUM)}", COMPARE, "bool")

    def plain(self, node: Binary, operator: str, level: int) -> Written:
        left, right = self.write(node.left), self.write(node.right)
        return Written(f"{left.at(level)} {operator} {right.at(level + 1)}", level, arithmetic_kind(left, right))

    def arithmetic(self, node: Binary) -> Written:
        written = self.plain(node, node.operator, PRODUCT if node.operator == "*" else SUM)
        return written if node.operator == "+" or written.kind in ("int", "float") else written._replace(kind="")

    def quotient(self, node: Binary) -> Written:
        """Risor divides whole numbers without a fraction; which are whole is mostly not known before they are there."""
        kind = arithmetic_kind(self.write(node.left), self.write(node.right))
        if kind == "float":
            return Written(self.division(node), PRODUCT, "float")
        if kind == "int":
            return Written(f"int({self.division(node)})", ATOM, "int")
        raise RisorError(
            "Risor drops the fraction when both numbers are whole; write int(a / b) to drop it, "
            "or float(a) / b to keep it",
            node.at,
        )

    def division(self, node: Binary) -> str:
        return f"{self.write(node.left).at(PRODUCT)} / {self.write(node.right).at(SIGN)}"

    def remainder(self, node: Binary) -> Written:
        """Risor's remainder has the sign of the first number, ours that of the second."""
        left, right = self.write(node.left), self.write(node.right)
        kind = arithmetic_kind(left, right)
        if never_negative(node.left) and never_negative(node.right):
            return self.plain(node, "%", PRODUCT)
        if len(left.text) > _LONGEST_REPEATED or len(right.text) > _LONGEST_REPEATED:
            raise RisorError("this remainder is too long to be written here; store its parts first", node.at)
        a, b = left.at(SIGN), right.at(SIGN)
        same = f"{a} >= 0" if never_negative(node.right) else f"({a} < 0) == ({b} < 0)"
        return Written(f"{a} % {b} if {same} else -(-{a} % {b})", CHOICE, kind)

    # Texts

    def pieces(self, node: Pieces) -> Written:
        parts = [repr(part) if isinstance(part, str) else self.as_text(part).at(PRODUCT) for part in node.parts if part]
        return Written(" + ".join(parts), SUM if len(parts) > 1 else ATOM, "text")

    def as_text(self, node: Node) -> Written:
        value = self.write(node)
        if value.kind == "text":
            return value
        if value.kind == "bool":
            return Written(f"'true' if {value.at(OR)} else 'false'", CHOICE, "text")
        if value.kind == "none":
            return Written("'nil'", ATOM, "text")
        return Written(f"str({value.text})", ATOM, "text")
