"""Group commit: what several executions of one process append in the same turn of the loop is stored by one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.model.events import ExecutionEvent
from engine.store import ExecutionEventStore


class Committer:
    """Gathers the batches of one turn. A batch that is alone goes to the store directly."""

    def __init__(self, store: ExecutionEventStore) -> None:
        self._store = store
        self._gathered: list[tuple[Sequence[ExecutionEvent], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self.commits = 0
        """Batches taken so far."""
        self.writers = 0
        """Executions that may append; with one there is nobody to wait for."""

    async def append(self, batch: Sequence[ExecutionEvent]) -> None:
        """Make a batch durable, whole or not at all.

        Raises:
            StoreError: as `ExecutionEventStore.append_events`.
        """
        self.commits += 1
        if self.writers <= 1 and self._task is None:
            await self._store.append_events(batch)
            return
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.append((batch, durable))
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        await durable

    async def _write(self) -> None:
        # While one group is being written the next one gathers.
        try:
            while self._gathered:
                await asyncio.sleep(0)
                group, self._gathered = self._gathered, []
                try:
                    results = await self._store.append_batches([batch for batch, _ in group])
                except BaseException as error:
                    _tell_all(group, error)
                    if not isinstance(error, Exception):
                        raise
                    continue
                for (_, durable), problem in zip(group, results, strict=True):
                    _tell(durable, problem)
        finally:
            self._task = None


def _tell_all(group: Sequence[tuple[Sequence[ExecutionEvent], asyncio.Future[None]]], error: BaseException) -> None:
    for _, durable in group:
        _tell(durable, error if isinstance(error, Exception) else RuntimeError("the commit was interrupted"))


def _tell(durable: asyncio.Future[None], problem: Exception | None) -> None:
    if durable.done():
        return
    if problem is None:
        durable.set_result(None)
    else:
        durable.set_exception(problem)
