"""`dive-tui replay`: everything that was true at an event, and what that event changed; nothing is run."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from dive_tui.app.text import display_text
from dive_tui.cli.options import Common, Execution, Json
from dive_tui.cli.printing import Printer, json_text, print_json, shown_time, typed
from dive_tui.cli.problems import UsageError
from dive_tui.cli.reading import Reading, read_execution
from dive_tui.cli.selecting import find_execution, opened_store
from dive_tui.cli.waits import wait_words
from engine.core.references import split_position
from engine.replay.diff import Change
from engine.replay.replayer import ReplayResult
from engine.replay.view import changes_at

_MOST_CHANGES = 50


async def replay(
    execution: Execution,
    /,
    *,
    to: Annotated[int | None, Parameter(name="--to", metavar="SEQ")] = None,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Rebuild the state after an event, and what the event changed.

    Nothing is run: all of it comes from the recorded history.

    Parameters
    ----------
    to
        The event, counted from 1; by default the last one, or SEQ of EXEC@SEQ.
    """
    reference, position = split_position(execution)
    to = position if to is None else to
    if to is not None and to < 1:
        raise UsageError(f"--to must be an event number from 1, not {to}")
    async with opened_store(common) as store:
        execution_id = await find_execution(store, reference)
        reading = await read_execution(store, execution_id, to)
    if to is not None and to > len(reading.history) and not reading.damage:
        raise UsageError(f"{execution_id} has events 1 to {len(reading.history):,}; there is no event {to:,}")
    at = min(to or reading.last, reading.last)
    result = ReplayResult.of(reading.history, at).to_dict()
    if json:
        print_json(result)
    else:
        printer = Printer(ascii_only=common.ascii)
        _print_state(printer, reading, result)
        _print_changes(printer, reading, at)
        if at > 1:
            printer.line()
            printer.hints(typed("replay", reference, "--to", str(at - 1), store=common.store))
    reading.complain()
    return 0


def _print_state(printer: Printer, reading: Reading, result: dict[str, Any]) -> None:
    at = result["sequence"]
    what, path, step, said = printer.event(reading.history.event(at))
    printer.line(
        printer.status(result["status"], loud=True),
        f"  {reading.summary.workflow_name}  ",
        (reading.summary.id, "dim"),
    )
    printer.line((f"event {at} of {reading.summary.last_event_seq}  ", "dim"), what, f"  {printer.within(path, step)}")
    if said[0]:
        printer.line("  ", said)
    _print_record(printer, "Inputs", result["inputs"])
    _print_record(printer, "Outputs", result["outputs"])
    for name, path in result["paths"].items():
        printer.heading(f"Path {display_text(name)}")
        step = f" at {path['current_step']}" if path.get("current_step") else ""
        waiting = path.get("waiting_for")
        waits = _waits(waiting) if waiting else ""
        printer.line("  ", printer.status(str(path["status"])), step, (waits, "yellow"))
        printer.values(path.get("variables", {}).items(), indent=4)
    _print_record(printer, "Signals", {f"{s['topic']} (message {s['ordinal']})": s["data"] for s in result["signals"]})


def _waits(waiting: dict[str, Any]) -> str:
    due = waiting.get("due_at")
    limit = f" until {shown_time(due)}" if due else ""
    return f"  {wait_words(waiting)}{limit}"


def _print_record(printer: Printer, title: str, record: Any) -> None:
    if record:
        printer.heading(title)
        printer.values(record.items())


def _print_changes(printer: Printer, reading: Reading, at: int) -> None:
    changes, more = changes_at(reading.history, at, limit=_MOST_CHANGES)
    printer.heading(f"What event {at} changed")
    if not changes:
        printer.line("  nothing")
    for change in changes:
        _print_change(printer, change)
    if more:
        printer.line(("  and more", "dim"))


def _print_change(printer: Printer, change: Change) -> None:
    sign, style = {
        "added": (printer.glyphs.added, "green"),
        "removed": (printer.glyphs.removed, "red"),
    }.get(change.kind, (printer.glyphs.changed, "yellow"))
    label = f"{sign} {display_text(change.address)}"
    old, new = json_text(change.old), json_text(change.new)
    if change.kind == "changed" and len(label) + len(old) + len(new) + 8 <= printer.width:
        printer.line("  ", (label, style), f"  {old} {printer.glyphs.arrow} {new}")
    else:
        printer.value((label, style), change.old if change.kind == "removed" else change.new, most=5)
