"""The list of executions, read once and then kept up with the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from dive_tui.feeds.messages import ExecutionsChanged, ExecutionsListed, FeedFailed, FeedRecovered
from dive_tui.feeds.pace import RETRY, Changes
from engine.model.snapshot import ExecutionSummary
from engine.store import ExecutionEventStore, StoreError


class ExecutionsFeed:
    """Posts `ExecutionsListed` once and `ExecutionsChanged` as the store moves; runs until cancelled."""

    def __init__(self, store: ExecutionEventStore, post: Callable[[Message], object]) -> None:
        self._store = store
        self._post = post
        self._known: dict[str, ExecutionSummary] = {}

    async def run(self) -> None:
        """List, then follow; on a store error say so and try again until it can be read."""
        failed = False
        while True:
            try:
                await self._follow(recovering=failed)
            except StoreError as error:
                if not failed:
                    self._post(FeedFailed(str(error)))
                failed = True
                await asyncio.sleep(RETRY)

    async def _follow(self, recovering: bool) -> None:
        changes = Changes(self._store).batches()
        try:
            await self._list()
            if recovering:
                self._post(FeedRecovered())
            async for ids in changes:
                if ids is None:
                    await self._list()
                else:
                    await self._look_at(ids or self._running())
        finally:
            await changes.aclose()

    def _running(self) -> frozenset[str]:
        return frozenset(summary.id for summary in self._known.values() if summary.live)

    async def _list(self) -> None:
        summaries = await self._store.list_executions()
        self._known = {summary.id: summary for summary in summaries}
        self._post(ExecutionsListed(tuple(summaries)))

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
