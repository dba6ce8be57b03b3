"""The file store itself, without any asyncio: what it does to the files."""

from __future__ import annotations

import os
import resource
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.model.state import ENDED
from engine.model.times import format_time
from engine.store import ConflictError, OwnedError, ReadOnlyError, StoreError, StoreNotFoundError, UnknownExecutionError
from stores.changes import ChangesReader, ChangesWriter
from stores.checks import check_batch, check_signal
from stores.codec import encode_batch
from stores.due import select_due
from stores.file import index
from stores.file.inbox import Inboxes
from stores.file.layout import CHANGES, DELETED, EVENTS, OWNERS, folder_name
from stores.file.lines import START, Damage, Mark, between_appends, find_line, read_history, survey
from stores.file.maintenance import Maintenance
from stores.file.owners import Owners
from stores.file.ranges import Ranges
from stores.file.salvage import salvaged_history
from stores.file.snapshots import StoredSnapshot, load_snapshot, save_snapshot
from stores.file.summaries import Summaries
from stores.file.turn import Turn
from stores.file.writer import HistoryGoneError, HistoryWriter, Numbered
from stores.files import MISSING, BusyError, is_write_refused, locked, make_folder, open_inside, reading, sync_folder
from stores.folding import select
from stores.heads import checked_lines
from stores.maintenance import Mended
from stores.runners import Runners
from stores.salvaging import Entries

_FILES_ALLOWED, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
# Opening a history costs several times what an append does; but the rest of the process needs files, too.
_MAX_OPEN = 512 if _FILES_ALLOWED == resource.RLIM_INFINITY else max(1, min(512, _FILES_ALLOWED // 4))
_MAX_SYNCED = 100_000


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """What state the file of a history is in."""

    execution_id: str
    events: int
    """Readable ones, from the first on."""
    size: int
    """Of the file, in bytes."""
    checksums: bool
    torn_at: int | None
    """Byte where an append begins that was cut short and never acknowledged; it is not history."""
    damage: Damage | None


class FileCore:
    """Appends and the like must come from one thread at a time; reads may come from any."""

    def __init__(self, base: Path, *, durable: bool) -> None:
        self.base = base
        self._durable = durable
        self._runners = Runners(base / OWNERS)
        self._owners = Owners(base, self._runners)
        self._summaries = Summaries(base, self._owners)
        self.maintenance = Maintenance(base, self._owners, self._summaries.get)
        self._inboxes = Inboxes(base, durable=durable)
        self._changes = ChangesWriter(base / CHANGES)
        self._writers: OrderedDict[str, HistoryWriter] = OrderedDict()
        self._synced: set[str] = set()
        """Executions whose files' names are known to be on the disk."""
        self._ranges = Ranges(base)

    def append(self, events: Sequence[ExecutionEvent]) -> None:
        """Make a batch durable and tell watchers; `ExecutionEventStore.append_events` has the rules."""
        execution_id = folder_name(check_batch(events))
        self._append(execution_id, events, encode_batch(events))
        self._changes.announce(execution_id)

    def append_turn(self, turn: Turn) -> None:
        """Append the batches of a turn that are left, and note what became of each.

        Raises:
            BusyError: some are still left, because other processes hold their locks.
        """
        busy, appended = None, []
        for batch in tuple(turn.left):
            try:
                self._append(batch.execution_id, batch.events, batch.lines)
            except BusyError as error:
                busy = turn.results[batch.place] = error
                continue
            except (OSError, StoreError) as error:
                turn.settle(batch, self.explained(error))
            else:
                turn.settle(batch, None)
                appended.append(batch.execution_id)
        if appended:
            self._changes.announce(*appended)
        if busy is not None:
            raise busy

    def events(self, execution_id: str, from_seq: int, limit: int | None) -> list[ExecutionEvent]:
        """Events from a sequence on; what stands before them is not parsed."""
        try:
            return self._ranges.events(folder_name(execution_id), from_seq, limit)
        except MISSING:
            self._check_base()
            return []

    def salvage(self, execution_id: str) -> Entries:
        """All that can be read of a history, and what cannot in its place."""
        try:
            with reading(self.base / folder_name(execution_id), EVENTS) as fd, between_appends(fd):
                return salvaged_history(fd, execution_id)
        except MISSING:
            self._check_base()
            return []

    def lines(self, execution_id: str, from_seq: int, limit: int | None) -> list[bytes]:
        """Sealed lines from a sequence on."""
        try:
            return self._ranges.lines(folder_name(execution_id), from_seq, limit)
        except MISSING:
            self._check_base()
            return []

    def append_lines(self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None) -> None:
        """Make sealed lines durable in the batches they came in, and keep a snapshot taken at the last of them."""
        heads, sealed = checked_lines(lines)
        if heads and heads[0].execution_id != folder_name(execution_id):
            raise ValueError(f"lines of {heads[0].execution_id} cannot be appended to {execution_id}")
        last = heads[-1].sequence if heads else None
        if snapshot is not None and (snapshot.id, snapshot.last_event_seq) != (execution_id, last):
            raise ValueError(f"a snapshot of {snapshot.id} at event {snapshot.last_event_seq} does not fit these lines")
        if heads:
            self._append(execution_id, heads, sealed)
            self._changes.announce(execution_id)
        if snapshot is not None:
            self.save_snapshot(snapshot)

    def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """Keep a snapshot, unless it is ahead of the history."""
        folder = self.base / folder_name(snapshot.id)
        mark = self._mark_of(folder, snapshot.last_event_seq)
        if mark is not None:
            save_snapshot(folder, StoredSnapshot(snapshot, mark))

    def snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """The snapshot, when it can be used."""
        folder = self.base / folder_name(execution_id)
        stored = load_snapshot(folder)
        if stored is None:
            self._check_base()
            return None
        with suppress(*MISSING), reading(folder, EVENTS) as fd:
            if stored.fits(fd):
                return stored.snapshot
        return None

    def list_all(self, where: ExecutionFilter | None) -> list[ExecutionSummary]:
        """Summaries of the executions a filter accepts."""
        return select(self._summaries.all(), where)

    def summary(self, execution_id: str) -> ExecutionSummary | None:
        """One line of that list."""
        summary = self._summaries.get(folder_name(execution_id))
        if summary is None:
            self._check_base()
        return summary

    def due(self, now: datetime, limit: int) -> list[ExecutionSummary]:
        """Executions that somebody should drive."""
        return select_due(self._summaries.all(), now, limit, self._inboxes.last_ordinal)

    def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        """Make a message durable, tell watchers, and return its ordinal."""
        folder_name(execution_id)
        check_signal(signal)
        # Where messages were sent before, there is an execution; only for the first one its history must be looked at.
        for create in (False, True):
            with suppress(*MISSING):
                ordinal = self._inboxes.send(execution_id, signal, create=create)
                self._changes.announce(execution_id)
                return ordinal
            if self.summary(execution_id) is None:
                break
        raise UnknownExecutionError(f"there is no execution {execution_id} in {self.base}")

    def signals(self, execution_id: str, after: int) -> list[ExecutionSignal]:
        """The messages after an ordinal."""
        found = self._inboxes.messages(folder_name(execution_id), after)
        if not found:
            self._check_base()
        return found

    def report(self, execution_id: str) -> HistoryReport | None:
        """What state a history's file is in; None when there is none."""
        folder = self.base / folder_name(execution_id)
        try:
            with reading(folder, EVENTS) as fd:
                found = survey(fd, execution_id)
                size = os.fstat(fd).st_size
        except MISSING:
            self._check_base()
            return None
        return HistoryReport(
            execution_id=execution_id,
            events=found.end.sequence - 1,
            size=size,
            checksums=found.sealed is not False,
            torn_at=found.torn,
            damage=found.damage,
        )

    def delete(self, execution_id: str) -> bool:
        """Remove an execution that nobody owns."""
        folder_name(execution_id)
        self._remove_leftovers()
        return self._delete(execution_id)

    def cleanup(self, older_than: datetime) -> list[str]:
        """Remove what ended before a moment and belongs to nobody."""
        moment = format_time(older_than)
        self._remove_leftovers()
        removed = []
        for summary in self._summaries.all():
            if summary.status in ENDED and summary.end_time is not None and summary.end_time < moment:
                with suppress(OwnedError):
                    if self._delete(summary.id):
                        removed.append(summary.id)
        return sorted(removed)

    def repair(self, execution_id: str) -> list[Mended]:
        """Mend an execution, and tell watchers."""
        self._forget(folder_name(execution_id))
        mended = self.maintenance.repair(execution_id)
        if mended:
            self._changes.announce(execution_id)
        return mended

    def acquire(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """Make a runner the owner of an execution."""
        if self._owners.acquire(folder_name(execution_id), runner_id, take_over=take_over):
            self._changes.announce(execution_id)

    def release(self, execution_id: str, runner_id: str) -> None:
        """Take ownership from a runner."""
        if self._owners.release(folder_name(execution_id), runner_id):
            self._changes.announce(execution_id)

    def live_runners(self) -> frozenset[str]:
        """Ids of this host's living runners."""
        return self._runners.live()

    def changes(self) -> ChangesReader:
        """What changes from now on."""
        return ChangesReader(self.base / CHANGES)

    def explained(self, error: OSError | StoreError) -> StoreError:
        """What to tell a person when the system refused something; an error that tells it already stays as it is."""
        if isinstance(error, StoreError):
            return error
        explanation: StoreError
        if not self.base.is_dir():
            explanation = StoreNotFoundError(f"the store at {self.base} is gone")
        elif is_write_refused(error, self.base):
            explanation = ReadOnlyError(f"the store at {self.base} cannot be written: its file or folder is read-only")
        else:
            where = f" ({error.filename})" if error.filename else ""
            explanation = StoreError(f"the store at {self.base} failed: {error.strerror or error}{where}")
        explanation.__cause__ = error
        return explanation

    def close(self) -> None:
        """Close all files and end the life of this process's runners."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        self._inboxes.close()
        self._changes.close()
        self._runners.close()

    def _append(self, execution_id: str, events: Sequence[Numbered], lines: Sequence[bytes]) -> None:
        try:
            self._append_once(execution_id, events, lines)
        except HistoryGoneError:  # what we had open was deleted; perhaps there is another one now
            self._append_once(execution_id, events, lines)

    def _append_once(self, execution_id: str, events: Sequence[Numbered], lines: Sequence[bytes]) -> None:
        writer = self._writers.pop(execution_id, None) or self._open_writer(execution_id, events[0].sequence)
        try:
            writer.append(events, lines)
        except BaseException:
            writer.close()
            raise
        self._writers[execution_id] = writer
        if len(self._writers) > _MAX_OPEN:
            self._writers.popitem(last=False)[1].close()

    def _open_writer(self, execution_id: str, sequence: int) -> HistoryWriter:
        folder = self.base / execution_id
        if sequence == 1:
            make_folder(folder)
        try:
            writer = HistoryWriter(folder, create=sequence == 1, durable=self._durable)
        except FileNotFoundError:
            if sequence == 1 or not self.base.is_dir():
                raise
            raise ConflictError(f"event {sequence} cannot be the first one of {execution_id}") from None
        try:
            self._sync_names(execution_id, new=sequence == 1)
        except BaseException:
            writer.close()
            raise
        return writer

    def _sync_names(self, execution_id: str, *, new: bool) -> None:
        """Before any event, so that a failure here leaves nothing behind that could count as history."""
        if self._durable and (new or execution_id not in self._synced):
            sync_folder(self.base / execution_id)
            sync_folder(self.base)
            if len(self._synced) >= _MAX_SYNCED:
                self._synced.clear()
            self._synced.add(execution_id)

    def _mark_of(self, folder: Path, sequence: int) -> Mark | None:
        """Where an event lies; None when the history does not have it."""
        writer = self._writers.get(folder.name)
        last = writer.last if writer is not None else None
        if last is not None and last.place.sequence == sequence:
            return last
        try:
            with reading(folder, EVENTS) as fd:
                place = find_line(fd, sequence, index.nearest(fd, folder, sequence) or START)
                events = read_history(fd, folder.name, place, limit=1).events if place is not None else []
        except MISSING:
            self._check_base()
            return None
        return Mark(place, events[0].id) if place is not None and events else None

    def _delete(self, execution_id: str) -> bool:
        folder = self.base / execution_id
        if not folder.is_dir() or folder.is_symlink():
            self._check_base()
            return False
        with self._owners.unowned(execution_id):
            existed = self._summaries.get(execution_id) is not None
            self._forget(execution_id)
            self._remove(folder)
        self._changes.announce(execution_id)
        return existed

    def _forget(self, execution_id: str) -> None:
        """Close the files of an execution that is going to change otherwise."""
        writer = self._writers.pop(execution_id, None)
        if writer is not None:
            writer.close()
        self._inboxes.forget(execution_id)

    def _remove(self, folder: Path) -> None:
        grave = self.base / f"{DELETED}{folder.name}-{os.urandom(4).hex()}"
        try:
            fd = open_inside(folder, EVENTS, os.O_RDWR)
        except FileNotFoundError:
            folder.replace(grave)
        else:
            try:
                # An append that is under way ends first; one that waits for the lock finds the file gone.
                with locked(fd, f"the history of {folder.name}"):
                    folder.replace(grave)
            finally:
                os.close(fd)
        shutil.rmtree(grave, ignore_errors=True)  # what is left, the next removal takes

    def _remove_leftovers(self) -> None:
        """Finish removals that were cut short."""
        for grave in self.base.glob(f"{DELETED}*"):
            shutil.rmtree(grave, ignore_errors=True)

    def _check_base(self) -> None:
        if not self.base.is_dir():
            raise StoreNotFoundError(f"the store at {self.base} is gone")
