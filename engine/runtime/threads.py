"""Threads for actions that are not async. Daemons: one that never returns cannot hold up the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

MAX_ABANDONED = 8
"""Calls that may go on in this process with nobody waiting for them, before no new one should be started."""


class AbandonedCalls:
    """Counts the calls that go on with nobody waiting for them."""

    def __init__(self, limit: int = MAX_ABANDONED) -> None:
        self.limit = limit
        self._count = 0
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def count(self) -> int:
        """How many there are now."""
        return self._count

    @property
    def exhausted(self) -> bool:
        """Whether no new call should be started."""
        return self._count >= self.limit

    async def available(self) -> None:
        """Returns once new calls may be started."""
        while True:
            with self._lock:
                if not self.exhausted:
                    return
                loop = asyncio.get_running_loop()
                future: asyncio.Future[None] = loop.create_future()
                self._waiting.append((loop, future))
            try:
                await future
            finally:
                with self._lock:
                    self._waiting.remove((loop, future))

    def add(self, call: _Call) -> None:
        """The call's caller has left, but not if it has ended meanwhile."""
        with self._lock:
            if not call.ended:
                call.abandoned = True
                self._count += 1

    def end(self, call: _Call) -> None:
        """The call has ended."""
        with self._lock:
            call.ended = True
            if not call.abandoned:
                return
            self._count -= 1
            waiting = [] if self.exhausted else list(self._waiting)
        for loop, future in waiting:
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(_deliver, future, future.set_result, None)


_abandoned = AbandonedCalls()


class _Call:
    """One call, from its caller to the thread that makes it."""

    __slots__ = ("abandoned", "context", "ended", "function", "future", "loop")

    def __init__(self, function: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.function = function
        self.context = contextvars.copy_context()
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.abandoned = False
        self.ended = False


class DaemonThreads:
    """Runs functions in reused daemon threads, each call in a copy of the caller's context.

    Abandoned calls are counted for the whole process, unless a counter is given.
    """

    def __init__(self, abandoned: AbandonedCalls = _abandoned) -> None:
        self._calls: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._idle = 0
        self._lock = threading.Lock()
        self._abandoned = abandoned

    @property
    def abandoned(self) -> int:
        """How many calls go on with nobody waiting for them."""
        return self._abandoned.count

    @property
    def exhausted(self) -> bool:
        """Whether so many calls were abandoned and go on that no new one should be started."""
        return self._abandoned.exhausted

    async def available(self) -> None:
        """Returns as soon as it is not `exhausted`."""
        await self._abandoned.available()

    async def run(self, function: Callable[[], Any]) -> Any:
        """What the function returns; its exception, whatever it is, is raised here.

        Cancelling the wait abandons the call: the thread runs on, and what it returns is dropped.
        """
        call = _Call(function, asyncio.get_running_loop())
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                threading.Thread(target=self._work, daemon=True, name="dive-action").start()
        # Only now: had no thread been to be had, the call must not be made later.
        self._calls.put(call)
        try:
            return await call.future
        finally:
            if call.future.cancelled():
                self._abandoned.add(call)

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            settle: Callable[[Any], None] = call.future.set_result
            result: Any = None
            # A caller that has left before the call was made does not want it made.
            if not call.future.cancelled():
                try:
                    result = call.context.run(call.function)
                except BaseException as error:  # SystemExit too: it must end the step, not the thread
                    settle, result = call.future.set_exception, _raisable(error)
            with self._lock:
                self._idle += 1
            self._abandoned.end(call)
            # A closed loop has nobody left who would want the result.
            with contextlib.suppress(RuntimeError):
                call.loop.call_soon_threadsafe(_deliver, call.future, settle, result)
            del call, settle, result


def _raisable(error: BaseException) -> BaseException:
    # StopIteration cannot be set on a future.
    return RuntimeError(f"StopIteration: {error}") if isinstance(error, StopIteration) else error


def _deliver(future: asyncio.Future[Any], settle: Callable[[Any], None], result: Any) -> None:
    if not future.done():
        settle(result)
