"""Replay mode of the execution screen: its banner and pane, and playing. Nothing is run."""

from __future__ import annotations

from functools import partial
from typing import Any

from textual.timer import Timer

from dive_tui.app.actions import BY_VERB, Scope
from dive_tui.screens.execution.playing import Playback
from dive_tui.screens.execution.search import SearchedExecution
from dive_tui.widgets.now_rows import Moment
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.replay_banner import ReplayBanner, ReplayFacts
from dive_tui.widgets.scrubber import Scrubber
from engine.replay.session.session import ReplaySession

PLAY_INTERVAL = 0.05
"""Seconds between two looks at whether the next event is due, while playing."""


class ReplayingExecution(SearchedExecution):
    """An execution that can be gone through again, at a speed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._session: ReplaySession | None = None
        self._playback = Playback()
        self._plays: Timer | None = None
        self._playing = False
        self._stops: set[int] = set()
        self._stopped: tuple[int, str] = (0, "")

    def on_mount(self) -> None:
        """Time goes on only while it is played."""
        self._plays = self.set_interval(PLAY_INTERVAL, self._play_on, pause=True)

    @property
    def _scanned(self) -> tuple[int, int] | None:
        """How far the way to a breakpoint has been looked at; None while nobody looks."""
        return None

    @property
    def session(self) -> ReplaySession | None:
        """Marks, breakpoints and watches, with the cursor where it is; None while there are no events."""
        history = self._growing.history
        if history is None:
            return None
        if self._session is None or self._session.history is not history:
            self._session = ReplaySession(history)
        self._session.seek(self._sequence)
        return self._session

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Of what is for one mode only the keys of the other mode do nothing."""
        scope = BY_VERB[action].scope if action in BY_VERB else None
        if scope in (Scope.REPLAY, Scope.OVERVIEW):
            return self.replaying == (scope is Scope.REPLAY)
        return super().check_action(action, parameters)

    # In and out

    def why_not_replay(self) -> str | None:
        """The whole history must be here."""
        return self.why_not_here()

    def action_replay(self) -> None:
        """Begin to replay at the cursor."""
        self.replaying, self._follow = True, False
        self.panes.set_replaying(True)
        self.refresh_bindings()
        self._mirror()
        self._did("replay")

    def leave_replay(self) -> bool:
        """Be in the present again, the cursor where it is; whether one was in the past."""
        if not self.replaying:
            return False
        self._pause()
        self.replaying = False
        self.panes.set_replaying(False)
        self.refresh_bindings()
        self.move_cursor(self._sequence)
        return True

    def why_not_go_live(self) -> str | None:
        """Only in replay."""
        return self._why_not_replaying()

    def action_go_live(self) -> None:
        """Leave the replay for the newest event."""
        history = self._growing.history
        self.leave_replay()
        self.move_cursor(len(history) if history is not None else 0)

    def _why_not_replaying(self) -> str | None:
        return None if self.replaying else "That is part of a replay: space begins one here."

    # Playing

    def why_not_play(self) -> str | None:
        """There must be something left to play."""
        history = self._growing.history
        if self.replaying and history is not None and not self._playing and self._sequence >= len(history):
            return "This is the last event: there is nothing left to play. Home goes to the first."
        return self._why_not_replaying()

    def action_play(self) -> None:
        """Play on, or pause."""
        if self._playing:
            self._pause()
        elif self._plays is not None:
            self._playing = True
            self._plays.resume()
        self._update_replay()

    def why_not_faster(self) -> str | None:
        """Only in replay."""
        return self._why_not_replaying()

    why_not_slower = why_not_faster

    def action_faster(self) -> None:
        """Play twice as fast."""
        self._change_speed(1)

    def action_slower(self) -> None:
        """Play half as fast."""
        self._change_speed(-1)

    def _change_speed(self, step: int) -> None:
        if not self._playback.change_speed(step):
            self._say(f"{self._playback.speed_text} is as {'fast' if step > 0 else 'slow'} as it gets.")
        self._update_replay()

    def _pause(self) -> None:
        self._playing = False
        if self._plays is not None:
            self._plays.pause()

    def _play_on(self) -> None:
        outline, history = self._growing.outline, self._growing.history
        if outline is None or history is None or not self._playing:
            return
        following = self._playback.advance(outline, self._sequence, PLAY_INTERVAL)
        if following >= len(history):
            self._pause()
        if following != self._sequence:
            self.move_cursor(following)

    def _update_points(self) -> None:
        marks = self._session.marks.values() if self._session is not None else ()
        self.query_one(Scrubber).set_points(marks, self._stops if self.replaying else ())

    # Along with the screen

    def _mirror(self, *, scroll: bool = True) -> None:
        super()._mirror(scroll=scroll)
        self._update_replay()
        self._show_now()

    def _update_replay(self) -> None:
        """The banner, and what the scrubber marks."""
        banner, history, outline = self.query_one(ReplayBanner), self._growing.history, self._growing.outline
        self._update_points()
        if not self.replaying or history is None or outline is None:
            banner.hide()
            return
        at, why = self._stopped
        facts = ReplayFacts(
            sequence=self._sequence,
            total=len(history),
            seconds=outline.seconds(self._sequence),
            duration=outline.duration,
            speed=self._playback.speed_text,
            playing=self._playing,
            stopped=why if at == self._sequence else "",
            scanned=self._scanned,
        )
        banner.show(facts)

    def _show_now(self) -> None:
        history, outline, session = self._growing.history, self._growing.outline, self.session
        if self.replaying and history is not None and outline is not None and session is not None:
            self.panes.now.show(partial(_moment, session, outline, self._sequence))


def _moment(session: ReplaySession, outline: Outline, sequence: int) -> Moment:
    return Moment(session.history, outline, sequence, session.breakpoints, session.watches())
