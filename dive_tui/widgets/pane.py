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

from dive_tui.app.text import display_text, is_ascii

_TITLE_CELLS = 200
_BETWEEN_TABS = " │ "
_BETWEEN_TABS_ASCII = " | "


class Pane(Container):
    """The frame around one thing on a screen. Title, tabs and fact are plain text, whatever they hold."""

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
        self._tabs: tuple[str, ...] = ()
        self.set_title(title)
        self.set_fact(fact)

    def set_title(self, title: str) -> None:
        """Show a title in the top border."""
        self._tabs = ()
        self.border_title = Content(display_text(title, max_cells=_TITLE_CELLS)) if title else None

    def set_tabs(self, tabs: Sequence[str], active: int) -> None:
        """Show the names of several views in place of the title, the active one bright."""
        self._tabs = tuple(display_text(tab, max_cells=_TITLE_CELLS) for tab in tabs)
        pieces: list[tuple[str, str]] = []
        for index, tab in enumerate(self._tabs):
            if index:
                pieces.append((self._between_tabs, "not bold $border-blurred"))
            pieces.append((tab, "bold" if index == active else "not bold $text-muted"))
        self.border_title = Content.assemble(*pieces)

    def set_fact(self, fact: str) -> None:
        """Show one quiet fact at the right of the bottom border, or none."""
        self.border_subtitle = Content(display_text(fact, max_cells=_TITLE_CELLS)) if fact else None

    @property
    def _between_tabs(self) -> str:
        return _BETWEEN_TABS_ASCII if is_ascii() else _BETWEEN_TABS

    def on_click(self, event: events.Click) -> None:
        """Tell which tab was clicked."""
        offset = event.get_content_offset(self)
        if event.widget is not self or event.y != 0 or offset is not None:
            return
        start = 3
        for index, tab in enumerate(self._tabs):
            if start <= event.x < start + cell_len(tab):
                self.post_message(self.TabClicked(self, index))
                return
            start += cell_len(tab) + len(self._between_tabs)

    def focus_content(self) -> None:
        """Give the focus to the first widget inside that takes it."""
        for child in self.query("*"):
            if child.focusable:
                child.focus()
                return
