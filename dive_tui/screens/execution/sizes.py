"""The execution screen at any size of the terminal: arranged for it, or a sentence where there is no room."""

from __future__ import annotations

from textual import events

from dive_tui.screens.execution.panes import FLAT, ExecutionPanes
from dive_tui.screens.steered import SteeredScreen
from dive_tui.widgets.parts import PartsLine, part

LEAST_WIDTH, LEAST_HEIGHT = 50, 10


class SizedScreen(SteeredScreen):
    """Has `ExecutionPanes`, and a line `#too-small` that stands alone where they have no room."""

    DEFAULT_CSS = """
    SizedScreen { layout: vertical; background: $background; }
    SizedScreen #too-small { display: none; height: 1fr; }
    SizedScreen.-flat FooterLine, SizedScreen.-flat Remedy { display: none; }
    SizedScreen.-too-small > * { display: none; }
    SizedScreen.-too-small > #too-small { display: block; }
    """

    @property
    def panes(self) -> ExecutionPanes:
        """Timeline, events and inspector."""
        return self.query_one(ExecutionPanes)

    def on_resize(self, event: events.Resize) -> None:
        """Another size, another arrangement."""
        size = event.size
        too_small = size.width < LEAST_WIDTH or size.height < LEAST_HEIGHT
        self.set_class(too_small, "-too-small")
        self.set_class(size.height < FLAT, "-flat")
        need = f"This needs {LEAST_WIDTH} x {LEAST_HEIGHT} cells; here are {size.width} x {size.height}."
        self.query_one("#too-small", PartsLine).set_parts([part((need, "text"))])
        self.panes.fit(size)
        self._update_header()
        if not too_small:
            self.call_after_refresh(self._keep_focus)

    def _keep_focus(self) -> None:
        """What was hidden for want of room has lost the focus."""
        if self.focused is None:
            self.panes.focus_current()

    def _update_header(self) -> None:
        """Write the header anew."""
        raise NotImplementedError
