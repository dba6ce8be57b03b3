"""The execution screen as a place to take things from: copies, texts in a pager, files."""

from __future__ import annotations

from dive_tui.screens.execution.copy import Here, offers, readings
from dive_tui.screens.execution.watching import ReplayedExecution
from dive_tui.screens.taking_out import NoSourceError, Source, TakingOut
from dive_tui.widgets.dialogs.copy_menu import Offer
from engine.model.snapshot import summarize


class TakingFromExecution(ReplayedExecution, TakingOut):
    """What is under the cursor, and the execution as a whole."""

    def _here(self) -> Here:
        inspector = self.panes.inspector
        return Here(
            self._execution_id,
            self._growing.history,
            self._sequence,
            inspector if inspector.view.has_focus else None,
            self.steering.store_option if self.steering is not None else "",
        )

    def copy_offers(self) -> list[Offer]:
        """What is under the cursor, the event, the state, ids and commands."""
        return offers(self._here())

    def reading_offers(self) -> list[Offer]:
        """The same as files."""
        return readings(self._here())

    def took(self, verb: str) -> None:
        """Let the guide know."""
        self._did(verb)

    def why_not_export(self) -> str | None:
        """Its history must be here."""
        return None if self._growing.history is not None else "The history is not here yet."

    async def export_source(self) -> Source:
        """What has been read of it."""
        history = self._growing.history
        if history is None:
            raise NoSourceError("The history is not here yet.")
        return Source(self._summary or summarize(history.latest), history, self._damage)
