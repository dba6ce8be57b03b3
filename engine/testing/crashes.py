"""A store behind which the process dies at a chosen event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.model.events import ExecutionEvent
from engine.store import ExecutionEventStore, StoreError
from engine.testing.wrapping import StoreInFront


class Crash(NamedTuple):
    """When a process dies."""

    at: int
    """At the commit that holds the event with this sequence."""
    lost: bool = False
    """Whether it dies before that commit is durable, so that nothing of it is history; else right after."""
    execution_id: str | None = None
    """Of this execution; None: of the first one that gets so far."""


class CrashedError(Exception):
    """The process has died. Not a `StoreError`: nothing may catch it and go on."""


class CrashingStore(StoreInFront):
    """Hands everything on to another store until the crash; from then on everything fails with `CrashedError`.

    Drive an execution through it, expect `CrashedError`, and go on with a new engine on the store behind it.
    """

    def __init__(self, behind: ExecutionEventStore, crash: Crash) -> None:
        super().__init__(behind)
        self._crash = crash
        self.crashed = False

    @property
    def behind(self) -> ExecutionEventStore:
        """The other store.

        Raises:
            CrashedError: the process has died.
        """
        if self.crashed:
            raise CrashedError(f"the process died at event {self._crash.at}")
        return super().behind

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """See `ExecutionEventStore`. What is appended in one turn is stored, or lost, together."""
        dies = any(self._is_hit(event) for batch in batches for event in batch)
        if dies and self._crash.lost:
            self.crashed = True
        results = await self.behind.append_batches(batches)
        if dies:
            self.crashed = True
            raise CrashedError(f"the process died at event {self._crash.at}")
        return results

    def _is_hit(self, event: ExecutionEvent) -> bool:
        return event.sequence == self._crash.at and self._crash.execution_id in (None, event.execution_id)
