"""What an action is, and where it can be bound."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action is bound; the value is the heading under which help and documentation list it."""

    EXECUTIONS = "Executions"
    TIMELINE = "Timeline"
    INSPECTOR = "Inspector"
    CURSOR = "Event cursor"
    EXECUTION = "Execution"
    OVERVIEW = "Execution, outside replay"
    REPLAY = "Replay"
    SEARCH = "Searching"
    FILTER = "Filtering a list"
    STEERING = "Steering an execution"
    DIFF = "Comparing"
    MAINTENANCE = "Looking after a store"
    STORE = "Store"
    LIST = "In a list"
    GLOBAL = "Everywhere"
    FIELD = "In a text field"
    FORM = "In a form"
    PROMPT = "Prompt"
    MENU = "Menu"
    COLUMNS = "Choosing columns"
    JUMP = "Jumping"
    BREAKPOINTS = "Breakpoints and marks"
    CONFIRM = "Before something is deleted"
    HELP = "Help"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do with a key."""

    scope: Scope
    verb: str
    """Names the method that carries it out; unique."""
    name: str
    """What the ``:`` prompt calls it: a few words."""
    keys: tuple[str, ...]
    """Its keys as a person reads them, the main one first: ``?``, ``ctrl+p``, ``pageup``."""
    help: str
    """What it does, in one line."""
    hint: str = ""
    """Its word in the footer; actions with the same word share one hint (``, . event``)."""
    priority: int = 0
    """Which hints stay when the footer is short: 1 stays longest, 0 is never shown there."""
    palette: bool = True
    """Whether the ``:`` prompt offers it."""
    per_key: bool = False
    """Whether the action is told which of its keys was pressed."""
    always: tuple[str, ...] = ()
    """Chords among its keys that act even while a text field or a dialog has the focus."""
    otherwise: str = ""
    """For an action all of whose keys some terminal takes for itself: how else to do the same."""

    @property
    def id(self) -> str:
        """Its stable name, ``scope.verb``; key maps refer to it."""
        return f"{self.scope.name.lower()}.{self.verb}"
