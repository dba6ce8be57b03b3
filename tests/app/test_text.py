"""Text from a store on its way to the screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dive_tui.app import text
from dive_tui.app.text import (
    display_lines,
    display_text,
    ellipsize,
    fit,
    human_bytes,
    human_count,
    human_duration,
    pad,
)
from tests.app.hostile import hostile_strings

HIDDEN = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])


@pytest.fixture
def ascii_only() -> Iterator[None]:
    text.set_ascii(True)
    yield
    text.set_ascii(False)


def is_visible(shown: str) -> bool:
    """Whether every character is one that a terminal draws where it stands."""
    return not any(
        unicodedata.category(character) in HIDDEN
        or 0xFE00 <= ord(character) <= 0xFE0F
        or 0x1F1E6 <= ord(character) <= 0x1F1FF
        or 0x1F3FB <= ord(character) <= 0x1F3FF
        for character in shown
    )


def test_ten_thousand_hostile_strings_are_visible_and_fit() -> None:
    widths = cycle([0, 1, 2, 3, 10, 40, 200])
    for value, cells in zip(hostile_strings(10_000, seed=1), widths, strict=False):
        shown = display_text(value, max_cells=cells)
        assert is_visible(shown), (value, shown)
        assert cell_len(shown) <= cells, (value, shown)
        assert display_text(shown, max_cells=cells) == shown
        for line in display_lines(value, max(1, cells)):
            assert is_visible(line), (value, line)
            assert cell_len(line) <= max(1, cells), (value, line)


@pytest.mark.usefixtures("ascii_only")
def test_ten_thousand_hostile_strings_in_ascii() -> None:
    for value in hostile_strings(10_000, seed=2):
        shown = display_text(value, max_cells=30)
        assert shown.isascii(), (value, shown)
        assert is_visible(shown)
        assert len(shown) <= 30
        assert all(line.isascii() and len(line) <= 9 for line in display_lines(value, 9))


@given(st.text(), st.integers(0, 50), st.integers(1, 8))
def test_width_holds_for_any_text(value: str, cells: int, tab: int) -> None:
    shown = display_text(value, max_cells=cells, tab=tab)
    assert cell_len(shown) <= cells
    assert is_visible(shown)
    if value and cells:
        assert shown


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)), st.integers(1, 40))
def test_plain_text_loses_nothing_in_lines(value: str, width: int) -> None:
    lines = list(display_lines(value, width))
    assert "".join(lines).replace(" ", "") == value.replace(" ", "")
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("a\nb\r\n", "a␊b␍␊"),
        ("\x1b[31m\x00\x7f", "␛[31m␀␡"),
        ("\x85\x9b", "‹85›‹9B›"),
        ("evil\u202egnp.exe", "evil‹202E›gnp.exe"),
        ("a\u200bb\ufeff", "a‹200B›b‹FEFF›"),
        ("\ud800", "‹D800›"),
        ("\ue000", "‹E000›"),
        ("\u2028", "‹2028›"),
        ("❤\ufe0f", "❤‹FE0F›"),
        ("👩\u200d💻", "👩‹200D›💻"),
        ("👍🏽", "👍‹1F3FD›"),
        ("🇩🇪", "‹1F1E9›‹1F1EA›"),
        ("a\u00a0b\u2003c", "a b c"),
        ("a\tb", "a   b"),
        ("abcd\te", "abcd    e"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "‹301›e"),
        ("e" + "\u0301" * 5, "e" + "\u0301" * 3 + "‹301›\u0301"),
        ("日本語", "日本語"),
        ("[bold]x[/]", "[bold]x[/]"),
        ("", ""),
    ],
)
def test_what_each_kind_of_character_becomes(value: str, shown: str) -> None:
    assert display_text(value) == shown


@pytest.mark.parametrize(
    ("value", "cells", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
        ("abcdef", -1, ""),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("a\u202eb", 7, "a…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("\t\t", 5, "    …"),
    ],
)
def test_cutting(value: str, cells: int, shown: str) -> None:
    assert display_text(value, max_cells=cells) == shown


@pytest.mark.usefixtures("ascii_only")
def test_ascii_forms() -> None:
    assert display_text("é\x1b\x7f\x9b日…\n") == "?^[^?<9B>??^J"
    assert display_text("abcdef", max_cells=3) == "ab~"


class Watched(str):
    """A string that counts how much of it is looked at."""

    __slots__ = ("looked",)

    def __new__(cls, value: str) -> Watched:
        made = super().__new__(cls, value)
        made.looked = 0
        return made

    def __getitem__(self, index: object) -> str:  # type: ignore[override]
        found = super().__getitem__(index)  # type: ignore[index]
        self.looked += len(found)
        return found


@pytest.mark.parametrize("filling", ["a", "\x1b", "\u0301", "\u202e", "日"])
def test_only_what_can_be_shown_is_looked_at(filling: str) -> None:
    huge = Watched(filling * 10_000_000)
    assert cell_len(display_text(huge, max_cells=100)) <= 100
    assert huge.looked < 1_000
    assert len(list(islice(display_lines(huge, 80), 10))) == 10
    assert huge.looked < 10_000
    assert cell_len(display_text(huge)) <= text.DEFAULT_CELLS


@pytest.mark.parametrize(
    ("value", "width", "lines"),
    [
        ("", 10, [""]),
        ("one\ntwo\r\nthree", 10, ["one", "two", "three"]),
        ("a\n\nb\n", 10, ["a", "", "b", ""]),
        ("the quick brown fox", 10, ["the quick ", "brown fox"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("fits here now", 9, ["fits here", "now"]),
        ("a\rb", 10, ["a␍b"]),
        ("日本語", 4, ["日本", "語"]),
        ("日本", 1, ["…", "…"]),
        ("\x1b[1m", 10, ["␛[1m"]),
    ],
)
def test_lines(value: str, width: int, lines: list[str]) -> None:
    assert list(display_lines(value, width)) == lines


def test_padding_and_fitting_count_cells() -> None:
    assert pad("日", 4) == "日  "
    assert pad("日", 4, align="right") == "  日"
    assert pad("ab", 5, align="center") == " ab  "
    assert pad("abc", 2) == "abc"
    assert fit("日本語", 5) == "日本…"
    assert fit("12", 4, align="right") == "  12"
    assert ellipsize("abc", 3) == "abc"
    assert ellipsize("abc", 2) == "a…"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (0, "0ms"),
        (0.04, "40ms"),
        (0.9994, "999ms"),
        (0.9996, "1.0s"),
        (12.37, "12.4s"),
        (59.94, "59.9s"),
        (59.96, "1m"),
        (60, "1m"),
        (65, "1m05"),
        (200, "3m20"),
        (599.6, "10m"),
        (960, "16m"),
        (3569, "59m"),
        (3571, "1h"),
        (3900, "1h05"),
        (86399, "1d"),
        (90000 + 7200, "1d03"),
        (86400 * 12, "12d"),
        (86400 * 3000, "3,000d"),
        (-5.06, "-5.1s"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert human_duration(seconds) == shown


@given(st.floats(0, 86400 * 99))
def test_durations_are_short(seconds: float) -> None:
    assert len(human_duration(seconds)) <= 6


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1536, "1.5 KiB"),
        (10 * 1024 * 1024, "10 MiB"),
        (3 * 1024**4, "3,072 GiB"),
    ],
)
def test_sizes(size: int, shown: str) -> None:
    assert human_bytes(size) == shown


def test_counts() -> None:
    assert human_count(4793) == "4,793"
