"""The attempts of a unit on its row: work as bars, waits as a pattern with the reason in it, delays in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len

from dive_tui.app.text import display_text, human_duration
from dive_tui.widgets.canvas import LEAST_EIGHTHS, Canvas
from dive_tui.widgets.timeline.drawing import Drawing, bar_token
from dive_tui.widgets.wait_words import seconds_between, wait_words
from engine.replay.index import Attempt, UnitRecord

_LEAD = 3
"""Cells of the pattern before the words in it, where there is room."""
_WORDS = 60


def draw_attempts(canvas: Canvas, unit: UnitRecord, status: str, drawing: Drawing) -> Sequence[str]:
    """Draw every attempt of a unit; returns what is left to say behind its end, from long to short."""
    if not unit.attempts:
        canvas.bar(*drawing.span(unit.started_seq, unit.ended_seq), bar_token(status))
        return ()
    words: Sequence[str] = ()
    marks: list[tuple[int, Attempt]] = []
    for attempt, following in zip(unit.attempts, [*unit.attempts[1:], None], strict=True):
        earlier = following is not None or status == "retrying"
        words = _draw_attempt(canvas, attempt, "half failed" if earlier else bar_token(status), drawing, earlier)
        if earlier:
            end = math.ceil(drawing.span(attempt.started_seq, attempt.ended_seq)[1])
            marks.append((end, attempt))
            _say_delay(canvas, end + 1, attempt, following, drawing)
    for column, attempt in marks:
        if attempt.error_type == "Interrupted":
            canvas.put(column, drawing.glyphs.interrupted, "waiting")
        else:
            canvas.put(column, drawing.glyphs.failed, "failed")
    if status == "retrying":
        delay = delay_words(unit.attempts[-1])
        return (f"retry {delay}", delay) if delay else ()
    return words


def _draw_attempt(canvas: Canvas, attempt: Attempt, style: str, drawing: Drawing, earlier: bool) -> Sequence[str]:
    """Draw one attempt; returns the words of its wait that found no room in it."""
    start, end = drawing.span(attempt.started_seq, attempt.ended_seq)
    plain = drawing.palette.no_color or drawing.glyphs.ascii
    if attempt.waiting_seq is None:
        canvas.bar(start, end, style, drawing.glyphs.attempt_fill if earlier and plain else "")
        return ()
    since, _ = drawing.span(attempt.waiting_seq, None)
    if since - start >= LEAST_EIGHTHS / 8:
        canvas.bar(start, since, style)
    over = attempt.ended_seq is not None
    hue = "half failed" if earlier else "half waiting" if over else "waiting"
    canvas.bar(since, end, hue, drawing.glyphs.wait_fill)
    long, *short = wait_forms(attempt)
    if _say_inside(canvas, since, end, (long, *short[:1]), "text" if over else "bright"):
        return ()
    return short if over else (long, *short)


def wait_forms(attempt: Attempt) -> Sequence[str]:
    """What an attempt waits for, from long to short."""
    data = attempt.waiting or {}
    words = display_text(wait_words(data), max_cells=_WORDS)
    lasts = seconds_between(attempt.waiting_at or "", data.get("due_at"))
    if data.get("for") == "sleep":
        return f"{words} {human_duration(lasts or 0.0)}", words
    return f"waiting: {words}", words, str(data.get("for") or "")[:_WORDS]


def _say_inside(canvas: Canvas, start: float, end: float, forms: Sequence[str], style: str) -> bool:
    """Write the first form that fits into a pattern; false when none does."""
    first, stop = max(0, math.ceil(start)), min(canvas.width, int(end))
    for form in forms:
        spare = stop - first - cell_len(form) - 2
        if form and spare >= 2:
            canvas.text(first + min(_LEAD, spare // 2), f" {form} ", style)
            return True
    return False


def delay_words(attempt: Attempt) -> str:
    """How long after a failed attempt the next one was to start: `in 8.0s`."""
    delay = seconds_between(attempt.ended_at or "", attempt.retry_at)
    return "" if delay is None else f"in {human_duration(max(0.0, delay))}"


def _say_delay(canvas: Canvas, column: int, attempt: Attempt, following: Attempt | None, drawing: Drawing) -> None:
    """Write between two attempts how long the delay was, where there is room."""
    delay = delay_words(attempt)
    if following is None or not delay:
        return
    stop = int(drawing.span(following.started_seq, None)[0])
    for words in (f"retry {delay}", delay):
        if column + 1 + cell_len(words) < stop:
            canvas.text(column + 1, words, "dim")
            return
