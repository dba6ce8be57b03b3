"""Lines made of parts: what stays, what goes, and that nothing ever overlaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import ComposeResult

from dive_tui.app.shell import Shell
from dive_tui.widgets.parts import Banner, HeaderLine, Part, lay_out, part

HEADER = [
    part(("order", "bold bright"), (" …k3rg2", "dim")),
    part((" ✗ FAILED ", "pill failed")),
    part(("Charge Card", "failed"), " · CardDeclined: insufficient funds", priority=2, shrink=11),
    part(("09:14:02 · 12.4 s", "dim"), priority=5, gap=3),
    part("187", ("/189", "dim"), right=True),
    part(("■ ended", "dim"), right=True, priority=3),
]


def drawn(parts: list[Part], width: int) -> str:
    """The line as text."""
    line = ""
    for start, each in lay_out(parts, width):
        line += " " * (start - cell_len(line)) + "".join(text for text, _ in each.pieces)
    return line


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (120, ["k3rg2", "FAILED", "insufficient funds", "12.4 s", "187/189", "ended"]),
        (90, ["k3rg2", "FAILED", "insufficient ", "187/189"]),
        (80, ["k3rg2", "FAILED", "insufficient fun…", "187/189"]),
        (50, ["k3rg2", "FAILED", "Charge Card · …", "187/189"]),
        (40, ["k3rg2", "FAILED", "187/189"]),
        (20, ["k3rg2"]),
    ],
)
def test_header_at_common_widths(width: int, words: list[str]) -> None:
    shown = drawn(HEADER, width)
    assert cell_len(shown) <= width
    assert [word for word in words if word in shown] == words


def test_parts_drop_from_the_right_by_priority() -> None:
    words = [part(name, priority=rank) for name, rank in (("one", 1), ("two", 2), ("three", 2), ("four", 3))]
    assert drawn(words, 21) == "one  two  three  four"
    assert drawn(words, 20) == "one  two  three"
    assert drawn(words, 14) == "one  two"
    assert drawn(words, 7) == "one"
    assert drawn(words, 2) == "o…"
    assert drawn(words, 0) == ""


def test_a_part_shrinks_before_it_goes_and_after_less_important_ones() -> None:
    words = [part("name"), part("a long message", priority=2, shrink=6), part("time", priority=3)]
    assert drawn(words, 26) == "name  a long message  time"
    assert drawn(words, 25) == "name  a long message"
    assert drawn(words, 15) == "name  a long m…"
    assert drawn(words, 12) == "name  a lon…"
    assert drawn(words, 11) == "name"


def test_right_parts_stand_at_the_right_end() -> None:
    words = [part("left"), part("right", right=True), part("end", right=True, priority=2)]
    assert drawn(words, 24) == "left          right  end"
    assert drawn(words, 16) == "left  right  end"
    assert drawn(words, 15) == "left      right"


@given(
    st.lists(
        st.builds(
            part,
            st.text(max_size=12),
            priority=st.integers(1, 4),
            shrink=st.integers(0, 6),
            right=st.booleans(),
            gap=st.integers(0, 3),
        ),
        max_size=8,
    ),
    st.integers(0, 60),
)
def test_nothing_overlaps_or_sticks_out(parts: list[Part], width: int) -> None:
    end = 0
    for start, each in lay_out(parts, width):
        assert start >= end
        end = start + each.cells
    assert end <= width


def test_text_of_a_part_is_made_safe() -> None:
    made = part(("\x1b[31m\u202e", "dim"), "[/]" + "x" * 10_000_000)
    assert made.pieces[0][0] == "␛[31m‹202E›"
    assert made.cells < 1_000


class Lines(Shell):
    """A header and a banner."""

    def compose(self) -> ComposeResult:
        yield HeaderLine(part("[/red] \x1b", verb="follow"), part("right", right=True))
        yield Banner()

    followed = 0

    def action_follow(self) -> None:
        self.followed += 1


async def test_header_and_banner_on_a_screen() -> None:
    app = Lines()
    async with app.run_test(size=(40, 5)) as pilot:
        header, banner = app.query_one(HeaderLine), app.query_one(Banner)
        assert header.render_line(0).text == "[/red] ␛                         right"
        assert not banner.display
        banner.show("error", "the store is gone: [/tmp]", hint="reading again")
        await pilot.pause()
        assert banner.display
        assert banner.render_line(0).text.startswith(" ✗   the store is gone: [/tmp]")
        for kind in ("warning", "info"):
            banner.show(kind, "so")
        banner.hide()
        assert not banner.display
        await pilot.click(header, offset=(3, 0))
        await pilot.pause()
        assert app.followed == 1
        await pilot.click(header, offset=(20, 0))
        await pilot.pause()
        assert app.followed == 1
        for segment in header.render_line(0):
            assert segment.style is not None
            assert segment.style.bgcolor is not None


class Troubled(Shell):
    """A banner alone."""

    def compose(self) -> ComposeResult:
        yield Banner()


@pytest.mark.parametrize(("width", "most"), [(120, 2), (80, 2), (60, 3)])
async def test_a_remedy_can_be_read_at_every_width(width: int, most: int) -> None:
    path = "/home/somebody/with/a/long/way/down/to/the/folder/of/this/project/.dive/store.db"
    remedy = "What was read stays; it is looked for again. O opens another store."
    app = Troubled()
    async with app.run_test(size=(width, 12)) as pilot:
        banner = app.query_one(Banner)
        banner.show("error", f"the store at {path} is gone", hint=remedy)
        await pilot.pause()
        await pilot.pause()
        assert 1 < banner.size.height <= most
        lines = [banner.render_line(y).text.strip() for y in range(banner.size.height)]
        assert lines[0].startswith("✗   the store at /home/")
        assert lines[0].endswith("/store.db is gone.")
        assert " ".join(lines[1:]) == remedy
        banner.show("error", "it is locked", hint="It is tried again.")
        await pilot.pause()
        assert banner.size.height == 1
        assert "it is locked.  It is tried again." in banner.render_line(0).text
