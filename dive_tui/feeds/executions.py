"""The list of executions, read once and then kept up with the store."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from dive_tui.feeds.messages import ExecutionsChanged, ExecutionsListed
from dive_tui.feeds.pace import Feed
from engine.model.snapshot import ExecutionFilter, ExecutionSummary
from engine.store import ExecutionEventStore

_FIRST = 200
"""Executions that fill every screen."""


class ExecutionsFeed(Feed):
    """Posts `ExecutionsListed` once and `ExecutionsChanged` as the store moves; runs until cancelled."""

    def __init__(self, store: ExecutionEventStore, post: Callable[[Message], object]) -> None:
        super().__init__(store, post)
        self._known: dict[str, ExecutionSummary] = {}

    async def read(self) -> None:
        """List all executions; of many, the newest are there before the others have been read."""
        if not self._known:
            newest = await self._store.list_executions(ExecutionFilter(limit=_FIRST))
            if len(newest) == _FIRST:
                self._post(ExecutionsListed(tuple(newest)))
        summaries = await self._store.list_executions()
        self._known = {summary.id: summary for summary in summaries}
        self._post(ExecutionsListed(tuple(summaries)))

    async def changed(self, ids: frozenset[str] | None) -> None:
        """Look at what changed; as time passes, at those whose runner may have died."""
        if ids is None:
            await self.read()
        else:
            await self._look_at(ids or self._running())

    def _running(self) -> frozenset[str]:
        return frozenset(summary.id for summary in self._known.values() if summary.live)

    async def _look_at(self, ids: frozenset[str]) -> None:
        changed: dict[str, ExecutionSummary | None] = {}
        for execution_id in ids:
            summary = await self._store.get_summary(execution_id)
            if summary == self._known.get(execution_id):
                continue
            changed[execution_id] = summary
            if summary is None:
                del self._known[execution_id]
            else:
                self._known[execution_id] = summary
        if changed:
            self._post(ExecutionsChanged(changed))
