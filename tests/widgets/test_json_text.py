"""Short texts for JSON values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dive_tui.widgets.json.json_text import preview, size_of, style_of, text_size
from tests.screens.histories import HOSTILE
from tests.widgets.test_event_words import json_values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (118.20, "118.2"),
        ("EUR", '"EUR"'),
        ("a\nb", '"a␊b"'),
        ('say "hi"', '"say \\"hi\\""'),
        ([], "[]"),
        ({}, "{}"),
        ([1, 2, 3], "[1, 2, 3]"),
        ({"a": 1, "b": [1]}, "{a: 1, b: [1]}"),
        ({"a": [{"b": 1}]}, "{a: [1 item]}"),
        (list(range(12034)), "[12,034 items]"),
        ({"a": {"b": {"c": {"d": 1}}}}, "{a: {b: {c: {1 key}}}}"),
    ],
)
def test_values_in_short(value: Any, text: str) -> None:
    assert preview(value, 200) == text


def test_bare_objects_stand_without_braces() -> None:
    assert preview({"amount": 118.2, "currency": "EUR"}, 80, bare=True) == 'amount 118.2  currency "EUR"'


def test_long_texts_are_cut_with_their_size() -> None:
    assert preview("x" * 10_000, 20) == '"xxxxxxxxx…" 9.8 KiB'
    assert preview("x" * 18, 20) == '"xxxxxxxxxxxxxxxxxx"'
    assert preview("x" * 10_000, 200).endswith('…" 9.8 KiB')
    assert "KiB" in preview({"body": "x" * 10_000}, 200)
    assert text_size("é" * 10) == "20 B"
    assert text_size("\ud800") == "3 B"


def test_many_members_end_in_dots() -> None:
    assert preview({str(n): n for n in range(100)}, 400).endswith(", …}")
    assert preview({str(n): n for n in range(100)}, 400, bare=True).endswith("…")


def test_sizes() -> None:
    sizes = [size_of([1]), size_of([1, 2]), size_of({"a": 1}), size_of({})]
    assert sizes == ["[1 item]", "[2 items]", "{1 key}", "{0 keys}"]


def test_kinds_have_their_colours() -> None:
    values: list[Any] = ["x", 1, 1.5, True, None, [], {}]
    assert [style_of(value) for value in values] == ["ok", "waiting", "waiting", "accent", "accent", "dim", "dim"]


@given(json_values, st.integers(1, 120), st.booleans())
def test_a_preview_fits_and_is_safe(value: Any, cells: int, bare: bool) -> None:
    text = preview(value, cells, bare=bare)
    assert cell_len(text) <= cells
    assert text.isprintable()


def test_hostile_keys_and_texts_are_safe() -> None:
    assert preview({HOSTILE: [HOSTILE]}, 400).isprintable()
