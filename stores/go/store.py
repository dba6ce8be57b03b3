"""A store of the Go system Dive as one of ours that can only be looked at."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, NoReturn, ParamSpec, TypeVar

from engine.collector import collector_paused
from engine.core.reduce import initial_state
from engine.model.events import ExecutionEvent
from engine.model.ids import validate_execution_id
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.model.times import EPOCH, format_time
from engine.store import DamagedHistoryError, ReadOnlyError, StoreError
from stores.folding import Folded, fold_as_far_as_possible, select, summary_of
from stores.go.raw import Damage, Oddity, Source
from stores.go.snapshots import translate_snapshot
from stores.go.translating import translate

P = ParamSpec("P")
R = TypeVar("R")

_LOOK_EVERY = 1.0
_HISTORIES = 2
"""How many translated histories are kept: whoever reads one in pieces comes back to it."""


class _History(NamedTuple):
    """A translated history, as far as it can be read, and the stamp of what it was read from."""

    stamp: object
    events: list[ExecutionEvent]
    damage: Damage | None


class GoExecutionEventStore:
    """An `ExecutionEventStore` that reads what the Go system stored, and refuses whatever would change it.

    Its events are translated as they are read. An execution that never got to its end has no snapshot there; it is
    listed from its events like all others, and nobody drives it.
    """

    def __init__(self, source: Source, *, offload: bool = True) -> None:
        """Read from a source.

        Args:
            source: where it is.
            offload: read in threads, so that the caller's loop never waits for a disk.
        """
        self._source = source
        self._offload = offload
        self._lock = threading.Lock()
        self._histories: OrderedDict[str, _History] = OrderedDict()
        self._summaries: dict[str, tuple[object, ExecutionSummary | None]] = {}

    @property
    def place(self) -> Path:
        """Its folder or file."""
        return self._source.place

    @property
    def why_read_only(self) -> str:
        """Why nothing in it can be changed, and what to do about it."""
        return (
            f"{self.place} is a store of the Go system Dive, which is never changed; "
            f"dive-tui migrate {self.place} makes one of it that can be"
        )

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_events`."""
        validate_execution_id(execution_id)
        if limit is not None and limit < 0:
            raise ValueError("limit must be 0 or more")
        history = await self._read(self._history, execution_id)
        first = max(0, from_seq - 1)
        events = history.events[first:] if limit is None else history.events[first : first + limit]
        if history.damage is not None and (limit is None or len(events) < limit):
            place, problem = history.damage
            raise DamagedHistoryError(
                f"the history of {execution_id} cannot be read beyond event {len(history.events)}: {place}: {problem}",
                place=place,
                readable=events,
            )
        return events

    async def get_event_history(self, execution_id: str) -> list[ExecutionEvent]:
        """See `ExecutionEventStore.get_event_history`."""
        return await self.get_events(execution_id)

    async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        """See `ExecutionEventStore.get_snapshot`. It holds no state: the Go system kept none."""
        return await self._read(self._snapshot, validate_execution_id(execution_id))

    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        """See `ExecutionEventStore.list_executions`. A damaged execution is listed with an error that says where."""
        return await self._read(self._list, where)

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        """See `ExecutionEventStore.get_summary`."""
        return await self._read(self._summary, validate_execution_id(execution_id))

    async def oddities(self) -> list[Oddity]:
        """What is in the store and looks like an execution, but cannot be shown as one."""
        return await self._read(self._source.oddities)

    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        """Nothing: no execution goes on here."""
        if now.tzinfo is None or limit < 0:
            raise ValueError("due needs a time with a zone, and a limit of 0 or more")
        return []

    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        """None: the Go system kept no messages."""
        validate_execution_id(execution_id)
        return []

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """See `ExecutionEventStore.watch`. The files are looked at once a second."""
        return self._follow(self._source.marks())

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        """Refused."""
        self._refuse()

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        """Refused."""
        self._refuse()

    async def save_snapshot(self, snapshot: ExecutionSnapshot) -> None:
        """Refused."""
        self._refuse()

    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        """Refused."""
        self._refuse()

    async def delete_execution(self, execution_id: str) -> bool:
        """Refused."""
        self._refuse()

    async def cleanup_completed_executions(self, older_than: datetime) -> list[str]:
        """Refused."""
        self._refuse()

    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        """Refused."""
        self._refuse()

    async def release_owner(self, execution_id: str, runner_id: str) -> None:
        """Nobody owns anything here."""

    async def close(self) -> None:
        """See `ExecutionEventStore.close`."""
        with self._lock:
            self._source.close()

    def _refuse(self) -> NoReturn:
        raise ReadOnlyError(self.why_read_only)

    async def _read(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def alone() -> R:
            with self._lock, collector_paused():
                return work(*args, **kwargs)

        return await asyncio.to_thread(alone) if self._offload else alone()

    # What follows holds the lock.

    def _history(self, execution_id: str) -> _History:
        stamp = self._source.stamp(execution_id)
        known = self._histories.get(execution_id)
        if known is None or known.stamp != stamp:
            raw = self._source.history(execution_id)
            known = self._histories[execution_id] = _History(stamp, translate(raw.events), raw.damage)
            if len(self._histories) > _HISTORIES:
                self._histories.popitem(last=False)
        self._histories.move_to_end(execution_id)
        return known

    def _summary(self, execution_id: str) -> ExecutionSummary | None:
        stamp = self._source.stamp(execution_id)
        known = self._summaries.get(execution_id)
        if known is None or known[0] != stamp:
            raw = self._source.history(execution_id)
            known = self._summaries[execution_id] = stamp, _summarize(execution_id, translate(raw.events), raw.damage)
        return known[1]

    def _list(self, where: ExecutionFilter | None) -> list[ExecutionSummary]:
        ids = self._source.execution_ids()
        for gone in self._summaries.keys() - set(ids):
            del self._summaries[gone]
        return select((summary for summary in map(self._summary, ids) if summary is not None), where)

    def _snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
        raw = self._source.snapshot(execution_id)
        if raw is None:
            return None
        snapshot = translate_snapshot(execution_id, raw)
        return snapshot if 0 < snapshot.last_event_seq <= len(self._history(execution_id).events) else None

    async def _follow(self, before: dict[str, object]) -> AsyncIterator[frozenset[str]]:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = await self._read(self._source.marks)
            changed = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
            before = now
            if changed:
                # The empty name stands for the whole store.
                yield frozenset() if "" in changed else frozenset(changed)


def _summarize(execution_id: str, events: list[ExecutionEvent], damage: Damage | None) -> ExecutionSummary | None:
    if not events and damage is None:
        return None
    folded = fold_as_far_as_possible(initial_state(execution_id), events)
    if not folded.problem and damage is not None:
        folded = Folded(folded.state, f"{damage.place}: {damage.problem}")
    summary = summary_of(folded, events[-1].timestamp if events else format_time(EPOCH))
    return summary if folded.state.ended else replace(summary, live=False)
