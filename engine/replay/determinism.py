"""Whether a history is one that a definition leads to: each recorded decision is wanted in the state before it.

What came from outside is taken as given: messages, outcomes of attempts, recoveries, events that were carried over from
another execution. Everything that follows from it is decided again, and compared. Nothing is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from engine.core.decide import EFFECTS, Command, CommandKind, Memo, decide
from engine.core.drafts import PAYLOAD_ERROR, Draft, Outcome, Surroundings, later
from engine.core.ending import DEADLINE_ERROR, cancelled_path, exhaustion
from engine.core.program import Program, compile_workflow, program_from_recorded
from engine.core.reduce import initial_state
from engine.core.settle import conclude, settle
from engine.model.events import KNOWN_TYPES, ExecutionEvent, ExecutionEventType, JsonObject
from engine.model.state import ExecutionState
from engine.model.workflow import Workflow
from engine.replay.diffing.diff import diff_values
from engine.replay.history import History

_Type = ExecutionEventType
_Kind = CommandKind


class UncheckableError(ValueError):
    """A history that there is no definition for to compare it with; the message is a clause for a person."""


class Mismatch(NamedTuple):
    """An event that the definition does not lead to."""

    sequence: int
    recorded: JsonObject
    """`{event_type, path_id?, step_name?, data?}`: what decided how the execution went on, without what was only
    observed (log, duration, usage, traceback)."""
    wanted: JsonObject | None
    """The same of the event that should stand there; with `due_at` when it should not stand there yet; None when
    nothing was wanted on that path."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return self._asdict()

    def differences(self, most: int = 3) -> list[str]:
        """Where what decides differs, as `edges[0].step: recorded "A", wanted "B"`; edges are those taken."""
        if self.wanted is None:
            return []
        wanted, recorded = (_decided(told.get("data", {})) for told in (self.wanted, self.recorded))
        found = diff_values(wanted, recorded).changes
        # A hash says nothing that what it is of does not say better.
        found = ([change for change in found if change.address != "inputs_hash"] or found)[:most]
        return [
            f"{change.address}: recorded {_short(change.new, change.kind == 'removed')}, "
            f"wanted {_short(change.old, change.kind == 'added')}"
            for change in found
        ]

    def __str__(self) -> str:
        recorded = _words(self.recorded)
        if self.wanted is None:
            return f"event {self.sequence} records {recorded}, but nothing was wanted there"
        due = self.wanted.get("due_at")
        if due is not None:
            return f"event {self.sequence} records {recorded}, which was not wanted before {due}"
        wanted = _words(self.wanted)
        if recorded == wanted:
            return f"event {self.sequence} records {recorded} otherwise than wanted: {'; '.join(self.differences())}"
        return f"event {self.sequence} records {recorded}, but wanted was {wanted}"


class CheckResult(NamedTuple):
    """What came of checking one history."""

    mismatches: list[Mismatch]
    """The first one, if there is any: what is recorded after it follows from it, so it says nothing more."""
    checked: int
    """Events that were compared with what was wanted; those taken as given do not count."""
    warnings: list[str]
    """Why not all of the history was checked, a sentence each."""

    @property
    def ok(self) -> bool:
        """Whether there is no mismatch."""
        return not self.mismatches


def check_history(
    history: History, definition: Workflow | None = None, progress: Callable[[int, int], object] = lambda *_: None
) -> CheckResult:
    """Compare each recorded decision with what the definition wants in the state before it.

    Args:
        history: it is read once, as a stream.
        definition: another version of the workflow; by default the one that was recorded.
        progress: called now and then with how many events were looked at, of how many. What it raises ends the check.

    Raises:
        UncheckableError: the history has no definition of its own that this version understands.
    """
    program = _program(history, definition)
    check = _Check(program)
    warnings: list[str] = []
    before = initial_state(history.execution_id)
    for event, after in history.states():
        if before.incomplete_from is not None or event.event_type not in KNOWN_TYPES:
            warnings.append(f"event {event.sequence} is of a newer version: from there on nothing was checked")
            break
        mismatch = check.compare(event, before)
        if mismatch is not None:
            return CheckResult([mismatch], check.compared, warnings)
        before = after
        if event.sequence % _PACE == 0:
            progress(event.sequence, len(history))
    if history.problem is not None:
        warnings.append(f"only events 1 to {history.folded} were checked: {history.problem}")
    return CheckResult([], check.compared, warnings)


def _program(history: History, definition: Workflow | None) -> Program:
    first = history.event(1) if len(history) else None
    if first is None or first.event_type != _Type.EXECUTION_STARTED:
        raise UncheckableError("it has no first event, and so neither inputs nor a definition")
    if first.data.get("dialect"):
        raise UncheckableError("the Go system recorded it, which keeps no definition with a history")
    if definition is not None:
        return compile_workflow(definition)
    try:
        return program_from_recorded(first.data["workflow"])
    except (KeyError, TypeError, ValueError) as error:
        told = str(error).splitlines()[0]
        raise UncheckableError(f"the definition it recorded is none that this version understands ({told})") from error


_ASKED_BY: dict[str, frozenset[CommandKind]] = {
    _Type.PATH_STARTED: frozenset({_Kind.START_PATH}),
    _Type.STEP_STARTED: frozenset({_Kind.START}),
    _Type.STEP_COMPLETED: EFFECTS | {_Kind.FINISH, _Kind.TAKE},
    _Type.STEP_FAILED: EFFECTS
    | {_Kind.START, _Kind.FINISH, _Kind.TAKE, _Kind.TIME_OUT, _Kind.INTERRUPT, _Kind.DEADLOCK, _Kind.ROUTE},
    _Type.STEP_RETRY_SCHEDULED: frozenset({_Kind.SCHEDULE}),
    _Type.STEP_WAITING: frozenset({_Kind.WAIT}),
    _Type.PATH_BRANCHED: frozenset({_Kind.BRANCH}),
    _Type.PATH_JOINED: frozenset({_Kind.JOIN}),
    _Type.PATH_COMPLETED: frozenset({_Kind.END_PATH, _Kind.ARRIVE}),
    _Type.PATH_FAILED: frozenset({_Kind.FAIL_PATH}),
    _Type.PATH_CANCELLED: frozenset({_Kind.CANCEL_PATH}),
    _Type.EXECUTION_COMPLETED: frozenset({_Kind.COMPLETE}),
    _Type.EXECUTION_FAILED: frozenset({_Kind.FAIL, _Kind.COMPLETE}),
    _Type.EXECUTION_PAUSED: frozenset({_Kind.CONTROL}),
    _Type.EXECUTION_RESUMED: frozenset({_Kind.CONTROL}),
}
"""Which commands an event may carry out. Kinds that are missing come from outside, or are looked at by themselves."""

_OUTCOMES = (_Type.STEP_COMPLETED, _Type.STEP_FAILED)
_UNHINDERED = EFFECTS | {_Kind.ROUTE}
_ENDED_FROM_OUTSIDE = (DEADLINE_ERROR, "HistoryLimit")
_UNBOUNDED = 1 << 62
_PACE = 2_048
"""Events between two reports of progress."""
_A_MOMENT = 1.0
"""Seconds that may lie between the end of an attempt and the event that records it."""
_STRANGE = (KeyError, IndexError, TypeError, AttributeError, AssertionError)
"""What another definition may lead to in a state that this one knows nothing of."""


class _Check:
    """Goes along a history, event by event."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._memo: Memo = {}
        self._ending = False
        """Whether a person, the deadline or a limit ends the execution: all that is open, then itself."""
        self.compared = 0

    def compare(self, event: ExecutionEvent, before: ExecutionState) -> Mismatch | None:
        """What is wrong with an event in the state before it."""
        if event.origin is not None:
            return None
        if event.event_type == _Type.EXECUTION_CANCELLED or self._ending or _ends_all(event):
            self.compared += 1
            return self._end_from_outside(event, before)
        kinds = _ASKED_BY.get(event.event_type)
        if kinds is None:
            return None
        self.compared += 1
        recorded = Draft(_Type(event.event_type), event.path_id, event.step_name, event.data)
        wanted = self._wanted(before)
        asking = [command for command in wanted if command.kind in kinds and _is_about(command, event)]
        if not asking and event.event_type in _OUTCOMES:
            asking = [command for command in self._unhindered(before) if _is_about(command, event)]
        for command in asking:
            if command.due_at <= event.timestamp and self._fits(command, before, event, recorded):
                return None
        return self._mismatch(event, recorded, before, asking, wanted)

    def _wanted(self, state: ExecutionState) -> Sequence[Command]:
        try:
            return decide(self._program, state, self._memo)
        except _STRANGE:
            return ()

    def _unhindered(self, state: ExecutionState) -> Iterator[Command]:
        """What was under way beside something urgent: its outcome may arrive in the same moment."""
        paths = {name: path for name, path in state.paths.items() if path.failure is None and path.cancelled_by is None}
        if paths:
            beside = self._wanted(state._replace(paths=paths, controls=(), failure=None))
            yield from (command for command in beside if command.kind in _UNHINDERED)

    def _fits(self, command: Command, state: ExecutionState, event: ExecutionEvent, recorded: Draft) -> bool:
        draft = self._draft(command, state, event, event.timestamp)
        if draft is not None and _same(draft, recorded):
            return True
        step = self._program.steps.get(command.step)
        if event.event_type != _Type.STEP_FAILED or step is None or step.timeout_total is None:
            return False
        draft = self._draft(command, state, event, later(event.timestamp, -_A_MOMENT))
        return draft is not None and _same(draft, recorded)

    def _draft(self, command: Command, state: ExecutionState, event: ExecutionEvent, ended_at: str) -> Draft | None:
        """The event by which a command would be carried out; of an attempt, with the outcome that was recorded."""
        try:
            if command.kind not in EFFECTS:
                return settle(command, self._program, state, _around(event))[0]
            outcome = _outcome(event, ended_at)
            return None if outcome is None else conclude(command, self._program, state, outcome)[0]
        except _STRANGE:
            return None

    def _end_from_outside(self, event: ExecutionEvent, before: ExecutionState) -> Mismatch | None:
        """The end that somebody, the deadline or a limit brings: that of every open path, and then its own."""
        self._ending = True
        recorded = Draft(_Type(event.event_type), event.path_id, event.step_name, event.data)
        path = before.paths.get(event.path_id) or next(iter(before.paths.values()), None)
        if path is not None:
            expected = cancelled_path(path, None)
            return None if _same(expected, recorded) else _told(event, recorded, expected)
        if event.event_type == _Type.EXECUTION_CANCELLED:
            return None
        error_type = event.data.get("error_type", "")
        deadline = before.info.deadline
        is_due = error_type != DEADLINE_ERROR or (deadline is not None and deadline <= event.timestamp)
        if error_type in _ENDED_FROM_OUTSIDE and is_due:
            return None if _same(exhaustion(before, "", error_type)[0], recorded) else _told(event, recorded, None)
        # One that was failing already ends as failed, whoever lost patience with it.
        expected = Draft(_Type.EXECUTION_CANCELLED)
        if before.failure is not None:
            (expected,) = settle(Command(_Kind.FAIL), self._program, before, _around(event))
        return None if _same(expected, recorded) else _told(event, recorded, expected)

    def _mismatch(
        self,
        event: ExecutionEvent,
        recorded: Draft,
        state: ExecutionState,
        asking: Sequence[Command],
        wanted: Sequence[Command],
    ) -> Mismatch:
        """With the wanted event that comes nearest: of its kind, else of its path; of the whole execution any."""
        nearby = [command for command in wanted if command.path == event.path_id or not event.path_id]
        for command in (*asking, *nearby):
            draft = self._draft(command, state, event, event.timestamp)
            if command.kind in EFFECTS and (draft is None or recorded.event_type not in _OUTCOMES):
                draft = Draft(_Type.STEP_COMPLETED, command.path, command.step, _unit(command))
            if draft is None:
                continue
            told = _told(event, recorded, draft)
            if command.due_at > event.timestamp and told.wanted is not None:
                told = told._replace(wanted={**told.wanted, "due_at": command.due_at})
            return told
        return _told(event, recorded, None)


def _ends_all(event: ExecutionEvent) -> bool:
    """Whether it belongs to an end from outside: what ends for a reason in the history names that reason."""
    if event.event_type == _Type.PATH_CANCELLED:
        return "caused_by" not in event.data
    return event.event_type == _Type.EXECUTION_FAILED and event.data.get("error_type") in _ENDED_FROM_OUTSIDE


def _is_about(command: Command, event: ExecutionEvent) -> bool:
    if command.kind is _Kind.JOIN:
        return command.step == event.step_name and command.visit == event.data.get("fork")
    iteration = event.data.get("iteration")
    return command.path == event.path_id and command.iteration == (iteration["index"] if iteration else None)


def _around(event: ExecutionEvent) -> Surroundings:
    """Settling as it was when the event was recorded: the same actions, and what was too large still is."""
    action, error_type = event.data.get("action") or {}, event.data.get("error_type")

    def action_of(name: str) -> JsonObject | None:
        if error_type == "UnknownAction":
            return None
        return action if action.get("name") == name else {"name": name}

    return Surroundings(action_of, 0 if error_type == PAYLOAD_ERROR else _UNBOUNDED)


def _outcome(event: ExecutionEvent, ended_at: str) -> Outcome | None:
    """How the attempt ended that an event records the end of; None for any other event."""
    data = event.data
    observed: dict[str, Any] = {
        "log": data.get("log", ""),
        "duration_ms": data.get("duration_ms", 0.0),
        "usage": data.get("usage"),
        "ended_at": ended_at,
    }
    if event.event_type == _Type.STEP_COMPLETED and "output" in data:
        return Outcome(output=data["output"], **observed)
    if event.event_type == _Type.STEP_FAILED:
        told = {key: data[key] for key in ("error", "error_type", "phase", "traceback", "details") if key in data}
        return Outcome(known=data.get("outcome") == "known", **told, **observed)
    return None


def _same(draft: Draft, recorded: Draft) -> bool:
    if draft.data == recorded.data:
        return draft[:3] == recorded[:3]
    return draft[:3] == recorded[:3] and _decided(draft.data) == _decided(recorded.data)


_OBSERVED = frozenset({"duration_ms", "log", "usage", "traceback", "details"})


def _decided(data: JsonObject) -> dict[str, Any]:
    """What of an event's data decides how the execution goes on: no wording of errors and conditions, no edges that
    were not taken, no source of an action."""
    kept = {key: value for key, value in data.items() if key != "error" and key not in _OBSERVED}
    if kept.get("action"):
        kept["action"] = kept["action"]["name"]
    if kept.get("edges"):
        kept["edges"] = [_taken(edge) for edge in kept["edges"] if edge.get("value") or "error" in edge]
    return kept


def _taken(edge: JsonObject) -> JsonObject:
    if "error" in edge:
        return {"step": edge.get("step"), "error": True}
    return {key: edge[key] for key in ("step", "path") if key in edge}


def _unit(command: Command) -> dict[str, Any]:
    unit: dict[str, Any] = {"visit": command.visit, "attempt": command.attempt}
    return unit if command.iteration is None else unit | {"iteration": {"index": command.iteration}}


def _told(event: ExecutionEvent, recorded: Draft, wanted: Draft | None) -> Mismatch:
    return Mismatch(event.sequence, _shown(recorded), None if wanted is None else _shown(wanted))


def _shown(draft: Draft) -> dict[str, Any]:
    shown: dict[str, Any] = {"event_type": str(draft.event_type)}
    if draft.path_id:
        shown["path_id"] = draft.path_id
    if draft.step_name:
        shown["step_name"] = draft.step_name
    data = {key: value for key, value in draft.data.items() if key not in _OBSERVED}
    return shown | {"data": data} if data else shown


def _words(event: JsonObject) -> str:
    where = [repr(event[key]) for key in ("path_id", "step_name") if key in event]
    return f"{event['event_type']} of {' › '.join(where)}" if where else str(event["event_type"])


def _short(value: Any, missing: bool) -> str:
    if missing:
        return "nothing"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 80 else f"{text[:79]}…"
