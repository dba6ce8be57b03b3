"""What `dive-tui replay` prints: a past state, what an event changed, watches, stops, and who set a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dive_tui.app.text import display_text
from dive_tui.cli.printing import Printer, json_text, shown_time
from dive_tui.cli.reading import Reading
from dive_tui.cli.waits import wait_words
from dive_tui.widgets.events.event_words import elapsed_text
from engine.replay.addressing.addresses import MISSING
from engine.replay.addressing.setting import Write
from engine.replay.diffing.diff import Change
from engine.replay.history import History
from engine.replay.session.session import Stop
from engine.replay.session.watches import WatchValue
from engine.replay.view import changes_at

_MOST_CHANGES = 50


def print_state(printer: Printer, reading: Reading, result: Mapping[str, Any], stop: Stop | None = None) -> None:
    """Everything that was true after an event, where breakpoints may have stopped.

    `result`: what `ReplayResult.to_dict` gives.
    """
    at = result["sequence"]
    what, path, step, said = printer.event(reading.history.event(at))
    printer.line(
        printer.status(result["status"], loud=True),
        f"  {reading.summary.workflow_name}  ",
        (reading.summary.id, "dim"),
    )
    last = max(reading.summary.last_event_seq, len(reading.history))
    printer.line((f"event {at} of {last}  ", "dim"), what, f"  {printer.within(path, step)}")
    if said[0]:
        printer.line("  ", said)
    if stop is not None:
        printer.line(("stopped at breakpoint " + ", ".join(map(str, stop.breakpoints)), "magenta"))
    if reading.gap and at == reading.last:
        printer.line((f"{printer.glyphs.failed} damaged", "red"), f"  {reading.gap}")
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


def print_changes(printer: Printer, reading: Reading, at: int) -> None:
    """What an event changed."""
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
    if change.kind in ("changed", "moved") and len(label) + len(old) + len(new) + 8 <= printer.width:
        printer.line("  ", (label, style), f"  {old} {printer.glyphs.arrow} {new}")
    else:
        printer.value((label, style), change.old if change.kind == "removed" else change.new, most=5)


def print_watches(printer: Printer, watches: Sequence[WatchValue]) -> None:
    """What is at watched addresses, and where that was set."""
    if not watches:
        return
    printer.heading("Watches")
    for watch in watches:
        if watch.value is MISSING:
            printer.line("  ", (display_text(watch.address), "cyan"), ("  nothing is there", "dim"))
        else:
            printer.value((display_text(watch.address), "cyan"), watch.value)
        last = "" if watch.last_set is None else f"last set by event {watch.last_set}"
        previous = "" if watch.previous is None else f"before that by event {watch.previous}"
        if last:
            printer.line("    ", (printer.beside(last, previous), "dim"))


def print_stops(printer: Printer, history: History, stops: Sequence[Stop]) -> None:
    """Where breakpoints stop, a line each."""
    width = len(f"{max(stop.sequence for stop in stops):,}") if stops else 0
    for stop in stops:
        what, path, step, said = printer.event(history.event(stop.sequence))
        numbers = ",".join(map(str, stop.breakpoints))
        printer.line(
            f"{stop.sequence:>{width},}  ",
            (f"{elapsed_text(history.columns.seconds(stop.sequence)):>9}  ", "dim"),
            (f"breakpoint {numbers}  ", "magenta"),
            what,
            f"  {printer.within(path, step)}",
            *(("  ", said) if said[0] else ()),
        )


def print_write(
    printer: Printer, history: History, address: str, write: Write, origin: int | None, previous: Write | None
) -> None:
    """Who set a value, and what it was before that; `origin`: the event that wrote what this one copied."""
    what, path, step, said = printer.event(history.event(write.sequence))
    printer.line((display_text(address), "bold"), f"  was set by event {write.sequence}")
    printer.line("  ", what, f"  {printer.within(path, step)}", *(("  ", said) if said[0] else ()))
    for name, value in (("before", write.old), ("after", write.new)):
        if value is MISSING:
            printer.line("  ", (f"{name:<6}", "cyan"), ("  nothing", "dim"))
        else:
            printer.value((f"{name:<6}", "cyan"), value)
    if origin is not None:
        printer.line((f"it is a copy of what event {origin} wrote", "dim"))
    if previous is not None:
        printer.line((f"before that it was set by event {previous.sequence}", "dim"))
