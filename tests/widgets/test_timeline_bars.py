"""What rows of the timeline look like."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dive_tui.app.glyphs import ASCII, UNICODE
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.bars import draw_plot, levels, throughput
from engine.model.events import ExecutionEvent
from tests.screens.histories import (
    HOSTILE,
    Writer,
    completed_order,
    failed_order,
    history_of,
    long_each,
    long_loop,
)
from tests.widgets.samples import arranged, drawing_of, label_of, outlined, plot_of, two_steps_with_a_gap


def plots(events: list[ExecutionEvent], **options: Any) -> list[str]:
    history, outline = outlined(events)
    rows, drawing = arranged(history, outline), drawing_of(outline, **options)
    return [plot_of(rows[index], drawing) for index in range(len(rows))]


def labels(events: list[ExecutionEvent], cells: int = 24, **options: Any) -> list[str]:
    history, outline = outlined(events)
    rows, drawing = arranged(history, outline), drawing_of(outline, **options)
    return [label_of(rows[index], drawing, cells).rstrip() for index in range(len(rows))]


async def order_plots(**options: Any) -> list[str]:
    history = await history_of(*await failed_order())
    return plots(list(history), width=50, words=16, **options)


def one_step(status: str = "") -> Writer:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=0)
    if status == "failed":
        writer.fail("main", "Work", "no", at=4)
    elif status == "cancelled":
        writer.add("path_cancelled", "main", data={"final_step": "Work"}, at=4)
        writer.add("execution_cancelled", data={"by": "ann", "reason": "enough"}, at=4)
    return writer


async def test_a_failed_step_says_what_failed_behind_its_bar() -> None:
    rows = await order_plots()
    assert rows[4] == "               ███████████████████✗ CardDeclined  "
    assert rows[6].rstrip() == "               ██████████▎"
    assert rows[9].rstrip().endswith("█⊘")


async def test_a_path_ends_with_its_status() -> None:
    rows = await order_plots()
    assert [rows[index].strip(" █▏▎▍▌▋▊▉┄") for index in (0, 3, 5, 8)] == ["✓", "✗", "⊘", "⊘"]


def test_words_without_room_behind_the_bar_stand_before_it() -> None:
    writer = Writer()
    writer.begin(["First", "Work"])
    writer.start("main", "First", at=0)
    writer.complete("main", "First", at=9, to="Work")
    writer.start("main", "Work", at=9)
    writer.fail("main", "Work", "no", at=10)
    row = plots(writer.events, width=40, words=2)[2]
    assert row.rstrip().endswith("✗")
    assert "✗ TestError ██" in row


def test_what_runs_reaches_to_now() -> None:
    events = one_step().events
    assert plots(events, width=20, words=2, end=9, now=4.5)[1] == "█████████●          "
    assert plots(events, width=20, words=2, end=9, now=6)[1].startswith("████████████●")


def test_what_its_runner_left_ends_with_the_last_event() -> None:
    writer = one_step()
    writer.add("note", "main", at=3)
    assert plots(writer.events, width=20, words=2)[1].rstrip().endswith("█◌")


def test_a_cancelled_step_ends_with_its_path() -> None:
    assert plots(one_step("cancelled").events, width=20, words=4)[1] == "████████████████⊘   "


def test_earlier_attempts_end_with_a_mark_each() -> None:
    writer = Writer()
    writer.begin()
    for attempt, at in ((1, 0.0), (2, 4.0)):
        writer.start("main", "Work", at=at, attempt=attempt)
        failed = {"visit": 1, "attempt": attempt, "phase": "run", "error": "E", "error_type": "E", "outcome": "known"}
        writer.add("step_failed", "main", "Work", {**failed, "retry": {"policy": 0}}, at=at + 2)
        writer.add(
            "step_retry_scheduled",
            "main",
            "Work",
            {
                "visit": 1,
                "attempt": attempt + 1,
                "policy": 0,
                "delay_ms": 2000,
                "due_at": "2026-03-01T09:14:10.000000Z",
            },
            at=at + 2,
        )
    writer.start("main", "Work", at=8.0, attempt=3)
    history, outline = outlined(writer.events)
    rows = arranged(history, outline)
    assert plot_of(rows[1], drawing_of(outline, 30, words=6, now=10, end=12)).count("✗") == 2
    assert label_of(rows[1], drawing_of(outline, 30, now=10)).rstrip().endswith("3 tries")


def test_a_failure_shows_though_others_share_its_cell() -> None:
    history, outline = outlined(long_each(20_007, fails=False))
    rows = arranged(history, outline)
    drawing = drawing_of(outline, 40, words=4)
    middle = outline.sequence_at(outline.duration / 2)
    assert "✗" not in plot_of(rows[2], drawing)
    outline.step_failures["main", "Measure"] = [middle]
    outline.path_failures["main"] = [middle]
    assert "✗" in plot_of(rows[2], drawing)[17:19]
    rows.toggle("main")
    assert "✗" in plot_of(rows[0], drawing)[17:19]


def test_a_failed_item_stands_at_the_end_of_its_step() -> None:
    row = plots(long_each(2_007), width=40, words=16)[2]
    assert row.rstrip().endswith("█✗ TestError")
    assert row.count("✗") == 1


def test_idle_time_on_a_path_is_dotted_and_long_gaps_are_broken() -> None:
    path, first, second = plots(two_steps_with_a_gap(), width=48, words=4)
    assert "┊┄" in path
    assert first.count("┊") == 2
    assert second.count("┊") >= 1
    assert first.index("█") < first.index("┊") < second.index("█")


async def test_without_colours_and_in_ascii_rows_keep_their_width_and_meaning() -> None:
    for row in await order_plots(glyphs=ASCII, no_color=True):
        assert row.isascii()
        assert cell_len(row) == 50
    rows = await order_plots(glyphs=ASCII)
    assert "x CardDeclined" in rows[4]


def test_labels_say_how_long_how_many_or_how_far() -> None:
    assert labels(two_steps_with_a_gap()) == ["▾ main", "  One             1.0s", "  Two             1.0s"]
    assert labels(long_loop(2002))[1:] == ["  Poll      500 visits", "  Handle    500 visits"]
    assert labels(long_each(1007), 26)[2].endswith("500/500 items")
    assert labels(long_each(1007)[:500], 26, now=3.0)[2].endswith("247/500 items")


def test_a_name_matters_more_than_the_fact_beside_it() -> None:
    assert labels(long_each(1007), 20)[2] == "  Measure  500/500"
    assert labels(long_each(1007), 14)[2] == "  Measure"
    assert labels(two_steps_with_a_gap(), 8)[1] == "  One"


async def test_a_folded_path_counts_its_steps() -> None:
    history = await history_of(*await completed_order())
    outline = Outline(history)
    outline.catch_up()
    rows = arranged(history, outline, room=3)
    assert label_of(rows[0], drawing_of(outline)).split() == ["▸", "main", "2", "steps"]
    assert "█" in plot_of(rows[0], drawing_of(outline))


def test_hostile_names_become_safe_and_keep_the_width() -> None:
    writer = Writer()
    writer.begin([HOSTILE])
    writer.start("main", HOSTILE, at=0)
    writer.fail("main", HOSTILE, "no", at=1, error_type=HOSTILE)
    history, outline = outlined(writer.events)
    rows = arranged(history, outline)
    for glyphs in (UNICODE, ASCII):
        for index in range(len(rows)):
            drawing = drawing_of(outline, 70, words=40, glyphs=glyphs)
            text = label_of(rows[index], drawing, 30) + plot_of(rows[index], drawing)
            assert text.isprintable()
            assert cell_len(text) == 100


class Counting(Outline):
    """An outline that counts how often it is asked for a time."""

    asked = 0

    def seconds(self, sequence: int) -> float:
        """The time, and one more question."""
        self.asked += 1
        return super().seconds(sequence)


@pytest.mark.parametrize("make", [long_each, long_loop])
def test_what_a_row_costs_depends_on_its_width(make: Any) -> None:
    asked = {}
    for size in (2_000, 32_000):
        history, _ = outlined(make(size))
        outline = Counting(history)
        outline.catch_up()
        rows, drawing = arranged(history, outline), drawing_of(outline, 80)
        outline.asked = 0
        for index in range(len(rows)):
            draw_plot(rows[index], drawing)
        asked[size] = outline.asked
    assert asked[32_000] < asked[2_000] * 2.5


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_heights_keep_the_order_and_show_all_there_is(amounts: list[float]) -> None:
    made = levels(amounts)
    for one, level in zip(amounts, made, strict=True):
        assert 0 <= level <= 8
        assert bool(level) == (one > 0)
        for other, higher in zip(amounts, made, strict=True):
            assert other <= one or level <= higher


def test_steady_work_has_one_height() -> None:
    assert levels([10.0, 9.6, 10.4, 10.0]) == [8, 8, 8, 8]
    assert levels([]) == []
    assert levels([0, 5, 0]) == [0, 8, 0]


def test_throughput_counts_parts() -> None:
    history, outline = outlined(two_steps_with_a_gap())
    units = history.index.paths["main"].units
    done = throughput(units, [0, 0.5, 1, 5, 9, 9.25, 10], drawing_of(outline))
    assert done == pytest.approx([0.5, 0.5, 0, 0, 0.25, 0.75])
