"""One execution as its runner drives it: every event it records is numbered, timed, folded and committed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from engine.core.reduce import initial_state, reduce
from engine.core.settle import Draft
from engine.model.events import ExecutionEvent, JsonObject
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionSnapshot
from engine.model.state import ExecutionState, ExecutionStatus
from engine.model.times import format_time
from engine.runtime.committing import Appender, Committer, is_stored
from engine.runtime.config import PersistenceConfig
from engine.runtime.losses import LostUnit, lost_unit
from engine.runtime.notices import Notices, SizeWarning
from engine.runtime.patience import FOR_GOOD, Patience
from engine.runtime.ports import Clock, IdSource
from engine.store import ConflictError, ExecutionEventStore, FoldedBatch, StoreError

_AT_REST = (ExecutionStatus.WAITING, ExecutionStatus.PAUSED)
EventObserver = Callable[[Sequence[ExecutionEvent]], None]


class EventBasedExecution:
    """The live state of an execution and the events on their way to the store.

    The state is the fold of what was recorded, decoded from the JSON that is stored. Events gather in a buffer until
    `flush_events` commits them as one batch; until then they are not acknowledged.
    """

    def __init__(
        self,
        store: ExecutionEventStore,
        execution_id: str,
        *,
        clock: Clock,
        ids: IdSource,
        config: PersistenceConfig | None = None,
        observer: EventObserver | None = None,
        committer: Appender | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.execution_id = execution_id
        self.state: ExecutionState = initial_state(execution_id)
        self.definition: JsonObject = {}
        """The workflow recorded in the first event."""
        self.children: JsonObject = {}
        """By name the definitions of the workflows its steps run, recorded there too."""
        self.replay_mode = False
        """While true, nothing is recorded."""
        self.config = config or PersistenceConfig()
        self.recorded_bytes = 0
        self.state_bytes = 0
        """Of the state when it was last saved."""
        self._store = store
        self._appender = Committer(store) if committer is None else committer
        self._patience = Patience(clock, self.config.store_patience, notices)
        self._notices = notices
        self._clock = clock
        self._ids = ids
        self._observer = observer
        self._buffer: list[ExecutionEvent] = []
        self._buffer_bytes = 0
        self._effect_keys: dict[int, str] = {}
        """By sequence the effect keys of units whose outcomes may not be durable yet."""
        self._unsaved_events = 0
        self._unsaved_bytes = 0
        self._warn_payload = self.config.warn_payload
        self._warn_events = self.config.warn_events
        self._warn_bytes = self.config.warn_bytes
        self._warned: set[tuple[str, str]] = set()

    @property
    def buffered(self) -> Sequence[ExecutionEvent]:
        """Recorded events that are not committed yet."""
        return tuple(self._buffer)

    @property
    def unrecorded(self) -> list[LostUnit]:
        """The units whose outcomes have arrived and are not known to be durable."""
        pending = self._appender.pending(self.execution_id)
        last = pending[-1].sequence if pending else 0
        events = [*pending, *(event for event in self._buffer if event.sequence > last)]
        units = [
            lost_unit(event, self._effect_keys[event.sequence])
            for event in events
            if event.sequence in self._effect_keys
        ]
        return list(dict.fromkeys(units))

    def replay(self, events: Sequence[ExecutionEvent]) -> None:
        """Bring the state up to a stored history without recording anything.

        Raises:
            HistoryError: the events do not continue the state.
        """
        self.replay_mode = True
        try:
            for event in events:
                self._fold(event)
                self.recorded_bytes += len(orjson.dumps(event.data))
        finally:
            self.replay_mode = False

    def record_event(self, draft: Draft, effect_key: str = "") -> ExecutionEvent | None:
        """Give a draft its id, sequence and time, fold it, and put it into the buffer; None in replay mode.

        `effect_key` is that of the unit whose outcome it records.

        Raises:
            HistoryError: it does not fit the state; nothing is recorded.
            TypeError: its data is no JSON.
        """
        if self.replay_mode:
            return None
        encoded = orjson.dumps(draft.data)
        size, sequence = len(encoded), self.state.sequence + 1
        event = ExecutionEvent(
            self._ids.new("event"),
            self.execution_id,
            draft.path_id,
            sequence,
            # The machine's clock may be set back; a history's times never run backwards.
            max(format_time(self._clock.now()), self.state.timestamp),
            draft.event_type.value,
            draft.step_name,
            orjson.loads(encoded),
        )
        self._fold(event)
        self._buffer.append(event)
        self._buffer_bytes += size
        self.recorded_bytes += size
        if effect_key:
            self._effect_keys[sequence] = effect_key
        self._unsaved_events += 1
        self._unsaved_bytes += size
        if size >= self._warn_payload or sequence >= self._warn_events or self.recorded_bytes >= self._warn_bytes:
            self._warn_of(event, size)
        return event

    async def flush_events(self) -> None:
        """Commit the buffer as one batch. Returning means that it is durable, or with relaxed durability that it will
        be in a moment; the first events, the last ones and those before a rest are durable in any case. What the store
        does not take is tried again for as long as there is patience. Writes a snapshot when one is due.

        Raises:
            StoreError: the batch was not committed; it stays in the buffer.
        """
        if not self._buffer:
            return
        batch = FoldedBatch.of(self._buffer, self.state)
        size, due = self._buffer_bytes, self._snapshot_due(batch)
        if self._effect_keys:
            self._forget_effect_keys(batch[0].sequence)
        try:
            await self._appender.append(batch, at_once=due, size=size)
        except FOR_GOOD:
            raise
        except StoreError as error:
            await self._patience.try_again(self.execution_id, lambda: self._repeat(batch, due, size), error)
        del self._buffer[: len(batch)]
        self._buffer_bytes -= size
        if self._observer is not None:
            self._observer(batch)
        if due:
            await self._save_snapshot(batch[-1])

    def hurry(self) -> None:
        """Somebody waits for an end: have less patience with a store that fails. From any thread."""
        self._patience.hurry()

    async def _repeat(self, batch: Sequence[ExecutionEvent], at_once: bool, size: int) -> None:
        try:
            await self._appender.append(batch, at_once=at_once, size=size)
        except ConflictError:
            # What failed before may have been stored all the same.
            if not await is_stored(self._store, batch):
                raise

    async def settle(self) -> None:
        """Make durable all that was committed.

        Raises:
            StoreError: it could not be written.
        """
        await self._patience.keep_trying(self.execution_id, lambda: self._appender.flush(self.execution_id))

    async def messages(self) -> list[ExecutionSignal]:
        """What is in its inbox and not received yet, oldest first.

        Raises:
            StoreError: the inbox cannot be read.
        """
        return await self._patience.keep_trying(
            self.execution_id, lambda: self._store.get_signals(self.execution_id, after=self.state.inbox)
        )

    def _fold(self, event: ExecutionEvent) -> None:
        self.state = reduce(self.state, event)
        if event.sequence == 1:
            self.definition = event.data["workflow"]
            self.children = event.data.get("children") or {}

    def _snapshot_due(self, batch: Sequence[ExecutionEvent]) -> bool:
        if batch[0].sequence == 1 or self.state.ended or self.state.status in _AT_REST:
            return True
        return self._unsaved_events > self.config.snapshot_events and self._unsaved_bytes > 2 * self.state_bytes

    def _forget_effect_keys(self, first: int) -> None:
        """Those of outcomes that are durable by now; `first` is the first event that was not committed."""
        pending = self._appender.pending(self.execution_id)
        first = pending[0].sequence if pending else first
        for sequence in [known for known in self._effect_keys if known < first]:
            del self._effect_keys[sequence]

    def _warn_of(self, event: ExecutionEvent, size: int) -> None:
        """Tell of what has grown large with an event."""
        if size >= self._warn_payload:
            self._warn("payload", event, size, self._warn_payload)
        if event.sequence >= self._warn_events:
            self._warn("events", event, event.sequence, self._warn_events)
        if self.recorded_bytes >= self._warn_bytes:
            self._warn("bytes", event, self.recorded_bytes, self._warn_bytes)

    def _warn(self, kind: str, event: ExecutionEvent, size: int, limit: int) -> None:
        # What grows and grows is told of once, not for every step.
        step = event.step_name if kind == "payload" else ""
        if self._notices is not None and (kind, step) not in self._warned:
            self._warned.add((kind, step))
            event_type = event.event_type if kind == "payload" else ""
            self._notices(SizeWarning(self.execution_id, kind, event.step_name, size, limit, event_type))

    async def _save_snapshot(self, last: ExecutionEvent) -> None:
        snapshot = ExecutionSnapshot.of(self.state, self.definition)
        self.state_bytes = len(orjson.dumps(snapshot.state))
        if self.state_bytes > self.config.warn_state:
            self._warn("state", last, self.state_bytes, self.config.warn_state)
        # A snapshot can always be rebuilt: failing to write one must not fail the execution.
        try:
            await self._store.save_snapshot(snapshot)
        except StoreError:
            return
        self._unsaved_events = self._unsaved_bytes = 0
