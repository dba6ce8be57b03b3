"""A stored snapshot held against the history it was made from.

A snapshot is a cache, so the history is right by definition. What differs has drifted: something wrote another state
than the events lead to, or the snapshot was changed. A state of another version of the engine is no drift.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import orjson

from engine.model.snapshot import ExecutionSnapshot
from engine.model.state import STATE_VERSION, ExecutionStatus
from engine.replay.diffing.diff import Change, Differences, diff_values, ignoring
from engine.replay.diffing.explain import Explained
from engine.replay.diffing.origins import origins
from engine.replay.history import History
from engine.replay.replayer import ExecutionReplayer
from engine.store import ExecutionEventStore

Verdict = Literal["equal", "drift", "older_reducer", "unusable", "missing"]
"""`older_reducer`: another version of the engine made it, and what can be compared is equal. `unusable`: it cannot be
read, or is ahead of its history."""
MOST_DIFFERENCES = 1_000
_LACKABLE = ("state", "workflow_data", "outputs", "workflow_hash", "inputs_hash")
"""What snapshots of the Go system may leave empty."""
_OF_GO = ("workflow_name", "status", "inputs", "outputs", "error", "workflow_hash", "inputs_hash")
"""What is compared of them: their times are of another clock than those of the events."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of it. In differences `old` is what is stored, `new` what replaying gives."""

    execution_id: str
    verdict: Verdict
    sequence: int | None
    """The event the snapshot was taken at; None without a snapshot that can be read."""
    events: int
    """How many the history has."""
    changes: list[Explained]
    more: bool = False
    """Whether there are more differences."""
    state_version: int | None = None
    """Of the stored state; None where there is none."""
    lacks: tuple[str, ...] = ()
    """Fields the snapshot does not have, so that they are not compared."""
    problem: str = ""
    """Why it cannot be used, as a clause."""
    stored: Any = None
    """What was compared of it, as JSON."""
    replayed: Any = None
    """The same as the events give it."""

    def without(self, addresses: Collection[str]) -> Audit:
        """The same, differences at or below these addresses left out."""
        is_ignored = ignoring(addresses)
        kept = [explained for explained in self.changes if not is_ignored(explained.change.address)]
        if kept or self.more or self.verdict != "drift":
            return replace(self, changes=kept)
        return replace(self, changes=[], verdict="older_reducer" if self._is_of_another_version else "equal")

    @property
    def equal(self) -> bool:
        """Whether nothing that could be compared differs."""
        return self.verdict in ("equal", "older_reducer")

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        if self.verdict == "missing":
            return "there is no stored snapshot"
        if self.verdict == "unusable":
            return f"the stored snapshot cannot be used: {self.problem}"
        where = f"the snapshot at event {self.sequence:,}"
        count = f"{len(self.changes):,}{' and more' if self.more else ''}"
        noun = "difference" if count == "1" else "differences"
        found = {
            "equal": f"{where} equals the replayed state",
            "drift": f"{where} differs from the replayed state: {count} {noun}",
            "older_reducer": f"{where} is of {self._version_words}; all else equals the replayed state",
        }[self.verdict]
        if self.verdict == "drift" and self._is_of_another_version:
            found += f"; its state is of {self._version_words}, and is not compared"
        return f"{found}; it has no {_listed(self.lacks)}, as the Go system kept none" if self.lacks else found

    @property
    def _is_of_another_version(self) -> bool:
        return self.state_version is not None and self.state_version != STATE_VERSION

    @property
    def _version_words(self) -> str:
        """`an older reducer (state version 2, this one makes 3)`."""
        age = "an older" if (self.state_version or 0) < STATE_VERSION else "a newer"
        return f"{age} reducer (state version {self.state_version}, this one makes {STATE_VERSION})"

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "equal": self.equal,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "changes": [change.to_dict() for change in self.changes],
            "more": self.more,
            "execution_id": self.execution_id,
            "sequence": self.sequence,
            "events": self.events,
            "state_version": self.state_version,
            "lacks": list(self.lacks),
        }


class _Finding(Protocol):
    @property
    def place(self) -> str: ...
    @property
    def problem(self) -> str: ...


@runtime_checkable
class _Examining(Protocol):
    """A store that can say why it does not hand out a snapshot."""

    async def examine(self, execution_id: str | None = None) -> list[_Finding]: ...


async def audit_snapshot(store: ExecutionEventStore, execution_id: str, history: History | None = None) -> Audit:
    """Hold the stored snapshot of an execution against its history, which is read when it is not given.

    Raises:
        ExecutionNotFoundError: there is no such execution.
        DamagedHistoryError: its history cannot be read to its end.
        StoreError: the store cannot be read.
    """
    if history is None:
        history = await ExecutionReplayer(store).load_history(execution_id)
    snapshot = await store.get_snapshot(execution_id)
    if snapshot is None:
        problem = await _why_unusable(store, execution_id)
        return Audit(execution_id, "unusable" if problem else "missing", None, len(history), [], problem=problem)
    return await asyncio.to_thread(audit, history, snapshot)


async def _why_unusable(store: ExecutionEventStore, execution_id: str) -> str:
    """What the store itself finds wrong with a snapshot it does not hand out; empty when there is none."""
    if not isinstance(store, _Examining):
        return ""
    findings = await store.examine(execution_id)
    wrong = (finding.problem for finding in findings if "snapshot" in finding.place.lower())
    return next((problem for problem in wrong if problem != "it is missing"), "")


def audit(history: History, snapshot: ExecutionSnapshot) -> Audit:
    """Hold a snapshot against the history of its execution.

    Raises:
        StoreError: events are not kept and cannot be read any more.
    """
    sequence, events = snapshot.last_event_seq, len(history)
    if not 1 <= sequence <= history.folded:
        if sequence > events:
            problem = f"it is of event {sequence:,}, the history ends at event {events:,}"
        else:
            problem = f"the state at event {sequence:,} is not known: {history.problem or 'there is no such event'}"
        return Audit(snapshot.id, "unusable", sequence, events, [], problem=problem)
    state = history.state_at(sequence)
    stored, replayed = snapshot.to_dict(), ExecutionSnapshot.of(state, history.event(1).data["workflow"]).to_dict()
    lacks: tuple[str, ...] = ()
    version = snapshot.state.get("state_version")
    if state.info.dialect:
        lacks = tuple(name for name in _LACKABLE if not stored[name] and replayed[name])
        for side in (stored, replayed):
            _reduce_to_go(side, lacks)
    elif version != STATE_VERSION:
        del stored["state"], replayed["state"]
    stored, replayed = _plain(stored), _plain(replayed)
    found = diff_values(stored, replayed, limit=MOST_DIFFERENCES)
    return Audit(
        snapshot.id,
        _verdict(found, version, bool(state.info.dialect)),
        sequence,
        events,
        _explained(history, found.changes, sequence),
        found.more,
        version if isinstance(version, int) else None,
        lacks,
        stored=stored,
        replayed=replayed,
    )


def _verdict(found: Differences, version: Any, is_go: bool) -> Verdict:
    if not found.equal:
        return "drift"
    return "equal" if is_go or version == STATE_VERSION else "older_reducer"


def _reduce_to_go(record: dict[str, Any], lacks: tuple[str, ...]) -> None:
    """Leave what a snapshot of the Go system and a replayed one have in common."""
    for name in [name for name in record if name not in _OF_GO or name in lacks]:
        del record[name]
    if "outputs" in record:
        record["outputs"] = record["outputs"] or None
    if record["status"] == ExecutionStatus.CONTINUED:
        record["status"] = ExecutionStatus.RUNNING  # a continue-as-new did not end an execution there
    error = record["error"]
    record["error"] = error and {"message": error.get("message")}


def _explained(history: History, changes: list[Change], sequence: int) -> list[Explained]:
    found = origins(history, [change.keys for change in changes], sequence)
    return [Explained(change, by) for change, by in zip(changes, found, strict=True)]


def _plain(record: Mapping[str, Any]) -> Any:
    """As it is when it is read back, so that nothing differs but what is stored."""
    return orjson.loads(orjson.dumps(record, default=dict, option=orjson.OPT_NON_STR_KEYS))


def _listed(names: tuple[str, ...]) -> str:
    *before, last = [name.replace("_data", "").replace("_", " ") for name in names]
    return f"{', '.join(before)} and {last}" if before else last
