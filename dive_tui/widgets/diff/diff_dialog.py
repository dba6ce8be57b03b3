"""The dialog that asks what to compare with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text, pad
from dive_tui.feeds.diff_choices import Choice
from dive_tui.feeds.diff_questions import Question
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField
from engine.store import StoreError

FindMore = Callable[[], Awaitable[Sequence[Choice]]]
"""Finds what else there is to compare with; may raise `StoreError`."""
Ask = Callable[[str], Awaitable[Question]]
"""Understands what was typed; raises `ValueError` with a sentence when it cannot."""
_MOST_CELLS = 40


class _Choices(LineView):
    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.choices = list(choices)

    @property
    def row_count(self) -> int:
        return len(self.choices)

    def add(self, choices: Sequence[Choice]) -> None:
        self.choices += choices
        self.styles.height = len(self.choices)
        self.refresh_rows()
        self.rows_changed()

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        choice = self.choices[index]
        column = min(
            _MOST_CELLS, max(cell_len(display_text(other.words, max_cells=_MOST_CELLS)) for other in self.choices)
        )
        words = pad(display_text(choice.words, max_cells=column), column)
        told = display_text(choice.told, max_cells=max(0, width - column - 3))
        style = "bold bright" if selected else "text"
        return Strip([Segment(words, self.palette[style]), Segment(f"   {told}", self.palette["dim"])])


class DiffDialog(Dialog[Question]):
    """Its result is what to compare, or None. What cannot be understood is said in it, and it stays."""

    BINDINGS = [*bindings(Scope.MENU), *bindings(Scope.FORM)]  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    DiffDialog > Pane { width: 84; max-width: 94%; height: auto; max-height: 90%; }
    DiffDialog _Choices { height: auto; max-height: 16; }
    DiffDialog Horizontal { height: 1; margin-top: 1; }
    DiffDialog PartsLine { width: 11; padding: 0 0 0 1; }
    DiffDialog TextField { width: 1fr; }
    DiffDialog #problem { margin-top: 1; display: none; overflow-y: hidden; }
    """

    def __init__(self, title: str, choices: Sequence[Choice], find_more: FindMore, ask: Ask) -> None:
        super().__init__()
        self._title = title
        self._first = choices
        self._find_more = find_more
        self._ask = ask

    def compose(self) -> ComposeResult:
        """What is offered, a field for anything else, and where a problem is said."""
        choices = _Choices(self._first)
        choices.styles.height = len(self._first)
        with Pane(title=self._title, fact="enter compare   tab the field   q close"):
            yield choices
            with Horizontal():
                yield PartsLine(part(("or with", "dim")))
                yield TextField(placeholder="an event, a mark, last, an execution, or EXECUTION@EVENT")
            yield Words(id="problem")

    def on_mount(self) -> None:
        """The first choice stands ready; what has to be looked for comes."""
        self._choices.focus()
        self.run_worker(self._add_more(), exit_on_error=False)

    @property
    def _choices(self) -> _Choices:
        return self.query_one(_Choices)

    async def _add_more(self) -> None:
        try:
            found = await self._find_more()
        except StoreError as problem:
            self._complain(f"Other executions cannot be looked for: {problem}")
        else:
            self._choices.add(found)

    def action_next_field(self) -> None:
        """Go to the field, or back to the choices."""
        field = self.query_one(TextField)
        (field if self.focused is self._choices else self._choices).focus()

    def action_leave(self) -> None:
        """Go back from the field to the choices."""
        self._choices.focus()

    @on(TextField.Submitted)
    def _submitted(self, event: TextField.Submitted) -> None:
        if event.value.strip():
            self.run_worker(self._understand(event.value), group="ask", exclusive=True, exit_on_error=False)
        else:
            self._complain("It needs an event or an execution.")

    async def _understand(self, text: str) -> None:
        try:
            question = await self._ask(text)
        except (ValueError, StoreError) as problem:
            self._complain(str(problem))
        else:
            self.dismiss(question)

    def _complain(self, sentence: str) -> None:
        words = self.query_one("#problem", Words)
        words.display = True
        words.show([(sentence, "failed")])

    def action_choose(self) -> None:
        """Compare with what is under the cursor."""
        self.dismiss(self._choices.choices[self._choices.cursor].question)

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_choose()

    def action_close_menu(self) -> None:
        """Compare nothing."""
        self.dismiss(None)
