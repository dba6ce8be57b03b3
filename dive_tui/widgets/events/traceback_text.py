"""A recorded traceback as lines to read: frames of one's own code bright, those of libraries folded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+)(?:, in (?P<name>.*))?\Z')
_LIBRARY = re.compile(r"site-packages|dist-packages|/lib/python\d|<frozen |\\Lib\\")
_OPENING = "Traceback (most recent call last):"


@dataclass(slots=True)
class Frame:
    """One frame: where, and the source line there."""

    file: str
    line: int
    name: str
    source: list[str] = field(default_factory=list)

    @property
    def is_library(self) -> bool:
        """Whether it is code of Python or of an installed package."""
        return _LIBRARY.search(self.file) is not None

    def place(self, project: str = "") -> str:
        """`pay.py:41`, from the project's folder on, or the last two parts of the path."""
        path = PurePath(self.file)
        if project and path.is_relative_to(project):
            shown = str(path.relative_to(project))
        else:
            shown = "/".join(path.parts[-2:]) if len(path.parts) > 1 else self.file
        return f"{shown}:{self.line}"


Piece = Frame | str
"""A frame, or a line between chained errors."""


def parse_traceback(text: str) -> list[Piece]:
    """Frames in the order they were called, with sentences between chained errors; the last error's line is left out.

    Text that is no traceback comes back as its lines.
    """
    pieces: list[Piece] = []
    for line in text.split("\n"):
        match = _FRAME.match(line)
        if match is not None:
            pieces.append(Frame(match["file"], int(match["line"]), match["name"] or ""))
        elif line.startswith("    ") and pieces and isinstance(last := pieces[-1], Frame):
            if line.strip(" ~^"):
                last.source.append(line.strip())
        elif line.strip() and line.strip() != _OPENING:
            pieces.append(line.strip())
    if any(isinstance(piece, Frame) for piece in pieces):
        while pieces and isinstance(pieces[-1], str):
            pieces.pop()
    return pieces


@dataclass(frozen=True, slots=True)
class Folded:
    """Frames of libraries that are not shown."""

    count: int


def fold_libraries(pieces: list[Piece]) -> Iterator[Piece | Folded]:
    """The pieces with each run of library frames as one; where there are no others, they stay."""
    own = any(isinstance(piece, Frame) and not piece.is_library for piece in pieces)
    run = 0
    for piece in pieces:
        if own and isinstance(piece, Frame) and piece.is_library:
            run += 1
            continue
        if run:
            yield Folded(run)
            run = 0
        yield piece
    if run:
        yield Folded(run)
