"""The menu that asks what to take out of the app: into the clipboard, or into a pager."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text, fit
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.screens import Dialog

_MOST_NAME = 34


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that can be taken out."""

    what: str
    """Names it in a sentence: `event 187`."""
    text: str
    """The text itself; with `make` a few words about it."""
    make: Callable[[], str] | None = None
    """Makes the text, where that is work: called in a thread. May raise `HistoryError` and `StoreError`."""

    def whole(self) -> str:
        """The text."""
        return self.text if self.make is None else self.make()


class _Offers(LineView):
    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__()
        self.offers = offers

    @property
    def row_count(self) -> int:
        return len(self.offers)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        offer = self.offers[index]
        column = min(_MOST_NAME, max(cell_len(display_text(other.what)) for other in self.offers))
        beginning = display_text(offer.text, max_cells=max(0, width - column - 3))
        name = fit(display_text(offer.what, max_cells=2 * _MOST_NAME), column)
        return Strip(
            [
                Segment(name, self.palette["bright" if selected else "text"]),
                Segment(f"   {beginning}", self.palette["dim"]),
            ]
        )


class CopyMenu(Dialog[Offer]):
    """Asks which of the offers to take; the first one stands ready. Its result is the offer, or None."""

    BINDINGS = bindings(Scope.MENU)

    DEFAULT_CSS = """
    CopyMenu > Pane {
        width: 76;
        max-width: 94%;
        height: auto;
        max-height: 80%;
    }
    CopyMenu LineView { height: auto; max-height: 12; }
    """

    def __init__(self, offers: Sequence[Offer], *, title: str = "Copy", verb: str = "copy") -> None:
        super().__init__()
        self._offers = offers
        self._title = title
        self._verb = verb

    def compose(self) -> ComposeResult:
        """One pane with a line per offer."""
        lines = _Offers(self._offers)
        lines.styles.height = len(self._offers)
        yield Pane(lines, title=self._title, fact=f"enter {self._verb}   q close")

    def action_choose(self) -> None:
        """Take the offer under the cursor."""
        lines = self.query_one(_Offers)
        self.dismiss(lines.offers[lines.cursor])

    def action_close_menu(self) -> None:
        """Take none."""
        self.dismiss(None)

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_choose()
