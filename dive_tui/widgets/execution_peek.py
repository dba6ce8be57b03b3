"""A look at the execution under the cursor of the list: what became of it and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_lines, display_text, human_count, human_duration
from dive_tui.widgets.executions_list import seconds_taken
from dive_tui.widgets.line_view import LineView
from engine.model.snapshot import ExecutionSummary

_ERROR_LINES = 12
Line = list[tuple[str, str]]
"""Pieces of safe text, each with the palette name of its style."""


class ExecutionPeek(LineView):
    """Rows of words about one execution."""

    can_focus = False
    shows_cursor = False

    def __init__(self, now: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._now = now
        self._summary: ExecutionSummary | None = None
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
        status = summary.shown_status
        token = self._token(status)
        pill = f" {self.glyphs.status(status)} {status.upper()} "
        lines: list[Line] = [[(pill, f"pill {token}"), (f"  {display_text(summary.at_step, max_cells=60)}", "bright")]]
        if summary.error:
            wrapped = list(display_lines(summary.error[:4096], width))
            lines += [[(line, "failed")] for line in wrapped[:_ERROR_LINES]]
        lines.append([])
        lines.append([("workflow  ", "dim"), (display_text(summary.workflow_name, max_cells=80), "text")])
        lines.append([("events    ", "dim"), (human_count(summary.last_event_seq), "text")])
        lines.append([("paths     ", "dim"), (human_count(summary.path_count), "text")])
        lines.append([("took      ", "dim"), (human_duration(seconds_taken(summary, self._now())), "text")])
        for name, value in list(summary.labels.items())[:4]:
            lines.append(
                [(f"{display_text(name, max_cells=9):<10}", "dim"), (display_text(value, max_cells=80), "text")]
            )
        if status == "interrupted":
            lines += [[], [("Its runner is gone; what it had", "waiting")], [("recorded is all here.", "waiting")]]
        lines += [[], [(display_text(summary.id, max_cells=80), "dim")]]
        return lines

    @staticmethod
    def _token(status: str) -> str:
        from dive_tui.app.themes import STATUS_TOKENS

        return STATUS_TOKENS.get(status, "dim")

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw one line."""
        return Strip([Segment(text, self.palette[style]) for text, style in self._lines[index]])
