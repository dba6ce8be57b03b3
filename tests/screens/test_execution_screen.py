"""The execution screen: where it opens, how the cursor moves everything, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from dive_tui.app.themes import HIGH_CONTRAST, LIGHT
from dive_tui.screens.execution import ExecutionScreen
from dive_tui.screens.execution_panes import PaneName
from dive_tui.widgets.copy_menu import CopyMenu
from dive_tui.widgets.parts import Banner, HeaderLine
from dive_tui.widgets.scrubber import Scrubber
from engine.model.events import ExecutionEvent
from engine.store import DamagedHistoryError, StoreError
from stores.memory import MemoryExecutionEventStore
from tests.screens.execution_app import ExecutionApp, lines_of, opened, settle, text_of
from tests.screens.histories import (
    Playback,
    Stage,
    Writer,
    completed_order,
    failed_order,
    long_each,
    order_actions,
    order_workflow,
    run,
)

WIDE = (140, 40)


async def failed(sequence: int | None = None, **options: Any) -> ExecutionApp:
    return ExecutionApp(*await failed_order(), sequence, **options)


async def playback() -> Playback:
    store, execution_id = await completed_order()
    return Playback(await store.get_event_history(execution_id))


def header(screen: ExecutionScreen) -> str:
    return text_of(screen.query_one(HeaderLine)).strip()


def banner(screen: ExecutionScreen) -> str:
    line = screen.query_one(Banner)
    return text_of(line).strip() if line.display else ""


def titles(screen: ExecutionScreen) -> list[str]:
    return [pane._title or "|".join(pane._tabs) for pane in screen.panes._frames.values()]


def said(app: ExecutionApp) -> str:
    return list(app._notifications)[-1].message if len(app._notifications) else ""


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


# Where it opens


async def test_a_failed_one_opens_at_the_failure_that_ended_it() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert screen.sequence == 23
        assert screen.panes.current is PaneName.EVENTS
        await settle(pilot)
        assert "CardDeclined: insufficient funds (402)" in text_of(screen.panes.inspector.event)
        assert header(screen).split() == [
            "order",
            "…00001",
            "✗",
            "FAILED",
            "Charge",
            "Card",
            "·",
            "CardDeclined:",
            "insufficient",
            "funds",
            "(402)",
            "09:14:02",
            "UTC",
            "·",
            "3.0s",
            "23/27",
            "■",
            "ended",
        ]
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
            await asyncio_forever()

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


async def asyncio_forever() -> None:
    import asyncio

    await asyncio.Event().wait()


async def test_a_long_history_says_how_far_it_is() -> None:
    from dive_tui.feeds.messages import HistoryProgress

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


async def shown(events: list[ExecutionEvent], **options: Any) -> ExecutionApp:
    store = MemoryExecutionEventStore()
    await store.append_events(events)
    return ExecutionApp(store, events[0].execution_id, **options)


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
        timeline = screen.panes.timeline
        await press(pilot, "plus")
        assert timeline.zoomed
        await press(pilot, "0")
        assert not timeline.zoomed
        await press(pilot, "plus", "minus")
        assert not timeline.zoomed
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
    monkeypatch.setattr("dive_tui.screens.execution.copy", lambda app, text, what: copied.append((what, text)))
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "y")
        assert isinstance(app.screen, CopyMenu)
        await press(pilot, "y")
        await press(pilot, "y", "down", "enter")
        await press(pilot, "y", "G", "enter")
        await press(pilot, "y", "q")
        assert [what for what, _ in copied] == ["event 23", "execution id", "command"]
        assert copied[0][1].startswith('{"id":"event_0000000000000000000000000q","execution_id":"exec_')
        assert '"error_type":"CardDeclined"' in copied[0][1]
        assert copied[1][1] == "exec_00000000000000000000000001"
        assert copied[2][1] == "dive-tui open exec_00000000000000000000000001@23"


async def test_help_lists_what_the_screen_does() -> None:
    app = await failed()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "1", "question_mark")
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
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
            for strip in app.screen._compositor.render_strips():
                assert strip.text.isascii(), strip.text


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
    monkeypatch.setattr("dive_tui.feeds.history.RETRY", 0.01)
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
        assert "Everything before that is shown." in banner(screen)


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
    play = await failed_playback()
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


async def failed_playback() -> Playback:
    store, execution_id = await failed_order()
    return Playback(await store.get_event_history(execution_id))


async def test_a_cancelled_one_says_so() -> None:
    stage = Stage()
    from engine.lifecycle.engine import Engine
    from engine.testing.ports import SequentialIds

    store = MemoryExecutionEventStore()
    engine = Engine(store, actions=order_actions(stage), clock=stage.clock, ids=SequentialIds())

    async def work() -> Any:
        import asyncio

        task = asyncio.ensure_future(engine.run(order_workflow()))
        await stage.takes(1.0)
        engine.cancel("ann", "enough")
        return await task

    result = await stage.play(work())
    app = ExecutionApp(store, result.id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "⊘ CANCELLED" in header(screen)
        await settle(pilot)
        assert "by ann  enough" in text_of(screen.panes.events)
        assert "⊘" in text_of(screen.panes.timeline.rows)


async def test_runs_made_by_the_engine_can_be_used_by_other_tests() -> None:
    stage = Stage()
    store, execution_id = await run(order_workflow(1.0), order_actions(stage), stage)
    summary = await store.get_summary(execution_id)
    assert summary is not None
    assert summary.status == "completed"
