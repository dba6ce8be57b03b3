"""What tests of single widgets share: histories with their outlines, and a drawing of them."""

from __future__ import annotations

from collections.abc import Sequence

from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.themes import DARK, Palette
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.bars import draw_label, draw_plot
from dive_tui.widgets.timeline.drawing import Drawing
from dive_tui.widgets.timeline.rows import Row, RowList
from dive_tui.widgets.timeline.scale import Window, make_scale
from engine.model.events import ExecutionEvent
from engine.replay.history import History
from tests.screens.histories import Writer


def outlined(events: Sequence[ExecutionEvent]) -> tuple[History, Outline]:
    """A history of these events with its outline."""
    history = History(events[0].execution_id, events)
    outline = Outline(history)
    outline.catch_up()
    return history, outline


def arranged(history: History, outline: Outline, room: int = 100) -> RowList:
    """The rows of a history."""
    rows = RowList(history.index, outline)
    rows.arrange(room)
    return rows


def drawing_of(
    outline: Outline,
    width: int = 60,
    *,
    words: int = 14,
    end: float | None = None,
    now: float | None = None,
    glyphs: Glyphs = UNICODE,
    no_color: bool = False,
) -> Drawing:
    """A drawing of a whole history; live when `now` is given."""
    whole = Window(0.0, end or max(outline.duration, now or 0.0, 0.001))
    return Drawing(
        outline=outline,
        scale=make_scale(whole, width - words, outline.idle(), break_glyph=glyphs.idle_break),
        width=width,
        now=outline.duration if now is None else now,
        live=now is not None,
        glyphs=glyphs,
        palette=Palette(DARK, no_color=no_color),
    )


def plot_of(row: Row, drawing: Drawing) -> str:
    """The plot of a row as text."""
    return "".join(segment.text for segment in draw_plot(row, drawing))


def label_of(row: Row, drawing: Drawing, cells: int = 24) -> str:
    """The label of a row as text."""
    return "".join(segment.text for segment in draw_label(row, cells, drawing))


def two_steps_with_a_gap() -> list[ExecutionEvent]:
    """A second of work, eight of nothing, a second of work."""
    writer = Writer()
    writer.begin(["One", "Two"])
    writer.start("main", "One", at=0.0)
    writer.complete("main", "One", at=1.0, to="Two")
    writer.start("main", "Two", at=9.0)
    writer.complete("main", "Two", at=10.0)
    writer.add("path_completed", "main", data={"final_step": "Two", "reason": "end"}, at=10.0)
    writer.add("execution_completed", data={"outputs": {}}, at=10.0)
    return writer.events
