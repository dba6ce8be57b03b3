"""The execution screen at every size."""

from __future__ import annotations

import pytest

from dive_tui.screens.execution.panes import PaneName
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.parts import HeaderLine, PartsLine
from dive_tui.widgets.scrubber import Scrubber
from tests.screens.execution_app import failed, opened, press, screen_lines, settle, text_of


def visible(screen: ExecutionScreen) -> list[str]:
    return [frame.id or "" for frame in screen.panes._frames.values() if frame.display]


async def test_at_120_the_timeline_stands_over_events_and_inspector() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        panes = screen.panes
        assert visible(screen) == ["timeline-pane", "events-pane", "inspector-pane"]
        assert panes.timeline.region.y < panes.events.region.y == panes.inspector.region.y
        assert panes.events.region.width > panes.inspector.region.width
        assert panes.timeline.rows.size.height == 10, "room for every row"
        assert panes.events.size.height >= 15


@pytest.mark.parametrize("size", [(160, 50), (250, 70), (160, 22)])
async def test_from_160_columns_the_inspector_is_a_column_of_its_own(size: tuple[int, int]) -> None:
    app = await failed()
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        timeline, events, inspector = screen.panes._frames.values()
        assert visible(screen) == ["timeline-pane", "events-pane", "inspector-pane"]
        assert timeline.region.right == events.region.right == inspector.region.x
        assert timeline.region.bottom == events.region.y
        assert (inspector.region.y, inspector.region.bottom) == (timeline.region.y, events.region.bottom)
        assert inspector.region.right == size[0]
        assert 0.4 < inspector.region.width / size[0] < 0.45
        assert screen.panes.events.size.height >= 4
        await press(pilot, "z")
        assert visible(screen) == ["events-pane"]
        assert events.region.width == size[0]
        await press(pilot, "z", "1", "tab", "tab")
        assert screen.panes.inspector.view.has_focus
        assert visible(screen) == ["timeline-pane", "events-pane", "inspector-pane"]


async def test_a_wide_terminal_that_is_too_low_for_both_shows_one_beside_or_above_the_inspector() -> None:
    app = await failed()
    async with app.run_test(size=(160, 21)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        assert visible(screen) == ["events-pane", "inspector-pane"]
        await press(pilot, "1")
        assert visible(screen) == ["timeline-pane", "inspector-pane"]


async def test_below_100_columns_one_pane_is_shown_with_a_line_of_tabs() -> None:
    app = await failed()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        assert visible(screen) == ["events-pane"]
        assert screen_lines(app)[2].split() == ["Timeline", "Events", "Event", "State", "Changes", "1-5", "or", "tab"]
        assert screen.panes.events.size.height == 20
        seen = []
        for _ in range(5):
            await press(pilot, "tab")
            seen.append(screen.panes.current)
        assert seen == [PaneName.EVENT, PaneName.STATE, PaneName.CHANGES, PaneName.TIMELINE, PaneName.EVENTS]
        for number, word in (("1", "payment"), ("2", "✗ step failed"), ("3", "insufficient funds"), ("4", "variables")):
            await press(pilot, number)
            assert word in "\n".join(screen_lines(app)[3:]), number
        await press(pilot, "5")
        assert "steps" in "\n".join(screen_lines(app)[3:])


async def test_when_narrow_v_and_enter_go_to_the_inspector_and_esc_comes_back() -> None:
    app = await failed()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await press(pilot, "v")
        assert screen.panes.current is PaneName.EVENT
        await press(pilot, "2", "enter")
        assert "insufficient funds" in "\n".join(screen_lines(app)[3:])
        await press(pilot, "escape")
        assert visible(screen) == ["events-pane"]
        assert isinstance(app.screen, ExecutionScreen)


async def test_the_tabs_can_be_clicked() -> None:
    app = await failed()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        line = screen.panes.query_one(PartsLine)
        await pilot.click(line, offset=(screen_lines(app)[2].index("State"), 0))
        await settle(pilot)
        assert screen.panes.inspector.state.has_focus


async def test_below_30_rows_timeline_or_events_stand_over_the_inspector() -> None:
    app = await failed()
    async with app.run_test(size=(120, 24)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        panes = screen.panes
        assert visible(screen) == ["events-pane", "inspector-pane"]
        assert panes.events.region.y < panes.inspector.region.y
        await press(pilot, "1")
        assert visible(screen) == ["timeline-pane", "inspector-pane"]
        await press(pilot, "3")
        assert visible(screen) == ["timeline-pane", "inspector-pane"]
        assert screen.panes.inspector.event.has_focus
        await press(pilot, "tab", "tab")
        assert visible(screen) == ["events-pane", "inspector-pane"]


async def test_below_18_rows_header_and_footer_are_one_line_and_panes_stand_beside_each_other() -> None:
    app = await failed()
    async with app.run_test(size=(100, 14)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        assert not screen.query_one(FooterLine).display
        assert text_of(screen.query_one(HeaderLine)).rstrip().endswith("? keys")
        assert "▲✗" in text_of(screen.query_one(Scrubber))
        assert screen.panes.events.region.y == screen.panes.inspector.region.y
        assert screen.panes.events.size.height == 10


@pytest.mark.parametrize("size", [(49, 24), (80, 9), (20, 3), (1, 1)])
async def test_where_nothing_fits_it_says_what_it_needs(size: tuple[int, int]) -> None:
    app = await failed()
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        await settle(pilot)
        told = f"This needs 50 x 10 cells; here are {size[0]} x {size[1]}."
        assert told.startswith(screen_lines(app)[0].strip().rstrip("…"))


async def test_every_size_can_follow_every_other() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        for size in ((60, 12), (250, 70), (40, 5), (100, 14), (80, 24), (120, 20), (50, 10), (160, 50), (99, 17)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert {strip.cell_length for strip in app.screen._compositor.render_strips()} == {size[0]}
            assert screen.sequence == 23
            if size > (50, 9):
                assert app.focused is not None
                assert "23" in screen_lines(app)[0]
                assert "▲✗" in screen_lines(app)[1]


async def test_the_pane_one_is_in_stays_in_sight_when_the_terminal_shrinks() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await press(pilot, "1")
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert visible(screen) == ["timeline-pane"]
        await press(pilot, "5")
        await pilot.resize_terminal(120, 36)
        await settle(pilot)
        assert len(visible(screen)) == 3
        assert screen.panes.inspector.changes.has_focus


async def test_tabs_of_the_inspector_can_be_clicked() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        frame = screen.panes._frames[PaneName.EVENT]
        title = screen_lines(app)[frame.region.y][frame.region.x :]
        await pilot.click(frame, offset=(title.index("Changes"), 0))
        await settle(pilot)
        assert screen.panes.inspector.changes.has_focus


async def test_keys_typed_ahead_act_where_the_ones_before_them_lead() -> None:
    app = await failed()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        for key in ("4", "2", "enter", "q", "1", "2"):
            app.simulate_key(key)
        await settle(pilot)
        assert isinstance(app.screen, ExecutionScreen)
        assert visible(screen) == ["events-pane"]
        assert screen.panes.events.has_focus
        assert not screen.panes.maximised
