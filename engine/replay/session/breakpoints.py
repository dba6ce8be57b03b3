"""Breakpoints: conditions on events, in one language for the command line and the app.

    type:step_failed,path_*    kinds of events
    step:Charge*   path:main   a glob over the whole name, upper and lower case alike
    attempt:3   visit:2        which try of a step; the how-manyth run of it on its path
    changes:cart.total         events that change the value at this address
    hits:3                     of the events that match, counted from the first of the history, every third
    when: state.total > 100    an expression; it takes the rest of the text
    step_failed   Charge*      a kind of event, or a step, by itself

All conditions must hold. `when` sees `event`, and what was true after it: `state` (the variables of the event's path),
`inputs`, `outputs`, `error` and `status`. Alone and without `event` it stops where it becomes true; else at each event
for which it is true. One that has no value, because something it reads is not there, is not true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from engine.core.expression_errors import nearest, shown_text
from engine.core.expressions import Expression, ExpressionSyntaxError, compile_expression
from engine.core.reduce_go import GO_TYPES
from engine.model.events import KNOWN_TYPES
from engine.replay.addressing.addresses import Address, AddressError, parse_address

STATE_NAMES = frozenset({"state", "inputs", "outputs", "error", "status"})
"""What `when` sees of the state after an event."""
NAMES = STATE_NAMES | {"event"}


class BreakpointError(ValueError):
    """A text that is no breakpoint; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Where to stop. A condition that is None asks for nothing."""

    text: str
    """As it was written."""
    number: int = 0
    """Its number in a session, from 1."""
    kinds: frozenset[str] | None = None
    step: str | None = None
    """A glob, as is `path`."""
    path: str | None = None
    attempt: int | None = None
    visit: int | None = None
    changes: Address | None = None
    when: Expression | None = None
    every: int = 1
    """Stop at each so-manyth event of the history that matches."""
    enabled: bool = True
    hits: int = 0
    """Matching events passed so far while continuing."""
    problem: str = ""
    """Why its expression had no value when it was last tested, if it had none."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form: number, text, enabled, hits and problem."""
        names = ("number", "text", "enabled", "hits", "problem")
        return {name: getattr(self, name) for name in names}


def parse_breakpoint(text: str) -> Breakpoint:
    """Understand a breakpoint.

    Raises:
        BreakpointError: it has no condition, or one that cannot be understood.
    """
    conditions: dict[str, Any] = {}
    at = 0
    while found := _WORD.match(text, at):
        at = found.end()
        if text[at : at + 1] == '"':
            break
        key, value = ("when", found["when"]) if found["when"] is not None else _split(found["word"])
        name, read = _KEYS[key]
        if name in conditions:
            raise BreakpointError(f"{key} is given twice")
        conditions[name] = read(value)
    if text[at:].strip():
        raise BreakpointError(f"the quote in {shown_text(text[at:].strip(), 30)} is never closed")
    if not conditions.keys() - {"every"}:
        raise BreakpointError(
            "a breakpoint needs a condition, like type:step_failed, step:Charge* or when: state.total > 100"
        )
    return Breakpoint(" ".join(text.split()) if conditions.get("when") is None else text.strip(), **conditions)


def _split(word: str) -> tuple[str, str]:
    """The condition that a word stands for, and what it asks for."""
    key, colon, value = word.partition(":")
    if not colon or '"' in key:
        bare = _unquoted(word)
        return ("type" if bare in _TYPES else "step"), word
    if key.lower() not in _KEYS:
        close = nearest(key, _KEYS)
        hint = f"did you mean {close}:?" if close else f"there are {', '.join(f'{name}:' for name in _KEYS)}"
        raise BreakpointError(f"a breakpoint has no {shown_text(key + ':')} ({hint})")
    if not _unquoted(value).strip(","):
        raise BreakpointError(f"{key.lower()}: is written like {_EXAMPLES[key.lower()]}")
    return key.lower(), value


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), word)


def _kinds(value: str) -> frozenset[str]:
    wanted = [part for part in _unquoted(value).lower().split(",") if part]
    kinds: set[str] = set()
    for part in wanted:
        fitting = {kind for kind in _TYPES if fnmatchcase(kind, part)}
        if not fitting:
            close = nearest(part, _TYPES)
            hint = f"did you mean {close}?" if close else "events shows the types there are"
            raise BreakpointError(f"{shown_text(part)} is no type of event; {hint}")
        kinds |= fitting
    return frozenset(kinds)


def _number(key: str) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) < 1:
            raise BreakpointError(f"{key}: is followed by a whole number from 1, not {shown_text(value)}")
        return int(value)

    return read


def _address(value: str) -> Address:
    try:
        return parse_address(value)
    except AddressError as error:
        raise BreakpointError(f"changes: {error}") from None


def _expression(value: str) -> Expression:
    try:
        expression = compile_expression(value.strip())
    except ExpressionSyntaxError as error:
        raise BreakpointError(f"when: {error}") from None
    for name in sorted(expression.roots - NAMES):
        close = nearest(name, NAMES)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(sorted(NAMES))}"
        raise BreakpointError(f"when: {shown_text(name)} is not known to a breakpoint; {hint}")
    return expression


_TYPES = sorted(map(str, KNOWN_TYPES | GO_TYPES))
_WORD = re.compile(r"""\s*(?:when:(?P<when>.*)\Z|(?P<word>(?:"(?:[^"\\]|\\.)*"|[^\s"])+))""", re.DOTALL | re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_KEYS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "type": ("kinds", _kinds),
    "step": ("step", _unquoted),
    "path": ("path", _unquoted),
    "attempt": ("attempt", _number("attempt")),
    "visit": ("visit", _number("visit")),
    "changes": ("changes", _address),
    "hits": ("every", _number("hits")),
    "when": ("when", _expression),
}
_EXAMPLES: Mapping[str, str] = {
    "type": "type:step_failed,path_*",
    "step": 'step:Charge* or step:"Charge Card"',
    "path": "path:main",
    "attempt": "attempt:3",
    "visit": "visit:2",
    "changes": "changes:cart.total",
    "hits": "hits:3",
    "when": "when: state.total > 100",
}
