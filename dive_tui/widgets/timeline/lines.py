"""The two parts of the timeline that are drawn: the axis, and under it the rows."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.widgets.canvas import Canvas
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.timeline.bars import draw_label, draw_plot
from dive_tui.widgets.timeline.drawing import Drawing
from dive_tui.widgets.timeline.rows import RowList
from dive_tui.widgets.timeline.scale import mark_columns, ticks
from engine.replay.history import History


class CursorAsked(Message):
    """A person wants the cursor at the event of this sequence."""

    def __init__(self, sequence: int) -> None:
        super().__init__()
        self.sequence: Final = sequence


class TimelineAxis(Widget):
    """The line over the rows: round times, labels of folded gaps, and the time of the cursor."""

    DEFAULT_CSS = """
    TimelineAxis { height: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._drawing: Drawing | None = None
        self._indent = 0
        self._cursor: tuple[int, str] | None = None

    def show(self, drawing: Drawing | None, indent: int, cursor: tuple[int, str] | None) -> None:
        """Show the axis of a drawing whose plot begins at cell `indent`; `cursor` is a column and its time."""
        if (drawing, indent, cursor) != (self._drawing, self._indent, self._cursor):
            self._drawing, self._indent, self._cursor = drawing, indent, cursor
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the axis, in line with the plot of the rows."""
        drawing, width = self._drawing, self.size.width
        if drawing is None:
            return Strip.blank(width, self.rich_style)
        canvas = Canvas(drawing.width, drawing.glyphs, drawing.palette)
        gaps = drawing.scale.gaps
        place, text = self._cursor or (-1, "")
        start = min(max(0, place - len(text) // 2), canvas.width - len(text))
        for tick in ticks(drawing.scale):
            if any(gap.first_cell <= tick.column + len(tick.label) and tick.column <= gap.last_cell for gap in gaps):
                continue
            if not text or tick.column + len(tick.label) < start or tick.column > start + len(text):
                canvas.text(tick.column, tick.label, "dim")
        for gap in gaps:
            label, end = gap.label, gap.first_cell + len(gap.label)
            if gap.first_cell < start + len(text) and start < end:
                # Half a label beside the time of the cursor would say nothing.
                label = label[:1] + " " * (len(label) - 2) + label[-1:]
            canvas.text(gap.first_cell, label, "dim")
        for column, mark in mark_columns(drawing.scale, drawing.outline, drawing.width):
            canvas.put(column, getattr(drawing.glyphs, mark.glyph), mark.style)
        canvas.text(start, text, "bold accent")
        strip = Strip([Segment(" " * self._indent), *canvas.segments()])
        return strip.crop_extend(0, width, None).apply_style(self.rich_style)


class TimelineRows(LineView):
    """Rows of paths and units; the cursor row is that of the screen's event."""

    BINDINGS = bindings(Scope.TIMELINE)

    class PlotClicked(Message):
        """The plot was clicked in this column."""

        def __init__(self, column: int) -> None:
            super().__init__()
            self.column: Final = column

    class FoldClicked(Message):
        """The fold mark of the path in this row was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index: Final = index

    def __init__(self) -> None:
        super().__init__(id="timeline-rows")
        self.rows: RowList | None = None
        self.history: History | None = None
        self.drawing: Drawing | None = None
        self.version = 0
        self.sequence = 0
        self.label_cells = 0
        self.cursor_column: int | None = None

    @property
    def row_count(self) -> int:
        """Rows of paths and of units that are not folded."""
        return len(self.rows) if self.rows is not None and self.drawing is not None else 0

    def row_key(self, index: int) -> Hashable:
        """What the look of a row depends on."""
        assert self.rows is not None and self.drawing is not None
        row = self.rows[index]
        first, last = (row.units[0], row.units[-1]) if row.units else (row.path, row.path)
        identity = index, first.started_seq, len(row.units), row.folded, self.version
        if last.ended_seq is not None:
            return *identity, last.ended_seq
        unit = row.units[-1] if row.units else row.path.units[-1] if row.path.units else None
        latest = unit.attempts[-1] if unit is not None and unit.attempts else None
        grown: tuple[Hashable, ...] = (len(row.path.units), 0 if unit is None else len(unit.attempts))
        if unit is not None and latest is not None:
            done = self.drawing.outline.items_done(unit)
            grown = *grown, done, latest.waiting_seq, latest.ended_seq, latest.retry_seq
        front = int(self.drawing.scale.column(self.drawing.now) * 8)
        second = int(self.drawing.now)  # how long it has been, or how long it still waits, stands in the label
        return *identity, grown, front, second

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw label and plot of a row."""
        assert self.rows is not None and self.drawing is not None
        row = self.rows[index]
        return Strip([*draw_label(row, self.label_cells, self.drawing), *draw_plot(row, self.drawing)])

    def marker_style(self, index: int) -> Style:
        """The marker takes the colour of what is under it."""
        assert self.rows is not None
        row = self.rows[index]
        status = row.units[-1].status if row.units else row.path.status
        return self.palette["failed" if status == "failed" else "accent"]

    def render_line(self, y: int) -> Strip:
        """A row, and the cursor line through it."""
        strip = super().render_line(y)
        column = self.cursor_column
        if column is None or not self.row_count or column >= strip.cell_length:
            return strip
        before, cell, after = strip.crop(0, column), strip.crop(column, column + 1), strip.crop(column + 1)
        return Strip.join([before, Strip([self._cursor_cell(cell)], 1), after])

    def _cursor_cell(self, cell: Strip) -> Segment:
        segment = next(iter(cell), Segment(" "))
        style = segment.style or self.rich_style
        glyphs, palette = self.glyphs, self.palette
        if segment.text.strip(" ") in ("", glyphs.idle_fill, glyphs.idle_break):
            return Segment(glyphs.cursor_line, style + palette["accent"])
        if segment.text == glyphs.eighths[-1] and not glyphs.ascii and style.color is not None:
            on_bar = Style(color=palette["background"].color, bgcolor=style.color)
            return Segment(glyphs.cursor_line, style + on_bar)
        return Segment(segment.text, style)

    def move_to(self, index: int, *, scroll: bool = True, quiet: bool = False) -> None:
        """Quietly: show the cursor on a row. Else ask the screen to go to the event of that row."""
        if quiet:
            super().move_to(index, scroll=scroll, quiet=True)
        elif self.row_count and self.rows is not None and self.history is not None:
            index = min(max(index, 0), self.row_count - 1)
            if index != self.cursor:
                self.post_message(CursorAsked(self.rows.sequence_of(self.history, index, self.sequence)))

    def on_click(self, event: events.Click) -> None:
        """A click on the plot goes to the time clicked, one on a label to its row, one on a fold mark folds."""
        event.prevent_default()
        offset = event.get_content_offset(self)
        if offset is None or self.rows is None:
            return
        index = self.scroll_offset.y + offset.y
        if offset.x > self.label_cells:
            self.post_message(self.PlotClicked(offset.x - self.label_cells - 1))
        elif index < self.row_count and not self.rows[index].units and offset.x <= 2:
            self.post_message(self.FoldClicked(index))
        elif index < self.row_count:
            self.move_to(index)
