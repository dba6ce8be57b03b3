"""Differences between JSON values, checked against another library."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.replay.diff import Change, diff_values, join_address
from tests.replay.oracle import places

keys = st.sampled_from(["a", "b", "x y", 'q"\\'])
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([0.0, 1.0, 2.5, "", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)


@given(values, values)
def test_the_same_places_differ_as_for_another_library(old: Any, new: Any) -> None:
    changes = diff_values(old, new).changes
    assert {(change.address, change.kind) for change in changes} == places(old, new)
    assert len({change.address for change in changes}) == len(changes)


@given(values)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert diff_values(value, value) == ([], False)


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
    assert diff_values(old, new) == (changes, False)


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


def test_very_deep_values_can_be_compared() -> None:
    old: Any = 1
    new: Any = 2
    for _ in range(5_000):
        old, new = [old], [new]
    (change,) = diff_values(old, new).changes
    assert change.address == "[0]" * 5_000


def test_a_change_as_json() -> None:
    assert Change("a", "added", None, 1).to_dict() == {"address": "a", "kind": "added", "old": None, "new": 1}
