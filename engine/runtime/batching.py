"""Relaxed durability: events of all executions gather in memory and are stored together, a moment later."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

import orjson

from engine.model.events import ExecutionEvent
from engine.runtime.committing import is_stored, tell
from engine.runtime.config import PersistenceConfig
from engine.store import ConflictError, ExecutionEventStore, StoreError

LONGEST_PAUSE = 5.0
"""Seconds, at most, between two tries to write to a store that fails."""


class _Kept:
    """What is kept of one execution until it is durable."""

    def __init__(self) -> None:
        self.gathered: list[ExecutionEvent] = []
        self.size = 0
        """Bytes of what is gathered."""
        self.written: tuple[ExecutionEvent, ...] = ()
        """Handed to the store and not known to be durable. It is repeated as it is until that is known: only then can
        the store tell that it has it already."""
        self.in_doubt = False
        """Whether it may be durable all the same."""
        self.waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        """Who waits until events up to a sequence are durable."""
        self.problem: Exception | None = None
        """Why nothing more of it can be stored."""

    @property
    def last(self) -> int:
        """The sequence of the last event kept; 0 when there is none."""
        last = self.gathered[-1:] or self.written[-1:]
        return last[0].sequence if last else 0

    def next(self) -> tuple[ExecutionEvent, ...]:
        """What is to be written now."""
        if not self.written:
            self.written, self.gathered, self.size = tuple(self.gathered), [], 0
        return self.written

    def stored(self) -> None:
        """What was written is durable."""
        last, self.written, self.in_doubt = self.written[-1].sequence, (), False
        while self.waiting and self.waiting[0][0] <= last:
            tell(self.waiting.popleft()[1], None)

    def failed(self, problem: Exception) -> None:
        """What was written may be durable or not."""
        while self.waiting:
            tell(self.waiting.popleft()[1], problem)


class EventBatcher:
    """Takes batches of events and writes them with those of other executions, by one `append_batches`: when they are
    many enough or large enough, when the first has waited long enough, or when somebody must be sure of them.

    What it has taken is not durable before: a process that dies loses at most the events of the last `flush_interval`
    seconds, of each execution the last ones. What a failing store did not take is kept and tried again with growing
    pauses; until it works again every append waits for the store, and gets its error. An append that finds the buffer
    full waits too. Several appends of one execution at a time are not meant to be.
    """

    def __init__(self, store: ExecutionEventStore, config: PersistenceConfig | None = None) -> None:
        self._store = store
        self._config = config or PersistenceConfig(durability="relaxed")
        self._kept: dict[str, _Kept] = {}
        self._events = self._bytes = 0
        """Of what is gathered."""
        self._failures = 0
        """In a row, of the store as a whole."""
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.commits = 0
        """Batches taken so far."""
        self.writers = 0
        """Executions that may append."""

    async def append(self, batch: Sequence[ExecutionEvent], *, at_once: bool = False, size: int | None = None) -> None:
        """Take a batch of one execution: it will be stored whole or not at all, after those taken before.

        Args:
            batch: continues what was taken of this execution before. The very same batch again, after an error, is
                not taken twice.
            at_once: wait until it is durable.
            size: bytes of the events' data as JSON, if they are known.

        Raises:
            ConflictError: an earlier or this batch does not continue the history; nothing more of it is written.
            StoreError: the store fails; the batch is kept and tried again until it is forgotten.
        """
        if not batch:
            return
        self.commits += 1
        kept = self._kept.setdefault(batch[0].execution_id, _Kept())
        if kept.problem is not None:
            raise kept.problem
        waits = at_once or self._failures > 0 or self._is_full
        if batch[-1].sequence > kept.last:
            size = sum(len(orjson.dumps(event.data)) for event in batch) if size is None else size
            kept.gathered += batch
            kept.size += size
            self._events += len(batch)
            self._bytes += size
        else:
            waits = True
        if waits:
            await self._durable(kept, batch[-1].sequence)
        elif self._is_full:
            self._write_now()
        else:
            self._write_later()

    async def flush(self, execution_id: str | None = None) -> None:
        """Make durable what was taken, of one execution or of all.

        Raises:
            StoreError: it could not be written. Of all: why one of them could not.
        """
        names = list(self._kept) if execution_id is None else [execution_id]
        kept = [self._kept[name] for name in names if name in self._kept]
        for problem in [one.problem for one in kept if one.problem is not None]:
            raise problem
        waits = [self._durable(one, one.last) for one in kept if one.last]
        for outcome in await asyncio.gather(*waits, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def close(self) -> None:
        """Flush everything; afterwards nothing is tried any more.

        Raises:
            StoreError: it could not be written; it is given up.
        """
        try:
            await self.flush()
        finally:
            for execution_id in list(self._kept):
                self.forget(execution_id)

    def pending(self, execution_id: str) -> Sequence[ExecutionEvent]:
        """What was taken of an execution and is not known to be durable, in order."""
        kept = self._kept.get(execution_id)
        return [] if kept is None else [*kept.written, *kept.gathered]

    def forget(self, execution_id: str) -> None:
        """Write nothing more of an execution: this process does not own it any more."""
        kept = self._kept.pop(execution_id, None)
        if kept is not None:
            self._stop(kept, StoreError("it was given up"))
        if not self._kept and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _is_full(self) -> bool:
        return self._events >= self._config.batch_size or self._bytes >= self._config.max_batch_bytes

    async def _durable(self, kept: _Kept, sequence: int) -> None:
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        kept.waiting.append((sequence, durable))
        self._write_now()
        await durable

    # Writing

    def _write_later(self) -> None:
        if self._timer is None and self._task is None:
            pause = self._config.flush_interval * 2 ** min(self._failures, 16)
            pause = min(pause, max(LONGEST_PAUSE, self._config.flush_interval))
            self._timer = asyncio.get_running_loop().call_later(pause, self._write_now)

    def _write_now(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        # While one group is being written the next one gathers.
        try:
            while self._kept:
                await asyncio.sleep(0)
                group = {execution_id: kept for execution_id, kept in self._kept.items() if kept.next()}
                self._events = sum(len(kept.gathered) for kept in group.values())
                self._bytes = sum(kept.size for kept in group.values())
                if group:
                    await self._write_group(group)
                if not any(kept.waiting for kept in self._kept.values()) and (self._failures or not self._is_full):
                    break
        except BaseException:
            for kept in self._kept.values():
                self._stop(kept, RuntimeError("the commit was interrupted"))
            raise
        finally:
            self._task = None
            if any(kept.last for kept in self._kept.values()):
                self._write_later()

    async def _write_group(self, group: Mapping[str, _Kept]) -> None:
        results: Sequence[Exception | None]
        try:
            results = await self._store.append_batches([kept.written for kept in group.values()])
        except Exception as error:
            results = [error] * len(group)
        failing = False
        for (execution_id, kept), problem in zip(group.items(), results, strict=True):
            if isinstance(problem, ConflictError) and kept.in_doubt:
                problem = await self._second_thought(kept, problem)
            if not kept.written:
                continue  # forgotten meanwhile
            if problem is None:
                kept.stored()
                if not kept.gathered:
                    self._kept.pop(execution_id, None)
            elif isinstance(problem, StoreError) and not isinstance(problem, ConflictError):
                failing = kept.in_doubt = True
                kept.failed(problem)
            else:
                self._stop(kept, problem)
        self._failures = self._failures + 1 if failing else 0

    async def _second_thought(self, kept: _Kept, problem: ConflictError) -> StoreError | None:
        """What to make of the refusal of a batch that may have been stored at an earlier try."""
        try:
            return None if await is_stored(self._store, kept.written) else problem
        except StoreError as another:
            return another

    def _stop(self, kept: _Kept, problem: Exception) -> None:
        """Write nothing more of an execution; whoever asks is told why."""
        self._events -= len(kept.gathered)
        self._bytes -= kept.size
        kept.gathered, kept.written, kept.size = [], (), 0
        kept.problem = problem
        kept.failed(problem)
