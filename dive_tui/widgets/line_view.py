"""The base of every list that may grow without bound: rows are drawn from an index, never made into widgets.

A subclass says how many rows there are and draws one of them; this class does the cursor, keys, mouse, scrolling,
following, caching, and what to show when there is nothing. Cost depends on what is visible, not on the row count.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import islice
from typing import ClassVar, Final, Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size, clamp
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_lines, display_text
from dive_tui.app.themes import Palette, palette_of
from dive_tui.widgets.row_message import RowMessage

PlaceholderKind = Literal["empty", "loading", "error"]

CACHED_ROWS = 1024
MESSAGE_LINES = 12
"""The most lines of a placeholder's message, and of its hint."""
EVICT_ONE_BY_ONE = 256
"""Up to this many changed rows are dropped from the cache singly; more clear it, which costs less."""


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """A scrollable list of one-line rows with a cursor.

    A subclass overrides :attr:`row_count` and :meth:`render_row`, calls :meth:`rows_changed` when rows came, went or
    moved, and :meth:`refresh_rows` when some only look different. Where a row's content has an identity and a
    version, :meth:`row_key` should return them, so that drawn rows are kept across moves.

    The first cell of each row belongs to the cursor marker; :meth:`render_row` draws the rest.
    """

    ALLOW_SELECT = False
    BINDINGS = bindings(Scope.LIST)

    DEFAULT_CSS = """
    LineView {
        background: $background;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
    }
    """

    newest: ClassVar[Literal["bottom", "top"]] = "bottom"
    """The end at which following stays."""

    shows_cursor: ClassVar[bool] = True
    """Whether there is a cursor row; without one the keys scroll, for text that is only read."""

    follow: var[bool] = var(False, init=False)
    """Whether the cursor stays on the newest row; ends when the person moves away from it."""

    class RowHighlighted(RowMessage):
        """The cursor stands on another row, or the row under it became another one."""

        def can_replace(self, message: Message) -> bool:
            """Of several waiting moves only the last counts."""
            return isinstance(message, LineView.RowHighlighted) and message.view is self.view

    class RowSelected(RowMessage):
        """A row was chosen: by a double click, or by the action that :meth:`LineView.select_row` stands behind."""

    class FollowChanged(Message):
        """Following started or ended."""

        def __init__(self, view: LineView, follow: bool) -> None:
            super().__init__()
            self.view: Final = view
            self.follow: Final = follow

        @property
        def control(self) -> LineView:
            """The view it comes from."""
            return self.view

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._cursor = 0
        self._strips: LRUCache[Hashable, Strip] = LRUCache(CACHED_ROWS)
        self._placeholder: tuple[PlaceholderKind, str, str] = ("empty", "", "")
        self._known_rows = 0
        self._height = 0
        self._told: tuple[int, Hashable] | None = None

    # What a subclass provides

    @property
    def row_count(self) -> int:
        """How many rows there are now."""
        raise NotImplementedError

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw row ``index`` in ``width`` cells with foreground styles; a shorter or longer strip is fitted.

        Called for visible rows only, and again only when something it depends on changed. It must not wait, read
        files or parse.
        """
        raise NotImplementedError

    def row_key(self, index: int) -> Hashable:
        """Identity and version of a row: while it stays equal the drawn row may be reused. The index by default."""
        return index

    def marker_style(self, index: int) -> Style:
        """The style of the cursor marker on this row; the accent by default."""
        return self.palette["accent"]

    # Looks

    @property
    def palette(self) -> Palette:
        """The styles of the current theme."""
        return palette_of(self.app)

    @property
    def glyphs(self) -> Glyphs:
        """The symbols of this terminal."""
        glyphs = getattr(self.app, "glyphs", UNICODE)
        assert isinstance(glyphs, Glyphs)
        return glyphs

    @property
    def emphasised(self) -> bool:
        """Whether the cursor row is drawn as that of the pane with the focus."""
        return self.has_focus

    # Rows and cursor

    @property
    def cursor(self) -> int:
        """The row the cursor is on; 0 when there are no rows."""
        return self._cursor

    @property
    def page_size(self) -> int:
        """How many rows are visible at once; at least 1."""
        return max(1, self.size.height)

    @property
    def row_width(self) -> int:
        """Cells of a row, with the marker and without the scrollbar."""
        return self.scrollable_content_region.width

    def rows_changed(self, *, cursor: int | None = None) -> None:
        """Take note that rows came, went or moved.

        ``cursor`` is the row where the one under the cursor is now; the view scrolls along with it, so that rows
        above may come and go without anything jumping. While following, the cursor goes to the newest row instead.
        """
        before = self._cursor
        self._known_rows = self.row_count
        self.virtual_size = Size(1, self._known_rows)
        if self.follow:
            self._place(self._newest_row())
            self.scroll_to_row(self._cursor)
        else:
            self._place(before if cursor is None else cursor)
            if self._cursor != before:
                self.scroll_to(y=self.scroll_offset.y + self._cursor - before, animate=False, force=True)
        self.refresh()
        if self._known_rows and (self._cursor, self._current_key()) != self._told:
            self._tell()

    def refresh_rows(self, rows: range | None = None) -> None:
        """Draw these rows anew (all when ``None``), repainting only what is visible of them."""
        if rows is None:
            self._strips.clear()
            self.refresh()
            return
        if len(rows) > EVICT_ONE_BY_ONE:
            self._strips.clear()
        else:
            for index in rows:
                self._evict(index)
        top = self.scroll_offset.y
        first, stop = max(rows.start, top), min(rows.stop, top + self.size.height)
        if first < stop:
            self.refresh(Region(0, first - top, self.size.width, stop - first))

    def move_to(self, index: int, *, scroll: bool = True, quiet: bool = False) -> None:
        """Put the cursor on row ``index`` (clamped) and make it visible.

        ``quiet`` sends no :class:`RowHighlighted`: for whoever only mirrors a cursor kept elsewhere.
        """
        if not self._known_rows:
            return
        before = self._cursor
        self._place(index)
        if self.follow and self._cursor != self._newest_row():
            self.follow = False
        if scroll:
            self.scroll_to_row(self._cursor)
        if self._cursor != before:
            self._repaint(before)
            self._repaint(self._cursor)
            if quiet:
                self._told = (self._cursor, self._current_key())
            else:
                self._tell()

    def select_row(self) -> None:
        """Choose the row under the cursor: sends :class:`RowSelected`, nothing when there are no rows."""
        if self._known_rows:
            self.post_message(self.RowSelected(self, self._cursor, self._current_key()))

    def scroll_to_row(self, index: int, *, center: bool = False) -> None:
        """Scroll as little as needed to show row ``index``; with ``center`` to the middle, when it was not visible."""
        if not self._height:  # not laid out yet: on_resize comes back to it
            return
        top, height = self.scroll_offset.y, self.page_size
        if top <= index < top + height:
            return
        nearest = index if index < top else index - height + 1
        target = index - height // 2 if center else nearest
        self.scroll_to(y=clamp(target, 0, max(0, self._known_rows - height)), animate=False, force=True)

    def _place(self, index: int) -> None:
        self._cursor = clamp(index, 0, max(0, self._known_rows - 1))

    def _newest_row(self) -> int:
        return 0 if self.newest == "top" else max(0, self._known_rows - 1)

    def _newest_visible(self) -> bool:
        top = self.scroll_offset.y
        return top <= self._newest_row() < top + self.page_size

    def _current_key(self) -> Hashable:
        return self.row_key(self._cursor)

    def _tell(self) -> None:
        self._told = (self._cursor, self._current_key())
        self.post_message(self.RowHighlighted(self, *self._told))

    # Placeholder

    def set_placeholder(self, kind: PlaceholderKind, text: str, hint: str = "") -> None:
        """What to show while there are no rows: what is the matter, and what to do next. Both may be any text."""
        self._placeholder = (kind, text, hint)
        if not self._known_rows:
            self.refresh()

    def _placeholder_lines(self, width: int) -> list[tuple[str, Style]]:
        """The placeholder as lines with their styles."""
        kind, text, hint = self._placeholder
        if not text:
            return []
        styles = {"empty": "text", "loading": "dim", "error": "failed"}
        glyph = {"empty": "", "loading": self.glyphs.pending + " ", "error": self.glyphs.failed + " "}[kind]
        room = max(1, width - 4)
        lines = [
            (line, self.palette[styles[kind]]) for line in islice(display_lines(glyph + text, room), MESSAGE_LINES)
        ]
        if hint:
            lines.append(("", self.palette["dim"]))
            lines += [(line, self.palette["dim"]) for line in islice(display_lines(hint, room), MESSAGE_LINES)]
        return lines

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw one visible line."""
        width = self.row_width
        index = self.scroll_offset.y + y
        if not self._known_rows:
            return self._placeholder_line(y, width)
        if index >= self._known_rows:
            return Strip.blank(width, self.rich_style)
        selected = self.shows_cursor and index == self._cursor
        key = (self.row_key(index), width, selected, selected and self.emphasised, self.palette.tokens.name)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._draw(index, width, selected)
        return strip

    def _draw(self, index: int, width: int, selected: bool) -> Strip:
        content = self._fitted(self.render_row(index, max(0, width - 1), selected), max(0, width - 1))
        if not selected:
            return Strip([Segment(" "), *content], width).apply_style(self.rich_style)
        marker = Segment(self.glyphs.cursor, self.marker_style(index))
        style = self.rich_style + self.palette.row(self.emphasised)
        over = self.palette.row_over(self.emphasised)
        return Strip(Segment.apply_style([marker, *content], style, over), width)

    def _fitted(self, strip: Strip, width: int) -> Strip:
        """The strip in exactly ``width`` cells, with a mark where something is missing.

        Text is made safe before it gets into a strip; should one have been missed, it is made safe here.
        """
        if not all(segment.text.isprintable() for segment in strip):
            strip = Strip([Segment(display_text(segment.text, max_cells=width), segment.style) for segment in strip])
        if width < 1 or strip.cell_length <= width:
            return strip.crop_extend(0, width, None)
        cut = strip.crop_extend(0, width - 1, None)
        *_, last = cut or [Segment("")]
        return Strip([*cut, Segment(self.glyphs.ellipsis, last.style)], width)

    def _placeholder_line(self, y: int, width: int) -> Strip:
        lines = self._placeholder_lines(width)
        first = max(0, (self.size.height - len(lines)) // 3)
        if not 0 <= y - first < len(lines):
            return Strip.blank(width, self.rich_style)
        text, style = lines[y - first]
        widest = max(cell_len(line) for line, _ in lines)
        indent = max(0, (width - widest) // 2)
        strip = Strip([Segment(" " * indent), Segment(text, style)])
        return strip.crop_extend(0, width, None).apply_style(self.rich_style)

    def _repaint(self, index: int) -> None:
        self.refresh(Region(0, index - self.scroll_offset.y, self.size.width, 1))

    def _evict(self, index: int) -> None:
        key, width, theme = self.row_key(index), self.row_width, self.palette.tokens.name
        for selected, focused in ((False, False), (True, False), (True, True)):
            self._strips.discard((key, width, selected, focused, theme))

    def notify_style_update(self) -> None:
        """Forget drawn rows: their colours changed."""
        self._strips.clear()
        super().notify_style_update()

    # Keys and mouse

    def _move_by(self, rows: int) -> None:
        if self.shows_cursor:
            self.move_to(self._cursor + rows)
        else:
            self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def action_cursor_up(self) -> None:
        """Move the cursor one row up."""
        self._move_by(-1)

    def action_cursor_down(self) -> None:
        """Move the cursor one row down."""
        self._move_by(1)

    def action_page_back(self) -> None:
        """Move the cursor one page up."""
        self._move_by(-max(1, self.page_size - 1))

    def action_page_on(self) -> None:
        """Move the cursor one page down."""
        self._move_by(max(1, self.page_size - 1))

    def action_top(self) -> None:
        """Move the cursor to the first row."""
        self._move_by(-self._known_rows)

    def action_bottom(self) -> None:
        """Move the cursor to the last row."""
        self._move_by(self._known_rows)

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a double click also selects."""
        offset = event.get_content_offset(self)
        if offset is None or not 0 <= (index := self.scroll_offset.y + offset.y) < self._known_rows:
            return
        self.move_to(index)
        if event.chain == 2:
            self.select_row()

    def on_mount(self) -> None:
        """Take in the rows there are already."""
        self.rows_changed()

    def on_resize(self) -> None:
        """Keep the cursor row visible when the height changes."""
        was_visible = self._cursor < self.scroll_offset.y + self._height
        first, self._height = not self._height, self.size.height
        if first or self.follow or was_visible:
            self.scroll_to_row(self._cursor)

    def on_focus(self) -> None:
        """The cursor row looks different with the focus."""
        self._repaint(self._cursor)

    def on_blur(self) -> None:
        """The cursor row looks different without the focus."""
        self._repaint(self._cursor)

    def watch_follow(self, follow: bool) -> None:
        """Go to the newest row when following starts."""
        if follow and self._known_rows:
            self.move_to(self._newest_row())
        self.post_message(self.FollowChanged(self, follow))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling away from the newest row ends following."""
        super().watch_scroll_y(old_value, new_value)
        if self.follow and not self._newest_visible():
            self.follow = False
