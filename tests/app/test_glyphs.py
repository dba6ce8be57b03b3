"""The glyph table: one cell each, no emoji, every twin ASCII."""

from __future__ import annotations

import dataclasses
import locale
import unicodedata

import pytest
from rich.cells import cell_len

from dive_tui.app.glyphs import ASCII, UNICODE, Glyphs, choose

# Code points with the Unicode property Emoji in the blocks that symbols come from: terminals may draw them two cells
# wide and in colour.
EMOJI = {
    *[0x00A9, 0x00AE, 0x203C, 0x2049, 0x2122, 0x2139, *range(0x2194, 0x219A), 0x21A9, 0x21AA],
    *[0x231A, 0x231B, 0x2328, 0x23CF, *range(0x23E9, 0x23F4), *range(0x23F8, 0x23FB), 0x24C2],
    *[0x25AA, 0x25AB, 0x25B6, 0x25C0, *range(0x25FB, 0x25FF)],
    *[*range(0x2600, 0x2605), 0x260E, 0x2611, 0x2614, 0x2615, 0x2618, 0x261D, 0x2620, 0x2622, 0x2623, 0x2626],
    *[0x262A, 0x262E, 0x262F, *range(0x2638, 0x263B), 0x2640, 0x2642, *range(0x2648, 0x2654), 0x265F, 0x2660],
    *[0x2663, 0x2665, 0x2666, 0x2668, 0x267B, 0x267E, 0x267F, *range(0x2692, 0x2698), 0x2699, 0x269B, 0x269C],
    *[0x26A0, 0x26A1, 0x26A7, 0x26AA, 0x26AB, 0x26B0, 0x26B1, 0x26BD, 0x26BE, 0x26C4, 0x26C5, 0x26C8, 0x26CE],
    *[0x26CF, 0x26D1, 0x26D3, 0x26D4, 0x26E9, 0x26EA, *range(0x26F0, 0x26F6), *range(0x26F7, 0x26FB), 0x26FD],
    *[0x2702, 0x2705, *range(0x2708, 0x270E), 0x270F, 0x2712, 0x2714, 0x2716, 0x271D, 0x2721, 0x2728, 0x2733],
    *[0x2734, 0x2744, 0x2747, 0x274C, 0x274E, *range(0x2753, 0x2756), 0x2757, 0x2763, 0x2764],
    *[*range(0x2795, 0x2798), 0x27A1, 0x27B0, 0x27BF, 0x2934, 0x2935, *range(0x2B05, 0x2B08), 0x2B1B, 0x2B1C],
    *[0x2B50, 0x2B55, 0x3030, 0x303D, 0x3297, 0x3299],
}
WIDER = {"replay": 2}
SERIES = {"eighths": 9, "levels": 9}
STATUSES = [
    *["pending", "running", "waiting", "paused", "completed", "failed", "cancelled", "continued"],
    *["interrupted", "retrying", "skipped"],
]


def symbols(glyphs: Glyphs) -> dict[str, str]:
    return {field.name: getattr(glyphs, field.name) for field in dataclasses.fields(glyphs) if field.name != "ascii"}


@pytest.mark.parametrize(("name", "glyph"), symbols(UNICODE).items())
def test_each_glyph_is_narrow_known_and_no_emoji(name: str, glyph: str) -> None:
    assert cell_len(glyph) == len(glyph) == SERIES.get(name, WIDER.get(name, 1))
    for character in glyph:
        assert unicodedata.east_asian_width(character) not in "WF"
        assert character.isascii() or unicodedata.category(character)[0] in "PS"
        assert ord(character) not in EMOJI
        assert ord(character) < 0x1F000


@pytest.mark.parametrize(("name", "glyph"), symbols(ASCII).items())
def test_each_twin_is_ascii(name: str, glyph: str) -> None:
    assert glyph.isascii()
    assert glyph.isprintable()
    assert len(glyph) == (2 if name == "completed" else SERIES.get(name, WIDER.get(name, 1)))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_statuses_are_told_apart_and_align(glyphs: Glyphs) -> None:
    assert len({glyphs.status(status) for status in STATUSES}) == len(STATUSES)
    assert len({cell_len(glyphs.status_cell(status)) for status in STATUSES}) == 1
    assert glyphs.status("no such status") == glyphs.event


def test_the_locale_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(True) is ASCII
    assert choose(False) is UNICODE
    monkeypatch.setattr(locale, "getencoding", lambda: "UTF-8")
    assert choose() is UNICODE
    monkeypatch.setattr(locale, "getencoding", lambda: "ISO-8859-1")
    assert choose() is ASCII
