"""Columns that fit the width of a line: the least important ones go, and the longest are cut."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from dive_tui.app.text import display_text, fit
from dive_tui.cli.printing import Piece, Printer

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of any text. The fewer cells there are, the more columns of high `rank` go."""

    title: str
    cells: list[Piece]
    rank: int
    """0 stays longest."""
    least: int = 0
    """Cells below which it is of no use and goes; 0: it is never cut."""
    align: str = "left"

    @property
    def natural(self) -> int:
        """Cells it would like to have."""
        return max(cell_len(display_text(text)) for text in (self.title, *(_text(cell) for cell in self.cells)))

    @property
    def minimum(self) -> int:
        """Cells it must have."""
        return min(self.least, self.natural) if self.least else self.natural


def _styled(cell: Piece) -> tuple[str, str]:
    return (cell, "") if isinstance(cell, str) else cell


def _text(cell: Piece) -> str:
    return _styled(cell)[0]


def lay_out(columns: list[Column], width: int) -> list[tuple[Column, int]]:
    """Those columns that fit, in their order, each with its cells; one without any text is left out."""
    kept = [column for column in columns if any(_text(cell) for cell in column.cells)]
    while len(kept) > 1 and _span([column.minimum for column in kept]) > width:
        kept.remove(max(kept, key=lambda column: column.rank))
    given = {id(column): column.minimum for column in kept}
    free = width - _span(list(given.values()))
    for column in sorted(kept, key=lambda column: column.rank):
        more = max(0, min(free, column.natural - column.minimum))
        given[id(column)] += more
        free -= more
    return [(column, given[id(column)]) for column in kept]


def _span(widths: list[int]) -> int:
    return sum(widths) + GAP * max(0, len(widths) - 1)


def print_columns(printer: Printer, columns: list[Column], *, indent: int = 0) -> None:
    """Print a heading and a line per row, none longer than the width."""
    placed = lay_out(columns, printer.width - indent)
    rows: list[list[tuple[str, str]]] = [[(column.title, "dim") for column, _ in placed]]
    rows += [
        [
            (_text(column.cells[at]), "" if isinstance(column.cells[at], str) else column.cells[at][1])
            for column, _ in placed
        ]
        for at in range(len(columns[0].cells))
    ]
    for row in rows:
        pieces: list[tuple[str, str]] = [(" " * indent, "")]
        for (text, style), (column, cells) in zip(row, placed, strict=True):
            pieces.append((fit(display_text(text), cells, align=column.align) + " " * GAP, style))
        while pieces and not pieces[-1][0].strip():
            pieces.pop()
        *before, (text, style) = pieces
        printer.line(*before, (text.rstrip(), style))
