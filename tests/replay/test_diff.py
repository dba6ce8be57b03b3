"""Differences between JSON values, checked by carrying them out as a patch, and against another library."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.replay.diffing.alignment import MOST_EDITS, common_subsequence
from engine.replay.diffing.diff import Change, Differences, diff_values, join_address, not_ignored
from tests.replay.oracle import places
from tests.replay.patching import canonical, patched

keys = st.sampled_from(["a", "b", "x y", 'q"\\', "~/"])
leaves = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([0.0, 1.0, 2.5, "", "a", "b"])
named = st.lists(st.fixed_dictionaries({"id": st.integers(0, 6), "of": leaves}), max_size=6)
values = st.recursive(
    leaves | named,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=20,
)
without_lists = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=10)
small_lists = st.lists(st.integers(0, 3), max_size=8)


@settings(max_examples=settings.default.max_examples * 8)
@given(values, values)
def test_the_differences_as_a_patch_make_the_new_value_out_of_the_old_one(old: Any, new: Any) -> None:
    differences = diff_values(old, new)
    assert canonical(patched(old, differences.to_patch())) == canonical(new)
    assert differences.equal == (canonical(old) == canonical(new))


@settings(max_examples=settings.default.max_examples * 4)
@given(st.permutations(range(7)), st.permutations(range(7)), st.sets(st.integers(0, 6)), st.sets(st.integers(0, 6)))
def test_members_with_names_are_moved_and_changed_where_they_are(
    before: list[int], after: list[int], gone: set[int], new_ones: set[int]
) -> None:
    old = [{"id": name, "n": 0} for name in before if name not in new_ones]
    new = [{"id": name, "n": name % 2} for name in after if name not in gone]
    differences = diff_values(old, new)
    assert patched(old, differences.to_patch()) == new
    both = {member["id"] for member in old} & {member["id"] for member in new}
    added = {change.new["id"] for change in differences.changes if change.kind == "added"}
    assert added == {member["id"] for member in new} - both
    changed = [change for change in differences.changes if change.kind == "changed"]
    assert {new[change.keys[0]]["id"] for change in changes_of(changed)} == {name for name in both if name % 2}


def changes_of(changes: list[Change]) -> list[Any]:
    return [change for change in changes if change.keys[1:] == ("n",)]


@given(without_lists, without_lists)
def test_the_same_places_differ_as_for_another_library(old: Any, new: Any) -> None:
    changes = diff_values(old, new).changes
    assert {(change.address, change.kind) for change in changes} == places(old, new)
    assert len({change.address for change in changes}) == len(changes)


@given(values)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert diff_values(value, value).equal
    assert diff_values(value, patched(value, [])) == ([], False)


def longest_common(old: list[int], new: list[int]) -> int:
    lengths = [0] * (len(new) + 1)
    for member in old:
        previous = 0
        for at, other in enumerate(new, start=1):
            previous, lengths[at] = lengths[at], previous + 1 if member == other else max(lengths[at], lengths[at - 1])
    return lengths[-1]


@settings(max_examples=settings.default.max_examples * 4)
@given(small_lists, small_lists)
def test_what_two_lists_keep_is_a_longest_common_subsequence(old: list[int], new: list[int]) -> None:
    kept = common_subsequence(old, new)
    assert all(old[was] == new[now] for was, now in kept)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(kept))
    assert len(kept) == longest_common(old, new)


def told(old: Any, new: Any) -> list[tuple[str, str]]:
    return [(change.kind, change.address) for change in diff_values(old, new).changes]


def test_lists_without_names_are_aligned() -> None:
    assert told([1, 2, 3], [0, 1, 2, 3]) == [("added", "[0]")]
    assert told([1, 2, 3], [2, 3]) == [("removed", "[0]")]
    assert told(["a", "b", "c", "d"], ["b", "X", "d", "e"]) == [
        ("removed", "[0]"),
        ("changed", "[1]"),
        ("added", "[3]"),
    ]
    rows = [{"n": n, "row": [n]} for n in range(50)]
    assert told(rows, [{"n": -1}, *rows[:20], *rows[21:]]) == [("added", "[0]"), ("removed", "[20]")]
    assert told([[1, 2], [3]], [[1], [3]]) == [("removed", "[0][1]")]


def test_members_are_matched_by_the_first_key_that_names_them_all() -> None:
    old = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    new = [{"id": 2, "name": "a"}, {"id": 1, "name": "c"}, {"id": 3, "name": "b"}]
    assert told(old, new) == [
        ("moved", "[0]"),
        ("changed", "[0].name"),
        ("changed", "[1].name"),
        ("added", "[2]"),
    ]
    named_only = [{"name": "x", "n": 1}, {"name": "y", "n": 2}]
    assert told(named_only, named_only[::-1]) == [("moved", "[0]")]
    assert told([{"id": 1, "n": 1}], [{"id": 2, "n": 1}]) == [("removed", "[0]"), ("added", "[0]")]
    assert told([{"key": "x"}, {"key": "y"}], [{"key": "y"}]) == [("removed", "[0]")]


@pytest.mark.parametrize(
    "names",
    [[1, 1], [True, 2], [1.0, 2], [None, 2], [[1], 2]],
    ids=["twice", "truth", "fraction", "nothing", "a list"],
)
def test_what_is_not_unique_or_no_name_matches_nothing(names: list[Any]) -> None:
    old = [{"id": name, "n": at} for at, name in enumerate(names)]
    new = [{"id": name, "n": at + 5} for at, name in enumerate(reversed(names))]
    assert {change.kind for change in diff_values(old, new).changes} == {"changed"}


def test_of_something_moved_both_addresses_are_told() -> None:
    old, new = {"l": [{"id": 1}, {"id": 2}, {"id": 3}]}, {"l": [{"id": 3}, {"id": 1}, {"id": 2}]}
    differences = diff_values(old, new, "at")
    assert differences.changes == [Change("at.l[0]", "moved", "at.l[2]", "at.l[0]", ("l", 0))]
    assert differences.to_patch() == [{"op": "move", "from": "/l/2", "path": "/l/0"}]


def test_an_address_leads_into_the_new_value_but_the_place_of_something_removed() -> None:
    old = [{"id": 1, "l": [1, 2]}, {"id": 2}, {"id": 3}]
    new = [{"id": 0}, {"id": 1, "l": [2]}, {"id": 3, "n": 1}]
    assert told(old, new) == [("added", "[0]"), ("removed", "[1].l[0]"), ("removed", "[1]"), ("added", "[2].n")]


def test_lists_that_are_too_different_are_compared_place_by_place() -> None:
    old = [f"a{n}" for n in range(MOST_EDITS)]
    new = [f"b{n}" for n in range(MOST_EDITS)]
    old.insert(100, "same")
    new.insert(101, "same")
    differences = diff_values(old, new)
    assert {change.kind for change in differences.changes} == {"changed"}
    assert len(differences.changes) == MOST_EDITS + 1
    assert patched(old, differences.to_patch()) == new


class Colour(StrEnum):
    RED = "red"


def test_what_json_does_not_tell_apart_does_not_differ() -> None:
    assert diff_values({"c": Colour.RED, "t": (1, 2)}, {"c": "red", "t": [1, 2]}).equal
    assert diff_values(MappingProxyType({"a": MappingProxyType({})}), {"a": {}}).equal
    assert not diff_values({"c": Colour.RED}, {"c": "blue"}).equal
    told_apart = diff_values({"a": True, "b": 1, "c": "1", "d": 0}, {"a": 1, "b": 1.0, "c": 1, "d": False})
    assert [change.kind for change in told_apart.changes] == ["changed"] * 4


def test_no_patch_of_differences_that_were_cut() -> None:
    cut = diff_values([1, 2], [3, 4], limit=1)
    assert not cut.equal and cut.more
    with pytest.raises(ValueError, match="more differences than were told"):
        cut.to_patch()
    assert not Differences([], more=True).equal
    assert diff_values(1, [2]).to_patch() == [{"op": "replace", "path": "", "value": [2]}]
    assert diff_values({"a/b": {"~": 1}}, {"a/b": {}}).to_patch() == [{"op": "remove", "path": "/a~1b/~0"}]


def test_ignored_addresses() -> None:
    old = {"cart": {"items": [{"id": 1, "at": 1}, {"id": 2, "at": 1}], "total": 1}, "cartoon": 1, "a b": 1}
    new = {"cart": {"items": [{"id": 1, "at": 2}, {"id": 2, "at": 2}], "total": 2}, "cartoon": 2, "a b": 2}
    changes = diff_values(old, new).changes

    def left(*addresses: str) -> list[str]:
        return [change.address for change in not_ignored(changes, addresses)]

    assert left() == ["cart.items[0].at", "cart.items[1].at", "cart.total", "cartoon", '["a b"]']
    assert left("cart") == ["cartoon", '["a b"]']
    assert left("cart.items[*].at", '["a b"]') == ["cart.total", "cartoon"]
    assert left("cart.items[1]", "cart.total") == ["cart.items[0].at", "cartoon", '["a b"]']
    assert left("cart.items[*]", "cartoo", "cart.tot") == ["cart.total", "cartoon", '["a b"]']


CASES: list[tuple[Any, Any, list[Change]]] = [
    ({"a": 1}, {"a": 1, "b": [2]}, [Change("b", "added", None, [2])]),
    ({"a": {"x": 1}}, {}, [Change("a", "removed", {"x": 1}, None)]),
    ({"a": [1, 2, 3]}, {"a": [1, 5]}, [Change("a[1]", "changed", 2, 5), Change("a[2]", "removed", 3, None)]),
    ({"a": None}, {"a": {}}, [Change("a", "changed", None, {})]),
    ({"a": []}, {"a": {}}, [Change("a", "changed", [], {})]),
    ({"a": 1}, {"a": True}, [Change("a", "changed", 1, True)]),
    ({"a": 1}, {"a": 1.0}, [Change("a", "changed", 1, 1.0)]),
    (1, 2, [Change("", "changed", 1, 2)]),
    ([1], [2], [Change("[0]", "changed", 1, 2)]),
    ({"steps": {"Charge Card": 1}}, {"steps": {"Charge Card": 2}}, [Change('steps["Charge Card"]', "changed", 1, 2)]),
]


@pytest.mark.parametrize(("old", "new", "changes"), CASES)
def test_changes_tell_address_kind_and_both_values(old: Any, new: Any, changes: list[Change]) -> None:
    found = diff_values(old, new)
    assert ([change._replace(keys=()) for change in found.changes], found.more) == (changes, False)


def test_changes_come_in_the_order_of_the_new_value() -> None:
    old, new = {"z": 1, "gone": 1, "b": {"y": 1, "x": 1}}, {"b": {"x": 2, "y": 2, "w": 2}, "a": 1, "z": 2}
    addresses = [change.address for change in diff_values(old, new, "at").changes]
    assert addresses == ["at.b.x", "at.b.y", "at.b.w", "at.a", "at.z", "at.gone"]


@pytest.mark.parametrize(
    ("address", "key", "joined"),
    [
        ("", "cart", "cart"),
        ("cart", "items", "cart.items"),
        ("cart.items", 0, "cart.items[0]"),
        ("", 3, "[3]"),
        ("", "Charge Card", '["Charge Card"]'),
        ("steps", 'a"b\\c', 'steps["a\\"b\\\\c"]'),
        ("a", "", 'a[""]'),
        ("a", "0", 'a["0"]'),
        ("a", "é", 'a["é"]'),
        ("a", "x\n", 'a["x\n"]'),
    ],
)
def test_addresses(address: str, key: str | int, joined: str) -> None:
    assert join_address(address, key) == joined


@pytest.mark.parametrize(("limit", "found", "more"), [(0, 0, True), (4, 4, True), (5, 5, False), (6, 5, False)])
def test_at_most_so_many_changes_are_told(limit: int, found: int, more: bool) -> None:
    old, new = {str(n): n for n in range(5)}, {str(n): n + 1 for n in range(5)}
    differences = diff_values(old, new, limit=limit)
    assert (len(differences.changes), differences.more) == (found, more)


class Untouchable(dict[str, Any]):
    """Fails when anybody looks inside."""

    def __iter__(self) -> Any:
        raise AssertionError("looked into")

    def get(self, *args: Any) -> Any:
        raise AssertionError("looked into")


def test_what_is_the_same_object_is_not_looked_into() -> None:
    shared = Untouchable(a=1)
    old = {"a": shared, "list": [shared, 1]}
    new = {"a": shared, "list": [shared, 2], "b": 1}
    assert [change.address for change in diff_values(old, new).changes] == ["list[1]", "b"]
    old, new = {"list": [shared, 1, shared]}, {"list": [shared, 2, shared]}
    assert [change.address for change in diff_values(old, new).changes] == ["list[1]"]


def test_very_deep_values_can_be_compared() -> None:
    old: Any = 1
    new: Any = 2
    for _ in range(5_000):
        old, new = [old], [new]
    (change,) = diff_values(old, new).changes
    assert change.address == "[0]" * 5_000


def test_a_change_as_json() -> None:
    assert Change("a", "added", None, 1).to_dict() == {"address": "a", "kind": "added", "old": None, "new": 1}
