"""The dialog that asks for the address of a value."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField
from engine.replay.addressing.addresses import AddressError, parse_address

_HELP = (
    ("cart.items[0] is a variable of the path at the cursor; paths.main.variables.cart of that path;", "dim"),
    ('status, error.message, inputs.x, script_globals.x and steps["Charge Card"].output are addresses, too.', "dim"),
)


class AddressDialog(Dialog[str]):
    """Its result is a text that is an address, or None."""

    BINDINGS = bindings(Scope.FORM)

    DEFAULT_CSS = """
    AddressDialog > Pane { width: 92; max-width: 94%; height: auto; max-height: 90%; }
    AddressDialog Horizontal { height: 1; margin-bottom: 1; }
    AddressDialog PartsLine { width: 11; padding: 0 1; }
    AddressDialog TextField { width: 1fr; }
    AddressDialog Words { overflow-y: hidden; }
    """

    def __init__(self, title: str, value: str = "") -> None:
        super().__init__()
        self._title = title
        self._value = value

    def compose(self) -> ComposeResult:
        """The address, and what can be typed there or is wrong with what is."""
        with Pane(title=self._title, fact="enter accept   esc close"):
            with Horizontal():
                yield PartsLine(part(("address", "dim")))
                yield TextField(self._value, placeholder="of a value in the state")
            yield Words(_HELP)

    def on_mount(self) -> None:
        """Start in the field."""
        self.query_one(TextField).focus()

    @on(TextField.Changed)
    def _typed(self, event: TextField.Changed) -> None:
        problem = _complaint(event.value) if event.value.strip() else None
        self.query_one(Words).show([(problem, "failed")] if problem else _HELP)

    @on(TextField.Submitted)
    def _submitted(self, event: TextField.Submitted) -> None:
        problem = _complaint(event.value) if event.value.strip() else "It needs an address."
        if problem is None:
            self.dismiss(event.value.strip())
        else:
            self.query_one(Words).show([(problem, "failed")])

    def action_leave(self) -> None:
        """Ask for nothing."""
        self.dismiss(None)

    def action_next_field(self) -> None:
        """There is only one."""


def _complaint(text: str) -> str | None:
    try:
        parse_address(text)
    except AddressError as error:
        return str(error)
    return None
