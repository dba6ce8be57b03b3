"""An app around one widget, for tests of widgets that need one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from dive_tui.app.shell import Shell
from dive_tui.widgets.screens import AppScreen
from dive_tui.widgets.timeline.lines import CursorAsked


class HostScreen(AppScreen[None]):
    """Holds the widget and keeps what it asks for."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget
        self.asked: list[int] = []
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        """Only the widget."""
        yield self._widget

    def on_cursor_asked(self, message: CursorAsked) -> None:
        """Note where the cursor is wanted."""
        self.asked.append(message.sequence)


class Host(Shell):
    """Shows one widget."""

    def __init__(self, widget: Widget, *, ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self.host = HostScreen(widget)

    def get_default_screen(self) -> HostScreen:
        """The screen with the widget."""
        return self.host


def noted(into: list[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, noting its first argument with every call."""

    def call(*arguments: Any, **options: Any) -> Any:
        into.append(arguments[0] if arguments else None)
        return function(*arguments, **options)

    return call
