"""What acts in every list and on every screen."""

from __future__ import annotations

from dive_tui.app.registry.action import Action, Scope

EVERYWHERE_ACTIONS: tuple[Action, ...] = (
    Action(Scope.LIST, "cursor_up", "Up", ("up", "k"), "go one row up", palette=False),
    Action(Scope.LIST, "cursor_down", "Down", ("down", "j"), "go one row down", palette=False),
    Action(Scope.LIST, "page_back", "Page up", ("pageup", "ctrl+u"), "go one page up", palette=False),
    Action(Scope.LIST, "page_on", "Page down", ("pagedown", "ctrl+d"), "go one page down", palette=False),
    Action(Scope.LIST, "top", "Top", ("g",), "go to the first row", palette=False),
    Action(Scope.LIST, "bottom", "Bottom", ("G",), "go to the last row", palette=False),
    Action(Scope.FILTER, "filter", "Filter", ("/",), "filter the list", hint="filter", priority=2),
    Action(Scope.GLOBAL, "copy_item", "Copy", ("y",), "copy what is under the cursor", hint="copy", priority=5),
    Action(
        Scope.GLOBAL,
        "export",
        "Export",
        ("e",),
        "write the execution into a file: JSON, a report, a picture, a trace",
        hint="export",
        priority=11,
    ),
    Action(
        Scope.GLOBAL,
        "read_outside",
        "Open in the pager or editor",
        ("o",),
        "read what is under the cursor in your pager or editor",
        hint="pager",
        priority=12,
    ),
    Action(
        Scope.GLOBAL,
        "jump",
        "Jump",
        ("J", "ctrl+o"),
        "put a letter on every pane, tab and row in sight, and go to the one whose letter is pressed",
        hint="jump",
        priority=13,
    ),
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
        ("1", "2", "3", "4", "5", "6"),
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
)
