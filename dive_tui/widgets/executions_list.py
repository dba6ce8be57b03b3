"""The list of executions: which of them pass the filter, in which order, and how a row looks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dive_tui.app.text import display_text, fit, human_duration
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.shown_status import DAMAGED, shown_status
from dive_tui.widgets.wait_words import countdown_to, summary_words
from engine.core.query import Query
from engine.model.snapshot import ExecutionSummary
from engine.model.state import INTERRUPTED, OPEN, ExecutionStatus
from engine.model.times import parse_time


class ListTime(StrEnum):
    """How the list shows when an execution started."""

    UTC = "UTC"
    LOCAL = "local"
    AGO = "ago"

    @property
    def following(self) -> ListTime:
        """The next one in turn."""
        forms = list(ListTime)
        return forms[(forms.index(self) + 1) % len(forms)]


class SortOrder(StrEnum):
    """What the list is sorted by; equal ones stand newest first."""

    STARTED = "started"
    TOOK = "took"
    STATUS = "status"
    WORKFLOW = "workflow"
    EVENTS = "events"

    @property
    def following(self) -> SortOrder:
        """The next one in turn."""
        orders = list(SortOrder)
        return orders[(orders.index(self) + 1) % len(orders)]


_STATUS_ORDER = (
    DAMAGED,
    "failed",
    "interrupted",
    "running",
    "pending",
    "waiting",
    "paused",
    "cancelled",
    "continued",
    "completed",
)


def seconds_taken(summary: ExecutionSummary, now: datetime) -> float:
    """Seconds from start to end, or to now while it is open; when its runner is gone, to its last event."""
    end = summary.end_time or (summary.updated_at if summary.shown_status == INTERRUPTED else None)
    return max(0.0, ((parse_time(end) if end else now) - parse_time(summary.start_time)).total_seconds())


def _sort_key(order: SortOrder, now: datetime) -> Callable[[ExecutionSummary], Any] | None:
    keys: Mapping[SortOrder, Callable[[ExecutionSummary], Any]] = {
        SortOrder.TOOK: lambda s: -seconds_taken(s, now),
        SortOrder.STATUS: lambda s: _STATUS_ORDER.index(shown_status(s)),
        SortOrder.WORKFLOW: lambda s: s.workflow_name.lower(),
        SortOrder.EVENTS: lambda s: -s.last_event_seq,
    }
    return keys.get(order)


def arranged(
    summaries: Sequence[ExecutionSummary], query: Query | None, order: SortOrder, now: datetime
) -> list[ExecutionSummary]:
    """Those that pass the query, in this order; `summaries` stand newest first."""
    kept = [summary for summary in summaries if query is None or query.matches(summary, now)]
    key = _sort_key(order, now)
    return kept if key is None else sorted(kept, key=key)


_GAP = "  "


class ExecutionsList(LineView):
    """One row per execution. Give it rows with :meth:`show`; the cursor stays on its execution."""

    newest = "top"

    DEFAULT_CSS = """
    ExecutionsList { height: 1fr; }
    """

    def __init__(self, now: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._now = now
        self._rows: list[ExecutionSummary] = []
        self._places: dict[str, int] = {}
        self.time_form = ListTime.UTC
        self.wanted = Widths()

    @property
    def row_count(self) -> int:
        """How many executions are shown."""
        return len(self._rows)

    @property
    def current(self) -> ExecutionSummary | None:
        """The execution under the cursor."""
        return self._rows[self.cursor] if self._rows else None

    @property
    def rows(self) -> Sequence[ExecutionSummary]:
        """What is shown, from the top."""
        return self._rows

    def show(self, rows: list[ExecutionSummary]) -> None:
        """Show these rows; the cursor follows the execution it is on, and stays near its place when that is gone."""
        held = self.current
        self._rows = rows
        self._places = {summary.id: place for place, summary in enumerate(rows)}
        self._measure()
        self.rows_changed(cursor=self._places.get(held.id, self.cursor) if held is not None else 0)

    def set_time_form(self, form: ListTime) -> None:
        """Show starts in another form."""
        self.time_form = form
        self._measure()
        self.refresh_rows()

    def _measure(self) -> None:
        measured = self._rows[:_MEASURED]
        workflows = {summary.workflow_name for summary in measured}
        steps = {self._place_words(summary) for summary in measured}
        started = max((cell_len(self._started(summary)) for summary in measured), default=8)
        wanted = Widths(max(8, _widest(workflows)), max(7, _widest(steps)), max(8, started))
        if wanted != self.wanted:
            self.wanted = wanted
            self.refresh_rows()

    def move_to_execution(self, execution_id: str) -> bool:
        """Put the cursor on an execution; False when it is not shown."""
        place = self._places.get(execution_id)
        if place is not None:
            self.move_to(place)
        return place is not None

    def row_key(self, index: int) -> Hashable:
        """A row looks the same until its summary, the form of times, or a passing second changes it."""
        summary = self._rows[index]
        ticking = int(self._now().timestamp()) if self.ticks(summary) else 0
        return summary.id, summary.last_event_seq, shown_status(summary), self.time_form, ticking

    def marker_style(self, index: int) -> Style:
        """The cursor wears the colour of the status."""
        return self.palette.status(shown_status(self._rows[index]))

    def ticks(self, summary: ExecutionSummary) -> bool:
        """Whether what its row says changes with every second."""
        return self.time_form is ListTime.AGO or shown_status(summary) in OPEN

    def tick(self) -> None:
        """Let times that run go on: draws anew those rows in view that change with the second."""
        top = self.scroll_offset.y
        for index in range(top, min(top + self.page_size, self.row_count)):
            if self.ticks(self._rows[index]):
                self.refresh_rows(range(index, index + 1))

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw one execution."""
        summary = self._rows[index]
        style = self.palette.status(shown_status(summary))
        cells = self._cells(summary)
        segments: list[Segment] = []
        for name, size in columns(width, self.wanted):
            align = "right" if name in ("TRY", "TOOK") else "left"
            text = fit(cells[name], size, align=align)
            segments += [Segment(text, style if name == "STATUS" else self._style(name)), Segment(_GAP)]
        return Strip(segments)

    def _style(self, column: str) -> Style:
        names = {"WORKFLOW": "text", "AT STEP": "text", "EXECUTION": "dim"}
        return self.palette[names.get(column, "dim")]

    def _cells(self, summary: ExecutionSummary) -> dict[str, str]:
        status = shown_status(summary)
        return {
            "EXECUTION": f"{self.glyphs.ellipsis}{summary.id[-5:]}",
            "WORKFLOW": display_text(summary.workflow_name, max_cells=60),
            "STATUS": f"{self.glyphs.status_cell(status)} {status}",
            "AT STEP": display_text(self._place_words(summary), max_cells=60) or "-",
            "TRY": str(summary.attempt) if summary.attempt else "-",
            "STARTED": self._started(summary),
            "TOOK": human_duration(seconds_taken(summary, self._now())),
            "ERROR": display_text(summary.error, max_cells=200),
        }

    def _place_words(self, summary: ExecutionSummary) -> str:
        """The step it stands at; of one that waits for what, and how long still."""
        if not summary.waiting_for or summary.status not in (ExecutionStatus.WAITING, ExecutionStatus.PAUSED):
            return summary.at_step
        left = countdown_to(summary.wake_at, self._now())
        return f"{summary_words(summary.waiting_for)} {left}".rstrip()

    def _started(self, summary: ExecutionSummary) -> str:
        moment, now = parse_time(summary.start_time), self._now()
        if self.time_form is ListTime.AGO:
            return f"{human_duration(max(0.0, (now - moment).total_seconds()))} ago"
        zone = UTC if self.time_form is ListTime.UTC else None
        moment, now = moment.astimezone(zone), now.astimezone(zone)
        return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%m-%d %H:%M}"


def _widest(names: set[str]) -> int:
    return max((min(_MOST_NAME, cell_len(display_text(name, max_cells=60))) for name in names), default=0)


class Widths(NamedTuple):
    """What the columns of the rows at hand would like to have, in cells."""

    workflow: int = 8
    step: int = 7
    started: int = 8


_MOST_NAME = 28
_LEAST_WORKFLOW = 12
_ID = 6
_MEASURED = 300
"""Rows that have a say in the widths of the columns: looking at ten thousand for each change would cost too much."""


def columns(width: int, wanted: Widths) -> list[tuple[str, int]]:
    """The columns that fit, with their widths: names take what they need, the error gets a place where room is left.

    Where names do not fit, ids do without the room of their heading, tries go, and workflows are cut before places.
    """
    sizes = {"EXECUTION": 9, "STATUS": 13, "TRY": 3, "STARTED": wanted.started, "TOOK": 6}
    if width < 60:
        sizes = {"EXECUTION": _ID, "STATUS": 13, "TOOK": 6}
    names = {"WORKFLOW": wanted.workflow, "AT STEP": wanted.step}
    if width < 40:
        del names["AT STEP"]
    wanted_cells = sum(names.values())
    if wanted_cells > _left(width, sizes, names):
        sizes["EXECUTION"] = _ID
    if wanted_cells > _left(width, sizes, names):
        sizes.pop("TRY", None)
    left = _left(width, sizes, names)
    while sum(names.values()) > max(left, 4 * len(names)):
        cut = "WORKFLOW" if names["WORKFLOW"] > _LEAST_WORKFLOW else max(names, key=names.__getitem__)
        names[cut] -= 1
    sizes |= names
    left -= sum(names.values())
    if left >= 20:
        sizes["ERROR"] = left - len(_GAP)
    order = ("EXECUTION", "WORKFLOW", "STATUS", "AT STEP", "TRY", "STARTED", "TOOK", "ERROR")
    return [(name, sizes[name]) for name in order if name in sizes]


def _left(width: int, sizes: Mapping[str, int], names: Mapping[str, int]) -> int:
    """Cells for names beside columns of these sizes."""
    return width - sum(size + len(_GAP) for size in sizes.values()) - len(_GAP) * len(names)


class ExecutionsHead(LineView):
    """The names of the columns, above the list."""

    can_focus = False
    shows_cursor = False

    DEFAULT_CSS = """
    ExecutionsHead { height: 1; overflow-y: hidden; scrollbar-size-vertical: 0; }
    """

    sorted_by = SortOrder.STARTED
    wanted = Widths()

    @property
    def row_count(self) -> int:
        """One line."""
        return 1

    def on_mount(self) -> None:
        """There is something to draw from the start."""
        self.rows_changed()

    def show(self, order: SortOrder, wanted: Widths) -> None:
        """Mark the column the list is sorted by, and stand above its columns."""
        if (order, wanted) != (self.sorted_by, self.wanted):
            self.sorted_by, self.wanted = order, wanted
            self.refresh_rows()

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw the names, the sorted one bright with an arrow."""
        segments = []
        for name, size in columns(width, self.wanted):
            marked = name.lower() == self.sorted_by
            name = "ID" if name == "EXECUTION" and size < len(name) else name
            text = f"{name} {self.glyphs.down}" if marked and size > len(name) + 1 else name
            align = "right" if name in ("TRY", "TOOK") else "left"
            segments += [
                Segment(fit(text, size, align=align), self.palette["text" if marked else "dim"]),
                Segment(_GAP),
            ]
        return Strip(segments)
