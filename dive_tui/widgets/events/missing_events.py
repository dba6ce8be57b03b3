"""Events that a list should draw and that have to be read first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.widget import Widget

from engine.replay.history import History
from engine.store import StoreError


class MissingEvents:
    """Reads events in a thread for a widget, those asked for last first; `arrived` is called when some are here.

    What cannot be read stays missing until it is asked for again: the feed says what became of the store.
    """

    def __init__(self, widget: Widget, arrived: Callable[[], None]) -> None:
        self._widget = widget
        self._arrived = arrived
        self._wanted: dict[int, History] = {}
        self._reading = False

    def want(self, history: History, sequence: int) -> None:
        """Read this event."""
        self._wanted[sequence] = history
        if not self._reading:
            self._reading = True
            self._widget.run_worker(self._read(), group="missing events", exit_on_error=False)

    async def _read(self) -> None:
        try:
            while self._wanted:
                sequence, history = self._wanted.popitem()
                if not history.has(sequence):
                    try:
                        await asyncio.to_thread(history.event, sequence)
                    except (StoreError, IndexError):
                        self._wanted.clear()
                        return
                self._wanted = {wanted: held for wanted, held in self._wanted.items() if not held.has(wanted)}
            self._arrived()
        finally:
            self._reading = False
