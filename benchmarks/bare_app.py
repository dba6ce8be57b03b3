"""Probes: the least Textual app that shows a word, and the least line widget over 100,000 rows."""

from __future__ import annotations

import sys

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

ROWS = 100_000


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("long-haul")


class Lines(ScrollView, can_focus=True):
    """A cursor over rows of text: what any list of its kind has to do."""

    BINDINGS = [("full_stop", "down", "down")]  # noqa: RUF012 - Textual's own declaration
    cursor = 0

    def on_mount(self) -> None:
        self.virtual_size = Size(80, ROWS)
        self.focus()

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        marker = ">" if row == self.cursor else " "
        return Strip([Segment(f"{marker} {row:6} +{row / 25:9.2f}s  step completed  main  Fetch  long-haul")])

    def action_down(self) -> None:
        self.cursor += 1
        self.scroll_to(y=max(0, self.cursor - self.size.height + 1), animate=False)
        self.refresh()


class BareLines(App[None]):
    def compose(self) -> ComposeResult:
        yield Lines()


if __name__ == "__main__":
    (BareLines if "lines" in sys.argv else Bare)().run()
