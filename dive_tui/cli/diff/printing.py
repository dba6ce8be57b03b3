"""Differences between two values, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import unified_diff
from itertools import groupby

from dive_tui.app.text import display_text
from dive_tui.cli.printing import Printer, json_text
from dive_tui.cli.several import counted
from engine.replay.diffing.diff import Change
from engine.replay.diffing.explain import Explained
from engine.replay.history import History

MOST_SHOWN = 200
"""Differences that are printed; all are in the JSON."""
_MOST_LINES = 12
"""Of one value, or of one text compared line by line."""
_LONGEST_TEXT = 20_000
"""Characters of a text that is compared line by line."""


def print_differences(
    printer: Printer, changes: Sequence[Explained], more: bool, same: Iterable[str], history: History | None = None
) -> None:
    """The differences, a group for each part of the whole; the parts in which nothing differs in one line.

    `history` tells what the events that made them were.
    """
    shown = changes[:MOST_SHOWN]
    for _, members in groupby(shown, key=lambda explained: explained.change.keys[:1]):
        printer.console.print()
        for explained in members:
            print_change(printer, explained.change, _by(printer, explained.by, history))
    if len(changes) > len(shown) or more:
        count = f"{len(changes) - len(shown):,} more" if len(changes) > len(shown) else "and more"
        printer.line((f"{printer.glyphs.ellipsis} {count} with --json", "dim"))
    equal = printer.beside(*same)
    if equal:
        printer.console.print()
        printer.line((f"the same: {equal}", "dim"))


def answer(count: int, more: bool) -> str:
    """`3 differences`, `1,000 differences and more`."""
    return f"{counted(count, 'difference')}{' and more' if more else ''}"


def _by(printer: Printer, by: int | None, history: History | None) -> str:
    if by is None:
        return ""
    if history is None or by > len(history):
        return f"by #{by}"
    event = history.event(by)
    return f"by #{by} {printer.within(event.event_type, event.step_name)}"


def print_change(printer: Printer, change: Change, by: str = "") -> None:
    """One difference: in a line where it fits, else the values below."""
    sign, style = {
        "added": (printer.glyphs.added, "green"),
        "removed": (printer.glyphs.removed, "red"),
    }.get(change.kind, (printer.glyphs.changed, "yellow"))
    label, end = f"{sign} {display_text(change.address) or 'the whole'}", (f"  {by}" if by else "", "dim")
    if change.kind == "changed" and _is_compared_by_line(change.old, change.new):
        printer.line("  ", (label, style), end)
        _print_lines(printer, change.old, change.new)
        return
    compact = _compact(printer, change)
    if 2 + len(label) + 2 + len(compact) + len(end[0]) <= printer.width:
        printer.line("  ", (label, style), f"  {compact}", end)
        return
    printer.line("  ", (label, style), end)
    if change.kind in ("changed", "removed"):
        printer.value((printer.glyphs.removed, "red"), change.old, indent=4, most=_MOST_LINES)
    if change.kind in ("changed", "added"):
        printer.value((printer.glyphs.added, "green"), change.new, indent=4, most=_MOST_LINES)
    if change.kind == "moved":
        printer.line("    ", compact)


def _compact(printer: Printer, change: Change) -> str:
    if change.kind == "moved":
        return f"moved here from {display_text(change.old)}"
    if change.kind == "changed":
        return f"{json_text(change.old)} {printer.glyphs.arrow} {json_text(change.new)}"
    return json_text(change.old if change.kind == "removed" else change.new)


def _is_compared_by_line(old: object, new: object) -> bool:
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    return ("\n" in old or "\n" in new) and max(len(old), len(new)) <= _LONGEST_TEXT


def _print_lines(printer: Printer, old: str, new: str) -> None:
    lines = [*unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm="")][2:]
    styles = {"+": "green", "-": "red", "@": "dim"}
    for line in lines[:_MOST_LINES]:
        printer.line("    ", (line, styles.get(line[:1], "")))
    if len(lines) > _MOST_LINES:
        printer.line((f"    {printer.glyphs.ellipsis} more with --json", "dim"))
