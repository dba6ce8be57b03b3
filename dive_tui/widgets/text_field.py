"""A one-line text field without a box, for the filter and the prompt."""

from __future__ import annotations

from textual.widgets import Input

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings


class TextField(Input):
    """An input of one line.

    Escape, or backspace when it is empty, runs the action ``leave``, which what holds the field must have.
    """

    BINDINGS = bindings(Scope.FIELD)

    DEFAULT_CSS = """
    TextField, TextField:focus {
        border: none;
        height: 1;
        padding: 0;
        background: transparent;
        color: $foreground;
    }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, select_on_focus=False, id=id)
        self.cursor_blink = False

    def action_delete_left(self) -> None:
        """Delete the character before the cursor; in an empty field, leave it."""
        if self.value:
            super().action_delete_left()
        else:
            self.app.call_later(self.app.run_action, "leave", self)
