"""The one-line guide of the demonstration: it leads through five keys, the next one when a key was pressed."""

from __future__ import annotations

from typing import NamedTuple


class _Lesson(NamedTuple):
    verb: str
    sentence: str


_WATCH = "A workflow is running, and every step of it is recorded. Watch it: it is about to fail."
_LESSONS = (
    _Lesson("failure", "It failed. Press F to go to the failure."),
    _Lesson("previous_event", "Press , to go one event back in time: the state goes back with you."),
    _Lesson("next_event", "Press . to go on again; what an event changed is shown beside it."),
    _Lesson("next_pane", "Press tab to go from pane to pane."),
    _Lesson("copy_item", "Press y to copy the event."),
)
_END = "That was it. ? shows all keys, q goes back to all executions."


class Guide:
    """Where in the lessons a person is."""

    def __init__(self) -> None:
        self._failed = False
        self._learnt = 0

    def execution_failed(self) -> None:
        """There is a failure to look at now."""
        self._failed = True

    def did(self, verb: str) -> None:
        """An action was carried out: when it is the one that was asked for, the next is due."""
        if self._learnt > len(_LESSONS):
            return
        if self._failed and (self._learnt == len(_LESSONS) or _LESSONS[self._learnt].verb == verb):
            self._learnt += 1

    @property
    def sentence(self) -> str:
        """What to say now; empty when everything was said."""
        if not self._failed:
            return _WATCH
        if self._learnt > len(_LESSONS):
            return ""
        return _LESSONS[self._learnt].sentence if self._learnt < len(_LESSONS) else _END

    @property
    def progress(self) -> str:
        """`2 of 5`."""
        shown = self._failed and self._learnt < len(_LESSONS)
        return f"{self._learnt + 1} of {len(_LESSONS)}" if shown else ""
