"""The port: what the engine asks of a store of events and snapshots, and the errors a store raises.

Every store behaves the same; `engine.testing.conformance` checks one against these sentences.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.model.state import ExecutionState


class FoldedBatch(tuple[ExecutionEvent, ...]):
    """A batch that was folded when it was recorded: a store that keeps what lists show need not do it again."""

    state: ExecutionState
    """Of the execution, after the last of these events."""

    @classmethod
    def of(cls, events: Sequence[ExecutionEvent], state: ExecutionState) -> FoldedBatch:
        """These events, and the state they lead to."""
        batch = cls(events)
        batch.state = state
        return batch


class StoreError(Exception):
    """A store could not do what was asked; the message is one sentence for a person."""


class StoreNotFoundError(StoreError):
    """There is no store at this place."""


class ForeignStoreError(StoreError):
    """What is at this place is not a store, or not of the asked kind."""


class ConflictError(StoreError):
    """The batch does not continue the history as it is stored: someone else has written, or still owns it."""


class DamagedHistoryError(StoreError):
    """A stored history cannot be read from some point on.

    `readable` holds every event before that point; `place` names file and offset (or row).
    """

    def __init__(self, message: str, *, place: str, readable: Sequence[ExecutionEvent] = ()) -> None:
        super().__init__(message)
        self.place = place
        self.readable = list(readable)


class DamagedStoreError(StoreError):
    """The files of a store are damaged so that nothing, or not all, of it can be read; the sentence names the file."""


class DamagedInboxError(StoreError):
    """The messages of an execution cannot be read from some point on, so none can be added either.

    `readable` holds the messages before that point that were asked for; `place` names file and offset (or row).
    """

    def __init__(self, message: str, *, place: str, readable: Sequence[ExecutionSignal] = ()) -> None:
        super().__init__(message)
        self.place = place
        self.readable = list(readable)


class ReadOnlyError(StoreError):
    """The store can be looked at, but nothing in it may be changed."""


class UnknownExecutionError(StoreError):
    """There is no execution of this id."""


class OwnedError(StoreError):
    """Another runner that lives, or whose life cannot be seen from here, owns the execution."""


@runtime_checkable
class ExecutionEventStore(Protocol):
    """Where events and snapshots live. All methods may raise `StoreError`; ids are validated (`InvalidIdError`)."""

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        """Make a batch of one execution durable, whole or not at all.

        Returning is the commit. The first event's sequence must be one more than the stored history's last (1 for a
        new execution) and the batch itself without gaps. A batch whose ids already are the history's last ones is a
        success and changes nothing, so an append of unknown outcome may be repeated. An empty batch does nothing.

        Raises:
            ConflictError: the batch does not continue the history.
            ValueError: the batch mixes executions or has gaps.
            StoreError: it could not be written, and nothing of it is part of the history; unless the disk failed to
                confirm it and then refused everything: then the batch may be there, whole. Repeating it tells.
        """
        ...

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """`append_events` for several executions at once, as one turn of a runner's loop has them.

        Each batch is whole or not at all, whatever becomes of the others. The result tells for each, in order, what
        `append_events` would have raised; None: it is durable.

        Raises:
            ValueError: a batch mixes executions or has gaps, or two are of the same execution; nothing was written.
        """
        ...

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """Events with sequence >= `from_seq` in order, at most `limit`; empty for an unknown execution.

        Raises:
            DamagedHistoryError: an event in that range cannot be read.
        """
        ...

    async def get_event_history(self, execution_id: str) -> list[ExecutionEvent]:
        """All events of an execution in order; empty for an unknown one."""
        ...

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """Keep this snapshot as the execution's only one. A cache: it need not survive a crash."""
        ...

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """The snapshot, or None when there is none, it is unreadable, or it is ahead of the history."""
        ...

    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        """Summaries, newest start first (then by id), never older than the history at the time of the call."""
        ...

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        """The one line of that list, or None for an unknown execution."""
        ...

    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        """Open executions that no living runner owns and that somebody should drive.

        That are those shown as interrupted, those with messages they have not received, those whose child has ended
        (a child that continued as new: the last of its chain) or was never made, and those waiting until a moment
        that has come. Longest overdue first, then those without such a moment, oldest first; at most `limit`. What
        cannot be read is not due.

        Raises:
            ValueError: `now` has no time zone, or `limit` is negative.
        """
        ...

    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        """Put a message into an execution's inbox and return its ordinal there: 1, 2, 3, … without gaps.

        Returning means it is durable. Any process may send at any time, also while a runner appends events. A signal
        whose id is there already is not sent again; its ordinal is returned. Whether the execution has ended is for
        the caller to judge.

        Raises:
            UnknownExecutionError: there is no such execution.
            InvalidSignalError: the message breaks the format, or its data is no JSON.
            DamagedInboxError: the messages before it cannot be read.
        """
        ...

    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        """The messages with an ordinal above `after`, in order; none for an unknown execution. Changes nothing.

        Raises:
            DamagedInboxError: a message in that range cannot be read, or where the range begins cannot be told.
        """
        ...

    async def delete_execution(self, execution_id: str) -> bool:
        """Remove an execution with all its data, undelivered messages included; False when it did not exist.

        Raises:
            OwnedError: a live runner owns it.
        """
        ...

    async def cleanup_completed_executions(self, older_than: datetime) -> list[str]:
        """Remove executions that ended before a moment; returns their ids. Open ones are never touched."""
        ...

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """Ids of executions that changed, in batches, by whatever process; an empty set means: look at all.

        Tells of what changes from the moment of the call on: who reads everything after it misses nothing.
        Ends when the iterator is closed. Raises `StoreError` when the store disappears.
        """
        ...

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """Make this runner the only one that may append; again by the same runner is a success.

        The first call of a runner takes an OS lock that ends with its process. A dead runner's executions can be
        taken over at once. Whether a runner of another host lives cannot be seen: its execution is handed out only
        when `take_over` says that somebody knows. A runner seen to live keeps what it has in any case.

        Raises:
            OwnedError: another runner that lives, or one of another host, owns it; the sentence names both.
        """
        ...

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        """Give ownership up; not being the owner is a success."""
        ...

    async def close(self) -> None:
        """Release files and locks. The store must not be used afterwards; closing twice is fine."""
        ...


@runtime_checkable
class DirectlyReadable(Protocol):
    """What a store may offer besides the port: reading without a loop, for who goes through histories in a thread."""

    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """As `ExecutionEventStore.get_events`, in the calling thread; any thread may call it at any time.

        Raises:
            DamagedHistoryError: one of them cannot be read.
            StoreError: the store failed, or is busy.
        """
        ...

    def read_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """The same events as they are stored, for who looks for something in most of them and needs few: a line of JSON
        each, with what the store adds to it. What was read before need not be checked again. Raises as `read_events`.
        """
        ...
