"""What can be compared, and the answers: data alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.model.snapshot import ExecutionSummary
from engine.replay.comparing.compare import Comparison
from engine.replay.diffing.audit import Verdict
from engine.replay.diffing.diff import Differences


class Moment(NamedTuple):
    """The state of an execution after an event."""

    execution_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class StatesAsked:
    """The states after two events, of one execution or of two."""

    left: Moment
    right: Moment


@dataclass(frozen=True, slots=True)
class SnapshotAsked:
    """The stored snapshot of an execution, and the state its events give up to there."""

    execution_id: str


@dataclass(frozen=True, slots=True)
class DefinitionAsked:
    """The definition an execution recorded, and the one in the file it came from now."""

    execution_id: str


@dataclass(frozen=True, slots=True)
class ExecutionsAsked:
    """Two executions; `why` says what the left one is to the right one when nobody chose it."""

    left: str
    right: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class CounterpartAsked:
    """An execution, and the one that belongs to it: its source, its newest retry, the last good run."""

    execution_id: str


Question = StatesAsked | SnapshotAsked | DefinitionAsked | ExecutionsAsked | CounterpartAsked


@dataclass(frozen=True, slots=True)
class Sides:
    """What was compared."""

    names: tuple[str, str]
    """Left and right in a few words."""
    executions: tuple[str, str]
    workflow: str = ""
    about: str = ""
    """What kind of comparison it is, in a few words."""
    notes: tuple[str, ...] = ()
    """Sentences on what could not be compared, or is to be known."""
    command: str = ""
    """What tells the same outside of the app."""
    when_equal: str = "Both are the same."
    """What to say when nothing differs."""


@dataclass(frozen=True, slots=True)
class ValuesAnswer:
    """Two values and what differs in them."""

    sides: Sides
    old: Any
    new: Any
    differences: Differences
    by: tuple[int | None, ...] = ()
    """For each change the event that made it, where one is known."""
    verdict: Verdict | None = None
    """What the audit of a snapshot says; None of anything else."""


@dataclass(frozen=True, slots=True)
class ExecutionsAnswer:
    """Two executions, step by step."""

    sides: Sides
    comparison: Comparison
    first: tuple[str, str]
    """Where they part first and in what, in words; empty when they do not."""
    ignored: frozenset[str] = field(default_factory=frozenset)


Answer = ValuesAnswer | ExecutionsAnswer


def older_first(one: ExecutionSummary, other: ExecutionSummary) -> tuple[ExecutionSummary, ExecutionSummary]:
    """Two executions in the order in which they started: the older one stands left."""
    return (one, other) if (one.start_time, one.id) <= (other.start_time, other.id) else (other, one)
