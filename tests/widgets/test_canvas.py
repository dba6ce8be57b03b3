"""Bars, marks and words on a line of cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dive_tui.app.glyphs import ASCII, UNICODE
from dive_tui.app.themes import DARK, Palette
from dive_tui.widgets.canvas import GUIDE, Canvas

PALETTE = Palette(DARK)


def drawn(width: int = 12, *bars: tuple[float, float]) -> str:
    canvas = Canvas(width, UNICODE, PALETTE)
    for start, end in bars:
        canvas.bar(start, end, "ok")
    return text_of(canvas)


def text_of(canvas: Canvas) -> str:
    return "".join(segment.text for segment in canvas.segments())


def test_a_bar_ends_exact_to_an_eighth() -> None:
    assert drawn(6, (0, 3)) == "███   "
    assert drawn(6, (0, 3.5)) == "███▌  "
    assert drawn(6, (1, 2.125)) == " █▏   "


def test_a_bar_begins_with_the_cell_nearest() -> None:
    assert drawn(6, (1.4, 4)) == " ███  "
    assert drawn(6, (1.6, 4)) == "  ██  "


def test_what_took_no_time_is_seen() -> None:
    assert drawn(4, (2.1, 2.1)) == "  ▍ "
    assert drawn(4, (2.0, 2.01)) == "  ▍ "
    assert drawn(4, (4.0, 4.0)) == "    "


def test_what_lies_outside_is_not_drawn() -> None:
    assert drawn(4, (-5, -1)) == "    "
    assert drawn(4, (-5, 2)) == "██  "
    assert drawn(4, (2, 50)) == "  ██"
    assert drawn(4, (9, 50)) == "    "


def test_a_fill_takes_whole_cells() -> None:
    canvas = Canvas(6, UNICODE, PALETTE)
    canvas.bar(0, 2.5, "failed", "▒")
    assert text_of(canvas) == "▒▒▒   "


def test_in_ascii_bars_are_whole_cells() -> None:
    canvas = Canvas(6, ASCII, PALETTE)
    canvas.bar(1, 3.6, "ok")
    assert text_of(canvas) == " ###  "
    canvas.put(4, ASCII.completed, "ok")
    assert text_of(canvas) == " ###ok"


def test_words_are_cut_at_the_end_and_take_the_cells_they_need() -> None:
    canvas = Canvas(8, UNICODE, PALETTE)
    canvas.text(2, "too long for it", "text")
    assert text_of(canvas) == "  too l…"
    canvas.text(0, "宽字", "text")
    assert text_of(canvas) == "宽字o l…"
    canvas.text(-1, "no", "text")
    canvas.text(8, "no", "text")
    assert text_of(canvas) == "宽字o l…"


def test_marks_belong_to_the_character_before() -> None:
    canvas = Canvas(4, UNICODE, PALETTE)
    canvas.text(1, "e\u0301x", "text")
    assert text_of(canvas) == " e\u0301x "


def test_guide_lines_leave_cells_free() -> None:
    canvas = Canvas(6, UNICODE, PALETTE)
    canvas.put(1, "┊", GUIDE)
    canvas.bar(4, 5, "ok")
    assert canvas.is_free(0, 4)
    assert not canvas.is_free(3, 5)
    assert not canvas.is_free(-1, 2)
    assert not canvas.is_free(5, 7)


spans = st.tuples(st.floats(-50, 150), st.floats(0, 80)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.integers(1, 60), st.lists(spans, max_size=8), st.text(max_size=30), st.integers(-5, 70))
def test_a_line_is_always_as_wide_as_it_should_be(
    width: int, bars: list[tuple[float, float]], words: str, column: int
) -> None:
    from dive_tui.app.text import display_text

    for glyphs in (UNICODE, ASCII):
        canvas = Canvas(width, glyphs, PALETTE)
        for start, end in bars:
            canvas.bar(start, end, "ok")
        canvas.text(column, display_text(words), "text")
        canvas.put(column, glyphs.completed, "ok")
        assert cell_len(text_of(canvas)) == width


@given(st.integers(1, 60), spans)
def test_every_bar_in_view_leaves_something(width: int, span: tuple[float, float]) -> None:
    text = drawn(width, span)
    if span[1] > 0 and span[0] < width - 0.01:
        assert text.strip()


def test_half_a_wide_character_painted_over_leaves_a_space() -> None:
    for column in (0, 1):
        canvas = Canvas(3, UNICODE, PALETTE)
        canvas.text(0, "⺀x", "text")
        canvas.put(column, "✓", "ok")
        assert text_of(canvas) == ("✓ x" if column == 0 else " ✓x")
