"""The ``:`` prompt: go to an event or execution, or run a command by a few letters of its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.fuzzy import FuzzySearch
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text, pad
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField

_GOTO = re.compile(r"\s*(?:go\s?to\s+)(\S+)\s*|\s*([#@]?\d+|(?:…|\.\.\.|exec_)\S*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Command:
    """One entry of the prompt."""

    name: str
    help: str
    run: Callable[[], object]
    keys: str = ""
    unavailable: str | None = None
    """Why it cannot be run right now."""


def target_of(typed: str) -> str | None:
    """What ``187``, ``#187``, ``goto …k3rg2`` or ``exec_…`` asks to go to, or ``None`` when it is no such thing."""
    match = _GOTO.fullmatch(typed)
    if match is None:
        return None
    target: str = match[1] or match[2]
    return target.lstrip("#@")


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """The commands whose name fits what was typed, the best first; all in their order when nothing was."""
    query = typed.strip()
    if not query:
        return list(commands)
    search = FuzzySearch()
    scored = [(search.match(query, command.name)[0], command) for command in commands]
    fitting = [pair for pair in scored if pair[0] > 0]
    return [command for _, command in sorted(fitting, key=lambda pair: -pair[0])]


class CommandLines(LineView):
    """The entries that fit, one row each."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Command] = []

    @property
    def row_count(self) -> int:
        """One row per entry."""
        return len(self.commands)

    @property
    def emphasised(self) -> bool:
        """The focus is in the field above, whose arrows move the cursor here."""
        return True

    def show(self, commands: list[Command]) -> None:
        """Show these entries, the first one chosen."""
        self.commands = commands
        self.refresh_rows()
        self.rows_changed(cursor=0)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw name, help or the reason why not, and keys."""
        command = self.commands[index]
        name = pad(display_text(command.name, max_cells=width), min(26, width // 2))
        room = max(0, width - cell_len(name) - cell_len(command.keys) - 4)
        said = display_text(command.unavailable or command.help, max_cells=room)
        return Strip(
            [
                Segment(name, self.palette["dim" if command.unavailable else "bright" if selected else "text"]),
                Segment("  " + pad(said, room), self.palette["dim"]),
                Segment("  " + command.keys, self.palette["dim"]),
            ]
        )


class Prompt(Dialog[Callable[[], object]]):
    """Asks for a command; its result is what to run, or ``None``. ``go_to`` makes the command for a target."""

    BINDINGS = bindings(Scope.PROMPT)

    DEFAULT_CSS = """
    Prompt { align: center top; }
    Prompt > Pane {
        width: 84;
        max-width: 94%;
        height: 60%;
        max-height: 18;
        margin-top: 2;
    }
    Prompt Horizontal { height: 1; margin-bottom: 1; padding: 0 1; }
    Prompt #mark { width: 2; padding: 0; }
    Prompt TextField { width: 1fr; }
    Prompt CommandLines { height: 1fr; }
    """

    def __init__(self, commands: Sequence[Command], go_to: Callable[[str], object]) -> None:
        super().__init__()
        self._commands = commands
        self._go_to = go_to

    def compose(self) -> ComposeResult:
        """A field, and under it the entries that fit."""
        with Pane(title="Go to, or run"):
            with Horizontal():
                yield PartsLine(part((":", "bold accent")), id="mark")
                yield TextField(placeholder="event number, execution, or command")
            yield CommandLines()

    def on_mount(self) -> None:
        """Start with all entries."""
        self.query_one(TextField).focus()
        self._list("")

    def _list(self, typed: str) -> None:
        lines = self.query_one(CommandLines)
        found = matching(self._commands, typed)
        target = target_of(typed)
        if target is not None:
            found.insert(0, Command(f"Go to {target}", "", lambda: self._go_to(target)))
        lines.set_placeholder("empty", f"Nothing is called “{typed.strip()}”.", "goto EXECUTION or an event number")
        lines.show(found)

    @on(TextField.Changed)
    def _typed(self, event: TextField.Changed) -> None:
        self._list(event.value)

    def action_leave(self) -> None:
        """Close the prompt."""
        self.dismiss(None)

    @on(TextField.Submitted)
    @on(LineView.RowSelected)
    def _accept(self) -> None:
        lines = self.query_one(CommandLines)
        if lines.commands:
            self.dismiss(lines.commands[lines.cursor].run)

    def action_choose_previous(self) -> None:
        """Choose the entry above."""
        lines = self.query_one(CommandLines)
        lines.move_to(lines.cursor - 1)

    def action_choose_next(self) -> None:
        """Choose the entry below."""
        lines = self.query_one(CommandLines)
        lines.move_to(lines.cursor + 1)
