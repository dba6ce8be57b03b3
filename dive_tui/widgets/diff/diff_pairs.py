"""Two executions as rows: where they part first, then their steps side by side, equal stretches folded."""

from __future__ import annotations

from collections.abc import Sequence

from dive_tui.app.text import human_duration
from dive_tui.widgets.diff.diff_drawing import Side
from dive_tui.widgets.diff.diff_rows import MISSING, Row
from engine.replay.comparing.compare import Compared, Comparison, Divergence, Equal, OnlyLeft, Pair, Part, Unit
from engine.replay.comparing.compare import Row as Aligned
from engine.replay.comparing.words import unit_words

_MOST_PARTS = 6
_PART_WORDS = {
    Part.INPUTS: "inputs",
    Part.DEFINITION: "definition",
    Part.VERSION: "version",
    Part.EDGE: "way on",
    Part.OUTCOME: "outcome",
    Part.ONLY_LEFT: "only left",
    Part.ONLY_RIGHT: "only right",
}


def part_words(part: Part) -> str:
    """A part in words."""
    return _PART_WORDS.get(part, str(part))


def comparison_rows(comparison: Comparison, within: str) -> list[Row]:
    """The rows of two executions. `within` stands between a path and its step.

    What an unfolded pair shows is read from the histories: that may take a while, and raise `StoreError`.
    """
    return _Maker(comparison, within).rows()


class _Maker:
    def __init__(self, comparison: Comparison, within: str) -> None:
        self._comparison = comparison
        self._within = within

    def rows(self) -> list[Row]:
        comparison, first = self._comparison, self._comparison.first
        made = [] if first is None else [self._first(first)]
        told = first.changes if first is not None else []
        if comparison.inputs != told:
            made += self._section("inputs", comparison.inputs, "inputs")
        if comparison.definition != told:
            made += self._section("definition", comparison.definition, "definition")
        made += [self._row(row) for row in comparison.rows]
        if comparison.outcome != told:
            made += self._section("outcome", comparison.outcome, "")
        return made

    def _section(self, label: str, changes: Sequence[Compared], address: str) -> list[Row]:
        return [self._whole(label, changes, address)] if changes else []

    def _first(self, first: Divergence) -> Row:
        words = part_words(first.part)
        place = f"{unit_words(first.unit, self._within)}, {words}" if first.unit is not None else words
        row = self._whole(f"First divergence: {place}", first.changes, first.unit.address if first.unit else "")
        row.is_open = bool(row.make)
        if first.part in (Part.ONLY_LEFT, Part.ONLY_RIGHT):
            row.make, row.is_open, row.count = None, False, 0
            row.by = _events(first.changes[0])
        return row

    def _whole(self, label: str, changes: Sequence[Compared], address: str) -> Row:
        return Row(
            "branch",
            0,
            label,
            address,
            count=len(changes),
            make=lambda: [change_row(change, address) for change in changes],
        )

    def _row(self, row: Aligned) -> Row:
        if isinstance(row, Equal):
            word = "step the same" if row.count == 1 else "steps the same"
            return Row("stretch", 0, word, count=row.count, make=lambda: self._unfolded(row))
        if isinstance(row, Pair):
            return self._pair(row)
        unit = row.unit
        label = unit_words(unit, self._within)
        if isinstance(row, OnlyLeft):
            return Row("left", 0, label, unit.address, old=_side(unit), by=(unit.started, None))
        return Row("right", 0, label, unit.address, new=_side(unit), by=(None, unit.started))

    def _unfolded(self, stretch: Equal) -> list[Row]:
        return [self._row(row) for row in self._comparison.unfold(stretch)]

    def _pair(self, pair: Pair) -> Row:
        shown = [part_words(part) for part in pair.differences[:_MOST_PARTS]]

        def make() -> list[Row]:
            found = self._comparison.differences(pair)
            return [change_row(change, pair.left.address, timing=not pair.differs) for change in found]

        return Row(
            "pair" if pair.differences else "same",
            0,
            unit_words(pair.left, self._within),
            pair.left.address,
            old=_side(pair.left),
            new=_side(pair.right),
            by=(pair.left.started, pair.right.started),
            count=int(pair.differs),
            inner=not pair.differs,
            words=", ".join(shown),
            make=make if pair.differences else None,
        )


def change_row(compared: Compared, place: str, *, timing: bool = False) -> Row:
    """One differing value of two executions; `place` is left out of its label."""
    change = compared.change
    label = change.address.removeprefix(place).removeprefix(".") or change.address
    return Row(
        change.kind,
        1,
        label,
        change.address,
        old=MISSING if change.kind == "added" else change.old,
        new=MISSING if change.kind == "removed" else change.new,
        by=_events(compared),
        inner=timing or compared.part is Part.TIMING,
    )


def _events(compared: Compared) -> tuple[int | None, int | None]:
    return compared.by_left, compared.by


def _side(unit: Unit) -> Side:
    took = [human_duration(unit.seconds)] if unit.seconds is not None else []
    tries = [f"{len(unit.tries)} tries"] if unit.iteration is None and len(unit.tries) > 1 else []
    return Side(unit.status, unit.status, "  ".join([*took, *tries]))
