"""Work in threads of which only the latest matters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from textual.widget import Widget

PAUSE = 0.033
"""Least seconds between two pieces of work: a frame at 30 per second."""

T = TypeVar("T")


class Latest(Generic[T]):
    """Runs what was asked last in a thread, one at a time, for a widget; what was overtaken meanwhile is never run.

    The first is run at once, so that a single key is answered without delay. `done` is called by the widget's own
    message loop with a result, `failed` with a sentence when the work raised.
    """

    def __init__(self, widget: Widget, name: str, done: Callable[[T], None], failed: Callable[[str], None]) -> None:
        self._widget = widget
        self._name = name
        self._done = done
        self._failed = failed
        self._wanted: Callable[[], T] | None = None
        self._running = False
        self._forgotten = 0

    def ask(self, work: Callable[[], T]) -> None:
        """Have this run soon. It must only read, and nothing that others change in place."""
        self._wanted = work
        if not self._running:
            self._running = True
            self._widget.run_worker(self._run(), name=self._name, group=self._name, exit_on_error=False)

    def forget(self) -> None:
        """Let go of what waits, and of the answer to what runs."""
        self._wanted = None
        self._forgotten += 1

    async def _run(self) -> None:
        try:
            while (work := self._wanted) is not None:
                self._wanted, asked = None, self._forgotten
                try:
                    result = await asyncio.to_thread(work)
                except Exception as error:
                    self._tell(asked, partial(self._failed, f"{type(error).__name__}: {error}"))
                else:
                    self._tell(asked, partial(self._done, result))
                await asyncio.sleep(PAUSE)
        finally:
            self._running = False

    def _tell(self, asked: int, answer: Callable[[], None]) -> None:
        def unless_forgotten() -> None:
            if asked == self._forgotten:
                answer()

        self._widget.call_later(unless_forgotten)
