"""Checks of the form of plain data: which keys a mapping may hold and what kind of value each takes.

Every check tells all it finds and goes on, so that each mistake of a file has its own sentence and place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.core.expression_errors import shown_text
from engine.loading.findings import Findings, called, did_you_mean
from engine.loading.problems import INVALID, Location
from engine.model.durations import MAX_DURATION, parse_duration

Check = Callable[[Findings, Location, Any], None]
Rule = Callable[[Findings, Location, Mapping[str, Any], frozenset[str]], None]
"""Checks how the keys of a mapping go together; the set holds known keys that misspelt ones probably stand for."""

LONGEST_NAME: Final = 200
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE_RULE = "letters (A-Z, a-z), digits and '_', not beginning with a digit"


@dataclass(frozen=True)
class Shape:
    """What a mapping may hold."""

    noun: str
    keys: Mapping[str, Check]
    required: tuple[str, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)
    """For keys that are unknown here how the sentence about them ends."""
    rules: tuple[Rule, ...] = ()

    def __call__(self, found: Findings, at: Location, value: Any) -> None:
        """Check a value of this shape and all that is in it."""
        if value is INVALID:
            return
        if not isinstance(value, dict):
            found.error(at, f"{self.noun} must be a mapping, not {describe(value)}")
            return
        meant: set[str] = set()
        for key, content in value.items():
            if key in self.keys:
                self.keys[key](found, (*at, key), content)
            else:
                near = found.nearest(key, self.keys)
                if near is not None:
                    meant.add(near)
                hint = self.hints.get(key, did_you_mean(near))
                found.error((*at, key), f"unknown key {shown_text(key)}{hint}", on_key=True)
        for key in self.required:
            if key not in value and key not in meant:
                found.error(at, f"{self.noun} needs {key!r}")
        for rule in self.rules:
            rule(found, at, value, frozenset(meant))


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
    if isinstance(value, str) and value and not VARIABLE.fullmatch(value):
        found.error(at, f"{called(at)} must consist of {_VARIABLE_RULE}; {shown_text(value)} does not")


def variable_key(found: Findings, at: Location, key: str) -> None:
    """The same for the key of a mapping."""
    if len(key) > LONGEST_NAME or not VARIABLE.fullmatch(key):
        message = f"a variable must consist of {_VARIABLE_RULE}, at most {LONGEST_NAME}; {shown_text(key)} does not"
        found.error(at, message, on_key=True)


def flag(found: Findings, at: Location, value: Any) -> None:
    """True or false."""
    if value is not INVALID and not isinstance(value, bool):
        found.error(at, f"{called(at)} must be true or false, not {describe(value)}")


def condition(found: Findings, at: Location, value: Any) -> None:
    """The text of an expression; whether it parses is checked elsewhere."""
    if value is not INVALID and not isinstance(value, str):
        found.error(at, f"{called(at)} must be an expression in quotes, not {describe(value)}")
    elif value == "":
        found.error(at, f"{called(at)} must not be empty; leave it out for one that is always true")


def filled_text(found: Findings, at: Location, value: Any) -> None:
    """A text that says something."""
    text(found, at, value)
    if isinstance(value, str) and not value.strip():
        found.error(at, f"{called(at)} must not be empty")


def duration(found: Findings, at: Location, value: Any) -> None:
    """`10s`, or seconds as a number."""
    if isinstance(value, str):
        try:
            parse_duration(value)
        except ValueError as problem:
            found.error(at, str(problem))
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        if value is not INVALID:
            found.error(at, f"{called(at)} must be a duration such as 10s or 1h30m, not {describe(value)}")
    elif value < 0:
        found.error(at, f"{called(at)} must not be negative")
    elif value > MAX_DURATION:
        found.error(at, f"{called(at)} must not be longer than a hundred years")


def whole(least: int, most: int | None = None) -> Check:
    """A whole number within bounds."""
    return _number_within("a whole number", int, least, most)


def number(least: int, most: int) -> Check:
    """A number within bounds."""
    return _number_within("a number", (int, float), least, most)


def _number_within(what: str, kinds: type | tuple[type, ...], least: int, most: int | None) -> Check:
    bounds = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"

    def check_number(found: Findings, at: Location, value: Any) -> None:
        if value is INVALID:
            return
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if not is_number or value < least or (most is not None and value > most):
            found.error(at, f"{called(at)} must be {what} {bounds}, not {describe(value)}")

    return check_number


def one_of(choices: Sequence[str]) -> Check:
    """One of these words."""

    def check_choice(found: Findings, at: Location, value: Any) -> None:
        text(found, at, value)
        if isinstance(value, str) and value not in choices:
            hint = found.suggestion(value, choices)
            found.error(at, f"{called(at)} must be one of {', '.join(choices)}, not {shown_text(value)}{hint}")

    return check_choice


def mapping(found: Findings, at: Location, value: Any) -> None:
    """A mapping of anything."""
    if value is not INVALID and not isinstance(value, dict):
        found.error(at, f"{called(at)} must be a mapping, not {describe(value)}")


def texts(found: Findings, at: Location, value: Any) -> None:
    """A mapping of texts."""
    mapping(found, at, value)
    for key, content in value.items() if isinstance(value, dict) else ():
        text(found, (*at, key), content)


def names(*, may_be_empty: bool = False) -> Check:
    """A name or a list of names."""
    several = list_of(name, least=0 if may_be_empty else 1)

    def check_names(found: Findings, at: Location, value: Any) -> None:
        if isinstance(value, str):
            name(found, at, value)
        elif isinstance(value, list) or value is INVALID:
            several(found, at, value)
        else:
            found.error(at, f"{called(at)} must be a name or a list of names, not {describe(value)}")

    return check_names


def one_or_list_of(shape: Shape, example: str) -> Check:
    """A mapping of this shape or a list of such; the example shows what one looks like."""
    several = list_of(shape, least=1)

    def check_one_or_list(found: Findings, at: Location, value: Any) -> None:
        if isinstance(value, list):
            several(found, at, value)
        elif isinstance(value, dict) or value is INVALID:
            shape(found, at, value)
        else:
            found.error(
                at, f"{called(at)} must be a mapping such as {example} or a list of such, not {describe(value)}"
            )

    return check_one_or_list


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
