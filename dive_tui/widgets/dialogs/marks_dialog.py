"""The list of marks: choose one to go there."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text, pad
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.screens import Dialog


class MarkEntry(NamedTuple):
    """A mark, and what happened there."""

    name: str
    sequence: int
    words: str


class _Marks(LineView):
    BINDINGS = bindings(Scope.BREAKPOINTS)

    def __init__(self, marks: list[MarkEntry]) -> None:
        super().__init__()
        self.marks = marks

    @property
    def row_count(self) -> int:
        return len(self.marks)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        mark = self.marks[index]
        names = max(cell_len(other.name) for other in self.marks)
        places = max(len(str(other.sequence)) for other in self.marks)
        return Strip(
            [
                Segment(f"{self.glyphs.mark} ", self.palette["bold accent"]),
                Segment(pad(mark.name, names), self.palette["bright" if selected else "text"]),
                Segment(f"  @{mark.sequence:<{places}}  ", self.palette["dim"]),
                Segment(display_text(mark.words, max_cells=width), self.palette["text"]),
            ]
        )


class MarksDialog(Dialog[int]):
    """Its result is the event of the chosen mark, or None; `remove` is called with the name of one to forget."""

    BINDINGS = bindings(Scope.MENU)

    DEFAULT_CSS = """
    MarksDialog > Pane { width: 76; max-width: 94%; height: auto; max-height: 80%; }
    MarksDialog LineView { max-height: 16; }
    """

    def __init__(self, marks: list[MarkEntry], remove: Callable[[str], None]) -> None:
        super().__init__()
        self._marks = _Marks([mark._replace(name=display_text(mark.name, max_cells=24)) for mark in marks])
        self._names = [mark.name for mark in marks]
        self._remove = remove

    def compose(self) -> ComposeResult:
        """One pane with a line per mark."""
        self._marks.styles.height = len(self._marks.marks)
        yield Pane(self._marks, title="Marks", fact="enter go there   x remove   q close")

    def action_choose(self) -> None:
        """Go to the mark under the cursor."""
        self.dismiss(self._marks.marks[self._marks.cursor].sequence)

    def action_close_menu(self) -> None:
        """Stay."""
        self.dismiss(None)

    def action_remove_entry(self) -> None:
        """Forget the mark under the cursor; with the last one there is nothing left to choose."""
        at = self._marks.cursor
        self._remove(self._names.pop(at))
        del self._marks.marks[at]
        if not self._marks.marks:
            self.dismiss(None)
            return
        self._marks.styles.height = len(self._marks.marks)
        self._marks.refresh_rows()
        self._marks.rows_changed()

    def why_not_turn_breakpoint(self) -> str | None:
        """A mark is there or not."""
        return "A mark is neither on nor off: x removes it, enter goes there."

    def action_turn_breakpoint(self) -> None:
        """Nothing; why not is said."""

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_choose()
