"""A dialog that says what is about to happen and offers a few choices; the first one does nothing and stands ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_lines, display_text
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField

CarryOut = Callable[[], Awaitable[str | None]]
"""Does what was chosen; returns a sentence when it could not be done."""


class Words(LineView):
    """Sentences of any text, wrapped; as high as they are."""

    can_focus = False
    shows_cursor = False

    def __init__(self, sentences: Sequence[tuple[str, str]] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._sentences = tuple(sentences)
        self._lines: list[tuple[str, str]] = []

    def show(self, sentences: Sequence[tuple[str, str]]) -> None:
        """Show these sentences, each with the palette name of its style."""
        self._sentences = tuple(sentences)
        self._write()

    @property
    def row_count(self) -> int:
        """Lines there are."""
        return len(self._lines)

    @property
    def text(self) -> str:
        """What it says."""
        return "\n".join(text for text, _ in self._lines)

    def on_resize(self) -> None:
        """Wrap to another width."""
        self._write()

    def _write(self) -> None:
        width = max(8, self.row_width - 1)
        self._lines = [(line, style) for text, style in self._sentences for line in display_lines(text[:4096], width)]
        self.styles.height = max(1, len(self._lines)) if self._sentences else 0
        self.refresh_rows()
        self.rows_changed(cursor=0)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a line."""
        text, style = self._lines[index]
        return Strip([Segment(text, self.palette[style])])


class _Choices(LineView):
    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__()
        self._choices = choices

    @property
    def row_count(self) -> int:
        return len(self._choices)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        words = display_text(self._choices[index], max_cells=width)
        return Strip([Segment(words, self.palette["bold bright" if selected else "text"])])


class ChoiceDialog(Dialog[bool]):
    """Its result is whether something was done. What cannot be done is said in it, and it stays.

    With `ask` there is a field of that name under the choices; `answer` is what was typed there.
    """

    BINDINGS = [*bindings(Scope.MENU), *bindings(Scope.FORM)]  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    ChoiceDialog > Pane { width: 76; max-width: 94%; height: auto; max-height: 90%; }
    ChoiceDialog Words { margin-bottom: 1; overflow-y: hidden; }
    ChoiceDialog _Choices { height: auto; }
    ChoiceDialog #problem { margin: 1 0 0 0; display: none; }
    ChoiceDialog Horizontal { height: 1; margin-top: 1; display: none; }
    ChoiceDialog Horizontal.-asks { display: block; }
    ChoiceDialog PartsLine { width: 11; padding: 0 0 0 1; }
    ChoiceDialog TextField { width: 1fr; }
    """

    def __init__(
        self,
        title: str,
        sentences: Sequence[tuple[str, str]],
        nothing: str,
        choices: Sequence[tuple[str, CarryOut]],
        *,
        ask: str = "",
    ) -> None:
        super().__init__()
        self._title = title
        self._sentences = sentences
        self._choices = [nothing, *(words for words, _ in choices)]
        self._carry_out = [carry_out for _, carry_out in choices]
        self._ask = ask
        self._busy = False

    @property
    def answer(self) -> str:
        """What was typed into the field, if there is one."""
        fields = self.query(TextField)
        return fields.first().value.strip() if fields else ""

    def compose(self) -> ComposeResult:
        """What is about to happen, the choices, and where a problem is said."""
        choices = _Choices(self._choices)
        choices.styles.height = len(self._choices)
        fact = "tab the field   enter choose   q close" if self._ask else "enter choose   q close"
        with Pane(title=self._title, fact=fact):
            yield Words(self._sentences)
            yield choices
            with Horizontal(classes="-asks" if self._ask else ""):
                if self._ask:
                    yield PartsLine(part((self._ask, "dim")))
                    yield TextField(placeholder="if there is one to be recorded")
            yield Words(id="problem")

    def on_mount(self) -> None:
        """The choice that does nothing stands ready."""
        self.query_one(_Choices).focus()

    def action_next_field(self) -> None:
        """Go to the field, or back to the choices."""
        choices, fields = self.query_one(_Choices), self.query(TextField)
        (fields.first() if fields and self.focused is choices else choices).focus()

    def action_leave(self) -> None:
        """Go back from the field to the choices."""
        self.query_one(_Choices).focus()

    @on(TextField.Submitted)
    def _answered(self) -> None:
        self.action_leave()

    def action_choose(self) -> None:
        """Do what is under the cursor."""
        at = self.query_one(_Choices).cursor
        if at == 0:
            self.dismiss(False)
        elif not self._busy:
            self._busy = True
            self.run_worker(self._do(self._carry_out[at - 1]), exit_on_error=False)

    async def _do(self, carry_out: CarryOut) -> None:
        problem = await carry_out()
        self._busy = False
        if problem is None:
            self.dismiss(True)
            return
        words = self.query_one("#problem", Words)
        words.display = True
        words.show([(problem, "failed")])

    def action_close_menu(self) -> None:
        """Do nothing."""
        self.dismiss(False)

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_choose()
