"""Waits, attempts, joins and signals on the timeline and the scrubber."""

from __future__ import annotations

from typing import Any

import pytest

from dive_tui.app.glyphs import ASCII
from dive_tui.widgets.scrubber import Scrubber
from dive_tui.widgets.timeline.scale import make_scale, mark_columns
from dive_tui.widgets.timeline.timeline import Timeline
from engine.model.events import ExecutionEvent
from tests.screens.execution_app import lines_of, settle
from tests.screens.histories import HOSTILE, Writer
from tests.screens.waiting_histories import MEETING, Ran, flaky, ran, waiting_for_approval
from tests.widgets.hosting import Host
from tests.widgets.samples import arranged, drawing_of, label_of, outlined, plot_of


def drawn(events: list[ExecutionEvent], **options: Any) -> list[str]:
    """Every row: its label and its plot."""
    history, outline = outlined(events)
    rows, drawing = arranged(history, outline), drawing_of(outline, **options)
    return [
        f"{label_of(rows[at], drawing).rstrip()} | {plot_of(rows[at], drawing).rstrip()}" for at in range(len(rows))
    ]


async def drawn_of(found: Ran, **options: Any) -> list[str]:
    return drawn(list(await found.store.get_event_history(found.id)), **options)


async def test_an_open_wait_says_its_reason_inside_and_counts_down_beside() -> None:
    rows = await drawn_of(await waiting_for_approval(), width=80, now=600)
    assert "Wait for OK   in 50m | ░░░ waiting: signal approve ░░░" in rows[2]
    assert rows[2].endswith("░◔")
    assert rows[0].endswith("░◔")


async def test_a_wait_without_room_says_its_reason_behind() -> None:
    rows = await drawn_of(await waiting_for_approval(), width=44, words=24, end=4000, now=600)
    assert rows[2].endswith("░◔ waiting: signal approve")


async def test_in_ascii_a_wait_is_drawn_and_said_too() -> None:
    rows = await drawn_of(await waiting_for_approval(), width=80, now=600, glyphs=ASCII)
    assert "::: waiting: signal approve :::" in rows[2]
    assert rows[2].isascii()


async def test_every_attempt_is_drawn_with_the_delay_after_it() -> None:
    rows = await drawn_of(await ran(flaky(2)), width=80)
    assert rows[1].startswith("  Charge       3 tries |")
    assert rows[1].count("✗ in 8.0s") == 2
    assert rows[1].endswith("█")
    assert rows[0].count("┄") > 10, "the path itself stands still meanwhile"


async def test_without_colours_a_failed_attempt_and_a_wait_have_patterns() -> None:
    assert "▒" in (await drawn_of(await ran(flaky(1)), width=80, no_color=True))[1]
    assert "░" in (await drawn_of(await waiting_for_approval(), width=80, now=60, no_color=True))[2]


async def test_between_two_tries_it_says_when_the_next_one_comes() -> None:
    found = await ran(flaky(1))
    events = list(await found.store.get_event_history(found.id))[:5]
    row = drawn(events, width=60, words=20, now=4.0)[1]
    assert "Charge         in 5s" in row
    assert row.endswith("↻ retry in 8.0s")
    assert "✗" in row
    assert drawn(events, width=60, words=20, now=4.0)[0].rstrip().endswith("┄↻")


def test_an_attempt_whose_process_died_is_marked_otherwise() -> None:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=0)
    died = {"visit": 1, "attempt": 1, "error": "died", "error_type": "Interrupted", "outcome": "unknown", "retry": True}
    writer.add("execution_recovered", data={"by": "ann", "reason": "died"}, at=4)
    writer.add("step_failed", "main", "Work", {**died, "phase": "run"}, at=4)
    writer.start("main", "Work", at=5, attempt=2)
    writer.complete("main", "Work", at=9, attempt=2)
    row = drawn(writer.events, width=40)[1]
    assert "◌" in row
    assert "✗" not in row


async def test_paths_say_where_they_meet_and_which_goes_on() -> None:
    rows = await drawn_of(await ran(MEETING), width=80)
    assert rows[2].startswith("▾ left")
    assert "✓ → Meet" in rows[2]
    assert "✓ → Meet" in rows[4]
    assert rows[6].startswith("▾ main~2             ┬ |")


async def test_folding_idle_time_hides_no_words_of_a_wait() -> None:
    writer = Writer()
    writer.begin(["Ask", "Work"])
    writer.start("main", "Ask", at=0)
    wait = {"visit": 1, "for": "signal", "topic": "approve"}
    writer.add("step_waiting", "main", "Ask", wait, at=0.1)
    writer.complete("main", "Ask", at=100_000, to="Work")
    writer.start("main", "Work", at=100_000)
    writer.complete("main", "Work", at=100_001)
    history, outline = outlined(writer.events)
    drawing = drawing_of(outline, 60)
    assert [gap.label for gap in drawing.scale.gaps] == ["┊ 1d04 idle ┊"]
    assert "signal approve" in plot_of(arranged(history, outline)[1], drawing)


def test_items_count_those_that_ended_and_say_how_many_tries_they_took() -> None:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=0, items=[1, 2, 3])
    item: dict[str, Any] = {"iteration": {"index": 0}}
    writer.start("main", "Work", at=0, **item)
    failure = {"visit": 1, "attempt": 1, "phase": "run", "error": "no", "error_type": "X", "outcome": "known"}
    writer.add("step_failed", "main", "Work", {**failure, "retry": True, **item}, at=1)
    due = {"visit": 1, "attempt": 2, "policy": 0, "delay_ms": 1000.0, "due_at": "2026-03-01T09:14:04.000000Z"}
    writer.add("step_retry_scheduled", "main", "Work", {**due, **item}, at=1)
    writer.start("main", "Work", at=2, attempt=2, **item)
    writer.complete("main", "Work", at=3, attempt=2, **item)
    second: dict[str, Any] = {"iteration": {"index": 1}}
    writer.start("main", "Work", at=3, **second)
    writer.add("step_failed", "main", "Work", {**failure, "final": True, "collected": True, **second}, at=4)
    history, outline = outlined(writer.events)
    assert outline.items_done(history.index.paths["main"].units[0]) == 2
    row = label_of(arranged(history, outline)[1], drawing_of(outline, now=5), 40)
    assert row.rstrip().endswith("2/3 items, 3 tries")


def received(topic: str, at: float, writer: Writer) -> None:
    told = {"signal_id": "signal_1", "ordinal": 1, "signal_type": topic, "data": None, "sent_at": "x"}
    writer.add("signal_received", data=told, at=at)


def test_many_marks_cost_what_there_are_of_cells() -> None:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=0)
    for number in range(5000):
        received("tick", number / 100, writer)
    _, outline = outlined(writer.events)
    scale = make_scale(drawing_of(outline).scale.window, 40)
    assert [column for column, _ in mark_columns(scale, outline, 40)] == list(range(40))


async def test_signals_stand_on_axis_and_scrubber() -> None:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=0)
    received("approve", 5, writer)
    writer.complete("main", "Work", at=10)
    history, outline = outlined(writer.events)
    scrubber, timeline = Scrubber(), Timeline()
    async with Host(scrubber).run_test(size=(80, 6)) as pilot:
        scrubber.show(history, outline)
        await settle(pilot)
        assert "◆" in lines_of(scrubber)[0]
    async with Host(timeline).run_test(size=(80, 8)) as pilot:
        timeline.show(history, outline, live=False, now=10)
        await settle(pilot)
        assert "◆" in lines_of(timeline.query_one("TimelineAxis"))[0]


async def test_no_tick_of_the_axis_is_cut_by_a_folded_gap() -> None:
    found = await ran(flaky(2))
    history, outline = outlined(list(await found.store.get_event_history(found.id)))
    timeline = Timeline()
    async with Host(timeline).run_test(size=(118, 8)) as pilot:
        timeline.show(history, outline, live=False, now=19)
        await settle(pilot)
        axis = lines_of(timeline.query_one("TimelineAxis"))[0]
        assert axis.count("8.0s idle") == 2
        assert "┊s" not in axis
        assert "┊8s" not in axis


async def test_a_countdown_goes_on_though_the_front_stays_in_its_cell() -> None:
    found = await waiting_for_approval()
    history, outline = outlined(list(await found.store.get_event_history(found.id)))
    timeline = Timeline()
    async with Host(timeline).run_test(size=(100, 8)) as pilot:
        timeline.show(history, outline, live=True, now=3500)
        timeline.set_cursor(len(history))
        await settle(pilot)
        assert "in 1m40" in lines_of(timeline.rows)[2]
        timeline.tick(3501.0)
        assert "in 1m39" in lines_of(timeline.rows)[2]


@pytest.mark.parametrize("width", [12, 40, 120])
def test_hostile_topics_are_safe(width: int) -> None:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=0)
    writer.add("step_waiting", "main", "Work", {"visit": 1, "for": "signal", "topic": HOSTILE * 9}, at=0.1)
    for row in drawn(writer.events, width=width, words=4, now=9):
        assert row.isprintable()
