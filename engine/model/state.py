"""The state of an execution: what `decide` needs and no more.

Everything here is immutable and shared between the states of a history: the variables of a path are plain dicts that
are copied on write and must never be changed in place. What finished is history, not state; it is found through the
step index of `engine.replay`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from engine.model.chunks import Chunks
from engine.model.events import EMPTY, JsonObject
from engine.model.ids import short_id

STATE_VERSION = 3
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
    """A unit is open: its attempts run, wait, or are between two tries."""
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


class AttemptStatus(StrEnum):
    """Where the latest attempt of an open unit, or of one item of it, stands."""

    RUNNING = "running"
    """Started: its effect is under way, or its wait is about to be recorded."""
    FAILED = "failed"
    """Failed, and there will be another one whose delay is not recorded yet."""
    RETRYING = "retrying"
    """The next attempt starts at `due_at`."""
    WAITING = "waiting"
    INTERRUPTED = "interrupted"
    """Its process died; how it ended is not recorded yet."""


# Asked for every event; naming a member of an enumeration takes ten times as long as a name of the module.
_RUNNING = Phase.RUNNING
_IDLE = (AttemptStatus.WAITING, AttemptStatus.RETRYING)


class Wait(NamedTuple):
    """What a unit waits for."""

    kind: str
    """`signal`, `sleep`, `join` or `child`."""
    since: int
    """Sequence of its `step_waiting`: who waited first is served first."""
    topic: str = ""
    due_at: str | None = None
    """When a sleep is over, and when any other wait has lasted too long."""
    child_id: str = ""

    @property
    def words(self) -> str:
        """`signal approve`, `sleep`, `join`, `child …k3rg2`."""
        if self.kind == "signal":
            return f"signal {self.topic}"
        return f"child {short_id(self.child_id)}" if self.kind == "child" else self.kind


class AttemptState(NamedTuple):
    """The latest attempt of an open unit, or of one item of it, and what its policies have to remember."""

    number: int
    """From 1; while retrying that of the failed attempt."""
    status: AttemptStatus
    effect_key: str
    inputs_hash: str
    started_at: str
    """When the first attempt started."""
    child_id: str = ""
    known: bool = False
    """Whether the last attempt's outcome is known, so that the next one needs a new effect key."""
    error: JsonObject | None = None
    """`{type, message, attempt, data}` of the last attempt that failed."""
    due_at: str | None = None
    """When the next attempt starts."""
    policies: tuple[int, ...] = ()
    """Failures each retry policy has decided about so far."""
    interruptions: int = 0
    wait: Wait | None = None

    @property
    def in_flight(self) -> bool:
        """Whether an effect of it may be under way."""
        return self.status is AttemptStatus.RUNNING


class EachState(NamedTuple):
    """An open unit that runs once per item."""

    items: list[Any]
    results: Chunks
    """Outputs by item; None where there is none yet."""
    next_index: int
    """The first item that was never started."""
    done: int
    """Items that have ended, failed ones included."""
    failed: int
    """Items that failed and were collected."""
    open: dict[int, AttemptState]
    """By index each item that was started and has not ended."""
    concurrency: int
    """How many may be open at once."""

    @property
    def busy(self) -> bool:
        """Whether an item is in flight or could start, or all have ended."""
        room = self.next_index < len(self.items) and len(self.open) < self.concurrency
        return room or not self.open or not all(map(is_idle, self.open.values()))


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
    """Sequence of the `path_branched` that made it; None for the first path. A path that goes on after a join belongs
    to the fork around it."""
    member: str
    """The path of that fork it counts for: itself, or the one whose place it took after a join."""
    current_step: str
    visit: int
    """The how-manyth time this path runs its current step, from 1."""
    unit: AttemptState | None
    """The open unit at the current step; of an each, with the number of the attempt that evaluated the items."""
    each: EachState | None
    edges: tuple[JsonObject, ...]
    """The taken edges while forking, the failing one while routing."""
    end_reason: str
    failure: Failure | None
    variables: JsonObject
    written: JsonObject
    """Sequence of the event that last wrote each variable."""
    visits: JsonObject
    """How often this path came to each step."""
    joined: JsonObject | None
    """`{arrived, error?, error_type?}` of the join it stands at, once that has been decided."""
    cancelled_by: int | None
    """Sequence of the event that wants this path, and it alone, cancelled."""

    @property
    def attempt(self) -> int:
        """Attempts of the current unit started so far."""
        return self.unit.number if self.unit is not None else 0

    @property
    def effect_key(self) -> str:
        """Of the unit that is open; empty when none is."""
        return self.unit.effect_key if self.unit is not None else ""

    @property
    def attempts(self) -> Iterable[AttemptState]:
        """The open attempts: those of its items, or the unit's own."""
        if self.each is not None:
            return self.each.open.values()
        return () if self.unit is None else (self.unit,)

    @property
    def busy(self) -> bool:
        """Whether something of it is in flight or could go on at once."""
        if self.phase is not _RUNNING:
            return True
        if self.each is not None:
            return self.each.busy
        return self.unit is None or not is_idle(self.unit) or self.joined is not None

    @property
    def status(self) -> str:
        """The path's status as people read it."""
        if self.phase is Phase.FAILING:
            return "failed"
        return "running" if self.busy else "waiting"


def is_idle(attempt: AttemptState) -> bool:
    """Whether it only waits for something or for its next attempt."""
    return attempt.status in _IDLE


class MemberState(NamedTuple):
    """What became of one path of a fork, while a join may ask."""

    name: str
    """The path's name without `~2`: what joins call it."""
    open: int = 1
    """Open paths that count for it: itself, and what forked from it."""
    status: str = "running"
    """`failed` or `cancelled` as soon as any of them is, `completed` when all have completed."""
    variables: JsonObject = EMPTY
    """At its end."""
    written: JsonObject = EMPTY


class ForkState(NamedTuple):
    """A fork whose paths a join may still ask for."""

    sequence: int
    step: str
    """The step whose edges forked."""
    path: str
    """The path that forked."""
    outer: int | None
    """The fork that path belonged to, and the member of it that it counted for."""
    outer_member: str
    variables: JsonObject
    """At the fork."""
    written: JsonObject
    members: dict[str, MemberState]
    """By path id."""
    joined: tuple[str, ...] = ()
    """Joins of this fork that have gone on already: who comes late just completes."""


class JoinState(NamedTuple):
    """A join somebody has reached and that has not gone on yet."""

    step: str
    fork: int
    path: str | None
    """The path that waits and will go on; None: a new one will."""
    due_at: str | None
    """When it has waited too long."""


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
    deadline: str | None = None
    on_failure: str = "cancel"
    concurrency: JsonObject = EMPTY
    """By step how many of its items may run at once, where that is more than one."""
    dialect: str = ""
    """Of the system that recorded the history, when that was not this one: `go-a` to `go-d`."""


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
    keeps_forks: bool = False
    """Whether the workflow has joins."""
    forks: dict[int, ForkState] = {}  # noqa: RUF012 - shared, never changed in place
    """By sequence, those a join may still ask for."""
    joins: dict[str, JoinState] = {}  # noqa: RUF012 - shared, never changed in place
    """Open ones, by `fork:step`."""
    signals: tuple[JsonObject, ...] = ()
    """Received and not taken yet, oldest first: `{sequence, ordinal, topic, data}`."""
    controls: tuple[JsonObject, ...] = ()
    """What people asked for and what is not carried out yet: `{kind, by, reason, signal_id, sequence}`."""
    inbox: int = 0
    """The highest ordinal received."""
    paused: bool = False
    recoveries: int = 0
    script_globals: dict[str, tuple[Any, int]] = {}  # noqa: RUF012 - shared, never changed in place
    """All variables of all paths merged: the latest value and the sequence of the event that wrote it."""
    failure: Failure | None = None
    """Set while a failed path ends the execution."""
    failed_steps: tuple[str, ...] = ()
    incomplete_from: int | None = None
    """Sequence of the first event this version could not fold; the state is incomplete from there on."""
    after_end: int | None = None
    """Sequence of the first event recorded after the end, as the Go system could; from there on nothing was folded."""

    @property
    def ended(self) -> bool:
        """Whether the execution has its terminal event."""
        return self.status in ENDED


def open_waits(state: ExecutionState) -> list[Wait]:
    """Everything its units wait for, who waits longest first; a delay before another attempt is a wait for `retry`."""
    waits = []
    for path in state.paths.values():
        for attempt in path.attempts:
            if attempt.wait is not None:
                waits.append(attempt.wait)
            elif attempt.status is AttemptStatus.RETRYING:
                waits.append(Wait("retry", state.sequence, due_at=attempt.due_at))
    return sorted(waits, key=lambda wait: wait.since)


def wake_at(state: ExecutionState, waits: Sequence[Wait] | None = None) -> str | None:
    """When it goes on by itself at the latest: the earliest of its timers, its deadline included.

    While paused only the deadline counts. `waits`: what `open_waits` gives, when it was asked already.
    """
    if state.paused:
        return state.info.deadline
    open_ones = open_waits(state) if waits is None else waits
    due = [wait.due_at for wait in open_ones] + [join.due_at for join in state.joins.values()]
    return min((moment for moment in (*due, state.info.deadline) if moment), default=None)


_Record = TypeVar("_Record", AttemptState, EachState, PathState, MemberState, ForkState, JoinState, ExecutionState)
_PLACES: dict[type, dict[str, int]] = {
    kind: {name: place for place, name in enumerate(kind._fields)}
    for kind in (AttemptState, EachState, PathState, MemberState, ForkState, JoinState, ExecutionState)
}


def evolve(record: _Record, **changes: Any) -> _Record:
    """A copy with some fields changed: what `_replace` does, in half the time, which every event costs several times.

    Raises:
        KeyError: there is no such field.
    """
    return changed(record, changes)


def changed(record: _Record, changes: Mapping[str, Any]) -> _Record:
    """As `evolve`, for changes that have been gathered already.

    Raises:
        KeyError: there is no such field.
    """
    kind = type(record)
    values, places = list(record), _PLACES[kind]
    for name, value in changes.items():
        values[places[name]] = value
    return tuple.__new__(kind, values)
