"""Differences as rows: every change and every member has its place, what is equal is folded, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dive_tui.app.glyphs import UNICODE
from dive_tui.app.themes import DARK, Palette
from dive_tui.widgets.diff.diff_drawing import Grid, Look, Side, draw_side, draw_unified, words_of
from dive_tui.widgets.diff.diff_rows import MISSING, Row, Unfolded
from dive_tui.widgets.diff.diff_values import PAGE, Marked, value_rows
from engine.replay.diffing.diff import diff_values, join_address

LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab\n", max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text('abc ."[', max_size=2), inner, max_size=6),
    max_leaves=16,
)
LOOK = Look(Palette(DARK), UNICODE, swapped=False)


def unfolded(old: Any, new: Any, ignored: tuple[str, ...] = ()) -> Unfolded:
    changes = diff_values(old, new).changes
    return Unfolded(value_rows(old, new, [Marked(each, (7, 7), each.address in ignored) for each in changes]))


def all_open(view: Unfolded) -> list[Row]:
    """Everything unfolded, except what is inside of a change."""
    at = 0
    while at < len(view.rows):
        row = view.rows[at]
        if row.make is not None and not row.is_open and row.kind in ("branch", "stretch", "same"):
            view.toggle(at)
        else:
            at += 1
    return view.rows


def words(view: Unfolded) -> list[str]:
    """Kind, indent and label of each row."""
    return [f"{'  ' * row.depth}{row.kind} {row.count or ''}{row.label}" for row in view.rows]


@given(VALUES, VALUES)
def test_every_change_is_a_row_and_every_member_stands_somewhere(old: Any, new: Any) -> None:
    changes = diff_values(old, new).changes
    rows = all_open(unfolded(old, new))
    told = sorted((row.kind, row.address) for row in rows if row.kind in ("added", "removed", "changed", "moved"))
    assert told == sorted((change.kind, change.address) for change in changes)
    if changes and all(change.keys for change in changes):
        present = {row.address for row in rows if row.kind not in ("removed", "text")}
        assert present >= set(members(new, "", {c.address for c in changes}))


def members(value: Any, address: str, changed: set[str]) -> list[str]:
    """The addresses of all members of a value; not of those inside a change."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, member in pairs:
        here = join_address(address, key)
        found.append(here)
        if here not in changed:
            found += members(member, here, changed)
    return found


@given(VALUES, VALUES)
def test_folding_takes_away_what_unfolding_showed(old: Any, new: Any) -> None:
    view = unfolded(old, new)
    before = words(view)
    for at in range(len(view.rows)):
        if view.rows[at].make is not None and view.rows[at].kind != "stretch":
            view.toggle(at)
            view.toggle(at)
            assert words(view)[: at + 1] == before[: at + 1]


@given(VALUES, VALUES)
def test_going_from_change_to_change_meets_each_once(old: Any, new: Any) -> None:
    view = unfolded(old, new)
    forwards, at = [], -1
    while (found := view.next_stop(at, 1)) is not None:
        forwards.append(found)
        at = found
    backwards, at = [], len(view.rows)
    while (found := view.next_stop(at, -1)) is not None:
        backwards.append(found)
        at = found
    assert forwards == backwards[::-1]
    assert len(forwards) == len(diff_values(old, new).changes)


def test_what_did_not_change_is_folded_and_unfolds_a_page_at_a_time() -> None:
    new = {f"k{number:03}": number for number in range(250)}
    view = unfolded({**new, "k120": "other"}, new)
    assert words(view) == ["stretch 120unchanged", "changed k120", "stretch 129unchanged"]
    view.toggle(2)
    assert len(view.rows) == 3 + PAGE
    assert words(view)[-1] == "stretch 29unchanged"
    assert view.rows[2].label == "k121"
    assert (view.rows[2].old, view.rows[2].new) == (121, 121)


def test_two_unchanged_members_are_not_folded() -> None:
    assert words(unfolded({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 4})) == ["same a", "same b", "changed c"]


def test_members_of_lists_stand_where_they_are_and_say_their_names() -> None:
    old = {"items": [{"id": "lamp", "n": 1}, {"id": "bulb", "n": 1}, {"id": "cable", "n": 1}]}
    new = {"items": [{"id": "new", "n": 9}, {"id": "lamp", "n": 2}, {"id": "cable", "n": 1}]}
    assert words(unfolded(old, new)) == [
        "branch 3items",
        "  added [0] new",
        "  branch 1[1] lamp",
        "    same id",
        "    changed n",
        "  removed [1] bulb",
        "  same [2] cable",
    ]


def test_a_member_that_moved_is_told_with_what_changed_in_it() -> None:
    old = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
    view = unfolded(old, [{"id": "c", "n": 1}, {"id": "a"}, {"id": "b"}])
    assert words(view)[:3] == ["moved [0] c", "branch 1[0] c", "  same id"]
    assert "moved" in words_of(view.rows[0])


def test_a_large_value_that_was_added_opens_without_being_stops() -> None:
    view = unfolded({}, {"big": list(range(300))})
    assert words(view) == ["added big"]
    view.toggle(0)
    assert len(view.rows) == 1 + PAGE + 1
    assert view.next_stop(0, 1) is None
    assert view.rows[-1].count == 200


def test_texts_of_several_lines_are_compared_line_by_line() -> None:
    view = unfolded({"t": "one\ntwo\nthree"}, {"t": "one\n2\nthree"})
    view.toggle(0)
    assert [(row.old, row.new) for row in view.rows[2:]] == [
        ("one", "one"),
        ("two", MISSING),
        (MISSING, "2"),
        ("three", "three"),
    ]


def test_what_is_ignored_stays_in_its_place_and_counts_nowhere() -> None:
    view = unfolded({"a": {"x": 1}, "b": 1}, {"a": {"x": 2}, "b": 2}, ignored=("a.x",))
    assert [(row.label, row.ignored, row.is_open) for row in view.rows] == [("a", True, False), ("b", False, False)]
    assert view.next_stop(-1, 1) == 1
    view.toggle(0)
    assert words_of(view.rows[1]) == "ignored"
    deep = unfolded({"a": {"b": {"x": 1}}, "c": {"d": 1}}, {"a": {"b": {"x": 2}}, "c": {"d": 2}}, ignored=("a.b.x",))
    assert [(row.label, row.count, row.ignored) for row in deep.rows] == [
        ("a", 0, True),
        ("c", 1, False),
        ("d", 0, False),
    ]


def test_nothing_is_called_unchanged_that_was_not_compared() -> None:
    old, new = {"a": 1, "b": 1, "c": {"d": 1}}, {"a": 2, "b": 2, "c": {"d": 2}, "e": 3}
    found = diff_values(old, new, limit=1)
    assert found.more
    view = Unfolded(value_rows(old, new, [Marked(each) for each in found.changes], all_told=False))
    assert words(view) == ["changed a", "stretch 3not compared"]
    view.toggle(1)
    assert words(view)[1:] == ["unknown b", "unknown c", "unknown e"]
    view.toggle(2)
    assert [(row.old, words_of(row)) for row in view.rows[1:]] == [(MISSING, "not compared")] * 4
    assert view.next_stop(0, 1) is None
    assert line(view.rows[1]).split() == ["b", "2", "not", "compared"]
    assert line(view.rows[1], unified=True).split() == ["b", "2", "not", "compared"]


def test_the_value_itself_may_be_the_change() -> None:
    assert words(unfolded(1, "1")) == ["changed the value"]


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ((7, 7), "changed by #7"),
        ((None, 7), "changed by #7"),
        ((3, 7), "changed by #3 | #7"),
        ((None, None), "changed"),
    ],
)
def test_the_words_name_the_events(by: tuple[int | None, int | None], told: str) -> None:
    assert words_of(Row("changed", 0, "a", by=by)) == told


def line(row: Row, width: int = 100, *, unified: bool = False, swapped: bool = False) -> str:
    look = Look(LOOK.palette, UNICODE, swapped)
    return (draw_unified if unified else draw_side)(
        row, look, Grid.of([row], width, swapped=swapped), width
    ).text.rstrip()


def test_both_columns_tell_sign_values_and_words() -> None:
    changed = Row("changed", 0, "total", old=10, new=12, by=(7, 7))
    assert line(changed).split() == ["~", "total", "10", "12", "changed", "by", "#7"]
    assert line(changed, swapped=True).split() == ["~", "total", "12", "10", "changed", "by", "#7"]
    assert line(changed, unified=True).split() == ["~", "total", "10", "→", "12", "changed", "by", "#7"]
    added = Row("added", 0, "total", new=12, by=(7, 7))
    assert line(added).split() == ["+", "total", "12", "added", "by", "#7"]
    assert line(added).index("12") > line(added, swapped=True).index("12")
    assert line(added, swapped=True).split() == ["-", "total", "12", "removed", "by", "#7"]


def test_long_texts_are_shown_where_they_part() -> None:
    changed = Row("changed", 0, "t", old="x" * 500 + " the old end", new="x" * 500 + " the new end")
    for unified in (False, True):
        assert "old end" in line(changed, unified=unified)
        assert "new end" in line(changed, unified=unified)


@pytest.mark.parametrize("unified", [False, True])
@pytest.mark.parametrize("width", [79, 120, 250])
def test_no_row_is_wider_than_its_place(width: int, unified: bool) -> None:
    side = Side("failed", "failed", "1.4s  3 tries")
    rows = [
        Row("changed", 9, "宽" * 90, old="宽" * 300, new={"k": ["x" * 900] * 9}, by=(1_000_000, 2_000_000)),
        Row("pair", 0, "path › " + "Step" * 40, old=side, new=side, words="input, output, attempts, status, edge"),
        Row("stretch", 30, "unchanged", count=10**9),
        Row("moved", 1, "[0]", old="a[3]", new="a[0]"),
    ]
    grid = Grid.of(rows, width)
    for row in rows:
        drawn = (draw_unified if unified else draw_side)(row, LOOK, grid, width)
        assert drawn.cell_length <= width
