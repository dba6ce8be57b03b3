"""The one registry of everything a key can do.

Key bindings, footer hints, the ``?`` help, the entries of the ``:`` prompt and the key table of the documentation are
all made from :data:`ACTIONS` (see :mod:`dive_tui.app.keymap`). What is not in it does not exist for the person at the
keyboard, so an action is registered only once it works.

An action is carried out by the method ``action_<verb>`` of the nearest node that has one, from the
focused widget up over the screen to the app. That node may have a method ``why_not_<verb>() -> str | None``: a
sentence that says why the action does not apply right now.

Every action has a key that needs no AltGr, Option or dead key on US, UK, German, French, Spanish and Nordic
keyboards; others (``[``, ``ctrl+…``, ``f1``) are aliases only.
"""

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
    STEERING = "Steering an execution"
    MAINTENANCE = "Looking after a store"
    STORE = "Store"
    LIST = "In a list"
    GLOBAL = "Everywhere"
    FIELD = "In a text field"
    FORM = "In a form"
    PROMPT = "Prompt"
    MENU = "Menu"
    CONFIRM = "Before something is deleted"
    HELP = "Help"


_ABOUT_ONE = (Scope.STEERING, Scope.STORE, Scope.GLOBAL)

CONTEXTS: dict[str, tuple[Scope, ...]] = {
    "executions": (Scope.LIST, Scope.EXECUTIONS, *_ABOUT_ONE),
    "timeline": (Scope.TIMELINE, Scope.LIST, Scope.CURSOR, Scope.EXECUTION, *_ABOUT_ONE),
    "events": (Scope.LIST, Scope.CURSOR, Scope.EXECUTION, *_ABOUT_ONE),
    "inspector": (Scope.INSPECTOR, Scope.LIST, Scope.CURSOR, Scope.EXECUTION, *_ABOUT_ONE),
    "maintenance": (Scope.LIST, Scope.MAINTENANCE, Scope.STORE, Scope.GLOBAL),
    "menu": (Scope.LIST, Scope.MENU),
    "help": (Scope.LIST, Scope.HELP),
    "form": (Scope.FIELD, Scope.FORM),
    "confirm": (Scope.MENU, Scope.FORM),
    "delete": (Scope.CONFIRM, Scope.FORM),
    "prompt": (Scope.FIELD, Scope.PROMPT),
}
"""For each place the focus can be in: the scopes whose keys act there. No key may mean two things in one place."""


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


ACTIONS: tuple[Action, ...] = (
    Action(
        Scope.EXECUTIONS,
        "open",
        "Open execution",
        ("enter",),
        "open the execution under the cursor",
        hint="open",
        priority=1,
    ),
    Action(
        Scope.EXECUTIONS,
        "next_failed",
        "Next failed",
        ("F",),
        "go to the next failed execution",
        hint="next failed",
        priority=3,
    ),
    Action(
        Scope.EXECUTIONS,
        "sort",
        "Sort",
        ("S",),
        "sort by the next column; the header says which",
        hint="sort",
        priority=4,
    ),
    Action(Scope.EXECUTIONS, "first", "First execution", ("home",), "go to the first execution", palette=False),
    Action(Scope.EXECUTIONS, "last", "Last execution", ("end",), "go to the last execution", palette=False),
    Action(
        Scope.TIMELINE,
        "pan_left",
        "Pan left",
        ("left", "h"),
        "show earlier times",
        hint="pan",
        priority=4,
        palette=False,
    ),
    Action(
        Scope.TIMELINE,
        "pan_right",
        "Pan right",
        ("right", "l"),
        "show later times",
        hint="pan",
        priority=4,
        palette=False,
    ),
    Action(
        Scope.INSPECTOR,
        "fold",
        "Fold",
        ("left", "h"),
        "fold the branch, or go to its parent",
        hint="fold",
        priority=4,
        palette=False,
    ),
    Action(
        Scope.INSPECTOR,
        "unfold",
        "Unfold",
        ("right", "l"),
        "unfold the branch, or go to its first child",
        hint="fold",
        priority=4,
        palette=False,
    ),
    Action(
        Scope.CURSOR,
        "failure",
        "Go to the failure",
        ("F",),
        "go to the failure that ended the execution",
        hint="failure",
        priority=1,
    ),
    Action(Scope.CURSOR, "previous_event", "Previous event", (",", "["), "go one event back", hint="event", priority=2),
    Action(Scope.CURSOR, "next_event", "Next event", (".", "]"), "go one event on", hint="event", priority=2),
    Action(
        Scope.CURSOR,
        "previous_step",
        "Previous step",
        ("<", "{"),
        "go back to where a step began or ended",
        hint="step",
        priority=3,
    ),
    Action(
        Scope.CURSOR,
        "next_step",
        "Next step",
        (">", "}"),
        "go on to where a step begins or ends",
        hint="step",
        priority=3,
    ),
    Action(Scope.CURSOR, "first_event", "First event", ("home",), "go to the first event"),
    Action(Scope.CURSOR, "last_event", "Last event", ("end",), "go to the last event"),
    Action(
        Scope.EXECUTION,
        "detail",
        "Detail",
        ("enter",),
        "show the event in full over the whole screen; on a path or a branch, fold or unfold it",
        hint="detail",
        priority=6,
    ),
    Action(
        Scope.EXECUTION,
        "next_tab",
        "Next tab of the inspector",
        ("v",),
        "turn the inspector to its next tab",
        hint="view",
        priority=7,
    ),
    Action(
        Scope.EXECUTION,
        "idle_gaps",
        "Fold idle gaps",
        ("i",),
        "fold or show the times in which nothing happened",
        hint="idle gaps",
        priority=10,
    ),
    Action(Scope.EXECUTION, "zoom_in", "Zoom in", ("+", "="), "show less time in more detail", hint="zoom", priority=9),
    Action(Scope.EXECUTION, "zoom_out", "Zoom out", ("-",), "show more time in less detail", hint="zoom", priority=9),
    Action(Scope.EXECUTION, "zoom_reset", "Zoom to everything", ("0",), "show the whole time again"),
    Action(
        Scope.STEERING,
        "send_signal",
        "Send a signal",
        ("s",),
        "send a signal to the execution: a topic and data",
        hint="signal",
        priority=5,
    ),
    Action(
        Scope.STEERING,
        "pause",
        "Pause or resume",
        ("p",),
        "pause the execution, or let a paused one go on",
        hint="pause",
        priority=7,
    ),
    Action(
        Scope.STEERING,
        "wake",
        "Wake",
        ("u",),
        "end the execution's sleeps and its delays before retries now",
        hint="wake",
        priority=10,
    ),
    Action(
        Scope.STEERING,
        "cancel_execution",
        "Cancel execution",
        ("x",),
        "end the execution, after asking",
        hint="cancel",
        priority=10,
    ),
    Action(
        Scope.STEERING,
        "delete_execution",
        "Delete execution",
        ("D",),
        "remove an execution that has ended, with all its data, after asking",
        hint="delete",
        priority=12,
    ),
    Action(
        Scope.MAINTENANCE,
        "verify",
        "Verify",
        ("v",),
        "read everything and list what is wrong; changes nothing",
        hint="verify",
        priority=1,
    ),
    Action(
        Scope.MAINTENANCE,
        "repair",
        "Repair",
        ("r",),
        "mend what can be mended, after asking; what is cut out is kept",
        hint="repair",
        priority=2,
    ),
    Action(
        Scope.MAINTENANCE,
        "copy_store",
        "Copy the store",
        ("c",),
        "copy all executions into another store and compare",
        hint="copy to",
        priority=3,
    ),
    Action(
        Scope.MAINTENANCE,
        "stop_work",
        "Stop the work",
        ("x",),
        "stop what is being done; what is done already stays done",
        hint="stop",
        priority=2,
    ),
    Action(
        Scope.STORE,
        "switch_store",
        "Open another store",
        ("O",),
        "open another store: one that is known, or any by its path",
        hint="store",
        priority=9,
    ),
    Action(
        Scope.STORE,
        "maintain",
        "Check the store for damage",
        ("V",),
        "look for damage in the store, or in the execution that is open, and repair it",
        hint="check",
        priority=13,
    ),
    Action(Scope.LIST, "cursor_up", "Up", ("up", "k"), "go one row up", palette=False),
    Action(Scope.LIST, "cursor_down", "Down", ("down", "j"), "go one row down", palette=False),
    Action(Scope.LIST, "page_back", "Page up", ("pageup", "ctrl+u"), "go one page up", palette=False),
    Action(Scope.LIST, "page_on", "Page down", ("pagedown", "ctrl+d"), "go one page down", palette=False),
    Action(Scope.LIST, "top", "Top", ("g",), "go to the first row", palette=False),
    Action(Scope.LIST, "bottom", "Bottom", ("G",), "go to the last row", palette=False),
    Action(Scope.GLOBAL, "filter", "Filter", ("/",), "filter the list", hint="filter", priority=2),
    Action(Scope.GLOBAL, "copy_item", "Copy", ("y",), "copy what is under the cursor", hint="copy", priority=5),
    Action(
        Scope.GLOBAL, "follow", "Follow", ("f",), "follow what is new, or stop following", hint="follow", priority=6
    ),
    Action(
        Scope.GLOBAL,
        "time_format",
        "Time format",
        ("t",),
        "show times as UTC, local or relative",
        hint="time",
        priority=11,
    ),
    Action(
        Scope.GLOBAL, "next_pane", "Next pane", ("tab",), "go to the next pane", hint="pane", priority=8, palette=False
    ),
    Action(Scope.GLOBAL, "previous_pane", "Previous pane", ("shift+tab",), "go to the previous pane", palette=False),
    Action(
        Scope.GLOBAL,
        "pane",
        "Pane by number",
        ("1", "2", "3", "4", "5"),
        "go to the pane with that number",
        palette=False,
        per_key=True,
    ),
    Action(
        Scope.GLOBAL,
        "maximise",
        "Maximise pane",
        ("z",),
        "give the pane the whole screen, or back",
        hint="maximise",
        priority=12,
    ),
    Action(
        Scope.GLOBAL,
        "prompt",
        "Go to, or run a command",
        (":", "ctrl+p"),
        "go to an event or execution, or run a command by name",
        hint="go to",
        priority=7,
        palette=False,
    ),
    Action(Scope.GLOBAL, "help", "Keys", ("?", "f1"), "show the keys that act here", hint="keys", priority=1),
    Action(Scope.GLOBAL, "go_back", "Back", ("q", "backspace"), "go back; on the first screen, leave"),
    Action(
        Scope.GLOBAL,
        "escape",
        "Close",
        ("escape",),
        "close what lies on top, else clear the filter, else go back",
        palette=False,
        otherwise="q goes back, / changes the filter",
    ),
    Action(Scope.GLOBAL, "quit", "Leave", ("Q", "ctrl+q"), "leave at once, from anywhere", always=("ctrl+q",)),
    Action(
        Scope.GLOBAL,
        "interrupt",
        "Copy selection",
        ("ctrl+c",),
        "copy the text selected with the mouse, else say how to leave",
        palette=False,
        always=("ctrl+c",),
        otherwise="y copies, q leaves",
    ),
    Action(
        Scope.FIELD, "submit", "Accept", ("enter",), "accept what was typed", hint="accept", priority=1, palette=False
    ),
    Action(
        Scope.FIELD,
        "leave",
        "Leave the field",
        ("escape",),
        "leave the field as it was before",
        hint="cancel",
        priority=2,
        palette=False,
        otherwise="backspace in the empty field",
    ),
    Action(
        Scope.FORM,
        "next_field",
        "Next field",
        ("tab", "down", "up", "shift+tab"),
        "go to the other field",
        palette=False,
    ),
    Action(Scope.PROMPT, "choose_previous", "Entry above", ("up",), "choose the entry above", palette=False),
    Action(Scope.PROMPT, "choose_next", "Entry below", ("down", "tab"), "choose the entry below", palette=False),
    Action(Scope.MENU, "choose", "Choose", ("enter", "y"), "choose the entry under the cursor", palette=False),
    Action(Scope.MENU, "close_menu", "Close the menu", ("q", "escape", "backspace"), "close the menu", palette=False),
    Action(
        Scope.CONFIRM,
        "keep",
        "Change nothing",
        ("enter", "escape"),
        "go back and delete nothing; everything that can be typed goes to the field",
        palette=False,
    ),
    Action(
        Scope.HELP,
        "close_help",
        "Close the help",
        ("q", "?", "escape", "backspace", "enter", "f1"),
        "close the help",
        palette=False,
    ),
)
"""Every action there is, in the order in which footer, help and documentation list them."""

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
BY_VERB: dict[str, Action] = {action.verb: action for action in ACTIONS}
