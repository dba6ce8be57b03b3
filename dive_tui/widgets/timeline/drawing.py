"""What rows of the timeline are drawn with."""

from __future__ import annotations

from dataclasses import dataclass

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.themes import STATUS_TOKENS, Palette
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.scale import TimeScale


@dataclass(frozen=True, slots=True)
class Drawing:
    """What rows are drawn with."""

    outline: Outline
    scale: TimeScale
    width: int
    """Cells of the plot; the scale may leave some at its end for words."""
    now: float
    """Where what has not ended ends for now, in seconds since the first event."""
    live: bool
    """Whether what has not ended goes on."""
    glyphs: Glyphs
    palette: Palette

    def span(self, start: int, end: int | None) -> tuple[float, float]:
        """The columns of two events."""
        started, ended = self.outline.span(start, end, self.now)
        return self.scale.column(started), self.scale.column(ended)

    def shown_status(self, status: str) -> str:
        """A status; `interrupted` for what runs no more without having ended."""
        return "interrupted" if status == "running" and not self.live else status


def token(status: str) -> str:
    """The palette name of a status."""
    return STATUS_TOKENS.get(status, "dim")


def bar_token(status: str) -> str:
    """The palette name of a bar: what neither did anything nor failed stays in the background."""
    return STATUS_TOKENS.get(status, "half dim")
