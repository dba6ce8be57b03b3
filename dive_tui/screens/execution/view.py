"""What the execution screen shows: timeline, events and inspector around one cursor, kept up with the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import cast

from textual import on
from textual.app import ComposeResult
from textual.timer import Timer

from dive_tui.app.shell import Shell
from dive_tui.app.steering import Steering
from dive_tui.app.text import human_count
from dive_tui.app.trouble import Trouble
from dive_tui.feeds.history import HistoryFeed
from dive_tui.feeds.messages import (
    FeedFailed,
    FeedRecovered,
    HistoryExamined,
    HistoryGrew,
    HistoryLoaded,
    HistoryOpened,
    HistoryProgress,
)
from dive_tui.screens.execution.banner import TOLD, told
from dive_tui.screens.execution.failures import cause_of
from dive_tui.screens.execution.guide import Guide
from dive_tui.screens.execution.header import HeaderFacts, header_parts
from dive_tui.screens.execution.history import GrowingHistory
from dive_tui.screens.execution.panes import ExecutionPanes, PaneName
from dive_tui.screens.execution.sizes import SizedScreen
from dive_tui.widgets.events.event_sections import Context
from dive_tui.widgets.events.event_words import TimeFormat
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.line_view import LineView, PlaceholderKind
from dive_tui.widgets.parts import Banner, HeaderLine, PartsLine, Remedy
from dive_tui.widgets.replay_banner import ReplayBanner
from dive_tui.widgets.scrubber import Scrubber
from dive_tui.widgets.timeline.lines import CursorAsked
from engine.model.snapshot import ExecutionSummary
from engine.model.state import OPEN, ExecutionStatus, Wait, open_waits
from engine.model.times import epoch_seconds
from engine.replay.history import History
from engine.store import ExecutionEventStore, StoreError
from stores.maintenance import Finding

FRONT_INTERVAL = 0.1
"""Seconds between two moves of the front of what is running."""
REST_INTERVAL = 1.0
"""The same while it only waits: countdowns tell whole seconds."""


class ExecutionView(SizedScreen):
    """One execution of a store, at an event when `sequence` is given. `now` tells the time of day, with a zone.

    `location` is how runners are told of the store.
    """

    replaying = False
    """Whether one looks at the past: the cursor follows nothing then."""

    def __init__(
        self,
        store: ExecutionEventStore,
        execution_id: str,
        sequence: int | None = None,
        *,
        summary: ExecutionSummary | None = None,
        guide: bool = False,
        location: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._store = store
        self.steering = Steering(store, location)
        self._execution_id = execution_id
        self._wanted = sequence
        self._summary = summary
        self._now = now
        self._guide = Guide() if guide else None
        work = partial(self.run_worker, group="take in", exit_on_error=False)
        self._growing = GrowingHistory(work, self._show_history, self._show_growth)
        self._sequence = 0
        self._follow = False
        self._loading: tuple[int, int] | None = None
        self._damage = ""
        self._findings: tuple[Finding, ...] = ()
        self._trouble: Trouble | None = None
        self._time_format = TimeFormat.ELAPSED
        self._before_detail: PaneName | None = None
        self._clocks: tuple[Timer, ...] = ()

    def compose(self) -> ComposeResult:
        """Header, scrubber, banner, panes, footer; and what is shown where all that has no room."""
        yield HeaderLine()
        yield ReplayBanner()
        yield Scrubber()
        yield Banner()
        yield Remedy()
        yield ExecutionPanes()
        yield FooterLine()
        yield PartsLine(id="too-small")

    def on_mount(self) -> None:
        """Paint at once; the history comes when it has been read."""
        self._clocks = tuple(
            self.set_interval(seconds, self._tick, pause=True) for seconds in (FRONT_INTERVAL, REST_INTERVAL)
        )
        self._set_placeholders("loading", "Reading the history")
        self.panes.events.focus()
        self._feed = HistoryFeed(self._store, self._execution_id, self.post_message)
        self.run_worker(self._feed.run(), group="feed", exclusive=True, exit_on_error=False)
        self._update()

    @property
    def execution_id(self) -> str:
        """Which execution it is."""
        return self._execution_id

    @property
    def sequence(self) -> int:
        """Where the cursor stands; 0 while there are no events."""
        return self._sequence

    @property
    def history(self) -> History | None:
        """The events, once there are some."""
        return self._growing.history

    def why_not_here(self) -> str | None:
        """Why nothing can be done that needs the whole history, or None."""
        history = self._growing.history
        if history is None:
            return "The history is not here yet."
        return "The history is still being read." if history.is_loading else None

    @property
    def steered(self) -> ExecutionSummary | None:
        """This execution."""
        return self._summary

    def open_waits(self) -> list[Wait] | None:
        """Everything it waits for, once its history is here."""
        history = self._growing.history
        return None if history is None or self._loading is not None else open_waits(history.latest)

    # What the store tells

    @on(HistoryProgress)
    def _progressed(self, message: HistoryProgress) -> None:
        self._summary = message.summary
        if message.loaded:
            self._loading = message.loaded, message.total
            done = f"Loading {human_count(message.loaded)} of {human_count(message.total)} events"
            if self._growing.history is None:
                self._set_placeholders("loading", done)
            else:  # events are shown already, and what there is to say of them stays
                self.panes.timeline.rows.set_placeholder("loading", done)
        self._update()

    @on(HistoryOpened)
    def _opened(self, message: HistoryOpened) -> None:
        self._summary = message.summary
        self._growing.open(message.history, message.outline)
        self._update()

    @on(HistoryLoaded)
    def _loaded(self, message: HistoryLoaded) -> None:
        self._summary, self._damage, self._loading = message.summary, message.damage, None
        if not len(message.history):
            self._set_placeholders("empty", "No event can be read.", message.damage)
        self._growing.load(message.history, message.outline)
        self._update()

    @on(HistoryGrew)
    def _grew(self, message: HistoryGrew) -> None:
        if self._damage and not message.damage:
            self._findings = ()
        self._summary, self._damage = message.summary, message.damage
        self._growing.add(message.events)
        self._update()

    @on(HistoryExamined)
    def _examined(self, message: HistoryExamined) -> None:
        self._findings = tuple(finding for finding in message.findings if finding.kind in TOLD)
        self._update_banner()

    @on(FeedFailed)
    def _store_lost(self, message: FeedFailed) -> None:
        self._trouble = message.trouble
        self._set_placeholders("error", message.trouble.sentence, f"{message.trouble.remedy}   q goes back")
        self._update()

    @on(FeedRecovered)
    def _store_found(self) -> None:
        self._trouble = None
        self._mirror(scroll=False)  # what could not be read may be here now
        self._update()

    # Showing it

    @property
    def _live(self) -> bool:
        """Whether it goes on: somebody drives it, or it waits or is paused, and time passes."""
        return self._summary is not None and self._summary.shown_status in OPEN

    @property
    def _at_rest(self) -> bool:
        """Whether nothing of it is at work, so that only clocks move."""
        return self._summary is not None and self._summary.status in (ExecutionStatus.WAITING, ExecutionStatus.PAUSED)

    @property
    def _elapsed(self) -> float:
        """Seconds since the first event: to now while it runs, else to the last event."""
        outline, summary = self._growing.outline, self._summary
        if outline is not None and not outline.is_loading:
            began, lasted = outline.started, outline.duration
        elif summary is not None:
            began = epoch_seconds(summary.start_time)
            lasted = epoch_seconds(summary.end_time or summary.updated_at) - began
        else:
            return 0.0
        return max(lasted, self._now().timestamp() - began) if self._live else lasted

    def _show_history(self) -> None:
        """Fill everything, the cursor where the answer is."""
        history, outline, panes = self._growing.history, self._growing.outline, self.panes
        assert history is not None and outline is not None
        if not self._sequence:
            self._sequence = self._start(history)
        self._sequence = min(self._sequence, len(history))
        self._follow = self._live and self._sequence == len(history)
        if not history.is_loading:
            self.query_one(Scrubber).show(history, outline)
            panes.timeline.show(history, outline, live=self._live, now=self._elapsed)
        panes.events.show(history, outline, self._sequence)
        self._pace()
        self._mirror()

    def _start(self, history: History) -> int:
        """Failed: the failure that caused the end. Else the last event, unless another one was asked for."""
        if self._wanted is not None:
            if not 1 <= self._wanted <= len(history):
                self._say(f"There is no event {self._wanted}: this execution has events 1 to {len(history)}.")
            return min(max(self._wanted, 1), len(history))
        failed = self._summary is not None and self._summary.status == "failed"
        return (failed and cause_of(history)) or len(history)

    def _show_growth(self) -> None:
        """Take into the panes what was added, or that only the status changed."""
        history, panes, followed = self._growing.history, self.panes, self._follow
        assert history is not None
        if followed:
            self._sequence = len(history)
        self._follow = followed and self._live
        panes.timeline.grew(live=self._live, now=self._elapsed)
        panes.events.grew(self._sequence)
        self._pace()
        self._mirror(scroll=followed)

    def _mirror(self, *, scroll: bool = True) -> None:
        """Show the cursor in all panes; without `scroll` lists stay where a person scrolled them to."""
        history, outline, panes = self._growing.history, self._growing.outline, self.panes
        if history is None or outline is None:
            return
        panes.events.set_cursor(self._sequence, scroll=scroll)
        panes.timeline.set_cursor(self._sequence, scroll=scroll)
        self.query_one(Scrubber).set_cursor(self._sequence)
        if history.has(self._sequence):
            context = Context(history, outline, panes.events.glyphs, self._time_format)
            panes.inspector.show(context, self._sequence)
        else:
            self.run_worker(self._fetch(history, self._sequence), group="fetch", exclusive=True, exit_on_error=False)
        panes.events.follow = self._follow
        self._update()

    async def _fetch(self, history: History, sequence: int) -> None:
        """Read the event under the cursor; when it is here and the cursor still there, it is shown."""
        try:
            await asyncio.to_thread(history.event, sequence)
        except StoreError as problem:
            if sequence == self._sequence:
                self.panes.inspector.show_unreadable(sequence, str(problem))
            return
        if sequence == self._sequence:
            self._mirror(scroll=False)

    def move_cursor(self, sequence: int) -> None:
        """Put the one cursor on an event; at the end of what is running it follows from then on."""
        history = self._growing.history
        if history is None:
            return
        self._sequence = min(max(sequence, 1), len(history))
        self._follow = self._live and self._sequence == len(history) and not self.replaying
        self._mirror()

    @on(CursorAsked)
    def _cursor_asked(self, message: CursorAsked) -> None:
        self.move_cursor(message.sequence)

    @on(LineView.FollowChanged)
    def _follow_changed(self, message: LineView.FollowChanged) -> None:
        """Scrolling away from the end stops following."""
        if self._follow and message.view is self.panes.events and not message.view.follow:
            self._follow = False
            self._update()

    def _pace(self) -> None:
        """The clock ticks only while there is something to move."""
        if self._guide is not None and self._summary is not None and self._summary.status == "failed":
            self._guide.execution_failed()
        self.query_one(Scrubber).set_time(self._elapsed, live=self._live)
        for timer, needed in zip(self._clocks, (not self._at_rest, self._at_rest), strict=False):
            if self._live and needed:
                timer.resume()
            else:
                timer.pause()

    def _tick(self) -> None:
        """Time goes on for what is running."""
        self.panes.timeline.tick(self._elapsed)
        self.query_one(Scrubber).set_time(self._elapsed, live=self._live)
        self._update_header()

    # Header, titles, banner

    def _update(self) -> None:
        history, panes = self._growing.history, self.panes
        self._update_header()
        index = history.index if history is not None else None
        paths, steps = (len(index.paths), len(index.step_starts)) if index is not None else (0, 0)
        panes.set_titles(self._sequence, len(history) if history is not None else 0, paths, steps)
        panes.set_timeline_rows(panes.timeline.wanted_rows)
        self._update_banner()

    def _update_header(self) -> None:
        facts = HeaderFacts(
            execution_id=self._execution_id,
            summary=self._summary,
            history=self._growing.history,
            sequence=self._sequence,
            follow=self._follow,
            elapsed=self._elapsed,
            now=self._now(),
            time_format=self._time_format,
            loading=self._loading,
            read_only=self.steering is not None and self.steering.read_only,
            with_keys=self.has_class("-flat"),
        )
        self.query_one(HeaderLine).set_parts(header_parts(facts, self.panes.events.glyphs))
        self.offer_what_applies()

    def _update_banner(self) -> None:
        """The most serious thing there is to say, if any."""
        banner = self.query_one(Banner)
        said = told(self._trouble, self._damage, self._findings, self._growing.history, self._guide)
        self._update_remedy()
        if said is None:
            banner.hide()
        else:
            banner.show(said.kind, said.text, hint=said.hint, verb=said.verb)

    def _update_remedy(self) -> None:
        remedy, name = self.query_one(Remedy), self._execution_id[-5:]
        if self._trouble is None and (self._damage or self._findings):
            option = self.steering.store_option if self.steering is not None else ""
            commands = (f"dive-tui verify {name}{option}", f"dive-tui repair {name}{option}")
            remedy.show("V", "looks closer, and repairs", "maintain", *commands)
        else:
            remedy.display = False

    def _set_placeholders(self, kind: PlaceholderKind, text: str, hint: str = "") -> None:
        panes = self.panes
        for view in (panes.timeline.rows, panes.events):
            view.set_placeholder(kind, text, hint)
        panes.inspector.set_placeholder(kind, text, hint)

    def _did(self, verb: str) -> None:
        """Let the guide know."""
        if self._guide is not None:
            self._guide.did(verb)
            self._update_banner()

    @property
    def shell(self) -> Shell:
        """The app."""
        return cast("Shell", self.app)

    def _say(self, sentence: str) -> None:
        self.shell.say(sentence)
