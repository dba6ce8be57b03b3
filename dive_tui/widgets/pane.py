"""A pane: a thin border that lights up with the focus, a title left, one quiet fact right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from dive_tui.app.text import display_text, ellipsize, is_ascii

_TITLE_CELLS = 200
_BETWEEN_TABS = " │ "
_BETWEEN_TABS_ASCII = " | "


class Pane(Container):
    """The frame around one thing on a screen. Title, tabs and fact are plain text, whatever they hold."""

    ALLOW_MAXIMIZE = True

    DEFAULT_CSS = """
    Pane {
        border: round $border-blurred;
        border-title-color: $foreground;
        border-title-align: left;
        border-subtitle-color: $text-muted;
        border-subtitle-align: right;
        background: $background;
    }
    Pane:focus-within {
        border: round $border;
        border-title-color: $border;
        border-title-style: bold;
    }
    """

    class TabClicked(Message):
        """A tab in the title was clicked."""

        def __init__(self, pane: Pane, index: int) -> None:
            super().__init__()
            self.pane: Final = pane
            self.index: Final = index

        @property
        def control(self) -> Pane:
            """The pane it comes from."""
            return self.pane

    def __init__(
        self,
        *children: Widget,
        title: str = "",
        fact: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(*children, id=id, classes=classes)
        self._title = self._fact = ""
        self._tabs: tuple[str, ...] = ()
        self._active = 0
        self.set_title(title)
        self.set_fact(fact)

    def set_title(self, title: str) -> None:
        """Show a title in the top border."""
        self._tabs = ()
        self._title = display_text(title, max_cells=_TITLE_CELLS)
        self._write_border()

    def set_tabs(self, tabs: Sequence[str], active: int) -> None:
        """Show the names of several views in place of the title, the active one bright."""
        self._tabs = tuple(display_text(tab, max_cells=_TITLE_CELLS) for tab in tabs)
        self._active = active
        self._write_border()

    def set_fact(self, fact: str) -> None:
        """Show one quiet fact at the right of the bottom border, or none."""
        self._fact = display_text(fact, max_cells=_TITLE_CELLS)
        self._write_border()

    def on_resize(self) -> None:
        """Fit title and fact to the width."""
        self._write_border()

    def _write_border(self) -> None:
        room = self.outer_size.width - 6 if self.outer_size.width else _TITLE_CELLS
        self.border_title = self._tab_content(room) if self._tabs else _content(self._title, room)
        self.border_subtitle = _content(self._fact, room)

    def _tab_content(self, room: int) -> Content | None:
        """All tabs, or only the active one where they do not fit."""
        if cell_len(self._between_tabs.join(self._tabs)) > room:
            return _content(self._tabs[self._active], room)
        pieces: list[tuple[str, str]] = []
        for index, tab in enumerate(self._tabs):
            if index:
                pieces.append((self._between_tabs, "not bold $border-blurred"))
            pieces.append((tab, "bold" if index == self._active else "not bold $text-muted"))
        return Content.assemble(*pieces)

    @property
    def _between_tabs(self) -> str:
        return _BETWEEN_TABS_ASCII if is_ascii() else _BETWEEN_TABS

    @property
    def tab_starts(self) -> list[int]:
        """The cells of the top border at which its tabs begin; none where there are no tabs, or no room for them."""
        if cell_len(self._between_tabs.join(self._tabs)) > self.outer_size.width - 6:
            return []
        widths = [cell_len(tab) + len(self._between_tabs) for tab in self._tabs]
        return [3 + sum(widths[:index]) for index in range(len(widths))]

    def on_click(self, event: events.Click) -> None:
        """Tell which tab was clicked."""
        offset = event.get_content_offset(self)
        if event.widget is not self or event.y != 0 or offset is not None:
            return
        for index, start in enumerate(self.tab_starts):
            if start <= event.x < start + cell_len(self._tabs[index]):
                self.post_message(self.TabClicked(self, index))
                return

    def focus_content(self) -> None:
        """Give the focus to the first widget inside that takes it."""
        for child in self.query("*"):
            if child.focusable:
                child.focus()
                return


def _content(text: str, room: int) -> Content | None:
    """Plain text for the border, cut to ``room`` cells; nothing where there is none."""
    return Content(ellipsize(text, room)) if text and room > 0 else None
