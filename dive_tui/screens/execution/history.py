"""A history that grows while it is looked at: long ones are taken in by a thread, short additions at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from dive_tui.widgets.outline import Outline
from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.store import StoreError

MANY_EVENTS = 2000
"""From so many events on, they are taken in by a thread."""


class GrowingHistory:
    """A history with its outline, always in step. `shown` is called when there first are events, `grown` after more.

    `start` runs a coroutine on the screen's loop; while one runs there, what arrives waits its turn.
    """

    def __init__(
        self, start: Callable[[Coroutine[Any, Any, None]], object], shown: Callable[[], None], grown: Callable[[], None]
    ) -> None:
        self._start = start
        self._shown = shown
        self._grown = grown
        self._waiting: list[ExecutionEvent] = []
        self._busy = False
        self._loaded: tuple[History, Outline] | None = None

    @property
    def history(self) -> History | None:
        """The events; None until there are some."""
        return self._loaded[0] if self._loaded is not None and len(self._loaded[1]) else None

    @property
    def outline(self) -> Outline | None:
        """What is derived from them; None until there are some."""
        return self._loaded[1] if self._loaded is not None and len(self._loaded[1]) else None

    def open(self, history: History, outline: Outline) -> None:
        """Begin with a history that is still being taken in, elsewhere; `load` comes when it has been."""
        self._busy = True
        self._loaded = history, outline
        self._tell(None)

    def load(self, history: History, outline: Outline) -> None:
        """Begin with a history that was read."""
        self._busy = True
        self._loaded = history, outline
        self._tell(None)
        self._start(self._take_in())

    def add(self, events: Sequence[ExecutionEvent]) -> None:
        """Add the next events."""
        self._waiting += events
        if self._busy or self._loaded is None:
            return
        if len(self._waiting) > MANY_EVENTS:
            self._busy = True
            self._start(self._take_in())
            return
        before = self.history
        _extend(*self._loaded, self._taken())
        self._tell(before)

    async def _take_in(self) -> None:
        assert self._loaded is not None
        while self._waiting:
            before, events = self.history, self._taken()
            history, outline = self._loaded
            await _run(partial(_extend, history, outline, events), len(events))
            self._tell(before)
        self._busy = False

    def _taken(self) -> list[ExecutionEvent]:
        taken, self._waiting = self._waiting, []
        return taken

    def _tell(self, before: History | None) -> None:
        if before is not None:
            self._grown()
        elif self.history is not None:
            self._shown()


async def _run(work: Callable[[], None], events: int) -> None:
    if events > MANY_EVENTS:
        await asyncio.to_thread(work)
    else:
        work()


def _extend(history: History, outline: Outline, events: Sequence[ExecutionEvent]) -> None:
    history.extend(events)
    with suppress(StoreError):  # of a long history whose store is gone: the outline takes them in with the next ones
        outline.catch_up()
