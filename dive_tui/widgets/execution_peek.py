"""A look at the execution under the cursor of the list: what became of it and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_lines, display_text, human_count, human_duration
from dive_tui.widgets.events.event_words import TimeFormat, date_text
from dive_tui.widgets.executions_list import seconds_taken
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.shown_status import DAMAGED, shown_status
from dive_tui.widgets.wait_words import countdown_to, id_words, summary_words
from engine.model.snapshot import ExecutionSummary
from engine.model.state import INTERRUPTED, OPEN, ExecutionStatus

_ERROR_LINES = 12
_FEW_CHILDREN = _FEW_LABELS = 4
_MOST_LABELS = 12
_ROOMY = 40
"""Rows from which on there is room for what is only nice to know."""
Line = list[tuple[str, str]]
"""Pieces of safe text, each with the palette name of its style."""


def _ways_on(summary: ExecutionSummary, store_option: str) -> list[str]:
    """What lets an execution go on that does not by itself."""
    status = shown_status(summary)
    if status == DAMAGED:
        looks = f"dive-tui verify {summary.id[-5:]}{store_option}"
        return ["V looks at what is damaged, and repairs what it can.", looks]
    if summary.dialect and (status in OPEN or status == INTERRUPTED):
        return ["The Go system recorded it: it can be looked at here, and not go on."]
    if status == INTERRUPTED:
        return ["Its runner is gone; what it had recorded is all here.", f"Go on: dive-tui recover{store_option}"]
    if status not in (ExecutionStatus.WAITING, ExecutionStatus.PAUSED):
        return []
    ways = []
    if status == ExecutionStatus.PAUSED:
        ways.append("p lets it go on.")
    elif (summary.waiting_for or "").startswith("signal "):
        ways.append("s sends the signal.")
    elif summary.waiting_for in ("sleep", "retry"):
        ways.append("u wakes it now.")
    if summary.live is False:
        ways.append(f"Nobody drives it: dive-tui work{store_option}")
    return ways


def _dates(summary: ExecutionSummary) -> list[Line]:
    """When it began and ended, and which steps failed on the way."""
    lines: list[Line] = []
    for name, moment in (("started", summary.start_time), ("ended", summary.end_time)):
        if moment:
            lines.append([(f"{name:<10}", "dim"), (date_text(moment, TimeFormat.UTC), "text")])
    if summary.failed_steps:
        lines.append([("failed    ", "dim"), (display_text(", ".join(summary.failed_steps), max_cells=200), "text")])
    return lines


class ExecutionPeek(LineView):
    """Rows of words about one execution."""

    can_focus = False
    shows_cursor = False

    def __init__(self, now: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._now = now
        self._summary: ExecutionSummary | None = None
        self.store_option = ""
        """What commands need after them to use the store that is open."""
        self._lines: list[Line] = []

    @property
    def row_count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def show(self, summary: ExecutionSummary | None) -> None:
        """Look at this execution, or at none."""
        self._summary = summary
        self._write()

    def on_resize(self) -> None:
        """The error wraps at another width."""
        self._write()

    def _write(self) -> None:
        self._lines = [] if self._summary is None else self._describe(self._summary, max(8, self.row_width - 1))
        self.refresh_rows()
        self.rows_changed(cursor=0)

    def _describe(self, summary: ExecutionSummary, width: int) -> list[Line]:
        status = shown_status(summary)
        token = self._token(status)
        pill = f" {self.glyphs.status(status)} {status.upper()} "
        lines: list[Line] = [[(pill, f"pill {token}"), (f"  {display_text(summary.at_step, max_cells=60)}", "bright")]]
        if summary.error:
            error = summary.error.removeprefix(f"{DAMAGED}: ")  # which the pill says
            wrapped = list(display_lines(error[:4096], width))
            lines += [[(line, "failed")] for line in wrapped[:_ERROR_LINES]]
        lines += self._waiting(summary)
        lines.append([])
        lines.append([("workflow  ", "dim"), (display_text(summary.workflow_name, max_cells=80), "text")])
        lines.append([("events    ", "dim"), (human_count(summary.last_event_seq), "text")])
        lines.append([("paths     ", "dim"), (human_count(summary.path_count), "text")])
        lines.append([("took      ", "dim"), (human_duration(seconds_taken(summary, self._now())), "text")])
        if self._is_roomy:
            lines += _dates(summary)
        for name, value in list(summary.labels.items())[: _MOST_LABELS if self._is_roomy else _FEW_LABELS]:
            lines.append(
                [(f"{display_text(name, max_cells=9):<10}", "dim"), (display_text(value, max_cells=80), "text")]
            )
        for sentence in _ways_on(summary, self.store_option):
            lines.append([])
            lines += [[(line, "waiting")] for line in display_lines(sentence, width)]
        lines += [[], [(display_text(summary.id, max_cells=80), "dim")]]
        return lines

    def _waiting(self, summary: ExecutionSummary) -> list[Line]:
        """What it waits for, until when, and which executions are its children and its parent."""
        lines: list[Line] = []
        if summary.waiting_for:
            words = display_text(summary_words(summary.waiting_for), max_cells=200)
            lines.append([("waits for ", "dim"), (words, "bright")])
        left = countdown_to(summary.wake_at, self._now())
        if left:
            moment = date_text(summary.wake_at or "", TimeFormat.UTC).partition(".")[0]
            lines += [[("until     ", "dim"), (moment, "text")], [("          ", "dim"), (left, "waiting")]]
        for child in summary.children[: _MOST_LABELS if self._is_roomy else _FEW_CHILDREN]:
            lines.append([("child     ", "dim"), (display_text(id_words(child), max_cells=40), "text")])
        parent = (summary.lineage or {}).get("execution_id")
        if parent:
            lines.append([("from      ", "dim"), (display_text(id_words(parent), max_cells=40), "text")])
        return lines

    @property
    def _is_roomy(self) -> bool:
        return self.size.height >= _ROOMY

    @staticmethod
    def _token(status: str) -> str:
        from dive_tui.app.themes import STATUS_TOKENS

        return STATUS_TOKENS.get(status, "dim")

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw one line."""
        return Strip([Segment(text, self.palette[style]) for text, style in self._lines[index]])
