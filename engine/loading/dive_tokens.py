"""The words of a Risor expression, each with its place in the text it stands in."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

MAX_SOURCE: Final = 10_000
"""Characters an expression may have."""

TokenKind = Literal["number", "name", "text", "pieces", "symbol", "end"]

_WORD = re.compile(
    r"""(?P<newline>\r\n|\r|\n)
      | (?P<space>[ \t]+)
      | (?P<comment>(?:\#|//)[^\r\n]*|/\*.*?\*/)
      | (?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+(?:\.[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<raw>`[^`]*`)
      | (?P<quote>["'])
      | (?P<symbol>&&|\|\||\*\*|:=|\+\+|--|[-+*/=!<>]=|<-|[-+*/%=!<>?:.,;()\[\]{}|&])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[^\\\r\n\"'{]+")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_CODES = {"x": 2, "u": 4, "U": 8}
_LETTER_AFTER_NUMBER = re.compile(r"[A-Za-z_.]")


class RisorError(ValueError):
    """One clear sentence about an expression, and the 0-based offset in its text it is about."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Token(NamedTuple):
    """One word of an expression."""

    kind: TokenKind
    text: str
    """As written; of a text without interpolation its value."""
    start: int
    end: int
    begins_line: bool
    """Whether it is the first on its line and no bracket is open."""
    pieces: tuple[str | tuple[Token, ...], ...] = ()
    """Of a text with interpolation: its literal parts, and the words of each `{expression}`."""


class Words(NamedTuple):
    """The words of an expression, the last one of kind `end`, and the offset where it ends."""

    tokens: tuple[Token, ...]
    end: int


def tokenize(text: str, start: int = 0, *, until_brace: bool = False) -> Words:
    """The words from an offset to the end of a text; with `until_brace` to the first `}` that closes nothing.

    Raises:
        RisorError: a string or bracket is never closed, a character or an escape means nothing, or it is too long or
            nested too deeply.
    """
    try:
        return _words(text, start, until_brace)
    except RecursionError:
        raise RisorError("the expression is nested too deeply", start) from None


def _words(text: str, start: int, until_brace: bool) -> Words:
    tokens: list[Token] = []
    brackets: list[tuple[str, int]] = []
    position, new_line = start, False
    while position < len(text):
        if position - start > MAX_SOURCE:
            raise RisorError(f"the expression is longer than {MAX_SOURCE:,} characters", start)
        word = _WORD.match(text, position)
        assert word is not None  # the last alternative takes any character
        kind, end = word.lastgroup, word.end()
        if kind == "newline":
            new_line = True
        elif kind not in ("space", "comment"):
            if until_brace and not brackets and word[0] == "}":
                break
            token = _token(text, word, begins_line=new_line and not brackets and bool(tokens))
            _follow_brackets(brackets, token)
            tokens.append(token)
            new_line, end = False, token.end
        position = end
    if brackets:
        raise RisorError(f"{brackets[-1][0]!r} is never closed", brackets[-1][1])
    tokens.append(Token("end", "", position, position, False))
    return Words(tuple(tokens), position)


_CLOSES = {")": "(", "]": "[", "}": "{"}


def _follow_brackets(brackets: list[tuple[str, int]], token: Token) -> None:
    if token.kind != "symbol":
        return
    if token.text in _CLOSES.values():
        brackets.append((token.text, token.start))
    elif token.text in _CLOSES:
        opened = brackets.pop()[0] if brackets else None
        if opened != _CLOSES[token.text]:
            what = "nothing that is open" if opened is None else f"no {opened!r}"
            raise RisorError(f"{token.text!r} closes {what}", token.start)


def _token(text: str, word: re.Match[str], *, begins_line: bool) -> Token:
    start, end = word.span()
    match word.lastgroup:
        case "quote":
            return _quoted(text, start, begins_line)
        case "raw":
            return Token("text", word[0][1:-1], start, end, begins_line)
        case "number":
            if _LETTER_AFTER_NUMBER.match(text, end) or (len(word[0]) > 1 and re.match("0[0-9]", word[0])):
                raise RisorError("this is no number; numbers are written 12, 1.5, 0xff or 0b101", start)
            return Token("number", word[0], start, end, begins_line)
        case "name":
            return Token("name", word[0], start, end, begins_line)
        case "symbol":
            return Token("symbol", word[0], start, end, begins_line)
    if word[0] == "`":
        raise RisorError("the string that starts here is never closed", start)
    raise RisorError(f"the character {word[0]!r} means nothing in an expression", start)


def _quoted(text: str, start: int, begins_line: bool) -> Token:
    """A string in quotes; in single ones `{expression}` is interpolated."""
    quote, position = text[start], start + 1
    pieces: list[str | tuple[Token, ...]] = []
    literal = ""
    while position < len(text) and text[position] not in "\r\n":
        if plain := _PLAIN.match(text, position):
            literal, position = literal + plain[0], plain.end()
        elif text[position] == quote:
            end = position + 1
            if not pieces:
                return Token("text", literal, start, end, begins_line)
            return Token("pieces", text[start:end], start, end, begins_line, (*pieces, literal))
        elif text[position] == "\\":
            character, position = _escape(text, position)
            literal += character
        elif text[position] == "{" and quote == "'":
            field, position = _field(text, position)
            pieces += [literal, field]
            literal = ""
        else:
            literal, position = literal + text[position], position + 1
    raise RisorError("the string that starts here is never closed", start)


def _field(text: str, start: int) -> tuple[tuple[Token, ...], int]:
    """The words of an interpolated expression, and the offset after its closing brace."""
    tokens, end = _words(text, start + 1, until_brace=True)
    if end == len(text):
        raise RisorError("this '{' is never closed; a literal one stands in double quotes", start)
    if len(tokens) == 1:
        raise RisorError("'{}' holds no expression; a literal one stands in double quotes", start)
    return tokens, end + 1


def _escape(text: str, start: int) -> tuple[str, int]:
    """The character that an escape stands for, and the offset after it."""
    letter = text[start + 1 : start + 2]
    if letter in _CODES:
        digits = text[start + 2 : start + 2 + _CODES[letter]]
        if len(digits) == _CODES[letter] and re.fullmatch("[0-9a-fA-F]+", digits):
            code = int(digits, 16)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                return chr(code), start + 2 + len(digits)
        raise RisorError(f"'\\{letter}' needs the {_CODES[letter]} hexadecimal digits of a character", start)
    if letter in _ESCAPES:
        return _ESCAPES[letter], start + 2
    if letter and letter in "\\\"'`{}/":
        return letter, start + 2
    raise RisorError("this is no escape; a backslash itself is written twice", start)
