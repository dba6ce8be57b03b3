"""What reports and pictures say of an execution: its answer in a sentence, its failure, its steps, its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import display_text, human_count
from dive_tui.cli.printing import one_line, shown_duration
from dive_tui.exporting.formats import Scope
from dive_tui.widgets.events.event_words import elapsed_text, item_of, look_of, says
from dive_tui.widgets.wait_words import wait_words
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary
from engine.model.times import seconds_between
from engine.replay.diffing.diff import Change
from engine.replay.history import History
from engine.replay.index import Attempt, UnitRecord
from engine.replay.view import changes_at

MOST_CHANGES = 12
_LOOK_BACK = 200
"""Events looked back for changes of variables before a failure."""
_AROUND = (8, 4)
"""Events shown before and after the failure."""
_ENDING = 12
"""Events shown of an execution without a failure: its last ones."""


def answer(summary: ExecutionSummary) -> str:
    """`order failed at Charge Card: CardDeclined: insufficient funds`."""
    words = f"{summary.workflow_name} {summary.shown_status}"
    if summary.error:
        at = f" at {summary.at_step}" if summary.at_step else ""
        return f"{words}{at}: {one_line(summary.error)}"
    if summary.waiting_for:
        return f"{words} for {summary.waiting_for}"
    return f"{words} at {summary.at_step}" if summary.at_step else words


def facts(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[tuple[str, str]]:
    """What is to be said of the execution as a whole, any text, each with a name of ours."""
    yield "Execution", summary.id
    yield "Workflow", summary.workflow_name
    yield "Status", summary.shown_status
    yield "Started", summary.start_time
    if summary.end_time is not None:
        yield "Took", shown_duration(_seconds(summary.start_time, summary.end_time))
    last = len(history) if scope.last is None else min(scope.last, len(history))
    part = "" if (scope.first, last) == (1, len(history)) else f", of which {scope.first:,} to {last:,} are told here"
    yield "Events", f"{human_count(summary.last_event_seq)}{part}"
    if summary.path_count > 1:
        yield "Paths", human_count(summary.path_count)
    if history.latest.recoveries:
        yield "Recovered", f"{history.latest.recoveries:,} times" if history.latest.recoveries > 1 else "once"
    lineage = summary.lineage if isinstance(summary.lineage, Mapping) else {}
    if lineage.get("execution_id"):
        yield "Made by", f"{lineage.get('kind', '')} of {lineage['execution_id']}".strip()
    for name, value in summary.labels.items():
        yield "Label", f"{name}={value}"


def _seconds(start: str, end: str) -> float | None:
    try:
        return seconds_between(start, end)
    except (ValueError, OverflowError):
        return None


class Failure(NamedTuple):
    """The failure that ended an execution, or the first there is."""

    event: ExecutionEvent
    error_type: str
    message: str
    traceback: str
    attempt: str
    """`attempt 3`, `item 12 attempt 3`, or empty for the only try."""
    parameters: Any
    """What the step was given; None when that is not known."""
    variables: Mapping[str, Any]
    """Of its path, just before."""
    changes: Sequence[tuple[int, Change]]
    """The last changes of variables before it, latest first, with the events that made them."""
    title: str
    """`Failure`, or what it is when the execution went on after it."""


def failure_of(history: History, scope: Scope) -> Failure | None:
    """The failure of an execution; None when it has none in this scope."""
    sequence = history.failure_sequence()
    last = len(history) if scope.last is None else scope.last
    if sequence is None or not scope.first <= sequence <= last:
        return None
    event = history.event(sequence)
    data = event.data
    path = history.state_at(sequence - 1).paths.get(event.path_id)
    return Failure(
        event=event,
        error_type=str(data.get("error_type") or ""),
        message=str(data.get("error") or ""),
        traceback=str(data.get("traceback") or ""),
        attempt=_attempt_words(data),
        parameters=_parameters(history, event),
        variables={} if path is None else path.variables,
        changes=list(islice(_changes_before(history, sequence), MOST_CHANGES)),
        title="Failure" if history.latest.failure is not None else "First failure on the way",
    )


def _attempt_words(data: Mapping[str, Any]) -> str:
    item, attempt = item_of(data), data.get("attempt")
    words = [f"item {item + 1}"] if item is not None else []
    return " ".join([*words, *([f"attempt {attempt}"] if isinstance(attempt, int) else [])])


def _parameters(history: History, event: ExecutionEvent) -> Any:
    unit = history.index.unit_of(event)
    attempt = None if unit is None else unit.last_attempt_at(event.sequence, item_of(event.data))
    if attempt is None or attempt.started_seq == event.sequence:
        return None
    return history.event(attempt.started_seq).data.get("step_params")


def _changes_before(history: History, sequence: int) -> Iterator[tuple[int, Change]]:
    for at in range(sequence - 1, max(0, sequence - 1 - _LOOK_BACK), -1):
        for change in changes_at(history, at, limit=MOST_CHANGES * 4).changes:
            if change.address.startswith("paths") and ".variables" in change.address:
                yield at, change


class StepRow(NamedTuple):
    """A line of the table of steps: a unit, or one try of it. Any text."""

    path: str
    step: str
    what: str
    """`visit 2`, `item 3 attempt 2`, or empty."""
    status: str
    seconds: float | None
    first: int
    last: int | None
    note: str
    tried: bool
    """Whether it is a try of the unit above it."""


def step_rows(history: History, scope: Scope) -> Iterator[StepRow]:
    """Units in the order of their paths, below each its tries when there are several, and its items that failed."""
    last = len(history) if scope.last is None else scope.last
    for unit in history.index.units():
        if unit.started_seq > last or (unit.ended_seq is not None and unit.ended_seq < scope.first):
            continue
        single = unit.items is None and len(unit.attempts) == 1
        visit = f"visit {unit.visit}" if unit.visit > 1 else ""
        note = _note(unit.attempts[0]) if single else f"{unit.items:,} items" if unit.items is not None else ""
        yield _step_row(history, unit, unit, visit, note, last, tried=False)
        for attempt in () if single else unit.attempts:
            if attempt.iteration is None or attempt.attempt > 1 or attempt.status == "failed":
                item = "" if attempt.iteration is None else f"item {attempt.iteration + 1} "
                what = f"{item}attempt {attempt.attempt}"
                yield _step_row(history, unit, attempt, what, _note(attempt), last, tried=True)


def _step_row(
    history: History, unit: UnitRecord, span: UnitRecord | Attempt, what: str, note: str, last: int, *, tried: bool
) -> StepRow:
    ended = span.ended_by(last)
    seconds = None
    if ended is not None:
        seconds = history.columns.seconds(ended) - history.columns.seconds(span.started_seq)
    status = span.status_at(last)
    return StepRow(unit.path, unit.step, what, status, seconds, span.started_seq, ended, note, tried)


def _note(attempt: Attempt) -> str:
    error = f"{attempt.error_type}: {attempt.error}" if attempt.error_type else attempt.error
    if error:
        return one_line(error)
    return wait_words(attempt.waiting) if attempt.waiting is not None else ""


class EventLine(NamedTuple):
    """An event in words that are safe to show."""

    sequence: int
    elapsed: str
    glyph: str
    what: str
    style: str
    """The app's name of its colour."""
    where: str
    said: str
    failed: bool


def event_lines(history: History, scope: Scope, glyphs: Glyphs) -> list[EventLine]:
    """The events around the failure, or the last ones where there is none."""
    last = len(history) if scope.last is None else min(scope.last, len(history))
    failure = history.failure_sequence()
    if failure is not None and scope.first <= failure <= last:
        first, last = max(scope.first, failure - _AROUND[0]), min(last, failure + _AROUND[1])
    else:
        first = max(scope.first, last - _ENDING + 1)
    return [_event_line(history, event, glyphs) for event in history.events(first, last)]


def _event_line(history: History, event: ExecutionEvent, glyphs: Glyphs) -> EventLine:
    look, said = look_of(event.event_type), says(event, glyphs)
    where = f" {glyphs.within} ".join(name for name in (event.path_id, event.step_name) if name)
    return EventLine(
        sequence=event.sequence,
        elapsed=elapsed_text(history.columns.seconds(event.sequence)),
        glyph=getattr(glyphs, look.glyph),
        what=display_text(look.words, max_cells=40),
        style=look.style,
        where=display_text(where, max_cells=60),
        said=display_text("  ".join(one_line(text) for text, _ in said), max_cells=300),
        failed=any(style == "failed" for _, style in said),
    )
