"""Migration: everything a store of the Go system holds, translated once and for all into a store of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

from engine.core.reduce import initial_state
from engine.model.snapshot import ExecutionSnapshot
from engine.store import DamagedHistoryError, ExecutionEventStore
from stores.copying import SUCCESSES, Copied, copy_executions
from stores.folding import fold_as_far_as_possible, is_damaged
from stores.go.detect import open_source
from stores.go.store import GoExecutionEventStore
from stores.maintenance import Progress


class Unmigrated(NamedTuple):
    """Something that is not in the target, or is there with a fault that it has in the original too."""

    execution_id: str
    """As it stands in the source; it need not be a valid id."""
    problem: str
    """A clause."""


class Migration:
    """One store of the Go system on its way into one of ours.

    What the target has already is compared and not written again, so a migration that was stopped is completed by
    another one. Every event that is written is read back and compared with its translation. The source is only read.
    """

    def __init__(self, place: Path) -> None:
        """
        Raises:
            StoreNotFoundError: nothing is at this place.
            ForeignStoreError: what is there is no store of the Go system.
            StoreError: it cannot be read.
        """
        self._source = _Translated(open_source(place), offload=False)
        self.problems: list[Unmigrated] = []
        """What was found so far; complete when `run` has ended."""

    async def run(self, target: ExecutionEventStore, progress: Progress | None = None) -> AsyncGenerator[Copied]:
        """Migrate all executions, oldest first, and tell of each. `progress` counts events.

        Raises:
            StoreError: one of the stores failed as a whole.
        """
        self.problems = [Unmigrated(name, problem) for name, problem in await self._source.oddities()]
        summaries = (await self._source.list_executions())[::-1]
        faults = {summary.id: summary.error for summary in summaries if is_damaged(summary)}
        async with aclosing(copy_executions(self._source, target, summaries, progress)) as copies:
            async for copied in copies:
                if copied.outcome not in SUCCESSES:
                    self.problems.append(Unmigrated(copied.execution_id, copied.problem))
                elif copied.execution_id in faults:
                    self.problems.append(Unmigrated(copied.execution_id, faults[copied.execution_id]))
                yield copied

    async def close(self) -> None:
        """Release the source."""
        await self._source.close()


class _Translated(GoExecutionEventStore):
    """Its snapshots are those that our engine would have made."""

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """That of the whole history; None when it cannot be read or makes no sense to its end."""
        try:
            events = await self.get_event_history(execution_id)
        except DamagedHistoryError:
            return None
        folded = fold_as_far_as_possible(initial_state(execution_id), events)
        return None if folded.problem or not events else ExecutionSnapshot.of(folded.state, {})
