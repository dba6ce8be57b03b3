"""The screen of one execution: what a person can do on it."""

from __future__ import annotations

from collections.abc import Mapping

from textual.dom import DOMNode

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.shell import GoesTo
from dive_tui.screens.diff.opening import Diffing
from dive_tui.screens.execution.failures import cause_of, is_failed_step, next_failure
from dive_tui.screens.execution.panes import PaneName
from dive_tui.screens.execution.taking import TakingFromExecution
from dive_tui.widgets.timeline.timeline import ZOOM_FACTOR


class ExecutionScreen(TakingFromExecution, Diffing):
    """One execution of a store, with its keys."""

    BINDINGS = bindings(Scope.CURSOR, Scope.EXECUTION, Scope.OVERVIEW, Scope.REPLAY, Scope.SEARCH)

    @property
    def named_marks(self) -> Mapping[str, int]:
        """The marks a person has set: sequences by name."""
        return self._session.marks if self._session is not None else {}

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
        if outline is not None and outline.next_step(self._sequence) is not None:
            return None
        loading = outline is None or outline.is_loading
        return self._none_known("No later step") if loading else "No step begins or ends after this event."

    def action_next_step(self) -> None:
        """Go on to where a step begins or ends."""
        outline = self._growing.outline
        self.move_cursor((outline and outline.next_step(self._sequence)) or self._sequence)

    def why_not_previous_step(self) -> str | None:
        """At the first step there is none before."""
        outline = self._growing.outline
        if outline is not None and outline.previous_step(self._sequence) is not None:
            return None
        loading = outline is None or outline.is_loading
        return self._none_known("No earlier step") if loading else "No step begins or ends before this event."

    def action_previous_step(self) -> None:
        """Go back to where a step began or ended."""
        outline = self._growing.outline
        self.move_cursor((outline and outline.previous_step(self._sequence)) or self._sequence)

    def why_not_failure(self) -> str | None:
        """There may be none."""
        history = self._growing.history
        if history is not None and cause_of(history) is not None:
            return None
        if history is None or history.is_loading:
            return self._none_known("No failure")
        return "Nothing has failed so far." if self._live else "Nothing has failed here."

    def _none_known(self, what: str) -> str:
        """That there is none, as far as one can say before everything has been read."""
        return f"{what} is known so far: the history is still being read."

    def action_failure(self) -> None:
        """Go to the failure that ended the execution; from there to the next failed step, and around."""
        history = self._growing.history
        cause = cause_of(history) if history is not None else None
        if history is None or cause is None:
            return
        on_failure = self._sequence == cause or is_failed_step(history, self._sequence)
        target = next_failure(history, self._sequence) if on_failure else cause
        if target == self._sequence:
            self._say("This is the only failure.")
        self.move_cursor(target)
        self._did("failure")

    def execution_deleted(self) -> None:
        """There is nothing to show any more."""
        self.shell.action_go_back()

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
            total = len(history) if history is not None else 0
            if not 1 <= int(target) <= total:
                return f"There is no event {target}: there are {total}."
            self.move_cursor(int(target))
            return None
        for below in reversed(self.app.screen_stack[:-1]):
            node: DOMNode = below
            if isinstance(node, GoesTo):
                return node.go_to(target)
        return f"There is no {target} to go to from here."

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
        names = self.panes.names
        if int(number) > len(names):
            self._say("6 is the pane Now of a replay: space begins one here.")
            return
        self.panes.go(names[int(number) - 1])
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
        """Show the event in full over the whole screen, or go back from there; fold where there is something to."""
        if self.panes.fold_here() or self.go_from_here():
            return
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
        """Put the maximised pane back, else search no longer, stop looking for a stop, leave the replay, or go back."""
        if not (self._close_top() or self.stop_looking() or self.clear_search() or self.leave_replay()):
            self.shell.action_escape()

    def action_go_back(self) -> None:
        """Put the maximised pane back, else leave the replay, or go back."""
        if not (self._close_top() or self.leave_replay()):
            self.shell.action_go_back()

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
