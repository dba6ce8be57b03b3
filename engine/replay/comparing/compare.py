"""Two executions compared: their units aligned, what differs in each pair, and the first divergence.

Units are the same in both when path, step, visit and item are the same; their attempts are compared one by one. Ids and
the times of the runs themselves are no differences. How long something took is told apart: it makes two executions
neither different nor divergent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from engine.collector import collector_paused
from engine.replay.comparing.compared_values import Ignored, Mask, differences
from engine.replay.comparing.parts import Compared, Pairing, Part, steps_of
from engine.replay.comparing.rows import (
    Aligned,
    Equal,
    OnlyLeft,
    OnlyRight,
    Pair,
    Parts,
    Row,
    aligned_units,
    counted,
    folded,
    row_record,
)
from engine.replay.comparing.units import Side, Unit
from engine.replay.diffing.diff import Change
from engine.replay.history import History

__all__ = [
    "Aligned", "Compared", "Comparison", "Divergence", "Equal", "OnlyLeft", "OnlyRight", "Pair", "Part", "Row", "Unit",
    "compare_executions",
]  # fmt: skip

MOST_CHANGES = 1_000
"""Changes that `to_dict` writes, and addresses that are looked for in one value."""
Progress = Callable[[int, int], None]
"""Told how many events of how many have been read."""
_PAIRS_PER_TICK = 1_000
_TOLD_ELSEWHERE = frozenset({Part.TIMING, Part.DEFINITION})


class Divergence(NamedTuple):
    """Where two executions part: in a unit of both, of one, or in something of the executions as a whole."""

    part: Part
    left: Unit | None
    right: Unit | None
    changes: list[Compared]

    @property
    def unit(self) -> Unit | None:
        """The unit it is in; None for the inputs, the definition as a whole, or how they ended."""
        return self.left or self.right

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "part": str(self.part),
            "left": self.left and self.left.to_dict(),
            "right": self.right and self.right.to_dict(),
            "changes": [change.to_dict() for change in self.changes],
        }


class Comparison:
    """What came of comparing two executions; values are read from the histories when somebody looks at them."""

    def __init__(self, left: Side, right: Side, pairing: Pairing, aligned: list[Aligned]) -> None:
        self.left, self.right = left.history, right.history
        self.left_last, self.right_last = left.last, right.last
        """The last events that were compared; what a running execution adds does not change the comparison."""
        self.aligned = aligned
        """Every unit of both, equal ones too: in the order in which those of the left one started; one of the right
        one alone comes after what its path had done before, as far as the left one has that."""
        self.rows: list[Row] = list(folded(aligned))
        """The same with equal stretches folded."""
        self.counts = counted(aligned)
        self.notes = [*_notes("left", left), *_notes("right", right)]
        """Sentences on what could not be compared."""
        self._pairing = pairing
        self._sides = left, right
        self.inputs = self._whole(Part.INPUTS, left.inputs, right.inputs, (1, 1))
        self.definition = self._definitions()
        self.outcome = self._whole(Part.OUTCOME, _outcome(left), _outcome(right), (left.last, right.last), name="")
        self.first = self._first()
        """Where they part first, in anything but timing; None when they are equal."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs but ids, times and how long things took."""
        return self.first is None

    def differences(self, row: Aligned, limit: int = MOST_CHANGES) -> list[Compared]:
        """What differs in a row, part by part; of a unit of one execution only, the unit.

        Raises:
            StoreError: an event cannot be read any more.
        """
        if isinstance(row, OnlyLeft):
            change = Change(row.unit.address, "removed", row.unit.to_dict(), None)
            return [Compared(change, Part.ONLY_LEFT, row.unit.started, None)]
        if isinstance(row, OnlyRight):
            change = Change(row.unit.address, "added", None, row.unit.to_dict())
            return [Compared(change, Part.ONLY_RIGHT, None, row.unit.started)]
        return [
            change for part in row.differences for change in self._pairing.changes(part, row.left, row.right, limit)
        ]

    def values(self, part: Part, left: Unit, right: Unit) -> tuple[Any, Any]:
        """The whole values that differ in this part of a pair; None for one that was not recorded.

        Raises:
            StoreError: an event cannot be read any more.
        """
        return self._pairing.values(part, left, right)

    def unfold(self, stretch: Equal) -> list[Aligned]:
        """The pairs of an equal stretch."""
        return self.aligned[stretch.start : stretch.start + stretch.count]

    def changes(self) -> Iterator[Compared]:
        """All differences but timing, by address: the inputs, the definition, unit after unit, the outcome.

        Raises:
            StoreError: an event cannot be read any more.
        """
        yield from self.inputs
        yield from self.definition
        for row in self.rows:
            if not isinstance(row, Equal):
                yield from (change for change in self.differences(row) if change.part not in _TOLD_ELSEWHERE)
        yield from self.outcome

    def to_dict(self, limit: int = MOST_CHANGES) -> dict[str, Any]:
        """JSON form, with at most so many changes; `more` says that there are others.

        Raises:
            StoreError: an event cannot be read any more.
        """
        changes = list(itertools.islice(self.changes(), limit + 1))
        return {
            "equal": self.equal,
            "changes": [change.to_dict() for change in changes[:limit]],
            "more": len(changes) > limit,
            "first": self.first and self.first.to_dict(),
            "rows": [row_record(row) for row in self.rows],
            "notes": self.notes,
            "left": {"execution_id": self.left.execution_id, "sequence": self.left_last},
            "right": {"execution_id": self.right.execution_id, "sequence": self.right_last},
        }

    def _whole(
        self, part: Part, old: Any, new: Any, by: tuple[int | None, int | None], name: str | None = None
    ) -> list[Compared]:
        """What differs in something of the executions as a whole."""
        name = str(part) if name is None else name
        found = differences(self._pairing.mask, self._pairing.ignored, "", name, old, new, MOST_CHANGES)
        return [Compared(change, part, *by) for change in found.changes]

    def _definitions(self) -> list[Compared]:
        """What differs in the recorded definitions, steps by name; nothing when one was not recorded."""
        left, right = self._sides
        if not left.definition or not right.definition:
            return []
        old, new = _comparable(left), _comparable(right)
        if old["steps"].keys() != new["steps"].keys():  # then the order says nothing that the steps do not
            del old["order"], new["order"]
        return self._whole(Part.DEFINITION, old, new, (1, 1))

    def _first(self) -> Divergence | None:
        if self.inputs:
            return Divergence(Part.INPUTS, None, None, self.inputs)
        of_steps = [change for change in self.definition if _is_of_a_step(change)]
        of_workflow = [change for change in self.definition if not _is_of_a_step(change)]
        if of_workflow:
            return Divergence(Part.DEFINITION, None, None, of_workflow)
        for row in self.rows:
            divergence = self._divergence(row)
            if divergence is not None:
                return divergence
        if of_steps:
            return Divergence(Part.DEFINITION, None, None, of_steps)
        return Divergence(Part.OUTCOME, None, None, self.outcome) if self.outcome else None

    def _divergence(self, row: Row) -> Divergence | None:
        if isinstance(row, Equal):
            return None
        if isinstance(row, OnlyLeft):
            return Divergence(Part.ONLY_LEFT, row.unit, None, self.differences(row))
        if isinstance(row, OnlyRight):
            return Divergence(Part.ONLY_RIGHT, None, row.unit, self.differences(row))
        if not row.differs:
            return None
        part = row.differences[0]
        return Divergence(part, row.left, row.right, self._pairing.changes(part, row.left, row.right))


def compare_executions(
    left: History,
    right: History,
    *,
    ignore: Collection[str] = (),
    timing: float | None = 2.0,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two executions as far as their histories make sense.

    Args:
        left: the older one, or the one that went well.
        right: the other.
        ignore: addresses whose differences do not count, each with everything below it; full or counted from any
            unit (`output.at`), `[*]` for any place of a list. The name of a part (`version`) leaves that part out.
        timing: from which factor on (and 100 ms) one took longer; None compares no times.
        progress: told how many events of how many have been read; what it raises ends the comparison.

    Raises:
        ValueError: `timing` is below 1.
        StoreError: an event cannot be read any more.
    """
    if timing is not None and not timing >= 1:
        raise ValueError(f"timing must be a factor of 1 or more, not {timing}")
    sides = Side(left), Side(right)
    mask = Mask(left, right)
    with collector_paused():
        _read(sides, mask, progress)
        pairing = Pairing(*sides, mask, Ignored(ignore), timing)
        aligned = aligned_units(
            sides[0].units(), sides[1].units(), sides[1].parents(), _telling(pairing.parts, sides, progress)
        )
        return Comparison(*sides, pairing, aligned)


def _read(sides: tuple[Side, Side], mask: Mask, progress: Progress | None) -> None:
    total, done = sum(side.last for side in sides), 0

    def tick(read: int) -> None:
        if progress is not None:
            progress(done + read, total)

    for side in sides:
        side.read(mask, tick)
        done += side.last
    tick(0)


def _telling(parts: Parts, sides: tuple[Side, Side], progress: Progress | None) -> Parts:
    """The same, but every so many pairs it gives whoever looks at the progress a chance to end the work."""
    if progress is None:
        return parts
    total, looked = sum(side.last for side in sides), itertools.count(1)

    def telling(left: Unit, right: Unit) -> tuple[Part, ...]:
        if next(looked) % _PAIRS_PER_TICK == 0:
            progress(total, total)
        return parts(left, right)

    return telling


def _comparable(side: Side) -> dict[str, Any]:
    """A recorded definition without what says nothing about how it runs; steps and children by name."""
    steps = steps_of(side)
    rest = {name: value for name, value in side.definition.items() if name not in ("steps", "description", "labels")}
    children = {"children": side.children} if side.children else {}
    return {**rest, **children, "steps": steps, "order": list(steps)}


def _is_of_a_step(change: Compared) -> bool:
    return change.change.address.startswith("definition.steps")


def _outcome(side: Side) -> dict[str, Any]:
    state = side.history.state_at(side.last)
    error = state.error and {name: value for name, value in state.error.items() if name != "sequence"}
    return {"status": state.status, "outputs": state.outputs, "error": error}


def _notes(name: str, side: Side) -> list[str]:
    history, notes = side.history, []
    if history.problem is not None:
        notes.append(f"the {name} one is compared up to event {side.last:,}: {history.problem}")
    elif history.latest.incomplete_from is not None:
        notes.append(
            f"event {history.latest.incomplete_from:,} of the {name} one was written by a newer version; "
            "what is compared after it is incomplete"
        )
    elif not history.state_at(side.last).ended:
        notes.append(f"the {name} one has not ended; it is compared up to event {side.last:,}")
    if side.is_go:
        notes.append(
            f"the Go system recorded the {name} one, without definition, versions and edges, and often without "
            "parameters: those are not compared"
        )
    return notes
