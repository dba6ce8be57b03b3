"""`dive-tui show`: one execution at a glance, and its failure in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dive_tui.app.text import human_count
from dive_tui.cli.columns import Column, print_columns
from dive_tui.cli.options import Common, Execution, Json
from dive_tui.cli.printing import Piece, Printer, last_frame, one_line, print_json, shown_duration, shown_time, typed
from dive_tui.cli.reading import Reading, execution_record, read_execution
from dive_tui.cli.selecting import find_execution, opened_store
from engine.model.snapshot import ExecutionSummary
from engine.model.times import seconds_between
from engine.replay.index import Attempt, UnitRecord

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
    record = execution_record(reading)
    if json:
        print_json(record)
    else:
        printer = Printer(ascii_only=common.ascii)
        _print_head(printer, reading.summary)
        _print_record(printer, "Inputs", record["inputs"])
        _print_record(printer, "Outputs", record["outputs"])
        if record["error"]:
            _print_error(printer, reading, record["error"])
        _print_paths(printer, reading)
        _print_steps(printer, reading)
        printer.line()
        printer.hints(*_hints(reading, execution, common.store))
    reading.complain()
    return 0


def _print_head(printer: Printer, summary: ExecutionSummary) -> None:
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
        *(f"{name}={value}" for name, value in summary.labels.items()),
    ]
    printer.line((printer.beside(*facts), "dim"))


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
        Column("STATUS", [printer.status(path.status) for path in paths], rank=1),
        Column("FROM", [path.parent or "" for path in paths], rank=3, least=6),
        Column("STEPS", [str(len(path.units)) for path in paths], rank=2, align="right"),
    ]
    print_columns(printer, columns, indent=2)


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


def _rows(printer: Printer, unit: UnitRecord) -> Iterator[dict[str, Any]]:
    """A row for a unit, and one for each attempt or item of it that failed or is one of several tries."""
    single = unit.items is None and len(unit.attempts) == 1
    note: Piece = _items(unit) if unit.items is not None else ""
    if single:
        note = _error(unit.attempts[0])
    visit = f" (visit {unit.visit})" if unit.visit > 1 else ""
    yield _row(printer, unit.path, unit.step + visit, unit, note)
    if not single:
        for attempt in unit.attempts:
            if attempt.iteration is None or attempt.status == "failed":
                label = (
                    f"  attempt {attempt.attempt}" if attempt.iteration is None else f"  item {attempt.iteration + 1}"
                )
                yield _row(printer, unit.path, label, attempt, _error(attempt))


def _row(printer: Printer, path: str, step: str, span: UnitRecord | Attempt, note: Piece) -> dict[str, Any]:
    ended = span.ended_seq if span.ended_seq is not None else ""
    return {
        "path": path,
        "step": step,
        "status": printer.status(span.status),
        "took": shown_duration(seconds_between(span.started_at, span.ended_at)) if span.ended_at else "",
        "events": f"{span.started_seq}-{ended}",
        "note": note,
    }


def _items(unit: UnitRecord) -> str:
    done = sum(attempt.status == "completed" for attempt in unit.attempts)
    return f"{unit.items:,} items" if done == unit.items else f"{done:,} of {unit.items:,} items"


def _error(attempt: Attempt) -> Piece:
    return (one_line(f"{attempt.error_type}: {attempt.error}" if attempt.error_type else attempt.error), "red")


def _hints(reading: Reading, reference: str, store: str | None) -> list[str]:
    failure = reading.history.failure_sequence()
    at = [typed("replay", reference, "--to", str(failure), store=store)] if failure else []
    position = f"{reference}@{failure}" if failure else reference
    return [typed("open", position, store=store), *at, typed("logs", reference, store=store)]
