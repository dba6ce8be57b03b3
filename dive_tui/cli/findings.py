"""What is wrong in a store, as a table for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dive_tui.app.text import display_text
from dive_tui.cli.printing import Printer, one_line
from stores.maintenance import Finding, Mended

KIND_STYLES = {"damaged": "red", "torn": "yellow", "stale": "yellow", "foreign": "dim", "unsafe": "red"}
_ROOM_FOR_COLUMNS = 72
_KEPT = re.compile(r"(?:^|(?<=\s))/[^,;]*|\S+\.(?:torn|damaged)-\d+")
"""Where something is kept, in what a store says of a repair."""


def print_findings(printer: Printer, findings: Iterable[Finding]) -> None:
    """A line or more for each: what is wrong where, and what `repair` would do about it."""
    rows = [(*_what(printer, finding), finding.remedy or _without_remedy(finding)) for finding in findings]
    _print_table(printer, ("", "EXECUTION", "WHERE", "WHAT", "REPAIR"), rows)


def print_mended(printer: Printer, mended: Iterable[Mended]) -> None:
    """A line or more for each: what was wrong where, and what was done about it."""
    rows, kept = [], []
    for one in mended:
        rows.append((*_what(printer, one.finding), _KEPT.sub(lambda found: _name_of(found[0]), one.outcome)))
        kept += [(one.finding.execution_id, found) for found in _KEPT.findall(one.outcome)]
    _print_table(printer, ("", "EXECUTION", "WHERE", "WHAT", "DONE"), rows)
    if kept:
        printer.heading("Kept aside")
    for name, path in dict.fromkeys(kept):
        printer.line(f"  {path}", (f"  {printer.short_id(name)}" if name else "", "dim"))


def _name_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _without_remedy(finding: Finding) -> str:
    return "it is left alone" if finding.kind == "foreign" else "nothing can be done"


def _what(printer: Printer, finding: Finding) -> tuple[str, str, str, str]:
    name = printer.short_id(finding.execution_id) if finding.execution_id else ""
    return finding.kind, name, finding.place, finding.problem


def _print_table(printer: Printer, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if printer.width < _ROOM_FOR_COLUMNS:
        for kind, name, place, problem, then in rows:
            printer.line((kind, KIND_STYLES.get(kind, "")), f" {printer.beside(name, one_line(place))}")
            printer.block(one_line(problem), indent=2)
            printer.block(f"{titles[-1].lower()}: {one_line(then)}", indent=2)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title, share in zip(titles, (0, 0, 2, 3, 2), strict=True):
        table.add_column(title, ratio=share or None, no_wrap=not share, overflow="fold")
    for kind, *cells in rows:
        shown = [Text(display_text(one_line(cell))) for cell in cells]
        table.add_row(Text(display_text(kind), KIND_STYLES.get(kind, "")), *shown)
    printer.console.print(table)  # its cells are wrapped: what is wrong must not be cut
