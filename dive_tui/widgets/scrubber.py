"""The line under the header: the whole execution at a glance, and where in it the cursor stands."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.text import human_duration
from dive_tui.app.themes import Palette, palette_of
from dive_tui.widgets.canvas import Canvas
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.lines import CursorAsked
from dive_tui.widgets.timeline.scale import TimeScale, Window, live_extent, make_scale, mark_columns
from engine.replay.history import History

SPARSE = 1 / 3
"""Up to this share of cells with steps, each is drawn as a dot; beyond it as the height of a line."""
HIGHEST = 3
"""Eighths of a cell that the line of steps is high at most: it is a rail, no chart."""
LEAST_DURATION = 0.001


class Scrubber(Widget):
    """`0s ├─●──◈─┊┊──▲✗┤ 12.4s`: steps, failures, idle gaps, marks, where breakpoints stopped, and the cursor.

    A click goes there, and so does dragging.
    """

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    Scrubber {
        height: 1;
        padding: 0 1;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._history: History | None = None
        self._outline: Outline | None = None
        self._sequence = 0
        self._now = 0.0
        self._live = False
        self._points: tuple[tuple[tuple[int, ...], str, str], ...] = ()
        self._drawn: tuple[tuple[object, ...], TimeScale, list[int]] | None = None

    def show(self, history: History, outline: Outline) -> None:
        """Show this history from now on."""
        self._history, self._outline = history, outline
        self.refresh()

    def set_time(self, now: float, *, live: bool) -> None:
        """What time it is, in seconds since the first event, and whether the execution goes on."""
        self._now, self._live = now, live
        self.refresh()

    def set_cursor(self, sequence: int) -> None:
        """Show the cursor at this event."""
        if sequence != self._sequence:
            self._sequence = sequence
            self.refresh()

    def set_points(self, marks: Iterable[int], stops: Iterable[int]) -> None:
        """The events a person has marked, and those at which a breakpoint is known to stop."""
        points = (tuple(sorted(stops)), "breakpoint", "bold replay"), (tuple(sorted(marks)), "mark", "bold accent")
        if points != self._points:
            self._points = points
            self.refresh()

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    @property
    def _glyphs(self) -> Glyphs:
        glyphs = getattr(self.app, "glyphs", UNICODE)
        assert isinstance(glyphs, Glyphs)
        return glyphs

    @property
    def _ends(self) -> tuple[str, str]:
        duration = self._outline.duration if self._outline is not None else 0.0
        glyphs = self._glyphs
        last = human_duration(max(duration, self._now) if self._live else duration)
        return f"0s {glyphs.rail_start}", f"{glyphs.rail_end} {last}"

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width, palette, glyphs = self.size.width, self._palette, self._glyphs
        first, last = self._ends
        room = width - cell_len(first) - cell_len(last)
        if self._history is None or self._outline is None or not len(self._outline) or room < 4:
            return Strip.blank(width, self.rich_style)
        scale, steps = self._measure(room)
        cursor = min(int(scale.column(self._outline.seconds(self._sequence)) + 1e-9), room - 1)
        canvas = Canvas(room, glyphs, palette)
        for column in range(room):
            canvas.put(column, glyphs.rail, "dim" if column <= cursor else "border")
        self._draw_steps(canvas, steps, cursor)
        for gap in scale.gaps:
            canvas.text(gap.first_cell, gap.label, "dim")
        for column, mark in mark_columns(scale, self._outline, room):
            canvas.put(column, getattr(glyphs, mark.glyph), mark.style)
        for sequences, glyph, style in self._points:
            for column in self._columns_of(sequences, scale, room):
                canvas.put(column, getattr(glyphs, glyph), style)
        failed = self._columns_of(self._history.index.failures, scale, room)
        for column in failed:
            canvas.put(column, glyphs.failed, "failed")
        if self._sequence:
            place = cursor - 1 if cursor in failed and cursor - 1 not in failed and cursor else cursor
            canvas.put(place, glyphs.person, "bold failed" if place in failed else "bold accent")
        line = [Segment(first, palette["dim"]), *canvas.segments(), Segment(last, palette["dim"])]
        return Strip(line).crop_extend(0, width, None).apply_style(self.rich_style)

    def _draw_steps(self, canvas: Canvas, steps: list[int], cursor: int) -> None:
        busy = [count for count in steps if count]
        if not busy:
            return
        sparse = len(busy) <= len(steps) * SPARSE
        most = max(busy)
        for column, count in enumerate(steps):
            if count:
                level = max(1, round(count / most * HIGHEST))
                glyph = self._glyphs.keyframe if sparse else self._glyphs.levels[level]
                canvas.put(column, glyph, "text" if sparse and column <= cursor else "dim")

    def _measure(self, room: int) -> tuple[TimeScale, list[int]]:
        """The scale, and how many steps begin in each cell; kept until something changes."""
        history, outline = self._history, self._outline
        assert history is not None and outline is not None
        duration = outline.duration
        end = live_extent(max(duration, self._now)) if self._live else max(duration, LEAST_DURATION)
        key = (room, end, len(outline), self._live)
        if self._drawn is not None and self._drawn[0] == key:
            return self._drawn[1], self._drawn[2]
        glyph = self._glyphs.idle_break
        scale = make_scale(
            Window(0.0, end), room, outline.idle(until=end if self._live else 0.0), break_glyph=glyph, labelled=False
        )
        starts = history.index.step_starts
        bounds = [0, *(outline.count_before(scale.seconds(column)) for column in range(1, room)), len(outline)]
        edges = [bisect_right(starts, bound) for bound in bounds]
        steps = [after - before for before, after in pairwise(edges)]
        self._drawn = key, scale, steps
        return scale, steps

    def _columns_of(self, sequences: Sequence[int], scale: TimeScale, room: int) -> set[int]:
        """The cells of some events, given in order; costs what there are of cells, not what there are of events."""
        outline = self._outline
        assert outline is not None
        columns: set[int] = set()
        at = 0
        while at < len(sequences):
            column = min(int(scale.column(outline.seconds(sequences[at])) + 1e-9), room - 1)
            columns.add(column)
            at = max(at + 1, bisect_left(sequences, scale.seconds(column + 1), lo=at, key=outline.seconds))
        return columns

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go there, and along with the mouse until it is let go."""
        if event.button == 1 and self._ask_for(event):
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Go along with the mouse."""
        if self.app.mouse_captured is self:
            self._ask_for(event)

    def on_mouse_up(self) -> None:
        """Stay here."""
        self.release_mouse()

    def _ask_for(self, event: events.MouseEvent) -> bool:
        """Ask for the last event by the time under the mouse; whether there is anything to ask for."""
        offset = event.get_content_offset_capture(self)
        first, last = self._ends
        room = self.size.width - cell_len(first) - cell_len(last)
        if self._outline is None or self._history is None or not len(self._outline) or room < 4:
            return False
        scale, _ = self._measure(room)
        column = min(max(offset.x - cell_len(first), 0), room - 1)
        sequence = self._outline.sequence_at(scale.seconds(column + 1))
        if sequence != self._sequence:
            self.post_message(CursorAsked(sequence))
        return True
