"""The timeline as a widget: cursor, scale, zoom, folding, time going on, and the mouse."""

from __future__ import annotations

from textual.geometry import Region

from dive_tui.app.themes import LIGHT
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.timeline import Timeline
from engine.model.events import ExecutionEvent
from engine.replay.history import History
from tests.screens.execution_app import lines_of, settle, text_of
from tests.screens.histories import Writer, failed_order, history_of, long_loop
from tests.widgets.hosting import Host, noted
from tests.widgets.samples import outlined, two_steps_with_a_gap

Shown = tuple[History, Outline]


async def order() -> Shown:
    history = await history_of(*await failed_order())
    outline = Outline(history)
    outline.catch_up()
    return history, outline


def running(*, steps: int = 1) -> list[ExecutionEvent]:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=1.0)
    return writer.events


def show(timeline: Timeline, shown: Shown, sequence: int, *, now: float | None = None) -> None:
    history, outline = shown
    timeline.show(history, outline, live=now is not None, now=now or 0.0)
    timeline.set_cursor(sequence)


def is_zoomed(timeline: Timeline) -> bool:
    return timeline.zoomed


def axis(timeline: Timeline) -> str:
    return text_of(timeline.children[0])


def line_column(timeline: Timeline) -> int:
    """The column of the cursor line, in the blank rows under the last one."""
    return lines_of(timeline.rows)[-1].index("┃")


async def test_the_cursor_is_a_line_through_all_rows_with_its_time_in_the_axis() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 20)) as pilot:
        show(timeline, await order(), 22)
        await settle(pilot)
        column = line_column(timeline)
        rows = lines_of(timeline.rows)
        bars = {row[column : column + 1] for row in rows[:10]}
        assert bars <= {"┃", *"▏▎▍▌▋▊▉"}, "only the end of a bar stands before the line"
        assert [row[column] for row in rows[10:]] == ["┃"] * (len(rows) - 10)
        assert "+2.19s" in axis(timeline)
        assert abs(axis(timeline).index("+2.19s") + 3 - column) <= 1
        assert rows[timeline.rows.cursor].startswith("▌")
        assert "Archive" in rows[timeline.rows.cursor]


async def test_moving_the_cursor_draws_only_what_changed() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 20)) as pilot:
        show(timeline, await order(), 22)
        await settle(pilot)
        drawn: list[Region] = []
        timeline.rows.refresh = noted(drawn, timeline.rows.refresh)  # type: ignore[method-assign]
        timeline.set_cursor(22)
        assert drawn == []
        timeline.set_cursor(19)
        assert {region.size for region in drawn} == {(100, 1), (1, 19)}
        assert len(drawn) == 4


async def test_a_person_moving_in_the_rows_asks_for_events() -> None:
    timeline = Timeline()
    app = Host(timeline)
    async with app.run_test(size=(100, 20)) as pilot:
        history, outline = await order()
        show(timeline, (history, outline), 23)
        timeline.rows.focus()
        await pilot.press("down")
        await settle(pilot)
        assert [history.event(sequence).path_id for sequence in app.host.asked] == ["notify"]
        assert timeline.rows.cursor == 4, "the cursor moves when the screen says so"
        timeline.set_cursor(app.host.asked[-1])
        await pilot.press("down", "G", "g")
        await settle(pilot)
        asked = [history.event(sequence) for sequence in app.host.asked[1:]]
        assert [(event.path_id, event.step_name, event.event_type) for event in asked] == [
            ("notify", "Notify", "step_completed"),
            ("warehouse", "", "path_cancelled"),
            ("main", "", "path_started"),
        ]


async def test_zooming_shows_less_time_around_the_cursor_and_panning_moves_it() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 20)) as pilot:
        show(timeline, await order(), 22)
        assert timeline.why_not_pan_left() is not None
        timeline.zoom(0.5)
        timeline.zoom(0.5)
        await settle(pilot)
        assert is_zoomed(timeline)
        assert timeline.drawing is not None
        window = timeline.drawing.scale.window
        assert abs(window.length - 2.95 / 4) < 1e-6
        assert window.start < 2.19 < window.end
        assert "0s" not in axis(timeline).split()
        assert timeline.why_not_pan_right() is None
        timeline.action_pan_left()
        assert timeline.drawing.scale.window.start < window.start
        timeline.action_pan_right()
        timeline.set_cursor(4)
        window = timeline.drawing.scale.window
        assert window.start <= 0.04 <= window.end, "the window follows the cursor"
        timeline.zoom(8)
        assert not is_zoomed(timeline)
        timeline.zoom(0.25)
        timeline.zoom_reset()
        assert not is_zoomed(timeline)
        assert timeline.drawing.scale.window.start == 0


async def test_long_idle_gaps_are_folded_or_shown() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 20)) as pilot:
        show(timeline, outlined(two_steps_with_a_gap()), 3)
        await settle(pilot)
        assert "┊ 8.0s idle ┊" in axis(timeline)
        assert timeline.idle_fact == "idle folded"
        timeline.toggle_idle()
        await settle(pilot)
        assert "idle" not in axis(timeline)
        assert timeline.idle_fact == "idle shown"
        assert timeline.has_long_gaps
        show(timeline, await order(), 3)
        assert timeline.idle_fact == ""


async def test_only_the_front_of_what_runs_moves_until_the_scale_is_full() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 10)) as pilot:
        show(timeline, outlined(running()), 3, now=1.2)
        await settle(pilot)
        assert timeline.drawing is not None
        scale = timeline.drawing.scale
        before = lines_of(timeline.rows)[1]
        timeline.tick(1.6)
        await settle(pilot)
        after = lines_of(timeline.rows)[1]
        assert timeline.drawing.scale is scale
        assert after.index("●") > before.index("●")
        timeline.tick(1.5)
        assert lines_of(timeline.rows)[1] == after, "time does not run back"
        timeline.tick(5.0)
        await settle(pilot)
        assert timeline.drawing.scale.window.end > scale.window.end
        assert "●" in lines_of(timeline.rows)[1]


async def test_the_time_a_step_has_been_running_goes_on_too() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 10)) as pilot:
        show(timeline, outlined(running()), 3, now=3.2)
        await settle(pilot)
        drawn: list[Region] = []
        timeline.rows.refresh = noted(drawn, timeline.rows.refresh)  # type: ignore[method-assign]
        for moment in (3.20001, 3.4):
            timeline.tick(moment)
        assert all(region.x > timeline.plot_start for region in drawn), "only the front"
        timeline.tick(4.1)
        assert any(region.x == 0 and region.width == timeline.plot_start for region in drawn)
        await settle(pilot)
        assert "3.1s" in lines_of(timeline.rows)[1]


async def test_rows_that_a_person_scrolled_to_stay_in_view_when_others_come() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 6)) as pilot:
        writer = Writer()
        writer.begin()
        for number in range(20):
            writer.start("main", "Work", at=number, visit=number + 1)
            writer.complete("main", "Work", at=number + 0.5, visit=number + 1, to="Work")
        history, outline = outlined(writer.events[:-1])
        show(timeline, (history, outline), 40, now=20)
        await settle(pilot)
        timeline.rows.scroll_to(y=2, animate=False)
        await settle(pilot)
        history.extend(writer.events[-1:])
        outline.catch_up()
        timeline.grew(live=True, now=21)
        timeline.set_cursor(40, scroll=False)
        await settle(pilot)
        assert timeline.rows.scroll_offset.y == 2
        timeline.set_cursor(42)
        await settle(pilot)
        assert timeline.rows.scroll_offset.y > 10


async def test_a_history_that_grows_gets_its_rows() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 10)) as pilot:
        writer = Writer()
        writer.begin(["Work", "More"])
        writer.start("main", "Work", at=0.5)
        history, outline = outlined(writer.events)
        show(timeline, (history, outline), 3, now=1)
        writer.complete("main", "Work", at=1.5, to="More")
        writer.start("main", "More", at=1.5)
        history.extend(writer.events[3:])
        outline.catch_up()
        timeline.grew(live=True, now=1.6)
        timeline.set_cursor(5)
        await settle(pilot)
        assert "More" in lines_of(timeline.rows)[2]
        assert timeline.rows.cursor == 2
        timeline.grew(live=False, now=1.6)
        await settle(pilot)
        assert "◌" in lines_of(timeline.rows)[2]
        timeline.tick(9)
        assert "◌" in lines_of(timeline.rows)[2]


async def test_clicks_lead_to_rows_times_and_folds() -> None:
    timeline = Timeline()
    app = Host(timeline)
    async with app.run_test(size=(100, 20)) as pilot:
        history, outline = await order()
        show(timeline, (history, outline), 23)
        await settle(pilot)
        await pilot.click(timeline.rows, offset=(6, 1))
        assert [history.event(sequence).step_name for sequence in app.host.asked] == ["Validate"]
        await pilot.click(timeline.rows, offset=(timeline.plot_start, 1))
        assert app.host.asked[-1] <= 6
        await pilot.click(timeline.rows, offset=(1, 0))
        await settle(pilot)
        assert lines_of(timeline.rows)[0].strip().startswith("▸ main")
        await pilot.click(timeline.rows, offset=(5, 15))
        assert len(app.host.asked) == 2


async def test_another_theme_and_another_size_are_taken_in() -> None:
    timeline = Timeline()
    app = Host(timeline)
    async with app.run_test(size=(100, 20)) as pilot:
        show(timeline, await order(), 23)
        await settle(pilot)
        app.theme = LIGHT.name
        await settle(pilot)
        assert timeline.drawing is not None
        assert timeline.drawing.palette.tokens is LIGHT
        await pilot.resize_terminal(60, 8)
        await settle(pilot)
        assert all(len(line) <= 60 for line in lines_of(timeline.rows))
        assert "▸ main" in text_of(timeline.rows)
        await pilot.resize_terminal(6, 4)
        await settle(pilot)


async def test_before_there_is_a_history_it_is_calm() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(60, 10)) as pilot:
        timeline.rows.set_placeholder("loading", "Reading the history")
        timeline.grew(live=True, now=1)
        timeline.tick(2)
        timeline.zoom(0.5)
        timeline.pan(0.5)
        timeline.toggle_path(0)
        timeline.set_cursor(3)
        timeline.rows.move_to(2)
        await settle(pilot)
        assert "Reading the history" in text_of(timeline.rows)
        assert axis(timeline) == ""
        assert timeline.idle_fact == ""


async def test_fifty_thousand_units_scroll_like_ten() -> None:
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 10)) as pilot:
        show(timeline, outlined(long_loop(10_000)), 9_000)
        await settle(pilot)
        assert "visits" in text_of(timeline.rows)
        timeline.set_cursor(17)
        await settle(pilot)
        assert timeline.rows.row_count == 3
