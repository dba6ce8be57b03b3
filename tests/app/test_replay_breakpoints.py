"""Breakpoints of the app: setting, listing, continuing both ways, cancelling, and staying usable meanwhile."""

from __future__ import annotations

import threading
from fnmatch import fnmatchcase
from typing import Any

import pytest

from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.screens.execution.values import breakpoint_here
from dive_tui.widgets.dialogs.breakpoint_dialog import BreakpointDialog
from dive_tui.widgets.scrubber import Scrubber
from dive_tui.widgets.text_field import TextField
from engine.replay.session.breakpoints import parse_breakpoint
from engine.replay.session.session import ReplaySession, Stop
from engine.store import StoreError
from tests.app.replaying import counting, now_lines, replay_line
from tests.screens.execution_app import failed, opened, press, said, screen_lines, settle, text_of
from tests.screens.histories import HOSTILE

WIDE = (140, 40)
MOST_WAITS = 4_000
"""A search that nobody ends ends by itself, so that a failing test does not hang."""


def points(screen: ExecutionScreen) -> list[tuple[int, str, bool]]:
    assert screen.session is not None
    return [(point.number, point.text, point.enabled) for point in screen.session.breakpoints]


async def test_without_breakpoints_continuing_says_how_to_set_one() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "c")
        assert said(app) == "There is no breakpoint to go to: b sets one at this step and event, B adds any other."
        await press(pilot, "C")
        assert screen.sequence == 23


async def test_b_sets_one_at_this_step_and_event_and_removes_it() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "b")
        assert points(screen) == [(1, 'type:step_failed step:"Charge Card"', True)]
        assert said(app).startswith('Breakpoint 1 stops at type:step_failed step:"Charge Card".')
        assert '◉ 1 type:step_failed step:"Charge Card" 0 hits' in now_lines(screen)
        await press(pilot, "b")
        assert points(screen) == []
        assert said(app) == "Breakpoint 1 is removed."
        assert "Breakpoints b sets one here, B adds one" in now_lines(screen)


async def test_continuing_goes_on_and_back_and_counts() -> None:
    app = await counting()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "home", "space", "B", *"type:step_completed hits:2", "enter", "escape", "q", "c")
        assert screen.sequence == 6
        assert replay_line(screen).startswith("◄◄ REPLAY event 6/12 +2.00s of +4.00s speed 1x stopped at breakpoint 1")
        assert "◉ 1 type:step_completed hits:2 2 hits" in now_lines(screen)
        await press(pilot, "c")
        assert screen.sequence == 10
        await press(pilot, "full_stop")
        assert "stopped" not in replay_line(screen), "one has gone on since"
        await press(pilot, "c")
        assert screen.sequence == 12
        assert "no breakpoint stopped on the way" in replay_line(screen)
        await press(pilot, "C")
        assert screen.sequence == 10
        assert text_of(screen.query_one(Scrubber)).count("◉") == 1, "one of both is under the cursor"
        await press(pilot, "C", "C")
        assert screen.sequence == 1


async def test_a_condition_on_the_state_stops_where_it_becomes_true() -> None:
    app = await counting()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "B", *"when: state.cart.total > 11", "enter", *"changes:cart.total", "enter")
        assert [text for _, text, _ in points(screen)] == ["when: state.cart.total > 11", "changes:cart.total"]
        await press(pilot, "escape", "escape", "C")
        assert (screen.sequence, "stopped at breakpoint 2" in replay_line(screen)) == (10, True)
        await press(pilot, "C")
        assert (screen.sequence, "stopped at breakpoints 1, 2" in replay_line(screen)) == (6, True)


async def test_the_list_says_what_is_wrong_while_typing_and_turns_off_and_removes() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "B")
        dialog = app.screen
        assert isinstance(dialog, BreakpointDialog)
        assert isinstance(app.focused, TextField), "there is nothing to list"
        await press(pilot, *"typ:step_failed")
        assert "did you mean type:?" in "\n".join(screen_lines(app))
        await press(pilot, "enter")
        assert points(screen) == []
        await press(pilot, *["backspace"] * 15, *"step_failed", "enter", *"Charge*", "enter", "tab", "space")
        assert points(screen) == [(1, "step_failed", False), (2, "Charge*", True)]
        lines = "\n".join(screen_lines(app))
        assert "○ 1 off  step_failed  0 hits" in lines
        assert "◉ 2 on   Charge*  0 hits" in lines
        await press(pilot, "down", "enter", "q")
        assert app.screen is screen
        await press(pilot, "c")
        assert said(app) == "All breakpoints are off: B turns them on."
        await press(pilot, "B", "x", "x", "x")
        assert points(screen) == []
        assert said(app) == "There are no breakpoints yet."
        await press(pilot, "tab", "escape")
        assert app.screen is screen


async def test_enter_on_a_breakpoint_in_now_turns_it_off() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "b")
        row = next(at for at, line in enumerate(now_lines(screen)) if line.startswith("◉"))
        screen.panes.now.move_to(row)
        await press(pilot, "enter")
        assert points(screen)[0][2] is False
        assert "off" in now_lines(screen)[row]


class Held:
    """A search for a stop that goes on until it is let go or cancelled."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.free = threading.Event()
        self.cancelled = threading.Event()

    def find_stop(self, session: ReplaySession, backwards: bool = False, **told: Any) -> Stop | None:
        told["progress"](50, 200)
        self.entered.set()
        for _ in range(MOST_WAITS):
            if self.free.wait(0.005):
                break
            if told["cancelled"]():
                self.cancelled.set()
                return None
        return Stop(3, (1,), {1: 1})


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    held = Held()
    monkeypatch.setattr(ReplaySession, "find_stop", lambda *a, **k: held.find_stop(*a, **k))
    return held


async def scanning(pilot: Any, held: Held) -> ExecutionScreen:
    screen = await opened(pilot)
    await press(pilot, "space", "b")
    await pilot.press("C")
    for _ in range(500):
        await pilot.pause(0.01)
        if held.entered.is_set() and "looking for a stop 25%" in replay_line(screen):
            return screen
    raise AssertionError(replay_line(screen))


async def test_a_scan_shows_how_far_it_is_and_esc_ends_it(held: Held) -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await scanning(pilot, held)
        assert "50 of 200 events" in replay_line(screen)
        await pilot.press("escape")
        await settle(pilot, held.cancelled.is_set)
        assert screen.replaying, "only the scan ended"
        assert screen.sequence == 23
        assert "stopped looking" in replay_line(screen)


async def test_the_screen_answers_during_a_scan_and_moving_ends_it(held: Held) -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await scanning(pilot, held)
        await pilot.press("4", "v", "v")
        await pilot.pause()
        assert "looking for a stop" in replay_line(screen)
        await pilot.press("comma")
        await pilot.pause()
        assert screen.sequence == 22
        assert "looking" not in replay_line(screen)
        await settle(pilot, held.cancelled.is_set)


async def test_what_an_overtaken_scan_finds_is_dropped(held: Held) -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await scanning(pilot, held)
        screen.move_cursor(20)
        held.free.set()
        await settle(pilot)
        assert screen.sequence == 20


async def test_leaving_the_replay_ends_a_scan(held: Held) -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await scanning(pilot, held)
        await pilot.press("L")
        await settle(pilot, held.cancelled.is_set)
        assert (screen.replaying, screen.sequence) == (False, 27)


async def test_what_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(ReplaySession, "find_stop", broken)
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "b", "C")
        assert said(app) == "The way to a breakpoint cannot be read: the disk is gone"
        assert screen.sequence == 23
        assert "looking" not in replay_line(screen)


@pytest.mark.parametrize("name", ["Charge Card", "a*b[c]?", 'say "hi" \\', HOSTILE, "Work", "über-Schritt"])
def test_the_breakpoint_at_an_event_fits_its_step_and_no_other(name: str) -> None:
    parsed = parse_breakpoint(breakpoint_here("step_failed", name))
    assert parsed.kinds == {"step_failed"}
    assert parsed.step is not None
    assert fnmatchcase(name.lower(), parsed.step.lower())
    assert not fnmatchcase(name.lower() + "x", parsed.step.lower())


def test_a_kind_of_event_that_is_not_known_is_left_out() -> None:
    assert breakpoint_here("from_the_future", "Work") == "step:Work"
    assert breakpoint_here("from_the_future", "") == ""
    assert breakpoint_here("path_started", "") == "type:path_started"
