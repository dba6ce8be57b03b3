"""The line under the header."""

from __future__ import annotations

from dive_tui.widgets.outline import Outline
from dive_tui.widgets.scrubber import Scrubber
from engine.replay.history import History
from tests.screens.execution_app import settle, text_of
from tests.screens.histories import Writer, failed_order, history_of, long_loop
from tests.widgets.hosting import Host
from tests.widgets.samples import outlined, two_steps_with_a_gap


async def order() -> tuple[History, Outline]:
    history = await history_of(*await failed_order())
    outline = Outline(history)
    outline.catch_up()
    return history, outline


async def test_steps_failures_and_the_cursor() -> None:
    view = Scrubber()
    async with Host(view).run_test(size=(80, 3)) as pilot:
        assert text_of(view) == ""
        view.show(*await order())
        view.set_cursor(12)
        await settle(pilot)
        line = text_of(view)
        assert line.startswith("0s ├●")
        assert line.endswith("✗┤ 3.0s")
        assert line.count("●") == 2, "the steps that begin where the cursor stands are under it"
        assert 20 < line.index("▲") < 45
        view.set_cursor(23)
        await settle(pilot)
        assert text_of(view).endswith("▲✗┤ 3.0s"), "the cursor does not hide the failure"


async def test_idle_gaps_are_breaks() -> None:
    view = Scrubber()
    async with Host(view).run_test(size=(60, 3)) as pilot:
        view.show(*outlined(two_steps_with_a_gap()))
        await settle(pilot)
        assert "┊┊" in text_of(view)
        assert "idle" not in text_of(view)


async def test_many_steps_are_a_line_and_few_are_dots() -> None:
    view = Scrubber()
    async with Host(view).run_test(size=(60, 3)) as pilot:
        view.show(*outlined(long_loop(2000)))
        await settle(pilot)
        assert "▃▃▃" in text_of(view)
        assert "●" not in text_of(view)


async def test_failures_stay_in_sight_among_many_others() -> None:
    writer = Writer()
    writer.begin()
    writer.add("path_started", "side", data={"current_step": "Work"})
    writer.start("side", "Work", at=0)
    for number in range(400):
        writer.start("main", "Work", at=number / 10, visit=number + 1)
        if number == 200:
            data = {"visit": 1, "attempt": 1, "error": "no", "error_type": "No", "phase": "run", "final": True}
            writer.add("step_failed", "side", "Work", data, at=number / 10)
        writer.complete("main", "Work", at=number / 10 + 0.05, visit=number + 1, to="Work")
    view = Scrubber()
    async with Host(view).run_test(size=(60, 3)) as pilot:
        view.show(*outlined(writer.events))
        await settle(pilot)
        assert text_of(view).count("✗") == 1


async def test_a_click_goes_there() -> None:
    view = Scrubber()
    app = Host(view)
    async with app.run_test(size=(80, 3)) as pilot:
        history, outline = await order()
        view.show(history, outline)
        await settle(pilot)
        await pilot.click(view, offset=(75, 0))
        await pilot.click(view, offset=(2, 0))
        assert app.host.asked[0] == 27
        assert app.host.asked[1] <= 6


async def test_while_it_runs_the_line_leaves_room() -> None:
    view = Scrubber()
    async with Host(view).run_test(size=(60, 3)) as pilot:
        writer = Writer()
        writer.begin()
        writer.start("main", "Work", at=0)
        writer.add("note", "main", at=1)
        view.show(*outlined(writer.events))
        view.set_cursor(4)
        view.set_time(1.5, live=True)
        await settle(pilot)
        line = text_of(view)
        assert line.endswith("┤ 1.5s")
        assert 20 < line.index("▲") < 40


async def test_in_ascii() -> None:
    view = Scrubber()
    async with Host(view, ascii_only=True).run_test(size=(60, 3)) as pilot:
        view.show(*await order())
        view.set_cursor(12)
        await settle(pilot)
        assert text_of(view).isascii()
        assert "Y" in text_of(view)
        assert "x|" in text_of(view)


async def test_a_narrow_terminal_drops_it() -> None:
    view = Scrubber()
    async with Host(view).run_test(size=(14, 3)) as pilot:
        view.show(*await order())
        await settle(pilot)
        assert text_of(view) == ""


async def test_marks_and_stops_are_shown_but_hide_no_failure() -> None:
    view = Scrubber()
    async with Host(view).run_test(size=(80, 3)) as pilot:
        history, outline = await order()
        view.show(history, outline)
        view.set_cursor(1)
        view.set_points([19, 23], [21])
        await settle(pilot)
        line = text_of(view)
        assert line.count("◈") == line.count("◉") == line.count("✗") == 1
        assert line.index("◈") < line.index("◉") < line.index("✗")
        view.set_points([], [])
        await settle(pilot)
        assert "◈" not in text_of(view)


async def test_dragging_takes_the_cursor_along() -> None:
    view = Scrubber()
    app = Host(view)
    async with app.run_test(size=(80, 3)) as pilot:
        view.show(*await order())
        await settle(pilot)
        await pilot.hover(view, offset=(40, 0))
        assert app.host.asked == [], "without a button nothing moves"
        await pilot.mouse_down(view, offset=(20, 0))
        await pilot.hover(view, offset=(50, 0))
        await pilot.hover(view, offset=(75, 2))
        await pilot.mouse_up(view, offset=(75, 0))
        await pilot.hover(view, offset=(10, 0))
        await settle(pilot)
        assert app.host.asked == sorted(app.host.asked)
        assert len(set(app.host.asked)) == 3
        assert app.host.asked[-1] == 27
