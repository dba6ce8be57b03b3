"""What a row of the timeline looks like: its label, and its bars, marks and words on the plot.

The cost of a row depends on the width of the plot. Of the attempts of a unit and the units of a path only those are
looked at that can be told apart at this scale; they are found by binary search.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest

from rich.cells import cell_len
from rich.segment import Segment

from dive_tui.app.text import display_text, fit, human_count, human_duration
from dive_tui.widgets.canvas import GUIDE, Canvas
from dive_tui.widgets.timeline.attempts import draw_attempts
from dive_tui.widgets.timeline.drawing import Drawing, bar_token, token
from dive_tui.widgets.timeline.rows import FEW_UNITS, Row
from dive_tui.widgets.wait_words import countdown, seconds_until
from engine.replay.index import Attempt, UnitRecord

JOINED = 0.5
"""Units on a path closer than this many cells are drawn as one stretch."""
FEW_ATTEMPTS = 24
"""Up to so many attempts are drawn one by one; more, and the items of an each, as density."""


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
        met = drawing.outline.path_origins.get(row.path.id)
        joined = (f"from {display_text(met, max_cells=24)}", drawing.glyphs.joined) if met else ()
        return (f"{human_count(count)} step{'s' if count != 1 else ''}",) if row.folded else joined, "dim"
    if unit is None:
        count = len(row.units)
        return (f"{human_count(count)} visits", human_count(count)), "dim"
    if unit.items is not None:
        done, total = human_count(drawing.outline.items_done(unit)), human_count(unit.items)
        counted = total if done == total and unit.status == "completed" else f"{done}/{total}"
        repeated = unit.repeated
        tries = (f"{counted} items, {human_count(len(unit.attempts))} tries",) if repeated > 0 else ()
        return (*tries, f"{counted} items", counted), "dim"
    left = _time_left(unit, drawing)
    if left:
        return (left,), "waiting"
    if len(unit.attempts) > 1:
        return (f"{len(unit.attempts)} tries",), "bold text"
    started, ended = drawing.outline.span(unit.started_seq, unit.ended_seq, drawing.now)
    return (human_duration(ended - started),), "dim"


def _time_left(unit: UnitRecord, drawing: Drawing) -> str:
    """For one that waits: how long still, if that is known."""
    status = open_status(unit, drawing)
    if status not in ("waiting", "retrying"):
        return ""
    last = unit.attempts[-1]
    moment = last.retry_at if status == "retrying" else (last.waiting or {}).get("due_at")
    left = seconds_until(moment, drawing.outline.started + drawing.now)
    return "" if left is None else countdown(left)


def open_status(unit: UnitRecord, drawing: Drawing) -> str:
    """The status of a unit; of an open one whether it runs, waits, is about to be tried again, or was left alone."""
    if unit.ended_seq is not None or unit.items is not None or not unit.attempts:
        return drawing.shown_status(unit.status)
    last = unit.attempts[-1]
    if last.ended_seq is not None:
        return "retrying" if last.status == "failed" else drawing.shown_status("running")
    return "waiting" if last.waiting_seq is not None else drawing.shown_status("running")


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
    for unit in path.units if len(path.units) <= FEW_UNITS else ():
        if unit.items is None and len(unit.attempts) <= FEW_ATTEMPTS:
            _draw_rests(canvas, unit, hue, drawing)
    if row.folded:
        _mark_failures(canvas, drawing.outline.path_failures.get(path.id, ()), drawing)
    join = drawing.outline.path_ends.get(path.id)
    words = (f"{drawing.glyphs.arrow} {join}",) if join and path.status == "completed" else ()
    status = drawing.shown_status(path.status)
    if status == "running" and path.units and path.units[-1].ended_seq is None:
        status = open_status(path.units[-1], drawing)
    _say_at_end(canvas, start, end, drawing, status, words)


def _draw_rests(canvas: Canvas, unit: UnitRecord, hue: str, drawing: Drawing) -> None:
    """Show on the row of its path where a unit waited, and where it stood between two tries."""
    for attempt, following in zip_longest(unit.attempts, unit.attempts[1:]):
        if attempt.waiting_seq is not None:
            canvas.bar(*drawing.span(attempt.waiting_seq, attempt.ended_seq), hue, drawing.glyphs.wait_fill)
        if attempt.retry_seq is not None:
            until = following.started_seq if following is not None else unit.ended_seq
            canvas.bar(*drawing.span(attempt.retry_seq, until), GUIDE, drawing.glyphs.idle_fill)


def _draw_unit(canvas: Canvas, unit: UnitRecord, drawing: Drawing) -> None:
    start, end = drawing.span(unit.started_seq, unit.ended_seq)
    status = open_status(unit, drawing)
    words: Sequence[str] = ()
    if unit.items is not None or len(unit.attempts) > FEW_ATTEMPTS:
        style = bar_token("completed" if status == "failed" else status)
        _draw_density(canvas, unit.attempts, start, end, style, drawing)
        _mark_failures(canvas, drawing.outline.unit_failures(unit), drawing)
    else:
        words = draw_attempts(canvas, unit, status, drawing)
    if status != "completed" or words:
        _say_at_end(canvas, start, end, drawing, status, (unit.error_type,) if status == "failed" else words)


def _draw_visits(canvas: Canvas, visits: Sequence[UnitRecord], drawing: Drawing) -> None:
    last = visits[-1]
    start, _ = drawing.span(visits[0].started_seq, visits[0].ended_seq)
    _, end = drawing.span(last.started_seq, last.ended_seq)
    status = drawing.shown_status(last.status)
    _draw_density(canvas, visits, start, end, bar_token("completed" if status == "failed" else status), drawing)
    failures = drawing.outline.step_failures.get((last.path, last.step), ())
    _mark_failures(canvas, failures[:-1] if status == "failed" else failures, drawing)
    if status != "completed":
        _say_at_end(canvas, start, end, drawing, status, (last.error_type,) if status == "failed" else ())


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


def _say_at_end(canvas: Canvas, start: float, end: float, drawing: Drawing, status: str, forms: Sequence[str]) -> None:
    """The glyph of a status behind the bar, and words behind that, or before the bar where there is no room.

    Of several forms of the words it is the first that fits.
    """
    if not 0 <= end <= drawing.width:
        return
    glyph, style = drawing.glyphs.status(status), token(status)
    said = [f"{glyph} {display_text(form, max_cells=40)}" for form in forms if form]
    column = math.ceil(end)
    for words in said or [glyph]:
        if canvas.is_free(column, column + cell_len(words)):
            canvas.text(column, words, style)
            return
    for words in said:
        if canvas.is_free(int(start) - cell_len(words) - 2, int(start)):
            canvas.text(int(start) - cell_len(words) - 1, words, style)
            break
    canvas.put(min(column, drawing.width - len(glyph)), glyph, style)
