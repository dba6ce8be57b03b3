"""The shape of a definition, key by key: which keys there are, which are required, what kind of value each takes.

The pydantic models say the same, but they stop where a part is malformed and do not know about keys that are planned;
this check finds everything at once and gives every mistake its own place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.core.expression_errors import shown_text
from engine.loading.findings import Findings, called, did_you_mean
from engine.loading.problems import INVALID, Location

Check = Callable[[Findings, Location, Any], None]

LONGEST_NAME: Final = 200
INPUT_TYPES: Final = ("string", "integer", "number", "boolean", "array", "object")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Shape:
    """What a mapping may hold."""

    noun: str
    keys: Mapping[str, Check]
    required: tuple[str, ...] = ()
    planned: frozenset[str] = field(default_factory=frozenset)
    """Keys that mean something in a later version."""
    instead: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For a required key the planned ones that would make up for it."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """For keys that are unknown here how the sentence about them ends."""

    def __call__(self, found: Findings, at: Location, value: Any) -> None:
        """Check a value of this shape and all that is in it."""
        if value is INVALID:
            return
        if not isinstance(value, dict):
            found.error(at, f"{self.noun} must be a mapping, not {describe(value)}")
            return
        meant: set[str | None] = set()
        for key, content in value.items():
            if key in self.keys:
                self.keys[key](found, (*at, key), content)
            elif key in self.planned:
                found.error((*at, key), f"{shown_text(key)} is not supported yet", on_key=True)
            else:
                near = found.nearest(key, [*self.keys, *sorted(self.planned)])
                meant.add(near)
                hint = self.hints.get(key, did_you_mean(near))
                found.error((*at, key), f"unknown key {shown_text(key)}{hint}", on_key=True)
        for key in self.required:
            if key not in value and key not in meant and not self.instead.get(key, frozenset()) & value.keys():
                found.error(at, f"{self.noun} needs {key!r}")


def describe(value: Any) -> str:
    """What a value of the wrong kind is, for the end of a sentence."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return shown_text(value) if isinstance(value, str) else str(value)


def anything(found: Findings, at: Location, value: Any) -> None:
    """Every value will do."""


def text(found: Findings, at: Location, value: Any) -> None:
    """A text, which may be empty."""
    if value is not INVALID and not isinstance(value, str):
        hint = "; put it in quotes" if isinstance(value, (bool, int, float)) else ""
        found.error(at, f"{called(at)} must be text, not {describe(value)}{hint}")


def name(found: Findings, at: Location, value: Any) -> None:
    """A text of 1 to 200 characters."""
    text(found, at, value)
    if value == "":
        found.error(at, f"{called(at)} must not be empty")
    elif isinstance(value, str) and len(value) > LONGEST_NAME:
        found.error(at, f"{called(at)} must not be longer than {LONGEST_NAME} characters")


def variable(found: Findings, at: Location, value: Any) -> None:
    """A name that expressions can use."""
    name(found, at, value)
    if isinstance(value, str) and value and not _VARIABLE.fullmatch(value):
        rule = "letters (A-Z, a-z), digits and '_', not beginning with a digit"
        found.error(at, f"{called(at)} must consist of {rule}; {shown_text(value)} does not")


def flag(found: Findings, at: Location, value: Any) -> None:
    """True or false."""
    if value is not INVALID and not isinstance(value, bool):
        found.error(at, f"{called(at)} must be true or false, not {describe(value)}")


def input_type(found: Findings, at: Location, value: Any) -> None:
    """One of the six types."""
    text(found, at, value)
    if isinstance(value, str) and value not in INPUT_TYPES:
        hint = found.suggestion(value, INPUT_TYPES)
        found.error(at, f"{called(at)} must be one of {', '.join(INPUT_TYPES)}, not {shown_text(value)}{hint}")


def condition(found: Findings, at: Location, value: Any) -> None:
    """The text of an expression; whether it parses is checked elsewhere."""
    if value is not INVALID and not isinstance(value, str):
        found.error(at, f"{called(at)} must be an expression in quotes, not {describe(value)}")
    elif value == "":
        found.error(at, f"{called(at)} must not be empty; leave it out for an edge that is always taken")


def mapping(found: Findings, at: Location, value: Any) -> None:
    """A mapping of anything."""
    if value is not INVALID and not isinstance(value, dict):
        found.error(at, f"{called(at)} must be a mapping, not {describe(value)}")


def texts(found: Findings, at: Location, value: Any) -> None:
    """A mapping of texts."""
    mapping(found, at, value)
    for key, content in value.items() if isinstance(value, dict) else ():
        text(found, (*at, key), content)


def list_of(check: Check, *, least: int = 0) -> Check:
    """A list whose entries pass a check."""

    def check_list(found: Findings, at: Location, value: Any) -> None:
        if value is INVALID:
            return
        if not isinstance(value, list):
            found.error(at, f"{called(at)} must be a list, not {describe(value)}")
            return
        if len(value) < least:
            found.error(at, f"{called(at)} must not be empty")
        for index, item in enumerate(value):
            check(found, (*at, index), item)

    return check_list


def items(found: Findings, at: Location, value: Any) -> None:
    """A list, or a text that may be a template; which one is checked elsewhere."""
    if value is not INVALID and not isinstance(value, (list, str)):
        found.error(at, f'{called(at)} must be a list or a template such as "${{state.files}}", not {describe(value)}')


def store(found: Findings, at: Location, value: Any) -> None:
    """The name of a variable."""
    if isinstance(value, dict):
        found.error(at, "'store' as a mapping is not supported yet; give the name of one variable")
    else:
        variable(found, at, value)


def edge(found: Findings, at: Location, value: Any) -> None:
    """The name of a step, or a mapping with more."""
    if isinstance(value, str):
        name(found, at, value)
    elif isinstance(value, dict) or value is INVALID:
        EDGE(found, at, value)
    else:
        found.error(at, f"{called(at)} must be the name of a step or a mapping, not {describe(value)}")


def edges(found: Findings, at: Location, value: Any) -> None:
    """One edge, or a list of them."""
    if value is None or value == []:
        found.error(at, "'next' is empty; name a step, or write 'end: true' for a step that ends its path")
    elif isinstance(value, list):
        list_of(edge)(found, at, value)
    else:
        edge(found, at, value)


STEP_KINDS: Final = frozenset({"type", "prompt", "script", "wait_signal", "sleep", "join", "workflow", "pass"})

EDGE: Final = Shape("an edge", {"step": name, "condition": condition, "path": variable}, ("step",))
EACH: Final = Shape(
    "'each'", {"items": items, "as": variable}, ("items",), frozenset({"concurrency", "on_item_failure"})
)
INPUT: Final = Shape(
    "an input",
    {"name": variable, "type": input_type, "description": text, "default": anything, "required": flag},
    ("name",),
    frozenset({"secret"}),
)
OUTPUT: Final = Shape("an output", {"name": variable, "value": anything}, ("name", "value"))
STEP: Final = Shape(
    "a step",
    {"name": name, "action": name, "parameters": mapping, "store": store, "each": EACH, "next": edges, "end": flag},
    ("name", "action"),
    STEP_KINDS
    | {"agent", "content", "topic", "on_timeout", "paths", "count", "mappings", "rest", "detached"}
    | {"edge_matching", "retry", "catch", "timeout", "timeout_total"},
    {"action": STEP_KINDS},
)
WORKFLOW: Final = Shape(
    "a workflow",
    {
        "name": name,
        "description": text,
        "version": text,
        "inputs": list_of(INPUT),
        "outputs": list_of(OUTPUT),
        "steps": list_of(STEP, least=1),
        "start": name,
        "labels": texts,
    },
    ("name", "steps"),
    frozenset({"on_failure", "deadline", "max_visits", "max_parallel"}),
)
SEVERAL: Final = Shape(
    "a file",
    {"workflows": list_of(anything, least=1)},
    ("workflows",),
    hints=dict.fromkeys([*WORKFLOW.keys, *WORKFLOW.planned], "; it belongs into one of the 'workflows'"),
)
"""A file of several workflows; each of them is checked by `WORKFLOW`."""
