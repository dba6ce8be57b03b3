"""From time to column and back: the window of time that is shown, idle gaps folded in it, and the axis under it.

Times are seconds since the first event, columns are cells from the left end of the plot; both are real numbers.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dive_tui.app.text import human_duration
from dive_tui.widgets.outline import Gap, Mark, Outline

IDLE_SHARE = 0.1
"""A gap longer than this share of the time that is left to show is folded."""
FOLDED_SHARE = 0.4
"""The most of the width that folded gaps take."""
SHORTEST_WINDOW = 1e-4
"""Seconds: further in there is nothing to see, timestamps count microseconds."""
TICK_CELLS = 9
"""The least distance of two labels of the axis."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class Window(NamedTuple):
    """A stretch of time."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start

    def zoomed(self, around: float, factor: float, whole: Window) -> Window:
        """The window that shows `factor` times as much, with `around` at the same place in it, within `whole`."""
        length = min(max(self.length * factor, SHORTEST_WINDOW), whole.length)
        place = min(max((around - self.start) / self.length, 0.0), 1.0) if self.length else 0.5
        return Window(around - place * length, around + (1 - place) * length).within(whole)

    def panned(self, share: float, whole: Window) -> Window:
        """The window moved by a share of its length, within `whole`."""
        move = self.length * share
        return Window(self.start + move, self.end + move).within(whole)

    def showing(self, seconds: float, whole: Window) -> Window:
        """The window moved as little as needed to show a moment, with a margin."""
        margin = self.length * 0.1
        if seconds < self.start:
            return self.panned((seconds - margin - self.start) / self.length, whole)
        if seconds > self.end:
            return self.panned((seconds + margin - self.end) / self.length, whole)
        return self

    def within(self, whole: Window) -> Window:
        """The window moved into `whole`, and cut when it is longer."""
        length = min(self.length, whole.length)
        start = min(max(self.start, whole.start), whole.end - length)
        return Window(start, start + length)


class FoldedGap(NamedTuple):
    """An idle gap drawn in a few cells, with what to write into them."""

    start: float
    end: float
    column: float
    cells: int
    label: str

    @property
    def first_cell(self) -> int:
        """The first whole cell in it."""
        return math.ceil(self.column - 1e-9)

    @property
    def last_cell(self) -> int:
        """The last cell its label takes."""
        return self.first_cell + self.cells - 1


@dataclass(frozen=True, slots=True)
class TimeScale:
    """A piecewise linear, increasing map from the window's times to columns 0 to `width`; made by `make_scale`."""

    window: Window
    width: int
    gaps: tuple[FoldedGap, ...]
    density: float
    """Columns per second outside of folded gaps."""
    times: tuple[float, ...]
    columns: tuple[float, ...]

    def column(self, seconds: float) -> float:
        """The column of a time; outside of the window it is below 0 or beyond the width."""
        return _interpolated(seconds, self.times, self.columns)

    def seconds(self, column: float) -> float:
        """The time of a column."""
        return _interpolated(column, self.columns, self.times)


def _interpolated(value: float, grid: tuple[float, ...], targets: tuple[float, ...]) -> float:
    at = min(max(bisect_right(grid, value) - 1, 0), len(grid) - 2)
    low, high = grid[at], grid[at + 1]
    share = (value - low) / (high - low)
    found = targets[at] + share * (targets[at + 1] - targets[at])
    if 0 <= share <= 1:  # rounding must not lead past the ends of a piece
        found = min(max(found, targets[at]), targets[at + 1])
    return found


def make_scale(
    window: Window, width: int, idle: Iterable[Gap] = (), *, break_glyph: str = "┊", labelled: bool = True
) -> TimeScale:
    """The scale that shows a window in `width` columns, with the long ones of its idle gaps folded.

    Folded gaps are labelled with their length where there is room, if `labelled`.

    Raises:
        ValueError: the window is empty or has no width.
    """
    if window.length <= 0 or width <= 0:
        raise ValueError("a scale needs a window and a width")
    folded, cells = _sized(long_gaps(idle, window), width, break_glyph, 0 if labelled else 2)
    shown = window.length - sum(gap.length for gap in folded)
    density = (width - sum(cells)) / shown
    times, columns = [window.start], [0.0]
    placed: list[FoldedGap] = []
    for gap, size in zip(folded, cells, strict=True):
        _extend(times, columns, gap.start, columns[-1] + (gap.start - times[-1]) * density)
        placed.append(FoldedGap(gap.start, gap.end, columns[-1], size, _label(gap, size, break_glyph)))
        _extend(times, columns, gap.end, columns[-1] + size)
    _extend(times, columns, window.end, float(width))
    return TimeScale(window, width, tuple(placed), density, tuple(times), tuple(columns))


def _extend(times: list[float], columns: list[float], time: float, column: float) -> None:
    if time > times[-1] and column > columns[-1]:
        times.append(time)
        columns.append(column)
    elif column > columns[-1]:
        columns[-1] = column if len(columns) > 1 else columns[-1]


def long_gaps(idle: Iterable[Gap], window: Window) -> list[Gap]:
    """The gaps to fold, in order: longer than a tenth of the time that is still shown without them.

    Folding one leaves less to show, so others may become long: taken from the longest down, this ends where no gap
    that is left is long. What would leave nothing to show stays.
    """
    clipped = [gap._replace(start=max(gap.start, window.start), end=min(gap.end, window.end)) for gap in idle]
    candidates = sorted((gap for gap in clipped if gap.length > 0), key=lambda gap: gap.length, reverse=True)
    shown = window.length
    folded: list[Gap] = []
    for gap in candidates:
        if gap.length <= shown * IDLE_SHARE:
            break
        left = shown - gap.length
        if left <= window.length * 1e-9:
            continue
        folded.append(gap)
        shown = left
    return sorted(folded)


def _sized(gaps: list[Gap], width: int, glyph: str, first_form: int) -> tuple[list[Gap], list[int]]:
    """The gaps for which there is room, and their cells: the most telling label for which all fit."""
    room = int(width * FOLDED_SHARE)
    for form in range(first_form, len(_forms(Gap(0, 1), glyph))):
        cells = [len(_forms(gap, glyph)[form]) for gap in gaps]
        if sum(cells) <= room:
            return gaps, cells
    longest = sorted(gaps, key=lambda gap: gap.length, reverse=True)[:room]
    return sorted(longest), [1] * len(longest)


def _forms(gap: Gap, glyph: str) -> tuple[str, ...]:
    if gap.lasting:
        return f"{glyph} so far {glyph}", f"{glyph} so far {glyph}", glyph + glyph, glyph
    length = human_duration(gap.length)
    return f"{glyph} {length} idle {glyph}", f"{glyph} {length} {glyph}", glyph + glyph, glyph


def _label(gap: Gap, cells: int, glyph: str) -> str:
    return next((form for form in _forms(gap, glyph) if len(form) <= cells), "")


def mark_columns(scale: TimeScale, outline: Outline, width: int) -> Iterator[tuple[int, Mark]]:
    """The marks to draw in so many cells, one a cell; costs what there are of cells, not what there are of marks."""
    marks = outline.marks

    def second(mark: Mark) -> float:
        return outline.seconds(mark.sequence)

    at = bisect_left(marks, scale.window.start, key=second)
    while at < len(marks):
        column = min(int(scale.column(second(marks[at])) + 1e-9), width - 1)
        if scale.column(second(marks[at])) > width:
            return
        yield column, marks[at]
        if column >= width - 1:
            return
        at = max(at + 1, bisect_left(marks, scale.seconds(column + 1), lo=at, key=second))


class Tick(NamedTuple):
    """One label of the axis."""

    column: int
    label: str


def ticks(scale: TimeScale) -> Iterator[Tick]:
    """Labels at round times, none inside a folded gap, none closer than `TICK_CELLS`."""
    step = tick_step(TICK_CELLS / scale.density)
    after = 0.0
    for start, end in _stretches(scale):
        stop = scale.column(end) if end < scale.window.end else math.inf
        first = math.ceil(start / step - 1e-9)
        for number in range(first, math.floor(end / step + 1e-9) + 1):
            column = scale.column(number * step)
            label = tick_label(number * step, step)
            if after <= column <= scale.width and column + len(label) < stop:
                yield Tick(int(column + 1e-9), label)
                after = column + max(TICK_CELLS - 1e-6, len(label) + 2)
        after = max(after, scale.column(end))


def _stretches(scale: TimeScale) -> Iterator[tuple[float, float]]:
    """The times between folded gaps."""
    start = scale.window.start
    for gap in scale.gaps:
        yield start, gap.start
        start = gap.end
    yield start, scale.window.end


def tick_step(least: float) -> float:
    """The smallest round number of seconds that is not below `least`."""
    if least < 1:
        power = 10.0 ** math.floor(math.log10(max(least, 1e-7)))
        return next((power * lead for lead in (1, 2, 5) if power * lead >= least), power * 10)
    for step in _STEPS:
        if step >= least:
            return float(step)
    days = least / 86400
    power = 10.0 ** math.floor(math.log10(days))
    return 86400 * next(power * lead for lead in (1, 2, 5, 10) if power * lead >= days)


def tick_label(seconds: float, step: float) -> str:
    """A time of the axis, as exact as the step needs: `0s 250ms 1.5s 45s 1m30 1h05 2d03`."""
    if abs(seconds) < 1e-9:
        return "0s"
    if step < 1:
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        if seconds < 1:
            return f"{seconds * 1000:.{max(0, digits - 3)}f}ms"
        return f"{seconds:.{digits}f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    for size, part, large, small in ((3600, 60, "m", 1), (86400, 3600, "h", 60)):
        if whole < size:
            count, rest = divmod(whole // small, part // small)
            return f"{count}{large}{rest:02}" if rest else f"{count}{large}"
    days, hours = divmod(whole // 3600, 24)
    return f"{days}d{hours:02}" if hours else f"{days}d"


def live_extent(elapsed: float) -> float:
    """How much time to show of a run that goes on: grows in steps, so that bars stay where they are in between."""
    extent = 2.0
    while extent < elapsed * 1.02:
        extent *= 1.5
    return extent
