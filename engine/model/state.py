"""The state of an execution: what `decide` needs and no more.

Everything here is immutable and shared between the states of a history: the variables of a path are plain dicts that
are copied on write and must never be changed in place. What finished is history, not state; it is found through the
step index of `engine.replay`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from engine.model.chunks import Chunks
from engine.model.events import EMPTY, JsonObject

STATE_VERSION = 1
"""Changes with any change of `reduce` or of the shapes below; a stored state of another version is rebuilt."""


class ExecutionStatus(StrEnum):
    """Where an execution stands. *Interrupted* is not among them: it is shown for one whose runner is dead."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CONTINUED = "continued"


ENDED: frozenset[str] = frozenset(
    {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.CONTINUED}
)
OPEN: frozenset[str] = frozenset(ExecutionStatus) - ENDED
INTERRUPTED = "interrupted"


class Phase(StrEnum):
    """What an open path is about to do."""

    NEW = "new"
    """Branched off, its start not recorded yet."""
    READY = "ready"
    """At a step of which nothing is in flight."""
    RUNNING = "running"
    """A unit is in flight."""
    ROUTING = "routing"
    """Its step ended, but a condition of its edges cannot be evaluated."""
    FORKING = "forking"
    """Its step ended with edges that make new paths."""
    FORKED = "forked"
    """The new paths are recorded, its own end is not."""
    ENDING = "ending"
    """Its step ended and leads nowhere."""
    FAILING = "failing"
    """Its step failed and nothing caught it."""


class EachState(NamedTuple):
    """An open unit that runs once per item."""

    items: list[Any]
    results: Chunks
    """Outputs by item; None where there is none yet."""
    next_index: int
    """The first item that was never started."""
    done: int
    in_flight: dict[int, int]
    """Index of each started, unfinished item, and its attempt."""


class Failure(NamedTuple):
    """Why a path, or the whole execution, is failing."""

    error: str
    error_type: str
    sequence: int
    """Of the `step_failed` event."""
    step: str
    path: str
    attempt: int


class PathState(NamedTuple):
    """One open thread of control."""

    id: str
    phase: Phase
    parent: str | None
    fork: int | None
    """Sequence of the `path_branched` that made it; None for the first path."""
    current_step: str
    visit: int
    """The how-manyth time this path runs its current step, from 1."""
    attempt: int
    """Attempts of the current unit started so far."""
    effect_key: str
    """Of the unit in flight; empty when none is."""
    each: EachState | None
    edges: tuple[JsonObject, ...]
    """The taken edges while forking, the failing one while routing."""
    end_reason: str
    failure: Failure | None
    variables: JsonObject
    visits: JsonObject
    """How often this path came to each step."""

    @property
    def status(self) -> str:
        """The path's status as people read it."""
        return "failed" if self.phase is Phase.FAILING else "running"


class ExecutionInfo(NamedTuple):
    """What the first event says for good."""

    workflow_name: str = ""
    workflow_hash: str = ""
    inputs_hash: str = ""
    engine_version: str = ""
    started_at: str = ""
    labels: JsonObject = EMPTY
    lineage: JsonObject | None = None
    source: JsonObject | None = None


class ExecutionState(NamedTuple):
    """The fold of a history up to `sequence`; sequence 0 is the state before the first event."""

    execution_id: str
    sequence: int = 0
    timestamp: str = ""
    """Of the last event folded."""
    status: str = ExecutionStatus.PENDING
    info: ExecutionInfo = ExecutionInfo()
    inputs: JsonObject = EMPTY
    outputs: JsonObject | None = None
    error: JsonObject | None = None
    """`{type, message, step?, path?, sequence}` once failing or failed."""
    paths: dict[str, PathState] = {}  # noqa: RUF012 - shared, never changed in place
    """Open paths only."""
    path_count: int = 0
    """Paths ever started."""
    path_ids: dict[str, int] = {}  # noqa: RUF012 - shared, never changed in place
    """How often each path name was asked for; a repeated one gets `~2`, `~3`."""
    finished: dict[str, JsonObject] = {}  # noqa: RUF012 - shared, never changed in place
    """Variables of completed paths: of all when an output template may ask, else of the last that led nowhere."""
    leaves: int = 0
    """Paths that completed without going on in others."""
    keeps_finished: bool = False
    script_globals: dict[str, tuple[Any, int]] = {}  # noqa: RUF012 - shared, never changed in place
    """All variables of all paths merged: the latest value and the sequence of the event that wrote it."""
    failure: Failure | None = None
    """Set while a failed path ends the execution."""
    failed_steps: tuple[str, ...] = ()
    incomplete_from: int | None = None
    """Sequence of the first event this version could not fold; the state is incomplete from there on."""

    @property
    def ended(self) -> bool:
        """Whether the execution has its terminal event."""
        return self.status in ENDED


_Record = TypeVar("_Record", EachState, PathState, ExecutionState)
_PLACES: dict[type, dict[str, int]] = {
    kind: {name: place for place, name in enumerate(kind._fields)} for kind in (EachState, PathState, ExecutionState)
}


def evolve(record: _Record, **changes: Any) -> _Record:
    """A copy with some fields changed: what `_replace` does, in half the time, which every event costs several times.

    Raises:
        KeyError: there is no such field.
    """
    values, places = list(record), _PLACES[type(record)]
    for name, value in changes.items():
        values[places[name]] = value
    return tuple.__new__(type(record), values)
