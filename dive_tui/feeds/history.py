"""One execution's history, read in a thread in pieces and then kept up with the store."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Sequence

from textual.message import Message

from dive_tui.feeds.messages import HistoryExamined, HistoryGrew, HistoryLoaded, HistoryProgress
from dive_tui.feeds.pace import Feed
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.store import DamagedHistoryError, ExecutionEventStore, StoreError
from stores.maintenance import Maintainable

PIECE = 4_096
"""Events read at a time."""
MOST_EXAMINED = 50_000
"""Up to so many events the store's files are examined when an execution is opened: that reads all of them again."""


class HistoryFeed(Feed):
    """Posts `HistoryProgress` and `HistoryLoaded`, then `HistoryGrew` as the execution goes on; until cancelled."""

    def __init__(self, store: ExecutionEventStore, execution_id: str, post: Callable[[Message], object]) -> None:
        super().__init__(store, post)
        self._id = execution_id
        self._read = 0
        self._loaded = False
        self._summary: ExecutionSummary | None = None
        self._damage = ""

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
            events, damage = await self._events(len(history) + 1, PIECE)
            await asyncio.to_thread(_extend, history, events)
            if damage or len(events) < PIECE:
                break
        self._read, self._loaded, self._summary, self._damage = len(history), True, summary, damage
        self._post(HistoryLoaded(history, summary, damage))
        await self._examine(summary)

    async def _events(self, sequence: int, limit: int | None = None) -> tuple[list[ExecutionEvent], str]:
        """The next events, and where the history is damaged if what follows cannot be read."""
        try:
            return await self._store.get_events(self._id, sequence, limit), ""
        except DamagedHistoryError as error:
            # Which execution it is, the screen says already; the end of the sentence is worth more.
            sentence = str(error).replace(f"the history of {self._id} is damaged", "Damaged", 1)
            sentence = sentence.replace(f"the history of {self._id} ", "The history ", 1)
            return [event for event in error.readable if event.sequence >= sequence], sentence

    async def _examine(self, summary: ExecutionSummary) -> None:
        """Look at the files, too, where nobody writes to them."""
        store = self._store
        if summary.live or summary.last_event_seq > MOST_EXAMINED or not isinstance(store, Maintainable):
            return
        with contextlib.suppress(StoreError):  # the history is here all the same
            findings = await store.examine(self._id)
            self._post(HistoryExamined(tuple(finding for finding in findings if finding.execution_id == self._id)))

    async def _catch_up(self, only_liveness: bool = False) -> None:
        before, damaged = self._summary, self._damage
        if only_liveness and (before is None or not (before.live or damaged)):
            return
        events: Sequence[ExecutionEvent] = ()
        if not only_liveness:
            events, self._damage = await self._events(self._read + 1)
        summary = await self._store.get_summary(self._id)
        if summary is None:
            raise StoreError(f"execution {self._id} is no longer in the store")
        if not events and (summary, self._damage) == (before, damaged):
            return
        self._read += len(events)
        self._summary = summary
        self._post(HistoryGrew(tuple(events), summary, self._damage))
        if damaged and not self._damage:
            await self._examine(summary)


def _extend(history: History, events: Sequence[ExecutionEvent]) -> None:
    # What a history holds stays: going through it again and again for garbage would cost more than loading it.
    history.extend(events)
    if len(events) >= PIECE:
        gc.freeze()
