"""The execution screen while the execution goes on, and what the store's troubles and odd histories look like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dive_tui.screens.execution.copy import Here, offers
from engine.lifecycle.engine import Engine
from engine.store import DamagedHistoryError, StoreError
from engine.testing.ports import SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.screens.execution_app import (
    ExecutionApp,
    banner,
    header,
    opened,
    press,
    said,
    settle,
    shown,
    text_of,
)
from tests.screens.histories import (
    Playback,
    Stage,
    Writer,
    completed_order,
    failed_order,
    history_of,
    long_each,
    order_actions,
    order_workflow,
)
from tests.screens.waiting_histories import APPROVAL, PARENT, ran, waiting_for_approval

WIDE = (140, 40)


async def playback(*, fails: bool = False) -> Playback:
    store, execution_id = await (failed_order() if fails else completed_order())
    return Playback(await store.get_event_history(execution_id))


# Live


async def test_a_running_one_is_followed() -> None:
    play = await playback()
    await play.play(8)
    app = ExecutionApp(play.store, play.execution_id, seconds=0.5)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert screen.sequence == 8
        assert "● RUNNING   Reserve Stock 1/3" in header(screen)
        assert header(screen).endswith("8/8  ● live") or header(screen).endswith("● live")
        app.seconds = 2.2
        await play.play(13)
        await settle(pilot, lambda: screen.sequence == 21)
        assert screen.panes.events.cursor == 20
        assert "Charge Card, Pack, Archive" in header(screen)
        assert "Notify" in text_of(screen.panes.timeline.rows)
        await press(pilot, "comma", "comma")
        assert header(screen).endswith("19/21  ↓ 2 new")
        await play.play(2)
        await settle(pilot, lambda: screen.history is not None and len(screen.history) == 23)
        assert screen.sequence == 19
        assert header(screen).endswith("19/23  ↓ 4 new")
        await press(pilot, "f")
        assert screen.sequence == 23
        assert header(screen).endswith("● live")
        await press(pilot, "f")
        assert header(screen).endswith("● live, holding")
        await play.play(1)
        await settle(pilot, lambda: screen.history is not None and len(screen.history) == 24)
        assert screen.sequence == 23
        await press(pilot, "end")
        await play.play(99)
        await settle(pilot, lambda: screen.sequence == 29)
        assert header(screen).endswith("29/29  ■ ended")
        assert "✓ COMPLETED" in header(screen)
        await press(pilot, "f")
        assert said(app).startswith("It has ended")


async def test_time_goes_on_while_it_runs_and_stops_with_it() -> None:
    play = await playback()
    await play.play(20)
    app = ExecutionApp(play.store, play.execution_id, seconds=1.5)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "1.5s" in header(screen)
        app.seconds = 2.5
        screen._tick()
        assert "2.5s" in header(screen)
        await play.play(99)
        await settle(pilot, lambda: screen.sequence == 29)
        app.seconds = 99
        screen._update_header()
        assert "3.8s" in header(screen)


async def test_scrolling_away_stops_following() -> None:
    play = await playback()
    await play.play(24)
    app = ExecutionApp(play.store, play.execution_id, seconds=3)
    async with app.run_test(size=(140, 20)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        screen.panes.events.scroll_to(y=0, animate=False)
        await settle(pilot)
        assert header(screen).endswith("● live, holding")
        await play.play(2)
        await settle(pilot, lambda: screen.history is not None and len(screen.history) == 26)
        assert screen.sequence == 24
        assert screen.panes.events.scroll_offset.y == 0


async def test_one_whose_runner_died_is_interrupted() -> None:
    play = await playback()
    await play.play(21)
    app = ExecutionApp(play.store, play.execution_id, seconds=2.5)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert header(screen).endswith("● live")
        await play.die()
        await settle(pilot, lambda: "INTERRUPTED" in header(screen))
        assert "stopped at Charge Card, Pack, Archive: its runner is gone" in header(screen)
        assert header(screen).endswith("◌ interrupted")
        assert "◌" in text_of(screen.panes.timeline.rows)


async def test_many_events_at_once_are_taken_in_beside_the_screen() -> None:
    play = Playback(long_each(9_000))
    await play.play(100)
    app = ExecutionApp(play.store, play.execution_id, seconds=60)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await play.play(100_000)
        await settle(pilot, lambda: screen.sequence == 9_000)
        assert "9,000/9,000" in header(screen)
        assert text_of(screen.panes.events).rstrip().endswith("caused by 8998")


# Trouble


class Failing(MemoryExecutionEventStore):
    """A store that can be switched off."""

    sentence = ""

    async def get_summary(self, execution_id: str) -> Any:
        self.check()
        return await super().get_summary(execution_id)

    async def get_events(self, *arguments: Any, **options: Any) -> Any:
        self.check()
        return await super().get_events(*arguments, **options)

    def check(self) -> None:
        if self.sentence:
            raise StoreError(self.sentence)


async def test_when_the_store_goes_away_what_was_read_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dive_tui.feeds.pace.RETRY", 0.01)
    store, execution_id = await failed_order()
    events = await store.get_event_history(execution_id)
    failing = Failing()
    await failing.append_events(events[:-1])
    app = ExecutionApp(failing, execution_id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        failing.sentence = "the folder .dive is gone"
        await failing.append_events(events[-1:])
        await settle(pilot, lambda: bool(banner(screen)))
        assert "the folder .dive is gone" in banner(screen)
        assert "What was read stays here" in banner(screen)
        assert "step started" in text_of(screen.panes.events) or "started" in text_of(screen.panes.events)
        await press(pilot, "comma")
        failing.sentence = ""
        await settle(pilot, lambda: not banner(screen))
        await settle(pilot, lambda: "27" in header(screen))


async def test_an_execution_that_is_not_there_says_so() -> None:
    app = ExecutionApp(MemoryExecutionEventStore(), "exec_nobody")
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot, lambda: bool(banner(app.execution)))
        assert "exec_nobody" in banner(app.execution)
        assert "exec_nobody" in text_of(app.execution.panes.events)
        assert "q goes back" in text_of(app.execution.panes.inspector.event)
        await press(pilot, "comma")
        assert said(app) == "The history is not here yet."


async def test_a_damaged_history_is_shown_as_far_as_it_goes() -> None:
    store, execution_id = await failed_order()
    events = await store.get_event_history(execution_id)

    class Damaged(MemoryExecutionEventStore):
        """Cannot read beyond event 20."""

        async def get_events(self, *arguments: Any, **options: Any) -> Any:
            raise DamagedHistoryError("event 21 cannot be read", place="events.jsonl:9000", readable=events[:20])

    damaged = Damaged()
    await damaged.append_events(events)
    app = ExecutionApp(damaged, execution_id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert screen.history is not None
        assert len(screen.history) == 20
        assert "event 21 cannot be read" in banner(screen)
        assert "What is before that is shown: 20 events." in banner(screen)


async def test_a_history_that_makes_no_sense_is_shown_with_what_is_known_of_its_state() -> None:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=1)
    writer.complete("main", "Elsewhere", at=2)
    app = await shown(writer.events)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "does not fit" in banner(screen)
        assert "The state is known up to event 3." in banner(screen)
        await settle(pilot)
        await press(pilot, "5")
        assert "does not fit" in text_of(screen.panes.inspector.changes)


async def test_events_of_a_newer_version_are_shown() -> None:
    writer = Writer()
    writer.begin()
    writer.add("heart_beat", "main", data={"pulse": 70}, at=1)
    app = await shown(writer.events)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "Event 3 was written by a newer version." in banner(screen)
        assert "heart beat" in text_of(screen.panes.events)
        await press(pilot, "3")
        assert "pulse" in text_of(screen.panes.inspector.event)


# The guide


async def test_the_guide_leads_through_five_keys() -> None:
    play = await playback(fails=True)
    await play.play(20)
    app = ExecutionApp(play.store, play.execution_id, seconds=2, guide=True)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "Watch it" in banner(screen)
        await play.play(99)
        await settle(pilot, lambda: "Press F" in banner(screen))
        assert banner(screen).endswith("1 of 5")
        steps = [
            ("comma", "Press F"),
            ("F", "Press ,"),
            ("comma", "Press ."),
            ("full_stop", "Press tab"),
            ("tab", "Press y"),
        ]
        for key, expected in steps:
            await press(pilot, key)
            assert expected in banner(screen), key
        await press(pilot, "y", "escape")
        assert "That was it" in banner(screen)
        await press(pilot, "comma")
        assert banner(screen) == ""


async def test_a_cancelled_one_says_so() -> None:
    stage = Stage()
    store = MemoryExecutionEventStore()
    engine = Engine(store, actions=order_actions(stage), clock=stage.clock, ids=SequentialIds())

    async def work() -> Any:
        task = asyncio.ensure_future(engine.run(order_workflow()))
        await stage.takes(1.0)
        engine.cancel_all("ann", "enough")
        return await task

    result = await stage.play(work())
    app = ExecutionApp(store, result.id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "⊘ CANCELLED" in header(screen)
        await settle(pilot)
        assert "by ann  enough" in text_of(screen.panes.events)
        assert "⊘" in text_of(screen.panes.timeline.rows)


# Waiting


async def test_what_waits_counts_down_in_the_header_once_a_second() -> None:
    found = await waiting_for_approval()
    app = ExecutionApp(found.store, found.id, seconds=1080.0)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "◔ WAITING   signal approve · until 10:14:02 (in 42m)  nobody drives it" in header(screen)
        assert header(screen).endswith("○ at rest")
        app.seconds = 3590.0
        screen._tick()
        assert "(in 10s)" in header(screen)
        assert [clock._active.is_set() for clock in screen._clocks] == [False, True]
        await found.engine.cancel(found.id, by="ann", reason="enough")
        await settle(pilot, lambda: "CANCELLED" in header(screen))
        assert [clock._active.is_set() for clock in screen._clocks] == [False, False]


@pytest.mark.parametrize("width", [60, 80])
async def test_in_narrow_headers_the_reason_and_the_countdown_stay(width: int) -> None:
    found = await waiting_for_approval()
    app = ExecutionApp(found.store, found.id, seconds=1080.0)
    async with app.run_test(size=(width, 24)) as pilot:
        screen = await opened(pilot)
        assert "signal approve" in header(screen)
        assert "(in 42m)" in header(screen)


async def test_a_waiting_one_that_goes_on_is_followed() -> None:
    found = await waiting_for_approval()
    app = ExecutionApp(found.store, found.id, seconds=30.0)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await found.engine.signal(found.id, "approve", 1)
        await found.engine.recover(found.id)
        await settle(pilot, lambda: "COMPLETED" in header(screen))
        assert screen.sequence == len(await found.store.get_event_history(found.id))


async def test_a_child_names_its_parent_and_ids_can_be_copied() -> None:
    found = await ran(PARENT, linger=0, others=[APPROVAL])
    (child,) = [summary for summary in await found.store.list_executions() if summary.id != found.id]
    app = ExecutionApp(found.store, child.id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "child of …00001" in header(screen)
        assert screen.history is not None
        held = {offer.what: offer.text for offer in offers(Here(child.id, screen.history, 1))}
        assert held["parent id"] == found.id
    history = await history_of(found.store, found.id)
    assert {offer.what: offer.text for offer in offers(Here(found.id, history, 3))}["child id"] == child.id
