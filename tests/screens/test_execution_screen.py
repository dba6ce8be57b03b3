"""The execution screen: where it opens, how the cursor moves everything, and what can be looked at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dive_tui.app.themes import HIGH_CONTRAST, LIGHT
from dive_tui.feeds.messages import HistoryProgress
from dive_tui.screens.execution.panes import PaneName
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.dialogs.copy_menu import CopyMenu
from dive_tui.widgets.scrubber import Scrubber
from stores.memory import MemoryExecutionEventStore
from tests.screens.execution_app import (
    ExecutionApp,
    failed,
    header,
    lines_of,
    opened,
    press,
    said,
    screen_lines,
    settle,
    shown,
    text_of,
)
from tests.screens.histories import Writer, completed_order, failed_order

WIDE = (140, 40)


def titles(screen: ExecutionScreen) -> list[str]:
    return [pane._title or "|".join(pane._tabs) for pane in screen.panes._frames.values()]


# Where it opens


async def test_a_failed_one_opens_at_the_failure_that_ended_it() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert screen.sequence == 23
        assert screen.panes.current is PaneName.EVENTS
        await settle(pilot)
        assert "CardDeclined: insufficient funds (402)" in text_of(screen.panes.inspector.event)
        assert "✗ FAILED   Charge Card · CardDeclined: insufficient funds (402)" in header(screen)
        assert header(screen).startswith("order …00001 ")
        assert header(screen).endswith("09:14:02 UTC  3.0s   23/27  ■ ended")
        assert titles(screen) == ["Timeline", "Events @23", "Event @23|State|Changes"]


async def test_a_completed_one_opens_at_its_end() -> None:
    app = ExecutionApp(*await completed_order())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert screen.sequence == 29
        assert titles(screen)[1] == "Events"
        assert "✓ COMPLETED   6 steps on 4 paths" in header(screen)
        await settle(pilot)
        assert "status" in text_of(screen.panes.inspector.changes)


async def test_it_opens_where_it_was_asked_to() -> None:
    app = await failed(5)
    async with app.run_test(size=WIDE) as pilot:
        assert (await opened(pilot)).sequence == 5


async def test_an_event_that_does_not_exist_is_told() -> None:
    app = await failed(99)
    async with app.run_test(size=WIDE) as pilot:
        assert (await opened(pilot)).sequence == 27
        assert said(app) == "There is no event 99: this execution has events 1 to 27."


async def test_before_the_history_is_there_it_is_painted_with_what_is_known() -> None:
    store, execution_id = await failed_order()
    summary = await store.get_summary(execution_id)

    class Slow(MemoryExecutionEventStore):
        """Never answers."""

        async def get_summary(self, execution_id: str) -> Any:
            await asyncio.Event().wait()

    app = ExecutionApp(Slow(), execution_id, summary=summary)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = app.execution
        assert screen.history is None
        assert "✗ FAILED" in header(screen)
        assert "27 events" in header(screen)
        for view in (screen.panes.timeline.rows, screen.panes.events, screen.panes.inspector.event):
            assert "Reading the history" in text_of(view)
        await pilot.press("full_stop", "F", "less_than_sign")
        assert screen.sequence == 0


async def test_a_long_history_says_how_far_it_is() -> None:
    store, execution_id = await failed_order()
    summary = await store.get_summary(execution_id)
    assert summary is not None
    app = ExecutionApp(MemoryExecutionEventStore(), "exec_nobody")
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        app.execution.post_message(HistoryProgress(12_288, 100_000, summary))
        await pilot.pause()
        assert "Loading 12,288 of 100,000 events" in text_of(app.execution.panes.events)
        assert "loading 12,288 of 100,000" in header(app.execution)


# The one cursor


async def test_moving_anywhere_moves_everything() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        panes = screen.panes
        await press(pilot, "comma", "comma")
        assert screen.sequence == 21
        assert panes.events.cursor == 20
        assert "Notify" in lines_of(panes.timeline.rows)[panes.timeline.rows.cursor]
        assert "21/27" in header(screen)
        assert "Notify" in text_of(panes.inspector.changes)
        scrubber = text_of(screen.query_one(Scrubber))
        await press(pilot, "up")
        assert screen.sequence == 20
        await press(pilot, "1", "up")
        assert panes.timeline.rows.has_focus
        assert screen.sequence == 17
        assert panes.events.cursor == 16
        assert text_of(screen.query_one(Scrubber)) != scrubber
        await press(pilot, "2", "g")
        assert screen.sequence == 1
        await press(pilot, "comma")
        assert screen.sequence == 1
        await press(pilot, "end")
        assert screen.sequence == 27
        await press(pilot, "full_stop")
        assert screen.sequence == 27
        await press(pilot, "home", "full_stop")
        assert screen.sequence == 2


async def test_steps_are_stepped_by_where_they_begin_and_end() -> None:
    app = await failed(1)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        seen = []
        for _ in range(12):
            await press(pilot, "greater_than_sign")
            seen.append(screen.sequence)
        assert seen == [3, 4, 5, 12, 18, 19, 20, 21, 22, 23, 23, 23]
        assert said(app) == "No step begins or ends after this event."
        await press(pilot, "less_than_sign", "less_than_sign")
        assert screen.sequence == 21
        await press(pilot, "home", "less_than_sign")
        assert said(app) == "No step begins or ends before this event."


async def test_f_goes_to_the_failure_and_around() -> None:
    app = await failed(3)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "F")
        assert screen.sequence == 23
        assert not said(app)
        await press(pilot, "F")
        assert screen.sequence == 23
        assert said(app) == "This is the only failure."


async def test_several_failures_come_in_turn() -> None:
    writer = Writer()
    writer.begin()
    writer.add("path_started", "a", data={"current_step": "Work"})
    for path in ("main", "a"):
        writer.start(path, "Work", at=1)
    for path in ("main", "a"):
        data = {"visit": 1, "attempt": 1, "error": "no", "error_type": "No", "phase": "run", "outcome": "known"}
        writer.add("step_failed", path, "Work", {**data, "final": True}, at=2)
    app = await shown(writer.events)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        found = []
        for _ in range(4):
            await press(pilot, "F")
            found.append(screen.sequence)
        assert found == [6, 7, 6, 7]


async def test_where_nothing_failed_f_says_so() -> None:
    app = ExecutionApp(*await completed_order())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "F")
        assert said(app) == "Nothing has failed here."
        assert screen.sequence == 29


async def test_the_prompt_goes_to_an_event() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "colon", "1", "2", "enter")
        assert screen.sequence == 12
        assert screen.go_to("28") == "There is no event 28: there are 27."
        assert screen.go_to("exec_other") == "There is no exec_other to go to from here."


# Looking


async def test_tab_goes_through_the_panes_and_v_through_the_inspector() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        panes = screen.panes
        seen = []
        for _ in range(3):
            await press(pilot, "tab")
            seen.append(panes.current)
        assert seen == [PaneName.EVENT, PaneName.TIMELINE, PaneName.EVENTS]
        await press(pilot, "v")
        assert panes.events.has_focus
        assert panes.inspector.state.display
        assert "payment" in text_of(panes.inspector.state)
        await press(pilot, "5")
        assert panes.inspector.changes.has_focus
        await press(pilot, "v")
        assert panes.inspector.event.has_focus
        await press(pilot, "shift+tab")
        assert panes.events.has_focus


async def test_enter_shows_the_event_over_the_whole_screen_and_again_goes_back() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        for back in ("enter", "escape", "q"):
            await press(pilot, "enter")
            assert screen.panes.inspector.event.size.width > 130
            assert not screen.panes.events.is_on_screen
            await press(pilot, "comma")
            assert screen.sequence == 22
            await press(pilot, back)
            assert screen.panes.events.has_focus
            assert screen.panes.timeline.rows.size.width > 130
            await press(pilot, "full_stop")


async def test_z_maximises_the_pane() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "z")
        assert screen.panes.events.size.width > 130
        await press(pilot, "1")
        assert screen.panes.timeline.rows.size.height > 30
        await press(pilot, "escape")
        assert screen.panes.timeline.rows.size.height < 20
        assert screen.panes.events.size.width < 100


async def test_esc_and_q_go_back() -> None:
    for key in ("escape", "q", "backspace"):
        app = await failed()
        async with app.run_test(size=WIDE) as pilot:
            await opened(pilot)
            assert isinstance(app.screen, ExecutionScreen)
            await pilot.press(key)
            assert not isinstance(app.screen, ExecutionScreen)


async def test_zoom_idle_and_time_keys() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        zoomed = []
        for key in ("plus", "0", "plus", "minus"):
            await press(pilot, key)
            zoomed.append(screen.panes.timeline.zoomed)
        assert zoomed == [True, False, True, False]
        await press(pilot, "i")
        assert said(app) == "There are no long idle gaps in view."
        await press(pilot, "t")
        assert said(app) == "Times are shown in UTC."
        assert "09:14:04.950" in text_of(screen.panes.events)
        await press(pilot, "1", "left")
        assert said(app) == "The whole time is in view; + zooms in."


async def test_folding_is_for_the_state() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "3", "left")
        assert said(app) == "There are branches to fold in the State tab; v turns to it."
        await press(pilot, "4", "g", "j", "j", "j", "j", "enter")
        assert screen.panes.inspector.state.display
        assert not screen.panes.maximised


async def test_enter_on_a_path_folds_it() -> None:
    app = await failed(2)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        rows = screen.panes.timeline.rows
        await press(pilot, "1")
        await press(pilot, "enter")
        assert lines_of(rows)[0].startswith("▌▸ main")
        await press(pilot, "enter")
        assert lines_of(rows)[0].startswith("▌▾ main")
        await press(pilot, "down", "enter")
        assert screen.panes.maximised


async def test_y_offers_the_event_the_ids_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[tuple[str, str]] = []
    monkeypatch.setattr("dive_tui.screens.taking_out.copy", lambda app, text, what: copied.append((what, text)))
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "y")
        assert isinstance(app.screen, CopyMenu)
        await press(pilot, "y")
        await press(pilot, "y", "down", "enter")
        await press(pilot, "y", "G", "enter")
        await press(pilot, "y", "q")
        assert [what for what, _ in copied] == ["event 23", "error", "command for the state"]
        assert copied[0][1].startswith('{"id":"event_0000000000000000000000000q","execution_id":"exec_')
        assert '"error_type":"CardDeclined"' in copied[0][1]
        assert copied[1][1] == "CardDeclined: insufficient funds (402)"
        assert copied[2][1] == "dive-tui replay exec_00000000000000000000000001@23"


async def test_help_lists_what_the_screen_does() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "1", "question_mark")
        text = "\n".join(screen_lines(app))
        assert "Timeline" in text
        assert "go to the failure that ended the execution" in text


async def test_every_theme_and_no_colour_draws_everything() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        before = text_of(screen.panes.timeline.rows)
        for theme in (LIGHT.name, HIGH_CONTRAST.name, "nord", "ansi-dark"):
            app.theme = theme
            await settle(pilot)
            assert text_of(screen.panes.timeline.rows) == before
            assert "CardDeclined" in text_of(screen.panes.inspector.event)


async def test_without_colours_meaning_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        assert app.no_color
        assert "✗ CardDeclined" in text_of(screen.panes.timeline.rows)
        assert "✗ FAILED" in header(screen)
        assert "✗ step failed" in text_of(screen.panes.events) or "✗ failed" in text_of(screen.panes.events)


async def test_in_ascii_everything_is_ascii() -> None:
    app = await failed(ascii_only=True)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        for keys in (["comma"], ["v"], ["y"], ["escape", "t"]):
            await press(pilot, *keys)
            assert all(line.isascii() for line in screen_lines(app))
