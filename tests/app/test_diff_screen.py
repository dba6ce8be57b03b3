"""The screen of a comparison: what differs, which event made it, and what a person can do there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import orjson
import pytest
from textual.message import Message

from dive_tui.feeds import diff as diff_feed
from dive_tui.feeds.diff import DiffFeed, DiffProgressed
from dive_tui.feeds.diff_questions import CounterpartAsked, ExecutionsAsked, Moment, StatesAsked, ValuesAnswer
from dive_tui.screens.diff import screen as diff_module
from dive_tui.screens.diff.opening import _open
from dive_tui.screens.diff.screen import DiffScreen
from dive_tui.screens.diff.texts import View
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.dialogs.choice import ChoiceDialog, Words
from dive_tui.widgets.dialogs.copy_menu import CopyMenu
from dive_tui.widgets.diff.diff_heading import DiffHeading
from dive_tui.widgets.diff.diff_list import DiffList
from dive_tui.widgets.pane import Pane
from engine.model.events import ExecutionEvent
from engine.replay.diffing.explain import explain
from engine.replay.diffing.states import diff_states
from engine.replay.history import History
from engine.store import StoreError
from stores.memory import MemoryExecutionEventStore
from tests.app.diff_app import ComparingApp, asked, header, orders, rows, said, text, without_cursor
from tests.replay.patching import canonical, patched
from tests.screens.execution_app import press, screen_lines, settle
from tests.screens.histories import HOSTILE, hostile_events, long_loop

WIDE, NARROW = (120, 40), (80, 24)


async def two_orders(**options: Any) -> tuple[ComparingApp, str, str]:
    """An app on the failed one of two orders; the ids of the good one and of the failed one."""
    store, (good, bad) = await orders(42.0, 118.2)
    return ComparingApp(store, bad, **options), good, bad


def states(bad: str, left: int, right: int) -> StatesAsked:
    return StatesAsked(Moment(bad, left), Moment(bad, right))


# Two states


async def test_every_difference_of_two_states_has_the_event_that_made_it() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 3, 13))
        history = app.execution.history
        assert history is not None
        wanted = explain(history, diff_states(history, 3, 13).changes, 13, 3)
        assert wanted
        words = {"added": "added", "removed": "removed", "changed": "changed", "moved": "moved"}
        for change, by in wanted:
            told = f"{words[change.kind]} by #{by}"
            assert any(row.endswith(told) for row in rows(screen)), (change.address, told)
        assert f" ~ {len(wanted)} DIFFERENCES " in header(screen)
        assert f"first {wanted[0].change.address}" in header(screen)
        assert screen.query_one(DiffHeading).names[0].startswith("@3")
        assert screen.query_one(DiffHeading).names[1].startswith("@13")


async def test_enter_goes_to_the_event_and_q_comes_back() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 3, 13))
        await press(pilot, "n")
        row = screen.query_one(DiffList).current
        assert row is not None and row.by[1] is not None
        before = rows(screen)
        await pilot.press("enter")
        await settle(pilot, lambda: isinstance(app.screen, ExecutionScreen) and app.screen.sequence > 0)
        assert isinstance(app.screen, ExecutionScreen)
        assert (app.screen.execution_id, app.screen.sequence) == (bad, row.by[1])
        await press(pilot, "q")
        assert app.screen is screen
        assert rows(screen) == before


async def test_the_change_under_the_cursor_is_told_in_full() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 1, 13))
        await press(pilot, "home")
        told = screen.query_one("#change Words", Words).text
        assert told.splitlines()[:3] == ["status", "- pending", "+ running"]
        assert "event" in told.splitlines()[3]
        await press(pilot, "w")
        assert screen.query_one("#change Words", Words).text.splitlines()[:3] == ["status", "- running", "+ pending"]


async def test_n_and_N_go_from_change_to_change_and_say_where_they_end() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 3, 13))
        view = screen.query_one(DiffList)
        first = view.cursor
        seen = [first]
        while not said(app):
            await press(pilot, "n")
            seen.append(view.cursor)
        assert said(app) == ["This is the last change."]
        seen.pop()
        answer = screen._answer
        assert isinstance(answer, ValuesAnswer)
        assert len(seen) == len(set(seen)) == len(answer.differences.changes)
        for _ in seen:
            await press(pilot, "N")
        assert view.cursor == first
        assert said(app)[-1] == "This is the first change."


async def test_w_swaps_the_sides() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 1, 13))
        before, names = rows(screen), screen.query_one(DiffHeading).names
        assert any(row.removeprefix("> ").startswith("+") for row in before)
        assert not any(row.removeprefix("> ").startswith("-") for row in before)
        await press(pilot, "w")
        swapped = rows(screen)
        assert not any(row.removeprefix("> ").startswith("+") for row in swapped)
        assert screen.query_one(DiffHeading).names == names[::-1]
        assert "removed by" in "".join(swapped)
        assert '"running" → "pending"' in header(screen)
        await press(pilot, "w")
        assert rows(screen) == before


async def test_what_did_not_change_is_folded_and_enter_unfolds_it() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 1, 13))
        assert rows(screen)[1] == "┄┄ 3 unchanged ┄┄"
        await press(pilot, "home", "down", "enter")
        assert [row.split()[0] for row in without_cursor(rows(screen))[1:4]] == ["inputs", "outputs", "error"]
        count = len(rows(screen))
        paths = next(at for at, row in enumerate(rows(screen)) if "▾ paths" in row)
        screen.query_one(DiffList).move_to(paths)
        await press(pilot, "left")
        assert len(rows(screen)) < count
        assert rows(screen)[paths].startswith("> ▸ paths")
        await press(pilot, "right", "right")
        assert screen.query_one(DiffList).cursor == paths + 1
        await press(pilot, "h")
        assert screen.query_one(DiffList).cursor in (paths, paths + 1)


async def test_v_turns_the_views_and_the_patch_makes_right_out_of_left() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 3, 13))
        answer = screen._answer
        assert isinstance(answer, ValuesAnswer)
        side = rows(screen)
        await press(pilot, "v")
        assert screen.view is View.ONE
        assert rows(screen) != side
        assert any("→" in row for row in rows(screen))
        await press(pilot, "v")
        plain = [orjson.loads(orjson.dumps(value, default=dict)) for value in (answer.old, answer.new)]
        assert canonical(patched(plain[0], orjson.loads(text(screen)))) == canonical(plain[1])
        await press(pilot, "w")
        assert canonical(patched(plain[1], orjson.loads(text(screen)))) == canonical(plain[0])
        await press(pilot, "w", "v")
        assert screen.view is View.REPORT
        await settle(pilot, lambda: bool(text(screen)))
        assert "root[" in text(screen)
        await press(pilot, "n")
        assert said(app) == ["This view is only read; v turns back to the differences."]
        await press(pilot, "v")
        assert rows(screen) == side
        assert screen.focused is screen.query_one(DiffList)


async def test_a_narrow_terminal_has_one_column() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=NARROW) as pilot:
        screen = await asked(pilot, states(bad, 3, 13))
        assert screen.view is View.ONE
        assert any("→" in row for row in rows(screen))
        await press(pilot, "v", "v", "v")
        assert screen.view is View.ONE
        await pilot.resize_terminal(*WIDE)
        await settle(pilot)
        assert screen.view is View.ONE
        await press(pilot, "v", "v", "v")
        assert screen.view is View.SIDE


@pytest.mark.parametrize("size", [(50, 10), (80, 24), (100, 30), (250, 70)])
async def test_it_fits_every_size(size: tuple[int, int]) -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=size) as pilot:
        screen = await asked(pilot, states(bad, 3, 13))
        assert any("changed" in line for line in screen_lines(app))
        assert screen.query_one("#change", Pane).size.height < size[1] // 2
        assert screen.query_one(DiffList).size.height >= 3


async def test_two_equal_states_say_so() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 5, 5))
        assert " ✓ EQUAL " in header(screen)
        assert any("The two states are the same." in line for line in screen_lines(app))
        await press(pilot, "n")
        assert said(app) == ["There are no changes."]
        await press(pilot, "enter")
        assert said(app)[-1] == "There is nothing to open."


async def test_too_many_differences_are_said_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff_feed, "MOST_CHANGES", 2)
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 3, 13))
        assert " ~ 2+ DIFFERENCES " in header(screen)
        assert any("There are more than 2 differences; the others are not told." in line for line in screen_lines(app))
        assert any("not compared" in row for row in rows(screen))
        await press(pilot, "v", "v")
        assert any("a patch needs them all" in line for line in screen_lines(app))


# Ignoring


async def test_what_is_ignored_stays_in_sight_and_counts_no_more() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 1, 13))
        answer = screen._answer
        assert isinstance(answer, ValuesAnswer)
        number = len(answer.differences.changes)
        await press(pilot, "home", "I")
        assert f"{number - 1} DIFFERENCES" in header(screen)
        assert rows(screen)[0].endswith("ignored")
        assert said(app) == ["status is ignored; i lists what is."]
        assert any("1 ignored" in line for line in screen_lines(app))
        await press(pilot, "y", "enter")
        await press(pilot, "I")
        assert f"{number} DIFFERENCES" in header(screen)
        assert said(app)[-1].startswith("status counts again") or "Copied" in said(app)[-1]


async def test_the_list_of_what_is_ignored_takes_back() -> None:
    app, good, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, ExecutionsAsked(good, bad))
        await press(pilot, "i")
        assert said(app) == ["Nothing is ignored; I ignores what is under the cursor."]
        before = rows(screen)
        await press(pilot, "I")
        await settle(pilot, lambda: bool(screen._ignored) and screen._worker is not None and screen._worker.is_finished)
        assert rows(screen) != before
        await press(pilot, "i")
        assert isinstance(app.screen, ChoiceDialog)
        await press(pilot, "down", "enter")
        await settle(pilot, lambda: app.screen is screen and not screen._ignored)
        assert without_cursor(rows(screen)) == without_cursor(before)


# Two executions


async def test_two_executions_begin_with_where_they_part() -> None:
    app, good, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, ExecutionsAsked(good, bad))
        found = rows(screen)
        assert "First divergence" in found[0]
        answer = screen._answer
        assert answer is not None and not isinstance(answer, ValuesAnswer)
        assert " ".join(answer.first) in header(screen)
        assert any(row.startswith(("~ ▸ Validate", "> ~ ▸ Validate")) for row in found)
        assert any("same" in row for row in found)
        assert {"▸ definition 2 changes", "▸ outcome 3 changes"} <= set(found)
        charge = next(row for row in found if "Charge Card" in row and "▸" in row)
        assert "✓ completed" in charge and "✗ failed" in charge and "status" in charge


async def test_what_is_told_on_top_is_not_told_again() -> None:
    events = long_loop(8)
    first = events[0]._replace(data={**events[0].data, "inputs": {"n": 2}})
    other = [event._replace(execution_id="exec_000000000000000000000other") for event in [first, *events[1:]]]
    store = MemoryExecutionEventStore()
    await store.append_events(events)
    await store.append_events(other)
    app = ComparingApp(store, events[0].execution_id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, ExecutionsAsked(events[0].execution_id, other[0].execution_id))
        assert rows(screen) == [
            "▾ First divergence: inputs 1 change",
            "> + inputs.n 2 added by #1",
            "┄┄ 3 steps the same ┄┄",
        ]


async def test_a_pair_unfolds_into_its_values_and_those_lead_to_their_events() -> None:
    app, good, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, ExecutionsAsked(good, bad))
        view = screen.query_one(DiffList)
        at = next(at for at, row in enumerate(rows(screen)) if "▸" in row and "Charge Card" in row)
        view.move_to(at)
        await press(pilot, "enter")
        inside = [row for row in rows(screen)[at + 1 :] if row.startswith("~ input.amount 42.0 118.2")]
        assert len(inside) == 1
        assert rows(screen)[at + 1].startswith("~ definition.parameters.amount")
        await press(pilot, "down", "down")
        target = view.current
        assert target is not None
        await pilot.press("enter")
        await settle(pilot, lambda: isinstance(app.screen, ExecutionScreen) and app.screen.sequence > 0)
        assert isinstance(app.screen, ExecutionScreen)
        assert (app.screen.execution_id, app.screen.sequence) == (bad, target.by[1])
        await press(pilot, "q", "w", "enter")
        await settle(pilot, lambda: isinstance(app.screen, ExecutionScreen) and app.screen.sequence > 0)
        assert isinstance(app.screen, ExecutionScreen)
        assert (app.screen.execution_id, app.screen.sequence) == (good, target.by[0])


async def test_the_counterpart_is_found_and_said() -> None:
    app, good, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, CounterpartAsked(bad), known=False)
        assert "with the last good run before it" in header(screen)
        assert screen._answer is not None
        assert screen._answer.sides.executions == (good, bad)


async def test_without_a_counterpart_it_says_why() -> None:
    store, (only,) = await orders(118.2)
    app = ComparingApp(store, only)
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, CounterpartAsked(only), known=False)
        assert "no other run of order has completed" in header(screen)
        assert " ✗ NOT COMPARED " in header(screen)
        await press(pilot, "v")
        assert "There is nothing to compare" in said(app)[-1]


async def test_two_like_runs_are_equal() -> None:
    store, (one, other) = await orders(42.0, 42.0)
    app = ComparingApp(store, one)
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, ExecutionsAsked(one, other))
        assert " ✓ EQUAL " in header(screen)
        assert any("Nothing differs but ids, times" in line for line in screen_lines(app))


async def test_what_only_took_longer_is_shown_and_is_no_difference() -> None:
    events = long_loop(12)
    slower = [
        event._replace(
            execution_id="exec_00000000000000000000slower",
            timestamp=event.timestamp.replace("02.", "09.") if event.sequence > 11 else event.timestamp,
        )
        for event in events
    ]
    store = MemoryExecutionEventStore()
    await store.append_events(events)
    await store.append_events(slower)
    app = ComparingApp(store, events[0].execution_id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, ExecutionsAsked(events[0].execution_id, slower[0].execution_id))
        assert " ✓ EQUAL " in header(screen)
        assert [row for row in rows(screen) if row.endswith("timing")]
        await press(pilot, "n")
        assert said(app) == ["This is the last change."]


# Copying


async def test_what_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: dict[str, str] = {}
    monkeypatch.setattr(diff_module, "copy", lambda app, text, what: copied.update({what: text}))
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 1, 13))
        await press(pilot, "home")
        for number in range(6):
            await press(pilot, "y")
            await settle(pilot, lambda: isinstance(app.screen, CopyMenu))
            await press(pilot, *["down"] * number, "enter")
        assert app.screen is screen
        assert copied["address"] == "status"
        assert (copied["left value"], copied["right value"]) == ("pending", "running")
        assert copied["command"] == f"dive-tui diff {bad}@1 @13 --store here"
        assert orjson.loads(copied["JSON patch"])[0] == {"op": "replace", "path": "/status", "value": "running"}
        told = copied["differences"].splitlines()
        assert told[0].startswith("- @1")
        assert told[1].startswith("+ @13")
        assert told[2].startswith('~ status "pending" → "running" (by #')


# What may go wrong


class Slow(MemoryExecutionEventStore):
    """A store that gives no events before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.late = False
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """As every store, but late."""
        if self.late:
            self.asked.set()
            await self.go_on.wait()
        return await super().get_events(execution_id, from_seq, limit)


async def test_leaving_stops_the_work_and_nothing_comes_of_it() -> None:
    store = Slow()
    await store.append_events(long_loop(50))
    app = ComparingApp(store, long_loop(50)[0].execution_id)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot, lambda: app.execution.sequence > 0)
        store.late, name = True, app.execution.execution_id
        _open(app, store, StatesAsked(Moment(name, 3), Moment(name, 9)), "")
        await store.asked.wait()
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, DiffScreen)
        assert any("COMPARING" in line for line in screen_lines(app))
        assert any("q goes back and stops it" in line for line in screen_lines(app))
        await pilot.press("q")
        await pilot.pause()
        assert app.screen is not screen
        store.go_on.set()
        await settle(pilot)
        assert screen._worker is not None and screen._worker.is_finished
        assert screen._answer is None


async def test_work_in_a_thread_ends_once_nobody_waits_for_it() -> None:
    events = long_loop(9_000)
    other = [event._replace(execution_id="exec_000000000000000000000other") for event in events]
    posted: list[Message] = []

    def post(message: Message) -> None:
        posted.append(message)
        if isinstance(message, DiffProgressed) and message.what == "events compared":
            feed.stop()

    histories = {each[0].execution_id: History(each[0].execution_id, each) for each in (events, other)}
    feed = DiffFeed(MemoryExecutionEventStore(), ExecutionsAsked(*histories), post, histories)
    await feed.run()
    assert [type(message) for message in posted] == [DiffProgressed]
    assert posted[0].total == len(events) + len(other)


async def test_a_store_that_fails_is_said_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    app, good, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:

        async def broken(*args: object) -> list[ExecutionEvent]:
            raise StoreError("the disk is on fire")

        await settle(pilot, lambda: app.execution.sequence > 0)
        monkeypatch.setattr(app.store, "get_events", broken)
        screen = await asked(pilot, ExecutionsAsked(good, bad))
        assert "the disk is on fire" in header(screen)
        assert any("the disk is on fire." in line for line in screen_lines(app))
        await press(pilot, "y", "I")
        assert said(app) == ["the disk is on fire", "There is no address here to ignore."]


async def test_hostile_text_stays_text() -> None:
    store = MemoryExecutionEventStore()
    events = hostile_events()
    await store.append_events(events)
    app = ComparingApp(store, events[0].execution_id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(events[0].execution_id, 2, len(events)))
        await press(pilot, "home", "right", "down", "right", "down", "down")
        for _ in range(3):
            for line in screen_lines(app):
                assert line.isprintable(), line
            assert not any(HOSTILE[:8] in line for line in screen_lines(app))
            await press(pilot, "v")
        assert screen.query_one(DiffList).row_count


async def test_ascii_only() -> None:
    app, good, bad = await two_orders(ascii_only=True)
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, ExecutionsAsked(good, bad))
        await press(pilot, "n", "enter")
        assert all(line.isascii() for line in screen_lines(app))
        assert rows(screen)


async def test_what_is_compared_stays_while_the_execution_grows() -> None:
    events = long_loop(60)
    store = MemoryExecutionEventStore()
    await store.append_events(events[:20])
    app = ComparingApp(store, events[0].execution_id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(events[0].execution_id, 4, 20))
        before = rows(screen), header(screen), screen.query_one(DiffHeading).names
        await store.append_events(events[20:])
        execution = app.execution
        await settle(pilot, lambda: execution.history is not None and len(execution.history) == len(events))
        await press(pilot, "w", "w")
        assert (rows(screen), header(screen), screen.query_one(DiffHeading).names) == before


async def test_a_state_that_is_not_known_is_said_and_the_last_known_one_is_compared() -> None:
    app, _, bad = await two_orders()
    async with app.run_test(size=WIDE) as pilot:
        screen = await asked(pilot, states(bad, 3, 9_999))
        assert screen._answer is not None
        assert "there are no more events" in "".join(screen._answer.sides.notes)
        assert any("no more events" in line for line in screen_lines(app))


def test_the_screen_does_not_load_the_library_of_the_report() -> None:
    code = (
        "import sys, dive_tui.screens.diff.screen, dive_tui.screens.diff.opening; sys.exit('deepdiff' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
