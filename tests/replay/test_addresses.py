"""Addresses: what they look like, what they find, and what is wrong with those that are none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.replay.addressing.addresses import (
    MISSING,
    VARIABLES,
    Address,
    AddressError,
    is_same,
    parse_address,
    resolve,
)
from engine.replay.diffing.diff import diff_values

PARTS: list[tuple[str, tuple[str | int, ...], str]] = [
    ("paths.main.variables.cart.items[0]", ("paths", "main", "variables", "cart", "items", 0), ""),
    ("cart.items[0]", (VARIABLES, "cart", "items", 0), ""),
    ("state.cart", (VARIABLES, "cart"), "cart"),
    ("state.status", (VARIABLES, "status"), ""),
    ("state.state", (VARIABLES, "state"), ""),
    ("state", (VARIABLES,), ""),
    ("status", ("status",), ""),
    ('steps["Charge Card"].status', ("steps", "Charge Card", "status"), ""),
    ("steps['Charge Card']", ("steps", "Charge Card"), 'steps["Charge Card"]'),
    ('a["x\\"y\\\\z"]', (VARIABLES, "a", 'x"y\\z'), ""),
    ('["a b"].c', (VARIABLES, "a b", "c"), ""),
    ("paths.left-1.status", ("paths", "left-1", "status"), 'paths["left-1"].status'),
    ("signals[ 0 ].topic", ("signals", 0, "topic"), "signals[0].topic"),
    ("  größe.é  ", (VARIABLES, "größe", "é"), '["größe"]["é"]'),
    ("rows.0.id", (VARIABLES, "rows", "0", "id"), 'rows["0"].id'),
]


@pytest.mark.parametrize(("text", "parts", "normal"), PARTS)
def test_addresses_and_their_one_normal_form(text: str, parts: tuple[str | int, ...], normal: str) -> None:
    address = parse_address(text)
    assert address.parts == parts
    assert str(address) == (normal or text)
    assert parse_address(str(address)) == address


keys = st.one_of(st.text(min_size=1, max_size=8), st.sampled_from(["state", "status", "a b", 'q"', "\\", "x-1", "7"]))


@given(first=keys, rest=st.lists(st.one_of(keys, st.integers(0, 10**18 - 1)), max_size=5), short=st.booleans())
def test_every_address_can_be_written_and_read_again(first: str, rest: list[str | int], short: bool) -> None:
    address = Address((VARIABLES if short else "script_globals", first, *rest))
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "an address is empty; it is written like cart.total or paths.main.variables.cart"),
        ("  ", "an address is empty; it is written like cart.total or paths.main.variables.cart"),
        ("a..b", "'a..b' is no address: a name is wanted at character 3, not '.b'"),
        ("a.", "'a.' is no address: a name is wanted at character 3, but it ends"),
        ("a b", "'a b' is no address: '.' or '[' is wanted at character 2, not ' b'"),
        ("a[x]", """'a[x]' is no address: an index or a quoted key is wanted at character 2, not '[x]'"""),
        ("a[-1]", """'a[-1]' is no address: an index or a quoted key is wanted at character 2, not '[-1]'"""),
        ("[0]", """'[0]' is no address: a quoted key is wanted at character 1, not '[0]'"""),
        ('a["b', """'a["b' is no address: an index or a quoted key is wanted at character 2, not '["b'"""),
        ("a.\x1b[31m", r"'a.\x1b[31m' is no address: a name is wanted at character 3, not '\x1b[31m'"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(AddressError) as error:
        parse_address(text)
    assert str(error.value) == sentence


VIEW: dict[str, Any] = {
    "status": "running",
    "error": None,
    "paths": {
        "left": {"status": "waiting", "variables": {"cart": {"items": [{"id": 7}]}, "state": 1}},
        "right": {"status": "running", "variables": {"cart": [1], "7": "seven"}},
    },
    "active_paths": [{"id": "right"}, {"id": "left"}],
    "steps": [
        {"path": "left", "step": "A", "visit": 1, "attempt": 1, "status": "failed", "started_seq": 3},
        {"path": "left", "step": "A", "visit": 1, "attempt": 2, "status": "running", "started_seq": 9},
        {"path": "right", "step": "A", "visit": 1, "attempt": 1, "status": "completed", "output": 5, "started_seq": 7},
        {"path": "right", "step": "B", "visit": 1, "attempt": 1, "status": "running", "started_seq": 8},
        {"path": "right", "step": "B", "visit": 1, "iteration": 0, "attempt": 1, "status": "failed", "started_seq": 9},
    ],
}


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("status", "", "running"),
        ("error", "", None),
        ("error.message", "", MISSING),
        ("outputs", "", MISSING),
        ("paths.left.variables.cart.items[0].id", "", 7),
        ("paths.left.variables.cart.items[1]", "", MISSING),
        ("cart.items[0]", "", {"id": 7}),
        ("cart[0]", "right", 1),
        ("cart[0]", "", MISSING),
        ("cart.items", "right", MISSING),
        ("state.state", "", 1),
        ('state["7"]', "right", "seven"),
        ("steps.A.output", "", 5),
        ("steps.A.attempt", "", 1),
        ("steps.B.status", "", "running"),
        ("steps.C", "", MISSING),
        ("steps[1].attempt", "", 2),
        ("paths.left.variables.cart.items.length", "", MISSING),
    ],
)
def test_what_is_at_an_address(text: str, path: str, value: Any) -> None:
    assert resolve(VIEW, parse_address(text), path) == value


json_values = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 2, "", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(old=json_values, new=json_values)
def test_values_are_the_same_where_a_diff_finds_nothing(old: Any, new: Any) -> None:
    assert is_same(old, new) == (not diff_values(old, new).changes)
    assert is_same(old, old)
    assert not is_same(old, MISSING)


def test_numbers_and_truth_are_different() -> None:
    assert not is_same({"a": [1]}, {"a": [True]})
    assert not is_same(1, 1.0)
    assert is_same(MISSING, MISSING) and repr(MISSING) == "MISSING"
