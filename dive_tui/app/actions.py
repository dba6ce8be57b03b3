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

from dive_tui.app.registry.action import Action, Scope
from dive_tui.app.registry.diff import DIFF_ACTIONS
from dive_tui.app.registry.everywhere import EVERYWHERE_ACTIONS
from dive_tui.app.registry.execution import EXECUTION_ACTIONS
from dive_tui.app.registry.executions import EXECUTIONS_ACTIONS
from dive_tui.app.registry.fields import FIELD_ACTIONS
from dive_tui.app.registry.replay import REPLAY_ACTIONS
from dive_tui.app.registry.steering import STEERING_ACTIONS

__all__ = ["ACTIONS", "BY_ID", "BY_VERB", "CONTEXTS", "Action", "Scope"]

_IN_ONE = (Scope.CURSOR, Scope.EXECUTION, Scope.SEARCH)
_ABOUT_ONE = (Scope.STEERING, Scope.STORE, Scope.GLOBAL)

CONTEXTS: dict[str, tuple[Scope, ...]] = {
    "executions": (Scope.LIST, Scope.EXECUTIONS, Scope.FILTER, *_ABOUT_ONE),
    "timeline": (Scope.TIMELINE, Scope.LIST, *_IN_ONE, Scope.OVERVIEW, *_ABOUT_ONE),
    "events": (Scope.LIST, *_IN_ONE, Scope.OVERVIEW, *_ABOUT_ONE),
    "inspector": (Scope.INSPECTOR, Scope.LIST, *_IN_ONE, Scope.OVERVIEW, *_ABOUT_ONE),
    "timeline in replay": (Scope.TIMELINE, Scope.LIST, *_IN_ONE, Scope.REPLAY, *_ABOUT_ONE),
    "events in replay": (Scope.LIST, *_IN_ONE, Scope.REPLAY, *_ABOUT_ONE),
    "inspector in replay": (Scope.INSPECTOR, Scope.LIST, *_IN_ONE, Scope.REPLAY, *_ABOUT_ONE),
    "breakpoints": (Scope.LIST, Scope.BREAKPOINTS, Scope.MENU),
    "diff": (Scope.LIST, Scope.DIFF, Scope.STORE, Scope.GLOBAL),
    "maintenance": (Scope.LIST, Scope.MAINTENANCE, Scope.STORE, Scope.GLOBAL),
    "menu": (Scope.LIST, Scope.MENU),
    "columns": (Scope.LIST, Scope.COLUMNS, Scope.MENU),
    "jump": (Scope.JUMP,),
    "help": (Scope.LIST, Scope.HELP),
    "form": (Scope.FIELD, Scope.FORM),
    "confirm": (Scope.MENU, Scope.FORM),
    "delete": (Scope.CONFIRM, Scope.FORM),
    "prompt": (Scope.FIELD, Scope.PROMPT),
}
"""For each place the focus can be in: the scopes whose keys act there. No key may mean two things in one place."""

ACTIONS: tuple[Action, ...] = (
    *EXECUTIONS_ACTIONS,
    *EXECUTION_ACTIONS,
    *REPLAY_ACTIONS,
    *DIFF_ACTIONS,
    *STEERING_ACTIONS,
    *EVERYWHERE_ACTIONS,
    *FIELD_ACTIONS,
)
"""Every action there is, in the order in which footer, help and documentation list them."""

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
BY_VERB: dict[str, Action] = {action.verb: action for action in ACTIONS}
