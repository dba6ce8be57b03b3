"""Executions in one SQLite database, for any number of processes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

import apsw

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.model.times import format_time
from engine.store import ForeignStoreError, OwnedError, StoreError, StoreNotFoundError
from stores.changes import follow
from stores.checks import check_batches
from stores.files import FILE_MODE, is_empty, make_store_folder
from stores.maintenance import Finding, Mended, Progress
from stores.offloading import Offloader
from stores.salvaging import Entries
from stores.sqlite.connection import explained
from stores.sqlite.core import Batch, SQLiteCore
from stores.sqlite.plain import first_bytes

MAGIC = b"SQLite format 3\0"
"""What the file of every database begins with."""


class SQLiteExecutionEventStore:
    """An `ExecutionEventStore` in one database file, for any number of processes and executions.

    The database is in WAL mode; beside it stand `{file}-wal` and `{file}-shm` while it is open, a folder
    `{file}-owners` with the locks of runners and `{file}-changes`, which watchers follow. What several executions
    append in one turn is one transaction. That a runner died makes no noise: who shows `live` asks again about once
    a second.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        create: bool = False,
        offload: bool = True,
        durability: Literal["full", "normal"] = "full",
    ) -> None:
        """Open the store in a file.

        Args:
            path: the database.
            create: make it when nothing is there yet.
            offload: work on the database in threads, so that the caller's loop never waits for a disk. A process that
                does nothing but run workflows is faster without.
            durability: what an acknowledged event survives: `full` a loss of power, `normal` the death of the process.

        Raises:
            StoreNotFoundError: nothing is there and `create` is false.
            ForeignStoreError: something else is there.
            StoreError: it cannot be read or made, or a newer version wrote it.
            ValueError: there is no such durability.
        """
        if durability not in ("full", "normal"):
            raise ValueError(f"durability is 'full' or 'normal', not {durability!r}")
        try:
            given = Path(path)
            file = given.parent.resolve() / given.name
            _see_to_file(file, create=create)
        except (OSError, ValueError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise StoreError(f"cannot open a store at {path}: {reason or error}") from error
        self._core = SQLiteCore(file, durable=durability == "full")
        try:
            self._core.prepare()
        except (apsw.Error, UnicodeDecodeError) as error:
            # Of a damaged one every use will say so; but it can be examined, and mended.
            if create or not isinstance(error, apsw.CorruptError | apsw.NotADBError | UnicodeDecodeError):
                self._core.close()
                raise explained(error, file) from error
        except StoreError:
            self._core.close()
            raise
        self._work = Offloader(self._core.explained, offload=offload)

    @property
    def path(self) -> Path:
        """The database file."""
        return self._core.path

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        """See `ExecutionEventStore.append_events`."""
        if events:
            await self._work.write(self._core.append, events)

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """See `ExecutionEventStore.append_batches`. All of them are one transaction and one sync."""
        given = [events for events in batches if events]
        turn = [Batch(execution_id, events) for execution_id, events in zip(check_batches(given), given, strict=True)]
        try:
            results = await self._work.write(self._core.append_turn, turn)
        except StoreError as error:
            results = [error for _ in given]
        outcomes = iter(results)
        return [next(outcomes) if events else None for events in batches]

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_events`."""
        return await self._work.read(self._core.events, execution_id, from_seq, limit)

    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `engine.store.DirectlyReadable.read_events`."""
        return self._work.explaining(self._core.events, execution_id, from_seq, limit)

    def read_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """See `engine.store.DirectlyReadable.read_lines`."""
        return self._work.explaining(self._core.raw_lines, execution_id, from_seq, limit)

    async def get_event_history(self, execution_id: str) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_event_history`."""
        return await self._work.read(self._core.events, execution_id, 1, None)

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """See `ExecutionEventStore.save_snapshot`."""
        await self._work.write(self._core.save_snapshot, snapshot)

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """See `ExecutionEventStore.get_snapshot`."""
        return await self._work.read(self._core.snapshot, execution_id)

    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        """See `ExecutionEventStore.list_executions`. A page costs what it shows, however many there are."""
        return await self._work.read(self._core.list_all, where)

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        """See `ExecutionEventStore.get_summary`."""
        return await self._work.read(self._core.summary, execution_id)

    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        """See `ExecutionEventStore.due`."""
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
        moment = format_time(older_than)
        removed = []
        for execution_id in await self._work.read(self._core.ended, moment):
            with suppress(OwnedError):
                if await self._work.write(self._core.delete, execution_id, moment):
                    removed.append(execution_id)
        return removed

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
        return await self._work.read(self._core.runners.live)

    async def salvage(self, execution_id: str) -> Entries:
        """See `stores.salvaging.Salvageable.salvage`."""
        return await self._work.read(self._core.salvage, execution_id)

    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """See `stores.maintenance.Bulk.get_lines`."""
        return await self._work.read(self._core.lines, execution_id, from_seq, limit)

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        """See `stores.maintenance.Bulk.append_lines`."""
        await self._work.write(self._core.append_lines, execution_id, lines, snapshot)

    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        """See `stores.maintenance.Maintainable.examine`."""
        return await self._work.read(self._core.maintenance.examine, execution_id, progress)

    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        """See `stores.maintenance.Maintainable.repair`.

        A database whose own structure is damaged is written anew with all that can be read of it, and the damaged
        files are kept; that needs that no runner lives and no other process has it open.
        """
        return await self._work.write(self._core.maintenance.repair, execution_id, progress)

    async def close(self) -> None:
        """See `ExecutionEventStore.close`."""
        await self._work.close(self._core.close)


def is_database(path: Path) -> bool:
    """Whether a file begins as every database does. May raise `OSError`."""
    if not path.is_file():
        return False
    return first_bytes(path, len(MAGIC)) == MAGIC


def _see_to_file(path: Path, *, create: bool) -> None:
    """See to it that there is a file that may be a database, private to the user when we make it."""
    if path.is_symlink():
        raise ForeignStoreError(f"{path} is a symbolic link, which a store is not opened through")
    if path.is_dir():
        raise ForeignStoreError(f"{path} is a folder, not a database")
    if path.exists() and (create or path.stat().st_size):
        # What has a store's files beside it is one, however damaged it is.
        if path.stat().st_size and not is_database(path) and not Path(f"{path}-changes").is_file():
            raise ForeignStoreError(f"{path} is a file, not a store of executions")
        return
    if not create:
        raise StoreNotFoundError(f"there is no store at {path}: make one with `dive-tui run`, or name one with --store")
    if not path.parent.exists() or is_empty(path.parent):
        make_store_folder(path.parent)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE))
