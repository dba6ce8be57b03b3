"""The differences between two things, a row each; what did not change is folded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Literal

from textual.message import Message
from textual.strip import Strip

from dive_tui.widgets.diff.diff_drawing import Grid, Look, draw_side, draw_unified
from dive_tui.widgets.diff.diff_rows import Row, Rows, Unfolded
from dive_tui.widgets.latest import Latest
from dive_tui.widgets.line_view import LineView

NARROW = 100
"""Below so many columns of the terminal there is one column of differences."""


class DiffList(LineView):
    """Rows that unfold, drawn in two columns or in one."""

    DEFAULT_CSS = """
    DiffList { height: 1fr; }
    """

    class NotRead(Message):
        """What is in a row could not be read."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence: Final = sentence

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._unfolded = Unfolded(())
        self._generation = 0
        self._grid = Grid(0, 0, 0, 0)
        self._unified = False
        self._swapped = False
        self._reading: Latest[tuple[Row, Rows]] = Latest(self, "pair", self._read, self._not_read)

    @property
    def row_count(self) -> int:
        """Rows in view."""
        return len(self._unfolded.rows)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._unfolded.rows[self.cursor] if self._unfolded.rows else None

    @property
    def grid(self) -> Grid:
        """The cells of its columns."""
        return self._grid

    def show(self, rows: Sequence[Row], *, keep: bool = False) -> None:
        """Show these rows, with the cursor on the first change; with `keep` about where it stands."""
        at = self.cursor
        self._unfolded = Unfolded(rows)
        if not keep:
            first = self._unfolded.next_stop(-1, 1)
            at = first if first is not None else 0
        self._redraw(cursor=at)
        if keep:
            self.scroll_to_row(self.cursor)
        else:  # from the top, as long as the first change is in sight there
            height = self.page_size
            self.scroll_to(y=0 if at < height else at - height // 2, animate=False, force=True)

    def draw_as(self, *, unified: bool, swapped: bool) -> None:
        """Draw in one column or in two, as they came or swapped."""
        if (unified, swapped) != (self._unified, self._swapped):
            self._unified, self._swapped = unified, swapped
            self._redraw(cursor=self.cursor)

    def _redraw(self, cursor: int) -> None:
        self._generation += 1
        self._grid = Grid.of(self._unfolded.rows, max(0, self.row_width - 1), swapped=self._swapped)
        self.rows_changed(cursor=cursor)

    def on_resize(self) -> None:
        """Another width, other columns."""
        super().on_resize()
        self._redraw(cursor=self.cursor)

    def row_key(self, index: int) -> Hashable:
        """Rows are drawn anew when any of them moved."""
        return self._generation, index

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a row."""
        row = self._unfolded.rows[index]
        look = Look(self.palette, self.glyphs, self._swapped)
        draw = draw_unified if self._unified else draw_side
        return draw(row, look, self._grid, width)

    # Moving and folding

    def go_to_stop(self, step: Literal[1, -1]) -> bool:
        """Go to the next change, or with -1 to the one before; whether there is one."""
        found = self._unfolded.next_stop(self.cursor, step)
        if found is not None:
            self.move_to(found)
            self.scroll_to_row(found, center=True)
        return found is not None

    def toggle(self) -> bool:
        """Fold or unfold the row under the cursor; whether there was anything to do.

        What is in a pair of steps is read from their histories, by a thread, and shown when it is there.
        """
        row = self.current
        if row is None or row.make is None:
            return False
        if row.kind == "pair" and not row.is_open:
            make = row.make
            self._reading.ask(lambda: (row, make()))
            return True
        self._unfolded.toggle(self.cursor)
        self._redraw(cursor=self.cursor)
        return True

    def _read(self, found: tuple[Row, Rows]) -> None:
        row, inside = found
        row.make = lambda: inside
        at = next((at for at, shown in enumerate(self._unfolded.rows) if shown is row), None)
        if at is not None and not row.is_open:
            self._unfolded.unfold(at, inside)
            self._redraw(cursor=self.cursor + (len(inside) if self.cursor > at else 0))

    def _not_read(self, sentence: str) -> None:
        self.post_message(self.NotRead(sentence))

    def fold(self) -> None:
        """Fold the row under the cursor, or go to the one it is unfolded from."""
        row = self.current
        if row is not None and row.is_open:
            self.toggle()
        elif row is not None:
            self.move_to(self._unfolded.parent(self.cursor))

    def unfold(self) -> None:
        """Unfold the row under the cursor, or go to the first one in it."""
        row = self.current
        if row is None or row.make is None:
            return
        if row.is_open:
            self.move_to(self.cursor + 1)
        else:
            self.toggle()
