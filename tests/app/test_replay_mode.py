"""Replay mode of the execution screen: in and out, banner, panes, playing, marks, and why actions do not apply."""

from __future__ import annotations

import pytest

from dive_tui.app.actions import ACTIONS, BY_VERB, Action, Scope
from dive_tui.app.keymap import active
from dive_tui.screens.execution.panes import PaneName
from dive_tui.widgets.dialogs.marks_dialog import MarksDialog
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.inspector import Tab
from dive_tui.widgets.now_rows import MOST_ENDED
from dive_tui.widgets.scrubber import Scrubber
from tests.app.replaying import counting, now_lines, replay_line
from tests.screens.execution_app import (
    ExecutionApp,
    failed,
    header,
    opened,
    press,
    said,
    screen_lines,
    settle,
    shown,
    text_of,
)
from tests.screens.histories import HOSTILE, Playback, Writer, failed_order
from tests.screens.waiting_histories import SLEEPER, flaky, ran

WIDE = (140, 40)
NARROW = (80, 24)
REPLAY = [action for action in ACTIONS if action.scope is Scope.REPLAY]


async def test_space_begins_a_replay_and_esc_ends_it_where_it_is() -> None:
    app = await counting()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert replay_line(screen) == ""
        await press(pilot, "home", "full_stop", "full_stop", "full_stop", "space")
        assert replay_line(screen) == "◄◄ REPLAY event 4/12 +1.00s of +4.00s speed 1x L live"
        assert screen.panes.current is PaneName.NOW
        assert screen.panes.inspector.tab is Tab.CHANGES
        assert "Events @4 │ Now" in "\n".join(screen_lines(app))
        await press(pilot, "escape")
        assert replay_line(screen) == ""
        assert screen.sequence == 4
        assert app.screen is screen
        assert screen.panes.current is PaneName.EVENTS
        assert "│ Now" not in "\n".join(screen_lines(app))


async def test_q_leaves_the_replay_before_the_screen() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "q")
        assert app.screen is screen
        assert not screen.replaying
        await press(pilot, "q")
        assert app.screen is not screen


async def test_keys_mean_what_the_mode_says() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        footer = screen.query_one(FooterLine)
        assert "space replay" in text_of(footer)
        assert not {action.verb for action in active(screen)} & {action.verb for action in REPLAY}
        await press(pilot, "plus")
        assert screen.panes.timeline.zoomed
        await press(pilot, "0", "space", "plus", "plus")
        assert not screen.panes.timeline.zoomed
        assert "speed 4x" in replay_line(screen)
        assert "space play" in text_of(footer)
        assert "space replay" not in text_of(footer)
        assert {action.verb for action in REPLAY} <= {action.verb for action in active(screen)}
        assert "zoom_in" not in {action.verb for action in active(screen)}
        await press(pilot, *["minus"] * 9)
        assert "speed 1/4x" in replay_line(screen)
        assert said(app) == "1/4x is as slow as it gets."


@pytest.mark.parametrize(
    "action", [action for action in REPLAY if action.keys[0] not in "+-" and action.verb != "play"]
)
async def test_outside_a_replay_its_keys_say_how_to_begin_one(action: Action) -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        before = screen.sequence
        await press(pilot, action.keys[0])
        assert said(app) == "That is part of a replay: space begins one here."
        assert (screen.sequence, screen.replaying) == (before, False)


async def test_6_is_there_only_in_a_replay() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "6")
        assert said(app) == "6 is the pane Now of a replay: space begins one here."
        await press(pilot, "space", "2")
        assert screen.panes.current is PaneName.EVENTS
        assert screen.panes.events.display
        assert not screen.panes.now.display
        await press(pilot, "6")
        assert screen.panes.current is PaneName.NOW
        await press(pilot, "tab", "tab", "tab")
        assert screen.panes.current is PaneName.NOW


async def test_a_click_on_the_tab_goes_there() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space")
        pane = screen.query_one("#events-pane")
        await pilot.click(pane, offset=(5, 0))
        await settle(pilot)
        assert screen.panes.current is PaneName.EVENTS
        await pilot.click(pane, offset=(16, 0))
        await settle(pilot)
        assert screen.panes.current is PaneName.NOW


async def test_where_one_pane_is_shown_now_is_the_sixth() -> None:
    app = await failed()
    async with app.run_test(size=NARROW) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space")
        line = next(line for line in screen_lines(app) if "Timeline" in line)
        assert line.split() == ["Timeline", "Events", "Event", "State", "Changes", "Now", "1-6", "or", "tab"]
        assert screen.panes.current is PaneName.NOW
        await press(pilot, "tab")
        assert screen.panes.current is PaneName.TIMELINE
        await press(pilot, "escape")
        assert "1-5" in "\n".join(screen_lines(app))


async def test_now_shows_every_path_and_goes_where_it_points() -> None:
    app = await failed(13)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", *["full_stop"] * 7)
        assert now_lines(screen)[:5] == [
            "Paths running, 3 open, 1 ended",
            "● payment Charge Card",
            "● notify Notify",
            "● warehouse Pack",
            "✓ main completed @14",
        ]
        screen.panes.now.move_to(2)
        await press(pilot, "enter")
        assert screen.sequence == 19
        screen.panes.now.move_to(4)
        await press(pilot, "enter")
        assert screen.sequence == 14
        assert now_lines(screen)[-2:] == ["Breakpoints b sets one here, B adds one", "Watches W watches a value"]


async def test_waits_count_down_from_the_moment_one_looks_at() -> None:
    slept = await ran(SLEEPER)
    app = ExecutionApp(slept.store, slept.id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        sequences = list(screen.history.columns.find(kinds={"step_waiting"})) if screen.history else []
        screen.move_cursor(sequences[0])
        await press(pilot, "space")
        assert "waiting: sleep in 5m" in now_lines(screen)[1]


async def test_a_retry_is_a_wait_and_its_attempt_is_told() -> None:
    tried = await ran(flaky(2, delay="8s"))
    app = ExecutionApp(tried.store, tried.id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert screen.history is not None
        scheduled = list(screen.history.columns.find(kinds={"step_retry_scheduled"}))
        screen.move_cursor(scheduled[-1])
        await press(pilot, "space")
        assert "Charge attempt 2 waiting: retry in 8s" in now_lines(screen)[1]


async def test_of_many_ended_paths_the_latest_are_listed() -> None:
    writer = Writer()
    writer.begin()
    for number in range(MOST_ENDED + 3):
        writer.add("path_started", f"p{number}", data={"current_step": "Work"})
        writer.start(f"p{number}", "Work", at=0)
        writer.complete(f"p{number}", "Work", at=0)
        writer.add("path_completed", f"p{number}", data={"final_step": "Work", "reason": "end"})
    app = await shown(writer.events)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space")
        lines = now_lines(screen)
        assert lines[0].endswith(f"1 open, {MOST_ENDED + 3} ended")
        assert lines[2].startswith(f"✓ p{MOST_ENDED + 2} completed")
        await press(pilot, "G")
        assert "and 3 more that ended before" in now_lines(screen)


async def test_playing_goes_to_the_end_and_stops_there() -> None:
    app = await counting()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "home", "space", *["plus"] * 6, "space")
        await settle(pilot, lambda: screen.sequence == 12)
        assert "playing" not in replay_line(screen)
        await press(pilot, "space")
        assert said(app) == "This is the last event: there is nothing left to play. Home goes to the first."


async def test_playing_can_be_paused_and_shows_that_it_plays() -> None:
    app = await counting()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "home", "space", "minus", "minus", "space")
        assert "▸ playing 1/4x" in replay_line(screen)
        await press(pilot, "space")
        here = screen.sequence
        assert "playing" not in replay_line(screen)
        for _ in range(200):
            screen._play_on()
        assert screen.sequence == here


async def test_leaving_pauses() -> None:
    app = await counting()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "home", "space", "minus", "minus", "space", "escape")
        here = screen.sequence
        for _ in range(200):
            screen._play_on()
        assert screen.sequence == here < 12


async def test_in_a_replay_nothing_is_followed_and_l_goes_back_to_what_is_live() -> None:
    store, execution_id = await failed_order()
    playback = Playback(await store.get_event_history(execution_id))
    await playback.play(12)
    app = ExecutionApp(playback.store, playback.execution_id, seconds=2.0)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "● live" in header(screen)
        await press(pilot, "space")
        await playback.play(3)
        await settle(pilot, lambda: screen.history is not None and len(screen.history) == 15)
        assert screen.sequence == 12
        assert "↓ 3 new" in header(screen)
        assert "event 12/15" in replay_line(screen)
        await press(pilot, "end")
        await playback.play(1)
        await settle(pilot, lambda: screen.history is not None and len(screen.history) == 16)
        assert screen.sequence == 15, "a cursor at the end stays where it is, too"
        await press(pilot, "L")
        assert (screen.sequence, screen.replaying) == (16, False)
        assert header(screen).endswith("● live")
        await playback.play(1)
        await settle(pilot, lambda: screen.sequence == 17)


async def test_marks_are_set_listed_removed_and_on_the_scrubber() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        scrubber = screen.query_one(Scrubber)
        await press(pilot, "M")
        assert said(app) == "There are no marks: m sets one at this event."
        await press(pilot, "m", "home", *["full_stop"] * 8, "m")
        assert said(app) == "Mark b is at event 9. M lists the marks."
        await press(pilot, "end")
        assert text_of(scrubber).count("◈") == 1, "the other one is where it failed, and that matters more"
        await press(pilot, "M")
        assert isinstance(app.screen, MarksDialog)
        lines = "\n".join(screen_lines(app))
        assert "b  @9   +0.84s  step completed  main Reserve Stock" in lines
        assert "a  @23  +2.95s  step failed  payment Charge Card" in lines
        await press(pilot, "down", "enter")
        assert screen.sequence == 23
        await press(pilot, "M", "space")
        assert said(app) == "A mark is neither on nor off: x removes it, enter goes there."
        await press(pilot, "x")
        assert "@9" not in "\n".join(screen_lines(app))
        await press(pilot, "q", "m")
        assert said(app) == "Event 23 is no longer marked."
        await press(pilot, "M")
        assert app.screen is screen


async def test_the_last_mark_removed_closes_the_list() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "m", "M", "x")
        assert app.screen is screen


async def test_hostile_names_stay_harmless_at_every_size() -> None:
    writer = Writer()
    writer.begin([HOSTILE], HOSTILE)
    writer.add("path_started", HOSTILE, data={"current_step": HOSTILE, "parent": "main"})
    writer.start(HOSTILE, HOSTILE, at=1)
    app = await shown(writer.events)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "space", "m", "b", "M")
        assert all(line.isprintable() for line in screen_lines(app))
        await press(pilot, "q", "B")
        assert all(line.isprintable() for line in screen_lines(app))
        await press(pilot, "q")
        for size in [(52, 11), (80, 16), (80, 24), (120, 36), (250, 70)]:
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert all(line.isprintable() for line in screen_lines(app))


async def test_in_ascii_everything_is_ascii() -> None:
    app = await failed(ascii_only=True)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        for keys in (["space", "b", "m"], ["home", "c"], ["M"], ["q", "B"], ["q", "4", "X"], ["slash", "a", "enter"]):
            await press(pilot, *keys)
            assert all(line.isascii() for line in screen_lines(app)), keys


def test_every_action_of_a_replay_says_why_not() -> None:
    from dive_tui.screens.execution.screen import ExecutionScreen

    for verb in [action.verb for action in ACTIONS if action.scope in (Scope.REPLAY, Scope.SEARCH)]:
        assert hasattr(ExecutionScreen, f"action_{verb}"), verb
        assert hasattr(ExecutionScreen, f"why_not_{verb}"), verb
    assert BY_VERB["play"].keys == BY_VERB["replay"].keys == ("space",)
