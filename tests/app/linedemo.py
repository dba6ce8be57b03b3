"""A small app with a line view, run by the terminal tests in a process of its own."""

from __future__ import annotations

import sys

from rich.segment import Segment
from textual.app import ComposeResult
from textual.strip import Strip

from dive_tui.app.shell import Shell
from dive_tui.app.text import display_text
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import HeaderLine, part
from dive_tui.widgets.screens import AppScreen

HOSTILE = "\x1b]0;owned\x07 \x1b]52;c;aGk=\x07 \x9b31m \u202egnp.exe \x00 [/red] [bold]"


class Rows(LineView):
    """A million rows."""

    @property
    def row_count(self) -> int:
        return 1_000_000

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        text = f"row {index} {HOSTILE}" if index % 2 else f"row {index}"
        return Strip([Segment(display_text(text, max_cells=width), self.palette["text"])])


class DemoScreen(AppScreen[None]):
    """Header, rows, footer."""

    def compose(self) -> ComposeResult:
        yield HeaderLine(part(("demo", "bold bright")), part((HOSTILE, "dim"), priority=2))
        yield Pane(Rows(), title=HOSTILE, fact=HOSTILE)
        yield FooterLine()

    def action_copy_item(self) -> None:
        """Show a hostile toast."""
        app = self.app
        assert isinstance(app, Shell)
        app.say(f"copied {HOSTILE}")


class Demo(Shell):
    """The app."""

    def get_default_screen(self) -> DemoScreen:
        return DemoScreen()


if __name__ == "__main__":
    raise SystemExit(Demo(ascii_only=True if "--ascii" in sys.argv else None).run())
