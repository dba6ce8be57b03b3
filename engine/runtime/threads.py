"""Threads for actions that are not async. Daemons: one that never returns cannot hold up the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

_Job = tuple[contextvars.Context, Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class DaemonThreads:
    """Runs functions in reused daemon threads, each call in a copy of the caller's context."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._idle = 0
        self._lock = threading.Lock()

    async def run(self, function: Callable[[], Any]) -> Any:
        """What the function returns; its exception, whatever it is, is raised here.

        Cancelling the wait abandons the call: the thread runs on, and what it returns is dropped.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                threading.Thread(target=self._work, daemon=True, name="dive-action").start()
        # Only now: had no thread been to be had, the call must not be made later.
        self._jobs.put((contextvars.copy_context(), function, loop, future))
        return await future

    def _work(self) -> None:
        while True:
            context, function, loop, future = self._jobs.get()
            settle: Callable[[Any], None]
            try:
                result = context.run(function)
            except BaseException as error:  # SystemExit too: it must end the step, not the thread
                settle, result = future.set_exception, _raisable(error)
            else:
                settle = future.set_result
            with self._lock:
                self._idle += 1
            # A closed loop has nobody left who would want the result.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_deliver, future, settle, result)
            del context, function, loop, future, settle, result


def _raisable(error: BaseException) -> BaseException:
    # StopIteration cannot be set on a future.
    return RuntimeError(f"StopIteration: {error}") if isinstance(error, StopIteration) else error


def _deliver(future: asyncio.Future[Any], settle: Callable[[Any], None], result: Any) -> None:
    if not future.done():
        settle(result)
