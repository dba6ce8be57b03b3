"""Addresses of values in a state: `paths.main.variables.cart.items[0]`, `cart.items[0]`, `steps["Charge Card"].status`.

A full address begins with a part of the state, as `replay --json` names them. Anything else is short for a variable of
the path one is looking at; `state.` in front says so where a variable has the name of a part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.core.expression_errors import shown_text
from engine.replay.diffing.diff import join_address

VARIABLES = "state"
"""The first part of an address of a variable of whatever path one is looking at."""
PARTS: frozenset[str] = frozenset({
    "execution_id", "sequence", "status", "inputs", "outputs", "error", "paths", "script_globals", "signals",
    "versions", "completed_steps", "active_paths", "steps",
})  # fmt: skip
"""What a full address can begin with."""

_NAME = re.compile(r"[^\W\d]\w*(?:-\w+)*|\d+(?=[.\[]|\Z)")
_INDEX = re.compile(r"\[\s*(\d{1,18})\s*\]")
_KEY = re.compile(r"""\[\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\]""", re.DOTALL)


class _Missing:
    """The type of MISSING."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What is found where there is nothing; no JSON value is it."""


class AddressError(ValueError):
    """A text that is no address; the message is one sentence that names the place, counted from 1."""


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address; its text is its one normal form, and parses to an equal address."""

    parts: tuple[str | int, ...]
    """Keys of mappings and indexes of lists from the outermost; the first is one of `PARTS`, or `VARIABLES`."""

    @property
    def is_short(self) -> bool:
        """Whether it is about a variable of whatever path one is looking at."""
        return self.parts[0] == VARIABLES

    def on_path(self, path: str) -> Address:
        """A short address as the full one it stands for on a path; a full one as it is."""
        return Address(("paths", path, "variables", *self.parts[1:])) if self.is_short else self

    def __str__(self) -> str:
        parts = self.parts
        if self.is_short and len(parts) > 1 and parts[1] not in PARTS and parts[1] != VARIABLES:
            parts = parts[1:]
        text = ""
        for part in parts:
            text = join_address(text, part)
        return text


def parse_address(text: str) -> Address:
    """Understand an address, full or short.

    Raises:
        AddressError: it is empty, or something in it is no name, index or key.
    """
    parts: list[str | int] = []
    stripped = text.strip()
    at = 0
    while at < len(stripped):
        found, at = _part(stripped, at, first=not parts)
        parts.append(found)
    if not parts:
        raise AddressError("an address is empty; it is written like cart.total or paths.main.variables.cart")
    if parts[0] not in PARTS and parts[0] != VARIABLES:
        parts.insert(0, VARIABLES)
    return Address(tuple(parts))


def _part(text: str, at: int, *, first: bool) -> tuple[str | int, int]:
    """The part of an address at this place, and where it ends."""
    if text[at] == "[":
        index, key = _INDEX.match(text, at), _KEY.match(text, at)
        if index is not None and not first:
            return int(index[1]), index.end()
        if key is not None:
            return _unquoted(key[1]), key.end()
        wanted = "a quoted key" if first else "an index or a quoted key"
        raise _unexpected(text, at, wanted)
    if not first:
        if text[at] != ".":
            raise _unexpected(text, at, "'.' or '['")
        at += 1
    name = _NAME.match(text, at)
    if name is None:
        raise _unexpected(text, at, "a name")
    return name[0], name.end()


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _unexpected(text: str, at: int, wanted: str) -> AddressError:
    found = f"not {shown_text(text[at:], 20)}" if at < len(text) else "but it ends"
    return AddressError(f"{shown_text(text)} is no address: {wanted} is wanted at character {at + 1}, {found}")


def resolve(view: Mapping[str, Any], address: Address, path: str = "") -> Any:
    """The value at an address of a whole state as JSON, MISSING where there is none.

    `view`: what `full_view` or `ReplayResult.to_dict` gives. `path`: whose variable a short address means; without
    one that of the open path that moved last.
    """
    if address.is_short:
        return resolve(view, address.on_path(path or _likeliest_path(view)))
    first, *rest = address.parts
    if first == "steps" and rest and isinstance(rest[0], str):
        return descend(step_entry(view["steps"], rest[0]), rest[1:])
    return descend(view.get(str(first), MISSING), rest)


def _likeliest_path(view: Mapping[str, Any]) -> str:
    """The open path that moved last, which stands last; without one the last there is."""
    for entry in reversed(view["active_paths"]):
        return str(entry["id"])
    return next(reversed(view["paths"]), "")


def step_entry(entries: Sequence[Mapping[str, Any]], step: str) -> Any:
    """Of all attempts the last one of the unit of this step that began last (of an each, its whole), or MISSING."""
    found: Mapping[str, Any] | None = None
    began, unit = 0, None
    for entry in entries:
        if entry["step"] != step or "iteration" in entry:
            continue
        same = unit == (entry["path"], entry["visit"])
        if same or entry["started_seq"] > began:
            found = entry
            began, unit = began if same else entry["started_seq"], (entry["path"], entry["visit"])
    return MISSING if found is None else found


def descend(value: Any, parts: Sequence[str | int]) -> Any:
    """What lies below a value at these keys and indexes, or MISSING."""
    for part in parts:
        if isinstance(value, Mapping):
            # JSON has no other keys than text: what looks like an index may be one.
            value = value.get(part if isinstance(part, str) else str(part), MISSING)
        elif isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return MISSING
    return value


def is_same(old: Any, new: Any) -> bool:
    """Whether two JSON values (or MISSING) are equal; unlike in Python, 1, 1.0 and true are different."""
    todo = [(old, new)]
    while todo:
        left, right = todo.pop()
        if left is right:
            continue
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            if left.keys() != right.keys():
                return False
            todo += ((value, right[key]) for key, value in left.items())
        elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
            if len(left) != len(right):
                return False
            todo += zip(left, right, strict=True)
        elif type(left) is not type(right) or left != right:
            return False
    return True
