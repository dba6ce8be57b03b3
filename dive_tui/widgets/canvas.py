"""A line of cells to paint bars, marks and short texts on, in fractions of a cell."""

from __future__ import annotations

import math
from itertools import groupby

from rich.cells import get_character_cell_size
from rich.segment import Segment

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import ellipsize
from dive_tui.app.themes import Palette

LEAST_EIGHTHS = 3
"""The shortest bar that is drawn, so that what took no time is seen."""

GUIDE = "border"
"""The palette name of lines that words may cover."""


class Canvas:
    """Cells with a text and a palette name each; what lies outside of them is not drawn."""

    def __init__(self, width: int, glyphs: Glyphs, palette: Palette) -> None:
        self.width = width
        self._glyphs = glyphs
        self._palette = palette
        self._texts = [" "] * width
        self._styles = [""] * width

    def bar(self, start: float, end: float, style: str, fill: str = "") -> None:
        """Paint from column `start` to `end`: it begins with a cell, and ends within one exact to an eighth.

        With a `fill` all of it is whole cells of that.
        """
        start, end = max(start, 0.0), min(max(end, start + LEAST_EIGHTHS / 8), float(self.width))
        if end <= start:
            return
        full = self._glyphs.eighths[-1]
        first, last = int(start), math.ceil(end) - 1
        if first < last and start - first > 0.5:
            first += 1
        self._fill(first, last + 1, fill or full, style)
        if not fill:
            eighths = (
                round((end - last) * 8) if first < last else max(round((end - max(start, first)) * 8), LEAST_EIGHTHS)
            )
            self._put(last, self._glyphs.eighths[max(eighths, LEAST_EIGHTHS if first == last else 1)], style)

    def _fill(self, start: int, stop: int, text: str, style: str) -> None:
        count = stop - start
        if count > 0:
            self._texts[start:stop] = [text] * count
            self._styles[start:stop] = [style] * count

    def _put(self, column: int, text: str, style: str) -> None:
        # Of a wide character only half of which is painted over, the other half becomes a space.
        if column + 1 < self.width and self._texts[column + 1] == "" != text:
            self._texts[column + 1] = " "
        if column > 0 and self._texts[column] == "" != text:
            self._texts[column - 1] = " "
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

    def segments(self) -> list[Segment]:
        """The line as segments."""
        made: list[Segment] = []
        at = 0
        for style, group in groupby(self._styles):
            count = sum(1 for _ in group)
            text = "".join(self._texts[at : at + count])
            made.append(Segment(text, self._palette[style] if style else None))
            at += count
        return made
