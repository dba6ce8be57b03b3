"""An execution in the trace event format of Chrome, which Perfetto reads too.

One process is the execution and one of its threads a path. What a path did lies in slices, attempt in step in path;
items of an each, which may run side by side, are asynchronous slices of their own. Arrows lead from a fork to the
paths it started, and from a failed attempt to the next one. Times are microseconds since the first event.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from dive_tui.cli.printing import json_bytes
from dive_tui.exporting.formats import Scope
from dive_tui.widgets.events.event_words import look_of
from dive_tui.widgets.wait_words import wait_words
from engine.model.events import EXECUTION_LEVEL_TYPES, ExecutionEvent, ExecutionEventType
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.replay.index import Attempt, PathRecord, UnitRecord

TraceEvent = dict[str, Any]
PROCESS = 1
_WHOLE = 0
"""The thread of what concerns the whole execution."""
_MARKED = frozenset(
    {
        *EXECUTION_LEVEL_TYPES,
        ExecutionEventType.STEP_FAILED,
        ExecutionEventType.PATH_FAILED,
        ExecutionEventType.PATH_CANCELLED,
        ExecutionEventType.STATE_EDITED,
        ExecutionEventType.STEP_SKIPPED,
        ExecutionEventType.PATH_JOINED,
    }
)
"""Kinds of events that are shown as moments."""


def pieces(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[str]:
    """The trace, an event a line."""
    about = {"execution": summary.id, "workflow": summary.workflow_name, "status": summary.shown_status}
    about |= {"started": summary.start_time} | ({"damage": scope.damage} if scope.damage else {})
    yield f'{{"displayTimeUnit":"ms","otherData":{_line(about)},"traceEvents":['
    for number, event in enumerate(_Trace(history, scope).events(summary)):
        yield (",\n" if number else "\n") + _line(event)
    yield "\n]}\n"


def _line(value: Any) -> str:
    return json_bytes(value, indented=False).decode().rstrip("\n")


class _Trace:
    def __init__(self, history: History, scope: Scope) -> None:
        self._history = history
        self._first = scope.first
        self._last = len(history) if scope.last is None else min(scope.last, len(history))
        self._threads = {path: number for number, path in enumerate(history.index.paths, 1)}
        self._flows = 0

    def events(self, summary: ExecutionSummary) -> Iterator[TraceEvent]:
        """All of them; names first."""
        yield self._named("process_name", _WHOLE, f"{summary.workflow_name} {summary.id}")
        yield self._named("thread_name", _WHOLE, "execution")
        for path, thread in self._threads.items():
            yield self._named("thread_name", thread, path)
            yield {
                "ph": "M",
                "name": "thread_sort_index",
                "pid": PROCESS,
                "tid": thread,
                "args": {"sort_index": thread},
            }
        for record in self._history.index.paths.values():
            if self._within(record):
                yield from self._path(record)
        yield from self._moments()

    def _named(self, what: str, thread: int, name: str) -> TraceEvent:
        return {"ph": "M", "name": what, "pid": PROCESS, "tid": thread, "args": {"name": name}}

    def _within(self, span: PathRecord | UnitRecord | Attempt) -> bool:
        ended = self._last if span.ended_seq is None else span.ended_seq
        return span.started_seq <= self._last and ended >= self._first

    def _time(self, sequence: int | None) -> int:
        known = self._last if sequence is None else min(sequence, self._last)
        return round(self._history.columns.seconds(known) * 1e6)

    def _at(self, path: str) -> TraceEvent:
        return {"pid": PROCESS, "tid": self._threads.get(path, _WHOLE)}

    def _slice(self, path: str, name: str, kind: str, first: int, last: int | None, args: TraceEvent) -> TraceEvent:
        start = self._time(first)
        known = {key: value for key, value in args.items() if value not in ("", None)}
        return {
            "ph": "X", "name": name, "cat": kind, "ts": start, "dur": self._time(last) - start,
            **self._at(path), "args": known,
        }  # fmt: skip

    def _path(self, record: PathRecord) -> Iterator[TraceEvent]:
        status = {"status": record.status_at(self._last), "sequence": record.started_seq, "parent": record.parent}
        yield self._slice(record.id, record.id or "path", "path", record.started_seq, record.ended_seq, status)
        for unit in record.units:
            if self._within(unit):
                yield from self._unit(unit)

    def _unit(self, unit: UnitRecord) -> Iterator[TraceEvent]:
        attempts = [attempt for attempt in unit.attempts if self._within(attempt)]
        if unit.items is not None or len(attempts) != 1:
            yield self._slice(
                unit.path, unit.step, "step", unit.started_seq, unit.ended_seq,
                {
                    "status": unit.status_at(self._last), "visit": unit.visit, "items": unit.items,
                    "sequence": unit.started_seq, "error": unit.error, "error_type": unit.error_type,
                },
            )  # fmt: skip
        for attempt in attempts:
            if attempt.iteration is None:
                yield from self._attempt(unit, attempt)
            else:
                yield from self._item(unit, attempt)
        tries = [attempt for attempt in attempts if attempt.iteration is None]
        for before, after in pairwise(tries):
            if before.ended_seq is not None:
                yield from self._arrow("retry", unit.path, before.ended_seq, unit.path, after.started_seq)

    def _facts(self, unit: UnitRecord, attempt: Attempt) -> TraceEvent:
        return {
            "status": attempt.status_at(self._last), "visit": unit.visit, "attempt": attempt.attempt,
            "item": None if attempt.iteration is None else attempt.iteration + 1,
            "sequence": attempt.started_seq, "ended": attempt.ended_seq,
            "error": attempt.error, "error_type": attempt.error_type,
        }  # fmt: skip

    def _attempt(self, unit: UnitRecord, attempt: Attempt) -> Iterator[TraceEvent]:
        facts = self._facts(unit, attempt)
        yield self._slice(unit.path, unit.step, "attempt", attempt.started_seq, attempt.ended_seq, facts)
        if attempt.waiting_seq is not None and attempt.waiting_seq <= self._last:
            words = f"waiting: {wait_words(attempt.waiting or {})}"
            facts = {"sequence": attempt.waiting_seq}
            yield self._slice(unit.path, words, "wait", attempt.waiting_seq, attempt.ended_seq, facts)

    def _item(self, unit: UnitRecord, attempt: Attempt) -> Iterator[TraceEvent]:
        whole = self._slice(
            unit.path, unit.step, "item", attempt.started_seq, attempt.ended_seq, self._facts(unit, attempt)
        )
        duration = whole.pop("dur")
        whole["id"] = attempt.started_seq
        yield whole | {"ph": "b"}
        yield {**whole, "ph": "e", "ts": whole["ts"] + duration, "args": {}}

    def _arrow(self, name: str, path: str, sequence: int, to_path: str, to_sequence: int) -> Iterator[TraceEvent]:
        self._flows += 1
        arrow = {"name": name, "cat": name, "id": self._flows}
        yield {"ph": "s", **arrow, "ts": self._time(sequence), **self._at(path)}
        yield {"ph": "f", "bp": "e", **arrow, "ts": self._time(to_sequence), **self._at(to_path)}

    def _moments(self) -> Iterator[TraceEvent]:
        branch = str(ExecutionEventType.PATH_BRANCHED)
        kinds = {*_MARKED, branch}
        for sequence in self._history.columns.find(kinds=kinds, first=self._first, last=self._last):
            event = self._history.event(sequence)
            yield from self._forks(event) if event.event_type == branch else (self._moment(event),)

    def _moment(self, event: ExecutionEvent) -> TraceEvent:
        data = event.data
        args = {"sequence": event.sequence, "step": event.step_name}
        args |= {name: data[name] for name in ("signal_type", "error_type", "error", "by", "reason") if name in data}
        return {
            "ph": "i", "s": "t" if event.path_id in self._threads else "p", "name": look_of(event.event_type).words,
            "cat": "event", "ts": self._time(event.sequence), **self._at(event.path_id), "args": args,
        }  # fmt: skip

    def _forks(self, event: ExecutionEvent) -> Iterator[TraceEvent]:
        new = event.data.get("new_paths")
        ids = [str(one.get("id")) for one in new if isinstance(one, dict)] if isinstance(new, list) else []
        for path in map(self._history.index.paths.get, ids):
            if path is not None and event.sequence <= path.started_seq <= self._last:
                yield from self._arrow("fork", event.path_id, event.sequence, path.id, path.started_seq)
