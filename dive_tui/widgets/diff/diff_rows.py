"""The rows of a comparison, and which of them are in view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

Kind = Literal[
    "branch", "added", "removed", "changed", "moved", "same", "unknown", "stretch", "text", "pair", "left", "right"
]  # fmt: skip
CHANGES: frozenset[str] = frozenset(["added", "removed", "changed", "moved", "left", "right"])
"""Kinds of rows that are differences themselves."""

Rows = Sequence["Row"]
Events = tuple[int | None, int | None]
"""The events that recorded what stands left and right, where they are known."""
NOBODY: Events = (None, None)


class Missing:
    """Stands for no value."""


MISSING = Missing()


class Row:
    """One row of a comparison. `make` gives what it unfolds into."""

    __slots__ = (
        "address",
        "by",
        "count",
        "depth",
        "ignored",
        "inner",
        "is_open",
        "kind",
        "label",
        "make",
        "new",
        "old",
        "words",
    )

    def __init__(
        self,
        kind: Kind,
        depth: int,
        label: str,
        address: str = "",
        *,
        old: Any = MISSING,
        new: Any = MISSING,
        by: Events = NOBODY,
        count: int = 0,
        ignored: bool = False,
        inner: bool = False,
        words: str = "",
        make: Callable[[], Rows] | None = None,
        is_open: bool = False,
    ) -> None:
        self.kind = kind
        self.depth = depth
        self.label = label
        self.address = address
        self.old = old
        self.new = new
        self.by = by
        self.count = count
        """Changes below a branch or a pair; members of a stretch."""
        self.ignored = ignored
        self.inner = inner
        """Whether it is only a part of what was added or removed."""
        self.words = words
        """What is to be said of it besides."""
        self.make = make
        self.is_open = is_open

    @property
    def is_stop(self) -> bool:
        """Whether going from change to change halts here: at a change, or at a fold that hides some."""
        if self.ignored or self.inner:
            return False
        if self.kind == "pair":
            return bool(self.count)
        return self.kind in CHANGES or (self.kind == "branch" and bool(self.count) and not self.is_open)


class Unfolded:
    """The rows that are in view: those at the top, and below each open one what it unfolds into."""

    def __init__(self, top: Rows) -> None:
        self.rows: list[Row] = list(_opened(top))

    def toggle(self, index: int) -> bool:
        """Unfold or fold a row; a stretch gives way to its members. Whether there was anything to do."""
        row = self.rows[index]
        if row.make is None:
            return False
        if row.is_open:
            row.is_open = False
            del self.rows[index + 1 : self._end(index)]
        else:
            self.unfold(index, row.make())
        return True

    def unfold(self, index: int, inside: Rows) -> None:
        """Show what is in a row below it; in place of a stretch."""
        row = self.rows[index]
        row.is_open = row.kind != "stretch"
        place = slice(index + row.is_open, index + 1)
        self.rows[place] = _opened(inside)

    def parent(self, index: int) -> int:
        """The row that this one is unfolded from; the row itself when there is none."""
        depth = self.rows[index].depth
        return next((at for at in range(index - 1, -1, -1) if self.rows[at].depth < depth), index)

    def next_stop(self, index: int, step: Literal[1, -1]) -> int | None:
        """The next row, or with -1 the one before, that is a change or hides some."""
        places = range(index + 1, len(self.rows)) if step == 1 else range(index - 1, -1, -1)
        return next((at for at in places if self.rows[at].is_stop), None)

    def _end(self, index: int) -> int:
        """The end of what is unfolded from a row."""
        depth = self.rows[index].depth
        rest = range(index + 1, len(self.rows))
        return next((at for at in rest if self.rows[at].depth <= depth), len(self.rows))


def _opened(rows: Rows) -> Iterator[Row]:
    for row in rows:
        yield row
        if row.is_open and row.make is not None:
            yield from _opened(row.make())
