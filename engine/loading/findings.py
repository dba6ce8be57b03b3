"""What the checks of a definition find, told by location in the definition; a file's positions come in afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.core.expression_errors import nearest, shown_text
from engine.loading.problems import Location, Problem, Severity
from engine.loading.yaml_positions import Positions

_MOST_SUGGESTIONS = 100


class Finding(NamedTuple):
    """One sentence about a place in a definition."""

    location: Location
    message: str
    severity: Severity = "error"
    on_key: bool = False
    """Whether the key is meant, not its value."""
    offset: int | None = None
    """The character of the text at this location that is meant, from 0; None for the value as a whole."""
    first: Location | None = None
    """The other place of two that do not go together."""


class Findings:
    """Collects findings."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.errors = 0
        """How many of them are errors."""
        self._suggestions = 0

    def error(
        self,
        location: Location,
        message: str,
        *,
        on_key: bool = False,
        offset: int | None = None,
        first: Location | None = None,
    ) -> None:
        """Add an error."""
        self.errors += 1
        self.found.append(Finding(location, message, "error", on_key, offset, first))

    def warning(self, location: Location, message: str, *, on_key: bool = False, offset: int | None = None) -> None:
        """Add a warning."""
        self.found.append(Finding(location, message, "warning", on_key, offset))

    def nearest(self, name: str, known: Iterable[str]) -> str | None:
        """The known name that was probably meant; not for the thousandth mistake, where it would only cost time."""
        self._suggestions += 1
        return nearest(name, known) if self._suggestions <= _MOST_SUGGESTIONS else None

    def suggestion(self, name: str, known: Iterable[str]) -> str:
        """The same as the end of a sentence: `; did you mean 'x'?`, or nothing."""
        return did_you_mean(self.nearest(name, known))


def did_you_mean(name: str | None) -> str:
    """The end of a sentence about an unknown name, when a known one is near."""
    return "" if name is None else f"; did you mean {shown_text(name)}?"


def as_problems(found: Iterable[Finding], file: str, positions: Positions) -> list[Problem]:
    """The findings with the places they have in a file."""
    problems = []
    for location, message, severity, on_key, offset, first in found:
        if on_key:
            place = positions.key(location)
        else:
            place = positions.value(location) if offset is None else positions.inside(location, offset)
        if first is not None:
            message += f"; the first is on line {positions.value(first).line}"
        problems.append(Problem(file, *place, message, severity))
    return problems


def as_sentences(found: Iterable[Finding]) -> list[str]:
    """The errors among the findings for a definition that stands in no file: `steps[2].parameters.path: …`."""
    return [f"{dotted(finding.location)}: {finding.message}" for finding in found if finding.severity == "error"]


def dotted(location: Location) -> str:
    """A location as people write it."""
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in location]
    return "".join(parts).removeprefix(".") or "the definition"


def called(location: Location) -> str:
    """What to call a value in a sentence: its key in quotes, or its place in a list."""
    if not location:
        return "a file"
    key = location[-1]
    if isinstance(key, int):
        return f"entry {key + 1} of {shown_text(str(location[-2]))}" if len(location) > 1 else f"entry {key + 1}"
    return shown_text(key)
