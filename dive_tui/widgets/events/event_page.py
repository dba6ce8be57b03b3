"""A page of styled lines, filled section by section at a given width: what the detail of an event is written on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from rich.cells import cell_len

from dive_tui.app.text import display_lines, display_text, ellipsis, ellipsize, fit, human_count
from dive_tui.widgets.json.json_text import key_text, preview, size_of, style_of, text_size

Line = list[tuple[str, str]]
"""Pieces that are safe to show, with palette names."""

LABEL_CELLS = 8
KEY_CELLS = 18
_DEPTH = 6


class Page:
    """Lines of `width` cells. `generous` pages show much more of long values."""

    def __init__(self, width: int, *, generous: bool = False) -> None:
        self.width = max(16, width)
        self.generous = generous
        self.lines: list[Line] = []
        self._text_lines = 2000 if generous else 12
        self._members = 500 if generous else 24

    def line(self, *pieces: tuple[str, str]) -> None:
        """Add a line of any texts."""
        self._add([(display_text(text, max_cells=self.width), style) for text, style in pieces])

    def _add(self, pieces: Line) -> None:
        """Add pieces that are safe to show, as far as they fit."""
        room = self.width
        made: Line = []
        for text, style in pieces:
            shown = ellipsize(text, room) if room > 0 else ""
            made.append((shown, style))
            room -= cell_len(shown)
        self.lines.append(made)

    def gap(self) -> None:
        """Add an empty line, unless there is one or nothing yet."""
        if self.lines and self.lines[-1]:
            self.lines.append([])

    def wrapped(self, text: str, style: str, *, lead: tuple[str, str] | None = None, limit: int = 0) -> None:
        """Add a text over as many lines as it needs, at most `limit`; `lead` stands before it in another style."""
        prefix = display_text(lead[0], max_cells=self.width) if lead else ""
        lines = wrap(prefix + text, self.width)
        for number, line in enumerate(islice(lines, limit or self._text_lines)):
            if number == 0 and lead is not None:
                head = line[: len(prefix)]
                self._add([(head, lead[1]), (line[len(head) :], style)])
            else:
                self._add([(line, style)])
        if next(lines, None) is not None:
            self._add([(f"{ellipsis()} {text_size(text)} in all", "dim")])

    def section(self, label: str, body: Iterator[Line]) -> None:
        """Add lines beside a label that stands once, dim, at the left."""
        for number, pieces in enumerate(body):
            head = fit(label, LABEL_CELLS) if number == 0 else " " * LABEL_CELLS
            self._add([(head, "dim"), *pieces])

    @property
    def room(self) -> int:
        """Cells of a line beside a label."""
        return max(8, self.width - LABEL_CELLS)

    # Bodies of sections

    def text_body(self, text: str, style: str = "text", *, indent: int = 0) -> Iterator[Line]:
        """The lines of a text; of a long one the first."""
        lines = wrap(text.rstrip("\n"), max(8, self.room - indent))
        for line in islice(lines, self._text_lines):
            yield [(" " * indent + line, style)]
        if next(lines, None) is not None:
            yield [(f"{ellipsis()} {text_size(text)} in all", "dim")]

    def value_body(self, value: Any) -> Iterator[Line]:
        """A JSON value: members of objects and lists one a line, what is small in one."""
        yield from islice(self._value(value, self.room, 0), self._text_lines * 8)

    def brief_body(self, value: Mapping[str, Any]) -> Iterator[Line]:
        """The members of an object, each in one line."""
        column = min(max(cell_len(key_text(key)) for key in value), KEY_CELLS)
        for key, member in islice(value.items(), self._members):
            shown = preview(member, max(8, self.room - column - 2))
            yield [(fit(key_text(key), column) + "  ", "dim"), (shown, "dim")]

    def _value(self, value: Any, room: int, depth: int) -> Iterator[Line]:
        if isinstance(value, str):
            yield from self._text(value, room)
        elif isinstance(value, Mapping) and value and depth < _DEPTH:
            keys = [key_text(key) for key in islice(value, self._members)]
            column = min(max(cell_len(key) for key in keys), KEY_CELLS, room // 2)
            for key, member in zip(keys, value.values(), strict=False):
                yield from self._member(key, member, column, room, depth)
            if len(value) > self._members:
                yield [(f"{ellipsis()} and {human_count(len(value) - self._members)} more", "dim")]
        elif isinstance(value, list) and value and depth < _DEPTH and not _is_small(value, room):
            for number, member in enumerate(islice(value, self._members)):
                yield from self._member(f"[{number}]", member, len(f"[{len(value) - 1}]"), room, depth)
            if len(value) > self._members:
                yield [(f"{ellipsis()} and {human_count(len(value) - self._members)} more", "dim")]
        else:
            yield [(preview(value, room), style_of(value))]

    def _member(self, key: str, value: Any, column: int, room: int, depth: int) -> Iterator[Line]:
        head = (fit(key, column) + "  ", "text" if depth == 0 else "dim")
        inner = max(8, room - column - 2)
        if isinstance(value, Mapping | list) and value and not _is_small(value, inner) and depth + 1 < _DEPTH:
            yield [(key_text(key), head[1]), (f"  {size_of(value)}", "dim")]
            for line in self._value(value, max(8, room - 2), depth + 1):
                yield [("  ", "dim"), *line]
            return
        for number, line in enumerate(self._value(value, inner, _DEPTH)):
            yield [head if number == 0 else (" " * (column + 2), "dim"), *line]

    def _text(self, value: str, room: int) -> Iterator[Line]:
        if len(value) <= room - 2 and "\n" not in value:
            yield [(preview(value, room), "ok")]
            return
        lines = wrap(value, room)
        for line in islice(lines, max(3, self._text_lines // 2)):
            yield [(line, "ok")]
        if next(lines, None) is not None:
            yield [(f"{ellipsis()} {text_size(value)} in all", "dim")]


def wrap(text: str, width: int) -> Iterator[str]:
    """The lines of a text at a width, safe to show; plain short lines cost next to nothing."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start, start + width + 1)
        if end < 0 and len(text) - start <= width:
            end = len(text)
        line = text[start:end] if end >= 0 else ""
        if end < 0 or not (line.isascii() and line.isprintable()):
            stop = text.find("\n", start)
            stop = len(text) if stop < 0 else stop
            yield from display_lines(text[start:stop], width)
            start = stop + 1
        else:
            yield line
            start = end + 1


def _is_small(value: Any, room: int) -> bool:
    """Whether a container is shown whole in one line of that many cells."""
    if len(value) > 8:
        return False
    members = value.values() if isinstance(value, Mapping) else value
    if any(isinstance(member, Mapping | list) and member for member in members):
        return False
    return cell_len(preview(value, room + 1)) <= room
