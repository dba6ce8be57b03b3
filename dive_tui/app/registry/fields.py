"""What acts while text is typed, in dialogs, menus and the help."""

from __future__ import annotations

from dive_tui.app.registry.action import Action, Scope

FIELD_ACTIONS: tuple[Action, ...] = (
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
        Scope.COLUMNS, "toggle_column", "Show or hide", ("space",), "show the column, or leave it out", palette=False
    ),
    Action(
        Scope.COLUMNS, "column_left", "Move left", ("<", "left", "h"), "put the column one further left", palette=False
    ),
    Action(
        Scope.COLUMNS,
        "column_right",
        "Move right",
        (">", "right", "l"),
        "put the column one further right",
        palette=False,
    ),
    Action(
        Scope.COLUMNS,
        "usual_columns",
        "Usual columns",
        ("0",),
        "choose the columns by the width of the terminal again",
        palette=False,
    ),
    Action(
        Scope.JUMP,
        "leave_jump",
        "Stay",
        ("escape",),
        "stay where one is",
        palette=False,
        otherwise="any key that is none of the letters shown",
    ),
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
