"""The list of breakpoints, with a field to add another one."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text, human_count
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField
from engine.replay.session.breakpoints import BreakpointError, parse_breakpoint
from engine.replay.session.session import ReplaySession

MOST_ROWS = 10
_HELP = (
    ('type:step_failed  step:"Charge Card"  path:main  attempt:3  visit:2', "dim"),
    ("changes:cart.total  hits:3  when: state.total > 100", "dim"),
)


class _Breakpoints(LineView):
    BINDINGS = bindings(Scope.BREAKPOINTS)

    def __init__(self, session: ReplaySession) -> None:
        super().__init__()
        self._session = session
        self.set_placeholder("empty", "There are no breakpoints yet.")

    @property
    def row_count(self) -> int:
        return len(self._session.breakpoints)

    @property
    def number(self) -> int | None:
        """Of the breakpoint under the cursor."""
        points = self._session.breakpoints
        return points[self.cursor].number if points else None

    def take_in(self) -> None:
        """Show the breakpoints as they are now."""
        self.styles.height = min(max(1, self.row_count), MOST_ROWS)
        self.refresh_rows()
        self.rows_changed()

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        point = self._session.breakpoints[index]
        glyph = self.glyphs.breakpoint if point.enabled else self.glyphs.pending
        words = f"{point.number} {'on ' if point.enabled else 'off'}  "
        hits = f"  {human_count(point.hits)} hit{'' if point.hits == 1 else 's'}"
        segments = [
            Segment(f"{glyph} ", self.palette["replay" if point.enabled else "dim"]),
            Segment(words, self.palette["text" if point.enabled else "dim"]),
            Segment(display_text(point.text, max_cells=width), self.palette["bright" if selected else "text"]),
            Segment(hits, self.palette["dim"]),
        ]
        if point.problem:
            segments.append(Segment(f"  {display_text(point.problem, max_cells=width)}", self.palette["failed"]))
        return Strip(segments)


class BreakpointDialog(Dialog[None]):
    """Turns breakpoints of a session on and off, removes and adds them; `changed` is called after each."""

    BINDINGS = [*bindings(Scope.MENU), *bindings(Scope.FORM)]  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    BreakpointDialog > Pane { width: 92; max-width: 94%; height: auto; max-height: 90%; }
    BreakpointDialog Words { overflow-y: hidden; }
    BreakpointDialog Horizontal { height: 1; margin-top: 1; }
    BreakpointDialog PartsLine { width: 6; padding: 0 0 0 1; }
    BreakpointDialog TextField { width: 1fr; }
    """

    def __init__(self, session: ReplaySession, changed: Callable[[], None]) -> None:
        super().__init__()
        self._session = session
        self._changed = changed

    def compose(self) -> ComposeResult:
        """The list, the field, and what can be typed there or is wrong with what is."""
        with Pane(title="Breakpoints", fact="space on/off   x remove   tab add one   q close"):
            yield _Breakpoints(self._session)
            with Horizontal():
                yield PartsLine(part(("add", "dim")))
                yield TextField(placeholder="where to stop")
            yield Words(_HELP)

    def on_mount(self) -> None:
        """Start in the list, or in the field while there is nothing to list."""
        self._list.take_in()
        (self._list if self._session.breakpoints else self.query_one(TextField)).focus()

    @property
    def _list(self) -> _Breakpoints:
        return self.query_one(_Breakpoints)

    def _take_in(self) -> None:
        self._list.take_in()
        self._changed()

    @on(TextField.Changed)
    def _typed(self, event: TextField.Changed) -> None:
        problem = _complaint(event.value) if event.value.strip() else None
        self.query_one(Words).show([(problem, "failed")] if problem else _HELP)

    @on(TextField.Submitted)
    def _add(self, event: TextField.Submitted) -> None:
        if not event.value.strip():
            self.action_next_field()
        elif _complaint(event.value) is None:
            self._session.add_breakpoint(event.value)
            self.query_one(TextField).value = ""
            self._take_in()

    def action_leave(self) -> None:
        """Leave the field, or close where there is nothing else."""
        if self._session.breakpoints:
            self._list.focus()
        else:
            self.dismiss(None)

    def action_next_field(self) -> None:
        """Go from the list to the field, or back."""
        field = self.query_one(TextField)
        (self._list if field.has_focus and self._session.breakpoints else field).focus()

    def action_close_menu(self) -> None:
        """That was all."""
        self.dismiss(None)

    def why_not_turn_breakpoint(self) -> str | None:
        """There may be none."""
        return None if self._session.breakpoints else "There are no breakpoints yet."

    why_not_remove_entry = why_not_choose = why_not_turn_breakpoint

    def action_turn_breakpoint(self) -> None:
        """Turn the breakpoint under the cursor on or off."""
        if self._list.number is not None:
            self._session.toggle_breakpoint(self._list.number)
            self._take_in()

    def action_choose(self) -> None:
        """The same."""
        self.action_turn_breakpoint()

    def action_remove_entry(self) -> None:
        """Remove the breakpoint under the cursor."""
        if self._list.number is not None:
            self._session.remove_breakpoint(self._list.number)
            self._take_in()

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_turn_breakpoint()


def _complaint(text: str) -> str | None:
    try:
        parse_breakpoint(text)
    except BreakpointError as error:
        return str(error)
    return None
