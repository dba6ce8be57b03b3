"""Parts that change with every key: they draw anew what changed and leave the rest of the screen alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from textual.geometry import Region, Size

from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane


class SteadyPane(Pane):
    """A pane whose title and fact change often: only the two lines they stand on are drawn anew."""

    def __init__(self, *children: Any, **options: Any) -> None:
        self._border_only = False
        super().__init__(*children, **options)

    def set_title(self, title: str) -> None:
        """Show a title in the top border, if it is another one."""
        if title != self._title or self._tabs:
            super().set_title(title)

    def set_tabs(self, tabs: Sequence[str], active: int) -> None:
        """Show the names of several views in place of the title, if they or the active one changed."""
        if (tuple(tabs), active) != (self._tabs, self._active):
            super().set_tabs(tabs, active)

    def set_fact(self, fact: str) -> None:
        """Show one quiet fact at the right of the bottom border, if it is another one."""
        if fact != self._fact:
            super().set_fact(fact)

    def _write_border(self) -> None:
        self._border_only = True
        try:
            super()._write_border()
        finally:
            self._border_only = False

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draw anew; while the border is written, only its two lines."""
        if self._border_only and not regions and not layout and self.outer_size:
            left, top = self.content_offset
            width, height = self.outer_size
            regions = (Region(-left, -top, width, 1), Region(-left, height - 1 - top, width, 1))
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class SteadyView(LineView):
    """A list that is replaced as a whole again and again; while it fits its place, that moves nothing else."""

    def rows_changed(self, *, cursor: int | None = None) -> None:
        """Take note that there are other rows, with the cursor on row `cursor`."""
        self._known_rows = self.row_count
        # A list that is at least as high as its place has the same size whatever it holds, so that the screen need
        # not be laid out anew.
        self.virtual_size = Size(1, max(self._known_rows, self.size.height))
        self._place(self.cursor if cursor is None else cursor)
        self.refresh()

    def on_resize(self) -> None:
        """Another place, another size."""
        super().on_resize()
        self.virtual_size = Size(1, max(self._known_rows, self.size.height))
