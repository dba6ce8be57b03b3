"""The action registry: no clashes, keys that every keyboard has, and what is made from it."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import pytest
from textual.app import App
from textual.binding import Binding
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from dive_tui.app.actions import ACTIONS, BY_ID, BY_VERB, CONTEXTS, Action, Scope
from dive_tui.app.escapes import key_after_escape
from dive_tui.app.glyphs import ASCII
from dive_tui.app.keymap import bindings, help_sections, hints, key_label, keys_label, markdown_table
from dive_tui.widgets.line_view import LineView

# Keys that need neither AltGr, Option nor a dead key on US, UK, German, French, Spanish and Nordic keyboards.
EASY = {
    *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.<>+-/:?&",
    *["enter", "space", "tab", "shift+tab", "backspace", "up", "down", "left", "right"],
    *["pageup", "pagedown", "home", "end"],
}
TAKEN_BY_TERMINALS = {"escape", "ctrl+p", "ctrl+q", "f1"}
OF_TEXTUAL = {"submit", "quit"}


def in_context(context: str) -> list[Action]:
    return [action for action in ACTIONS if action.scope in CONTEXTS[context]]


def test_names_are_unique() -> None:
    assert len(BY_ID) == len(BY_VERB) == len(ACTIONS)
    for context in CONTEXTS:
        offered = [action.name for action in in_context(context) if action.palette]
        assert len(set(offered)) == len(offered)


@pytest.mark.parametrize("context", CONTEXTS)
def test_no_key_means_two_things_in_one_place(context: str) -> None:
    for one, other in combinations(in_context(context), 2):
        shared = set(one.keys) & set(other.keys)
        assert not shared, f"{one.id} and {other.id} share {shared}"


def test_every_scope_is_in_some_context() -> None:
    assert {scope for scopes in CONTEXTS.values() for scope in scopes} == set(Scope)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_has_a_key_that_every_keyboard_has(action: Action) -> None:
    if not EASY & set(action.keys):
        assert action.otherwise, f"{action.id} has only {action.keys}"
    assert set(action.keys) - TAKEN_BY_TERMINALS or action.otherwise
    assert set(action.always) <= set(action.keys)
    assert action.keys[0] in EASY or action.otherwise, "the main key is the easy one"


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_words(action: Action) -> None:
    assert action.name[0].isupper()
    assert action.help[0].islower()
    assert not action.help.endswith(".")
    assert bool(action.hint) == bool(action.priority)
    assert action.verb.isidentifier()


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_verbs_do_not_run_into_methods_of_textual(action: Action) -> None:
    if action.verb not in OF_TEXTUAL:
        for owner in (App, Screen, Input):
            assert not hasattr(owner, f"action_{action.verb}"), owner


def test_bindings_carry_ids_and_reach_textual_under_its_names() -> None:
    made = [binding for binding in bindings(*Scope) if isinstance(binding, Binding)]
    assert {(binding.id or "").removesuffix(".fixed") for binding in made} == set(BY_ID)
    keys = {binding.key: binding.action for binding in made if binding.id == "cursor.previous_event"}
    assert keys == {"comma": "previous_event", "left_square_bracket": "previous_event"}
    assert {(b.key, b.action) for b in made if b.id == "global.pane.fixed"} >= {("1", "pane('1')"), ("6", "pane('6')")}
    assert {binding.key for binding in made if binding.priority} == {"ctrl+q", "ctrl+c"}
    assert [b.key for b in made if b.id == "global.help"] == ["question_mark", "f1"]


def test_the_list_binds_neither_home_nor_end() -> None:
    assert not {"home", "end", "enter"} & {key for a in ACTIONS if a.scope is Scope.LIST for key in a.keys}
    assert all(hasattr(LineView, f"action_{a.verb}") for a in ACTIONS if a.scope is Scope.LIST)


@pytest.mark.parametrize("context", ["executions", "timeline", "events", "inspector", "events in replay"])
def test_the_footer_keeps_the_most_important_hints(context: str) -> None:
    actions = in_context(context)
    six, nine = hints(actions, 6), hints(actions, 9)
    assert len(six) == 6
    assert len(nine) == 9
    assert {hint.word for hint in six} <= {hint.word for hint in nine}
    assert six[-1].word == nine[-1].word == "keys"
    dropped = [hint for hint in hints(actions, 99) if hint.word not in {kept.word for kept in six}]
    assert max(hint.priority for hint in six) <= min(hint.priority for hint in dropped)


def test_footer_hints_join_keys_of_one_word() -> None:
    keys = {hint.word: hint.keys for hint in hints(in_context("timeline"), 99)}
    assert keys["event"] == ", ."
    assert keys["step"] == "< >"
    assert keys["pan"] == "← →"
    assert {hint.word: hint.keys for hint in hints(in_context("timeline"), 99, ASCII)}["pan"] == "left right"


def test_help_lists_every_action_once_under_its_scope() -> None:
    actions = in_context("timeline")
    sections = help_sections(actions)
    assert [heading for heading, _ in sections] == [
        "Timeline",
        "Event cursor",
        "Execution",
        "Execution, outside replay",
        "Searching",
        "Steering an execution",
        "Store",
        "In a list",
        "Everywhere",
    ]
    assert sum(len(lines) for _, lines in sections) == len(actions)
    assert ("? F1", "show the keys that act here") in dict(sections)["Everywhere"]
    assert keys_label(BY_VERB["pane"]) == "1-6"
    assert key_label("up", ASCII) == "up"


def test_the_table_for_the_documentation() -> None:
    table = markdown_table()
    assert all(f"`{action.id}`" in table for action in ACTIONS)
    assert len({line.count("|") for line in table.splitlines()}) == 1
    printed = subprocess.run([sys.executable, "-m", "dive_tui.app.keymap"], capture_output=True, text=True, check=True)
    assert printed.stdout == table


@pytest.mark.parametrize(
    ("event", "key", "character"),
    [
        (Key("alt+j", "j"), "j", "j"),
        (Key("alt+shift+g", "G"), "G", "G"),
        (Key("alt+shift+g", None), "G", "G"),
        (Key("alt+comma", ","), "comma", ","),
        (Key("alt+left", None), "left", None),
        (Key("¡", "¡"), "1", "1"),
    ],
)
def test_a_key_pressed_after_escape_is_found(event: Key, key: str, character: str | None) -> None:
    found = key_after_escape(event)
    assert found is not None
    assert (found.key, found.character) == (key, character)


def test_other_keys_are_left_alone() -> None:
    assert key_after_escape(Key("j", "j")) is None
    assert key_after_escape(Key("escape", "\x1b")) is None
