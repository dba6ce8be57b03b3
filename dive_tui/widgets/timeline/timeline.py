"""The timeline: every path and unit over time, with the cursor as a line through all of them."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region

from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.themes import palette_of
from dive_tui.widgets.events.event_words import elapsed_text
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.drawing import Drawing
from dive_tui.widgets.timeline.lines import CursorAsked, TimelineAxis, TimelineRows
from dive_tui.widgets.timeline.rows import RowList
from dive_tui.widgets.timeline.scale import TimeScale, Window, live_extent, long_gaps, make_scale
from engine.replay.history import History

LEAST_DURATION = 0.001
"""Seconds shown of an execution that took less."""
PAN_SHARE = 0.25
ZOOM_FACTOR = 0.5


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
        self.has_long_gaps = False
        """Whether there are idle gaps in view that are folded, or would be."""
        self.drawing: Drawing | None = None

    def compose(self) -> ComposeResult:
        """The axis over the rows."""
        yield self._axis
        yield self._rows

    @property
    def wanted_rows(self) -> int:
        """How many rows there were if nothing was folded."""
        return self._rows.rows.wanted if self._rows.rows is not None else 0

    @property
    def rows(self) -> TimelineRows:
        """The rows, which take the focus."""
        return self._rows

    # What the screen tells

    def show(self, history: History, outline: Outline, *, live: bool, now: float) -> None:
        """Show this history from now on. `now` is in seconds since its first event."""
        self._outline = outline
        # One that was damaged and then mended may be shorter than it was.
        self._sequence = self._rows.sequence = min(self._sequence, len(history))
        self._rows.history = history
        self._rows.rows = RowList(history.index, outline)
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
        self._rescale(scroll=False)

    def tick(self, now: float) -> None:
        """Move the front of what is running, and nothing else while it fits the scale."""
        drawing = self.drawing
        if drawing is None or not self._live or now <= self._now:
            return
        before, second = drawing.scale.column(self._now), int(self._now)
        self._now = now
        if self._whole != Window(0.0, drawing.scale.window.end) and self._window is None:
            self._rescale()
            return
        after, height = drawing.scale.column(now), self._rows.size.height
        if int(before * 8) == int(after * 8) and second == int(now):
            return
        self.drawing = self._rows.drawing = self._drawing(drawing.scale)
        start = self.plot_start + max(0, int(before) - 1)
        self._rows.refresh(Region(start, 0, int(after) - int(before) + 4, height))
        if second != int(now):  # how long it has been running stands in the label
            self._rows.refresh(Region(0, 0, self.plot_start, height))

    def set_cursor(self, sequence: int, *, scroll: bool = True) -> None:
        """Show the cursor at this event; without `scroll` the rows stay where a person scrolled them to."""
        rows, history, outline = self._rows.rows, self._rows.history, self._outline
        self._sequence = self._rows.sequence = sequence
        if rows is None or history is None or outline is None or self.drawing is None or not sequence:
            return
        if self._window is not None:
            window = self._window.showing(outline.seconds(sequence), self._whole)
            if window != self._window:
                self._window = window
                self._rescale()
                return
        self._rows.move_to(rows.row_of(history, sequence), scroll=scroll, quiet=True)
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
    def idle_fact(self) -> str:
        """What to say of idle gaps in view; nothing when there are none."""
        if not self.has_long_gaps:
            return ""
        return "idle folded" if self.folds_idle else "idle shown"

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

    def toggle_here(self) -> bool:
        """Fold or unfold the path whose row the cursor is on; false when it is on a unit."""
        rows = self._rows.rows
        if rows is None or not len(rows) or rows[self._rows.cursor].units:
            return False
        self.toggle_path(self._rows.cursor)
        return True

    def on_timeline_rows_fold_clicked(self, message: TimelineRows.FoldClicked) -> None:
        """Fold or unfold what was clicked."""
        self.toggle_path(message.index)

    def on_timeline_rows_plot_clicked(self, message: TimelineRows.PlotClicked) -> None:
        """Ask for the last event by the time that was clicked."""
        if self.drawing is not None and self._outline is not None:
            seconds = self.drawing.scale.seconds(message.column + 1)
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

    def _move_line(self) -> None:
        column = self.cursor_column
        cursor = None
        if column is not None and self._outline is not None:
            cursor = column, elapsed_text(self._outline.seconds(self._sequence))
        self._axis.show(self.drawing, self.plot_start, cursor)
        place = None if column is None else column + self.plot_start
        before, self._rows.cursor_column = self._rows.cursor_column, place
        for changed in (before, place) if before != place else ():
            if changed is not None:
                self._rows.refresh(Region(changed, 0, 1, self._rows.size.height))

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

    def _rescale(self, *, scroll: bool = True) -> None:
        """Make the scale anew and draw everything with it."""
        width = self._rows.row_width
        if self._outline is None or width < 8:
            return
        self._rows.label_cells = min(max(width * 24 // 100, 12), 40)
        plot = max(2, width - self.plot_start)
        words = min(max(plot // 6, 2), 20)
        whole = self._whole
        window = self._window.within(whole) if self._window is not None else whole
        until = whole.end if self._live else 0.0
        idle = long_gaps(self._outline.idle(*window, until=until), window)
        self.has_long_gaps = bool(idle)
        folded = idle if self.folds_idle else ()
        scale = make_scale(window, max(1, plot - words), folded, break_glyph=self._glyphs.idle_break)
        old = self.drawing
        self.drawing = self._rows.drawing = self._drawing(scale)
        if old is None or (old.scale, old.width, old.live) != (scale, self.drawing.width, self._live):
            self._rows.version += 1
        self._rearranged(scroll=scroll)

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

    def _rearranged(self, *, scroll: bool = True) -> None:
        rows, history = self._rows.rows, self._rows.history
        if rows is not None and history is not None and self._sequence:
            self._rows.rows_changed(cursor=rows.row_of(history, self._sequence))
            if scroll:
                self._rows.scroll_to_row(self._rows.cursor)
        else:
            self._rows.rows_changed()
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
