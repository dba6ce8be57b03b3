"""The timeline: every path and unit over time, with the cursor as a line through all of them."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from dive_tui.app.actions import Scope
from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.keymap import bindings
from dive_tui.app.themes import Palette, palette_of
from dive_tui.widgets.canvas import GUIDE, Canvas
from dive_tui.widgets.event_words import elapsed_text
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline_bars import Drawing, draw_label, draw_plot
from dive_tui.widgets.timeline_rows import RowList
from dive_tui.widgets.timeline_scale import TimeScale, Window, live_extent, make_scale, ticks
from engine.replay.history import History

LEAST_DURATION = 0.001
"""Seconds shown of an execution that took less."""
PAN_SHARE = 0.25
ZOOM_FACTOR = 0.5


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

    def render_line(self, y: int) -> Strip:
        """Draw the axis, in line with the plot of the rows."""
        width = self.size.width
        timeline = self.parent
        drawing = timeline.drawing if isinstance(timeline, Timeline) else None
        if drawing is None:
            return Strip.blank(width, self.rich_style)
        canvas = Canvas(drawing.width, drawing.glyphs, drawing.palette)
        for tick in ticks(drawing.scale):
            canvas.text(tick.column, tick.label, "dim")
        for gap in drawing.scale.gaps:
            canvas.text(int(gap.column), gap.label, "dim")
        column = timeline.cursor_column
        if column is not None:
            self._draw_cursor(canvas, column, timeline.cursor_text)
        indent = Segment(" " * timeline.plot_start)
        strip = Strip([indent, *canvas.segments(self.rich_style)])
        return strip.crop_extend(0, width, None).apply_style(self.rich_style)

    def _draw_cursor(self, canvas: Canvas, column: int, text: str) -> None:
        start = min(max(0, column - cell_len(text) // 2), canvas.width - cell_len(text))
        if start >= 0:
            canvas.text(max(0, start - 1), " ", "")
            canvas.text(start, text, "bold accent")
            canvas.put(start + cell_len(text), " ", "")


class TimelineRows(LineView):
    """Rows of paths and units; the cursor row is that of the screen's event."""

    BINDINGS = bindings(Scope.TIMELINE)

    def __init__(self) -> None:
        super().__init__(id="timeline-rows")
        self.rows: RowList | None = None
        self.history: History | None = None
        self.drawing: Drawing | None = None
        self.version = 0
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
        record = row.path if row.unit is None else row.unit
        if record.ended_seq is not None:
            return index, record.started_seq, row.folded, self.version
        grown = len(row.path.units) if row.unit is None else len(row.unit.attempts)
        front = int(self.drawing.scale.column(self.drawing.now) * 8)
        return index, record.started_seq, row.folded, self.version, grown, front

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw label and plot of a row."""
        assert self.rows is not None and self.drawing is not None
        row = self.rows[index]
        ground = self.rich_style + self.palette.row(self.emphasised) if selected else self.rich_style
        return Strip([*draw_label(row, self.label_cells, self.drawing), *draw_plot(row, self.drawing, ground)])

    def marker_style(self, index: int) -> Style:
        """The marker takes the colour of what is under it."""
        assert self.rows is not None
        row = self.rows[index]
        status = row.path.status if row.unit is None else row.unit.status
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
        return Segment(segment.text, style + Style(reverse=True))

    def move_to(self, index: int, *, scroll: bool = True, quiet: bool = False) -> None:
        """Quietly: show the cursor on a row. Else ask the screen to go to the event of that row."""
        if quiet:
            super().move_to(index, scroll=scroll, quiet=True)
        elif self.row_count and self.rows is not None and self.history is not None:
            index = min(max(index, 0), self.row_count - 1)
            if index != self.cursor:
                self.post_message(CursorAsked(self.rows.sequence_of(self.history, index)))

    def on_click(self, event: events.Click) -> None:
        """A click on the plot goes to the time clicked, one on a label to its row, one on a fold mark folds."""
        timeline = self.parent
        offset = event.get_content_offset(self)
        if offset is None or not isinstance(timeline, Timeline) or self.rows is None:
            return
        event.prevent_default()
        index = self.scroll_offset.y + offset.y
        inside = index < self.row_count
        if offset.x >= timeline.plot_start:
            timeline.ask_for_time(offset.x - timeline.plot_start)
        elif inside and self.rows[index].unit is None and offset.x <= 2:
            timeline.toggle_path(index)
        elif inside:
            self.move_to(index)


class Timeline(Vertical):
    """Axis and rows; keeps the scale. `show` it a history, tell it where the cursor is and what time it is."""

    DEFAULT_CSS = """
    Timeline { height: 1fr; }
    Timeline TimelineRows { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._axis = TimelineAxis()
        self._rows = TimelineRows()
        self._outline: Outline | None = None
        self._sequence = 0
        self._now = 0.0
        self._live = False
        self._window: Window | None = None
        self.folds_idle = True
        self.drawing: Drawing | None = None

    def compose(self) -> ComposeResult:
        """The axis over the rows."""
        yield self._axis
        yield self._rows

    @property
    def rows(self) -> TimelineRows:
        """The rows, which take the focus."""
        return self._rows

    # What the screen tells

    def show(self, history: History, outline: Outline, *, live: bool, now: float) -> None:
        """Show this history from now on. `now` is in seconds since its first event."""
        self._outline = outline
        self._rows.history = history
        self._rows.rows = RowList(history.index)
        self._rows.rows.arrange(self._room)
        self._live, self._now = live, now
        self._rescale()

    def grew(self, *, live: bool, now: float) -> None:
        """Take in what was added to the history."""
        rows = self._rows.rows
        if rows is None:
            return
        self._live, self._now = live, now
        rows.arrange()
        self._rescale()

    def tick(self, now: float) -> None:
        """Move the front of what is running, and nothing else while it fits the scale."""
        drawing = self.drawing
        if drawing is None or not self._live or now <= self._now:
            return
        before = drawing.scale.column(self._now)
        self._now = now
        if self._whole != Window(0.0, drawing.scale.window.end) and self._window is None:
            self._rescale()
            return
        after = drawing.scale.column(now)
        if int(before * 8) == int(after * 8):
            return
        self.drawing = self._rows.drawing = self._drawing(drawing.scale)
        start = self.plot_start + max(0, int(before) - 1)
        self._rows.refresh(Region(start, 0, int(after) - int(before) + 4, self._rows.size.height))

    def set_cursor(self, sequence: int) -> None:
        """Show the cursor at this event."""
        rows, history, outline = self._rows.rows, self._rows.history, self._outline
        self._sequence = sequence
        if rows is None or history is None or outline is None or self.drawing is None or not sequence:
            return
        if self._window is not None:
            window = self._window.showing(outline.seconds(sequence), self._whole)
            if window != self._window:
                self._window = window
                self._rescale()
                return
        self._rows.move_to(rows.row_of(history, sequence), quiet=True)
        self._move_line()

    # Looking closer

    def zoom(self, factor: float) -> None:
        """Show `factor` times as much time, around the cursor; all of it when that is all."""
        if self._outline is None:
            return
        whole = self._whole
        window = (self._window or whole).zoomed(self._outline.seconds(self._sequence), factor, whole)
        self._window = None if window.length >= whole.length * 0.999 else window
        self._rescale()

    def zoom_reset(self) -> None:
        """Show all of it."""
        self._window = None
        self._rescale()

    def pan(self, share: float) -> None:
        """Move the window by a share of itself."""
        if self._window is not None:
            self._window = self._window.panned(share, self._whole)
            self._rescale()

    @property
    def zoomed(self) -> bool:
        """Whether only a part of the time is shown."""
        return self._window is not None

    def toggle_idle(self) -> None:
        """Fold long idle gaps, or show them."""
        self.folds_idle = not self.folds_idle
        self._rescale()

    def toggle_path(self, index: int) -> None:
        """Fold or unfold the path whose row this is."""
        rows = self._rows.rows
        if rows is not None and index < len(rows):
            rows.toggle(rows[index].path.id)
            self._rearranged()

    def ask_for_time(self, column: int) -> None:
        """Ask for the last event by the time of a column of the plot."""
        if self.drawing is not None and self._outline is not None:
            seconds = self.drawing.scale.seconds(column + 1)
            self.post_message(CursorAsked(self._outline.sequence_at(seconds)))

    # The cursor line

    @property
    def plot_start(self) -> int:
        """The first cell of the plot: behind the marker and the label."""
        return 1 + self._rows.label_cells

    @property
    def cursor_column(self) -> int | None:
        """The cell of the plot the cursor line is in; None when it is not in view."""
        if self.drawing is None or self._outline is None or not self._sequence:
            return None
        column = self.drawing.scale.column(self._outline.seconds(self._sequence))
        return int(column + 1e-9) if 0 <= column < self.drawing.width else None

    @property
    def cursor_text(self) -> str:
        """The time of the cursor as the axis shows it."""
        return elapsed_text(self._outline.seconds(self._sequence)) if self._outline is not None else ""

    def _move_line(self) -> None:
        column = self.cursor_column
        place = None if column is None else column + self.plot_start
        before = self._rows.cursor_column
        self._axis.refresh()
        if place == before:
            return
        self._rows.cursor_column = place
        height = self._rows.size.height
        for changed in (before, place):
            if changed is not None:
                self._rows.refresh(Region(changed, 0, 1, height))

    # The scale

    @property
    def _whole(self) -> Window:
        duration = self._outline.duration if self._outline is not None else 0.0
        if self._live:
            return Window(0.0, live_extent(max(duration, self._now)))
        return Window(0.0, max(duration, LEAST_DURATION))

    @property
    def _room(self) -> int:
        return max(1, self._rows.size.height)

    def _rescale(self) -> None:
        """Make the scale anew and draw everything with it."""
        width = self._rows.row_width
        if self._outline is None or width < 8:
            return
        self._rows.label_cells = min(max(width * 22 // 100, 12), 40)
        plot = max(2, width - self.plot_start)
        words = min(max(plot // 6, 2), 20)
        whole = self._whole
        window = self._window.within(whole) if self._window is not None else whole
        idle = self._outline.idle if self.folds_idle else ()
        scale = make_scale(window, max(1, plot - words), idle, break_glyph=self._glyphs.idle_break)
        old = self.drawing
        self.drawing = self._rows.drawing = self._drawing(scale)
        if old is None or (old.scale, old.width, old.live) != (scale, self.drawing.width, self._live):
            self._rows.version += 1
        self._rearranged()

    def _drawing(self, scale: TimeScale) -> Drawing:
        assert self._outline is not None
        plot = max(2, self._rows.row_width - self.plot_start)
        return Drawing(
            outline=self._outline,
            scale=scale,
            width=plot,
            now=max(self._now, self._outline.duration) if self._live else self._outline.duration,
            live=self._live,
            glyphs=self._glyphs,
            palette=palette_of(self.app),
        )

    def _rearranged(self) -> None:
        rows, history = self._rows.rows, self._rows.history
        if rows is not None and history is not None and self._sequence:
            self._rows.rows_changed(cursor=rows.row_of(history, self._sequence))
            self._rows.scroll_to_row(self._rows.cursor)
        else:
            self._rows.rows_changed()
        self._rows.cursor_column = None
        self._move_line()
        self._rows.refresh()

    @property
    def _glyphs(self) -> Glyphs:
        glyphs = getattr(self.app, "glyphs", UNICODE)
        assert isinstance(glyphs, Glyphs)
        return glyphs

    def on_resize(self) -> None:
        """Fit everything to the new size, once the rows have it."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        if self._rows.rows is not None:
            self._rows.rows.arrange(self._room)
            self._rescale()

    def notify_style_update(self) -> None:
        """Another theme: draw with its palette."""
        super().notify_style_update()
        if self.drawing is not None and self.is_attached:
            self._rescale()

    # Keys

    def action_pan_left(self) -> None:
        """Show earlier times."""
        self.pan(-PAN_SHARE)

    def action_pan_right(self) -> None:
        """Show later times."""
        self.pan(PAN_SHARE)

    def why_not_pan_left(self) -> str | None:
        """Panning needs something that is not in view."""
        return None if self.zoomed else "The whole time is in view; + zooms in."

    why_not_pan_right = why_not_pan_left
