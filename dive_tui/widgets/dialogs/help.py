"""The help: the keys that act where the focus is, from the action registry."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.strip import Strip

from dive_tui.app.actions import Action, Scope
from dive_tui.app.keymap import bindings, help_sections
from dive_tui.app.text import ellipsize, pad
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.screens import Dialog


class HelpLines(LineView):
    """Headings, and under each its keys with what they do."""

    shows_cursor = False

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions
        self._rows: list[tuple[str, str]] = []
        self._key_cells = 0

    @property
    def row_count(self) -> int:
        """One row per heading, key line and gap."""
        return len(self._rows)

    def on_mount(self) -> None:
        """Lay the help out in rows: (keys, text), with keys empty for a heading and both empty for a gap."""
        for heading, lines in help_sections(self._actions, self.glyphs):
            if self._rows:
                self._rows.append(("", ""))
            self._rows.append(("", heading))
            self._rows += lines
        self._key_cells = max((cell_len(keys) for keys, _ in self._rows), default=0)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a heading or a key line."""
        keys, text = self._rows[index]
        if not keys:
            return Strip([Segment(text, self.palette["bold accent"])])
        return Strip(
            [
                Segment(pad(keys, self._key_cells), self.palette["bold bright"]),
                Segment("  " + ellipsize(text, max(0, width - self._key_cells - 2)), self.palette["text"]),
            ]
        )


class HelpScreen(Dialog[None]):
    """The keys of the focused pane, its screen and everywhere, in a box that scrolls."""

    BINDINGS = bindings(Scope.HELP)

    DEFAULT_CSS = """
    HelpScreen > Pane {
        width: 84;
        max-width: 94%;
        height: 80%;
    }
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions

    def compose(self) -> ComposeResult:
        """One pane with the lines."""
        yield Pane(HelpLines(self._actions), title="Keys", fact="q close")

    def action_close_help(self) -> None:
        """Close the help."""
        self.dismiss(None)
