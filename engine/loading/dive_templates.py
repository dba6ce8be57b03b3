"""The three ways Dive writes an expression into a text: `${...}` in templates, `$(...)` around all of it, or bare."""

from __future__ import annotations

from typing import Any, Final

from engine.loading.dive_expressions import Names, translate, translate_words
from engine.loading.dive_tokens import RisorError, tokenize
from engine.loading.findings import Findings
from engine.loading.problems import Location

_OPENING: Final = "${"


def expression(found: Findings, at: Location, text: str, names: Names) -> str | None:
    """The translation of a condition or script, with or without `$(...)` around it; None where a problem was told."""
    names.warnings.clear()
    try:
        if text.lstrip().startswith(_OPENING):
            raise RisorError("an expression stands in $(...) here, or bare, not in ${...}", text.index(_OPENING))
        body, start = _unwrapped(text)
        written = translate(body, names, start=start)
    except RisorError as problem:
        found.error(at, problem.message, offset=problem.offset)
        return None
    _tell_warnings(found, at, names)
    return written


def _unwrapped(text: str) -> tuple[str, int]:
    """The text without `)` and where in it the expression begins, so that places stay what they are."""
    stripped = text.rstrip()
    start = len(text) - len(text.lstrip())
    if stripped.startswith("$(", start) and stripped.endswith(")"):
        return stripped[:-1], start + 2
    return text, 0


def is_wrapped(text: str) -> bool:
    """Whether all of a text is `$(...)`."""
    return text.strip().startswith("$(") and text.strip().endswith(")")


def template(found: Findings, at: Location, text: str, names: Names) -> str:
    """The translation of a text with `${...}`; where a problem was told, the text as it is."""
    names.warnings.clear()
    if is_wrapped(text):
        found.warning(at, "this stays text: a value is written ${...} here, not $(...)")
    try:
        written = _template(text, names)
    except RisorError as problem:
        found.error(at, problem.message, offset=problem.offset)
        return text
    _tell_warnings(found, at, names)
    return written


def _template(text: str, names: Names) -> str:
    parts: list[str] = []
    position = 0
    while (opening := text.find(_OPENING, position)) >= 0:
        start = opening + len(_OPENING)
        before = literal(text[position:opening])
        if text.startswith("}", start):
            parts.append(before + "$${}")
            position = start + 1
            continue
        words = tokenize(text, start, until_brace=True)
        if words.end == len(text):
            raise RisorError("'${' is never closed", opening)
        bare = before.rstrip("$")
        if bare != before:
            before = f"{bare}${{{before[len(bare) :]!r}}}"  # '$${' would be a literal '${'
        parts.append(f"{before}${{{translate_words(text, words, names)}}}")
        position = words.end + 1
    return "".join([*parts, literal(text[position:])])


def literal(value: Any) -> Any:
    """A value that is not rendered, in which every `${` stands for itself."""
    if isinstance(value, str):
        return value.replace(_OPENING, "$${")
    if isinstance(value, list):
        return [literal(item) for item in value]
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    return value


def has_template(value: Any) -> bool:
    """Whether a `${` stands anywhere in a value."""
    if isinstance(value, str):
        return _OPENING in value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(has_template(item) for item in items)


def _tell_warnings(found: Findings, at: Location, names: Names) -> None:
    for message, offset in names.warnings:
        found.warning(at, message, offset=offset)
