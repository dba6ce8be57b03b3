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
from engine.runtime.committing import Committer
from engine.runtime.config import PersistenceConfig
from engine.runtime.ports import Clock, IdSource
from engine.store import ExecutionEventStore, StoreError

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
        committer: Committer | None = None,
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
        self._append = store.append_events if committer is None else committer.append
        self._clock = clock
        self._ids = ids
        self._observer = observer
        self._buffer: list[ExecutionEvent] = []
        self._unsaved_events = 0
        self._unsaved_bytes = 0

    @property
    def buffered(self) -> Sequence[ExecutionEvent]:
        """Recorded events that are not committed yet."""
        return tuple(self._buffer)

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

    def record_event(self, draft: Draft) -> ExecutionEvent | None:
        """Give a draft its id, sequence and time, fold it, and put it into the buffer; None in replay mode.

        Raises:
            HistoryError: it does not fit the state; nothing is recorded.
            TypeError: its data is no JSON.
        """
        if self.replay_mode:
            return None
        encoded = orjson.dumps(draft.data)
        event = ExecutionEvent(
            id=self._ids.new("event"),
            execution_id=self.execution_id,
            path_id=draft.path_id,
            sequence=self.state.sequence + 1,
            # The machine's clock may be set back; a history's times never run backwards.
            timestamp=max(format_time(self._clock.now()), self.state.timestamp),
            event_type=str(draft.event_type),
            step_name=draft.step_name,
            data=orjson.loads(encoded),
        )
        self._fold(event)
        self._buffer.append(event)
        self.recorded_bytes += len(encoded)
        self._unsaved_events += 1
        self._unsaved_bytes += len(encoded)
        return event

    async def flush_events(self) -> None:
        """Commit the buffer as one batch; returning means it is durable. Writes a snapshot when one is due.

        Raises:
            StoreError: the batch was not committed; it stays in the buffer.
        """
        if not self._buffer:
            return
        batch = tuple(self._buffer)
        await self._append(batch)
        del self._buffer[: len(batch)]
        if self._observer is not None:
            self._observer(batch)
        if self._snapshot_due(batch):
            await self._save_snapshot()

    async def messages(self) -> list[ExecutionSignal]:
        """What is in its inbox and not received yet, oldest first.

        Raises:
            StoreError: the inbox cannot be read.
        """
        return await self._store.get_signals(self.execution_id, after=self.state.inbox)

    def _fold(self, event: ExecutionEvent) -> None:
        self.state = reduce(self.state, event)
        if event.sequence == 1:
            self.definition = event.data["workflow"]
            self.children = event.data.get("children") or {}

    def _snapshot_due(self, batch: Sequence[ExecutionEvent]) -> bool:
        if batch[0].sequence == 1 or self.state.ended or self.state.status in _AT_REST:
            return True
        return self._unsaved_events > self.config.snapshot_events and self._unsaved_bytes > 2 * self.state_bytes

    async def _save_snapshot(self) -> None:
        snapshot = ExecutionSnapshot.of(self.state, self.definition)
        self.state_bytes = len(orjson.dumps(snapshot.state))
        # A snapshot can always be rebuilt: failing to write one must not fail the execution.
        try:
            await self._store.save_snapshot(snapshot)
        except StoreError:
            return
        self._unsaved_events = self._unsaved_bytes = 0
