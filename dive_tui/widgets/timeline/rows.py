"""Which rows the timeline has: every path, and under each unfolded one its units. Rows are found, never stored.

On a path with many units the visits of a step share one row.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from dive_tui.widgets.outline import Outline
from engine.replay.history import History
from engine.replay.index import PathRecord, StepIndex, UnitRecord

FEW_UNITS = 100
"""Up to so many units of a path each has a row of its own; beyond, each step has one."""
_LOOK_BACK = 64
"""Events looked back for one that happened on a path, from one that concerns the whole execution."""


class Row(NamedTuple):
    """One row: a path, or units of it."""

    path: PathRecord
    number: int
    """The path's place among all paths, from 0: it chooses the hue."""
    units: Sequence[UnitRecord] = ()
    """The one unit, or all visits of one step; none for the row of the path itself."""
    folded: bool = False
    """Whether the path's units are hidden."""

    @property
    def unit(self) -> UnitRecord | None:
        """The only unit of the row."""
        return self.units[0] if len(self.units) == 1 else None


class RowList:
    """The rows of a step index, which may grow; call `arrange` when it has."""

    def __init__(self, index: StepIndex, outline: Outline) -> None:
        self._index = index
        self._outline = outline
        self._paths: list[PathRecord] = []
        self._numbers: dict[str, int] = {}
        self._starts: list[int] = []
        self._count = 0
        self.wanted = 0
        """How many rows there were if nothing was folded."""
        self._room = 0
        self._chosen: dict[str, bool] = {}
        self._folded: set[str] = set()

    def arrange(self, room: int | None = None) -> None:
        """Lay the rows out anew; with more of them than `room`, paths that came to a good end are folded.

        What a person folded or unfolded stays so.
        """
        if room is not None:
            self._room = room
        self._paths = list(self._index.paths.values())
        self._numbers = {path.id: number for number, path in enumerate(self._paths)}
        self.wanted = sum(1 + self._inside(path) for path in self._paths)
        crowded = self.wanted > self._room
        self._folded = {path.id for path in self._paths if self._folds(path, crowded)}
        self._starts = []
        self._count = 0
        for path in self._paths:
            self._starts.append(self._count)
            self._count += 1 if path.id in self._folded else 1 + self._inside(path)

    def _inside(self, path: PathRecord) -> int:
        """How many rows a path has when it is unfolded, its own aside."""
        return len(path.units) if len(path.units) <= FEW_UNITS else len(self._outline.visits(path.id))

    def _folds(self, path: PathRecord, crowded: bool) -> bool:
        chosen = self._chosen.get(path.id)
        return chosen if chosen is not None else crowded and path.status == "completed" and len(path.units) > 1

    def toggle(self, path_id: str) -> None:
        """Fold a path, or unfold it."""
        self._chosen[path_id] = path_id not in self._folded
        self.arrange()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Row:
        if not 0 <= index < self._count:
            raise IndexError(index)
        number = bisect_right(self._starts, index) - 1
        path, place = self._paths[number], index - self._starts[number] - 1
        folded = path.id in self._folded
        if place < 0:
            return Row(path, number, (), folded)
        if len(path.units) <= FEW_UNITS:
            return Row(path, number, (path.units[place],), folded)
        return Row(path, number, self._outline.visits(path.id)[place], folded)

    def row_of(self, history: History, sequence: int) -> int:
        """The row an event belongs to; for one about the whole execution that of the event before it."""
        for near in range(sequence, max(0, sequence - _LOOK_BACK), -1):
            path_id = history.columns.path(near)
            number = self._numbers.get(path_id)
            if number is not None:
                unit = None if path_id in self._folded else self._index.unit_at(near)
                return self._starts[number] + (0 if unit is None else 1 + self._place(self._paths[number], unit))
        return 0

    def _place(self, path: PathRecord, unit: UnitRecord) -> int:
        return unit.order if len(path.units) <= FEW_UNITS else self._outline.step_place(path.id, unit.step)

    def sequence_of(self, history: History, index: int, near: int) -> int:
        """The event that tells most of a row: how its unit ended, or where what goes on began.

        Of several visits it is the last one that had begun by `near`, else the first. `row_of` that event is this row.
        """
        units = self[index].units
        if not units:
            return self[index].path.started_seq
        unit = units[max(0, bisect_right(units, near, key=lambda visit: visit.started_seq) - 1)]
        if unit.ended_seq is not None and self._index.unit_at(unit.ended_seq) == unit:
            return unit.ended_seq
        return unit.attempts[-1].started_seq if unit.attempts else unit.started_seq
