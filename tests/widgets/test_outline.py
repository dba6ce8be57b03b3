"""What is derived from a history: times, gaps, steps and failures."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dive_tui.widgets.outline import MOST_GAPS, Outline, unit_of
from engine.replay.history import History
from tests.screens.histories import Writer, failed_order, history_of, long_loop
from tests.screens.waiting_histories import MEETING, flaky, ran, waiting_for_approval
from tests.widgets.samples import outlined, two_steps_with_a_gap


async def order() -> tuple[History, Outline]:
    history = await history_of(*await failed_order())
    outline = Outline(history)
    outline.catch_up()
    return history, outline


async def test_times_count_from_the_first_event() -> None:
    history, outline = await order()
    assert len(outline) == len(history) == 27
    assert outline.seconds(1) == 0
    assert outline.seconds(4) == pytest.approx(0.04)
    assert outline.duration == outline.seconds(27) == pytest.approx(2.95)
    assert outline.started == pytest.approx(history.event(1).time.timestamp())
    assert outline.seconds(0) == 0
    assert outline.seconds(999) == outline.duration


async def test_a_moment_leads_to_the_last_event_by_then() -> None:
    _, outline = await order()
    assert outline.sequence_at(-5) == 1
    assert outline.sequence_at(0.041) == 6
    assert outline.sequence_at(1e9) == 27
    assert outline.count_before(0.04) == 3


@given(st.lists(st.sampled_from([-3600.0, -0.5, 0.0, 0.001, 59.9, 61.0, 86400.0]), min_size=1, max_size=40))
def test_times_never_decrease_even_when_clocks_do(moves: list[float]) -> None:
    writer, at = Writer(), 0.0
    writer.begin()
    for move in moves:
        at += move
        writer.add("note", "main", at=at)
    _, outline = outlined(writer.events)
    seconds = [outline.seconds(event.sequence) for event in writer.events]
    assert all(one <= two for one, two in pairwise(seconds))


def test_a_time_that_cannot_be_read_counts_as_that_before() -> None:
    writer = Writer()
    writer.begin()
    writer.add("note", "main", at=2.0)
    writer.events.append(writer.events[-1]._replace(sequence=4, timestamp="yesterday"))
    writer.events.append(writer.events[-1]._replace(sequence=5, timestamp="2026-03-01T10:14:07.000000+01:00"))
    _, outline = outlined(writer.events)
    assert [outline.seconds(sequence) for sequence in (3, 4, 5)] == [2.0, 2.0, pytest.approx(5.0)]


def test_idle_is_when_no_attempt_runs() -> None:
    _, outline = outlined(two_steps_with_a_gap())
    (gap,) = outline.idle()
    assert gap[:2] == pytest.approx((1.0, 9.0))
    assert gap.length == pytest.approx(8.0)
    assert list(outline.idle(2.0, 3.0)) == [gap]
    assert list(outline.idle(0.2, 0.9)) == list(outline.idle(9.0, 9.9)) == []


def test_of_very_many_gaps_the_longest_are_looked_at() -> None:
    writer = Writer()
    writer.begin()
    for number in range(400):
        writer.add("note", "main", at=number + (0.5 if number == 77 else 0))
    _, outline = outlined(writer.events)
    gaps = outline.idle()
    assert len(gaps) == MOST_GAPS
    assert list(gaps) == sorted(gaps)
    assert max(gap.length for gap in gaps) == pytest.approx(1.5)
    assert len(outline.idle(10, 200)) == 190


async def test_while_another_path_works_nothing_is_idle() -> None:
    _, outline = await order()
    assert outline.idle() == []


async def test_steps_begin_and_end_where_their_units_do() -> None:
    history, outline = await order()
    bounds = list(outline.step_bounds)
    assert bounds == [3, 4, 5, 12, 18, 19, 20, 21, 22, 23]
    assert [history.event(sequence).step_name for sequence in (5, 12)] == ["Reserve Stock"] * 2
    assert (outline.previous_step(3), outline.next_step(3)) == (None, 4)
    assert (outline.previous_step(8), outline.next_step(8)) == (5, 12)
    assert (outline.previous_step(27), outline.next_step(23)) == (23, None)


async def test_paths_are_numbered_as_they_start() -> None:
    _, outline = await order()
    numbers = {name: outline.path_number(name) for name in ("main", "payment", "notify", "warehouse", "nobody")}
    assert numbers == {"main": 0, "payment": 1, "notify": 2, "warehouse": 3, "nobody": 0}


async def test_an_event_belongs_to_the_latest_unit_of_its_step() -> None:
    history, _ = await order()
    units = {event.sequence: unit_of(history.index, event) for event in history}
    steps = {sequence: unit.step for sequence, unit in units.items() if unit is not None}
    assert [steps.get(sequence, "") for sequence in (1, 2, 4, 13, 14, 23, 24, 25, 26, 27)] == [
        "", "", "Validate", "Reserve Stock", "", "Charge Card", "", "Pack", "Archive", "",
    ]  # fmt: skip


def test_an_event_with_senseless_data_belongs_to_no_unit() -> None:
    history, _ = outlined(long_loop(10))
    for unit in ("Poll", 5, None, ["step"]):
        event = history.event(3)._replace(step_name="", event_type="path_cancelled", data={"unit": unit})
        assert unit_of(history.index, event) is None


def test_of_many_visits_the_right_one_is_found() -> None:
    history, outline = outlined(long_loop(400))
    for event in history:
        unit = unit_of(history.index, event)
        if event.step_name:
            assert unit is not None
            assert (unit.step, unit.visit) == (event.step_name, event.data["visit"])
    polls, handles = outline.visits("main")
    assert [unit.visit for unit in polls] == list(range(1, 101))
    assert {unit.step for unit in handles} == {"Handle"}
    assert outline.step_place("main", "Handle") == 1


def test_visits_grow_with_the_history() -> None:
    events = long_loop(40)
    history = History(events[0].execution_id, events[:10])
    outline = Outline(history)
    outline.catch_up()
    assert [len(visits) for visits in outline.visits("main")] == [2, 2]
    history.extend(events[10:])
    outline.catch_up()
    assert [len(visits) for visits in outline.visits("main")] == [10, 9]


def test_failures_of_a_unit_are_those_of_its_items_but_not_its_end() -> None:
    writer = Writer()
    writer.begin(["Each"])
    writer.start("main", "Each", at=0, items=[1, 2, 3])
    for index in range(3):
        writer.start("main", "Each", at=index, iteration={"index": index})
        data = {"visit": 1, "attempt": 1, "error": "no", "error_type": "No", "iteration": {"index": index}}
        writer.add("step_failed", "main", "Each", data, at=index + 0.5)
    history, outline = outlined(writer.events)
    unit = history.index.paths["main"].units[0]
    failures = outline.step_failures["main", "Each"]
    assert list(failures) == [5, 7, 9]
    assert unit.ended_seq is not None
    assert list(outline.unit_failures(unit)) == [sequence for sequence in failures if sequence < unit.ended_seq]


async def test_waits_and_delays_are_idle_but_what_works_beside_them_is_not() -> None:
    flaky_run = await ran(flaky(1))
    _, outline = outlined(await flaky_run.store.get_event_history(flaky_run.id))
    assert [gap[:2] for gap in outline.idle()] == [pytest.approx((1.0, 9.0))]
    meeting = await ran(MEETING)
    _, outline = outlined(await meeting.store.get_event_history(meeting.id))
    assert [gap[:2] for gap in outline.idle()] == [(0.0, 2.0), (2.0, 4.0), (4.0, 5.0)]
    writer = Writer()
    writer.begin(["Nap"])
    writer.add("path_started", "other", data={"current_step": "Work", "parent": "main"})
    writer.start("main", "Nap", at=0)
    writer.start("other", "Work", at=0)
    writer.add("step_waiting", "main", "Nap", {"visit": 1, "for": "sleep"}, at=1)
    writer.complete("main", "Nap", at=5)
    assert outlined(writer.events)[1].idle() == []


async def test_the_time_since_the_last_event_is_idle_while_only_waits_are_open() -> None:
    approval = await waiting_for_approval()
    _, outline = outlined(await approval.store.get_event_history(approval.id))
    assert outline.idle() == []
    assert outline.idle(until=60.0) == [(0.0, 60.0, True)]
    _, working = outlined(long_loop(7)[:5])
    assert working.idle(until=60.0) == []


async def test_marks_are_signals_pauses_and_recoveries() -> None:
    writer = Writer()
    writer.begin()
    received = {"signal_id": "signal_1", "ordinal": 1, "data": None, "sent_at": "2026-03-01T09:14:02Z"}
    writer.add("signal_received", data={**received, "signal_type": "approve"})
    writer.add("signal_received", data={**received, "ordinal": 2, "signal_type": "$pause"})
    writer.add("execution_paused", data={"by": "ann", "reason": ""})
    writer.add("execution_resumed", data={"by": "ann", "reason": ""})
    writer.add("execution_recovered", data={"by": "ann", "reason": "died"})
    _, outline = outlined(writer.events)
    assert [mark[:2] for mark in outline.marks] == [(3, "signal"), (5, "paused"), (6, "started"), (7, "retry")]


async def test_paths_that_meet_say_where_and_who() -> None:
    meeting = await ran(MEETING)
    _, outline = outlined(await meeting.store.get_event_history(meeting.id))
    assert outline.path_ends == {"left": "Meet", "right": "Meet"}
    assert outline.path_origins == {"main~2": "left, right"}
