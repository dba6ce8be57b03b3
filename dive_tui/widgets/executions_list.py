"""The list of executions: which of them pass the filter, in which order, and how a row looks."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dive_tui.app.text import display_text, fit, human_count, human_duration
from dive_tui.widgets.executions_columns import GAP, RIGHT_ALIGNED, Widths, columns
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
        self.chosen: tuple[str, ...] = ()
        """The columns a person chose, by name; none: the usual ones."""
        self.marked: dict[str, None] = {}
        """Ids of what is marked, in the order in which it was; not all of it need be in sight."""

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
        labels = _widest({_labels_words(summary) for summary in measured})
        started = max((cell_len(self._time(summary.start_time)) for summary in measured), default=8)
        error = _widest({summary.error[: 2 * _MOST_CELLS] for summary in measured})
        wanted = Widths(max(8, _widest(workflows)), max(7, _widest(steps)), max(8, started), labels, error)
        if wanted != self.wanted:
            self.wanted = wanted
            self.refresh_rows()

    def choose_columns(self, chosen: Sequence[str]) -> None:
        """Show these columns, or with none the usual ones."""
        self.chosen = tuple(chosen)
        self.refresh_rows()

    # Marks

    def toggle_mark(self) -> None:
        """Mark the execution under the cursor, or take its mark away."""
        if self.current is None:
            return
        if self.current.id in self.marked:
            del self.marked[self.current.id]
        else:
            self.marked[self.current.id] = None
        self.refresh_rows()

    def mark_range(self) -> bool:
        """Mark all from the last one marked to the cursor; False when none that is shown is marked."""
        start = next((self._places[each] for each in reversed(self.marked) if each in self._places), None)
        if start is None:
            return False
        step = 1 if start <= self.cursor else -1
        for place in range(start, self.cursor + step, step):
            self.marked.setdefault(self._rows[place].id)
        self.refresh_rows()
        return True

    def keep_marks(self, known: Container[str]) -> None:
        """Forget the marks of what is no longer known."""
        gone = [each for each in self.marked if each not in known]
        for each in gone:
            del self.marked[each]
        if gone:
            self.refresh_rows()

    @property
    def marks_in_sight(self) -> int:
        """How many of the marked pass the filter."""
        return sum(each in self._places for each in self.marked)

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
        marked = summary.id in self.marked
        return summary.id, summary.last_event_seq, shown_status(summary), self.time_form, ticking, marked

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
        segments: list[Segment] = []
        if self.marked:
            sign = self.glyphs.marked if summary.id in self.marked else " "
            segments.append(Segment(f"{sign} ", self.palette["bold accent"]))
            width -= 2
        for heading, size in columns(width, self.wanted, self.chosen):
            text = fit(self._cell(heading, summary), size, align="right" if heading in RIGHT_ALIGNED else "left")
            segments += [Segment(text, style if heading == "STATUS" else self._style(heading)), Segment(GAP)]
        return Strip(segments)

    def _style(self, heading: str) -> Style:
        return self.palette["text" if heading in ("WORKFLOW", "AT STEP") else "dim"]

    def _cell(self, heading: str, summary: ExecutionSummary) -> str:
        """What stands in a column, safe to show."""
        match heading:
            case "EXECUTION":
                return f"{self.glyphs.ellipsis}{summary.id[-5:]}"
            case "STATUS":
                status = shown_status(summary)
                return f"{self.glyphs.status_cell(status)} {status}"
            case "TRY":
                return str(summary.attempt) if summary.attempt else "-"
            case "STARTED":
                return self._time(summary.start_time)
            case "ENDED":
                return self._time(summary.end_time) if summary.end_time else "-"
            case "TOOK":
                return human_duration(seconds_taken(summary, self._now()))
            case "EVENTS":
                return human_count(summary.last_event_seq)
            case "PATHS":
                return human_count(summary.path_count)
        return display_text(self._words(heading, summary), max_cells=200) or "-"

    def _words(self, heading: str, summary: ExecutionSummary) -> str:
        """What stands in a column of any text."""
        match heading:
            case "WORKFLOW":
                return summary.workflow_name
            case "AT STEP":
                return self._place_words(summary)
            case "LABELS":
                return _labels_words(summary)
            case "FROM":
                source = (summary.lineage or {}).get("execution_id")
                return f"{self.glyphs.ellipsis}{source[-5:]}" if isinstance(source, str) else ""
            case "ID":
                return summary.id
        return summary.error or " "

    def _place_words(self, summary: ExecutionSummary) -> str:
        """The step it stands at; of one that waits for what, and how long still."""
        if not summary.waiting_for or summary.status not in (ExecutionStatus.WAITING, ExecutionStatus.PAUSED):
            return summary.at_step
        left = countdown_to(summary.wake_at, self._now())
        return f"{summary_words(summary.waiting_for)} {left}".rstrip()

    def _time(self, timestamp: str) -> str:
        moment, now = parse_time(timestamp), self._now()
        if self.time_form is ListTime.AGO:
            return f"{human_duration(max(0.0, (now - moment).total_seconds()))} ago"
        zone = UTC if self.time_form is ListTime.UTC else None
        moment, now = moment.astimezone(zone), now.astimezone(zone)
        return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%m-%d %H:%M}"


def _widest(names: set[str]) -> int:
    return max((cell_len(display_text(name, max_cells=_MOST_CELLS)) for name in names), default=0)


def _labels_words(summary: ExecutionSummary) -> str:
    return " ".join(f"{name}={value}" for name, value in islice(summary.labels.items(), _MOST_LABELS))


_MEASURED = 300
"""Rows that have a say in the widths of the columns: looking at ten thousand for each change would cost too much."""
_MOST_CELLS = 60
_MOST_LABELS = 8


class ExecutionsHead(LineView):
    """The names of the columns, above the list."""

    can_focus = False
    shows_cursor = False

    DEFAULT_CSS = """
    ExecutionsHead { height: 1; overflow-y: hidden; scrollbar-size-vertical: 0; }
    """

    sorted_by = SortOrder.STARTED
    _above: tuple[Widths, tuple[str, ...], bool] = (Widths(), (), False)

    @property
    def row_count(self) -> int:
        """One line."""
        return 1

    def on_mount(self) -> None:
        """There is something to draw from the start."""
        self.rows_changed()

    def show(self, order: SortOrder, below: ExecutionsList) -> None:
        """Mark the column the list is sorted by, and stand above the columns of the list."""
        above = below.wanted, below.chosen, bool(below.marked)
        if (order, above) != (self.sorted_by, self._above):
            self.sorted_by, self._above = order, above
            self.refresh_rows()

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw the names, the sorted one bright with an arrow."""
        wanted, chosen, marks = self._above
        segments = [Segment("  ")] if marks else []
        for heading, size in columns(width - 2 * marks, wanted, chosen):
            marked = heading.lower() == self.sorted_by
            name = "ID" if heading == "EXECUTION" and size < len(heading) else heading
            text = f"{name} {self.glyphs.down}" if marked and size > len(name) + 1 else name
            align = "right" if heading in RIGHT_ALIGNED else "left"
            segments += [
                Segment(fit(text, size, align=align), self.palette["text" if marked else "dim"]),
                Segment(GAP),
            ]
        return Strip(segments)
