"""The dialog that asks for the columns of the list of executions, and their order."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import pad
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.executions_columns import BY_NAME, COLUMNS, USUAL
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.screens import Dialog

_NAME_CELLS = 12


class _Choices(LineView):
    """A row per column: those that are shown in their order, then the others."""

    def __init__(self, chosen: Sequence[str]) -> None:
        super().__init__()
        self.names: list[str] = []
        self.shown: set[str] = set()
        self.choose(chosen)

    def choose(self, chosen: Sequence[str]) -> None:
        """Begin with these columns."""
        kept = [name for name in dict.fromkeys(chosen) if name in BY_NAME]
        self.names = [*kept, *(column.name for column in COLUMNS if column.name not in kept)]
        self.shown = set(kept)

    @property
    def row_count(self) -> int:
        return len(self.names)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The columns to show, in their order."""
        return tuple(name for name in self.names if name in self.shown)

    @property
    def here(self) -> str:
        """The column under the cursor."""
        return self.names[self.cursor]

    def on_mount(self) -> None:
        self.rows_changed()

    def move_column(self, step: int) -> None:
        """Let the column under the cursor and the one beside it change places; the cursor goes with it."""
        at, other = self.cursor, self.cursor + step
        if 0 <= other < len(self.names):
            self.names[at], self.names[other] = self.names[other], self.names[at]
            self.refresh_rows()
            self.move_to(other)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        column = BY_NAME[self.names[index]]
        shown = column.name in self.shown
        sign = self.glyphs.completed if shown else " "
        return Strip(
            [
                Segment(f"{pad(sign, 2)} ", self.palette["ok"]),
                Segment(pad(column.heading, _NAME_CELLS), self.palette["text" if shown else "dim"]),
                Segment(column.about, self.palette["dim"]),
            ]
        )


class ColumnsDialog(Dialog[tuple[str, ...]]):
    """Its result is the names of the columns, an empty one for the usual ones, or None when nothing was decided."""

    BINDINGS = [*bindings(Scope.COLUMNS), *bindings(Scope.MENU)]  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    ColumnsDialog > Pane { width: 84; max-width: 94%; height: auto; max-height: 90%; }
    ColumnsDialog _Choices { height: auto; max-height: 60vh; }
    ColumnsDialog Words { margin-top: 1; overflow-y: hidden; }
    """

    def __init__(self, chosen: Sequence[str]) -> None:
        super().__init__()
        self._chosen = tuple(chosen)

    def compose(self) -> ComposeResult:
        """A line per column, and what the keys do."""
        choices = _Choices(self._chosen or USUAL)
        choices.styles.height = len(COLUMNS)
        with Pane(title="Columns", fact="enter take   q close"):
            yield choices
            yield Words(
                [
                    ("space shows or hides a column, < and > move it. 0: the usual ones.", "text"),
                    ("Columns that do not fit are left out, the last ones first.", "dim"),
                ],
            )

    @property
    def _choices(self) -> _Choices:
        return self.query_one(_Choices)

    def action_toggle_column(self) -> None:
        """Show the column under the cursor, or leave it out."""
        self._choices.shown ^= {self._choices.here}
        self._choices.refresh_rows()

    def action_column_left(self) -> None:
        """Put it further left, which is up here."""
        self._choices.move_column(-1)

    def action_column_right(self) -> None:
        """Put it further right, which is down here."""
        self._choices.move_column(1)

    def action_usual_columns(self) -> None:
        """Begin again with the usual ones."""
        self._choices.choose(USUAL)
        self._choices.refresh_rows()

    def why_not_choose(self) -> str | None:
        """A list without columns would show nothing."""
        return None if self._choices.chosen else "At least one column must stay; space shows the one under the cursor."

    def action_choose(self) -> None:
        """Take the columns as they stand."""
        chosen = self._choices.chosen
        self.dismiss(() if chosen == USUAL else chosen)

    def action_close_menu(self) -> None:
        """Leave the columns as they were."""
        self.dismiss(None)

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_toggle_column()
