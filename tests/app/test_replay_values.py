"""Who set a value, going there from the state, and watches."""

from __future__ import annotations

import threading
from typing import Any

from dive_tui.screens.execution import watching as execution_watching
from dive_tui.screens.execution.values import write_words
from dive_tui.widgets.dialogs.address_dialog import AddressDialog
from engine.replay.addressing.addresses import MISSING
from engine.replay.addressing.setting import Write
from engine.store import StoreError
from tests.app.replaying import counting, now_lines
from tests.screens.execution_app import failed, opened, press, said, screen_lines, settle, text_of

WIDE = (140, 40)


async def ask(pilot: Any, key: str, address: str) -> None:
    await press(pilot, key, *address, "enter")


async def test_w_asks_for_an_address_and_goes_to_the_writes_one_by_one() -> None:
    app = await counting(sequence=9)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "w")
        assert isinstance(app.screen, AddressDialog)
        await press(pilot, *"cart.total", "enter")
        assert screen.sequence == 6, "the third step set it to what it was"
        assert said(app) == "cart.total set to 12 by event 6 (was 10)"
        await press(pilot, "w")
        assert screen.sequence == 4
        assert said(app) == "cart.total set to 10 by event 4 (was not there)"
        await press(pilot, "w")
        assert screen.sequence == 4
        assert said(app) == "Nothing changed cart.total before event 4."
        await press(pilot, "full_stop", "w")
        assert isinstance(app.screen, AddressDialog), "the cursor moved: it is another question"
        await press(pilot, "escape")
        assert app.screen is screen


async def test_what_is_no_address_is_said_while_typing() -> None:
    app = await counting()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "w", "enter")
        assert "It needs an address." in "\n".join(screen_lines(app))
        await press(pilot, *"cart[")
        before = "\n".join(screen_lines(app))
        assert "is a variable of the path at the cursor" not in before
        await press(pilot, "enter")
        assert isinstance(app.screen, AddressDialog)
        await press(pilot, "backspace")
        assert "is a variable of the path at the cursor" in "\n".join(screen_lines(app))
        await press(pilot, "escape")
        assert app.screen is screen


async def test_in_the_state_w_and_enter_go_to_what_set_the_value_under_the_cursor() -> None:
    app = await counting(sequence=9)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "4")
        state = screen.panes.inspector.state
        state.reveal(("paths", "main", "variables", "cart", "total"))
        await settle(pilot)
        assert state.address == "paths.main.variables.cart.total"
        await press(pilot, "enter")
        assert screen.sequence == 6
        assert said(app) == "paths.main.variables.cart.total set to 12 by event 6 (was 10)"
        assert state.address == "paths.main.variables.cart.total", "the cursor stays on the value"
        await press(pilot, "w")
        assert screen.sequence == 4
        assert state.current is not None
        assert state.current.value == 10


async def test_enter_on_a_branch_folds_and_outside_a_replay_shows_the_event() -> None:
    app = await counting(sequence=9)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "4")
        state = screen.panes.inspector.state
        state.reveal(("paths", "main"))
        await settle(pilot)
        rows = state.row_count
        await press(pilot, "enter")
        assert state.row_count < rows
        assert screen.sequence == 9
        await press(pilot, "escape", "4", "g", "enter")
        assert screen.panes.maximised


async def test_in_the_changes_w_asks_about_the_change_under_the_cursor_and_then_on() -> None:
    app = await failed(24)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "comma", "space", "5")
        assert screen.panes.inspector.address == "paths.payment.status"
        await press(pilot, "w")
        assert said(app) == 'paths.payment.status set to "failed" by event 23 (was "running")'
        await press(pilot, "w")
        assert screen.sequence == 13
        assert said(app) == 'paths.payment.status set to "running" by event 13 (was not there)'
        assert screen.panes.inspector.address == "paths.payment", "the change that made it is under the cursor"


async def test_what_was_never_changed_is_said() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space")
        await ask(pilot, "w", "nothing.of.this")
        assert said(app) == "Nothing changed nothing.of.this up to event 23."
        assert screen.sequence == 23


async def test_what_cannot_be_read_is_said(monkeypatch: Any) -> None:
    def broken(*arguments: Any) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(execution_watching, "who_set", broken)
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space")
        await ask(pilot, "w", "order")
        assert said(app) == "Who set order cannot be said: the disk is gone"
        assert screen.sequence == 23


async def test_an_answer_for_where_the_cursor_was_is_dropped(monkeypatch: Any) -> None:
    entered, free = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Write:
        entered.set()
        assert free.wait(20)
        return Write(4, 1, 2)

    monkeypatch.setattr(execution_watching, "who_set", slow)
    app = await counting(sequence=9)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await pilot.press("space", "w", *"cart", "enter")
        for _ in range(500):
            await pilot.pause(0.01)
            if entered.is_set():
                break
        await pilot.press("comma")
        free.set()
        await settle(pilot)
        assert screen.sequence == 8


async def test_watches_show_value_and_writes_and_can_be_removed() -> None:
    app = await counting(sequence=9)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space")
        await ask(pilot, "W", "cart.total")
        assert said(app) == "cart.total is watched in the pane Now, 6."
        assert "cart.total 12 last set #6, previous #4" in now_lines(screen)
        await press(pilot, "full_stop")
        assert "~ cart.total 15 last set #10, previous #6" in now_lines(screen), "this event changed it"
        await press(pilot, "home")
        assert "cart.total not there never set" in now_lines(screen)
        await press(pilot, "end", "comma", "comma")
        row = next(at for at, line in enumerate(now_lines(screen)) if line.startswith("~ cart.total"))
        screen.panes.now.move_to(row)
        await press(pilot, "comma", "enter")
        assert screen.sequence == 6, "enter on a watch goes to where it was set"
        await press(pilot, "w")
        assert screen.sequence in (4, 6)
        await press(pilot, "W")
        assert said(app) == "cart.total is no longer watched."
        assert "Watches W watches a value" in now_lines(screen)


async def test_the_value_under_the_cursor_of_the_state_is_watched() -> None:
    app = await counting(sequence=9)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await press(pilot, "space", "4")
        screen.panes.inspector.state.reveal(("paths", "main", "variables", "cart"))
        await settle(pilot)
        await press(pilot, "W")
        assert any(line.startswith("paths.main.variables.cart {total: 12") for line in now_lines(screen))
        assert all(line.isprintable() for line in screen_lines(app)), "it holds hostile text"
        assert 'note: "␛' in text_of(screen.panes.now)


def test_words_of_a_write() -> None:
    assert write_words("a.b", Write(44, 10, 12)) == "a.b set to 12 by event 44 (was 10)"
    assert write_words("a.b", Write(44, MISSING, None)) == "a.b set to null by event 44 (was not there)"
    assert write_words("a.b", Write(44, [1], MISSING)) == "a.b removed by event 44 (was [1])"
    assert len(write_words("a", Write(1, "x" * 5000, "y" * 5000))) < 200
