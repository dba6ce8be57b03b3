"""The rows of a comparison: units of two executions side by side, equal stretches folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.replay.comparing.parts import Part
from engine.replay.comparing.units import Unit

_TIMING_ONLY = (Part.TIMING,)
Parts = Callable[[Unit, Unit], tuple[Part, ...]]
"""In what two units differ."""


class Pair(NamedTuple):
    """A unit of both; `differences` is empty when they are the same."""

    left: Unit
    right: Unit
    differences: tuple[Part, ...]

    @property
    def differs(self) -> bool:
        """Whether in more than how long it took."""
        return self.differences not in ((), _TIMING_ONLY)


class OnlyLeft(NamedTuple):
    """A unit that the right one does not have."""

    unit: Unit


class OnlyRight(NamedTuple):
    """A unit that the left one does not have."""

    unit: Unit


@dataclass(frozen=True, slots=True)
class Equal:
    """A stretch of pairs that are the same: `comparison.aligned[start:start + count]`."""

    count: int
    first: Pair
    last: Pair
    start: int


Row = Equal | Pair | OnlyLeft | OnlyRight
Aligned = Pair | OnlyLeft | OnlyRight


@dataclass(frozen=True)
class Counts:
    """How many units are the same, differ, differ only in how long they took, or are in one execution only."""

    same: int = 0
    different: int = 0
    timing: int = 0
    only_left: int = 0
    only_right: int = 0


def aligned_units(
    left: Sequence[Unit],
    right: Sequence[Unit],
    parents: Mapping[str, str | None],
    parts: Parts,
) -> list[Aligned]:
    """Every unit of both, each in the order they started, paired by what makes them the same.

    The left one's order holds. A unit of the right one alone stands behind what the right one did on the same path
    before it and the left one has too; the first of a path behind what its parent had done. `parents` are those of the
    right one's paths.
    """
    places = {unit.key: at for at, unit in enumerate(left)}
    partners: dict[int, Unit] = {}
    alone: defaultdict[int, list[Unit]] = defaultdict(list)
    reached: dict[str, int] = {}
    for unit in right:
        at = places.get(unit.key)
        if at is None:
            at = reached.get(unit.path, -1) if unit.path in reached else reached.get(parents.get(unit.path) or "", -1)
            alone[at].append(unit)
        else:
            partners[at] = unit
        reached[unit.path] = at
    rows: list[Aligned] = [OnlyRight(unit) for unit in alone[-1]]
    for at, unit in enumerate(left):
        partner = partners.get(at)
        rows.append(OnlyLeft(unit) if partner is None else Pair(unit, partner, parts(unit, partner)))
        rows += [OnlyRight(unit) for unit in alone.get(at, ())]
    return rows


def folded(aligned: Sequence[Aligned]) -> Iterator[Row]:
    """The rows with each stretch of equal pairs as one."""
    start = 0
    for at, row in enumerate([*aligned, None]):
        if isinstance(row, Pair) and not row.differences:
            continue
        if at > start:
            first, last = aligned[start], aligned[at - 1]
            assert isinstance(first, Pair)
            assert isinstance(last, Pair)
            yield Equal(at - start, first, last, start)
        if row is not None:
            yield row
        start = at + 1


def counted(aligned: Sequence[Aligned]) -> Counts:
    """How many rows there are of each kind."""
    pairs = [row for row in aligned if isinstance(row, Pair)]
    return Counts(
        same=sum(not row.differences for row in pairs),
        different=sum(row.differs for row in pairs),
        timing=sum(row.differences == _TIMING_ONLY for row in pairs),
        only_left=sum(isinstance(row, OnlyLeft) for row in aligned),
        only_right=sum(isinstance(row, OnlyRight) for row in aligned),
    )


def row_record(row: Row) -> dict[str, Any]:
    """A row as JSON: `row` says what it is."""
    if isinstance(row, Equal):
        first, last = row.first, row.last
        record: dict[str, Any] = {"row": "equal", "count": row.count}
        return record | {"from": first.left.to_dict(), "to": last.left.to_dict()}
    if isinstance(row, Pair):
        parts = [str(part) for part in row.differences]
        return {"row": "pair", "left": row.left.to_dict(), "right": row.right.to_dict(), "differences": parts}
    return {"row": "only_left" if isinstance(row, OnlyLeft) else "only_right", "unit": row.unit.to_dict()}
