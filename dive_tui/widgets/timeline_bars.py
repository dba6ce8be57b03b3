"""What a row of the timeline looks like: its label, and its bars, marks and words on the plot.

The cost of a row depends on the width of the plot. Of the attempts of a unit and the units of a path only those are
looked at that can be told apart at this scale; they are found by binary search.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import display_text, fit, human_count, human_duration
from dive_tui.app.themes import STATUS_TOKENS, Palette
from dive_tui.widgets.canvas import GUIDE, Canvas
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline_rows import Row
from dive_tui.widgets.timeline_scale import TimeScale
from engine.replay.index import Attempt, UnitRecord

JOINED = 0.5
"""Units on a path closer than this many cells are drawn as one stretch."""
FEW_ATTEMPTS = 24
"""Up to so many attempts are drawn one by one; more, and the items of an each, as density."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What rows are drawn with."""

    outline: Outline
    scale: TimeScale
    width: int
    """Cells of the plot; the scale may leave some at its end for words."""
    now: float
    """Where what has not ended ends for now, in seconds since the first event."""
    live: bool
    """Whether what has not ended goes on."""
    glyphs: Glyphs
    palette: Palette

    def span(self, start: int, end: int | None) -> tuple[float, float]:
        """The columns of two events."""
        started, ended = self.outline.span(start, end, self.now)
        return self.scale.column(started), self.scale.column(ended)

    def shown_status(self, status: str) -> str:
        """A status; `interrupted` for what runs no more without having ended."""
        return "interrupted" if status == "running" and not self.live else status


def token(status: str) -> str:
    """The palette name of a status."""
    return STATUS_TOKENS.get(status, "dim")


def bar_token(status: str) -> str:
    """The palette name of a bar: what neither did anything nor failed stays in the background."""
    return STATUS_TOKENS.get(status, "half dim")


# Labels


def draw_label(row: Row, cells: int, drawing: Drawing) -> list[Segment]:
    """Name and fact of a row in so many cells; two at the end stay free."""
    room = max(1, cells - 2)
    if row.units:
        name = f"  {display_text(row.units[0].step, max_cells=room)}"
        style = drawing.palette["text"]
    else:
        fold = drawing.glyphs.folded if row.folded else drawing.glyphs.unfolded
        name = f"{fold} {display_text(row.path.id, max_cells=room)}"
        style = drawing.palette["bold"] + drawing.palette.path(row.number)
    facts, fact_style = _facts(row, drawing)
    fact = next((fact for fact in facts if cell_len(name) + 1 + cell_len(fact) <= room), "")
    made = [Segment(fit(name, room - cell_len(fact)), style), Segment(fact, drawing.palette[fact_style])]
    return [*made, Segment("  ")]


def _facts(row: Row, drawing: Drawing) -> tuple[Sequence[str], str]:
    """The one thing to say beside the name, from long to short, and its style."""
    unit = row.unit
    if not row.units:
        count = len(row.path.units)
        return (f"{human_count(count)} step{'s' if count != 1 else ''}",) if row.folded else (), "dim"
    if unit is None:
        count = len(row.units)
        return (f"{human_count(count)} visits", human_count(count)), "dim"
    if unit.items is not None:
        done, total = human_count(_items_done(unit)), human_count(unit.items)
        counted = total if done == total and unit.status == "completed" else f"{done}/{total}"
        return (f"{counted} items", counted), "dim"
    if len(unit.attempts) > 1:
        return (f"{len(unit.attempts)} tries",), "bold text"
    started, ended = drawing.outline.span(unit.started_seq, unit.ended_seq, drawing.now)
    return (human_duration(ended - started),), "dim"


def _items_done(unit: UnitRecord) -> int:
    """How many items have completed: all that were started, less the open and failed ones at the end."""
    done = len(unit.attempts)
    while done and unit.attempts[done - 1].status != "completed":
        done -= 1
    return done


# Bars


def draw_plot(row: Row, drawing: Drawing) -> list[Segment]:
    """The plot of a row."""
    canvas = Canvas(drawing.width, drawing.glyphs, drawing.palette)
    if not row.units:
        _draw_idle(canvas, row, drawing)
    for gap in drawing.scale.gaps:
        canvas.put(gap.first_cell, drawing.glyphs.idle_break, GUIDE)
        canvas.put(gap.last_cell, drawing.glyphs.idle_break, GUIDE)
    if not row.units:
        _draw_path(canvas, row, drawing)
    elif row.unit is None:
        _draw_visits(canvas, row.units, drawing)
    else:
        _draw_unit(canvas, row.unit, drawing)
    return canvas.segments()


def _draw_idle(canvas: Canvas, row: Row, drawing: Drawing) -> None:
    start, end = drawing.span(row.path.started_seq, row.path.ended_seq)
    for column in range(max(0, round(start)), min(drawing.width, math.ceil(end))):
        canvas.put(column, drawing.glyphs.idle_fill, GUIDE)


def _draw_path(canvas: Canvas, row: Row, drawing: Drawing) -> None:
    path = row.path
    start, end = drawing.span(path.started_seq, path.ended_seq)
    hue = f"half path{row.number % len(drawing.palette.tokens.paths)}"
    for left, right in busy_spans(path.units, drawing):
        canvas.bar(left, right, hue)
    if not path.units:
        canvas.bar(start, end, hue)
    if row.folded:
        _mark_failures(canvas, drawing.outline.path_failures.get(path.id, ()), drawing)
    _say_at_end(canvas, start, end, drawing, drawing.shown_status(path.status), "")


def _draw_unit(canvas: Canvas, unit: UnitRecord, drawing: Drawing) -> None:
    start, end = drawing.span(unit.started_seq, unit.ended_seq)
    status = drawing.shown_status(unit.status)
    if unit.items is not None or len(unit.attempts) > FEW_ATTEMPTS:
        style = bar_token("completed" if status == "failed" else status)
        _draw_density(canvas, unit.attempts, start, end, style, drawing)
        _mark_failures(canvas, drawing.outline.unit_failures(unit), drawing)
    else:
        _draw_attempts(canvas, unit, status, drawing)
    if status != "completed":
        _say_at_end(canvas, start, end, drawing, status, unit.error_type if status == "failed" else "")


def _draw_visits(canvas: Canvas, visits: Sequence[UnitRecord], drawing: Drawing) -> None:
    last = visits[-1]
    start, _ = drawing.span(visits[0].started_seq, visits[0].ended_seq)
    _, end = drawing.span(last.started_seq, last.ended_seq)
    status = drawing.shown_status(last.status)
    _draw_density(canvas, visits, start, end, bar_token("completed" if status == "failed" else status), drawing)
    failures = drawing.outline.step_failures.get((last.path, last.step), ())
    _mark_failures(canvas, failures[:-1] if status == "failed" else failures, drawing)
    if status != "completed":
        _say_at_end(canvas, start, end, drawing, status, last.error_type if status == "failed" else "")


def _draw_attempts(canvas: Canvas, unit: UnitRecord, status: str, drawing: Drawing) -> None:
    marks = []
    plain = drawing.palette.no_color or drawing.glyphs.ascii
    for attempt in unit.attempts[:-1]:
        start, end = drawing.span(attempt.started_seq, attempt.ended_seq)
        canvas.bar(start, end, "half failed", drawing.glyphs.attempt_fill if plain else "")
        marks.append(math.ceil(end))
    last = unit.attempts[-1] if unit.attempts else None
    span = (unit.started_seq, unit.ended_seq) if last is None else (last.started_seq, last.ended_seq)
    canvas.bar(*drawing.span(*span), bar_token(status))
    for column in marks:
        canvas.put(column, drawing.glyphs.failed, "failed")


Works = Sequence[Attempt] | Sequence[UnitRecord]
"""What is drawn as density: the items of an each, or the visits of a step, in the order they began."""


def _draw_density(canvas: Canvas, works: Works, start: float, end: float, style: str, drawing: Drawing) -> None:
    """Many works as height: how many were done in a cell, beside the usual."""
    first, stop = max(0, int(start)), min(drawing.width, math.ceil(end))
    if stop - first < 2:
        canvas.bar(start, end, style)
        return
    places = [max(start, min(end, column)) for column in range(first, stop + 1)]
    done = throughput(works, [drawing.scale.seconds(place) for place in places], drawing)
    # The first and the last cell may be covered in part only.
    per_cell = [
        amount / max(after - before, 1e-3) for amount, (before, after) in zip(done, pairwise(places), strict=True)
    ]
    for column, level in enumerate(levels(per_cell), first):
        canvas.put(column, drawing.glyphs.levels[level], style)


def throughput(works: Works, edges: Sequence[float], drawing: Drawing) -> list[float]:
    """How much was done between each two of these times, parts of works counted as such."""
    done = [_position(works, edge, drawing) for edge in edges]
    return [max(0.0, after - before) for before, after in pairwise(done)]


def _position(works: Works, seconds: float, drawing: Drawing) -> float:
    outline = drawing.outline
    begun = bisect_right(works, seconds, key=lambda work: outline.seconds(work.started_seq))
    if not begun:
        return 0.0
    last = works[begun - 1]
    started, ended = outline.span(last.started_seq, last.ended_seq, drawing.now)
    share = 1.0 if ended <= seconds else (seconds - started) / (ended - started)
    return begun - 1 + share


def levels(amounts: Sequence[float]) -> list[int]:
    """Heights 0 to 8 for amounts: 8 from about the usual amount on, at least 1 where there was any."""
    busy = sorted(amount for amount in amounts if amount > 0)
    if not busy:
        return [0] * len(amounts)
    usual = busy[len(busy) * 3 // 4]
    return [min(8, max(1, math.ceil(8 * math.sqrt(amount / usual) - 1e-9))) if amount > 0 else 0 for amount in amounts]


def busy_spans(units: Sequence[UnitRecord], drawing: Drawing) -> Iterator[tuple[float, float]]:
    """The stretches of a path's row in which its units ran, in columns; close ones are joined.

    Looks at no more units than there are cells.
    """
    outline, scale = drawing.outline, drawing.scale

    def begun_by(seconds: float) -> int:
        return bisect_right(units, seconds, key=lambda unit: outline.seconds(unit.started_seq))

    at = max(0, begun_by(scale.window.start) - 1)
    while at < len(units):
        left, right = drawing.span(units[at].started_seq, units[at].ended_seq)
        if left > drawing.width:
            return
        following = begun_by(scale.seconds(right + JOINED))
        while following > at + 1:
            at = following - 1
            right = max(right, drawing.span(units[at].started_seq, units[at].ended_seq)[1])
            following = begun_by(scale.seconds(right + JOINED))
        if right >= 0:
            yield left, right
        at += 1


def _mark_failures(canvas: Canvas, sequences: Sequence[int], drawing: Drawing) -> None:
    """A mark in every cell in which something failed, whatever else happened there."""
    outline, scale = drawing.outline, drawing.scale
    at = bisect_left(sequences, scale.window.start, key=outline.seconds)
    while at < len(sequences):
        column = int(scale.column(outline.seconds(sequences[at])) + 1e-9)
        if column >= drawing.width:
            return
        canvas.put(max(0, column), drawing.glyphs.failed, "failed")
        at = max(at + 1, bisect_left(sequences, scale.seconds(column + 1), key=outline.seconds))


def _say_at_end(canvas: Canvas, start: float, end: float, drawing: Drawing, status: str, said: str) -> None:
    """The glyph of a status behind the bar, and words behind that, or before the bar where there is no room."""
    if not 0 <= end <= drawing.width:
        return
    glyph, style = drawing.glyphs.status(status), token(status)
    words = f"{glyph} {display_text(said, max_cells=40)}" if said else glyph
    column, cells = math.ceil(end), cell_len(words)
    if canvas.is_free(column, column + cells):
        canvas.text(column, words, style)
        return
    if said and canvas.is_free(int(start) - cells - 2, int(start)):
        canvas.text(int(start) - cells - 1, words, style)
    canvas.put(min(column, drawing.width - len(glyph)), glyph, style)
