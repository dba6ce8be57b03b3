"""What the two sides of a comparison are, above their columns."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_text, fit
from dive_tui.widgets.diff.diff_drawing import Grid
from dive_tui.widgets.parts import PartsLine, part

_BEFORE_LABEL = 3
"""Cells of the cursor marker and of the sign."""
_GAP = 2


class DiffHeading(PartsLine):
    """One line: the names of left and right, over their columns or one after the other."""

    DEFAULT_CSS = """
    DiffHeading { padding: 0; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._names = ("", "")
        self._grid: Grid | None = None

    @property
    def names(self) -> tuple[str, str]:
        """Left and right as they stand there."""
        return self._names

    def show(self, left: str, right: str, grid: Grid | None) -> None:
        """Name the sides; without a grid one after the other."""
        if (left, right) == self._names and grid == self._grid:
            return
        self._names, self._grid = (left, right), grid
        signs = ((f"{self.glyphs.removed} ", "bold removed"), (f"{self.glyphs.added} ", "bold added"))
        made = [part(sign, (name, "text"), shrink=12) for sign, name in zip(signs, self._names, strict=True)]
        self.set_parts([part(" ", gap=0), *made] if left or right else [])
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        grid = self._grid
        if grid is None or not any(self._names):
            return super().render_line(y)
        left, right = (
            fit(display_text(f"{sign} {name}", max_cells=400), cells)
            for sign, name, cells in (
                (self.glyphs.removed, self._names[0], grid.left),
                (self.glyphs.added, self._names[1], grid.right),
            )
        )
        segments = [
            Segment(" " * (_BEFORE_LABEL + grid.label + _GAP)),
            Segment(left + " " * _GAP, self.palette["removed"]),
            Segment(right, self.palette["added"]),
        ]
        return Strip(segments).crop_extend(0, self.size.width, None).apply_style(self.rich_style)
