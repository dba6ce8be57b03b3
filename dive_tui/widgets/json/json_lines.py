"""A JSON value as indented text."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_lines, ellipsis, human_count
from dive_tui.widgets.json.json_rows import Lazy
from dive_tui.widgets.latest import Latest
from dive_tui.widgets.steady import SteadyView

MOST_LINES = 50_000
"""More lines of text are not made."""


class JsonLines(SteadyView):
    """Shows the text line by line, long ones wrapped; where one has scrolled to stays when another value comes."""

    shows_cursor = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[str] = []
        self._make: Callable[[], Any] | None = None
        self._generation = 0
        self._width = 0
        self._work: Latest[list[str]] = Latest(self, "json lines", self._install, self._complain)

    @property
    def row_count(self) -> int:
        """Lines of text."""
        return len(self._lines)

    def show(self, make: Callable[[], Any]) -> None:
        """Show the value that `make` returns; it is called in a thread."""
        self._make, self._width = make, self.row_width
        width = max(10, self._width - 1)
        self._work.ask(lambda: json_lines(make(), width))

    def clear(self) -> None:
        """Show nothing."""
        self._work.forget()
        self._make = None
        self._install([])

    def _install(self, lines: list[str]) -> None:
        self._lines = lines
        self._generation += 1
        self.rows_changed(cursor=0)

    def _complain(self, sentence: str) -> None:
        self._install([])
        self.set_placeholder("error", f"The state cannot be shown: {sentence}")

    def row_key(self, index: int) -> Hashable:
        """Lines are drawn anew with every value."""
        return self._generation, index

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a line."""
        return Strip([Segment(self._lines[index], self.palette["text"])])

    def on_resize(self) -> None:
        """Wrap to another width."""
        super().on_resize()
        if self._make is not None and self.row_width != self._width:
            self.show(self._make)


def json_text(value: Any) -> str:
    """A value as indented JSON, with what is lazy made."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def json_lines(value: Any, width: int) -> list[str]:
    """The same in lines of at most `width` cells that are safe to show; what is wrapped stays indented."""
    lines = list(islice(_wrapped(json_text(value), width), MOST_LINES + 1))
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"{ellipsis()} more than {human_count(MOST_LINES)} lines"]
    return lines


def _wrapped(text: str, width: int) -> Iterator[str]:
    for line in text.split("\n"):
        content = line.lstrip(" ")
        indent = " " * min(len(line) - len(content), width // 2)
        for piece in display_lines(content, width - len(indent)):
            yield indent + piece


def _plain(value: Any) -> Any:
    if isinstance(value, Lazy):
        return value.make()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
