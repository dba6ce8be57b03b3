"""What an event changed in the state, by address."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_text, human_count
from dive_tui.widgets.json.json_text import preview, style_of
from dive_tui.widgets.latest import Latest
from dive_tui.widgets.steady import SteadyView
from engine.replay.diffing.diff import Change, Differences

SHOWN = 200
"""The most changes that are listed."""
_INDENT = 4


class _Row(NamedTuple):
    change: Change | None
    """None for the last row, which counts the rest."""
    part: str
    """`whole`, or `address` and `values` where one line is too short."""


class ChangesView(SteadyView):
    """A line per change, or two where one is too short: `~ address  old → new`."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._differences = Differences([])
        self._rows: list[_Row] = []
        self._generation = 0
        self._wanted = ""
        self._work: Latest[tuple[Differences, str]] = Latest(self, "changes", self._install, self._complain)

    @property
    def row_count(self) -> int:
        """Lines of changes."""
        return len(self._rows)

    @property
    def current(self) -> Change | None:
        """The change under the cursor."""
        return self._rows[self.cursor].change if self._rows else None

    def point_at(self, address: str) -> None:
        """Once the next changes are shown, put the cursor on the one that is about this address, or about a part of it
        or what it is a part of."""
        self._wanted = address

    def show(self, find: Callable[[], Differences], nothing: str) -> None:
        """Show the changes `find` returns, called in a thread; where there are none, say `nothing`."""
        self._work.ask(lambda: (find(), nothing))

    def clear(self) -> None:
        """Show nothing."""
        self._work.forget()
        self._differences = Differences([])
        self._lay_out()

    def _install(self, found: tuple[Differences, str]) -> None:
        self._differences, nothing = found
        self.set_placeholder("empty", nothing)
        self.scroll_to(y=0, animate=False, force=True)
        self._lay_out()
        self.move_to(self._wanted_row())
        self._wanted = ""

    def _wanted_row(self) -> int:
        """The row of the change that is about the wanted address; 0 when none is."""
        return next((row for row, (change, _) in enumerate(self._rows) if change and self._concerns(change)), 0)

    def _concerns(self, change: Change) -> bool:
        return bool(self._wanted) and (
            is_within(self._wanted, change.address) or is_within(change.address, self._wanted)
        )

    def _complain(self, sentence: str) -> None:
        self.clear()
        self.set_placeholder("error", f"The changes cannot be shown: {sentence}")

    def _lay_out(self) -> None:
        width = self.row_width - 1
        self._rows = []
        for change in self._differences.changes[:SHOWN]:
            whole = _cells(change, width) <= width
            self._rows += [_Row(change, "whole")] if whole else [_Row(change, "address"), _Row(change, "values")]
        if len(self._differences.changes) > SHOWN or self._differences.more:
            self._rows.append(_Row(None, "whole"))
        self._generation += 1
        self.rows_changed()

    def on_resize(self) -> None:
        """What fits one line depends on the width."""
        super().on_resize()
        self._lay_out()

    def row_key(self, index: int) -> Hashable:
        """Rows are drawn anew with every event."""
        return self._generation, index

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a change, or half of one."""
        change, part = self._rows[index]
        if change is None:
            more = human_count(len(self._differences.changes) - SHOWN)
            return Strip([Segment(f"and {more}{'+' if self._differences.more else ''} more", self.palette["dim"])])
        if part == "address":
            return Strip(self._address(change, width))
        if part == "values":
            return Strip([Segment(" " * _INDENT), *self._values(change, max(8, width - _INDENT))])
        return Strip(self._whole(change, width))

    def _whole(self, change: Change, width: int) -> list[Segment]:
        return [*self._address(change, width), Segment("  "), *self._values(change, width)]

    def _address(self, change: Change, width: int) -> list[Segment]:
        kind = "changed" if change.kind == "moved" else change.kind
        sign: str = getattr(self.glyphs, kind)
        return [
            Segment(f"{sign} ", self.palette[f"bold {kind}"]),
            Segment(display_text(change.address, max_cells=max(1, width - 2)), self.palette["text"]),
        ]

    def _values(self, change: Change, width: int) -> list[Segment]:
        """`old → new`, the old one dim; where both are long, each gets half of the line."""
        if change.kind == "added":
            return [Segment(preview(change.new, width), self.palette[style_of(change.new)])]
        if change.kind == "removed":
            return [Segment(preview(change.old, width), self.palette["dim"])]
        arrow = f" {self.glyphs.arrow} "
        room = max(8, width - cell_len(arrow))
        old = preview(change.old, max(room // 2, room - cell_len(preview(change.new, room))))
        return [
            Segment(old, self.palette["dim"]),
            Segment(arrow, self.palette["dim"]),
            Segment(preview(change.new, room - cell_len(old)), self.palette[f"bold {style_of(change.new)}"]),
        ]


def _cells(change: Change, limit: int) -> int:
    """The width of a change on one line; beyond the limit just something larger."""
    values = {"added": (change.new,), "removed": (change.old,)}.get(change.kind, (change.old, change.new))
    texts = [display_text(change.address, max_cells=limit + 1), *(preview(value, limit + 1) for value in values)]
    return 4 + sum(cell_len(text) for text in texts) + 3 * (len(values) - 1)


def is_within(address: str, other: str) -> bool:
    """Whether an address is another one or leads into what is there."""
    return address == other or (address.startswith(other) and address[len(other)] in ".[")
