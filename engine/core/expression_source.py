"""From text to a syntax tree: the scan every expression passes before Python's parser sees it, and positions.

The scan finds where strings and brackets end. Templates use it to find the brace that closes `${`; whole expressions
use it to give the same language on every Python version (newer ones accept quotes inside f-string fields that older
ones do not) and to keep the parser from writing warnings about doubtful escapes to the terminal.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from typing import NamedTuple

from engine.core.expression_errors import ExpressionSyntaxError

MAX_SOURCE = 10_000
"""Characters an expression may have."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>\#[^\r\n]*)
      | (?P<prefix>(?:[rbfu]|[bf]r|r[bf])?)(?P<quote>'''|\"""|'|")
      | (?P<number>[0-9]\w*)
      | (?P<word>\w+)
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | (?P<foreign>&&|\|\||!(?!=)|\?|\$|;|\x00)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_REST_OF_STRING = {
    "'": re.compile(r"(?:[^\\\r\n']|\\\r\n|\\.)*'", re.DOTALL),
    '"': re.compile(r'(?:[^\\\r\n"]|\\\r\n|\\.)*"', re.DOTALL),
    "'''": re.compile(r"(?:[^\\]|\\.)*?'''", re.DOTALL),
    '"""': re.compile(r'(?:[^\\]|\\.)*?"""', re.DOTALL),
}
_ESCAPE = re.compile(r"\\(?:(?P<good>[\r\n\\'\"abfnrtvxNuU]|[0-3][0-7]{0,2}|[4-7][0-7]?(?![0-7]))|.)", re.DOTALL)
_NUMBER = re.compile(r"0x[0-9a-f_]+|0o[0-7_]+|0b[01_]+|[0-9_]+(?:e[0-9_]*)?j?", re.IGNORECASE)
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_FOREIGN = {
    "&&": "write 'and' instead of '&&'",
    "||": "write 'or' instead of '||'",
    "!": "write 'not' instead of '!'",
    "?": "'?' is not part of expressions; a choice is written: a if condition else b",
    "$": "'$' is not part of expressions; inside ${...} names stand alone",
    ";": "an expression is a single value; ';' is not part of it",
    "\0": "a null character is not part of expressions",
}


_NO_TREE = ast.Constant(None)


class Scan(NamedTuple):
    """The extent of an expression and of the strings in it, as offsets into the scanned text."""

    end: int
    """Where the text ends, or the offset of the brace that closes it."""
    strings: list[tuple[int, int]]


class ParsedSource(NamedTuple):
    """A syntax tree with what turns its positions into columns of the text it came from."""

    text: str
    tree: ast.expr
    line_starts: list[int]

    def offset(self, line: int, byte_column: int) -> int:
        """The 0-based character offset of a position as the syntax tree states it (line from 1, UTF-8 bytes)."""
        if line == 1:
            byte_column -= 1  # the parenthesis parse_source puts before the text
        line = min(max(line, 1), len(self.line_starts))
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        before = self.text[start:end].encode()[: max(byte_column, 0)]
        return start + len(before.decode(errors="ignore"))

    def without_tree(self) -> ParsedSource:
        """The same positions, for those who keep them longer than the tree."""
        return self._replace(tree=_NO_TREE)

    def start(self, node: ast.expr) -> int:
        """The 0-based offset of a node's first character."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr) -> int:
        """The 0-based offset just after a node's last character."""
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def error(self, message: str, offset: int) -> ExpressionSyntaxError:
        """A syntax error at a 0-based offset."""
        return ExpressionSyntaxError(message, offset + 1, self.text)


def scan_source(text: str, start: int = 0, *, until_brace: bool = False) -> Scan:
    """Walk the tokens of an expression from `start` to its end.

    With `until_brace` the end is the first `}` that closes nothing inside the expression; `end` is `len(text)` when
    there is none. Columns of errors count from the beginning of `text`.

    Raises:
        ExpressionSyntaxError: a string or bracket is not closed, or a token is none of Python's.
    """
    strings: list[tuple[int, int]] = []
    open_brackets: list[int] = []
    position = start

    def error(message: str, offset: int) -> ExpressionSyntaxError:
        return ExpressionSyntaxError(message, offset + 1, text)

    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None  # the last alternative takes any character
        kind, end = token.lastgroup, token.end()
        if kind == "quote":
            end = _string_end(text, token)
            strings.append((position, end))
        elif kind == "number" and not _NUMBER.fullmatch(token[0]):
            raise error(f"{token[0][:30]!r} is not a number; put a space between a number and a word", position)
        elif kind == "foreign":
            raise error(_FOREIGN[token[0]], position)
        elif kind == "open":
            open_brackets.append(position)
        elif kind == "close":
            if not open_brackets and until_brace and token[0] == "}":
                break
            opened = open_brackets.pop() if open_brackets else None
            if opened is None or _CLOSES[text[opened]] != token[0]:
                what = "nothing that is open" if opened is None else f"no {text[opened]!r}"
                raise error(f"{token[0]!r} closes {what}", position)
        position = end
    else:
        if open_brackets and not until_brace:
            raise error(f"{text[open_brackets[-1]]!r} is never closed", open_brackets[-1])
    return Scan(position, strings)


def _string_end(text: str, opening: re.Match[str]) -> int:
    """The offset after a string's closing quote; its escapes are checked on the way."""
    rest = _REST_OF_STRING[opening["quote"]].match(text, opening.end())
    if rest is None:
        raise ExpressionSyntaxError("the string that starts here is never closed", opening.start() + 1, text)
    if "r" not in opening["prefix"].lower():
        for escape in _ESCAPE.finditer(text, opening.end(), rest.end() - len(opening["quote"])):
            if escape["good"] is None:
                written = f"'{escape[0]}'" if escape[0].isprintable() else "this"
                message = f"{written} is no escape; a backslash itself is written twice"
                raise ExpressionSyntaxError(message, escape.start() + 1, text)
    return rest.end()


def parse_source(text: str) -> ParsedSource:
    """The syntax tree of an expression.

    Raises:
        ExpressionSyntaxError: the text is empty, too long, or not one Python expression.
    """
    _check_characters(text)
    strings = scan_source(text).strings
    line_starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
    source = ParsedSource(text, _NO_TREE, line_starts)
    try:
        # The parentheses let an expression span lines; the newline ends a comment in its last line. The scan has
        # made sure that the text cannot close them.
        tree = ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError as problem:
        raise _syntax_error(source, strings, problem) from None
    except (RecursionError, MemoryError):
        raise source.error("the expression is nested too deeply", 0) from None
    source = source._replace(tree=tree)
    if isinstance(tree, ast.GeneratorExp) and (tree.lineno, tree.col_offset) == (1, 0):
        raise source.error("a comprehension is written in brackets: [... for ... in ...]", 0)
    _check_fields(source, strings)
    return source


def _syntax_error(source: ParsedSource, strings: list[tuple[int, int]], problem: SyntaxError) -> ExpressionSyntaxError:
    """What Python's parser found, in terms of the text without the parentheses around it."""
    text, message, line = source.text, problem.msg, problem.lineno or 1
    if message.startswith("f-string"):
        return source.error(message, _broken_f_string(text, strings))
    if line > len(source.line_starts):
        return source.error("the expression ends too early", len(text.rstrip()))
    offset = source.line_starts[line - 1] + (problem.offset or 1) - (2 if line == 1 else 1)
    message = message.replace("'==' or ':=' instead", "'==' instead").partition(": value has")[0]
    return source.error(message, min(max(offset, 0), len(text)))


def _broken_f_string(text: str, strings: list[tuple[int, int]]) -> int:
    """Where the first f-string starts that does not parse; older Pythons tell no position inside one."""
    for start, end in strings[:-1]:
        try:
            ast.parse(text[start:end], mode="eval")
        except SyntaxError:
            return start
    return strings[-1][0]


def _check_characters(text: str) -> None:
    if not text.strip():
        raise ExpressionSyntaxError("the expression is empty", 1, text)
    if len(text) > MAX_SOURCE:
        raise ExpressionSyntaxError(f"the expression is longer than {MAX_SOURCE:,} characters", 1, text)
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise ExpressionSyntaxError("half of a surrogate pair is not a character", problem.start + 1, text) from None


def _check_fields(source: ParsedSource, strings: list[tuple[int, int]]) -> None:
    """Hold f-string fields to what every supported Python reads the same way."""
    starts = [start for start, _ in strings]
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FormattedValue):
            continue
        start, end = source.start(node.value), source.end(node.value)
        around = bisect_right(starts, start) - 1
        if end >= strings[around][1] or "\\" in source.text[start:end]:
            message = "a field of an f-string holds neither backslashes nor the quotes around the f-string"
            raise source.error(message, start)
