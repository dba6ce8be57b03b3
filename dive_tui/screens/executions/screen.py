"""The first screen: all executions of the store, filtered, sorted, and kept up with what happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.known_stores import kind_of
from dive_tui.app.steering import Steering
from dive_tui.app.text import human_count
from dive_tui.app.themes import STATUS_TOKENS
from dive_tui.app.trouble import Trouble
from dive_tui.app.user_state import Memory
from dive_tui.feeds.executions import ExecutionsFeed
from dive_tui.feeds.messages import ExecutionsChanged, ExecutionsListed, FeedFailed, FeedRecovered
from dive_tui.screens.executions.marks import Marking
from dive_tui.screens.welcome import welcome
from dive_tui.widgets.execution_peek import ExecutionPeek
from dive_tui.widgets.executions_list import ExecutionsHead, ExecutionsList, SortOrder, arranged
from dive_tui.widgets.filter_bar import FilterBar
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import Banner, HeaderLine, part
from dive_tui.widgets.shown_status import DAMAGED, shown_status
from engine.core.query import Query, QueryError, parse_query
from engine.core.references import ReferenceProblem, resolve_reference, split_position
from engine.model.snapshot import ExecutionSummary
from engine.store import ExecutionEventStore

_SHOWN_COUNTS = ("running", DAMAGED, "failed", "interrupted", "waiting", "paused", "completed", "cancelled")


class ExecutionsScreen(Marking):
    """Give it the store with :meth:`watch_store`: `on_ready` is called when it has been painted and can take one.

    `open_execution` is asked to show one, at an event or where it likes; `memory` knows how the list was left.
    """

    BINDINGS = bindings(Scope.EXECUTIONS, Scope.FILTER)
    AUTO_FOCUS = "ExecutionsList"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-roomy"), (220, "-vast")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    ExecutionsScreen { layers: base; background: $background; }
    ExecutionsScreen #panes { height: 1fr; }
    ExecutionsScreen #list-pane { width: 1fr; }
    ExecutionsScreen #peek-pane { width: 40; padding: 0 1; }
    ExecutionsScreen.-roomy #peek-pane { width: 60; }
    ExecutionsScreen.-vast #peek-pane { width: 80; }
    ExecutionsScreen.-narrow #peek-pane { display: none; }
    ExecutionsScreen.-short Pane { border: none; }
    """

    def __init__(
        self,
        place: str,
        folder: Path,
        now: Callable[[], datetime],
        open_execution: Callable[[ExecutionSummary, int | None], None],
        on_ready: Callable[[ExecutionsScreen], None],
        memory: Memory | None = None,
    ) -> None:
        super().__init__()
        self._memory = memory or Memory()
        self._location = ""
        self._on_ready = on_ready
        self._place = place
        self._folder = folder
        self._now = now
        self._open = open_execution
        self._summaries: dict[str, ExecutionSummary] = {}
        self._listed = False
        self._failed = False
        self._missing = False
        self._query: Query | None = None
        known = self._memory.state.order
        self._order = SortOrder(known) if known in set(SortOrder) else SortOrder.STARTED
        self._unseen = 0
        self._kind = ""
        self._ticking: Timer | None = None

    def compose(self) -> ComposeResult:
        """Header, banner, filter, list with the peek beside it, footer."""
        yield HeaderLine()
        yield Banner()
        yield FilterBar(_complaint, placeholder="filter: status:failed workflow:order* age<24h  or any word")
        with Horizontal(id="panes"):
            with Pane(title="Executions", id="list-pane"):
                yield ExecutionsHead()
                yield ExecutionsList(self._now)
            with Pane(id="peek-pane"):
                yield ExecutionPeek(self._now)
        yield FooterLine()

    def on_mount(self) -> None:
        """Start with the focus in the list, following."""
        self._list.set_placeholder("loading", "Reading the store")
        self._list.follow = True
        self._list.focus()
        self.come_back()
        self._ticking = self.set_interval(1.0, self._tick, pause=True)
        self._update()
        self.call_after_refresh(self._on_ready, self)

    @property
    def _list(self) -> ExecutionsList:
        return self.query_one(ExecutionsList)

    @property
    def steered(self) -> ExecutionSummary | None:
        """The execution under the cursor."""
        lists = self.query(ExecutionsList)  # the footer may ask before the list is there
        return lists.first().current if lists else None

    # The store

    def watch_store(self, store: ExecutionEventStore, location: str | None = None) -> None:
        """Show this store and keep up with it; `location` is how runners are told of it."""
        self._failed = self._missing = False
        self._kind = kind_of(store)
        self.steering = Steering(store, location)
        self._location = location or ""
        held = self._memory.state.filters.get(self._location, "")
        if held and _complaint(held) is None:
            self.query_one(FilterBar).set_text(held)
        self.query_one(ExecutionPeek).store_option = self.steering.store_option
        self._feed = ExecutionsFeed(store, self.post_message)
        self.run_worker(self._feed.run(), group="executions", exclusive=True, exit_on_error=False)

    def use_store(self, store: ExecutionEventStore) -> None:
        """Go on with this store, which is at the place of the one before."""
        super().use_store(store)
        self._kind = kind_of(store)
        self._update()

    async def leave_store(self, place: str) -> None:
        """Show nothing of the store any more, and stop reading it; the one at `place` comes next."""
        self._place, self._kind, self._location, self.steering = place, "", "", None
        self._listed = self._failed = self._missing = False
        self._feed = None
        self._summaries, self._unseen = {}, 0
        feeds = self.workers.cancel_group(self, "executions")
        await asyncio.gather(*(feed.wait() for feed in feeds), return_exceptions=True)
        self.query_one(FilterBar).set_text("")
        self._list.marked.clear()
        self.query_one(Banner).hide()
        self._list.set_placeholder("loading", "Reading the store")
        self._list.follow = True
        self._arrange()

    def show_no_store(self) -> None:
        """There is no store yet: say how to get one."""
        self._missing, self._failed = True, False
        self._list.set_placeholder("empty", *welcome(self._place, self._folder, missing=True))
        self._update()

    def show_problem(self, problem: Trouble) -> None:
        """The store cannot be opened."""
        self._failed = True
        self._list.set_placeholder("error", problem.sentence, f"{problem.remedy}   q leaves")
        self._update()

    @on(ExecutionsListed)
    def _take_list(self, message: ExecutionsListed) -> None:
        known = self._summaries
        self._summaries = {summary.id: summary for summary in message.summaries}
        if self._listed:
            self._count_unseen(len(self._summaries.keys() - known.keys()))
        self._listed = True
        if not self._summaries:
            self._list.set_placeholder("empty", *welcome(self._place, self._folder, missing=False))
        self._arrange()

    @on(ExecutionsChanged)
    def _take_changes(self, message: ExecutionsChanged) -> None:
        fresh = False
        for execution_id, summary in message.changed.items():
            if summary is None:
                self._summaries.pop(execution_id, None)
                continue
            if execution_id not in self._summaries:
                fresh = True
                self._count_unseen(1)
            self._summaries[execution_id] = summary
        if fresh:
            ordered = sorted(self._summaries.values(), key=lambda s: (s.start_time, s.id), reverse=True)
            self._summaries = {summary.id: summary for summary in ordered}
        self._arrange()

    @on(FeedFailed)
    def _store_lost(self, message: FeedFailed) -> None:
        self._failed = True
        sentence, remedy, maintain, _ = message.trouble
        self.query_one(Banner).show("error", sentence, hint=remedy, verb="maintain" if maintain else "")
        if not self._listed:
            self._list.set_placeholder("error", sentence, f"{remedy}   q leaves")
        self._update()

    @on(FeedRecovered)
    def _store_found(self) -> None:
        self._failed = False
        self.query_one(Banner).hide()
        self._update()

    def _count_unseen(self, count: int) -> None:
        if not self._list.follow:
            self._unseen += count

    # What is shown

    def _arrange(self) -> None:
        rows = arranged(list(self._summaries.values()), self._query, self._order, self._now())
        if self._summaries and not rows:
            self._list.set_placeholder("empty", "No execution passes the filter.", "/ changes it   esc clears it")
        self._list.show(rows)
        self._list.keep_marks(self._summaries)
        self._pace()
        self._update()

    def _pace(self) -> None:
        """The clock ticks only while there is a time that goes on."""
        if self._ticking is not None and any(self._list.ticks(summary) for summary in self._list.rows):
            self._ticking.resume()
        elif self._ticking is not None:
            self._ticking.pause()

    def _tick(self) -> None:
        self._list.tick()
        current = self._list.current
        if current is not None and self._list.ticks(current):
            self.query_one(ExecutionPeek).show(current)

    def _update(self) -> None:
        self._update_header()
        shown, everything = self._list.row_count, len(self._summaries)
        count = f"{human_count(shown)} of {human_count(everything)}" if shown != everything else human_count(everything)
        self.query_one(FilterBar).set_facts(
            *([count] if self._listed else []), f"{self._order} {self._list.glyphs.down}"
        )
        known = f"{count} executions" if everything != 1 else "1 execution"
        facts = [known if self._listed else "", self.marks_told()]
        self.query_one("#list-pane", Pane).set_fact("   ".join(fact for fact in facts if fact))
        self.query_one(ExecutionsHead).show(self._order, self._list)
        footer = self.query_one(FooterLine)
        if self._unseen and not self._list.follow:
            footer.set_fact(f"{self._unseen} new {self._list.glyphs.up}", "accent", verb="follow")
        else:
            footer.set_fact("")
        self._look(self._list.current)

    def _look(self, summary: ExecutionSummary | None) -> None:
        pane = self.query_one("#peek-pane", Pane)
        pane.set_title(f"{self._list.glyphs.ellipsis}{summary.id[-5:]}" if summary else "")
        self.query_one(ExecutionPeek).show(summary)
        self.offer_what_applies()

    def _update_header(self) -> None:
        glyphs = self._list.glyphs
        counts = Counter(shown_status(summary) for summary in self._summaries.values())
        parts = [part((self._place, "bold bright"), priority=1, shrink=12)]
        if self._kind:
            parts.append(part((f"({self._kind})", "dim"), priority=2, gap=1))
        if self.steering is not None and self.steering.read_only:
            parts.append(part(("read-only", "waiting"), priority=2))
        for place, status in enumerate(_SHOWN_COUNTS):
            if counts[status]:
                text = f"{glyphs.status(status)} {human_count(counts[status])} {status}"
                parts.append(part((text, STATUS_TOKENS.get(status, "dim")), priority=3 + place, gap=3))
        parts.append(part((self._list.time_form, "dim"), priority=12, right=True))
        self.query_one(ExecutionsHead).display = bool(self._list.row_count)
        if self._failed:
            parts.append(part((f"{glyphs.failed} store unreadable", "failed"), right=True, gap=3))
        elif not self._listed:
            parts.append(part(("no store yet" if self._missing else "loading", "dim"), right=True, gap=3))
        elif self._list.follow:
            parts.append(part((f"{glyphs.live} live", "running"), right=True, gap=3))
        else:
            parts.append(part((f"{glyphs.live} live, holding", "dim"), right=True, gap=3))
        self.query_one(HeaderLine).set_parts(parts)

    @on(LineView.RowHighlighted)
    def _moved(self) -> None:
        self._look(self._list.current)

    @on(LineView.FollowChanged)
    def _follow_changed(self, message: LineView.FollowChanged) -> None:
        if message.follow:
            self._unseen = 0
        self._update()

    # Filter

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.query_one(FilterBar).open()

    @on(FilterBar.Changed)
    def _filter_changed(self, message: FilterBar.Changed) -> None:
        self._query = parse_query(message.text) if message.text.strip() else None
        if self._location and self._memory.filter_changed(self._location, message.text.strip()):
            self.save_memory()
        self._arrange()

    def action_escape(self) -> None:
        """Take the marks away, else clear the filter; on the first screen there is nothing else to close."""
        if self.maximized is not None:
            self.minimize()
        elif self._list.marked:
            self.clear_marks()
        else:
            self.query_one(FilterBar).set_text("")

    # Actions

    def why_not_open(self) -> str | None:
        """Only an execution can be opened."""
        return None if self._list.current is not None else "There is no execution to open."

    def action_open(self) -> None:
        """Open the execution under the cursor."""
        if self._list.current is not None:
            self._open(self._list.current, None)

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_open()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._order = self._order.following
        if self._memory.change(order=str(self._order)):
            self.save_memory()
        self._arrange()

    def action_next_failed(self) -> None:
        """Go to the next failed execution below the cursor, then from the top."""
        rows = self._list.rows
        places = [*range(self._list.cursor + 1, len(rows)), *range(self._list.cursor + 1)]
        for place in places:
            if place < len(rows) and rows[place].shown_status == "failed":
                self._list.move_to(place)
                return
        self.notify("No failed execution in the list.", markup=False)

    def action_first(self) -> None:
        """Go to the first execution."""
        self._list.action_top()

    def action_last(self) -> None:
        """Go to the last execution."""
        self._list.action_bottom()

    def action_follow(self) -> None:
        """Stay at the newest, or stop staying there."""
        self._list.follow = not self._list.follow
        self._update()

    def action_time_format(self) -> None:
        """Show starts as UTC, local, or so long ago."""
        self._list.set_time_form(self._list.time_form.following)
        if self._memory.change(times=str(self._list.time_form)):
            self.save_memory()
        self.query_one(ExecutionsHead).show(self._order, self._list)
        self._pace()
        self._update_header()

    def go_to(self, target: str) -> str | None:
        """Open the execution a person names; a sentence when there is none."""
        try:
            reference, sequence = split_position(target)
            execution_id = resolve_reference(reference, list(self._summaries.values()))
        except ReferenceProblem as problem:
            return str(problem)
        self._list.move_to_execution(execution_id)
        self._open(self._summaries[execution_id], sequence)
        return None


def _complaint(text: str) -> str | None:
    """What is wrong with a filter, or None."""
    try:
        parse_query(text)
    except QueryError as error:
        return str(error)
    return None
