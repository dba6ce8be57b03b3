"""A store in memory that can do all that a store may do, and such that get it wrong, with the check that finds each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import orjson

from engine.model.events import ExecutionEvent
from engine.model.ids import validate_execution_id
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionSnapshot, ExecutionSummary
from engine.store import ConflictError, ReadOnlyError, StoreError
from engine.testing.conformance_events import HistoryMaker
from stores.codec import LineError, decode_line, encode_batch, seal
from stores.maintenance import Finding, Mended, Progress
from stores.memory import MemoryExecutionEventStore

Memory = MemoryExecutionEventStore


class CapableMemory(Memory):
    """All capabilities."""

    def open_again(self) -> CapableMemory:
        store = type(self)()
        store._shelf = self._shelf
        return store

    async def live_runners(self) -> frozenset[str]:
        return frozenset(self._shelf.live_runners)

    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        events = await self.get_events(execution_id, from_seq, limit)
        return [seal(event.to_dict()) + b"\n" for event in events]

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        validate_execution_id(execution_id)
        events = []
        for line in lines:
            event, k = decode_line(line.removesuffix(b"\n"))
            if k is None or not line.endswith(b"\n"):
                raise LineError("it carries no checksum")
            events.append(event)
        if any(event.execution_id != execution_id for event in events):
            raise ValueError(f"these lines are not of {execution_id}")
        await self.append_events(events)
        if snapshot is not None:
            await self.save_snapshot(snapshot)

    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        if execution_id is not None:
            validate_execution_id(execution_id)
        ids = sorted(self._shelf.executions) if execution_id is None else [execution_id]
        for done, name in enumerate(ids):
            await self.get_events(name)
            if progress is not None:
                progress(done + 1, len(ids), name)
        return []

    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        await self.examine(execution_id, progress)
        return []


class NumbersLinesFromZero(CapableMemory):
    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        return await super().get_lines(execution_id, from_seq + (from_seq > 1), limit)


class GivesLinesWithoutTheirEnds(CapableMemory):
    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        return [line[:-1] for line in await super().get_lines(execution_id, from_seq, limit)]


class GivesLinesWithoutChecksums(CapableMemory):
    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        return [orjson.dumps(event.to_dict()) + b"\n" for event in await self.get_events(execution_id, from_seq, limit)]


class KeepsTheLinesInThePiecesTheyWere(CapableMemory):
    """Only whole batches can be moved."""

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        if lines and orjson.loads(lines[0])["sequence"] % 2 == 0:
            raise StoreError("a batch was split")
        await super().append_lines(execution_id, lines, snapshot)


class ListsWhatLinesSayLater(CapableMemory):
    """The line of the list that was there before stays."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, ExecutionSummary | None] = {}

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        self.kept[execution_id] = await super().get_summary(execution_id)
        await super().append_lines(execution_id, lines, snapshot)

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        return self.kept.get(execution_id) or await super().get_summary(execution_id)


class KeepsASnapshotThatIsAhead(CapableMemory):
    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        await super().append_lines(execution_id, lines[: -1 if snapshot and len(lines) > 1 else None], snapshot)


class SealsAllLinesAsOneBatch(CapableMemory):
    def __init__(self) -> None:
        super().__init__()
        self.moved: set[str] = set()

    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        if execution_id not in self.moved:
            return await super().get_lines(execution_id, from_seq, limit)
        return encode_batch(await self.get_events(execution_id, from_seq, limit))

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        self.moved.add(execution_id)
        await super().append_lines(execution_id, lines, snapshot)


class OverwritesWithLines(CapableMemory):
    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        if lines and orjson.loads(lines[0])["sequence"] == 1:
            self._shelf.executions.pop(execution_id, None)
        await super().append_lines(execution_id, lines, snapshot)


class RefusesLinesAgain(CapableMemory):
    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        if lines and await self.get_lines(execution_id, orjson.loads(lines[-1])["sequence"]):
            raise ConflictError("again")
        await super().append_lines(execution_id, lines, snapshot)


class TakesLinesUnseen(CapableMemory):
    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        if not lines:
            return
        await self.append_events([ExecutionEvent.from_dict(orjson.loads(line)) for line in lines])


class KeepsTheGoodLinesOfABadBatch(CapableMemory):
    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        try:
            await super().append_lines(execution_id, lines, snapshot)
        except ValueError:
            await super().append_lines(execution_id, lines[:1], snapshot)
            raise


class AppendsLinesInSilence(CapableMemory):
    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        watchers, self._shelf.watchers = self._shelf.watchers, []
        await super().append_lines(execution_id, lines, snapshot)
        self._shelf.watchers = watchers


class TellsOwnersForRunners(CapableMemory):
    async def live_runners(self) -> frozenset[str]:
        return frozenset(self._shelf.owners.values())


class TellsItsOwnRunnersOnly(CapableMemory):
    async def live_runners(self) -> frozenset[str]:
        return frozenset(self._runners)


class FindsSomethingInAnyInbox(CapableMemory):
    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        await super().examine(execution_id, progress)
        full = [name for name, known in sorted(self._shelf.executions.items()) if known.messages]
        return [Finding("foreign", name, "inbox", "there are messages") for name in full]


class ForgetsSnapshotsWhenExamined(CapableMemory):
    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        for known in self._shelf.executions.values():
            known.snapshot = None
        return await super().examine(execution_id, progress)


class RepairsWhatIsWhole(CapableMemory):
    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        for known in self._shelf.executions.values():
            del known.lines[4:], known.ids[4:]
        return await super().repair(execution_id, progress)


class JudgesHistories(CapableMemory):
    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        await super().examine(execution_id, progress)
        bad = [line for line in await self.list_executions() if line.error.startswith("damaged")]
        return [Finding("damaged", line.id, "", line.error) for line in bad]


class TellsNoProgress(CapableMemory):
    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        return await super().examine(execution_id)


class GoesBackInItsProgress(CapableMemory):
    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        await super().examine(execution_id, progress)
        return await super().repair(execution_id, progress)


class ReadsDirectlyWhatItReadBefore(CapableMemory):
    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        if not hasattr(self, "_read"):
            self._read = super().read_events(execution_id)
        return self._read[from_seq - 1 :][:limit]

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        return Memory.read_events(self, execution_id, from_seq, limit)


class ReadsDirectlyOneTooMany(CapableMemory):
    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        return super().read_events(execution_id, from_seq, None if limit is None else limit + 1)

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        return Memory.read_events(self, execution_id, from_seq, limit)


BROKEN_OPTIONS = [
    (ReadsDirectlyWhatItReadBefore, "events_can_be_read_directly"),
    (ReadsDirectlyOneTooMany, "events_can_be_read_directly"),
    (NumbersLinesFromZero, "lines_are_the_events"),
    (GivesLinesWithoutTheirEnds, "lines_are_the_events"),
    (GivesLinesWithoutChecksums, "lines_are_the_events"),
    (KeepsTheLinesInThePiecesTheyWere, "lines_can_be_moved"),
    (ListsWhatLinesSayLater, "lines_can_be_moved"),
    (KeepsASnapshotThatIsAhead, "lines_can_be_moved"),
    (SealsAllLinesAsOneBatch, "lines_keep_their_batches"),
    (OverwritesWithLines, "lines_must_continue"),
    (RefusesLinesAgain, "lines_must_continue"),
    (TakesLinesUnseen, "lines_are_checked_first"),
    (KeepsTheGoodLinesOfABadBatch, "lines_are_checked_first"),
    (AppendsLinesInSilence, "lines_are_told"),
    (TellsOwnersForRunners, "living_runners_are_told"),
    (FindsSomethingInAnyInbox, "healthy_stores_have_no_findings"),
    (ForgetsSnapshotsWhenExamined, "examining_changes_nothing"),
    (RepairsWhatIsWhole, "examining_changes_nothing"),
    (JudgesHistories, "histories_are_not_judged"),
    (TellsNoProgress, "examining_tells_how_far_it_is"),
    (GoesBackInItsProgress, "examining_tells_how_far_it_is"),
]


def _refused(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def refuse(self: object, *args: Any, **kwargs: Any) -> Any:
        raise ReadOnlyError(f"this store may only be looked at, so {name} is refused")

    return refuse


class ReadOnlyMemory(Memory):
    """A store with some executions that may only be looked at."""

    append_events = _refused("append_events")
    append_batches = _refused("append_batches")
    save_snapshot = _refused("save_snapshot")
    send_signal = _refused("send_signal")
    delete_execution = _refused("delete_execution")
    cleanup_completed_executions = _refused("cleanup_completed_executions")
    acquire_owner = _refused("acquire_owner")

    @classmethod
    async def filled(cls) -> ReadOnlyMemory:
        writable = Memory()
        for number, name in enumerate(("exec_one", "exec_two", "exec_three")):
            maker = HistoryMaker(name)
            await writable.append_events(maker.begin() + maker.work(number) + (maker.finish() if number else []))
        store = cls()
        store._shelf = writable._shelf
        return store


class KeepsSnapshots(ReadOnlyMemory):
    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:  # type: ignore[override]
        pass


class TakesMessages(ReadOnlyMemory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:  # type: ignore[override]
        return await Memory.send_signal(self, execution_id, signal)


class CleansUp(ReadOnlyMemory):
    async def cleanup_completed_executions(self, older_than: datetime) -> list[str]:  # type: ignore[override]
        return []


class RefusesToReleaseAnything(ReadOnlyMemory):
    release_owner = _refused("release_owner")


class ReadsAllButTheLast(ReadOnlyMemory):
    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        events = await super().get_events(execution_id, from_seq, limit)
        return events[:-1] if from_seq > 2 else events


class TakesAnyName(ReadOnlyMemory):
    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        return None if "/" in execution_id else await super().get_snapshot(execution_id)


BROKEN_READ_ONLY = [
    (KeepsSnapshots, "nothing_can_be_changed"),
    (TakesMessages, "nothing_can_be_changed"),
    (CleansUp, "nothing_can_be_changed"),
    (RefusesToReleaseAnything, "nothing_can_be_changed"),
    (ReadsAllButTheLast, "all_of_it_can_be_read"),
    (TakesAnyName, "questions_are_answered_as_always"),
]
