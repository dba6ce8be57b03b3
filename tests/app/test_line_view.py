"""The line view: constant cost, cursor, scrolling, following, caching, placeholders."""

from __future__ import annotations

from collections.abc import Hashable

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from dive_tui.app.themes import THEMES, palette_of, textual_theme
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.row_message import RowMessage


class Rows(LineView):
    """Rows named by an offset, so that they can move; counts what is drawn."""

    def __init__(self, count: int, *, newest: str = "bottom") -> None:
        super().__init__()
        self.count = count
        self.first_name = 0
        self.versions: dict[int, int] = {}
        self.drawn: list[int] = []
        if newest == "top":
            self.newest = "top"  # type: ignore[misc]

    @property
    def row_count(self) -> int:
        return self.count

    def row_key(self, index: int) -> Hashable:
        name = self.first_name + index
        return name, self.versions.get(name, 0)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        self.drawn.append(index)
        name = self.first_name + index
        text = f"row {name} v{self.versions.get(name, 0)} w{width} " + "x" * 200
        return Strip([Segment(text, self.palette["text"])])


class RowsApp(App[None]):
    """Only the view, and what it told."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows
        self.told: list[RowMessage] = []
        self.follows: list[bool] = []
        for tokens in THEMES:
            self.register_theme(textual_theme(tokens))
        self.theme = "dive-dark"

    def compose(self) -> ComposeResult:
        yield self.rows

    def on_line_view_row_highlighted(self, event: LineView.RowHighlighted) -> None:
        self.told.append(event)

    def on_line_view_row_selected(self, event: LineView.RowSelected) -> None:
        self.told.append(event)

    def on_line_view_follow_changed(self, event: LineView.FollowChanged) -> None:
        self.follows.append(event.follow)


def lines(rows: Rows) -> list[str]:
    return [rows.render_line(y).text for y in range(rows.size.height)]


def selected_line(rows: Rows) -> str:
    return next((line for line in lines(rows) if line.startswith("▌")), "")


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.pause()


async def test_a_million_rows_cost_what_is_visible() -> None:
    rows = Rows(1_000_000)
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        assert rows.virtual_size.height == 1_000_000
        assert set(rows.drawn) == set(range(24))
        assert lines(rows)[0].startswith("▌row 0 v0 w")
        rows.drawn.clear()
        await pilot.press("G")
        await settle(pilot)
        assert rows.cursor == 999_999
        assert set(rows.drawn) == set(range(999_976, 1_000_000))
        assert "row 999999" in selected_line(rows)
        rows.drawn.clear()
        rows.move_to(500_000)
        await settle(pilot)
        assert len(set(rows.drawn)) == 24
        assert "row 500000" in selected_line(rows)


async def test_moving_the_cursor_draws_two_rows() -> None:
    rows = Rows(1000)
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        rows.drawn.clear()
        await pilot.press("j")
        await settle(pilot)
        assert sorted(rows.drawn) == [0, 1]
        rows.drawn.clear()
        await pilot.press("k")
        await settle(pilot)
        assert rows.drawn == [], "both looks of both rows are kept"


@pytest.mark.parametrize(
    ("keys", "cursor"),
    [
        (["j", "down", "j", "k", "up"], 1),
        (["k"], 0),
        (["pagedown"], 23),
        (["ctrl+d", "pageup"], 0),
        (["G"], 99),
        (["G", "j"], 99),
        (["G", "ctrl+u"], 76),
        (["G", "g"], 0),
        (["j", "home", "end"], 1),
    ],
)
async def test_keys(keys: list[str], cursor: int) -> None:
    rows = Rows(100)
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        await pilot.press(*keys)
        await settle(pilot)
        assert rows.cursor == cursor
        assert f"row {cursor} " in selected_line(rows)


async def test_a_row_fills_its_line_at_any_width() -> None:
    rows = Rows(100)
    async with RowsApp(rows).run_test(size=(20, 5)) as pilot:
        await settle(pilot)
        for line in lines(rows):
            assert len(line) == rows.row_width == 19
            assert line.endswith("…")
        await pilot.resize_terminal(1, 5)
        await settle(pilot)
        await pilot.resize_terminal(40, 3)
        await settle(pilot)
        assert "w38" in lines(rows)[0]


async def test_messages_tell_row_and_key() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        app.told.clear()
        await pilot.press("j")
        await settle(pilot)
        rows.select_row()
        await settle(pilot)
        moved, chosen = app.told
        assert isinstance(moved, LineView.RowHighlighted)
        assert isinstance(chosen, LineView.RowSelected)
        assert moved.control is rows
        assert (moved.index, moved.key) == (chosen.index, chosen.key) == (1, (1, 0))
        app.told.clear()
        rows.move_to(1)
        rows.move_to(50, quiet=True)
        await settle(pilot)
        assert app.told == []


async def test_the_mouse_moves_selects_and_scrolls() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        await pilot.click(rows, offset=(5, 4))
        await settle(pilot)
        assert rows.cursor == 4
        await pilot.click(rows, offset=(5, 7), times=2)
        await settle(pilot)
        assert isinstance(app.told[-1], LineView.RowSelected)
        assert app.told[-1].index == 7
        rows.scroll_to(y=10, animate=False)
        await pilot.click(rows, offset=(5, 0))
        assert rows.cursor == 10


async def test_rows_that_come_below_tell_nothing_but_a_changed_row_under_the_cursor_does() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        app.told.clear()
        rows.count = 200
        rows.rows_changed()
        await settle(pilot)
        assert app.told == []
        rows.versions[0] = 1
        rows.rows_changed()
        await settle(pilot)
        assert [message.key for message in app.told] == [(0, 1)]


async def test_rows_that_come_above_do_not_move_the_view() -> None:
    rows = Rows(1000)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        rows.move_to(500)
        await settle(pilot)
        before = lines(rows)
        app.told.clear()
        rows.count, rows.first_name = 1100, -100
        rows.rows_changed(cursor=600)
        await settle(pilot)
        assert rows.cursor == 600
        assert lines(rows) == before
        assert [message.index for message in app.told] == [600]


async def test_fewer_rows_take_the_cursor_along() -> None:
    rows = Rows(1000)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await pilot.press("G")
        await settle(pilot)
        rows.count = 10
        rows.rows_changed()
        await settle(pilot)
        assert rows.cursor == 9
        assert "row 9 " in selected_line(rows)
        assert app.told[-1].index == 9
        rows.count = 0
        rows.rows_changed()
        await settle(pilot)
        await pilot.press("j", "G", "pageup")
        rows.select_row()
        await settle(pilot)
        assert rows.cursor == 0
        assert app.told[-1].index == 9
        rows.count = 3
        rows.rows_changed()
        await settle(pilot)
        assert app.told[-1].index == 0


async def test_following_stays_at_the_end_until_the_person_moves_away() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        rows.follow = True
        await settle(pilot)
        assert rows.cursor == 99
        rows.count = 150
        rows.rows_changed()
        await settle(pilot)
        assert rows.cursor == 149
        assert "row 149" in selected_line(rows)
        assert app.told[-1].index == 149
        await pilot.press("j")
        assert rows.follow
        await pilot.press("k")
        await settle(pilot)
        assert not rows.follow
        rows.count = 200
        rows.rows_changed()
        await settle(pilot)
        assert rows.cursor == 148
        assert app.follows == [True, False]


async def test_scrolling_away_ends_following() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        rows.follow = True
        await settle(pilot)
        await pilot.resize_terminal(60, 12)
        await settle(pilot)
        assert rows.follow
        assert "row 99 " in selected_line(rows)
        rows.scroll_relative(y=-5, animate=False)
        await settle(pilot)
        assert not rows.follow


async def test_following_at_the_top() -> None:
    rows = Rows(100, newest="top")
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        rows.move_to(50)
        await settle(pilot)
        rows.follow = True
        await settle(pilot)
        assert rows.cursor == 0
        rows.count, rows.first_name = 101, -1
        rows.rows_changed(cursor=1)
        await settle(pilot)
        assert "row -1 " in selected_line(rows)


async def test_changed_rows_alone_are_drawn_again() -> None:
    rows = Rows(1000)
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        rows.drawn.clear()
        rows.versions[3] = 1
        rows.refresh_rows(range(3, 4))
        await settle(pilot)
        assert rows.drawn == [3]
        assert "row 3 v1" in lines(rows)[3]
        rows.drawn.clear()
        rows.refresh_rows(range(500, 501))
        await settle(pilot)
        assert rows.drawn == []
        rows.refresh_rows(range(20, 900))
        await settle(pilot)
        assert set(rows.drawn) == set(range(20, 24))
        rows.drawn.clear()
        rows.refresh_rows()
        await settle(pilot)
        assert set(rows.drawn) == set(range(24))


async def test_rows_without_versions_are_drawn_again_when_told() -> None:
    rows = Rows(1000)
    rows.row_key = lambda index: index  # type: ignore[method-assign]
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        rows.versions[0] = rows.versions[3] = 1
        rows.refresh_rows(range(4))
        await settle(pilot)
        assert "row 0 v1" in lines(rows)[0]
        assert "row 3 v1" in lines(rows)[3]


async def test_another_theme_draws_all_anew() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        dark = rows.render_line(0)
        rows.drawn.clear()
        app.theme = "dive-light"
        await settle(pilot)
        assert set(rows.drawn) == set(range(24))
        light = rows.render_line(0)
        assert dark.text == light.text
        assert dark != light
        assert list(light)[1].style.bgcolor == palette_of(app)["on row"].bgcolor  # type: ignore[union-attr]


async def test_the_cursor_row_is_louder_with_the_focus() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        focused = rows.render_line(0)
        app.set_focus(None)
        await settle(pilot)
        assert rows.render_line(0) != focused
        assert rows.render_line(0).text == focused.text


async def test_every_segment_has_a_background() -> None:
    rows = Rows(3)
    async with RowsApp(rows).run_test(size=(60, 10)) as pilot:
        await settle(pilot)
        for y in range(10):
            for segment in rows.render_line(y):
                assert segment.style is not None
                assert segment.style.bgcolor is not None


@pytest.mark.parametrize("kind", ["empty", "loading", "error"])
async def test_placeholders_say_what_is_the_matter_and_what_to_do(kind: str) -> None:
    rows = Rows(0)
    async with RowsApp(rows).run_test(size=(40, 12)) as pilot:
        rows.set_placeholder(kind, "Nothing here \x1b[31m[/red]\nat all.", "Press ? for the keys")  # type: ignore[arg-type]
        await settle(pilot)
        shown = "\n".join(lines(rows))
        assert "Nothing here ␛[31m[/red]" in shown
        assert "at all." in shown
        assert "Press ? for the keys" in shown
        assert all(len(line) == 40 for line in lines(rows))
        rows.count = 5
        rows.rows_changed()
        await settle(pilot)
        assert "Nothing here" not in "\n".join(lines(rows))


async def test_a_huge_placeholder_in_a_tiny_view() -> None:
    rows = Rows(0)
    async with RowsApp(rows).run_test(size=(3, 2)) as pilot:
        rows.set_placeholder("error", "x" * 10_000_000, "y" * 10_000_000)
        await settle(pilot)
        assert all(len(line) == 3 for line in lines(rows))


async def test_a_row_that_forgot_to_make_its_text_safe_is_still_safe() -> None:
    class Careless(Rows):
        def render_row(self, index: int, width: int, selected: bool) -> Strip:
            return Strip([Segment("\x1b]0;x\x07"), Segment("tail", self.palette["dim"])])

    rows = Careless(3)
    async with RowsApp(rows).run_test(size=(30, 5)) as pilot:
        await settle(pilot)
        assert lines(rows)[1].rstrip() == " ␛]0;x␇tail"


class Text(Rows):
    """Text that is only read."""

    shows_cursor = False


async def test_without_a_cursor_the_keys_scroll() -> None:
    rows = Text(100)
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        assert selected_line(rows) == ""
        await pilot.press("j", "j")
        await settle(pilot)
        assert lines(rows)[0].startswith(" row 2 ")
        await pilot.press("pagedown", "k")
        await settle(pilot)
        assert lines(rows)[0].startswith(" row 24 ")
        await pilot.press("G")
        await settle(pilot)
        assert lines(rows)[-1].startswith(" row 99 ")
        await pilot.press("g")
        await settle(pilot)
        assert lines(rows)[0].startswith(" row 0 ")


async def test_the_cursor_stays_visible_when_the_view_shrinks() -> None:
    rows = Rows(100)
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        rows.move_to(20)
        await settle(pilot)
        await pilot.resize_terminal(60, 8)
        await settle(pilot)
        assert "row 20 " in selected_line(rows)


async def test_a_move_before_the_first_layout_is_shown_with_it() -> None:
    rows = Rows(100)
    app = RowsApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await rows.remove()
        rows = Rows(100)
        await app.mount(rows)
        rows.move_to(2)
        await settle(pilot)
        assert lines(rows)[0].startswith(" row 0 ")
        assert lines(rows)[2].startswith("▌row 2 ")


async def test_scrolling_to_a_row_in_the_middle() -> None:
    rows = Rows(1000)
    async with RowsApp(rows).run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        rows.scroll_to_row(500, center=True)
        await settle(pilot)
        assert "row 500 " in lines(rows)[12]
        rows.scroll_to_row(505, center=True)
        await settle(pilot)
        assert "row 500 " in lines(rows)[12], "it is visible already"
