"""Breakpoints on the execution screen: setting them, and going on or back to where one stops."""

from __future__ import annotations

import asyncio
from functools import partial
from threading import Event
from typing import Any

from textual.timer import Timer

from dive_tui.screens.execution.replay import ReplayingExecution
from dive_tui.screens.execution.values import breakpoint_here
from dive_tui.widgets.dialogs.breakpoint_dialog import BreakpointDialog
from engine.replay.session.session import ReplaySession, Stop
from engine.store import StoreError

SCAN_INTERVAL = 0.1
"""Seconds between two reports of a scan."""


class _Scan:
    """A search for a stop, in a thread. The thread writes `done` and `total`, the screen reads them."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.given_up = Event()
        self.done = self.total = 0

    def note(self, done: int, total: int) -> None:
        """So many events of so many have been looked at."""
        self.done, self.total = done, total


class StoppingExecution(ReplayingExecution):
    """A replay that stops at breakpoints."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._scan: _Scan | None = None
        self._scans: Timer | None = None

    def on_mount(self) -> None:
        """A scan is looked at only while one runs."""
        self._scans = self.set_interval(SCAN_INTERVAL, self._update_replay, pause=True)

    def on_unmount(self) -> None:
        """Let the thread end."""
        self._give_up_scan()

    @property
    def _scanned(self) -> tuple[int, int] | None:
        return (self._scan.done, self._scan.total) if self._scan is not None else None

    def leave_replay(self) -> bool:
        """Be in the present again, looking for nothing any more."""
        self._give_up_scan()
        return super().leave_replay()

    def _mirror(self, *, scroll: bool = True) -> None:
        if self._scan is not None and self._scan.start != self._sequence:
            self._give_up_scan()
        super()._mirror(scroll=scroll)

    def why_not_continue_on(self) -> str | None:
        """There must be a breakpoint that is on."""
        points = self.session.breakpoints if self.session is not None else ()
        if not self.replaying:
            return self._why_not_replaying()
        if not points:
            return "There is no breakpoint to go to: b sets one at this step and event, B adds any other."
        return None if any(point.enabled for point in points) else "All breakpoints are off: B turns them on."

    why_not_continue_back = why_not_continue_on

    def action_continue_on(self) -> None:
        """Go on to a breakpoint."""
        self._continue(backwards=False)

    def action_continue_back(self) -> None:
        """Go back to a breakpoint."""
        self._continue(backwards=True)

    def _continue(self, *, backwards: bool) -> None:
        session = self.session
        if session is None:
            return
        self._pause()
        self._give_up_scan()
        self._scan = _Scan(self._sequence)
        if self._scans is not None:
            self._scans.resume()
        work = self._find_stop(session, self._scan, backwards)
        self.run_worker(work, group="scan", exclusive=True, exit_on_error=False)
        self._update_replay()

    async def _find_stop(self, session: ReplaySession, scan: _Scan, backwards: bool) -> None:
        stop, problem = None, ""
        try:
            find = partial(session.find_stop, backwards, cancelled=scan.given_up.is_set, progress=scan.note)
            stop = await asyncio.to_thread(find)
        except StoreError as error:
            problem = f"The way to a breakpoint cannot be read: {error}"
        if scan is not self._scan:
            return  # given up, or the cursor is elsewhere by now
        self._end_scan()
        if problem:
            self._say(problem)
            self._update_replay()
        else:
            self._stop_at(session, stop, backwards)

    def _stop_at(self, session: ReplaySession, stop: Stop | None, backwards: bool) -> None:
        if stop is None:
            sequence = 1 if backwards else len(session.history)
            self._stopped = sequence, "no breakpoint stopped on the way"
        else:
            sequence = session.stop_at(stop)
            word = "breakpoint" if len(stop.breakpoints) == 1 else "breakpoints"
            self._stopped = sequence, f"stopped at {word} {', '.join(map(str, stop.breakpoints))}"
            self._stops.add(sequence)
        self.move_cursor(sequence)

    def stop_looking(self) -> bool:
        """Give up looking for a stop, the cursor where it is; whether something looked."""
        looked = self._give_up_scan()
        if looked:
            self._stopped = self._sequence, "stopped looking"
            self._update_replay()
        return looked

    def _give_up_scan(self) -> bool:
        """Stop looking for a stop; whether something looked."""
        if self._scan is None:
            return False
        self._scan.given_up.set()
        self._end_scan()
        return True

    def _end_scan(self) -> None:
        self._scan = None
        if self._scans is not None:
            self._scans.pause()

    def why_not_toggle_breakpoint(self) -> str | None:
        """Only in replay, and only where a breakpoint can tell the event from others."""
        if self.replaying and not self._breakpoint_here():
            return "Breakpoints know neither this kind of event nor a step of it."
        return self._why_not_replaying()

    def _breakpoint_here(self) -> str:
        history = self._growing.history
        if history is None:
            return ""
        return breakpoint_here(history.columns.kind(self._sequence), history.columns.step(self._sequence))

    def action_toggle_breakpoint(self) -> None:
        """Set a breakpoint at this step and this kind of event, or remove it."""
        session = self.session
        if session is None:
            return
        text = self._breakpoint_here()
        known = next((point for point in session.breakpoints if point.text == text), None)
        if known is None:
            added = session.add_breakpoint(text)
            self._say(f"Breakpoint {added.number} stops at {text}. c goes on to it, C back.")
        else:
            session.remove_breakpoint(known.number)
            self._say(f"Breakpoint {known.number} is removed.")
        self._changed_points()

    def why_not_list_breakpoints(self) -> str | None:
        """Only in replay."""
        return self._why_not_replaying()

    def action_list_breakpoints(self) -> None:
        """List the breakpoints."""
        session = self.session
        if session is not None:
            self.app.push_screen(BreakpointDialog(session, self._changed_points))

    def _changed_points(self) -> None:
        """Other breakpoints stop elsewhere."""
        self._stops.clear()
        self._update_replay()
        self._show_now()
