"""One execution's history, read in a thread in pieces and then kept up with the store."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Sequence

from textual.message import Message

from dive_tui.feeds.messages import HistoryExamined, HistoryGrew, HistoryLoaded, HistoryOpened, HistoryProgress
from dive_tui.feeds.pace import Feed
from dive_tui.widgets.outline import Outline
from engine.core.reduce import HistoryError
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.replay.latest import latest_state
from engine.replay.loading import empty_history
from engine.replay.salvaged import UNREADABLE
from engine.store import DamagedHistoryError, DirectlyReadable, ExecutionEventStore, StoreError
from stores.maintenance import Maintainable
from stores.salvaging import salvaged_events

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
        """Events before the first that cannot be read."""
        self._behind = 0
        """Those from there on."""
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
        self._loaded, self._read, self._behind = False, 0, 0
        history, damage = empty_history(self._store, self._id), ""
        outline, loaded = Outline(history), 0
        while True:
            self._post(HistoryProgress(loaded, max(summary.last_event_seq, loaded), summary))
            events, damage = await self._events(loaded + 1, PIECE)
            await asyncio.to_thread(_extend, history, outline, events)
            loaded += len(events)
            self._count(events)
            if damage or len(events) < PIECE:
                break
            if loaded == PIECE and isinstance(self._store, DirectlyReadable):
                await self._open_early(history, outline, summary)
        self._loaded, self._summary, self._damage = True, summary, damage
        self._post(HistoryLoaded(history, outline, summary, damage))
        await self._examine(summary)

    async def _open_early(self, history: History, outline: Outline, summary: ExecutionSummary) -> None:
        """A long history can be looked at while most of it is still to be taken in."""
        with contextlib.suppress(StoreError, HistoryError):  # then it is shown when it has been read
            state = await latest_state(self._store, self._id)
            if state is not None and state.sequence > len(history):
                history.expect(state)
                self._post(HistoryOpened(history, outline, summary))

    async def _events(self, sequence: int, limit: int | None = None) -> tuple[list[ExecutionEvent], str]:
        """The next events, and where the history is damaged if what follows cannot be read."""
        try:
            return await self._store.get_events(self._id, sequence, limit), ""
        except DamagedHistoryError as error:
            # Which execution it is, the screen says already; the end of the sentence is worth more.
            sentence = str(error).replace(f"the history of {self._id} is damaged", "Damaged", 1)
            sentence = sentence.replace(f"the history of {self._id} ", "The history ", 1)
            there = await salvaged_events(self._store, self._id) or error.readable
            return [event for event in there if event.sequence >= sequence], sentence

    def _count(self, events: Sequence[ExecutionEvent]) -> None:
        """Note that these have been read; what is behind damage is read again each time, for it may be mended."""
        whole = next((at for at, event in enumerate(events) if event.event_type == UNREADABLE), len(events))
        self._read += whole
        self._behind = len(events) - whole

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
        if self._behind and not only_liveness:
            if (len(events), self._damage) != (self._behind, damaged):
                await self._load()  # it was mended, or more of it was damaged
                return
            events = ()
        summary = await self._store.get_summary(self._id)
        if summary is None:
            raise StoreError(f"execution {self._id} is no longer in the store")
        if not events and (summary, self._damage) == (before, damaged):
            return
        if events:
            self._count(events)
        self._summary = summary
        self._post(HistoryGrew(tuple(events), summary, self._damage))
        if damaged and not self._damage:
            await self._examine(summary)


def _extend(history: History, outline: Outline, events: Sequence[ExecutionEvent]) -> None:
    # What a history holds stays: going through it again and again for garbage would cost more than loading it.
    history.extend(events)
    outline.catch_up()
    if len(events) >= PIECE:
        gc.freeze()
