"""Aligning units against what a slow and plain reading of the rules gives."""

from __future__ import annotations

import itertools
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.replay.comparing.compare import Aligned, Equal, OnlyLeft, OnlyRight, Pair, Part
from engine.replay.comparing.rows import aligned_units, counted, folded
from engine.replay.comparing.units import Unit

PARENTS = {"main": None, "one": "main", "two": "one"}
Key = tuple[str, str, int, int | None]
KEYS: list[Key] = [
    (path, step, visit, item)
    for path in PARENTS
    for step in ("A", "B")
    for visit in (1, 2)
    for item in (None, 0)
]  # fmt: skip
orders = st.lists(st.sampled_from(KEYS), unique=True, max_size=12)


def units(keys: list[Key]) -> list[Unit]:
    """Units that started in this order."""
    return [Unit(*key, "completed", 2 * at + 1, 2 * at + 2, 2 * at + 2, 1.0, ()) for at, key in enumerate(keys)]


def nothing_differs(left: Unit, right: Unit) -> tuple[Part, ...]:
    return ()


def keys_of(row: Aligned) -> tuple[Key | None, Key | None]:
    if isinstance(row, Pair):
        return row.left.key, row.right.key
    return (row.unit.key, None) if isinstance(row, OnlyLeft) else (None, row.unit.key)


def model(left: list[Key], right: list[Key]) -> list[tuple[Key | None, Key | None]]:
    """Slowly: each unit of the right one alone looks for the one it stands behind."""

    def stands_behind(at: int) -> Key | None:
        path = right[at][0]
        for where in (path, PARENTS[path]):
            for before in reversed(range(at)):
                if right[before][0] == where:
                    return right[before] if right[before] in left else stands_behind(before)
        return None

    alone = [(key, stands_behind(at)) for at, key in enumerate(right) if key not in left]
    rows: list[tuple[Key | None, Key | None]] = [(None, key) for key, behind in alone if behind is None]
    for key in left:
        rows.append((key, key if key in right else None))
        rows += [(None, other) for other, behind in alone if behind == key]
    return rows


@given(orders, orders)
def test_units_stand_where_the_model_puts_them(left: list[Key], right: list[Key]) -> None:
    rows = aligned_units(units(left), units(right), PARENTS, nothing_differs)
    assert [keys_of(row) for row in rows] == model(left, right)


@given(orders, orders)
def test_nothing_is_lost_and_the_left_order_holds(left: list[Key], right: list[Key]) -> None:
    pairs = [keys_of(row) for row in aligned_units(units(left), units(right), PARENTS, nothing_differs)]
    assert [ours for ours, _ in pairs if ours is not None] == left
    assert Counter(theirs for _, theirs in pairs if theirs is not None) == Counter(right)
    assert all(ours == theirs for ours, theirs in pairs if ours is not None and theirs is not None)


PARTS = st.sampled_from([(), (), (Part.OUTPUT,), (Part.TIMING,), (Part.TIMING, Part.EDGE)])


@given(st.lists(st.one_of(PARTS, st.sampled_from(["left", "right"])), max_size=30))
def test_folding_and_unfolding_gives_the_rows_again(kinds: list[str | tuple[Part, ...]]) -> None:
    unit = units([KEYS[0]])[0]
    alone: dict[str, Aligned] = {"left": OnlyLeft(unit), "right": OnlyRight(unit)}
    aligned = [alone[kind] if isinstance(kind, str) else Pair(unit, unit, kind) for kind in kinds]
    rows = list(folded(aligned))
    unfolded: list[Aligned] = []
    for row in rows:
        if isinstance(row, Equal):
            assert row.start == len(unfolded)
            assert row.count > 0
            stretch = aligned[row.start : row.start + row.count]
            assert (row.first, row.last) == (stretch[0], stretch[-1])
            assert all(isinstance(entry, Pair) and entry.differences == () for entry in stretch)
            unfolded += stretch
        else:
            assert row != Pair(unit, unit, ())
            unfolded.append(row)
    assert unfolded == aligned
    assert not any(isinstance(a, Equal) and isinstance(b, Equal) for a, b in itertools.pairwise(rows))
    counts = counted(aligned)
    assert counts.same + counts.different + counts.timing + counts.only_left + counts.only_right == len(aligned)
    assert counts.different == sum(kind in ((Part.OUTPUT,), (Part.TIMING, Part.EDGE)) for kind in kinds)


def test_a_thousand_paths_each_unit_looked_at_once() -> None:
    generator = random.Random(5)
    keys: list[Key] = [(f"p{path}", "A", visit, None) for path in range(1_000) for visit in range(1, 11)]
    right = keys.copy()
    generator.shuffle(right)
    compared: list[Key] = []

    def parts(ours: Unit, theirs: Unit) -> tuple[Part, ...]:
        assert ours.key == theirs.key
        compared.append(ours.key)
        return ()

    aligned_units(units(keys), units(right), {}, parts)
    assert compared == keys
