"""What a verification, a repair or a copy tells: a row each, and the one under the cursor in full."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import display_text, fit
from dive_tui.feeds.maintenance import ReportLine
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.wait_words import id_words

_LOOKS = {
    "damaged": ("failed", "failed"),
    "torn": ("interrupted", "waiting"),
    "stale": ("retry", "accent"),
    "foreign": ("event", "dim"),
    "unsafe": ("warning", "waiting"),
    "mended": ("completed", "ok"),
}
"""By word the glyph and the palette name; whatever else there is has failed."""
_WORD, _NAME = 12, 7
_PLACE = 30
_MOST_TEXT = 400


def look_of(word: str, glyphs: Glyphs) -> tuple[str, str]:
    """The glyph and the palette name of a word."""
    name, style = _LOOKS.get(word, ("failed", "failed"))
    return str(getattr(glyphs, name)), style


class ReportList(LineView):
    """One row per line of a report."""

    DEFAULT_CSS = """
    ReportList { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[ReportLine, ...] = ()
        self._place_cells = 0

    @property
    def row_count(self) -> int:
        """Lines there are."""
        return len(self._lines)

    @property
    def current(self) -> ReportLine | None:
        """The line under the cursor."""
        return self._lines[self.cursor] if self._lines else None

    def show(self, lines: tuple[ReportLine, ...]) -> None:
        """Show these lines."""
        self._lines = lines
        shown = (cell_len(display_text(line.place, max_cells=_PLACE)) for line in lines[:300])
        self._place_cells = max(shown, default=0)
        self.refresh_rows()
        self.rows_changed(cursor=0)

    def marker_style(self, index: int) -> Style:
        """The cursor wears the colour of what is found."""
        return self.palette[look_of(self._lines[index].word, self.glyphs)[1]]

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw one: what it is, whose, where, and what is so."""
        line = self._lines[index]
        glyph, style = look_of(line.word, self.glyphs)
        mark = glyph.ljust(2 if self.glyphs.ascii else 1)
        cells = [(fit(f"{mark} {line.word}", _WORD), style), (fit(self._whose(line), _NAME), "text")]
        place = min(self._place_cells, max(0, width // 2 - _WORD))
        if place:
            cells.append((fit(display_text(line.place, max_cells=_MOST_TEXT), place), "dim"))
        used = sum(cell_len(text) for text, _ in cells) + 2 * len(cells)
        words = display_text(line.problem, max_cells=max(0, width - used))
        cells.append((words, "bold bright" if selected else "text"))
        return Strip([Segment(text + "  ", self.palette[name]) for text, name in cells])

    @staticmethod
    def _whose(line: ReportLine) -> str:
        return display_text(id_words(line.execution_id), max_cells=_NAME) if line.execution_id else "store"
