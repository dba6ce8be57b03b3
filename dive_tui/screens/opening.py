"""What is painted first when an execution is opened directly: its header, with the answer in words.

It needs a fraction of what the whole screen needs, so a person reads how it went while the rest is made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.app import ComposeResult

from dive_tui.screens.execution.header import HeaderFacts, header_parts
from dive_tui.widgets.events.event_words import TimeFormat
from dive_tui.widgets.parts import HeaderLine
from dive_tui.widgets.screens import AppScreen
from engine.model.snapshot import ExecutionSummary
from engine.model.times import parse_time
from engine.store import ExecutionEventStore, StoreError


class OpeningScreen(AppScreen[None]):
    """Asks the store for one summary, shows it, and then calls `painted` with it, or with None."""

    DEFAULT_CSS = """
    OpeningScreen { background: $background; }
    """

    def __init__(
        self,
        store: ExecutionEventStore,
        execution_id: str,
        now: Callable[[], datetime],
        painted: Callable[[ExecutionSummary | None], None],
    ) -> None:
        super().__init__()
        self._store = store
        self._execution_id = execution_id
        self._now = now
        self._painted = painted

    def compose(self) -> ComposeResult:
        """Only the header."""
        yield HeaderLine()

    async def on_mount(self) -> None:
        """Read the summary; a store that cannot be read is the business of the screen that follows."""
        try:
            summary = await self._store.get_summary(self._execution_id)
        except StoreError:
            summary = None
        header = self.query_one(HeaderLine)
        header.set_parts(header_parts(self._facts(summary), header.glyphs))
        self.call_after_refresh(self._painted, summary)

    def _facts(self, summary: ExecutionSummary | None) -> HeaderFacts:
        elapsed = 0.0
        if summary is not None:
            end = parse_time(summary.end_time) if summary.end_time else self._now()
            elapsed = max(0.0, (end - parse_time(summary.start_time)).total_seconds())
        return HeaderFacts(
            execution_id=self._execution_id,
            summary=summary,
            history=None,
            sequence=0,
            follow=False,
            elapsed=elapsed,
            now=self._now(),
            time_format=TimeFormat.ELAPSED,
        )
