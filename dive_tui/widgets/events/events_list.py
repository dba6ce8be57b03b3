"""The list of events: one line each, in the words of people."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dive_tui.app.text import display_text, fit
from dive_tui.widgets.events.event_words import SAID_CELLS, TimeFormat, elapsed_text, look_of, moment_text, says
from dive_tui.widgets.events.missing_events import MissingEvents
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.lines import CursorAsked
from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.replay.searching.search import Hits

KIND_CELLS = (19, 15, 9)
"""Cells for the kind of an event: in full, without `execution`, and in one word."""
WIDE, NARROW = 96, 66
"""Widths from which the first two of them are used."""
LEAST_SAID = 12
"""Cells kept for what an event says, at the cost of where it happened."""
CONTEXT = 3
"""Rows kept in view above and below the cursor."""


class EventsList(LineView):
    """All events of a history, or only the hits of a search; the cursor row is the screen's event, or the hit nearest.

    A person's moves go to the screen as wishes.
    """

    def __init__(self) -> None:
        super().__init__(id="events-list")
        self._history: History | None = None
        self._outline: Outline | None = None
        self._time_format = TimeFormat.ELAPSED
        self._sequence = 0
        self._missing = MissingEvents(self, self.refresh_rows)
        self._hits: Hits | None = None
        self._only_hits = False

    @property
    def row_count(self) -> int:
        """One row per event, or per hit."""
        if self._history is None:
            return 0
        return len(self._hits) if self._hits is not None and self._only_hits else len(self._history)

    def sequence_of(self, row: int) -> int:
        """The event of a row."""
        return self._hits[row] if self._hits is not None and self._only_hits else row + 1

    def row_of(self, sequence: int) -> int:
        """The row of an event; while only hits are listed, that of the hit nearest to it."""
        hits = self._hits
        if hits is None or not self._only_hits:
            return max(0, sequence - 1)
        behind = hits.place(sequence)
        if not behind or behind >= len(hits):
            return max(0, min(behind, len(hits)) - 1)
        return behind - 1 if sequence - hits[behind - 1] <= hits[behind] - sequence else behind

    def show_hits(self, hits: Hits | None, *, only: bool) -> None:
        """Mark the hits of a search that are known so far, or list `only` them; None: all events, none marked."""
        moves = only or self._only_hits
        self._hits, self._only_hits = hits, only
        self.refresh_rows()
        self.rows_changed(cursor=self.row_of(self._sequence))
        if moves:
            self.scroll_to_row(self.cursor)

    def show(self, history: History, outline: Outline, sequence: int) -> None:
        """Show this history from now on, the cursor on that event."""
        self._history, self._outline, self._sequence = history, outline, sequence
        self.refresh_rows()
        self.rows_changed(cursor=self.row_of(sequence))
        self.scroll_to_row(self.cursor, center=True)

    def grew(self, sequence: int) -> None:
        """Take note that there are more events, and of where the cursor is."""
        self._sequence = sequence
        self.rows_changed(cursor=self.row_of(sequence))

    def set_cursor(self, sequence: int, *, scroll: bool = True) -> None:
        """Show the cursor at this event."""
        self._sequence = sequence
        super().move_to(self.row_of(sequence), scroll=scroll, quiet=True)

    def set_time_format(self, form: TimeFormat) -> None:
        """Show times in this way."""
        self._time_format = form
        self.refresh_rows()

    def move_to(self, index: int, *, scroll: bool = True, quiet: bool = False) -> None:
        """Quietly: show the cursor on a row. Else ask the screen to go to that event."""
        if quiet:
            super().move_to(index, scroll=scroll, quiet=True)
        elif self.row_count:
            sequence = self.sequence_of(min(max(index, 0), self.row_count - 1))
            if sequence != self._sequence:
                self.post_message(CursorAsked(sequence))

    def scroll_to_row(self, index: int, *, center: bool = False) -> None:
        """Scroll as little as needed to show a row with some context."""
        height = self.page_size
        around = min(CONTEXT, (height - 1) // 2)
        top = self.scroll_offset.y
        if top + around <= index < top + height - around:
            return
        for edge in (index - around, index + around):
            super().scroll_to_row(min(max(edge, 0), max(0, self.row_count - 1)), center=center)

    def row_key(self, index: int) -> Hashable:
        """An event never changes, but how it is shown may."""
        where = self._outline.where_cells if self._outline is not None else 0
        sequence = self.sequence_of(index) if index < self.row_count else 0
        return sequence, self._number_cells, self._time_format, where, self._is_hit(sequence)

    def marker_style(self, index: int) -> Style:
        """The marker takes the colour of a failure it stands on."""
        assert self._history is not None
        sequence = self.sequence_of(index)
        known = sequence <= len(self._history.columns)
        kind = self._history.columns.kind(sequence) if known else self._kind_of(sequence)
        style = look_of(kind).style
        return self.palette["failed" if style == "failed" else "accent"]

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw an event, or that it is still being read."""
        assert self._history is not None
        sequence = self.sequence_of(index)
        event = self._history.peek(sequence) if self._history.has(sequence) else None
        if event is None:
            self._missing.want(self._history, sequence)
            return Strip(
                [Segment(f"{sequence}".rjust(self._number_cells) + f" {self.glyphs.ellipsis}", self.palette["dim"])]
            )
        number = str(event.sequence).rjust(self._number_cells)
        time = self._time_of(event)
        look = look_of(event.event_type)
        words, words_cells = _kind(look.words, width)
        loud = look.style == "failed"
        palette = self.palette
        segments = [
            Segment(number, palette["bright" if selected else "dim"]),
            Segment(self.glyphs.hit if self._is_hit(event.sequence) else " ", palette["bold accent"]),
            Segment(f"{time}  ", palette["text" if selected else "dim"]),
            Segment(self._glyph(look.glyph), palette[look.style]),
            Segment(f" {fit(words, words_cells)}  ", palette["failed" if loud else "text"]),
        ]
        room = width - sum(cell_len(segment.text) for segment in segments)
        where_cells = max(0, min(self._where_room(), room - LEAST_SAID, room * 3 // 5))
        segments += self._where(event, where_cells)
        return Strip([*segments, Segment("  "), *self._said(event, max(0, room - where_cells - 2))])

    def _kind_of(self, sequence: int) -> str:
        assert self._history is not None
        event = self._history.peek(sequence) if self._history.has(sequence) else None
        return event.event_type if event is not None else ""

    @property
    def _number_cells(self) -> int:
        return len(str(len(self._history))) if self._history is not None else 0

    def _is_hit(self, sequence: int) -> bool:
        return self._hits is not None and sequence in self._hits

    def _time_of(self, event: ExecutionEvent) -> str:
        if self._time_format is not TimeFormat.ELAPSED:
            return moment_text(event.timestamp, self._time_format)
        assert self._outline is not None
        longest = cell_len(elapsed_text(self._outline.duration))
        return elapsed_text(self._outline.seconds_of(event)).rjust(longest)

    def _where_room(self) -> int:
        return self._outline.where_cells if self._outline is not None else 0

    def _where(self, event: ExecutionEvent, cells: int) -> Iterator[Segment]:
        """`path › Step`, the path in its hue."""
        if not event.path_id or cells <= 0:
            yield Segment(" " * cells)
            return
        path = display_text(event.path_id, max_cells=cells if not event.step_name else max(4, cells // 2))
        yield Segment(path, self._hue(event.path_id))
        step = ""
        if event.step_name:
            step = f" {self.glyphs.within} {display_text(event.step_name, max_cells=cells)}"
        yield Segment(fit(step, cells - cell_len(path)), self.palette["text"])

    def _hue(self, path_id: str) -> Style:
        assert self._outline is not None
        return self.palette.path(self._outline.path_number(path_id))

    def _said(self, event: ExecutionEvent, room: int) -> Iterator[Segment]:
        """What the event says, as far as there is room."""
        for number, (text, style) in enumerate(says(event, self.glyphs)):
            shown = display_text(text, max_cells=min(room, SAID_CELLS))
            if number:
                yield Segment("  ")
            yield Segment(shown, self.palette[style])
            room -= cell_len(shown) + 2
            if room <= 2:
                return

    def _glyph(self, name: str) -> str:
        glyph: str = getattr(self.glyphs, name)
        return glyph.ljust(2 if self.glyphs.ascii else 1)


def _kind(words: str, width: int) -> tuple[str, int]:
    """The words for a kind of event that fit a width, and the cells for all of them."""
    if width >= WIDE:
        return display_text(words, max_cells=KIND_CELLS[0]), KIND_CELLS[0]
    if width >= NARROW:
        return display_text(words.removeprefix("execution "), max_cells=KIND_CELLS[1]), KIND_CELLS[1]
    for prefix in ("execution ", "step ", "path "):
        words = words.removeprefix(prefix)
    return display_text(words, max_cells=KIND_CELLS[2]), KIND_CELLS[2]
