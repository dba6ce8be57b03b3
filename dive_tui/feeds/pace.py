"""Following a store: the first change at once, further ones gathered, and patience while the store is away."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable

from textual.message import Message

from dive_tui.app.trouble import Trouble, trouble
from dive_tui.feeds.messages import FeedFailed, FeedRecovered
from engine.store import ExecutionEventStore, StoreError

INTERVAL = 0.033
"""Least seconds between two batches of changes: a frame at 30 per second."""
LIVENESS = 1.0
"""Seconds between two looks at whether the runners of running executions live; a killed one writes nothing."""
RETRY = 1.0
"""Seconds between two tries to read a store that could not be read."""
_NOBODY = "exec_0"
"""No execution has this id: asking for it costs next to nothing, and only a store that is there answers."""


class Changes:
    """Ids of executions that change from now on, gathered from `watch` while the reader is busy or pausing."""

    def __init__(self, store: ExecutionEventStore) -> None:
        self._watching = store.watch()
        self._ids: set[str] = set()
        self._all = False
        self._error: StoreError | None = None
        self._arrived = asyncio.Event()

    async def batches(self) -> AsyncGenerator[frozenset[str] | None, None]:
        """Ids that changed, at most every `INTERVAL`; None: look at everything; an empty set: only time has passed.

        Raises:
            StoreError: the store went away.
        """
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), LIVENESS)
                self._arrived.clear()
                if self._error is not None:
                    raise self._error
                ids = None if self._all else frozenset(self._ids)
                self._all = False
                self._ids.clear()
                yield ids
                await asyncio.sleep(INTERVAL)
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self) -> None:
        try:
            async for ids in self._watching:
                self._ids |= ids
                self._all = self._all or not ids
                self._arrived.set()
        except StoreError as error:
            self._error = error
            self._arrived.set()


class Feed(ABC):
    """Reads a store, then follows it, until cancelled; while the store cannot be read it says so and tries again.

    A kind of feed says what it reads first, and what it looks at when something changed.
    """

    def __init__(self, store: ExecutionEventStore, post: Callable[[Message], object]) -> None:
        self._store = store
        self._post = post
        self._told: Trouble | None = None
        """What was said last, while it is so."""

    def use(self, store: ExecutionEventStore) -> None:
        """Read this store from now on: it is at the place of the one before. What has been read stays."""
        self._store = store

    @abstractmethod
    async def read(self) -> None:
        """Read everything, or after the store was away what may have changed meanwhile. May raise `StoreError`."""

    @abstractmethod
    async def changed(self, ids: frozenset[str] | None) -> None:
        """Look at these executions; None: at everything; an empty set: only time has passed. May raise `StoreError`."""

    async def run(self) -> None:
        """Read, then follow; on a store error say so and try again until it can be read."""
        while True:
            store = self._store
            try:
                await self._follow(store)
            except StoreError as error:
                if store is not self._store:
                    continue
                now = trouble(error)
                if now != self._told:
                    self._post(FeedFailed(now))
                self._told = now
                await asyncio.sleep(RETRY)

    async def _follow(self, store: ExecutionEventStore) -> None:
        """Until another store is to be read."""
        await store.get_summary(_NOBODY)  # that it is gone is said before what cannot be done without it
        changes = Changes(store).batches()
        try:
            await self.read()
            if self._told is not None:
                self._told = None
                self._post(FeedRecovered())
            async for ids in changes:
                if store is not self._store:
                    return
                if not ids:  # the folder may be there, and what it held not
                    await store.get_summary(_NOBODY)
                await self.changed(ids)
        finally:
            await changes.aclose()
