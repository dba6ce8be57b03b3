"""The map from time to column, the folding of idle gaps, and the axis."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dive_tui.widgets.outline import Gap
from dive_tui.widgets.timeline.scale import (
    FOLDED_SHARE,
    IDLE_SHARE,
    SHORTEST_WINDOW,
    TICK_CELLS,
    TimeScale,
    Window,
    live_extent,
    long_gaps,
    make_scale,
    tick_label,
    tick_step,
    ticks,
)

lengths = st.floats(1e-3, 1e5, allow_nan=False)
widths = st.integers(1, 300)


@st.composite
def gap_lists(draw: st.DrawFn) -> tuple[Window, list[Gap]]:
    """A window, and gaps in order that may stick out of it or touch each other."""
    pieces = draw(st.lists(st.tuples(lengths, st.booleans()), min_size=1, max_size=30))
    gaps, at = [], 0.0
    for length, idle in pieces:
        if idle:
            gaps.append(Gap(at, at + length))
        at += length
    start = draw(st.floats(0, at / 2))
    return Window(start, draw(st.floats(start + at / 4, at))), gaps


@given(gap_lists(), widths)
def test_later_times_are_never_further_left(drawn: tuple[Window, list[Gap]], width: int) -> None:
    window, gaps = drawn
    scale = make_scale(window, width, gaps)
    moments = [window.start + window.length * share / 64 for share in range(65)]
    moments += [edge for gap in scale.gaps for edge in (gap.start, gap.end)]
    columns = [scale.column(moment) for moment in sorted(moments)]
    assert columns == sorted(columns)
    assert columns[0] == 0
    assert columns[-1] == pytest.approx(width)
    assert scale.column(window.start - 1) < 0
    assert scale.column(window.end + 1) > width


@given(gap_lists(), widths, st.floats(0, 1))
def test_a_column_leads_back_to_its_time(drawn: tuple[Window, list[Gap]], width: int, share: float) -> None:
    window, gaps = drawn
    scale = make_scale(window, width, gaps)
    column = share * width
    assert scale.column(scale.seconds(column)) == pytest.approx(column, abs=1e-5)


@given(gap_lists())
def test_folding_ends_where_no_gap_left_is_long_and_all_folded_ones_are(drawn: tuple[Window, list[Gap]]) -> None:
    window, gaps = drawn
    folded = long_gaps(gaps, window)
    shown = window.length - sum(gap.length for gap in folded)
    clipped = [Gap(max(g.start, window.start), min(g.end, window.end)) for g in gaps]
    for gap in (gap for gap in clipped if gap.length > 0):
        if gap in folded:
            assert gap.length > shown * IDLE_SHARE * (1 - 1e-9)
        else:
            assert gap.length <= shown * IDLE_SHARE * (1 + 1e-9) or shown - gap.length <= window.length * 1e-6
    assert folded == sorted(folded)


@given(gap_lists(), widths)
def test_folded_gaps_take_few_columns_and_leave_the_rest_to_what_happened(
    drawn: tuple[Window, list[Gap]], width: int
) -> None:
    window, gaps = drawn
    scale = make_scale(window, width, gaps)
    assert sum(gap.cells for gap in scale.gaps) <= width * FOLDED_SHARE
    for gap in scale.gaps:
        assert scale.column(gap.end) - scale.column(gap.start) == pytest.approx(gap.cells)
        assert len(gap.label) <= gap.cells


def test_a_gap_is_labelled_with_its_length() -> None:
    scale = make_scale(Window(0, 12.4), 90, [Gap(2.0, 10.1)])
    (gap,) = scale.gaps
    assert gap.label == "┊ 8.1s idle ┊"
    assert scale.column(10.1) - scale.column(2.0) == len(gap.label)


def test_where_there_is_little_room_a_gap_is_a_mere_break() -> None:
    assert make_scale(Window(0, 12.4), 25, [Gap(2.0, 10.1)]).gaps[0].label == "┊ 8.1s ┊"
    assert make_scale(Window(0, 12.4), 10, [Gap(2.0, 10.1)]).gaps[0].label == "┊┊"
    assert make_scale(Window(0, 12.4), 2, [Gap(2.0, 10.1)]).gaps == ()


def test_a_gap_that_becomes_long_once_another_is_folded_is_folded_too() -> None:
    # 9 s are less than a tenth of 111 s, but more than a tenth of the 11 s left without the first gap.
    gaps = [Gap(1.0, 101.0), Gap(101.5, 110.5)]
    assert long_gaps(gaps[1:], Window(0, 111)) == []
    assert long_gaps(gaps, Window(0, 111)) == gaps


def test_a_window_inside_a_gap_shows_it() -> None:
    assert make_scale(Window(4, 6), 80, [Gap(2, 10)]).gaps == ()


@pytest.mark.parametrize(("window", "width"), [(Window(1, 1), 80), (Window(0, 1), 0), (Window(2, 1), 80)])
def test_nothing_to_show_is_refused(window: Window, width: int) -> None:
    with pytest.raises(ValueError, match="window and a width"):
        make_scale(window, width)


@given(gap_lists(), st.integers(10, 300))
def test_labels_of_the_axis_stand_apart_at_their_times(drawn: tuple[Window, list[Gap]], width: int) -> None:
    window, gaps = drawn
    scale = make_scale(window, width, gaps)
    made = list(ticks(scale))
    for one, two in pairwise(made):
        assert two.column - one.column >= min(TICK_CELLS - 1, len(one.label) + 1)
    for tick in made:
        assert 0 <= tick.column <= width
        for gap in scale.gaps:
            assert tick.column + len(tick.label) <= gap.column or tick.column + 1 >= gap.column + gap.cells


def test_the_axis_of_a_short_run() -> None:
    scale = make_scale(Window(0, 12), 96)
    assert [(tick.column, tick.label) for tick in ticks(scale)] == [
        (0, "0s"), (16, "2s"), (32, "4s"), (48, "6s"), (64, "8s"), (80, "10s"), (96, "12s"),
    ]  # fmt: skip


def test_the_axis_goes_on_behind_a_folded_gap() -> None:
    scale = make_scale(Window(0, 12), 96, [Gap(2.0, 10.0)])
    labels = [tick.label for tick in ticks(scale)]
    assert labels == ["0s", "500ms", "1.0s", "1.5s", "10.0s", "10.5s", "11.0s", "11.5s", "12.0s"]


@given(st.floats(1e-6, 1e9))
def test_steps_are_round_and_not_too_fine(least: float) -> None:
    step = tick_step(least)
    assert least <= step * (1 + 1e-9)
    assert step <= max(least * 10.1, 1)


@pytest.mark.parametrize(
    ("seconds", "step", "label"),
    [
        (0, 1, "0s"),
        (0.25, 0.05, "250ms"),
        (0.0005, 0.0001, "0.5ms"),
        (1.5, 0.5, "1.5s"),
        (2.0, 0.5, "2.0s"),
        (45, 5, "45s"),
        (60, 10, "1m"),
        (90, 10, "1m30"),
        (3600, 600, "1h"),
        (3900, 300, "1h05"),
        (86400 * 2 + 3600 * 3, 3600, "2d03"),
        (86400 * 12, 86400, "12d"),
    ],
)
def test_labels_are_as_exact_as_the_step(seconds: float, step: float, label: str) -> None:
    assert tick_label(seconds, step) == label


@given(st.floats(0, 100), st.floats(0.05, 20), st.sampled_from([0.5, 2.0, 0.1, 100.0]), st.floats(0, 1))
def test_zooming_keeps_the_place_and_stays_inside(start: float, length: float, factor: float, share: float) -> None:
    whole = Window(0, 100)
    window = Window(start, start + length).within(whole)
    around = window.start + share * window.length
    zoomed = window.zoomed(around, factor, whole)
    assert whole.start <= zoomed.start
    assert zoomed.end <= whole.end + 1e-9
    assert zoomed.length == pytest.approx(min(max(window.length * factor, SHORTEST_WINDOW), 100))
    assert zoomed.start - 1e-9 <= around <= zoomed.end + 1e-9


@given(st.floats(0, 90), st.floats(0.1, 10), st.floats(0, 100))
def test_a_window_follows_a_moment_that_leaves_it(start: float, length: float, moment: float) -> None:
    whole = Window(0, 100)
    window = Window(start, start + length)
    shown = window.showing(moment, whole)
    assert shown.start - 1e-9 <= moment <= shown.end + 1e-9
    assert shown.length == pytest.approx(length)
    if window.start <= moment <= window.end:
        assert shown == window


def test_panning_stops_at_the_ends() -> None:
    whole = Window(0, 10)
    assert Window(2, 4).panned(0.5, whole) == Window(3, 5)
    assert Window(2, 4).panned(-5, whole) == Window(0, 2)
    assert Window(2, 4).panned(50, whole) == Window(8, 10)


@given(st.floats(0, 1e7))
def test_a_live_run_is_shown_with_some_room_that_changes_rarely(elapsed: float) -> None:
    extent = live_extent(elapsed)
    assert elapsed < extent <= max(2.0, elapsed * 1.6)
    assert live_extent(extent / 1.03) == extent


def test_a_scale_cannot_be_changed() -> None:
    scale: TimeScale = make_scale(Window(0, 1), 10)
    with pytest.raises(AttributeError):
        scale.width = 11  # type: ignore[misc]
