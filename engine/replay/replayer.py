"""Rebuild what an execution was at any of its events, from a store, running nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.core.reduce import HistoryError
from engine.core.reduce_go import GO_TYPES
from engine.model.events import KNOWN_TYPES, TERMINAL_TYPES, ExecutionEvent, InvalidEventError, JsonObject
from engine.replay.history import History
from engine.replay.loading import load_history
from engine.replay.view import full_view
from engine.store import ExecutionEventStore, StoreError


class ExecutionNotFoundError(StoreError):
    """The store holds no execution of this id."""


class ReplayPathState(NamedTuple):
    """One open path."""

    id: str
    current_step_name: str
    step_outputs: JsonObject
    """Outputs of the steps it completed, by name (of a repeated step the last)."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Everything that was true after one event."""

    execution_id: str
    sequence: int
    status: str
    inputs: JsonObject
    outputs: JsonObject | None
    error: JsonObject | None
    """`{type, message, step?, path?, sequence}`."""
    paths: JsonObject
    """By id, ended ones too: status, parent, current_step, visit, attempt, waiting_for, variables."""
    script_globals: JsonObject
    """The variables of all paths merged, the latest writer winning."""
    completed_steps: JsonObject
    """Step name to the output of its last completed visit."""
    active_paths: Sequence[ReplayPathState]
    steps: Sequence[JsonObject]
    """All attempts: path, step, visit, iteration?, attempt, status, output?, error?, started_seq, ended_seq?."""
    signals: Sequence[JsonObject]
    versions: JsonObject

    @classmethod
    def of(cls, history: History, sequence: int) -> ReplayResult:
        """What was true after the event of this sequence."""
        view = full_view(history, sequence)
        view["active_paths"] = [ReplayPathState(**path) for path in view["active_paths"]]
        return cls(**view)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        order = (
            "execution_id", "sequence", "status", "inputs", "outputs", "error", "paths", "script_globals", "signals",
            "versions", "completed_steps", "active_paths", "steps",
        )  # fmt: skip
        record = {name: getattr(self, name) for name in order}
        record["active_paths"] = [path._asdict() for path in self.active_paths]
        return record


class ExecutionReplayer:
    """Reads histories from a store and rebuilds past states."""

    def __init__(self, store: ExecutionEventStore) -> None:
        self._store = store

    async def load_history(self, execution_id: str, to: int | None = None) -> History:
        """The history up to a sequence (all of it by default).

        Raises:
            ExecutionNotFoundError: there is no such execution.
            DamagedHistoryError: it cannot be read to its end.
        """
        history = await load_history(self._store, execution_id, to)
        if not len(history):
            raise ExecutionNotFoundError(f"there is no execution {execution_id}")
        return history

    async def replay_execution(self, execution_id: str, to: int | None = None) -> ReplayResult:
        """What was true after event `to` (the last one by default).

        Raises:
            ExecutionNotFoundError: there is no such execution.
            IndexError: the history has no event of that sequence.
            HistoryError: the history makes no sense up to there.
            DamagedHistoryError: it cannot be read up to there.
        """
        history = await self.load_history(execution_id, to if to is not None and to > 0 else None)
        sequence = len(history) if to is None else to
        if not 1 <= sequence <= len(history):
            raise IndexError(f"{execution_id} has events 1 to {len(history)}; there is no event {sequence}")
        if history.problem is not None:
            raise HistoryError(history.problem)
        return ReplayResult.of(history, sequence)

    def validate_event_history(self, events: Sequence[ExecutionEvent]) -> list[str]:
        """What is wrong with a history, one sentence each; empty when it is sound.

        Checks envelopes and payloads, gaps, times that run backwards, kinds of events this version does not know,
        and that the whole can be folded with its terminal event, if any, at the end.
        """
        problems: list[str] = []
        foreign = bool(events) and bool(events[0].data.get("dialect"))
        known = KNOWN_TYPES | GO_TYPES if foreign else KNOWN_TYPES
        previous: ExecutionEvent | None = None
        for event in events:
            try:
                event.validate()
            except InvalidEventError as error:
                problems.append(str(error))
            if event.event_type not in known:
                problems.append(f"event {event.sequence} is of kind {event.event_type!r}, unknown to this version")
            if previous is not None and event.timestamp < previous.timestamp:
                problems.append(f"event {event.sequence} is earlier than event {previous.sequence}")
            if previous is not None and previous.event_type in TERMINAL_TYPES and not foreign:
                problems.append(f"event {event.sequence} comes after the end of the execution")
            previous = event
        if events:
            problem = History(events[0].execution_id, events).problem
            if problem is not None and problem not in problems:
                problems.append(problem)
        return problems
