"""Executions in memory, for tests and for runs that nobody needs to look at later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.core.reduce import initial_state
from engine.model.events import ExecutionEvent
from engine.model.ids import validate_execution_id
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.model.state import ENDED
from engine.model.times import format_time
from engine.store import ConflictError, OwnedError, StoreError, UnknownExecutionError
from stores.checks import check_batch, check_batches, check_runner, check_signal
from stores.codec import decode_line, decode_signal, encode_batch, encode_signal, seal, unseal
from stores.due import select_due
from stores.folding import Folded, fold_as_far_as_possible, select, summary_of


@dataclass(slots=True)
class _Execution:
    """Kept as JSON, so that it shares nothing with what callers hold."""

    folded: Folded
    """As far as somebody has asked; appends leave it behind."""
    lines: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    snapshot: bytes | None = None
    messages: list[bytes] = field(default_factory=list)
    ordinals: dict[str, int] = field(default_factory=dict)
    """By id of a message."""

    def fold(self) -> Folded:
        """The state that the whole history leads to."""
        if not self.folded.problem:
            known = self.folded.state.sequence
            self.folded = fold_as_far_as_possible(self.folded.state, _decode(self.lines[known:]))
        return self.folded


@dataclass(slots=True)
class _Shelf:
    """What all stores on the same data share."""

    executions: dict[str, _Execution] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    live_runners: set[str] = field(default_factory=set)
    watchers: list[_Watcher] = field(default_factory=list)

    def announce(self, execution_id: str) -> None:
        for watcher in self.watchers:
            watcher.changed.add(execution_id)
            watcher.wake.set()


@dataclass(slots=True, eq=False)
class _Watcher:
    changed: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryExecutionEventStore:
    """An `ExecutionEventStore` that is gone with its process."""

    def __init__(self) -> None:
        self._shelf = _Shelf()
        self._runners: set[str] = set()

    def open_again(self) -> MemoryExecutionEventStore:
        """Another store on the same data, as another process would have it: closing it ends the life of its runners."""
        store = MemoryExecutionEventStore()
        store._shelf = self._shelf
        return store

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        """See `ExecutionEventStore.append_events`."""
        if events:
            self._append(check_batch(events), events, encode_batch(events))

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """See `ExecutionEventStore.append_batches`."""
        given = [events for events in batches if events]
        encoded = zip(check_batches(given), given, [encode_batch(events) for events in given], strict=True)
        outcomes = iter([self._try_append(*batch) for batch in encoded])
        return [next(outcomes) if events else None for events in batches]

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_events`."""
        return self.read_events(execution_id, from_seq, limit)

    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `engine.store.DirectlyReadable.read_events`."""
        return _decode(self.read_lines(execution_id, from_seq, limit))

    def read_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """See `engine.store.DirectlyReadable.read_lines`."""
        execution = self._shelf.executions.get(validate_execution_id(execution_id))
        if limit is not None and limit < 0:
            raise ValueError("limit must be 0 or more")
        if execution is None:
            return []
        first = max(0, from_seq - 1)
        return execution.lines[first:] if limit is None else execution.lines[first : first + limit]

    async def get_event_history(self, execution_id: str) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_event_history`."""
        return await self.get_events(execution_id)

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """See `ExecutionEventStore.save_snapshot`."""
        execution = self._shelf.executions.get(validate_execution_id(snapshot.id))
        if execution is not None and 0 < snapshot.last_event_seq <= len(execution.lines):
            execution.snapshot = seal(snapshot.to_dict())

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """See `ExecutionEventStore.get_snapshot`."""
        execution = self._shelf.executions.get(validate_execution_id(execution_id))
        if execution is None or execution.snapshot is None:
            return None
        return ExecutionSnapshot.from_dict(unseal(execution.snapshot))

    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        """See `ExecutionEventStore.list_executions`."""
        return select((self._summary(*entry) for entry in self._shelf.executions.items()), where)

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        """See `ExecutionEventStore.get_summary`."""
        execution = self._shelf.executions.get(validate_execution_id(execution_id))
        return None if execution is None else self._summary(execution_id, execution)

    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        """See `ExecutionEventStore.due`."""
        executions = self._shelf.executions
        summaries = [self._summary(*entry) for entry in executions.items()]
        return select_due(summaries, now, limit, lambda execution_id: len(executions[execution_id].messages))

    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        """See `ExecutionEventStore.send_signal`."""
        execution = self._shelf.executions.get(validate_execution_id(execution_id))
        check_signal(signal)
        if execution is None:
            raise UnknownExecutionError(f"there is no execution {execution_id}")
        ordinal = execution.ordinals.get(signal.id)
        if ordinal is None:
            ordinal = len(execution.messages) + 1
            execution.messages.append(encode_signal(signal._replace(ordinal=ordinal)))
            execution.ordinals[signal.id] = ordinal
        self._shelf.announce(execution_id)
        return ordinal

    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        """See `ExecutionEventStore.get_signals`."""
        execution = self._shelf.executions.get(validate_execution_id(execution_id))
        messages = execution.messages[max(0, after) :] if execution is not None else []
        return [decode_signal(line[:-1]) for line in messages]

    async def delete_execution(self, execution_id: str) -> bool:
        """See `ExecutionEventStore.delete_execution`."""
        owner = self._shelf.owners.get(validate_execution_id(execution_id))
        if owner in self._shelf.live_runners:
            raise OwnedError(f"execution {execution_id} belongs to {owner}, which is alive")
        self._shelf.owners.pop(execution_id, None)
        existed = self._shelf.executions.pop(execution_id, None) is not None
        if existed:
            self._shelf.announce(execution_id)
        return existed

    async def cleanup_completed_executions(self, older_than: datetime) -> list[str]:
        """See `ExecutionEventStore.cleanup_completed_executions`."""
        moment = format_time(older_than)
        removed = []
        for summary in await self.list_executions():
            ended = summary.status in ENDED and summary.end_time is not None and summary.end_time < moment
            if ended and summary.owner not in self._shelf.live_runners and await self.delete_execution(summary.id):
                removed.append(summary.id)
        return sorted(removed)

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """See `ExecutionEventStore.watch`."""
        watcher = _Watcher()
        self._shelf.watchers.append(watcher)
        return self._follow(watcher)

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """See `ExecutionEventStore.acquire_owner`; there is one host only, so `take_over` changes nothing."""
        validate_execution_id(execution_id)
        check_runner(runner_id)
        self._runners.add(runner_id)
        self._shelf.live_runners.add(runner_id)
        owner = self._shelf.owners.get(execution_id)
        if owner == runner_id:
            return
        if owner in self._shelf.live_runners:
            raise OwnedError(f"execution {execution_id} belongs to {owner}")
        self._shelf.owners[execution_id] = runner_id
        self._shelf.announce(execution_id)

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        """See `ExecutionEventStore.release_owner`."""
        if self._shelf.owners.get(validate_execution_id(execution_id)) == runner_id:
            del self._shelf.owners[execution_id]
            self._shelf.announce(execution_id)

    async def close(self) -> None:
        """See `ExecutionEventStore.close`."""
        self._shelf.live_runners -= self._runners
        self._runners.clear()

    def _try_append(
        self, execution_id: str, events: Sequence[ExecutionEvent], lines: Sequence[bytes]
    ) -> ConflictError | None:
        try:
            self._append(execution_id, events, lines)
        except ConflictError as error:
            return error
        return None

    def _append(self, execution_id: str, events: Sequence[ExecutionEvent], lines: Sequence[bytes]) -> None:
        execution = self._shelf.executions.get(execution_id) or _Execution(Folded(initial_state(execution_id)))
        ids = [event.id for event in events]
        known = len(execution.lines)
        if events[0].sequence != known + 1:
            if events[-1].sequence == known and execution.ids[-len(ids) :] == ids:
                return
            raise ConflictError(
                f"event {events[0].sequence} cannot be appended to {execution_id}, which has {known} events"
            )
        execution.lines.extend(lines)
        execution.ids.extend(ids)
        self._shelf.executions[execution_id] = execution
        self._shelf.announce(execution_id)

    def _summary(self, execution_id: str, execution: _Execution) -> ExecutionSummary:
        folded = execution.fold()
        summary = summary_of(folded, folded.state.timestamp)
        owner = self._shelf.owners.get(execution_id)
        live = None if folded.state.ended else owner in self._shelf.live_runners
        return replace(summary, owner=owner, live=live)

    async def _follow(self, watcher: _Watcher) -> AsyncIterator[frozenset[str]]:
        try:
            while True:
                await watcher.wake.wait()
                watcher.wake.clear()
                changed = frozenset(watcher.changed)
                watcher.changed.clear()
                yield changed
        finally:
            self._shelf.watchers.remove(watcher)


def _decode(lines: Sequence[bytes]) -> list[ExecutionEvent]:
    return [decode_line(line[:-1])[0] for line in lines]
