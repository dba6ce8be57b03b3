"""A small app with every widget, run by the terminal tests in a process of its own.

With ``--hostile`` it shows ten thousand strings that try to break out, without it a million rows.
"""

from __future__ import annotations

import sys

from rich.segment import Segment
from textual.app import ComposeResult
from textual.strip import Strip

from dive_tui.app.shell import Shell
from dive_tui.app.text import display_text
from dive_tui.widgets.filter_bar import FilterBar
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import Banner, HeaderLine, part
from dive_tui.widgets.screens import AppScreen
from tests.app.hostile import hostile_strings

HOSTILE = "\x1b]0;owned\x07 \x1b]52;c;aGk=\x07 \x9b31m \u202egnp.exe \x00 [/red] [bold]"


class Rows(LineView):
    """A million rows, or one per string."""

    def __init__(self, strings: list[str]) -> None:
        super().__init__()
        self.strings = strings

    @property
    def row_count(self) -> int:
        return len(self.strings) or 1_000_000

    def text(self, index: int) -> str:
        if self.strings:
            return self.strings[index]
        return HOSTILE if index % 2 else ""

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        return Strip([Segment(display_text(f"row {index} {self.text(index)}", max_cells=width), self.palette["text"])])


class Nothing(LineView):
    """No rows, only a placeholder."""

    row_count = 0


class DemoScreen(AppScreen[None]):
    """Every widget there is; all but the footer show the text of the row under the cursor."""

    DEFAULT_CSS = """
    DemoScreen #rows { height: 1fr; }
    DemoScreen #nothing { height: 4; }
    DemoScreen Banner { max-height: 1; }
    """

    def __init__(self, strings: list[str]) -> None:
        super().__init__()
        self.strings = strings

    def compose(self) -> ComposeResult:
        yield HeaderLine(part(("demo", "bold bright")), part((HOSTILE, "dim"), priority=2))
        if self.strings:
            yield Banner()
            yield FilterBar(lambda typed: typed)
        yield Pane(Rows(self.strings), id="rows", title=HOSTILE, fact=HOSTILE)
        if self.strings:
            yield Pane(Nothing(), id="nothing")
        yield FooterLine()

    def on_mount(self) -> None:
        self.query_one(Rows).focus()

    def on_line_view_row_highlighted(self, event: LineView.RowHighlighted) -> None:
        if self.strings:
            self.show_everywhere(self.strings[event.index])

    def show_everywhere(self, text: str) -> None:
        self.query_one(HeaderLine).set_parts([part((text, "bold failed"), shrink=5), part(text, right=True)])
        self.query_one(Banner).show("error", text, hint=text)
        self.query_one(FilterBar).set_text(display_text(text))
        self.query_one(FilterBar).set_facts(text)
        self.query_one("#rows", Pane).set_title(text)
        self.query_one("#rows", Pane).set_fact(text)
        self.query_one("#nothing", Pane).set_tabs([text, "State"], 1)
        self.query_one(Nothing).set_placeholder("error", text, text)
        self.query_one(FooterLine).set_fact(text)

    def action_copy_item(self) -> None:
        app = self.app
        assert isinstance(app, Shell)
        app.say(f"copied {HOSTILE}")


class Demo(Shell):
    """The app."""

    def get_default_screen(self) -> DemoScreen:
        return DemoScreen(hostile_strings(10_000, seed=3) if "--hostile" in sys.argv else [])


if __name__ == "__main__":
    raise SystemExit(Demo(ascii_only=True if "--ascii" in sys.argv else None).run())
