"""YAML 1.2 (core schema) as plain data, with the place of every key and value.

Deliberately less than YAML: one document, no tags, anchors, aliases or merge keys, text keys, no key twice. What is
left means the same to every reader, and a small file cannot stand for a large structure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import yaml

from engine.core.expression_errors import shown_text
from engine.loading.files import MAX_BYTES
from engine.loading.problems import INVALID, Invalid, LoadError, Location, Position, Problem

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 250_000

# Control characters, the byte order mark, and what YAML 1.1 takes for line breaks but editors and YAML 1.2 do not.
_UNUSABLE_CHARACTER = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MOST_DIGITS = 30


class Document(NamedTuple):
    """A parsed file: `data` (with `INVALID` where a problem is), the problems found, and where everything stands."""

    data: Any
    problems: list[Problem]
    positions: Positions


class Positions:
    """Where the keys and values of a document stand."""

    def __init__(self) -> None:
        self.keys: dict[Location, Position] = {}
        self.values: dict[Location, Position] = {}
        self.texts: dict[Location, tuple[Position, str]] = {}
        """Texts that stand in the file as they are, on one line or as a literal block (`|`), and where they start."""

    def key(self, path: Location) -> Position:
        """Where the key of a mapping's entry stands; for an item of a list, the item itself."""
        return self.keys.get(path) or self.value(path)

    def value(self, path: Location) -> Position:
        """Where a value begins; for a path that leads nowhere, the last thing on the way that exists."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values[path]

    def inside(self, path: Location, offset: int) -> Position:
        """The place of a character of a text; where it cannot be counted (folded, escaped), where the text begins."""
        if path not in self.texts:
            return self.value(path)
        start, text = self.texts[path]
        line_start = text.rfind("\n", 0, offset) + 1
        return Position(start.line + text.count("\n", 0, offset), start.column + offset - line_start)


def load_yaml(source: bytes, file: str) -> Document:
    """Parse the content of a file; `file` is how problems call it.

    Raises:
        LoadError: nothing can be made of it: not text, not YAML, too large, too deep, or more than one document.
    """
    text = _decode(source, file)
    try:
        return _Loader(text, file).load()
    except yaml.YAMLError as error:
        raise LoadError([_syntax_problem(text, file, error)]) from None


def _decode(source: bytes, file: str) -> str:
    if len(source) > MAX_BYTES:
        raise LoadError.about(file, f"larger than {MAX_BYTES // 1024**2} MiB")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LoadError.about(file, f"not a text file in UTF-8 (byte {error.start + 1} does not belong)") from None
    if "\0" in text:
        raise LoadError.about(file, "a binary file, not a text file")
    unusable = _UNUSABLE_CHARACTER.search(text)
    if unusable:
        message = f"the character U+{ord(unusable[0]):04X} cannot stand here; write it as an escape in double quotes"
        raise LoadError.about(file, message, _position_of(text, unusable.start()))
    return text


def _position_of(text: str, index: int) -> Position:
    before = _LINE_BREAK.split(text[:index])
    return Position(len(before), len(before[-1]) + 1)


class _Loader:
    """Builds one document out of the parser's events, so that depth and size are known before anything is built."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self.positions = Positions()
        self.problems: list[Problem] = []
        self.count = 0
        lines = _LINE_BREAK.split(text)
        if len(lines) > 1 and not lines[-1]:
            lines.pop()
        self.end = Position(len(lines), len(lines[-1]) + 1)

    def load(self) -> Document:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise LoadError.about(self.file, "the file is empty")
        data = self.value(next(self.events), ())
        next(self.events)
        following = next(self.events)
        if isinstance(following, yaml.DocumentStartEvent):
            message = "a second document begins here; a file holds one"
            raise LoadError.about(self.file, message, self.position(following))
        return Document(data, self.problems, self.positions)

    def position(self, event: Any) -> Position:
        mark = event.start_mark
        # What is left out at the end of a file is marked after its last line.
        return min(Position(mark.line + 1, mark.column + 1), self.end)

    def problem(self, event: Any, message: str) -> Invalid:
        self.problems.append(Problem(self.file, *self.position(event), message))
        return INVALID

    def value(self, event: Any, path: Location) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise LoadError.about(self.file, f"more than {MAX_VALUES:,} values", self.position(event))
        if len(path) > MAX_DEPTH:
            raise LoadError.about(self.file, f"nested deeper than {MAX_DEPTH} levels", self.position(event))
        self.positions.values[path] = self.position(event)
        if isinstance(event, yaml.AliasEvent):
            message = f"aliases are not supported; write the value out, or put the text '*{event.anchor}' in quotes"
            return self.problem(event, message)
        value = self.content(event, path)
        if event.anchor is not None:
            return self.problem(event, "anchors are not supported; a text that begins with '&' must be in quotes")
        if event.tag is not None:
            return self.problem(event, "tags are not supported; a text that begins with '!' must be in quotes")
        return value

    def content(self, event: Any, path: Location) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.scalar(event, path)

    def sequence(self, path: Location) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, path: Location) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, path, entries)
            if key is None:
                self.skip(next(self.events))
                continue
            self.positions.keys[*path, key] = self.position(event)
            entries[key] = self.value(next(self.events), (*path, key))
        return entries

    def key(self, event: Any, path: Location, entries: dict[str, Any]) -> str | None:
        """The text of a key, or None with a problem told."""
        plain = isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None
        if not plain:
            self.skip(event)
            self.problem(event, "a key must be plain text")
            return None
        key: str = event.value
        if event.implicit[0] and key == "<<":
            self.problem(event, "merge keys ('<<') are not supported; write the entries out")
        elif event.implicit[0] and not isinstance(_resolve(key), str):
            hint = f"; put it in quotes: {shown_text(key)}" if key else ", not empty"
            self.problem(event, f"a key must be text{hint}")
        elif key in entries:
            first = self.positions.keys[*path, key]
            self.problem(event, f"the key {shown_text(key)} stands here twice; the first is on line {first.line}")
        else:
            return key
        return None

    def skip(self, event: Any) -> None:
        """Pass over a whole value that has no place in the data."""
        depth = 0
        while True:
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                depth += 1
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                depth -= 1
            if depth == 0:
                return
            event = next(self.events)

    def scalar(self, event: Any, path: Location) -> Any:
        raw: str = event.value
        value = _resolve(raw) if event.implicit[0] else raw
        if isinstance(value, Invalid):
            return self.problem(
                event, f"{shown_text(raw)} is no number that can be kept; put it in quotes if text is meant"
            )
        if isinstance(value, str):
            self.note_text(event, path)
        return value

    def note_text(self, event: Any, path: Location) -> None:
        """Note where a text's first character stands, if the others follow it as they are."""
        if event.style == "|":
            self.note_block(event, path)
            return
        quotes = 1 if event.style in {"'", '"'} else 0
        written = self.text[event.start_mark.index + quotes : event.end_mark.index - quotes]
        if written == event.value:
            start = self.position(event)
            self.positions.texts[path] = Position(start.line, start.column + quotes), written

    def note_block(self, event: Any, path: Location) -> None:
        """The same for a literal block: its lines are those of the file without their indentation."""
        _, *written = _LINE_BREAK.split(self.text[event.start_mark.index : event.end_mark.index])
        lines = event.value.rstrip("\n").split("\n")
        indent = next((len(line) - len(text) for line, text in zip(written, lines, strict=False) if text), 0)
        self.positions.texts[path] = Position(self.position(event).line + 1, indent + 1), event.value


def _resolve(raw: str) -> Any:
    """What an unquoted scalar means in the core schema; `INVALID` for a number JSON cannot hold."""
    if raw in _NULL:
        return None
    if raw in _BOOLEAN:
        return _BOOLEAN[raw]
    if _INTEGER.fullmatch(raw):
        return _integer(raw)
    if _FLOAT.fullmatch(raw):
        number = float(raw)
        return number if math.isfinite(number) else INVALID
    return INVALID if _NOT_FINITE.fullmatch(raw) else raw


def _integer(raw: str) -> int | Invalid:
    if len(raw) > _MOST_DIGITS:
        return INVALID
    base = {"0o": 8, "0x": 16}.get(raw[:2], 10)
    number = int(raw[2:] if base != 10 else raw, base)
    return number if -(2**63) <= number < 2**64 else INVALID


def _syntax_problem(text: str, file: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Problem(file, None, None, f"not YAML: {error}")
    index = min(mark.index, len(text.rstrip()))
    context = getattr(error, "context_mark", None)
    if context is not None and mark.index >= len(text.rstrip()):
        opened = text[context.index : context.index + 1]
        if opened in {"'", '"', "[", "{"}:
            position = _position_of(text, context.index)
            return Problem(file, *position, f"the {opened} that stands here is never closed")
    reason = str(getattr(error, "problem", error))
    return Problem(file, *_position_of(text, index), f"not YAML: {reason}{_syntax_hint(text, index, reason)}")


def _syntax_hint(text: str, index: int, reason: str) -> str:
    """What was probably meant, as the end of a sentence."""
    before, at = text[:index], text[index : index + 1]
    indent = before[before.rfind("\n") + 1 :] + at
    if "\t" in indent and not indent.strip():
        return "; indent with spaces, not with tabs"
    if at == "{" and before.endswith("$"):
        return '; inside [ ] or { } a template must be in quotes: "${...}"'
    if reason.startswith("mapping values"):
        return "; is the indentation right? A text that holds ': ' must be in quotes"
    if not at:
        return "; the file ends here"
    if "alphabetic" in reason or reason.startswith("found character"):
        opener = at if reason.startswith("found character") else before[-1:]
        return f"; a text that begins with {opener!r} must be in quotes"
    return ""
