"""Jump mode: a letter on every pane, tab and row in sight; pressing one goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.widget import Widget

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.themes import palette_of
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, lay_out

LETTERS = "asdfghjklqwertyuiopzxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM"
"""Those under the fingers first."""
_PAIRED = LETTERS[:26]

Go = Callable[[], object]


class Target(NamedTuple):
    """Somewhere to go."""

    place: Offset
    """Where on the screen its label stands."""
    go: Go


def targets_on(screen: Screen[object]) -> list[Target]:
    """Panes and their tabs, tabs of narrow terminals, and the rows of the pane with the focus, as far as in sight."""
    found: list[Target] = []
    for pane in screen.query(Pane):
        if _in_sight(pane):
            found += _of_pane(pane)
    for line in screen.query(PartsLine):
        if _in_sight(line):
            found += _of_line(line)
    focused = screen.focused
    if isinstance(focused, LineView) and focused.shows_cursor:
        found += _of_rows(focused)
    return found


def _in_sight(widget: Widget) -> bool:
    return widget.display and widget.is_on_screen and bool(widget.region)


def _of_pane(pane: Pane) -> Iterator[Target]:
    """Each of its tabs, or the pane as a whole."""
    takes_focus = any(child.focusable for child in pane.query("*"))
    if not takes_focus or not pane.styles.border_top[0]:
        return
    x, y = pane.region.offset
    tabs = pane.tab_starts
    for index, start in enumerate(tabs):
        yield Target(Offset(x + start, y), partial(pane.post_message, Pane.TabClicked(pane, index)))
    if not tabs:
        yield Target(Offset(x + 1, y), pane.focus_content)


def _of_line(line: PartsLine) -> Iterator[Target]:
    """The parts of a line that lead to panes."""
    content = line.content_region
    for start, each in lay_out(line.row(0), content.width):
        if each.verb.startswith("pane("):
            go = partial(line.app.call_later, line.app.run_action, each.verb)
            yield Target(content.offset + Offset(start, 0), go)


def _of_rows(view: LineView) -> Iterator[Target]:
    """The rows in view."""
    region, top = view.content_region, view.scroll_offset.y
    for row in range(top, min(top + view.page_size, view.row_count)):
        yield Target(region.offset + Offset(0, row - top), partial(view.move_to, row))


def labels_for(count: int) -> list[str]:
    """So many labels, none of which begins another: letters while there are enough of them, else pairs."""
    if count <= len(LETTERS):
        return list(LETTERS[:count])
    return ["".join(pair) for pair, _ in zip(product(_PAIRED, repeat=2), range(count), strict=False)]


class _Label(Widget):
    """A letter over what lies below."""

    DEFAULT_CSS = """
    _Label { position: absolute; height: 1; }
    """

    def __init__(self, text: str, place: Offset) -> None:
        super().__init__()
        self._text = text
        self.typed = ""
        self.styles.width = cell_len(text)
        self.styles.offset = place

    @property
    def text(self) -> str:
        """What to press."""
        return self._text

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app)
        rest = self._text.removeprefix(self.typed)
        done = Segment(self._text[: len(self._text) - len(rest)], palette["dim on raised"])
        return Strip([done, Segment(rest, palette["pill waiting"])])


class JumpScreen(ModalScreen[Go], inherit_bindings=False):
    """Shows the labels; its result is how to go where the one that was pressed stands, or None."""

    BINDINGS = bindings(Scope.JUMP)

    DEFAULT_CSS = """
    JumpScreen { background: $background 35%; align: left top; }
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__()
        self._targets = dict(zip(labels_for(len(targets)), targets, strict=False))
        self._typed = ""

    def compose(self) -> ComposeResult:
        """A label per target."""
        for text, target in self._targets.items():
            yield _Label(text, target.place)

    def on_key(self, event: events.Key) -> None:
        """Take a letter of a label; anything else leaves."""
        if event.key == "escape" or event.key in self.active_bindings:
            return
        event.stop()
        typed = self._typed + (event.character or " ")
        if typed in self._targets:
            self.dismiss(self._targets[typed].go)
        elif any(label.startswith(typed) for label in self._targets):
            self._narrow(typed)
        else:
            self.dismiss(None)

    def _narrow(self, typed: str) -> None:
        """Keep the labels that begin with what was typed."""
        self._typed = typed
        for label in self.query(_Label):
            label.display = label.text.startswith(typed)
            label.typed = typed
            label.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Things stand elsewhere now."""
        if self._shown_at is not None and event.size != self._shown_at:
            self.dismiss(None)
        self._shown_at = event.size

    _shown_at: object = None

    def on_click(self) -> None:
        """A click leaves, too."""
        self.dismiss(None)

    def action_leave_jump(self) -> None:
        """Stay."""
        self.dismiss(None)
