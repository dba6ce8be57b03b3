"""What the app's screens and dialogs are made from; Textual's own key bindings of screens are left out of both."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import ModalScreen, Screen

Result = TypeVar("Result")


class AppScreen(Screen[Result], inherit_bindings=False):
    """A full screen. All its keys come from the action registry.

    Its style sheet belongs in ``DEFAULT_CSS``: Textual reads no ``CSS`` of an app's first screen.
    """


class Dialog(ModalScreen[Result], inherit_bindings=False):
    """A modal screen whose content is one :class:`~dive_tui.widgets.pane.Pane`."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
    }
    Dialog > Pane {
        background: $surface;
        padding: 0 1;
    }
    Dialog LineView {
        background: $surface;
        scrollbar-background: $surface;
        scrollbar-background-hover: $surface;
        scrollbar-background-active: $surface;
    }
    """
