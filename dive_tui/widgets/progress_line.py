"""A line that fills from left to right."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from dive_tui.widgets.parts import PartsLine


class ProgressLine(PartsLine):
    """How much of something is done; a thin rule while nothing is going on."""

    DEFAULT_CSS = """
    ProgressLine { background: $background; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self._style = "running"

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self._share

    def show(self, share: float, style: str = "running") -> None:
        """Fill so much of it, in the colour of that palette name."""
        share = min(max(share, 0.0), 1.0)
        if (share, style) != (self._share, self._style):
            self._share, self._style = share, style
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width = self.size.width
        done = round(width * self._share)
        filled = Segment(self.glyphs.progress * done, self.palette[self._style])
        rest = Segment(self.glyphs.rail * (width - done), self.palette["border"])
        return Strip([filled, rest]).crop_extend(0, width, None).apply_style(self.rich_style)
