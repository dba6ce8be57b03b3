"""How a store's work gets off the caller's event loop, and how it waits for what others have locked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from engine.store import StoreError
from stores.files import BusyError

P = ParamSpec("P")
R = TypeVar("R")
Explain = Callable[[Exception], StoreError | None]
"""What an error means for a person; None: it is no error of the store's."""

PATIENCE = 5.0
"""Seconds until a lock that others hold is an error."""
_PAUSE = 0.005


class Offloader:
    """Does the work of one store: in threads, or in the caller's own.

    Writes happen one after the other; reads may happen at the same time.
    """

    def __init__(self, explain: Explain, *, offload: bool) -> None:
        self._explain = explain
        self._offload = offload
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="dive-store") if offload else None
        self._closed = False

    async def write(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something that only one thread at a time may do.

        Raises:
            BusyError: others held a lock for longer than `PATIENCE`.
            StoreError: what the work's own error means.
        """
        attempt = partial(self.explaining, work, *args, **kwargs)
        return await self._patiently(attempt, self._writing)

    async def read(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something that any thread may do. Raises what `write` does."""
        return await self._patiently(partial(self.explaining, work, *args, **kwargs), None)

    def explaining(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something at once, its errors explained."""
        try:
            return work(*args, **kwargs)
        except Exception as error:
            explanation = self._explain(error)
            if explanation is None:
                raise
            raise explanation from error

    async def close(self, work: Callable[[], None]) -> None:
        """Do the last thing; after all writes that were asked for before."""
        if self._closed:
            return
        self._closed = True
        if self._writing is None:
            work()
            return
        await asyncio.get_running_loop().run_in_executor(self._writing, work)
        self._writing.shutdown(wait=False)

    async def _patiently(self, attempt: Callable[[], R], executor: ThreadPoolExecutor | None) -> R:
        # Others hold their locks for as long as a write takes; waiting for them must not hold up the loop.
        waited = 0.0
        while True:
            if self._closed:
                raise StoreError("the store was closed")
            try:
                if not self._offload:
                    return attempt()
                return await asyncio.get_running_loop().run_in_executor(executor, attempt)
            except BusyError:
                if waited >= PATIENCE:
                    raise
            pause = random.uniform(0.2, 1.8) * _PAUSE  # noqa: S311 - so that those who wait do not all come back at once
            await asyncio.sleep(pause)
            waited += pause
