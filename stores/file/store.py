"""Executions in a folder: a line of JSON per event, readable with any text tool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.store import StoreError
from stores.changes import follow
from stores.file.core import FileCore, HistoryReport
from stores.file.layout import folder_name, prepare
from stores.file.maintenance import left_alone
from stores.file.turn import Turn
from stores.files import BusyError
from stores.maintenance import Finding, Mended, Progress
from stores.offloading import Offloader
from stores.salvaging import Entries


class FileExecutionEventStore:
    """An `ExecutionEventStore` in a folder, for any number of processes and up to some thousand executions.

    An execution's history is one file, which one process at a time appends to. That a runner died makes no noise:
    who shows `live` asks again about once a second, by `list_executions` or the cheaper `live_runners`.
    """

    def __init__(
        self,
        base: str | Path,
        *,
        create: bool = False,
        offload: bool = True,
        durability: Literal["full", "normal"] = "full",
    ) -> None:
        """Open the store at `base`.

        Args:
            base: its folder.
            create: make it when nothing is there yet.
            offload: do all file access in threads, so that the caller's loop never waits for a disk. A process that
                does nothing but run workflows is faster without.
            durability: what an acknowledged event survives: `full` a loss of power, `normal` the death of the process.

        Raises:
            StoreNotFoundError: nothing is there and `create` is false.
            ForeignStoreError: something else is there.
            StoreError: it cannot be read or made.
            ValueError: there is no such durability.
        """
        if durability not in ("full", "normal"):
            raise ValueError(f"durability is 'full' or 'normal', not {durability!r}")
        try:
            folder = Path(base).resolve()
            prepare(folder, create=create)
        except (OSError, ValueError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise StoreError(f"cannot open a store at {base}: {reason or error}") from error
        self._core = FileCore(folder, durable=durability == "full")
        self._work = Offloader(self._explained, offload=offload)

    @property
    def base(self) -> Path:
        """The store's folder."""
        return self._core.base

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        """See `ExecutionEventStore.append_events`. Readers may see a batch just before it is acknowledged."""
        if events:
            await self._work.write(self._core.append, events)

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """See `ExecutionEventStore.append_batches`. Each execution's file is written and synced on its own."""
        turn = Turn(batches)
        with suppress(BusyError):  # which the results tell by then
            await self._work.write(self._core.append_turn, turn)
        return turn.results

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_events`."""
        return await self._work.read(self._core.events, execution_id, from_seq, limit)

    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `engine.store.DirectlyReadable.read_events`."""
        return self._work.explaining(self._core.events, execution_id, from_seq, limit)

    def read_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """See `engine.store.DirectlyReadable.read_lines`."""
        return self._work.explaining(self._core.lines, execution_id, from_seq, limit)

    async def get_event_history(self, execution_id: str) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_event_history`."""
        return await self._work.read(self._core.events, execution_id, 1, None)

    async def salvage(self, execution_id: str) -> Entries:
        """See `stores.salvaging.Salvageable.salvage`."""
        return await self._work.read(self._core.salvage, execution_id)

    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """See `Bulk.get_lines`. A history written by hand, without checksums, has none: it is told as damaged."""
        return await self._work.read(self._core.lines, execution_id, from_seq, limit)

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        """See `Bulk.append_lines`. A range is read in time that grows with the batches it is in, so some thousand
        lines at a time are best."""
        await self._work.write(self._core.append_lines, execution_id, lines, snapshot)

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """See `ExecutionEventStore.save_snapshot`."""
        await self._work.write(self._core.save_snapshot, snapshot)

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """See `ExecutionEventStore.get_snapshot`."""
        return await self._work.read(self._core.snapshot, execution_id)

    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        """See `ExecutionEventStore.list_executions`. A damaged execution is listed with an error that says where."""
        return await self._work.read(self._core.list_all, where)

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        """See `ExecutionEventStore.get_summary`."""
        return await self._work.read(self._core.summary, execution_id)

    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        """See `ExecutionEventStore.due`. Looks at every execution, so the cost grows with their number."""
        return await self._work.read(self._core.due, now, limit)

    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        """See `ExecutionEventStore.send_signal`."""
        return await self._work.write(self._core.send_signal, execution_id, signal)

    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        """See `ExecutionEventStore.get_signals`."""
        return await self._work.read(self._core.signals, execution_id, after)

    async def delete_execution(self, execution_id: str) -> bool:
        """See `ExecutionEventStore.delete_execution`."""
        return await self._work.write(self._core.delete, execution_id)

    async def cleanup_completed_executions(self, older_than: datetime) -> list[str]:
        """See `ExecutionEventStore.cleanup_completed_executions`."""
        return await self._work.write(self._core.cleanup, older_than)

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """See `ExecutionEventStore.watch`.

        Raises:
            StoreNotFoundError: the store's folder is gone.
        """
        return follow(self._work.explaining(self._core.changes))

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """See `ExecutionEventStore.acquire_owner`."""
        await self._work.write(self._core.acquire, execution_id, runner_id, take_over=take_over)

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        """See `ExecutionEventStore.release_owner`."""
        await self._work.write(self._core.release, execution_id, runner_id)

    async def live_runners(self) -> frozenset[str]:
        """Ids of this host's runners that live: when it changes, summaries may have."""
        return await self._work.read(self._core.live_runners)

    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        """See `Maintainable.examine`. First what is wrong with the store as a whole, then execution by execution."""
        kept = self._core.maintenance
        found = [] if execution_id is not None else await self._work.read(kept.examine_store)
        async for name in self._one_by_one(execution_id, progress):
            found += await self._work.read(kept.examine, name)
        return found

    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        """See `Maintainable.repair`. What another process is writing to all the time is left alone, too."""
        mended = [] if execution_id is not None else await self._work.write(self._core.maintenance.repair_store)
        async for name in self._one_by_one(execution_id, progress):
            try:
                mended += await self._work.write(self._core.repair, name)
            except BusyError as error:
                mended += left_alone(await self._work.read(self._core.maintenance.examine, name), error)
        return mended

    async def history_report(self, execution_id: str) -> HistoryReport | None:
        """Whether a history is whole, torn or damaged, and where; None when there is none."""
        return await self._work.read(self._core.report, execution_id)

    async def close(self) -> None:
        """See `ExecutionEventStore.close`."""
        await self._work.close(self._core.close)

    async def _one_by_one(self, execution_id: str | None, progress: Progress | None) -> AsyncIterator[str]:
        wanted = None if execution_id is None else folder_name(execution_id)
        names = await self._work.read(self._core.maintenance.execution_ids)
        if wanted is not None:
            names = [name for name in names if name == wanted]
        for done, name in enumerate(names):
            if progress is not None:
                progress(done, len(names), name)
            yield name
        if progress is not None:
            progress(len(names), len(names), "")

    def _explained(self, error: Exception) -> StoreError | None:
        return self._core.explained(error) if isinstance(error, OSError) else None
