"""Whether what a store holds makes sense: how it is kept, and, through the port, what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from engine.core.reduce import HistoryError, initial_state, reduce
from engine.model.events import EMPTY, TERMINAL_TYPES, ExecutionEvent, ExecutionEventType, InvalidEventError, JsonObject
from engine.model.ids import is_execution_id
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionSnapshot, ExecutionSummary
from engine.model.state import STATE_VERSION, ExecutionState
from engine.store import DamagedHistoryError, DamagedInboxError, ExecutionEventStore, StoreError, UnknownExecutionError
from stores.folding import Folded, is_damaged, summary_of
from stores.maintenance import Finding, Kind, Maintainable, Mended, Progress

MOST_FINDINGS = 20
"""How many events of one history are told to be wrong one by one."""
UNREPAIRABLE = "this kind of store cannot be repaired in place; dive-tui copy takes what can be read to another one"
_PIECE = 1_000
_NAMING = frozenset(
    {
        ExecutionEventType.EXECUTION_STARTED,
        ExecutionEventType.STEP_STARTED,
        ExecutionEventType.STEP_WAITING,
        ExecutionEventType.EXECUTION_CONTINUE_AS_NEW,
    }
)
_REBUILD = "the snapshot is rebuilt from the history"


async def verify(
    store: ExecutionEventStore, execution_id: str | None = None, progress: Progress | None = None
) -> list[Finding]:
    """Everything that is wrong, in one execution or in all; nothing is changed.

    What the store says of its own files comes first; what is found there is not told again for what follows from it.
    Then each history is read in pieces: it must be whole and in order, its payloads valid, it must fold, and the
    summary, the snapshot and the inbox must fit it. `progress` counts what the store counts, then events.

    Raises:
        UnknownExecutionError: there is no such execution.
        StoreError: the store cannot be read at all.
    """
    findings = await store.examine(execution_id, progress) if isinstance(store, Maintainable) else []
    try:
        found = await _verify_histories(store, execution_id, findings, progress)
    except StoreError:
        if not any(finding.kind == "damaged" and not finding.execution_id for finding in findings):
            raise
        found = []  # the store as a whole is damaged, and has said so
    return sorted(findings + found, key=lambda finding: finding.execution_id)


async def _verify_histories(
    store: ExecutionEventStore, execution_id: str | None, findings: Sequence[Finding], progress: Progress | None
) -> list[Finding]:
    """What the store has not found out by itself."""
    summaries = await _summaries(store, execution_id)
    if execution_id is not None and not summaries and not findings:
        raise UnknownExecutionError(f"there is no execution {execution_id}")
    told: dict[str, list[Finding]] = {}
    for finding in findings:
        told.setdefault(finding.execution_id, []).append(finding)
    found: list[Finding] = []
    done, total = 0, sum(summary.last_event_seq for summary in summaries)
    for summary in summaries:

        def tell(read: int, summary: ExecutionSummary = summary, before: int = done) -> None:
            if progress is not None:
                progress(before + min(read, summary.last_event_seq), total, summary.id)

        snapshot = await store.get_snapshot(summary.id)
        mendable = isinstance(store, Maintainable) and summary.live is not True
        examination = _Examination(summary, snapshot, told.get(summary.id, ()), mendable)
        await _examine(store, examination, tell)
        done += summary.last_event_seq
        if examination.read or await store.get_summary(summary.id) is not None:  # else deleted meanwhile
            found += examination.conclude()
    return found


async def _examine(store: ExecutionEventStore, examination: _Examination, tell: Callable[[int], None]) -> None:
    execution_id = examination.execution_id
    try:
        while not examination.lost and (events := await store.get_events(execution_id, examination.read + 1, _PIECE)):
            for event in events:
                examination.take(event)
            tell(examination.read)
            await asyncio.sleep(0)
    except DamagedHistoryError as error:
        for event in error.readable:
            examination.take(event)
        examination.unreadable(error)
    try:  # after the history: what has been received was sent before
        examination.take_inbox(await store.get_signals(execution_id))
    except DamagedInboxError as error:
        examination.take_inbox(error.readable, error)


class Repaired(NamedTuple):
    """What a repair has done, and what is still wrong."""

    mended: list[Mended]
    remaining: list[Finding]


async def repair(
    store: ExecutionEventStore, execution_id: str | None = None, progress: Progress | None = None
) -> Repaired:
    """Do something about everything that `verify` finds and that has a remedy, and verify once more.

    Raises:
        UnknownExecutionError: there is no such execution.
        StoreError: the store cannot mend anything, or cannot be written.
    """
    if not isinstance(store, Maintainable):
        raise StoreError(UNREPAIRABLE)
    mended = await store.repair(execution_id, progress)
    remaining = await verify(store, execution_id, progress)
    for stale in [finding for finding in remaining if finding.remedy == _REBUILD]:
        await rebuild_snapshot(store, stale.execution_id)
        mended.append(Mended(stale, "the snapshot was rebuilt"))
        others = [finding for finding in remaining if finding.execution_id != stale.execution_id]
        remaining = others + await verify(store, stale.execution_id)
    return Repaired(mended, remaining)


async def rebuild_snapshot(store: ExecutionEventStore, execution_id: str) -> None:
    """Put the snapshot that the whole history gives in the place of whatever is there.

    Raises:
        HistoryError: the history makes no sense.
        StoreError: it cannot be read, or the snapshot not written.
    """
    state, workflow = initial_state(execution_id), EMPTY
    while events := await store.get_events(execution_id, state.sequence + 1, _PIECE):
        for event in events:
            state = reduce(state, event)
            if event.sequence == 1:
                workflow = event.data["workflow"]
        await asyncio.sleep(0)
    await store.save_snapshot(ExecutionSnapshot.of(state, workflow))


async def _summaries(store: ExecutionEventStore, execution_id: str | None) -> list[ExecutionSummary]:
    if execution_id is None:
        return await store.list_executions()
    summary = await store.get_summary(execution_id)
    return [] if summary is None else [summary]


class _Examination:
    """What is found out about one execution while its events pass by; of them only the state is kept."""

    def __init__(
        self,
        summary: ExecutionSummary,
        snapshot: ExecutionSnapshot | None,
        told: Sequence[Finding],
        mendable: bool,
    ) -> None:
        self.execution_id = summary.id
        self.read = 0
        """The sequence of the last event."""
        self.lost = False
        """Whether the history is out of order, so that nothing can be said of what follows."""
        self._summary = summary
        self._snapshot = snapshot
        self._told = told
        self._mendable = mendable
        self._findings: list[Finding] = []
        self._not_told = 0
        self._broken = False
        """Whether the history cannot be read or folded to its end."""
        self._state = initial_state(summary.id)
        self._workflow: JsonObject = EMPTY
        self._timestamp = ""
        self._ended_at = 0
        self._states: dict[int, ExecutionState] = {}
        """By sequence, those that the summary and the snapshot are of."""
        self._received: dict[int, tuple[int, str]] = {}
        """By ordinal the event that received the message, and the message's id."""
        self._inherits_inbox = False
        """Whether it receives from the inbox of the execution that it continues first."""

    def take(self, event: ExecutionEvent) -> None:
        """The next event; of what is wrong with it the first thing is told."""
        if self.lost:
            return
        problem = self._misplaced(event)
        self._broken = self._broken or bool(problem)
        problem = problem or self._malformed(event)
        if not self._broken:
            misfit = self._fold(event)
            problem = problem or misfit
        if problem:
            self._add_event(event.sequence, problem)
        self.read = event.sequence
        self._timestamp = max(self._timestamp, event.timestamp)
        if event.event_type in TERMINAL_TYPES:
            self._ended_at = self._ended_at or event.sequence

    def unreadable(self, error: DamagedHistoryError) -> None:
        """The history cannot be read from here on."""
        self._broken = True
        if not self._is_told("damaged", ("event",), error.place):
            self._add("damaged", error.place, str(error))

    def take_inbox(self, messages: Sequence[ExecutionSignal], damage: DamagedInboxError | None = None) -> None:
        """All messages to the execution, or those before the one that cannot be read."""
        if damage is not None and not self._is_told("damaged", ("inbox", "message"), damage.place):
            self._add("damaged", damage.place, str(damage))
        seen: set[str] = set()
        for place, message in enumerate(messages, start=1):
            if message.ordinal != place:
                self._add("damaged", f"message {place}", f"it says that it is message {message.ordinal}")
            elif message.id in seen:
                self._add("damaged", f"message {place}", f"message {message.id} is there already")
            seen.add(message.id)
        for ordinal, (sequence, signal_id) in self._received.items():
            if ordinal <= len(messages):
                if messages[ordinal - 1].id != signal_id:
                    self._add_event(sequence, f"it received another message {ordinal} than the inbox has")
            elif damage is None:
                self._add_event(
                    sequence, f"it received message {ordinal}, but the inbox has only {len(messages)} messages"
                )

    def conclude(self) -> list[Finding]:
        """Everything found, once all has been read."""
        if not self._broken:
            self._compare_summary()
            self._compare_snapshot()
        if self._not_told:
            self._add("damaged", f"event {self.read}", f"{self._not_told:,} more events up to here have problems")
        return self._findings

    def _misplaced(self, event: ExecutionEvent) -> str:
        if event.sequence != self.read + 1 or event.execution_id != self.execution_id:
            self.lost = True
            return f"event {self.read + 1} of {self.execution_id} should come here"
        if not self._ended_at or self._state.info.dialect:  # other systems do record after the end
            return ""
        return f"it comes after the end, which was event {self._ended_at}"

    def _malformed(self, event: ExecutionEvent) -> str:
        if event.timestamp < self._timestamp:
            return f"its time, {event.timestamp}, is before that of an earlier event, {self._timestamp}"
        try:
            event.validate()
        except InvalidEventError as error:
            return str(error).partition("): ")[2] or str(error)
        if self._state.info.dialect:  # what another system named or received, it need not have kept
            return ""
        strange = next((name for name in _named_executions(event) if not is_execution_id(name)), None)
        if strange is not None:
            return f"{strange!r}, which it names, cannot be the id of an execution"
        if event.event_type == ExecutionEventType.SIGNAL_RECEIVED and event.origin is None:
            return self._receive(event)
        return ""

    def _receive(self, event: ExecutionEvent) -> str:
        ordinal: int = event.data["ordinal"]
        if self._inherits_inbox:
            return ""
        if ordinal in self._received:
            return f"message {ordinal} was received before, by event {self._received[ordinal][0]}"
        self._received[ordinal] = event.sequence, event.data["signal_id"]
        return ""

    def _fold(self, event: ExecutionEvent) -> str:
        try:
            self._state = reduce(self._state, event)
        except HistoryError as error:
            self._broken = True
            return f"what follows cannot be rebuilt: {error}"
        if event.sequence == 1:
            self._workflow = event.data["workflow"]
            self._inherits_inbox = bool(event.data.get("inbox"))
        for sequence in (self._summary.last_event_seq, self._snapshot.last_event_seq if self._snapshot else 0):
            if event.sequence == sequence:
                self._states[sequence] = self._state
        return ""

    def _compare_summary(self) -> None:
        summary = self._summary
        if is_damaged(summary) and self._findings:
            return
        state = self._states.get(summary.last_event_seq)
        if state is None:
            problem = f"the summary is of {summary.last_event_seq:,} events, the history has {self.read:,}"
            self._add("damaged", f"event {self.read + 1}", problem)
            return
        folded = summary_of(Folded(state), state.timestamp)
        wanted = replace(folded, owner=summary.owner, live=summary.live)
        differing = _differing(summary.to_dict(), wanted.to_dict())
        if differing and not self._is_told("stale", ("summary", "table executions")):
            self._add("stale", f"summary at event {state.sequence}", f"it does not fit the history in {differing}")

    def _compare_snapshot(self) -> None:
        snapshot = self._snapshot
        state = self._states.get(snapshot.last_event_seq) if snapshot is not None else None
        if snapshot is None or state is None or snapshot.state.get("state_version") != STATE_VERSION:
            return  # of another version it is rebuilt when it is needed
        differing = _differing(snapshot.to_dict(), ExecutionSnapshot.of(state, self._workflow).to_dict())
        if differing and not self._is_told("stale", ("snapshot",)):
            problem = f"it does not fit the history in {differing}"
            self._add("stale", f"snapshot at event {state.sequence}", problem, _REBUILD if self._mendable else "")

    def _is_told(self, kind: Kind, parts: Sequence[str], place: str = "") -> bool:
        """Whether the store has found this out by itself, at this very place or in such a part of the execution."""
        return any(
            finding.kind == kind and (finding.place == place or any(part in finding.place.lower() for part in parts))
            for finding in self._told
        )

    def _add_event(self, sequence: int, problem: str) -> None:
        if len(self._findings) < MOST_FINDINGS:
            self._add("damaged", f"event {sequence}", problem)
        else:
            self._not_told += 1

    def _add(self, kind: Kind, place: str, problem: str, remedy: str = "") -> None:
        self._findings.append(Finding(kind, self.execution_id, place, problem, remedy))


def _named_executions(event: ExecutionEvent) -> Iterator[str]:
    """The other executions that a valid event names."""
    data = event.data
    named = (data.get("child_id"), data.get("new_execution_id"), (data.get("lineage") or EMPTY).get("execution_id"))
    if event.event_type in _NAMING:
        yield from (name for name in named if name is not None)


def _differing(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Names of the fields that differ."""
    return ", ".join(name for name in wanted if _canonical(stored[name]) != _canonical(wanted[name]))


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, default=dict, option=orjson.OPT_SORT_KEYS)
