"""Two executions compared, as `dive-tui diff` prints them: where they part first, then unit beside unit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dive_tui.app.text import display_text, ellipsize, fit, pad
from dive_tui.cli.diff.printing import print_change
from dive_tui.cli.printing import Piece, Printer, one_line, print_json, shown_duration
from dive_tui.cli.progress import shown_progress
from dive_tui.cli.reading import Reading
from engine.replay.comparing.compare import (
    Aligned,
    Compared,
    Comparison,
    Equal,
    OnlyLeft,
    OnlyRight,
    Pair,
    Part,
    Row,
    Unit,
    compare_executions,
)
from engine.replay.comparing.words import divergence_words, unit_words

DIFFERENT = 1
_MOST_ROWS = 200
_MOST_CHANGES = 6
"""Of one row."""
_SIDE = 26
"""Cells of what one side of a row says: glyph, status and duration."""
_NARROWEST_NAME, _WIDEST_NAME = 12, 40


def diff_executions(
    left: Reading,
    right: Reading,
    *,
    ignore: Collection[str] = (),
    timing: float | None = 2.0,
    json: bool = False,
    ascii_only: bool = False,
    why: str = "",
) -> int:
    """Compare two executions and print what came of it; 1 when they differ, else 0.

    `why` says what the left one is to the right one when nobody named it. Their store must still be open.

    Raises:
        CommandError: something of one of them could not be read; said after everything that could.
        StoreError: an event cannot be read any more.
    """
    with shown_progress("comparing", "events") as progress:
        comparison = compare_executions(
            left.history,
            right.history,
            ignore=ignore,
            timing=timing,
            progress=lambda done, total: progress(done, total, ""),
        )
    if json:
        print_json(comparison_record(comparison, left, right))
    else:
        print_comparison(Printer(ascii_only=ascii_only), comparison, left, right, why)
    left.complain()
    right.complain()
    return 0 if comparison.equal else DIFFERENT


def comparison_record(comparison: Comparison, left: Reading, right: Reading) -> dict[str, Any]:
    """The comparison as JSON, with the summaries of both executions."""
    record = comparison.to_dict()
    record["left"] |= left.summary.to_dict()
    record["right"] |= right.summary.to_dict()
    return record


def print_comparison(printer: Printer, comparison: Comparison, left: Reading, right: Reading, why: str = "") -> None:
    """The executions, where they part first, and their units side by side.

    Raises:
        StoreError: an event cannot be read any more.
    """
    for sign, style, reading, told in (
        (printer.glyphs.removed, "red", left, why),
        (printer.glyphs.added, "green", right, ""),
    ):
        summary = reading.summary
        printer.line(
            (sign, style),
            f" {summary.workflow_name}  ",
            (summary.id, "dim"),
            "  ",
            printer.status(summary.shown_status),
            (f"  {told}" if told else "", "dim"),
        )
    for note in comparison.notes:
        printer.line((f"{printer.glyphs.info} {note}", "yellow"))
    printer.console.print()
    _print_answer(printer, comparison)
    if comparison.inputs or comparison.definition:
        printer.heading("Inputs and definition")
        _print_changes(printer, [*comparison.inputs, *comparison.definition], most=4 * _MOST_CHANGES)
    if comparison.rows:
        printer.heading("Steps")
        _print_rows(printer, comparison)
    if comparison.outcome:
        printer.heading("End")
        _print_changes(printer, comparison.outcome)


def _print_answer(printer: Printer, comparison: Comparison) -> None:
    counts = comparison.counts
    if comparison.first is None:
        printer.line((printer.glyphs.completed, "green"), " nothing differs", (_slower(comparison), "dim"))
        return
    where, what = divergence_words(comparison, comparison.first, printer.glyphs.arrow, printer.glyphs.within)
    printer.line(("First divergence: ", "bold"), (where, "bold cyan"), f"  {one_line(what)}")
    facts = (
        f"{counts.same + counts.timing:,} the same",
        f"{counts.different:,} different" if counts.different else "",
        f"{counts.only_left:,} only left" if counts.only_left else "",
        f"{counts.only_right:,} only right" if counts.only_right else "",
    )
    printer.line((f"steps: {printer.beside(*facts)}{_slower(comparison)}", "dim"))


def _slower(comparison: Comparison) -> str:
    count = comparison.counts.timing
    return f"; {count:,} took another time" if count else ""


def _print_rows(printer: Printer, comparison: Comparison) -> None:
    shown = comparison.rows[:_MOST_ROWS]
    names = [unit_words(unit, printer.glyphs.within) for row in shown for unit in _units_of(row)]
    room = min(_WIDEST_NAME, max(_NARROWEST_NAME, printer.width - 2 * _SIDE - 6))
    name_cells = max(_NARROWEST_NAME, min(room, max(len(display_text(name)) for name in names) if names else 0))
    for row in shown:
        if isinstance(row, Equal):
            mark = printer.glyphs.ellipsis
            printer.line((f"  {mark} {row.count:,} step{'' if row.count == 1 else 's'} the same {mark}", "dim"))
            continue
        _print_row(printer, comparison, row, name_cells)
    if len(comparison.rows) > len(shown):
        printer.line((f"{printer.glyphs.ellipsis} {len(comparison.rows) - len(shown):,} more with --json", "dim"))


def _print_row(printer: Printer, comparison: Comparison, row: Aligned, cells: int) -> None:
    left = row.left if isinstance(row, Pair) else row.unit if isinstance(row, OnlyLeft) else None
    right = row.right if isinstance(row, Pair) else row.unit if isinstance(row, OnlyRight) else None
    unit = left or right
    assert unit is not None
    sign, style = _sign(printer, row)
    name = fit(display_text(unit_words(unit, printer.glyphs.within)), cells)
    printer.line(
        (f"{sign} {name}  ", style),
        _side(printer, left, _SIDE),
        (f" {printer.glyphs.tab_line}{' ' if right else ''}", "dim"),
        _side(printer, right),
        (_times(row), "dim"),
    )
    if isinstance(row, Pair):
        changes = [change for change in comparison.differences(row) if change.part is not Part.TIMING]
        _print_changes(printer, changes, place=row.left.address)


def _sign(printer: Printer, row: Aligned) -> tuple[str, str]:
    if isinstance(row, OnlyLeft):
        return printer.glyphs.removed, "red"
    if isinstance(row, OnlyRight):
        return printer.glyphs.added, "green"
    return (printer.glyphs.changed, "yellow") if row.differs else (" ", "dim")


def _times(row: Aligned) -> str:
    """How much longer or shorter it took on the right, where that is told."""
    if not isinstance(row, Pair) or Part.TIMING not in row.differences:
        return ""
    left, right = row.left.seconds or 0.0, row.right.seconds or 0.0
    if not min(left, right):
        return "  slower" if right else "  faster"
    return f"  {right / left:,.1f}x slower" if right > left else f"  {left / right:,.1f}x faster"


def _side(printer: Printer, unit: Unit | None, cells: int = 0) -> Piece:
    """What one of them says of a unit: its status and how long it took."""
    if unit is None:
        return " " * cells
    text, style = printer.status(unit.status)
    tries = f" {len(unit.tries)}x" if len(unit.tries) > 1 else ""
    took = "" if unit.seconds is None else f"  {shown_duration(unit.seconds)}"
    return pad(ellipsize(f"{text}{tries}{took}", _SIDE), cells), style


def _units_of(row: Row) -> list[Unit]:
    if isinstance(row, Equal):
        return []
    return [row.left] if isinstance(row, Pair) else [row.unit]


def _print_changes(printer: Printer, changes: list[Compared], *, place: str = "", most: int = _MOST_CHANGES) -> None:
    """Changes with addresses counted from a place."""
    for compared in changes[:most]:
        address = compared.change.address.removeprefix(place).lstrip(".")
        print_change(printer, compared.change._replace(address=address), _by(printer, compared))
    if len(changes) > most:
        printer.line("  ", (f"{printer.glyphs.ellipsis} {len(changes) - most:,} more with --json", "dim"))


def _by(printer: Printer, compared: Compared) -> str:
    """The events that recorded both values."""
    events = [f"#{by}" for by in (compared.by_left, compared.by) if by is not None]
    return f" {printer.glyphs.arrow} ".join(dict.fromkeys(events))
