"""Group commit: what several executions of one process append in the same turn of the loop is stored by one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from engine.model.events import ExecutionEvent
from engine.store import ExecutionEventStore


class Appender(Protocol):
    """What stands between the executions of one process and their store."""

    commits: int
    """Batches taken so far."""
    writers: int
    """Executions that may append."""

    async def append(self, batch: Sequence[ExecutionEvent], *, at_once: bool = False, size: int | None = None) -> None:
        """Take a batch of one execution. `at_once` asks for it to be durable when this returns; `size` is its bytes.

        Raises:
            StoreError: as `ExecutionEventStore.append_events`; the very same batch may be given again.
        """
        ...

    async def flush(self, execution_id: str | None = None) -> None:
        """Make durable what was taken, of one execution or of all.

        Raises:
            StoreError: it could not be written.
        """
        ...

    def pending(self, execution_id: str) -> Sequence[ExecutionEvent]:
        """What was taken of an execution and is not known to be durable, in order."""
        ...

    def forget(self, execution_id: str) -> None:
        """Write nothing more of an execution: this process does not own it any more."""
        ...


class Committer:
    """Gathers the batches of one turn. A batch that is alone goes to the store directly."""

    def __init__(self, store: ExecutionEventStore) -> None:
        self._store = store
        self._gathered: list[tuple[Sequence[ExecutionEvent], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self.commits = 0
        self.writers = 0
        """With one there is nobody to wait for."""

    async def append(self, batch: Sequence[ExecutionEvent], *, at_once: bool = False, size: int | None = None) -> None:
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

    async def flush(self, execution_id: str | None = None) -> None:
        """See `Appender`: what was appended is durable."""

    def pending(self, execution_id: str) -> Sequence[ExecutionEvent]:
        """See `Appender`: nothing is."""
        return ()

    def forget(self, execution_id: str) -> None:
        """See `Appender`: nothing is kept."""

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
                    tell(durable, problem)
        finally:
            self._task = None


async def is_stored(store: ExecutionEventStore, batch: Sequence[ExecutionEvent]) -> bool:
    """Whether a batch whose append failed, and which the store now refuses, is in the history all the same.

    Raises:
        StoreError: the history cannot be read.
    """
    stored = await store.get_events(batch[0].execution_id, batch[0].sequence, len(batch))
    return [event.id for event in stored] == [event.id for event in batch]


def _tell_all(group: Sequence[tuple[Sequence[ExecutionEvent], asyncio.Future[None]]], error: BaseException) -> None:
    for _, durable in group:
        tell(durable, error if isinstance(error, Exception) else RuntimeError("the commit was interrupted"))


def tell(durable: asyncio.Future[None], problem: Exception | None) -> None:
    """Say what became of a batch to whoever waits for it, if anybody still does."""
    if durable.done():
        return
    if problem is None:
        durable.set_result(None)
    else:
        durable.set_exception(problem)
