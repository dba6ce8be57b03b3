"""The pane Now of a replay: what every path is doing at the cursor, the breakpoints, and the watched values."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_text, fit
from dive_tui.widgets.latest import Latest
from dive_tui.widgets.now_rows import Moment, NowRow, now_rows
from dive_tui.widgets.steady import SteadyView

MOST_NAME = 32
"""Cells of a name at most."""


class NowPane(SteadyView):
    """A line per path, breakpoint and watch, under their headings."""

    def __init__(self) -> None:
        super().__init__(id="now")
        self._rows: list[NowRow] = []
        self._name_cells = 0
        self._generation = 0
        self._work: Latest[list[NowRow]] = Latest(self, "now", self._install, self._complain)
        self.set_placeholder("loading", "rebuilding the state")

    @property
    def row_count(self) -> int:
        """Rows with the headings."""
        return len(self._rows)

    @property
    def current(self) -> NowRow | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self._rows else None

    def show(self, find: Callable[[], Moment]) -> None:
        """Show the moment that `find` returns; it is called in a thread."""
        glyphs = self.glyphs
        self._work.ask(lambda: now_rows(find(), glyphs))

    def _install(self, rows: list[NowRow]) -> None:
        self._rows = rows
        self._name_cells = min(MOST_NAME, max((len(row.name) for row in rows if row.kind != "note"), default=0))
        self._generation += 1
        self.rows_changed(cursor=self.cursor or 1)  # the first row is a heading

    def _complain(self, sentence: str) -> None:
        self._rows = []
        self.set_placeholder("error", f"This moment cannot be shown: {sentence}")
        self.rows_changed()

    def row_key(self, index: int) -> Hashable:
        """Rows are drawn anew with every moment."""
        return self._generation, index

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a row."""
        row, palette = self._rows[index], self.palette
        if row.kind in ("heading", "note"):
            style = "bold bright" if row.kind == "heading" else "dim"
            return self._with_fact([Segment(display_text(row.name, max_cells=width), palette[style])], row.fact, width)
        name_cells = min(self._name_cells, max(4, width // 3))
        hue = palette.path(row.hue) if row.hue is not None else palette["text"]
        segments = [
            Segment(f" {row.glyph} ", palette[row.style]),
            Segment(fit(display_text(row.name, max_cells=name_cells), name_cells), hue),
        ]
        for text, style in row.words:
            segments += [Segment("  "), Segment(display_text(text, max_cells=max(1, width)), palette[style])]
        return self._with_fact(segments, row.fact, width)

    def _with_fact(self, segments: list[Segment], fact: str, width: int) -> Strip:
        """The segments, cut where the fact at the right end begins."""
        shown = display_text(fact, max_cells=max(0, width // 2))
        if not shown:
            return self._fitted(Strip(segments), width)
        line = self._fitted(Strip(segments), max(0, width - cell_len(shown) - 3))
        return Strip([*line, Segment("  "), Segment(f"{shown} ", self.palette["dim"])])
