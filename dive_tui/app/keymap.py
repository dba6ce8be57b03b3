"""What is made from the action registry: key bindings, footer hints, help, and the documentation's key table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dive_tui.app.actions import ACTIONS, Action, Scope
from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.user_keys import UserKeys

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.screen import Screen

_LABELS = {"pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End", "escape": "esc", "f1": "F1"}
_ARROWS = frozenset(["up", "down", "left", "right"])
_FIXED = ".fixed"
"""Behind the id of an action, for bindings that no key map may change."""


def key_label(key: str, glyphs: Glyphs = UNICODE) -> str:
    """A key as the footer and the help write it: arrows as glyphs, ``PgUp`` for ``pageup``."""
    if key in _ARROWS and not glyphs.ascii:
        return str(getattr(glyphs, key))
    return _LABELS.get(key, key)


def keys_label(action: Action, glyphs: Glyphs = UNICODE) -> str:
    """All keys of an action for the help, the main one first."""
    if action.per_key:
        return f"{action.keys[0]}-{action.keys[-1]}"
    return " ".join(key_label(key, glyphs) for key in action.keys)


def textual_key(key: str) -> str:
    """The name Textual has for a key written as a person reads it: ``comma`` for ``,``."""
    from textual.binding import Binding

    if key == ",":  # separates keys where Textual reads a list of them
        return "comma"
    return next(iter(Binding.make_bindings([Binding(key, "")]))).key


def bindings(*scopes: Scope) -> list[BindingType]:
    """The key bindings of these scopes, for a node's ``BINDINGS``; their ids are the actions' ids.

    Keys that act always, and those of which each does something else, have ids of their own: a key map cannot change
    them.
    """
    from textual.binding import Binding

    made: list[BindingType] = []
    for action in ACTIONS:
        if action.scope not in scopes:
            continue
        for key in action.keys:
            call = f"{action.verb}({key!r})" if action.per_key else action.verb
            always = key in action.always
            name = f"{action.id}{_FIXED}" if always or action.per_key else action.id
            made.append(Binding(textual_key(key), call, action.name, show=False, id=name, priority=always))
    return made


def active(screen: Screen[object]) -> list[Action]:
    """The actions whose keys act on this screen with the focus where it is, in registry order, with the keys they have.

    Those that nothing here would carry out are left out. While a text field has the focus those are only its own: the
    other keys type.
    """
    ids = {(bound.binding.id or "").removesuffix(_FIXED) for bound in screen.active_bindings.values()}
    target_of = getattr(screen.app, "target_of", None)
    keys: UserKeys = getattr(screen.app, "user_keys", UserKeys())
    found = [
        keys.applied(action)
        for action in ACTIONS
        if action.id in ids and (target_of is None or target_of(action) is not None)
    ]
    typing = [action for action in found if action.scope in (Scope.FIELD, Scope.PROMPT)]
    return typing or found


@dataclass(frozen=True, slots=True)
class Hint:
    """One entry of the footer: the keys, the word, and the actions behind them."""

    keys: str
    word: str
    actions: tuple[Action, ...]

    @property
    def priority(self) -> int:
        """The best priority of its actions; 1 is the most important."""
        return min(action.priority for action in self.actions)


def hints(actions: Iterable[Action], limit: int, glyphs: Glyphs = UNICODE) -> list[Hint]:
    """At most ``limit`` footer hints, the most important ones, in registry order with the help key last."""
    grouped: dict[str, list[Action]] = {}
    for action in actions:
        if action.priority:
            grouped.setdefault(action.hint, []).append(action)
    made = [
        Hint(" ".join(key_label(action.keys[0], glyphs) for action in group), word, tuple(group))
        for word, group in grouped.items()
    ]
    kept = sorted(made, key=lambda hint: hint.priority)[:limit]
    return sorted((hint for hint in made if hint in kept), key=lambda hint: hint.actions[0].verb == "help")


def help_sections(actions: Sequence[Action], glyphs: Glyphs = UNICODE) -> list[tuple[str, list[tuple[str, str]]]]:
    """The help as (heading, [(keys, what they do)]), one section per scope."""
    return [
        (scope.value, [(keys_label(action, glyphs), action.help) for action in actions if action.scope is scope])
        for scope in Scope
        if any(action.scope is scope for action in actions)
    ]


def markdown_table() -> str:
    """All actions as a Markdown table, for the documentation."""
    rows = ["| Where | Keys | What they do | Name in a key map |", "|---|---|---|---|"]
    for scope in Scope:
        for action in ACTIONS:
            if action.scope is scope:
                keys = " ".join(f"`{key_label(key)}`" for key in action.keys)
                rows.append(f"| {scope.value} | {keys} | {action.help} | `{action.id}` |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(markdown_table(), end="")
