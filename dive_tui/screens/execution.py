"""The screen of one execution: timeline, events and inspector around one cursor, live while it runs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import cast

from textual import events, on
from textual.app import ComposeResult
from textual.timer import Timer

from dive_tui.app.actions import Scope
from dive_tui.app.clipboard import copy
from dive_tui.app.keymap import bindings
from dive_tui.app.shell import GoesTo, Shell
from dive_tui.app.text import human_count
from dive_tui.feeds.history import HistoryFeed
from dive_tui.feeds.messages import FeedFailed, FeedRecovered, HistoryGrew, HistoryLoaded, HistoryProgress
from dive_tui.screens.execution_copy import offers
from dive_tui.screens.execution_guide import Guide
from dive_tui.screens.execution_header import HeaderFacts, header_parts
from dive_tui.screens.execution_history import GrowingHistory
from dive_tui.screens.execution_panes import FLAT, ExecutionPanes, PaneName
from dive_tui.widgets.copy_menu import CopyMenu, Offer
from dive_tui.widgets.event_detail import Context
from dive_tui.widgets.event_words import TimeFormat
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.line_view import LineView, PlaceholderKind
from dive_tui.widgets.parts import Banner, HeaderLine, PartsLine, part
from dive_tui.widgets.screens import AppScreen
from dive_tui.widgets.scrubber import Scrubber
from dive_tui.widgets.timeline import ZOOM_FACTOR
from dive_tui.widgets.timeline_lines import CursorAsked
from engine.model.events import ExecutionEventType
from engine.model.snapshot import ExecutionSummary
from engine.model.times import epoch_seconds
from engine.replay.history import History
from engine.store import ExecutionEventStore

FRONT_INTERVAL = 0.1
"""Seconds between two moves of the front of what is running."""
LEAST_WIDTH, LEAST_HEIGHT = 50, 10


class ExecutionScreen(AppScreen[None]):
    """One execution of a store, at an event when `sequence` is given. `now` tells the time of day, with a zone."""

    BINDINGS = bindings(Scope.CURSOR, Scope.EXECUTION)

    DEFAULT_CSS = """
    ExecutionScreen { layout: vertical; background: $background; }
    ExecutionScreen #too-small { display: none; height: 1fr; }
    ExecutionScreen.-flat FooterLine { display: none; }
    ExecutionScreen.-too-small > * { display: none; }
    ExecutionScreen.-too-small > #too-small { display: block; }
    """

    def __init__(
        self,
        store: ExecutionEventStore,
        execution_id: str,
        sequence: int | None = None,
        *,
        summary: ExecutionSummary | None = None,
        guide: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._store = store
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
        self._damage = self._trouble = ""
        self._time_format = TimeFormat.ELAPSED
        self._before_detail: PaneName | None = None
        self._ticking: Timer | None = None

    def compose(self) -> ComposeResult:
        """Header, scrubber, banner, panes, footer; and what is shown where all that has no room."""
        yield HeaderLine()
        yield Scrubber()
        yield Banner()
        yield ExecutionPanes()
        yield FooterLine()
        yield PartsLine(id="too-small")

    def on_mount(self) -> None:
        """Paint at once; the history comes when it has been read."""
        self._ticking = self.set_interval(FRONT_INTERVAL, self._tick, pause=True)
        self._set_placeholders("loading", "Reading the history")
        self.panes.events.focus()
        feed = HistoryFeed(self._store, self._execution_id, self.post_message)
        self.run_worker(feed.run(), group="feed", exclusive=True, exit_on_error=False)
        self._update()

    @property
    def panes(self) -> ExecutionPanes:
        """Timeline, events and inspector."""
        return self.query_one(ExecutionPanes)

    @property
    def sequence(self) -> int:
        """Where the cursor stands; 0 while there are no events."""
        return self._sequence

    @property
    def history(self) -> History | None:
        """The events, once there are some."""
        return self._growing.history

    # What the store tells

    @on(HistoryProgress)
    def _progressed(self, message: HistoryProgress) -> None:
        self._loading = message.loaded, message.total
        self._set_placeholders(
            "loading", f"Loading {human_count(message.loaded)} of {human_count(message.total)} events"
        )
        self._update()

    @on(HistoryLoaded)
    def _loaded(self, message: HistoryLoaded) -> None:
        self._summary, self._damage, self._loading = message.summary, message.damage, None
        if not len(message.history):
            self._set_placeholders("empty", "No event can be read.", message.damage)
        self._growing.load(message.history)
        self._update()

    @on(HistoryGrew)
    def _grew(self, message: HistoryGrew) -> None:
        self._summary = message.summary
        self._growing.add(message.events)

    @on(FeedFailed)
    def _store_lost(self, message: FeedFailed) -> None:
        self._trouble = message.sentence
        self._set_placeholders("error", message.sentence, "It is tried again every second.   q goes back")
        self._update()

    @on(FeedRecovered)
    def _store_found(self) -> None:
        self._trouble = ""
        self._update()

    # Showing it

    @property
    def _live(self) -> bool:
        return self._summary is not None and self._summary.live is True

    @property
    def _elapsed(self) -> float:
        """Seconds since the first event: to now while it runs, else to the last event."""
        outline, summary = self._growing.outline, self._summary
        if outline is None and summary is None:
            return 0.0
        began = outline.started if outline is not None else epoch_seconds(summary.start_time) if summary else 0.0
        if outline is not None:
            lasted = outline.duration
        else:
            lasted = epoch_seconds(summary.end_time or summary.updated_at) - began if summary else 0.0
        return max(lasted, self._now().timestamp() - began) if self._live else lasted

    def _show_history(self) -> None:
        """Fill everything, the cursor where the answer is."""
        history, outline, panes = self._growing.history, self._growing.outline, self.panes
        assert history is not None and outline is not None
        self._sequence = self._start(history)
        self._follow = self._live and self._sequence == len(history)
        self.query_one(Scrubber).show(history, outline)
        panes.timeline.show(history, outline, live=self._live, now=self._elapsed)
        panes.events.show(history, outline, self._sequence)
        panes.events.follow = self._follow
        self._pace()
        self._mirror()

    def _start(self, history: History) -> int:
        """Failed: the failure that caused the end. Else the last event, unless another one was asked for."""
        if self._wanted is not None:
            if not 1 <= self._wanted <= len(history):
                self._say(f"There is no event {self._wanted}: this execution has events 1 to {len(history)}.")
            return min(max(self._wanted, 1), len(history))
        failed = self._summary is not None and self._summary.status == "failed"
        return (failed and history.failure_sequence()) or len(history)

    def _show_growth(self) -> None:
        """Take into the panes what was added, or that only the status changed."""
        history, panes = self._growing.history, self.panes
        assert history is not None
        if self._follow:
            self._sequence = len(history)
        panes.timeline.grew(live=self._live, now=self._elapsed)
        panes.events.rows_changed(cursor=self._sequence - 1)
        self._follow = self._follow and self._live
        panes.events.follow = self._follow
        self._pace()
        self._mirror()

    def _mirror(self) -> None:
        """Show the cursor in all panes."""
        history, outline, panes = self._growing.history, self._growing.outline, self.panes
        if history is None or outline is None:
            return
        panes.events.set_cursor(self._sequence)
        panes.timeline.set_cursor(self._sequence)
        self.query_one(Scrubber).set_cursor(self._sequence)
        context = Context(history, outline, panes.events.glyphs, self._time_format)
        panes.inspector.show(context, self._sequence)
        self._update()

    def move_cursor(self, sequence: int) -> None:
        """Put the one cursor on an event; at the end of what is running it follows from then on."""
        history = self._growing.history
        if history is None:
            return
        self._sequence = min(max(sequence, 1), len(history))
        self._follow = self._live and self._sequence == len(history)
        self.panes.events.follow = self._follow
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
        self.query_one(Scrubber).set_time(self._elapsed, live=self._live)
        if self._ticking is not None and self._live:
            self._ticking.resume()
        elif self._ticking is not None:
            self._ticking.pause()

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
        panes.set_timeline_rows(paths + steps)
        self._update_banner()

    def _update_header(self) -> None:
        facts = HeaderFacts(
            execution_id=self._execution_id,
            summary=self._summary,
            history=self._growing.history,
            sequence=self._sequence,
            follow=self._follow,
            elapsed=self._elapsed,
            time_format=self._time_format,
            loading=self._loading,
            with_keys=self.has_class("-flat"),
        )
        self.query_one(HeaderLine).set_parts(header_parts(facts, self.panes.events.glyphs))

    def _update_banner(self) -> None:
        """The most serious thing there is to say, if any."""
        banner, history = self.query_one(Banner), self._growing.history
        if self._trouble:
            banner.show("error", self._trouble, hint="What was read stays here. It is tried again every second.")
        elif self._damage:
            banner.show("warning", self._damage, hint="Everything before that is shown.")
        elif history is not None and history.problem is not None:
            banner.show("warning", history.problem, hint=f"The state is known up to event {history.folded}.")
        elif history is not None and history.latest.incomplete_from is not None:
            unknown = history.latest.incomplete_from
            banner.show("warning", f"Event {unknown} was written by a newer version.", hint="The state is incomplete.")
        elif self._guide is not None and self._guide.sentence:
            banner.show("info", self._guide.sentence, hint=self._guide.progress)
        else:
            banner.hide()

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

    def _say(self, sentence: str) -> None:
        cast("Shell", self.app).say(sentence)

    def on_resize(self, event: events.Resize) -> None:
        """Another size, another arrangement."""
        size = event.size
        too_small = size.width < LEAST_WIDTH or size.height < LEAST_HEIGHT
        self.set_class(too_small, "-too-small")
        self.set_class(size.height < FLAT, "-flat")
        need = f"This needs {LEAST_WIDTH} x {LEAST_HEIGHT} cells; here are {size.width} x {size.height}."
        self.query_one("#too-small", PartsLine).set_parts([part((need, "text"))])
        self.panes.fit(size)
        self._update_header()

    # Moving

    def why_not_next_event(self) -> str | None:
        """Nothing to step through while there are no events."""
        return None if self._growing.history is not None else "The history is not here yet."

    why_not_previous_event = why_not_first_event = why_not_last_event = why_not_next_event

    def action_next_event(self) -> None:
        """Go one event on."""
        self.move_cursor(self._sequence + 1)
        self._did("next_event")

    def action_previous_event(self) -> None:
        """Go one event back."""
        self.move_cursor(self._sequence - 1)
        self._did("previous_event")

    def action_first_event(self) -> None:
        """Go to the first event."""
        self.move_cursor(1)

    def action_last_event(self) -> None:
        """Go to the last event."""
        history = self._growing.history
        self.move_cursor(len(history) if history is not None else 0)

    def why_not_next_step(self) -> str | None:
        """At the last step there is no next one."""
        outline = self._growing.outline
        known = outline is not None and outline.next_step(self._sequence) is not None
        return None if known else "No step begins or ends after this event."

    def action_next_step(self) -> None:
        """Go on to where a step begins or ends."""
        outline = self._growing.outline
        self.move_cursor((outline and outline.next_step(self._sequence)) or self._sequence)

    def why_not_previous_step(self) -> str | None:
        """At the first step there is none before."""
        outline = self._growing.outline
        known = outline is not None and outline.previous_step(self._sequence) is not None
        return None if known else "No step begins or ends before this event."

    def action_previous_step(self) -> None:
        """Go back to where a step began or ended."""
        outline = self._growing.outline
        self.move_cursor((outline and outline.previous_step(self._sequence)) or self._sequence)

    def why_not_failure(self) -> str | None:
        """There may be none."""
        history = self._growing.history
        if history is not None and history.failure_sequence() is not None:
            return None
        return "Nothing has failed so far." if self._live else "Nothing has failed here."

    def action_failure(self) -> None:
        """Go to the failure that ended the execution; from there to the next failed step, and around."""
        history = self._growing.history
        cause = history.failure_sequence() if history is not None else None
        if history is None or cause is None:
            return
        here = history.event(self._sequence)
        on_failure = here.event_type == ExecutionEventType.STEP_FAILED or self._sequence == cause
        target = _next_failure(history, self._sequence) if on_failure else cause
        if target == self._sequence:
            self._say("This is the only failure.")
        self.move_cursor(target)
        self._did("failure")

    def why_not_follow(self) -> str | None:
        """What has ended brings nothing new."""
        return None if self._live else "It has ended: there is nothing new to follow. End goes to the last event."

    def action_follow(self) -> None:
        """Go to the newest event and stay there, or stop staying there."""
        if self._follow:
            self._follow = self.panes.events.follow = False
            self._update()
        else:
            self.action_last_event()

    def go_to(self, target: str) -> str | None:
        """Go to an event by its number; anything else is for the screen below."""
        history = self._growing.history
        if target.isascii() and target.isdigit():
            if history is None or not 1 <= int(target) <= len(history):
                return f"There is no event {target}: there are {len(history) if history is not None else 0}."
            self.move_cursor(int(target))
            return None
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        return below.go_to(target) if isinstance(below, GoesTo) else f"There is no {target} to go to from here."

    # Looking

    def action_next_pane(self) -> None:
        """Go to the next pane."""
        self.panes.turn(1)
        self._turned()
        self._did("next_pane")

    def action_previous_pane(self) -> None:
        """Go to the pane before."""
        self.panes.turn(-1)
        self._turned()

    def action_pane(self, number: str) -> None:
        """Go to a pane by its number."""
        self.panes.go(list(PaneName)[int(number) - 1])
        self._turned()

    def action_next_tab(self) -> None:
        """Turn the inspector to its next tab."""
        self.panes.turn_tab()
        self._turned()

    def _turned(self) -> None:
        if self._before_detail is not None and self.panes.current is not PaneName.EVENT:
            self._before_detail = None
            self.panes.inspector.set_generous(False)
        self._update()

    def action_detail(self) -> None:
        """Show the event in full over the whole screen, or go back from there."""
        if self._before_detail is not None:
            self._leave_detail()
            return
        self._before_detail = self.panes.current
        self.panes.inspector.set_generous(True)
        self.panes.maximise(True)
        self.panes.go(PaneName.EVENT)
        self._update()

    def _leave_detail(self) -> None:
        before, self._before_detail = self._before_detail, None
        self.panes.inspector.set_generous(False)
        self.panes.maximise(False)
        if before is not None:
            self.panes.go(before)
        self._update()

    def action_maximise(self) -> None:
        """Give the pane the whole screen, or put it back."""
        self.panes.maximise(not self.panes.maximised)
        self._update()

    def _close_top(self) -> bool:
        """Put a detail or a maximised pane back; whether there was one."""
        if self._before_detail is not None:
            self._leave_detail()
            return True
        if self.panes.maximised:
            self.action_maximise()
            return True
        return False

    def action_escape(self) -> None:
        """Put the maximised pane back, else go back."""
        if not self._close_top():
            cast("Shell", self.app).action_escape()

    def action_go_back(self) -> None:
        """Put the maximised pane back, else go back."""
        if not self._close_top():
            cast("Shell", self.app).action_go_back()

    def action_time_format(self) -> None:
        """Show times since the start, as UTC or as local time."""
        self._time_format = self._time_format.following
        self.panes.events.set_time_format(self._time_format)
        self._say(f"Times are shown {self._time_format.described}.")
        self._mirror()

    def action_idle_gaps(self) -> None:
        """Fold long idle gaps of the timeline, or show them."""
        timeline = self.panes.timeline
        timeline.toggle_idle()
        self._update()
        if not timeline.has_long_gaps:
            self._say("There are no long idle gaps in view.")

    def action_zoom_in(self) -> None:
        """Show less time in more detail, around the cursor."""
        self.panes.timeline.zoom(ZOOM_FACTOR)
        self._update()

    def action_zoom_out(self) -> None:
        """Show more time in less detail."""
        self.panes.timeline.zoom(1 / ZOOM_FACTOR)
        self._update()

    def action_zoom_reset(self) -> None:
        """Show the whole time."""
        self.panes.timeline.zoom_reset()
        self._update()

    def action_copy_item(self) -> None:
        """Ask what to copy."""
        found = offers(self._execution_id, self._growing.history, self._sequence)

        def chosen(offer: Offer | None) -> None:
            if offer is not None:
                copy(self.app, offer.text, offer.what)

        self.app.push_screen(CopyMenu(found), chosen)
        self._did("copy_item")


def _next_failure(history: History, sequence: int) -> int:
    """The next failed step after an event, from the beginning again behind the last one."""
    failures = history.index.failures
    first = bisect_right(failures, sequence)
    for failure in [*failures[first:], *failures[:first]]:
        if history.event(failure).event_type == ExecutionEventType.STEP_FAILED:
            return failure
    return sequence
