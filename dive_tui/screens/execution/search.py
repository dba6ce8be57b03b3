"""Searching on the execution screen: the events, in a thread that fills the hits, or the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Event
from typing import Any

from textual import on
from textual.timer import Timer

from dive_tui.app.text import human_count
from dive_tui.screens.execution.panes import PaneName
from dive_tui.screens.execution.view import ExecutionView
from dive_tui.widgets.filter_bar import FilterBar
from engine.replay.history import History
from engine.replay.searching.search import Hits, parse_event_query
from engine.store import StoreError

LOOK_INTERVAL = 0.1
"""Seconds between two looks at what a thread has found."""


class SearchedExecution(ExecutionView):
    """An execution in which `/` searches; what is found is marked, counted, gone to, or listed alone."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._hits: Hits | None = None
        self._only_hits = False
        self._given_up = Event()
        """Set when nobody wants the running search any more."""
        self._filling = False
        self._goes_to_hit = False
        self._looks: Timer | None = None

    def on_mount(self) -> None:
        """The search is looked at only while it runs."""
        self._looks = self.set_interval(LOOK_INTERVAL, self._look, pause=True)

    def on_unmount(self) -> None:
        """Let the thread end."""
        self._given_up.set()

    # Keys

    @property
    def _searches_state(self) -> bool:
        return self.panes.current is PaneName.STATE

    def why_not_search(self) -> str | None:
        """The whole history must be here."""
        return self.why_not_here()

    def action_search(self) -> None:
        """Ask what to search for."""
        if self._searches_state:
            self.panes.inspector.open_search()
            return
        self.panes.go(PaneName.EVENTS)
        self._update()
        self.panes.search_bar.open()

    def why_not_next_hit(self) -> str | None:
        """There must be hits."""
        if self._searches_state:
            state = self.panes.inspector.state
            if not state.searched:
                return "Nothing is searched for in the state: / asks what."
            return None if state.match_count else f"Nothing in the state holds {state.searched!r}."
        if self._hits is None:
            return "Nothing is searched for: / asks what."
        if not len(self._hits):
            return "Nothing is found so far." if self._filling else f"No event matches {self._hits.query.text}."
        return None

    why_not_previous_hit = why_not_next_hit

    def action_next_hit(self) -> None:
        """Go to the next hit, from the first one again behind the last."""
        if self._searches_state:
            self.panes.inspector.state.go_to_match(1)
        elif self._hits is not None:
            self._go_to_hit(self._hits.after(self._sequence), self._hits[0])

    def action_previous_hit(self) -> None:
        """Go to the hit before, from the last one again before the first."""
        if self._searches_state:
            self.panes.inspector.state.go_to_match(-1)
        elif self._hits is not None:
            self._go_to_hit(self._hits.before(self._sequence), self._hits[-1])

    def _go_to_hit(self, hit: int | None, around: int) -> None:
        if hit is None and self._filling:
            self._say("No other hit that way so far; the search goes on.")
            return
        if hit is None:
            self._say("This is the only hit." if around == self._sequence else "Around the end of the history.")
        self.move_cursor(around if hit is None else hit)

    def why_not_only_hits(self) -> str | None:
        """There must be a search of the events."""
        if self._searches_state and self._hits is None:
            return "The state stays whole: n goes from hit to hit in it."
        return "Nothing is searched for: / asks what." if self._hits is None else None

    def action_only_hits(self) -> None:
        """List only the hits, or all events again."""
        self._only_hits = not self._only_hits
        self._show_hits()
        self._say("Only the hits are listed." if self._only_hits else "All events are listed.")

    def clear_search(self) -> bool:
        """Search for nothing any more, in the state or the events; whether something was searched for."""
        if self._searches_state and self.panes.inspector.close_search():
            return True
        searched = self._hits is not None
        self._search("")
        self.panes.search_bar.set_text("")
        self.panes.search_bar.display = False
        return searched or self.panes.inspector.close_search()

    # The search

    @on(FilterBar.Changed)
    def _query_changed(self, message: FilterBar.Changed) -> None:
        if message.bar is self.panes.search_bar:
            self._search(message.text)

    @on(FilterBar.Closed)
    def _query_entered(self, message: FilterBar.Closed) -> None:
        self._goes_to_hit = self._hits is not None
        self.panes.search_bar.display = self._hits is not None
        self._look()

    def _search(self, text: str) -> None:
        self._given_up.set()
        self._goes_to_hit = False
        query = parse_event_query(text)
        if not query or self._growing.history is None:
            self._hits, self._only_hits, self._filling = None, False, False
            self._show_hits()
            return
        self._hits = Hits(query, self._sequence)
        self._fill()

    def _fill(self) -> None:
        """Search what has not been searched yet."""
        hits, history = self._hits, self._growing.history
        if hits is None or history is None:
            return
        self._given_up, self._filling = Event(), True
        if self._looks is not None:
            self._looks.resume()
        # One that is overtaken before it begins is no coroutine yet that nobody would wait for.
        work: Callable[[], Coroutine[None, None, None]] = partial(self._filled, hits, history, self._given_up.is_set)
        self.run_worker(work, group="search", exclusive=True, exit_on_error=False)  # type: ignore[arg-type]

    async def _filled(self, hits: Hits, history: History, given_up: Callable[[], bool]) -> None:
        try:
            await asyncio.to_thread(hits.fill, history, cancelled=given_up)
        except StoreError as problem:
            self._say(f"The search came to an end: {problem}")
        if hits is self._hits and not given_up():
            self._filling = False
            self._look()

    def _look(self) -> None:
        """Show what has been found by now."""
        if self._looks is not None and not self._filling:
            self._looks.pause()
        hits = self._hits
        if hits is not None and self._goes_to_hit:
            here = hits.after(self._sequence - 1) or (None if self._filling else hits.before(self._sequence))
            if here is not None:
                self._goes_to_hit = False
                self.move_cursor(here)
        self._show_hits()

    def _show_hits(self) -> None:
        self.panes.events.show_hits(self._hits, only=self._only_hits)
        self._update_found()

    def _update_found(self) -> None:
        hits, history, bar = self._hits, self._growing.history, self.panes.search_bar
        if hits is None or history is None:
            bar.set_facts()
            return
        count = human_count(len(hits))
        here = self._sequence in hits
        found = f"{human_count(hits.place(self._sequence))} of {count}" if here else f"{count} found"
        share = f"searched {hits.searched * 100 // max(1, len(history))}%" if self._filling else ""
        bar.set_facts(*(fact for fact in (found, share, "only hits" if self._only_hits else "") if fact))

    # Along with the screen

    def _mirror(self, *, scroll: bool = True) -> None:
        super()._mirror(scroll=scroll)
        self._update_found()

    def _show_growth(self) -> None:
        super()._show_growth()
        if self._hits is not None and not self._filling:
            self._fill()
