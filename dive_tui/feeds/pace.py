"""Following a store: the first change at once, further ones gathered, and patience while the store is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from engine.store import ExecutionEventStore, StoreError

INTERVAL = 0.033
"""Least seconds between two batches of changes: a frame at 30 per second."""
LIVENESS = 1.0
"""Seconds between two looks at whether the runners of running executions live; a killed one writes nothing."""
RETRY = 1.0
"""Seconds between two tries to read a store that could not be read."""


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
