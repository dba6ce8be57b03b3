"""A mismatch as people see it: what was recorded beside what was wanted, the differing lines marked."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, NamedTuple

from dive_tui.app.text import display_text, fit
from dive_tui.cli.printing import Printer, json_text
from engine.model.events import ExecutionEvent, JsonObject
from engine.replay.determinism import Mismatch

_SIDE_BY_SIDE = 90
"""Cells from which on two columns are readable."""
_CONTEXT = 2
"""Equal lines that are shown around those that differ."""
_MOST = 40


class Row(NamedTuple):
    """Two lines side by side; `mark` is one of ` ~-+`, seen from what was wanted."""

    mark: str
    recorded: str
    wanted: str


def print_mismatch(printer: Printer, mismatch: Mismatch) -> None:
    """The event in words, and both sides."""
    printer.line("  recorded  ", *_words(printer, mismatch, mismatch.recorded))
    if mismatch.wanted is None:
        printer.line("  wanted    ", ("nothing on this path", "dim"))
        wanted = ""
    else:
        due = mismatch.wanted.get("due_at")
        printer.line(
            "  wanted    ",
            *_words(printer, mismatch, mismatch.wanted),
            (f"  not before {due}" if due else "", "yellow"),
        )
        wanted = _text(mismatch.wanted)
    rows = list(aligned(_text(mismatch.recorded).splitlines(), wanted.splitlines()))
    shown = list(_near_differences(rows))
    printer.line()
    for row in shown[:_MOST]:
        _print_row(printer, row)
    if len(shown) > _MOST:
        printer.line((f"    {len(shown) - _MOST:,} more lines with --json", "dim"))


def aligned(recorded: list[str], wanted: list[str]) -> Iterator[Row]:
    """Lines that belong together side by side."""
    for kind, start, end, other_start, other_end in SequenceMatcher(
        None, recorded, wanted, autojunk=False
    ).get_opcodes():
        for left, right in zip_longest(recorded[start:end], wanted[other_start:other_end]):
            mark = " " if kind == "equal" else "+" if right is None else "-" if left is None else "~"
            yield Row(mark, left or "", right or "")


def _near_differences(rows: list[Row]) -> Iterator[Row]:
    marked = {at for at, row in enumerate(rows) if row.mark != " "}
    near = {at + by for at in marked for by in range(-_CONTEXT, _CONTEXT + 1)}
    skipped = False
    for at, row in enumerate(rows):
        if at in near:
            yield row
            skipped = False
        elif not skipped:
            yield Row(" ", "…", "…")
            skipped = True


def _print_row(printer: Printer, row: Row) -> None:
    glyphs = printer.glyphs
    sign, style = {
        "~": (glyphs.changed, "yellow"),
        "+": (glyphs.added, "green"),
        "-": (glyphs.removed, "red"),
    }.get(row.mark, (" ", "dim"))
    if printer.width >= _SIDE_BY_SIDE:
        cells = (printer.width - 9) // 2
        left, right = (fit(display_text(text), cells) for text in (row.recorded, row.wanted))
        printer.line(
            "  ", (sign, style), " ", (left, style), "  │ " if not glyphs.ascii else "  | ", (right.rstrip(), style)
        )
    elif row.mark == " ":
        printer.line("    ", (row.recorded, style))
    else:
        for name, text in (("recorded", row.recorded), ("wanted  ", row.wanted)):
            if text:
                printer.line("  ", (sign, style), f" {name} ", (text, style))


def _words(printer: Printer, mismatch: Mismatch, told: JsonObject) -> list[Any]:
    event = ExecutionEvent(
        "", "", told.get("path_id", ""), mismatch.sequence, "", told["event_type"], told.get("step_name", ""),
        told.get("data", {}),
    )  # fmt: skip
    what, path, step, said = printer.event(event)
    return [what, f"  {printer.within(path, step)}  ", (display_text(said[0])[: printer.width], said[1])]


def _text(told: JsonObject) -> str:
    return json_text({key: value for key, value in told.items() if key != "due_at"}, indented=True)
