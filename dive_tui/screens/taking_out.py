"""What a person takes out of a screen about executions: copies, texts in a pager, files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dive_tui.app.clipboard import copy
from dive_tui.app.outside import OutsideError, harmless, program, show
from dive_tui.screens.steered import SteeredScreen
from dive_tui.widgets.dialogs.copy_menu import CopyMenu, Offer
from engine.core.reduce import HistoryError
from engine.model.snapshot import ExecutionSummary
from engine.store import StoreError

if TYPE_CHECKING:
    from engine.replay.history import History


class Source(NamedTuple):
    """An execution that can be written into a file."""

    summary: ExecutionSummary
    history: History
    damage: str = ""
    """Why something of it is missing; empty when nothing is."""


class NoSourceError(Exception):
    """The execution cannot be read; the sentence says why."""


class TakingOut(SteeredScreen):
    """Copying, reading outside and exporting; a subclass says what there is."""

    def copy_offers(self) -> list[Offer]:
        """What can be copied now, the likeliest first."""
        raise NotImplementedError

    def reading_offers(self) -> list[Offer]:
        """What can be read outside now, the likeliest first; each is named like a file: `event-187.json`."""
        raise NotImplementedError

    async def export_source(self) -> Source:
        """The execution to write into a file.

        Raises:
            NoSourceError: it cannot be read.
        """
        raise NotImplementedError

    def took(self, verb: str) -> None:
        """A person asked for something."""

    def why_not_copy_item(self) -> str | None:
        """There must be something."""
        return None if self.copy_offers() else "There is nothing here that could be copied."

    def action_copy_item(self) -> None:
        """Ask what to copy."""

        def chosen(offer: Offer | None) -> None:
            if offer is not None:
                copy(self.app, offer.whole if offer.make is not None else offer.text, offer.what)

        self.app.push_screen(CopyMenu(self.copy_offers()), chosen)
        self.took("copy_item")

    def why_not_read_outside(self) -> str | None:
        """There must be something, and a program."""
        try:
            program(self._environment)
        except OutsideError as problem:
            return str(problem)
        return None if self.reading_offers() else "There is nothing here to read in a pager."

    def action_read_outside(self) -> None:
        """Open what is under the cursor in the pager or editor; where there are several texts, ask which."""
        found = self.reading_offers()
        command = program(self._environment)[0]

        def chosen(offer: Offer | None) -> None:
            if offer is not None:
                self.run_worker(self._read(offer), group="outside", exclusive=True, exit_on_error=False)

        if len(found) == 1:
            chosen(found[0])
        else:
            title = f"Open in {Path(command).name}"
            self.app.push_screen(CopyMenu(found, title=title, verb="open"), chosen)

    async def _read(self, offer: Offer) -> None:
        try:
            text = await asyncio.to_thread(lambda: harmless(offer.whole()))
            show(self.app, text, offer.what, self._environment)
        except (OutsideError, HistoryError, StoreError) as problem:
            self._shell.say(str(problem), "warning", seconds=8)

    def why_not_export(self) -> str | None:
        """There must be an execution."""
        return None if self.steered is not None else "There is no execution here that could be exported."

    def action_export(self) -> None:
        """Read the execution, and ask for format and file."""
        self.run_worker(self._export(), group="export", exclusive=True, exit_on_error=False)

    async def _export(self) -> None:
        from dive_tui.widgets.dialogs.export_dialog import ExportDialog

        try:
            source = await self.export_source()
        except NoSourceError as problem:
            self._shell.say(str(problem), "warning", seconds=8)
            return

        def written(sentence: str | None) -> None:
            if sentence:
                self._shell.say(sentence, seconds=8)

        self.app.push_screen(ExportDialog(source.history, source.summary, source.damage), written)

    @property
    def _environment(self) -> dict[str, str]:
        return dict(os.environ)
