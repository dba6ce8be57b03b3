"""One execution's history, read in a thread in pieces and then kept up with the store."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence

from textual.message import Message

from dive_tui.feeds.messages import HistoryGrew, HistoryLoaded, HistoryProgress
from dive_tui.feeds.pace import Feed
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.store import DamagedHistoryError, ExecutionEventStore, StoreError

PIECE = 4_096
"""Events read at a time."""


class HistoryFeed(Feed):
    """Posts `HistoryProgress` and `HistoryLoaded`, then `HistoryGrew` as the execution goes on; until cancelled."""

    def __init__(self, store: ExecutionEventStore, execution_id: str, post: Callable[[Message], object]) -> None:
        super().__init__(store, post)
        self._id = execution_id
        self._read = 0
        self._loaded = False
        self._summary: ExecutionSummary | None = None

    async def read(self) -> None:
        """Load the history; when it is here already, what was added to it."""
        await (self._catch_up() if self._loaded else self._load())

    async def changed(self, ids: frozenset[str] | None) -> None:
        """Read on; as time passes, look only at whether its runner lives."""
        if ids is None or self._id in ids:
            await self._catch_up()
        elif not ids:
            await self._catch_up(only_liveness=True)

    async def _load(self) -> None:
        summary = await self._store.get_summary(self._id)
        if summary is None:
            raise StoreError(f"there is no execution {self._id} in this store")
        history, damage = History(self._id), ""
        while True:
            self._post(HistoryProgress(len(history), max(summary.last_event_seq, len(history)), summary))
            try:
                events = await self._store.get_events(self._id, len(history) + 1, PIECE)
            except DamagedHistoryError as error:
                damage = str(error)
                events = [event for event in error.readable if event.sequence > len(history)]
            await asyncio.to_thread(_extend, history, events)
            if damage or len(events) < PIECE:
                break
        self._read, self._loaded, self._summary = len(history), True, summary
        self._post(HistoryLoaded(history, summary, damage))

    async def _catch_up(self, only_liveness: bool = False) -> None:
        before = self._summary
        if only_liveness and (before is None or not before.live):
            return
        events: Sequence[ExecutionEvent] = ()
        if not only_liveness:
            events = await self._store.get_events(self._id, self._read + 1)
        summary = await self._store.get_summary(self._id)
        if summary is None:
            raise StoreError(f"execution {self._id} is no longer in the store")
        if not events and summary == before:
            return
        self._read += len(events)
        self._summary = summary
        self._post(HistoryGrew(tuple(events), summary))


def _extend(history: History, events: Sequence[ExecutionEvent]) -> None:
    # What a history holds stays: going through it again and again for garbage would cost more than loading it.
    history.extend(events)
    if len(events) >= PIECE:
        gc.freeze()
