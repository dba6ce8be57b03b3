"""Stores that stand in front of another store; tests override what they want to see or to go wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.store import ExecutionEventStore, StoreError


class StoreInFront:
    """Hands everything on to the `behind` store. All appends go through `append_batches`."""

    def __init__(self, behind: ExecutionEventStore) -> None:
        self._behind = behind

    @property
    def behind(self) -> ExecutionEventStore:
        """The store everything is handed to; whatever this raises, every method but `release_owner` raises."""
        return self._behind

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        """See `ExecutionEventStore`."""
        if events:
            (problem,) = await self.append_batches([events])
            if problem is not None:
                raise problem

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """See `ExecutionEventStore`."""
        return await self.behind.append_batches(batches)

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `ExecutionEventStore`."""
        return await self.behind.get_events(execution_id, from_seq, limit)

    async def get_event_history(self, execution_id: str) -> list[ExecutionEvent]:
        """See `ExecutionEventStore`."""
        return await self.behind.get_event_history(execution_id)

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """See `ExecutionEventStore`."""
        await self.behind.save_snapshot(snapshot)

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """See `ExecutionEventStore`."""
        return await self.behind.get_snapshot(execution_id)

    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        """See `ExecutionEventStore`."""
        return await self.behind.list_executions(where)

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        """See `ExecutionEventStore`."""
        return await self.behind.get_summary(execution_id)

    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        """See `ExecutionEventStore`."""
        return await self.behind.due(now, limit)

    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        """See `ExecutionEventStore`."""
        return await self.behind.send_signal(execution_id, signal)

    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        """See `ExecutionEventStore`."""
        return await self.behind.get_signals(execution_id, after)

    async def delete_execution(self, execution_id: str) -> bool:
        """See `ExecutionEventStore`."""
        return await self.behind.delete_execution(execution_id)

    async def cleanup_completed_executions(self, older_than: datetime) -> list[str]:
        """See `ExecutionEventStore`."""
        return await self.behind.cleanup_completed_executions(older_than)

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """See `ExecutionEventStore`."""
        return self.behind.watch()

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """See `ExecutionEventStore`."""
        await self.behind.acquire_owner(execution_id, runner_id, take_over=take_over)

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        """See `ExecutionEventStore`."""
        await self._behind.release_owner(execution_id, runner_id)

    async def close(self) -> None:
        """Leaves the other store open: it outlives the process."""
