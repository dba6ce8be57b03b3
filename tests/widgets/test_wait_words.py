"""What is waited for, in words, and the time that is left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dive_tui.app.text import set_ascii
from dive_tui.widgets.wait_words import (
    countdown,
    countdown_to,
    id_words,
    join_words,
    names_in,
    seconds_between,
    summary_words,
    wait_words,
)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"for": "signal", "topic": "approve"}, "signal approve"),
        ({"for": "sleep"}, "sleep"),
        ({"for": "child", "child_id": "exec_00000000000000000000k3rg2"}, "child …k3rg2"),
        ({"for": "join", "join": {"fork": 5, "paths": ["left", "right"], "count": 2}}, "join left, right"),
        ({"for": "join", "join": {"fork": 5, "paths": ["left", "right"], "count": 1}}, "join 1 of left, right"),
        ({"for": "join", "join": "odd"}, "join"),
        ({}, "something"),
    ],
)
def test_what_is_waited_for(data: dict[str, Any], words: str) -> None:
    assert wait_words(data) == words


def test_long_lists_of_names_are_cut() -> None:
    assert names_in([str(number) for number in range(20)]) == "0, 1, 2, 3, 4, 5, 6, 7, …"


def test_in_ascii_ids_are_cut_with_a_tilde() -> None:
    set_ascii(True)
    try:
        assert id_words("exec_00k3rg2") == "~k3rg2"
        assert summary_words("child …k3rg2") == "child ~k3rg2"
    finally:
        set_ascii(False)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "due"), (0, "due"), (0.2, "in 1s"), (8, "in 8s"), (59.9, "in 1m"), (200, "in 3m20"), (2520, "in 42m")],
)
def test_the_time_that_is_left_is_told_in_whole_seconds(seconds: float, words: str) -> None:
    assert countdown(seconds) == words


def test_moments_that_are_none_count_down_to_nothing() -> None:
    now = datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC)
    assert countdown_to("2026-03-01T09:14:10Z", now) == "in 8s"
    assert countdown_to("soon", now) == countdown_to(None, now) == ""
    assert seconds_between("soon", "2026-03-01T09:14:10Z") is None


@given(st.recursive(st.none() | st.text(max_size=9) | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_any_data_has_words(value: Any) -> None:
    assert isinstance(wait_words({"for": value, "topic": value, "child_id": value, "join": {"paths": value}}), str)
    assert isinstance(join_words({"paths": [value], "count": value}), str)
    countdown_to(value, datetime(2026, 3, 1, tzinfo=UTC))
