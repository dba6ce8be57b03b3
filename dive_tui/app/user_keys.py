"""The key map of a person: which keys the actions have for them, read from a TOML file and checked before it is used.

    executions.open = "l"
    global.quit = ["Q", "f10"]

Everything that is wrong is found at once, each as a sentence with its line. A map with anything wrong in it is not
used at all: half of one would be harder to understand than none.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from dive_tui.app.actions import ACTIONS, BY_ID, CONTEXTS, Action, Scope
from engine.core.expression_errors import suggestion

NAMED_KEYS = (
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"),
    *("enter", "space", "tab", "backspace", "escape"),
    *(f"f{number}" for number in range(1, 13)),
)
_OTHER_NAMES = {
    "esc": "escape",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "comma": ",",
    " ": "space",
}
_SAME_IN_TERMINALS = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace"}
_MODIFIERS = ("ctrl", "alt", "shift")
_TYPING = frozenset({Scope.FIELD, Scope.FORM, Scope.PROMPT, Scope.CONFIRM})
"""Where a text field has the focus."""
_EDITING = frozenset({"space", "backspace", "delete", "left", "right", "home", "end"})
_MOST_BYTES = 64 << 10
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_ENTRY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")


@dataclass(frozen=True, slots=True)
class UserKeys:
    """The keys of those actions that have other ones than usual."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the id of the action, as a person reads them, the main one first."""

    def applied(self, action: Action) -> Action:
        """The action with the keys it has for this person; its unchangeable ones stay."""
        chosen = self.keys.get(action.id)
        if chosen is None:
            return action
        return replace(action, keys=(*chosen, *(key for key in action.always if key not in chosen)))

    def for_textual(self) -> dict[str, str]:
        """The same for `App.set_keymap`."""
        from dive_tui.app.keymap import textual_key

        return {name: ",".join(textual_key(key) for key in keys) for name, keys in self.keys.items()}


class KeyFile(NamedTuple):
    """What a key map file says."""

    keys: UserKeys
    problems: tuple[str, ...] = ()
    """Sentences. With any of them `keys` changes nothing."""


def key_file() -> Path:
    """Where the key map of the user is, or would be."""
    from platformdirs import user_config_path

    return user_config_path("dive-tui") / "keys.toml"


def read_keys(file: Path) -> KeyFile:
    """The key map in a file; one that is not there changes nothing, and is not wrong."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return KeyFile(UserKeys())
    except OSError as error:
        return KeyFile(UserKeys(), (f"{file}: {error.strerror or error}",))
    if len(content) > _MOST_BYTES:
        return KeyFile(UserKeys(), (f"{file}: a key map is never longer than {_MOST_BYTES >> 10} KiB",))
    try:
        text = content.decode()
        table = tomllib.loads(text)
    except UnicodeDecodeError:
        return KeyFile(UserKeys(), (f"{file}: this is no UTF-8 text",))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return KeyFile(UserKeys(), (f"{file}: this is no TOML: {error}",))
    keys, problems = checked(table)
    lines = _lines(text)
    told = (f"{file}{f' line {lines[name]}' if name in lines else ''}: {said}" for name, said in problems)
    return KeyFile(UserKeys() if problems else keys, tuple(told))


def checked(table: Mapping[str, Any]) -> tuple[UserKeys, list[tuple[str, str]]]:
    """The key map in a decoded TOML table, and what is wrong with it: (name of the entry, sentence)."""
    chosen: dict[str, tuple[str, ...]] = {}
    problems: list[tuple[str, str]] = []
    for name, value in _entries(table):
        action = BY_ID.get(name)
        if action is None:
            problems.append((name, f"there is no action {name!r}{suggestion(name, BY_ID)}"))
            continue
        keys, wrong = _keys(action, value)
        problems += [(name, each) for each in wrong]
        if not wrong:
            chosen[name] = keys
    made = UserKeys(chosen)
    problems += _clashes(made)
    return made, problems


def _entries(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and their values: `a.b = 1`, `"a.b" = 1` and `[a]` with `b = 1` are the same."""
    for key, value in table.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _entries(value, f"{name}.")
        else:
            yield name, value


def _keys(action: Action, value: Any) -> tuple[tuple[str, ...], list[str]]:
    """The keys in a value of the file, and what is wrong with them."""
    given: Sequence[Any] = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(each, str) for each in given):
        return (), [f"{action.id} needs a key, or a list of keys, as text"]
    if action.per_key:
        return (), [f"the keys of {action.id} cannot be changed: each of them does something else"]
    if not set(action.keys) - set(action.always):
        return (), [f"the key of {action.id} cannot be changed"]
    keys, problems = [], []
    for each in given:
        try:
            key = key_named(each)
        except ValueError as problem:
            problems.append(str(problem))
            continue
        if action.scope in _TYPING and (len(key) == 1 or key in _EDITING):
            problems.append(f"{key!r} is for typing: in a text field it cannot mean {action.id}")
        keys.append(key)
    return tuple(dict.fromkeys(keys)), problems


def key_named(text: str) -> str:
    """The key a person wrote: `?`, `pageup`, `Esc`, `ctrl+r`.

    Raises:
        ValueError: no terminal has such a key; the sentence says so, and what it might have been.
    """
    *modifiers, key = [text] if len(text) == 1 else _parts(text)
    if len(key) != 1:
        key = _OTHER_NAMES.get(key.lower(), key.lower())
    key = _OTHER_NAMES.get(key, key)
    if key not in NAMED_KEYS and not (len(key) == 1 and key.isprintable()):
        raise ValueError(f"there is no key {text!r}{suggestion(key, [*NAMED_KEYS, *_OTHER_NAMES])}")
    modifiers = [modifier.lower() for modifier in modifiers]
    unknown = next((each for each in modifiers if each not in _MODIFIERS), None)
    if unknown is not None:
        raise ValueError(f"there is no key {text!r}: before the + there can be {', '.join(_MODIFIERS)}")
    if len(key) == 1 and modifiers == ["shift"]:
        raise ValueError(f"{text!r} is written as the character it makes, such as {key.upper()!r}")
    if len(key) == 1 and "ctrl" in modifiers:
        key = key.lower()
    named = "+".join([*(modifier for modifier in _MODIFIERS if modifier in modifiers), key])
    if named in _SAME_IN_TERMINALS:
        raise ValueError(f"a terminal cannot tell {named!r} from {_SAME_IN_TERMINALS[named]!r}")
    return named


def _parts(text: str) -> list[str]:
    """`ctrl+x` as `ctrl` and `x`; the plus itself is a key, too."""
    return [*text[:-2].split("+"), "+"] if text.endswith("++") else text.split("+")


def _clashes(made: UserKeys) -> list[tuple[str, str]]:
    """Keys that would mean two things in one place, each pair of actions once."""
    found: dict[frozenset[str], tuple[str, str]] = {}
    for place, scopes in CONTEXTS.items():
        here = {action.id: _acting(made.applied(action), scopes) for action in ACTIONS}
        for name in made.keys:
            for other, keys in here.items():
                shared = next((key for key in here[name] if key in keys), None)
                if shared is not None and name != other:
                    sentence = f"{shared!r} would mean two things in one place ({place}): {name} and {other}"
                    found.setdefault(frozenset((name, other)), (name, sentence))
    return list(found.values())


def _acting(action: Action, scopes: tuple[Scope, ...]) -> tuple[str, ...]:
    """The keys with which an action acts in a place; outside of its own only those that act always."""
    return action.keys if action.scope in scopes else action.always


def _lines(text: str) -> dict[str, int]:
    """The line of each entry by its dotted name, as far as lines tell it."""
    found: dict[str, int] = {}
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            before = _dotted(header[1]) + "."
        elif entry := _ENTRY.match(line):
            found.setdefault(before + _dotted(entry[1]), number)
    return found


def _dotted(name: str) -> str:
    return re.sub(r"""["'\s]""", "", name)


def example() -> str:
    """A key map with every action at its usual keys, all of it commented out."""
    lines = ["# Take the # away where an action shall have other keys. Then check: dive-tui keys"]
    scope = None
    for action in ACTIONS:
        if action.per_key or not set(action.keys) - set(action.always):
            continue
        if action.scope is not scope:
            scope = action.scope
            lines += ["", f"# {scope.value}"]
        changeable = [key for key in action.keys if key not in action.always]
        keys = ", ".join(_quoted(key) for key in changeable)
        lines.append(f"# {action.id} = {keys if len(changeable) == 1 else f'[{keys}]'}  # {action.help}")
    return "\n".join(lines) + "\n"


def _quoted(key: str) -> str:
    return f"'{key}'" if key in ('"', "\\") else f'"{key}"'
