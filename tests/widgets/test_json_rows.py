"""JSON as rows that unfold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dive_tui.widgets.json.json_rows import GROUP, MISSING, TEXT_LINES, JsonRow, Lazy, Place, opens, rows_of
from tests.widgets.test_event_words import json_values


def opened(value: Any, *places: Place, before: Any = None) -> list[JsonRow]:
    return rows_of(value, value if before is None else before, set(places).__contains__, 60)


def everything(value: Any, before: Any) -> list[JsonRow]:
    return rows_of(value, before, lambda place: True, 60)


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every member that is no open container, in order."""
    if isinstance(value, Mapping | list) and value:
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, member in pairs:
            yield from leaves(member, (*place, key))
    else:
        yield place, value


def test_only_what_is_open_has_rows() -> None:
    value = {"a": {"b": 1}, "c": [1, 2]}
    assert [row.label for row in opened(value)] == ["a", "c"]
    assert [row.label for row in opened(value, ("c",))] == ["a", "c", "[0]", "[1]"]
    assert [(row.depth, row.opens, row.is_open) for row in opened(value, ("a",))] == [
        (0, True, True), (1, False, False), (0, True, False),
    ]  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), json_values, min_size=1, max_size=5))
def test_all_open_shows_every_member_once(value: dict[str, Any]) -> None:
    rows = everything(value, value)
    shown = [(row.place, row.value) for row in rows if row.label and not (row.opens and not isinstance(row.value, str))]
    found = [(place, leaf) for place, leaf in leaves(value) if place]
    assert [place for place, _ in shown if place[-1] != ""] == [place for place, _ in found if place[-1] != ""]
    assert not any(row.mark for row in rows)


def test_long_lists_open_in_groups() -> None:
    value = {"items": list(range(12_034))}
    groups = opened(value, ("items",))[1:]
    assert [row.label for row in groups][:2] == ["0 – 9,999", "10,000 – 12,033"]
    first = groups[0].place
    inner = opened(value, ("items",), first)
    assert inner[2].label == "0 – 99"
    assert inner[2].depth == 2
    last = next(row for row in inner if row.label == "9,900 – 9,999")
    members = [row for row in opened(value, ("items",), first, last.place) if isinstance(row.value, int)]
    assert [row.value for row in members] == list(range(9_900, 10_000))
    assert members[0].address == "items[9900]"
    assert len(opened(list(range(GROUP)))) == GROUP
    assert opened(list(range(101)))[1].label == "100 – 100"


def test_long_objects_open_in_groups_too() -> None:
    value = {f"key {n}": n for n in range(250)}
    groups = opened(value)
    assert len(groups) == 3
    assert [row.label for row in opened(value, groups[2].place)][3:5] == ["key 200", "key 201"]


def test_long_texts_open_into_lines() -> None:
    value = {"short": "hi", "long": "one two three " * 10, "lines": "a\nb"}
    assert [opens(member) for member in value.values()] == [False, True, True]
    rows = opened(value, ("lines",))
    assert [(row.label, row.value) for row in rows[3:]] == [("", "a"), ("", "b")]
    assert all(len(row.value) <= 60 for row in opened(value, ("long",))[2:5])


def test_a_huge_text_opens_into_its_beginning() -> None:
    rows = opened({"log": "line\n" * 100_000}, ("log",))
    assert len(rows) == 1 + TEXT_LINES + 1
    assert rows[-1].value == "… more of 488 KiB, enter shows the next 200 lines"


def test_what_is_lazy_is_made_only_when_open() -> None:
    made = []

    def make() -> dict[str, int]:
        made.append(1)
        return {"a": 1}

    value = {"steps": Lazy(make, "by step")}
    assert [row.opens for row in opened(value)] == [True]
    assert not made
    rows = opened(value, ("steps",))
    assert [(row.label, row.value) for row in rows[1:]] == [("a", 1)]
    assert not any(row.mark for row in rows)


def test_marks_say_what_came_and_what_changed() -> None:
    before = {"a": 1, "b": {"c": [1, 2], "d": 3}, "e": {"f": 1}}
    after = {"a": 1, "b": {"c": before["b"]["c"], "d": 4}, "e": {"f": 1}, "g": None}  # type: ignore[index]
    marks = {row.address: row.mark for row in everything(after, before)}
    assert marks == {
        "a": "", "b": "changed", "b.c": "", "b.c[0]": "", "b.c[1]": "", "b.d": "changed", "e": "", "e.f": "",
        "g": "added",
    }  # fmt: skip


def test_a_value_of_another_type_is_a_change() -> None:
    assert [row.mark for row in everything({"a": 1, "b": True}, {"a": 1.0, "b": 1})] == ["changed", "changed"]
    assert JsonRow(("x",), 0, "x", MISSING, MISSING, False, False).mark == ""


def test_addresses_quote_what_needs_it() -> None:
    rows = everything({"steps": {"Charge Card": [{"a b": 1}]}}, MISSING)
    assert rows[-1].address == 'steps["Charge Card"][0]["a b"]'
