"""What is wrong with a file: sentences with their places, collected so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

Severity = Literal["error", "warning"]

Location = tuple[str | int, ...]
"""Keys and list indexes that lead from the top of a document to a value in it."""


class Invalid:
    """Stands in data where a value could not be read; its problem has been told already."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


class Position(NamedTuple):
    """A place in a text file; line and column count from 1, columns in characters."""

    line: int
    column: int


class Problem(NamedTuple):
    """One sentence about a file. `line` and `column` are None when the file as a whole is meant."""

    file: str
    line: int | None
    column: int | None
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {'warning: ' if self.severity == 'warning' else ''}{self.message}"


class LoadError(Exception):
    """A file cannot be used. `problems` holds everything found in it, warnings too, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_file_order(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def about(cls, file: str, message: str, position: Position | None = None) -> LoadError:
        """The error with this single problem."""
        line, column = position or (None, None)
        return cls([Problem(file, line, column, message)])


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by place, those about the file as a whole first; problems at one place keep their order."""
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
