"""The dialog before something is deleted: what will be lost, and a few characters to type; doing nothing is ready.

No key but enter and escape does anything here by itself: what was begun to be typed must not act on what lies below.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text
from dive_tui.confirming import is_confirmed, word_to_type
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField

Delete = Callable[[], Awaitable[str | None]]
"""Deletes; returns a sentence when it could not be done."""


class SafeChoice(PartsLine, can_focus=True):
    """The choice that changes nothing. What is typed while it has the focus is handed to `type`."""

    DEFAULT_CSS = """
    SafeChoice { height: 1; padding: 0; }
    SafeChoice:focus { background: $block-cursor-background; }
    """

    def __init__(self, words: str, type: Callable[[str], None]) -> None:
        super().__init__()
        self._words = words
        self._type = type

    def on_mount(self) -> None:
        """Draw it."""
        self._draw()

    def on_focus(self) -> None:
        """It stands ready."""
        self._draw()

    def on_blur(self) -> None:
        """It does not."""
        self._draw()

    def on_key(self, event: events.Key) -> None:
        """Hand on what was typed."""
        if event.is_printable and event.character:
            event.stop()
            self._type(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Hand on what was pasted."""
        event.stop()
        self._type(event.text.strip())

    def on_click(self, event: events.Click) -> None:  # type: ignore[override]  # no part of it is a key
        """Choose it."""
        event.stop()
        self.app.call_later(self.app.run_action, "keep", self)

    def _draw(self) -> None:
        mark = self.glyphs.cursor if self.has_focus else " "
        self.set_parts([part((f"{mark} ", "accent"), (self._words, "bold bright" if self.has_focus else "text"))])


class DeleteDialog(Dialog[bool]):
    """Its result is whether it was deleted. What cannot be is said in it, and it stays."""

    BINDINGS = [*bindings(Scope.CONFIRM), *bindings(Scope.FORM)]  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    DeleteDialog > Pane { width: 76; max-width: 94%; height: auto; max-height: 90%; }
    DeleteDialog > Pane:focus-within { border: round $error; border-title-color: $error; }
    .-ascii DeleteDialog > Pane:focus-within { border: ascii $error; }
    DeleteDialog Words { overflow-y: hidden; }
    DeleteDialog SafeChoice { margin-top: 1; }
    DeleteDialog Horizontal { height: 1; }
    DeleteDialog #asked { padding: 0; }
    DeleteDialog TextField { width: 1fr; }
    DeleteDialog #problem { margin-top: 1; }
    """

    def __init__(
        self, title: str, sentences: Sequence[tuple[str, str]], execution_ids: Sequence[str], delete: Delete
    ) -> None:
        super().__init__()
        self._title = title
        self._sentences = sentences
        self._ids = tuple(execution_ids)
        self._word = display_text(word_to_type(self._ids))
        self._delete = delete
        self._busy = False

    def compose(self) -> ComposeResult:
        """What will be lost, the way back, and the field."""
        asked = part(("  To delete it, type ", "text"), (self._word, "bold failed"), ("  ", "text"))
        line = PartsLine(asked, id="asked")
        line.styles.width = asked.cells
        with Pane(title=self._title, fact="type it   enter choose   esc close"):
            yield Words(self._sentences)
            yield SafeChoice("Go back, change nothing", self._type)
            with Horizontal():
                yield line
                yield TextField(placeholder="_" * len(self._word))
            yield Words(id="problem")

    def on_mount(self) -> None:
        """The way back stands ready."""
        self.query_one(SafeChoice).focus()

    def _type(self, typed: str) -> None:
        field = self.query_one(TextField)
        self.set_focus(field)
        field.insert_text_at_cursor(typed.partition("\n")[0])

    @on(TextField.Submitted)
    def _submitted(self, event: TextField.Submitted) -> None:
        if not is_confirmed(event.value, self._ids):
            self._say(f"That is not {self._word}. Nothing was deleted.")
        elif not self._busy:
            self._busy = True
            self.run_worker(self._carry_out(), exit_on_error=False)

    async def _carry_out(self) -> None:
        problem = await self._delete()
        self._busy = False
        if problem is None:
            self.dismiss(True)
        else:
            self._say(problem)

    def _say(self, sentence: str) -> None:
        self.query_one("#problem", Words).show([(sentence, "failed")])

    def action_leave(self) -> None:
        """Go from the field back to the way out."""
        self.query_one(SafeChoice).focus()

    def action_keep(self) -> None:
        """Change nothing."""
        if not self._busy:
            self.dismiss(False)

    def action_next_field(self) -> None:
        """Go to the field, or back."""
        choice = self.query_one(SafeChoice)
        (self.query_one(TextField) if self.focused is choice else choice).focus()
