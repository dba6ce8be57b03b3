"""What feeds tell the screens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.message import Message

from dive_tui.app.trouble import Trouble
from dive_tui.widgets.outline import Outline
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from stores.maintenance import Finding


class ExecutionsListed(Message):
    """All executions of the store, newest first; replaces what was known."""

    def __init__(self, summaries: tuple[ExecutionSummary, ...]) -> None:
        super().__init__()
        self.summaries: Final = summaries


class ExecutionsChanged(Message):
    """Some executions came, moved on, or (None) went away."""

    def __init__(self, changed: Mapping[str, ExecutionSummary | None]) -> None:
        super().__init__()
        self.changed: Final = changed


class HistoryProgress(Message):
    """A history is being read: so many of so many events. The first one comes before any event has been read."""

    def __init__(self, loaded: int, total: int, summary: ExecutionSummary) -> None:
        super().__init__()
        self.loaded: Final = loaded
        self.total: Final = total
        self.summary: Final = summary


class HistoryOpened(Message):
    """A long history can be looked at: its events and its end. What lies between is still being taken in."""

    def __init__(self, history: History, outline: Outline, summary: ExecutionSummary) -> None:
        super().__init__()
        self.history: Final = history
        self.outline: Final = outline
        self.summary: Final = summary


class HistoryLoaded(Message):
    """A history has been read and folded to its end; from now on it belongs to the screen."""

    def __init__(self, history: History, outline: Outline, summary: ExecutionSummary, damage: str = "") -> None:
        super().__init__()
        self.history: Final = history
        self.outline: Final = outline
        self.summary: Final = summary
        self.damage: Final = damage
        """A sentence when the stored history cannot be read beyond what is here."""


class HistoryExamined(Message):
    """What the store finds wrong with the files of the execution, now that its history is shown."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__()
        self.findings: Final = findings


class HistoryGrew(Message):
    """The next events; the screen adds them to its history. May be empty when only the summary changed."""

    def __init__(self, events: tuple[ExecutionEvent, ...], summary: ExecutionSummary, damage: str = "") -> None:
        super().__init__()
        self.events: Final = events
        self.summary: Final = summary
        self.damage: Final = damage


class FeedFailed(Message):
    """The store cannot be read right now; what is on the screen stays. The feed goes on trying."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__()
        self.trouble: Final = trouble


class FeedRecovered(Message):
    """The store can be read again."""
