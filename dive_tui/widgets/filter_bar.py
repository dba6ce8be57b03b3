"""The filter line of a list: what is typed, at once what is wrong with it, and how much it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget

from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.text_field import TextField

Check = Callable[[str], str | None]
"""Takes a filter and returns what is wrong with it in one sentence, or nothing."""


class FilterBar(Horizontal):
    """A text field with the mark ``/`` before it and facts or the error after it.

    ``check`` looks at every change. :class:`Changed` is sent only for filters without error, :class:`Closed` when
    the person is done, after which the focus is back where it was. Escape brings back the filter as it was.
    """

    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        padding: 0 1;
        background: $background;
    }
    FilterBar > #mark { width: 2; padding: 0; }
    FilterBar > #field { width: 1fr; }
    FilterBar > #note { width: 1fr; padding: 0 0 0 2; }
    FilterBar.-wrong > #note { width: 3fr; }
    """

    class Changed(Message):
        """The filter is another one now, and has no error."""

        def __init__(self, bar: FilterBar, text: str) -> None:
            super().__init__()
            self.bar: Final = bar
            self.text: Final = text

        @property
        def control(self) -> FilterBar:
            """The bar it comes from."""
            return self.bar

    class Closed(Message):
        """The person left the field; ``text`` is the filter that holds now."""

        def __init__(self, bar: FilterBar, text: str) -> None:
            super().__init__()
            self.bar: Final = bar
            self.text: Final = text

        @property
        def control(self) -> FilterBar:
            """The bar it comes from."""
            return self.bar

    def __init__(self, check: Check, *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._check = check
        self._placeholder = placeholder
        self._facts: tuple[str, ...] = ()
        self._error: str | None = None
        self._sent = ""
        self._before = ""
        self._return_to: Widget | None = None

    @property
    def text(self) -> str:
        """The filter in force: the last one without error."""
        return self._sent

    @property
    def error(self) -> str | None:
        """What is wrong with what is typed, or ``None``."""
        return self._error

    @property
    def typing(self) -> bool:
        """Whether the field has the focus."""
        return self.screen.focused is self.query_one(TextField)

    def compose(self) -> ComposeResult:
        """Mark, field, and note."""
        yield PartsLine(part(("/", "bold accent")), id="mark")
        yield TextField(placeholder=self._placeholder, id="field")
        yield PartsLine(id="note")

    def open(self) -> None:
        """Give the field the focus: at once, since the next key may already be waiting."""
        field = self.query_one(TextField)
        self.display = True
        if self.app.focused is not field:
            self._return_to = self.app.focused
            self._before = self._sent
        self.screen.set_focus(field)

    def set_text(self, text: str) -> None:
        """Put in a filter, as if it had been typed."""
        self.query_one(TextField).value = text

    def set_facts(self, *facts: str) -> None:
        """Show quiet facts at the right: how many of how many, sorted by what. The first is the last to go."""
        self._facts = facts
        self._update_note()

    def _update_note(self) -> None:
        self.set_class(bool(self._error), "-wrong")
        if self._error:
            parts = [part((self._error, "failed"), shrink=8, right=True)]
        else:
            parts = [
                part((fact, "dim"), priority=number, right=True, gap=3)
                for number, fact in enumerate(self._facts, start=1)
            ]
        self.query_one("#note", PartsLine).set_parts(parts)

    @on(TextField.Changed)
    def _typed(self, event: TextField.Changed) -> None:
        event.stop()
        self._error = self._check(event.value)
        self._update_note()
        if self._error is None:
            self._put_in_force(event.value)

    @on(TextField.Submitted)
    def _accept(self, event: TextField.Submitted) -> None:
        event.stop()
        if self._error is None:
            self._close()

    def action_leave(self) -> None:
        """Bring back the filter as it was when the field was opened, and leave it."""
        self.query_one(TextField).value = self._before
        self._put_in_force(self._before)
        self._close()

    def _put_in_force(self, text: str) -> None:
        if text != self._sent:
            self._sent = text
            self.post_message(self.Changed(self, text))

    def _close(self) -> None:
        if self._return_to is not None and self._return_to.is_attached:
            self.screen.set_focus(self._return_to)
        else:
            self.screen.set_focus(None)
        self.post_message(self.Closed(self, self._sent))
