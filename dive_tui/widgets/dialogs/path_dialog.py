"""The dialog that asks where a store shall be copied to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField

Take = Callable[[str], str | None]
"""Takes what was typed; returns a sentence when it cannot be taken."""


class PathDialog(Dialog[bool]):
    """Its result is whether a path was taken. What cannot be is said in it, and it stays."""

    BINDINGS = bindings(Scope.FORM)

    DEFAULT_CSS = """
    PathDialog > Pane { width: 76; max-width: 94%; height: auto; max-height: 90%; }
    PathDialog Horizontal { height: 1; margin-top: 1; }
    PathDialog PartsLine { width: 9; padding: 0 1; }
    PathDialog TextField { width: 1fr; }
    PathDialog Words { overflow-y: hidden; }
    PathDialog #problem { margin-top: 1; }
    """

    def __init__(self, title: str, sentences: Sequence[tuple[str, str]], take: Take) -> None:
        super().__init__()
        self._title = title
        self._sentences = sentences
        self._take = take

    def compose(self) -> ComposeResult:
        """What will happen, the path, and where a problem is said."""
        with Pane(title=self._title, fact="enter begin   esc close"):
            yield Words(self._sentences)
            with Horizontal():
                yield PartsLine(part(("path", "dim")))
                yield TextField(placeholder="a path where nothing is yet, or a store to go on with")
            yield Words(id="problem")

    def on_mount(self) -> None:
        """Start in the field."""
        self.query_one(TextField).focus()

    @on(TextField.Submitted)
    def _submitted(self, event: TextField.Submitted) -> None:
        problem = self._take(event.value.strip()) if event.value.strip() else "It needs a path."
        if problem is None:
            self.dismiss(True)
        else:
            self.query_one("#problem", Words).show([(problem, "failed")])

    def action_leave(self) -> None:
        """Do nothing."""
        self.dismiss(False)

    def action_next_field(self) -> None:
        """There is only one."""
