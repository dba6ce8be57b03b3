"""What the messages about a row of a line view have in common."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from textual.message import Message

if TYPE_CHECKING:
    from dive_tui.widgets.line_view import LineView


class RowMessage(Message):
    """Something happened to a row of ``view``; ``key`` is its :meth:`LineView.row_key`. Never changed once sent."""

    def __init__(self, view: LineView, index: int, key: Hashable) -> None:
        super().__init__()
        self.view: Final = view
        self.index: Final = index
        self.key: Final = key

    @property
    def control(self) -> LineView:
        """The view it comes from."""
        return self.view
