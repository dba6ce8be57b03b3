"""A store that notes what is asked of it, and fails or waits where a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSnapshot
from engine.store import StoreError
from stores.memory import MemoryExecutionEventStore

Hook = Callable[[Sequence[ExecutionEvent]], Awaitable[None] | None]


class WatchedStore(MemoryExecutionEventStore):
    """`before` and `after` are called around each append with its batch; what `before` raises is the append's error."""

    def __init__(self, before: Hook | None = None, after: Hook | None = None) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        """Per append the events as `path:step type`, without what is empty."""
        self.calls: list[str] = []
        self.snapshots: list[ExecutionSnapshot] = []
        self._before = before
        self._after = after

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        await _call(self._before, events)
        # A real store takes time; whatever could happen meanwhile may.
        await asyncio.sleep(0)
        await super().append_events(events)
        self.batches.append([told(event) for event in events])
        self.calls.append("append")
        await _call(self._after, events)

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """Through `append_events`, so that the hooks see each batch."""
        results: list[StoreError | None] = []
        for batch in batches:
            try:
                await self.append_events(batch)
            except StoreError as error:
                results.append(error)
            else:
                results.append(None)
        return results

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        self.snapshots.append(snapshot)
        await super().save_snapshot(snapshot)

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        self.calls.append("acquire")
        await super().acquire_owner(execution_id, runner_id, take_over=take_over)

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        self.calls.append("release")
        await super().release_owner(execution_id, runner_id)

    @property
    def owners(self) -> dict[str, str]:
        return self._shelf.owners


async def _call(hook: Hook | None, events: Sequence[ExecutionEvent]) -> None:
    result = hook(events) if hook is not None else None
    if result is not None:
        await result


def told(event: ExecutionEvent) -> str:
    """`main:Fetch step_started`, `main:Fetch[2] step_completed`, `main path_completed`, `execution_failed`."""
    data: Any = event.data
    item = f"[{data['iteration']['index']}]" if "iteration" in data else ""
    unit = f"{event.path_id}:{event.step_name}{item}" if event.step_name else event.path_id
    return f"{unit} {event.event_type}".strip()
