"""`dive-tui show`: one execution at a glance, and its failure in full."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from dive_tui.app.text import human_count
from dive_tui.cli.columns import Column, print_columns
from dive_tui.cli.options import Common, Execution, Json
from dive_tui.cli.printing import (
    Piece,
    Printer,
    json_text,
    last_frame,
    one_line,
    print_json,
    shown_duration,
    shown_time,
    typed,
)
from dive_tui.cli.reading import Reading, execution_record, read_execution
from dive_tui.cli.selecting import find_execution, opened_store
from dive_tui.cli.waits import now_utc, open_waits_of, until, wait_words, ways_on
from dive_tui.widgets.events.event_words import try_of
from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.ids import InvalidIdError, validate_execution_id
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionSummary
from engine.model.times import seconds_between
from engine.replay.index import Attempt, PathRecord, UnitRecord

_MOST_TRACEBACK = 32_768
"""Characters of it that are shown, as many as the engine records."""


async def show(
    execution: Execution,
    /,
    *,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Show an execution: inputs, outputs, error, paths and steps."""
    async with opened_store(common) as store:
        reading = await read_execution(store, await find_execution(store, execution))
        unread = await store.get_signals(reading.summary.id, after=reading.summary.inbox)
        children = [(unit, await store.get_summary(child)) for unit, child in _children(reading)]
    record = execution_record(reading)
    if json:
        print_json(record)
    else:
        printer = Printer(ascii_only=common.ascii)
        _print_head(printer, reading)
        if reading.is_damaged:
            more = typed("verify", execution, store=common.store)
            printer.line(
                (f"{printer.glyphs.failed} damaged", "red"), f"  shown up to event {reading.last}; see: {more}"
            )
            if reading.gap:
                printer.line(f"  {reading.gap}")
        _print_record(printer, "Inputs", record["inputs"])
        _print_record(printer, "Outputs", record["outputs"])
        if record["error"]:
            _print_error(printer, reading, record["error"])
        _print_paths(printer, reading)
        _print_steps(printer, reading)
        _print_children(printer, children)
        _print_waits(printer, reading)
        _print_signals(printer, reading, unread)
        printer.line()
        summary = reading.summary
        ways = ways_on(
            reading.history,
            summary.shown_status,
            execution,
            store=common.store,
            driven=summary.live,
            sent={message.topic or message.kind for message in unread},
        )
        printer.ways_on([] if reading.damage else ways)  # nobody drives what cannot be read to its end
        printer.hints(*_hints(reading, execution, common.store))
    reading.complain()
    return 0


def _print_head(printer: Printer, reading: Reading) -> None:
    summary = reading.summary
    printer.line(
        printer.status(summary.shown_status, loud=True), "  ", (summary.workflow_name, "bold"), f"  {summary.id}"
    )
    took = ""
    if summary.end_time is not None:
        took = f"took {shown_duration(seconds_between(summary.start_time, summary.end_time))}"
    facts = [
        f"started {shown_time(summary.start_time)}",
        took,
        f"{human_count(summary.last_event_seq)} events",
        f"{summary.path_count} paths" if summary.path_count > 1 else "",
        f"at {summary.at_step}" if summary.at_step and not summary.error else "",
        _recovered(reading),
        _lineage(printer, summary),
        *(f"{name}={value}" for name, value in summary.labels.items()),
    ]
    printer.line((printer.beside(*facts), "dim"))


def _recovered(reading: Reading) -> str:
    times = reading.history.latest.recoveries
    return "" if not times else "recovered once" if times == 1 else f"recovered {times:,} times"


def _lineage(printer: Printer, summary: ExecutionSummary) -> str:
    """`child of …k3rg2`."""
    lineage = summary.lineage if isinstance(summary.lineage, Mapping) else {}
    parent = lineage.get("execution_id")
    return f"{lineage.get('kind', '')} of {printer.short_id(str(parent))}".lstrip() if parent else ""


def _print_record(printer: Printer, title: str, record: Any) -> None:
    if record:
        printer.heading(title)
        printer.values(record.items())


def _print_error(printer: Printer, reading: Reading, error: dict[str, Any]) -> None:
    printer.heading("Error")
    printer.block(f"{error['type']}: {error['message']}", indent=2, style="red", most=20)
    sequence = reading.history.failure_sequence() or error["sequence"]
    cause = reading.history.event(sequence)
    trace = cause.data.get("traceback")
    trace = trace[-_MOST_TRACEBACK:] if isinstance(trace, str) else ""
    facts = [
        last_frame(trace),
        f"step {error['step']}" if error.get("step") else "",
        f"path {error['path']}" if error.get("path") else "",
        f"event {sequence}",
    ]
    printer.line("  ", (printer.beside(*facts), "dim"))
    if trace:
        printer.line()
        printer.block(trace, indent=2, style="dim")


def _print_paths(printer: Printer, reading: Reading) -> None:
    paths = list(reading.history.index.paths.values())
    if len(paths) < 2:
        return
    printer.heading("Paths")
    columns = [
        Column("PATH", [path.id for path in paths], rank=0, least=8),
        Column("STATUS", [printer.status(_path_status(reading, path)) for path in paths], rank=1),
        Column("FROM", [path.parent or "" for path in paths], rank=3, least=6),
        Column("STEPS", [str(len(path.units)) for path in paths], rank=2, align="right"),
    ]
    print_columns(printer, columns, indent=2)


def _path_status(reading: Reading, path: PathRecord) -> str:
    state = reading.history.latest.paths.get(path.id)
    return path.status if state is None else state.status


def _print_steps(printer: Printer, reading: Reading) -> None:
    rows = [row for unit in reading.history.index.units() for row in _rows(printer, unit)]
    if not rows:
        return
    several = len(reading.history.index.paths) > 1
    printer.heading("Steps")
    columns = [
        Column("PATH", [row["path"] if several else "" for row in rows], rank=5, least=6),
        Column("STEP", [row["step"] for row in rows], rank=0, least=8),
        Column("STATUS", [row["status"] for row in rows], rank=1),
        Column("TOOK", [row["took"] for row in rows], rank=2, align="right"),
        Column("EVENTS", [row["events"] for row in rows], rank=4, align="right"),
        Column("NOTE", [row["note"] for row in rows], rank=3, least=12),
    ]
    print_columns(printer, columns, indent=2)


def _children(reading: Reading) -> Iterator[tuple[ExecutionEvent, str]]:
    """The starts of steps that run a workflow as a child, with the child's id."""
    for event in reading.history:
        child = event.data.get("child_id")
        if event.event_type == ExecutionEventType.STEP_STARTED and isinstance(child, str):
            with contextlib.suppress(InvalidIdError):
                yield event, validate_execution_id(child)


def _print_children(printer: Printer, children: list[tuple[ExecutionEvent, ExecutionSummary | None]]) -> None:
    if not children:
        return
    printer.heading("Children")
    made = [summary for _, summary in children]
    columns = [
        Column("STEP", [f"{event.step_name} {try_of(event.data)}".rstrip() for event, _ in children], rank=1, least=8),
        Column("EXECUTION", [printer.short_id(child.id) if child else "" for child in made], rank=0),
        Column("WORKFLOW", [child.workflow_name if child else "" for child in made], rank=3, least=8),
        Column("STATUS", [printer.status(child.shown_status) if child else "not made" for child in made], rank=0),
        Column("NOTE", [_child_note(child) if child else "" for child in made], rank=2, least=12),
    ]
    print_columns(printer, columns, indent=2)


def _child_note(child: ExecutionSummary) -> Piece:
    return (one_line(child.error), "red") if child.error else child.waiting_for or ""


def _print_waits(printer: Printer, reading: Reading) -> None:
    waits = open_waits_of(reading.history)
    if not waits:
        return
    now = now_utc()
    printer.heading("Waits for")
    columns = [
        Column("PATH", [wait.path if reading.summary.path_count > 1 else "" for wait in waits], rank=3, least=6),
        Column("STEP", [wait.step for wait in waits], rank=1, least=8),
        Column("WHAT", [wait.words for wait in waits], rank=0, least=8),
        Column("UNTIL", [until(wait.due_at, now).removeprefix("until ") for wait in waits], rank=2, least=8),
    ]
    print_columns(printer, columns, indent=2)


def _print_signals(printer: Printer, reading: Reading, unread: list[ExecutionSignal]) -> None:
    """What has come for it and nobody has taken."""
    kept = [(signal["topic"], "no step has asked for it", signal["data"]) for signal in reading.history.latest.signals]
    kept += [(message.topic or message.kind, "not received yet", message.data) for message in unread]
    if not kept:
        return
    printer.heading("Messages")
    columns = [
        Column("WHAT", [what for what, _, _ in kept], rank=0, least=8),
        Column("STATUS", [status for _, status, _ in kept], rank=1),
        Column("DATA", [one_line(json_text(data)) for _, _, data in kept], rank=2, least=8),
    ]
    print_columns(printer, columns, indent=2)


def _rows(printer: Printer, unit: UnitRecord) -> Iterator[dict[str, Any]]:
    """A row for a unit, and one for each attempt or item of it that failed or is one of several tries."""
    single = unit.items is None and len(unit.attempts) == 1
    note: Piece = _items(unit) if unit.items is not None else ""
    if single:
        note = _note(unit.attempts[0])
    visit = f" (visit {unit.visit})" if unit.visit > 1 else ""
    yield _row(printer, unit.path, unit.step + visit, unit, note)
    if not single:
        for attempt in unit.attempts:
            if attempt.iteration is None or attempt.attempt > 1 or attempt.status == "failed":
                tried = f"attempt {attempt.attempt}" if attempt.iteration is None or attempt.attempt > 1 else ""
                item = f"item {attempt.iteration + 1} " if attempt.iteration is not None else ""
                label = f"  {item}{tried}".rstrip()
                yield _row(printer, unit.path, label, attempt, _note(attempt))


def _row(printer: Printer, path: str, step: str, span: UnitRecord | Attempt, note: Piece) -> dict[str, Any]:
    ended = span.ended_seq if span.ended_seq is not None else ""
    return {
        "path": path,
        "step": step,
        "status": printer.status(_status(span)),
        "took": shown_duration(seconds_between(span.started_at, span.ended_at)) if span.ended_at else "",
        "events": f"{span.started_seq}-{ended}",
        "note": note,
    }


def _status(span: UnitRecord | Attempt) -> str:
    return span.status if span.ended_seq is not None else span.status_at(sys.maxsize)


def _items(unit: UnitRecord) -> str:
    done = sum(attempt.status == "completed" for attempt in unit.latest_attempts())
    return f"{unit.items:,} items" if done == unit.items else f"{done:,} of {unit.items:,} items"


def _note(attempt: Attempt) -> Piece:
    error = f"{attempt.error_type}: {attempt.error}" if attempt.error_type else attempt.error
    if error:
        return (one_line(error), "red")
    return wait_words(attempt.waiting) if attempt.waiting is not None else ""


def _hints(reading: Reading, reference: str, store: str | None) -> list[str]:
    failure = reading.history.failure_sequence() if reading.history.latest.error is not None else None
    at = [typed("replay", reference, "--to", str(failure), store=store)] if failure else []
    position = f"{reference}@{failure}" if failure else reference
    return [typed("open", position, store=store), *at, typed("logs", reference, store=store)]
