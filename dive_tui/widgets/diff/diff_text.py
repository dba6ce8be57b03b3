"""A comparison as text: a JSON patch, or a report."""

from __future__ import annotations

from collections.abc import Hashable

from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_lines, display_text
from dive_tui.widgets.line_view import LineView

_MOST_CELLS = 2_000
MOST_WRAPPED = 200_000
"""Up to so many characters long lines are wrapped; those of longer texts are cut."""


class DiffText(LineView):
    """Lines of text that are only read."""

    DEFAULT_CSS = """
    DiffText { height: 1fr; }
    """

    shows_cursor = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""
        self._lines: list[str] = []
        self._generation = 0

    @property
    def row_count(self) -> int:
        """Lines there are."""
        return len(self._lines)

    @property
    def text(self) -> str:
        """All of it."""
        return self._text

    def show(self, text: str) -> None:
        """Show a text from its beginning."""
        self._text = text
        self.scroll_to(y=0, animate=False, force=True)
        self._write()

    def on_resize(self) -> None:
        """Wrap to another width."""
        super().on_resize()
        self._write()

    def _write(self) -> None:
        if 0 < len(self._text) <= MOST_WRAPPED:
            self._lines = list(display_lines(self._text, max(8, self.row_width - 1)))
        else:
            self._lines = self._text.split("\n") if self._text else []
        self._generation += 1
        self.rows_changed(cursor=0)

    def row_key(self, index: int) -> Hashable:
        """Each text has lines of its own."""
        return self._generation, index

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a line."""
        return Strip([Segment(display_text(self._lines[index], max_cells=_MOST_CELLS), self.palette["text"])])
