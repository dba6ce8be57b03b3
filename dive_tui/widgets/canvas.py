"""A line of cells to paint bars, marks and short texts on, in fractions of a cell."""

from __future__ import annotations

import math
from itertools import groupby

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import ellipsize
from dive_tui.app.themes import Palette

LEAST_EIGHTHS = 3
"""The shortest bar that is drawn, so that what took no time is seen."""

GUIDE = "border"
"""The palette name of lines that words may cover."""

_INVERSE = "inverse "


class Canvas:
    """Cells with a text and a palette name each; what lies outside of them is not drawn."""

    def __init__(self, width: int, glyphs: Glyphs, palette: Palette) -> None:
        self.width = width
        self._glyphs = glyphs
        self._palette = palette
        self._texts = [" "] * width
        self._styles = [""] * width

    def bar(self, start: float, end: float, style: str, fill: str = "") -> None:
        """Paint from column `start` to `end`, exact to an eighth of a cell; with a `fill` in whole cells of that."""
        start, end = max(start, 0.0), min(end, float(self.width))
        end = min(max(end, start + LEAST_EIGHTHS / 8), float(self.width))
        if end <= start:
            return
        first, last = int(start), math.ceil(end) - 1
        if fill:
            self._fill(first, last + 1, fill, style)
            return
        full = self._glyphs.eighths[-1]
        skipped, filled = round((start - first) * 8), round((end - last) * 8)
        if first == last:
            self._short(first, skipped, filled, style)
            return
        self._fill(first + 1, last, full, style)
        self._left_edge(first, skipped, style)
        self._put(last, self._glyphs.eighths[max(filled, 1)], style)

    def _short(self, column: int, skipped: int, filled: int, style: str) -> None:
        """A bar within one cell stands at its left end, or at its right end when it is nearer there."""
        size = max(filled - skipped, LEAST_EIGHTHS)
        if skipped > 8 - filled and self._has_halves:
            self._put(column, self._glyphs.eighths[8 - size], _INVERSE + style)
        else:
            self._put(column, self._glyphs.eighths[size if self._has_halves else 8], style)

    def _left_edge(self, column: int, skipped: int, style: str) -> None:
        if not self._has_halves or skipped == 0:
            if skipped <= 4:
                self._put(column, self._glyphs.eighths[-1], style)
        elif skipped < 8:
            self._put(column, self._glyphs.eighths[skipped], _INVERSE + style)

    @property
    def _has_halves(self) -> bool:
        """Whether a cell can be painted from its middle to its right end: with the colours swapped."""
        return not (self._glyphs.ascii or self._palette.no_color)

    def _fill(self, start: int, stop: int, text: str, style: str) -> None:
        count = stop - start
        if count > 0:
            self._texts[start:stop] = [text] * count
            self._styles[start:stop] = [style] * count

    def _put(self, column: int, text: str, style: str) -> None:
        self._texts[column] = text
        self._styles[column] = style

    def put(self, column: int, text: str, style: str) -> None:
        """Put one glyph into one cell; a glyph of several characters (in ASCII) into as many."""
        for place, character in enumerate(text, column):
            if 0 <= place < self.width:
                self._put(place, character, style)

    def text(self, column: int, text: str, style: str) -> None:
        """Write display text from a column on, cut at the end of the line."""
        room = self.width - column
        if column < 0 or room <= 0:
            return
        for character in ellipsize(text, room):
            cells = get_character_cell_size(character)
            if cells == 0:
                self._texts[max(column - 1, 0)] += character
                continue
            self._put(column, character, style)
            if cells == 2:
                self._put(column + 1, "", style)
            column += cells

    def is_free(self, start: int, stop: int) -> bool:
        """Whether these cells are on the line and nothing but guide lines is painted in them."""
        return start >= 0 and stop <= self.width and all(style in ("", GUIDE) for style in self._styles[start:stop])

    def segments(self, ground: Style) -> list[Segment]:
        """The line as segments; `ground` is the style of what lies under it."""
        made: list[Segment] = []
        at = 0
        for style, group in groupby(self._styles):
            count = sum(1 for _ in group)
            made.append(Segment("".join(self._texts[at : at + count]), self._resolve(style, ground)))
            at += count
        return made

    def _resolve(self, style: str, ground: Style) -> Style | None:
        if not style:
            return None
        if style.startswith(_INVERSE):
            return Style(color=ground.bgcolor, bgcolor=self._palette[style.removeprefix(_INVERSE)].color)
        return self._palette[style]
