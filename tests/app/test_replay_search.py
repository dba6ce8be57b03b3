"""Searching the events and the state of an execution."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest
from textual.events import Key

from dive_tui.screens.execution.panes import PaneName
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.filter_bar import FilterBar
from dive_tui.widgets.text_field import TextField
from engine.replay.history import History
from engine.replay.searching.search import Hits
from engine.store import StoreError
from tests.app.replaying import counting
from tests.screens.execution_app import ExecutionApp, failed, opened, press, said, screen_lines, settle, shown, text_of
from tests.screens.histories import HOSTILE, Playback, Writer, failed_order, long_loop

WIDE = (140, 40)
MOST_WAITS = 4_000
"""A search that nobody ends ends by itself, so that a failing test does not hang."""


def found(screen: ExecutionScreen) -> str:
    """What stands behind the field over the events."""
    return " ".join(text_of(screen.panes.search_bar.query_one("#note")).split())


def bar_of_state(screen: ExecutionScreen) -> FilterBar:
    return screen.panes.inspector.query_one(FilterBar)


async def test_hits_are_counted_marked_and_gone_to() -> None:
    app = await failed(4)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert not screen.panes.search_bar.display
        await press(pilot, "slash", *"type:step_completed")
        assert found(screen) == "1 of 6"
        await press(pilot, "enter")
        assert app.focused is screen.panes.events
        await press(pilot, "n")
        assert (screen.sequence, found(screen)) == (7, "2 of 6")
        await press(pilot, "n", "n")
        assert screen.sequence == 11
        await press(pilot, "N", "comma")
        assert found(screen) == "6 found", "the cursor stands on none"
        marked = [line for line in text_of(screen.panes.events).splitlines() if "◂" in line]
        assert marked
        assert all("step completed" in line for line in marked)
        await press(pilot, "end", "n")
        assert screen.sequence == 4
        assert said(app) == "Around the end of the history."
        await press(pilot, "N")
        assert screen.sequence == 21


@pytest.mark.parametrize("size", [WIDE, (80, 24)])
async def test_keys_right_behind_the_slash_are_what_is_searched_for(size: tuple[int, int]) -> None:
    app = await failed(22)
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot)
        for pane, bar in (("2", screen.panes.search_bar), ("4", bar_of_state(screen))):
            await press(pilot, pane)
            await settle(pilot)
            await app.run_action("search")
            assert app.focused is bar.query_one("#field"), "the next key may already be waiting"
            await press(pilot, *"ttt")
            assert bar.text == "ttt"
            await press(pilot, "escape")
            await settle(pilot)
            assert not bar.display


async def test_keys_that_come_all_at_once_are_typed_where_the_first_one_leads() -> None:
    app = await failed(22)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        for pane, bar in (("4", bar_of_state(screen)), ("2", screen.panes.search_bar)):
            for key in (pane, "slash", "t", "o", "t"):
                app.post_message(Key(key, "/" if key == "slash" else key))
            await settle(pilot, partial(_holds, bar, "tot"))
            await press(pilot, "escape")
            await settle(pilot)


def _holds(bar: FilterBar, text: str) -> bool:
    return bar.text == text


async def test_entering_a_search_goes_to_the_nearest_hit() -> None:
    app = await failed(15)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "slash", *"type:step_failed", "enter")
        assert screen.sequence == 23
        await press(pilot, "end", "slash", *["backspace"] * 16, *"type:path_branched", "enter")
        assert screen.sequence == 13, "there is none further on"


async def test_what_is_wrong_with_a_query_is_said_while_typing() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "slash", *"tipe:x")
        assert found(screen).startswith("'tipe' is no field of events (did you mean 'type'?)")
        assert screen.panes.search_bar.error
        await press(pilot, "enter")
        assert isinstance(app.focused, TextField), "it is not accepted"
        await press(pilot, "escape")
        assert not screen.panes.search_bar.display
        assert app.screen is screen


async def test_only_hits_are_listed_and_the_cursor_is_on_the_nearest() -> None:
    app = await failed(15)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        events = screen.panes.events
        await press(pilot, "ampersand")
        assert said(app) == "Nothing is searched for: / asks what."
        await press(pilot, "slash", *"step_completed", "enter", "ampersand")
        assert events.row_count == 6
        assert "only hits" in found(screen)
        assert all("step completed" in line for line in text_of(events).splitlines() if line.strip())
        screen.move_cursor(13)
        assert events.sequence_of(events.cursor) == 12
        screen.move_cursor(18)
        assert events.sequence_of(events.cursor) == 21, "the nearer of two"
        assert screen.sequence == 18, "the cursor itself did not move"
        await press(pilot, "up")
        assert screen.sequence == 12
        await press(pilot, "G")
        assert screen.sequence == 21
        await press(pilot, "ampersand")
        assert events.row_count == 27
        assert events.sequence_of(events.cursor) == 21


async def test_esc_clears_the_search_before_anything_else() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "slash", *"failed", "enter", "ampersand", "escape")
        assert not screen.panes.search_bar.display
        assert screen.panes.events.row_count == 27
        assert screen.replaying
        assert "◂" not in text_of(screen.panes.events)
        await press(pilot, "n")
        assert said(app) == "Nothing is searched for: / asks what."
        await press(pilot, "escape")
        assert not screen.replaying
        assert app.screen is screen


async def test_nothing_found_says_so() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "slash", *"zzz", "enter", "n")
        assert said(app) == "No event matches zzz."
        assert screen.sequence == 23
        await press(pilot, "ampersand")
        assert screen.panes.events.row_count == 0


async def test_a_search_goes_on_with_what_is_added() -> None:
    store, execution_id = await failed_order()
    playback = Playback(await store.get_event_history(execution_id))
    await playback.play(8)
    app = ExecutionApp(playback.store, playback.execution_id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "slash", *"step_completed", "enter")
        assert found(screen) == "2 of 2"
        await playback.play(4)
        await settle(pilot, lambda: found(screen) == "2 of 5")


async def test_a_long_search_is_shown_as_it_goes_on_and_given_up_for_another(monkeypatch: Any) -> None:
    entered, given_up = threading.Event(), threading.Event()
    fill, never = Hits.fill, threading.Event()

    def slow(hits: Hits, history: History, **told: Any) -> bool:
        if hits.query.text != "slow":
            return fill(hits, history, **told)
        hits._after.extend([23, 24])
        entered.set()
        for _ in range(MOST_WAITS):
            if told["cancelled"]():
                given_up.set()
                return False
            never.wait(0.005)
        return False

    monkeypatch.setattr(Hits, "fill", slow)
    app = await failed(20)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await pilot.press("slash", *"slow", "enter")
        for _ in range(500):
            await pilot.pause(0.01)
            if "1 of 2 searched" in found(screen):
                break
        assert entered.is_set()
        assert screen.sequence == 23, "the first hit is gone to while the search goes on"
        await pilot.press("n", "n")
        await pilot.pause()
        assert screen.sequence == 24
        assert said(app) == "No other hit that way so far; the search goes on."
        await pilot.press("slash", *["backspace"] * 4, *"failed", "enter")
        await settle(pilot, given_up.is_set)
        assert found(screen) == "2 of 3"


async def test_what_cannot_be_read_ends_a_search(monkeypatch: Any) -> None:
    def broken(*arguments: Any, **told: Any) -> bool:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(Hits, "fill", broken)
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "slash", "x")
        assert said(app) == "The search came to an end: the disk is gone"


async def test_a_long_history_is_searched() -> None:
    app = await shown(long_loop(20_000))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await settle(pilot, lambda: screen.why_not_search() is None)
        await press(pilot, "1", "slash", *"seq:100-300", "enter")
        assert screen.panes.current is PaneName.EVENTS
        await settle(pilot, lambda: found(screen).endswith("of 201"))


async def test_the_state_is_searched_in_keys_and_values() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "4", "slash", *"CABLE", "enter")
        state, bar = screen.panes.inspector.state, bar_of_state(screen)
        assert app.focused is state
        assert state.match_count == 10, "of order and reserved: of three paths, as globals, and as outputs"
        assert " ".join(text_of(bar.query_one("#note")).split()).startswith("1 of")
        assert state.address == "paths.payment.variables.order.items[2]"
        assert '◂ "cable"' in text_of(state)
        await press(pilot, "n")
        assert state.address == "paths.payment.variables.reserved[2].item"
        await press(pilot, "N", "N")
        assert state.match == state.match_count
        assert screen.sequence == 23
        await press(pilot, "ampersand")
        assert said(app) == "The state stays whole: n goes from hit to hit in it."
        await press(pilot, "escape")
        assert not bar.display
        assert state.searched == ""
        await press(pilot, "n")
        assert said(app) == "Nothing is searched for in the state: / asks what."


async def test_what_the_state_does_not_hold_is_said() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "4", "slash", *"zzz", "enter", "n")
        assert said(app) == "Nothing in the state holds 'zzz'."


async def test_a_search_of_the_state_goes_along_with_the_cursor() -> None:
    app = await counting(sequence=4)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        state = screen.panes.inspector.state
        await press(pilot, "4", "slash", *"12", "enter")
        assert state.match_count == 0
        await press(pilot, "full_stop", "full_stop")
        assert state.match_count > 0
        assert state.searched == "12"


async def test_the_state_as_text_and_as_a_tree_again() -> None:
    app = await counting(sequence=6)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "3", "X")
        assert said(app) == "X is for the State tab; v turns to it."
        await press(pilot, "4", "X")
        raw = screen.panes.inspector.raw
        assert app.focused is raw
        lines = text_of(raw).splitlines()
        assert lines[0].strip() == "{"
        assert any(line.strip() == '"status": "running",' for line in lines)
        assert all(line.isprintable() for line in screen_lines(app))
        await press(pilot, "left")
        assert said(app) == "This is text; X shows the tree."
        await press(pilot, "full_stop", "w")
        assert app.screen is screen
        await press(pilot, "X")
        assert app.focused is screen.panes.inspector.state
        await press(pilot, "X", "slash")
        assert screen.panes.inspector.view is screen.panes.inspector.state, "the tree is what can be searched"


async def test_hostile_text_is_searched_and_shown_safely() -> None:
    writer = Writer()
    writer.begin([HOSTILE])
    writer.start("main", HOSTILE, at=0)
    writer.complete("main", HOSTILE, at=1, output=HOSTILE)
    app = await shown(writer.events)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        screen.panes.search_bar.set_text("owned")
        await settle(pilot)
        await press(pilot, "n", "ampersand")
        assert all(line.isprintable() for line in screen_lines(app))
        await press(pilot, "4")
        bar_of_state(screen).set_text("owned")
        await press(pilot, "n", "X")
        assert all(line.isprintable() for line in screen_lines(app))
