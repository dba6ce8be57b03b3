"""Snapshots, the summaries that lists show, and the filter that lists take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.model.events import JsonObject
from engine.model.state import INTERRUPTED, ExecutionState, ExecutionStatus, open_waits, wake_at
from engine.model.state_json import state_from_json, state_to_json


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """One line of a list. Times are RFC 3339 in UTC."""

    id: str
    workflow_name: str
    workflow_hash: str
    inputs_hash: str
    status: str
    start_time: str
    end_time: str | None
    created_at: str
    updated_at: str
    last_event_seq: int
    error: str = ""
    """`Type: message` of the failure, else empty."""
    at_step: str = ""
    """The step it stands at or failed at; empty once completed. Several open paths: the one that moved last."""
    attempt: int = 0
    waiting_for: str | None = None
    """What it waits for, in words: `signal approve`, `sleep`, `retry`, `join`, `child …k3rg2`."""
    wake_at: str | None = None
    """When it goes on by itself at the latest: the earliest of its timers."""
    children: tuple[str, ...] = ()
    """Ids of the executions it waits for."""
    inbox: int = 0
    """The highest ordinal of its inbox that it has received."""
    path_count: int = 0
    failed_steps: tuple[str, ...] = ()
    lineage: JsonObject | None = None
    owner: str | None = None
    """Id of the runner it was last driven by."""
    live: bool | None = None
    """Whether that runner lives; None once the execution has ended."""
    labels: JsonObject = field(default_factory=dict)
    dialect: str = ""
    """Of the system that wrote its history, when that is another one: then nothing here can drive it."""

    @property
    def shown_status(self) -> str:
        """The status, or `interrupted` for one that should be going on but has no live runner."""
        if self.live is False and self.status in (ExecutionStatus.PENDING, ExecutionStatus.RUNNING):
            return INTERRUPTED
        return self.status

    def to_dict(self) -> dict[str, Any]:
        """JSON form, keys in the order of the fields."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        record["labels"] = dict(self.labels)
        record["failed_steps"] = list(self.failed_steps)
        record["children"] = list(self.children)
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ExecutionSummary:
        """The summary a decoded JSON object stands for; keys it does not know are ignored.

        Raises:
            ValueError: a field that every summary has is missing.
        """
        known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        for name in ("failed_steps", "children"):
            known[name] = tuple(known.get(name, ()))
        try:
            return cls(**known)
        except TypeError as error:
            raise ValueError(f"a summary is incomplete: {error}") from None


def summarize(state: ExecutionState, *, owner: str | None = None, live: bool | None = None) -> ExecutionSummary:
    """The list line of an execution in this state."""
    error = state.error
    at_step, attempt = "", 0
    if state.failure is not None:
        at_step, attempt = state.failure.step, state.failure.attempt
    elif state.paths:
        path = next(reversed(state.paths.values()))
        at_step, attempt = path.current_step, path.attempt
    waits = [] if state.ended else open_waits(state)
    waiting_for = (
        waits[0].words if waits and state.status in (ExecutionStatus.WAITING, ExecutionStatus.PAUSED) else None
    )
    return ExecutionSummary(
        id=state.execution_id,
        workflow_name=state.info.workflow_name,
        workflow_hash=state.info.workflow_hash,
        inputs_hash=state.info.inputs_hash,
        status=state.status,
        start_time=state.info.started_at,
        end_time=state.timestamp if state.ended else None,
        created_at=state.info.started_at,
        updated_at=state.timestamp,
        last_event_seq=state.sequence,
        error=f"{error['type']}: {error['message']}" if error else "",
        at_step=at_step,
        attempt=attempt,
        waiting_for=waiting_for,
        wake_at=None if state.ended else wake_at(state, waits),
        children=tuple(wait.child_id for wait in waits if wait.child_id),
        inbox=state.inbox,
        path_count=state.path_count,
        failed_steps=state.failed_steps,
        lineage=state.info.lineage,
        owner=owner,
        live=None if state.ended else live,
        labels=state.info.labels,
        dialect=state.info.dialect,
    )


@dataclass(frozen=True, slots=True)
class ExecutionSnapshot:
    """A stored summary of an execution at `last_event_seq`: a cache that replay can always rebuild."""

    id: str
    workflow_name: str
    workflow_hash: str
    inputs_hash: str
    status: str
    start_time: str
    end_time: str | None
    created_at: str
    updated_at: str
    last_event_seq: int
    workflow_data: JsonObject
    """The definition it runs, as recorded in its first event."""
    inputs: JsonObject
    outputs: JsonObject | None
    error: JsonObject | None
    state: JsonObject
    """The state at `last_event_seq` as JSON, with its `state_version`."""

    @classmethod
    def of(cls, state: ExecutionState, workflow_data: JsonObject) -> ExecutionSnapshot:
        """The snapshot of an execution in this state."""
        return cls(
            id=state.execution_id,
            workflow_name=state.info.workflow_name,
            workflow_hash=state.info.workflow_hash,
            inputs_hash=state.info.inputs_hash,
            status=state.status,
            start_time=state.info.started_at,
            end_time=state.timestamp if state.ended else None,
            created_at=state.info.started_at,
            updated_at=state.timestamp,
            last_event_seq=state.sequence,
            workflow_data=workflow_data,
            inputs=state.inputs,
            outputs=state.outputs,
            error=state.error,
            state=state_to_json(state),
        )

    def restore_state(self) -> ExecutionState | None:
        """The state proper, or None when it cannot be used and must be rebuilt from the events."""
        state = state_from_json(self.state)
        if state is None or (state.execution_id, state.sequence) != (self.id, self.last_event_seq):
            return None
        return state

    def to_dict(self) -> dict[str, Any]:
        """JSON form, keys in the order of the fields."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ExecutionSnapshot:
        """The snapshot a decoded JSON object stands for; keys it does not know are ignored.

        Raises:
            ValueError: a field is missing.
        """
        try:
            return cls(**{name: record[name] for name in cls.__dataclass_fields__})
        except KeyError as missing:
            raise ValueError(f"a snapshot has no {missing.args[0]!r}") from None


class InvalidFilterError(ValueError):
    """A list filter that makes no sense; the message names the field."""


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions to list, newest first.

    Raises:
        InvalidFilterError: an unknown status, or a limit or offset below 0.
    """

    statuses: frozenset[str] = field(default_factory=frozenset)
    """Any of these as shown (`interrupted` is one); empty means all."""
    workflow_name: str | None = None
    """This very name."""
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        known = {*ExecutionStatus, INTERRUPTED}
        unknown = sorted(self.statuses - known)
        if unknown:
            raise InvalidFilterError(f"{unknown[0]!r} is no status; there are {', '.join(sorted(known))}")
        if self.limit is not None and self.limit < 0:
            raise InvalidFilterError("limit must be 0 or more")
        if self.offset < 0:
            raise InvalidFilterError("offset must be 0 or more")

    def accepts(self, summary: ExecutionSummary) -> bool:
        """Whether a summary passes (limit and offset aside)."""
        if self.statuses and summary.shown_status not in self.statuses:
            return False
        return self.workflow_name is None or summary.workflow_name == self.workflow_name
