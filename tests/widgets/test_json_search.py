"""Finding a text in a JSON value, the way there, and the value as text."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dive_tui.widgets.json.json_lines import MOST_LINES, JsonLines, json_lines
from dive_tui.widgets.json.json_rows import GROUP, MISSING, Lazy, Place, keys_of, rows_of, way_to
from dive_tui.widgets.json.json_search import MOST_MATCHES, find_matches
from dive_tui.widgets.json.json_tree import JsonTree, Tree
from tests.screens.execution_app import lines_of, settle, text_of
from tests.screens.histories import HOSTILE
from tests.widgets.hosting import Host

SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.text("abCä", max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abC", max_size=2), inner, max_size=4)
)


def never() -> bool:
    return False


def brute(value: Any, text: str, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    members: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    for key, member in members:
        shown = member if isinstance(member, str) else json.dumps(member)
        in_value = not isinstance(member, dict | list) and text.casefold() in shown.casefold()
        if in_value or (isinstance(key, str) and text.casefold() in key.casefold()):
            found.append((*keys, key))
        found += brute(member, text, (*keys, key))
    return found


@given(VALUES, st.sampled_from(["a", "B", "ä", "1", "null", "tru", "ab"]))
def test_every_member_is_found_in_order(value: Any, text: str) -> None:
    assert find_matches(value, text, never) == brute(value, text)


def test_lazy_values_are_searched_and_the_search_has_an_end() -> None:
    assert find_matches({"steps": Lazy(lambda: {"Pay": {"ok": "paid"}})}, "paid", never) == [("steps", "Pay", "ok")]
    many = {"n": ["x"] * (MOST_MATCHES + 10)}
    assert len(find_matches(many, "x", never)) == MOST_MATCHES
    assert find_matches(many, "x", lambda: True) == []


def test_deep_values_are_no_trouble() -> None:
    value: Any = "needle"
    for _ in range(5_000):
        value = [value]
    assert len(find_matches(value, "needle", never)) == 1


@pytest.mark.parametrize("at", [0, 99, 100, 4_321, 12_345])
def test_the_way_leads_through_the_groups(at: int) -> None:
    value = {"a": {"many": list(range(12_346))}}
    way = way_to(value, ("a", "many", at))
    opened: set[Place] = set(way[:-1])
    rows = rows_of(value, value, lambda place: place in opened, 80)
    row = next(row for row in rows if row.place == way[-1])
    assert row.value == at
    assert keys_of(row.place) == ("a", "many", at)
    assert len(rows) < 3 * GROUP + 5


def test_a_way_to_nowhere_is_an_error() -> None:
    for keys in (("b",), ("a", "many", 7), ("a", 1)):
        with pytest.raises((KeyError, IndexError, TypeError, ValueError)):
            way_to({"a": {"many": [1]}}, keys)


async def test_the_tree_unfolds_the_way_to_a_match_and_marks_it() -> None:
    view = JsonTree()
    value = {"a": {"deep": list(range(1_000))}, "b": {"deep": ["x 777"]}}
    async with Host(view).run_test(size=(60, 30)) as pilot:
        view.show(lambda: Tree(value, value, frozenset()))
        view.search("777")
        await settle(pilot)
        assert view.match_count == 2
        view.go_to_match(1)
        await settle(pilot)
        assert (view.address, view.match) == ("a.deep[777]", 1)
        view.go_to_match(1)
        await settle(pilot)
        assert (view.address, view.match) == ("b.deep[0]", 2)
        assert '[0]◂ "x 777"' in text_of(view)
        view.go_to_match(1)
        await settle(pilot)
        assert view.match == 1
        view.go_to_match(-1)
        await settle(pilot)
        assert view.match == 2
        view.search("")
        await settle(pilot)
        assert view.match_count == 0
        assert "◂" not in text_of(view)


async def test_a_member_is_revealed_in_what_is_shown_next() -> None:
    view = JsonTree()
    async with Host(view).run_test(size=(60, 30)) as pilot:
        view.show(lambda: Tree({"a": 1}, {}, frozenset()))
        await settle(pilot)
        view.show(lambda: Tree({"b": {"c": [1, 2]}}, {}, frozenset()))
        view.reveal(("b", "c", 1))
        await settle(pilot)
        assert view.address == "b.c[1]"
        view.reveal(("nothing", "there"))
        await settle(pilot)
        assert view.address == "b.c[1]", "the cursor stays"


async def test_more_of_a_long_text_is_shown_on_request() -> None:
    view = JsonTree()
    value = {"log": "".join(f"line {number}\n" for number in range(450))}
    async with Host(view).run_test(size=(60, 30)) as pilot:
        view.show(lambda: Tree(value, value, frozenset({("log",)})))
        await settle(pilot)
        assert view.row_count == 1 + 200 + 1
        for expected in (1 + 400 + 1, 1 + 451):
            view.action_bottom()
            assert view.address == "log"
            assert view.toggle()
            await settle(pilot)
            assert view.row_count == expected
        assert "line 449" in text_of(view) or view.row_count == 452


@given(VALUES)
def test_the_text_is_the_value(value: Any) -> None:
    assert orjson.loads("\n".join(json_lines(value, 10_000))) == value


def test_lines_fit_and_stay_indented() -> None:
    lines = json_lines({"a": {"b": "word " * 100}, "lazy": Lazy(lambda: [1])}, 40)
    assert all(len(line) <= 40 for line in lines)
    wrapped = [line for line in lines if "word" in line]
    assert len(wrapped) > 10
    assert all(line.startswith("    ") for line in wrapped)
    assert "    1" in lines
    assert len(json_lines(list(range(MOST_LINES + 5)), 40)) == MOST_LINES + 1


async def test_lines_are_wrapped_to_the_width_and_safe() -> None:
    view = JsonLines()
    async with Host(view).run_test(size=(30, 20)) as pilot:
        view.show(lambda: {HOSTILE: HOSTILE})
        await settle(pilot)
        before = view.row_count
        assert all(line.isprintable() for line in lines_of(view))
        await pilot.resize_terminal(200, 20)
        await settle(pilot)
        assert view.row_count < before

        def broken() -> Any:
            raise ValueError("no state here")

        view.show(broken)
        await settle(pilot)
        assert "The state cannot be shown: ValueError: no state here" in text_of(view)


def test_lists_made_anew_are_no_change() -> None:
    assert [row.mark for row in rows_of({"s": [{"a": 1}]}, {"s": [{"a": 1}]}, never_open, 80)] == [""]
    assert [row.mark for row in rows_of({"s": [{"a": 1}]}, {"s": [{"a": 2}]}, never_open, 80)] == ["changed"]
    assert [row.mark for row in rows_of({"s": [1]}, {"s": [1, 2]}, never_open, 80)] == ["changed"]
    assert rows_of({"s": []}, MISSING, never_open, 80)[0].mark == "added"


def never_open(place: Place) -> bool:
    return False
