"""The columns of the list of executions: which there are, and how wide they are in how much room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GAP = "  "
RIGHT_ALIGNED = frozenset({"TRY", "TOOK", "EVENTS", "PATHS"})
_MOST_NAME = 28
_MOST_NAME_WHERE_WIDE = 44
_WIDE = 140
_LEAST_WORKFLOW = 12
_ID = 6
_LEAST_ERROR = 20
_USEFUL_ERROR = 44


@dataclass(frozen=True, slots=True)
class Column:
    """One that can be chosen."""

    heading: str
    about: str
    """What it shows, in a few words."""
    least: int
    """Cells it needs."""
    grows: bool = False
    """Whether more room shows more of it."""

    @property
    def name(self) -> str:
        """What it is called where it is remembered."""
        return self.heading.lower()


COLUMNS = (
    Column("EXECUTION", "the end of its id", 9),
    Column("WORKFLOW", "the name of its workflow", 8, grows=True),
    Column("STATUS", "how it stands", 13),
    Column("AT STEP", "where it stands, or what it waits for", 8, grows=True),
    Column("TRY", "which attempt the step is at", 3),
    Column("STARTED", "when it began", 8),
    Column("TOOK", "how long it took so far", 6),
    Column("ERROR", "why it failed", 12, grows=True),
    Column("EVENTS", "how many events it has", 7),
    Column("PATHS", "how many paths it has", 5),
    Column("ENDED", "when it ended", 8),
    Column("LABELS", "its labels", 8, grows=True),
    Column("FROM", "its parent, or the execution it is a retry of", 6),
    Column("ID", "its whole id", 31),
)
"""Every column, in the order in which they are offered."""
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}
USUAL = ("execution", "workflow", "status", "at step", "try", "started", "took", "error")


class Widths(NamedTuple):
    """What the columns of the rows at hand would like to have, in cells."""

    workflow: int = 8
    step: int = 7
    started: int = 8
    labels: int = 0
    error: int = 0


def columns(width: int, wanted: Widths, chosen: Sequence[str] = ()) -> list[tuple[str, int]]:
    """The columns that fit, by their headings, with their widths: those that were `chosen`, else the usual ones."""
    return _chosen(width, wanted, chosen) if chosen else _usual(width, wanted)


def _usual(width: int, wanted: Widths) -> list[tuple[str, int]]:
    """Names take what they need, and the error gets a place where room is left; so do events and labels.

    Where names do not fit, ids do without the room of their heading, tries go, and workflows are cut before places.
    """
    most = _MOST_NAME_WHERE_WIDE if width >= _WIDE else _MOST_NAME
    sizes = {"EXECUTION": 9, "STATUS": 13, "TRY": 3, "STARTED": wanted.started, "TOOK": 6}
    if width < 60:
        sizes = {"EXECUTION": _ID, "STATUS": 13, "TOOK": 6}
    names = {"WORKFLOW": min(most, wanted.workflow), "AT STEP": min(most, wanted.step)}
    if width < 40:
        del names["AT STEP"]
    wanted_cells = sum(names.values())
    if wanted_cells > _left(width, sizes, names):
        sizes["EXECUTION"] = _ID
    if wanted_cells > _left(width, sizes, names):
        sizes.pop("TRY", None)
    left = _left(width, sizes, names)
    while sum(names.values()) > max(left, 4 * len(names)):
        cut = "WORKFLOW" if names["WORKFLOW"] > _LEAST_WORKFLOW else max(names, key=names.__getitem__)
        names[cut] -= 1
    sizes |= names
    left -= sum(names.values())
    for heading, size in (("EVENTS", 7), ("LABELS", min(most, wanted.labels))):
        if size and left - size - len(GAP) >= max(_USEFUL_ERROR, min(wanted.error, 100)):
            sizes[heading] = size
            left -= size + len(GAP)
    if left >= _LEAST_ERROR:
        sizes["ERROR"] = left - len(GAP)
    order = ("EXECUTION", "WORKFLOW", "STATUS", "AT STEP", "TRY", "EVENTS", "STARTED", "TOOK", "LABELS", "ERROR")
    return [(heading, sizes[heading]) for heading in order if heading in sizes]


def _left(width: int, sizes: Mapping[str, int], names: Mapping[str, int]) -> int:
    """Cells for names beside columns of these sizes."""
    return width - sum(size + len(GAP) for size in sizes.values()) - len(GAP) * len(names)


def _chosen(width: int, wanted: Widths, chosen: Sequence[str]) -> list[tuple[str, int]]:
    """As many of them as fit, from the left; the room that is left goes to those that have more to show."""
    kept = [BY_NAME[name] for name in chosen if name in BY_NAME]
    sizes = {column.heading: column.least for column in kept}
    sizes |= {heading: max(sizes[heading], wanted.started) for heading in ("STARTED", "ENDED") if heading in sizes}
    while len(kept) > 1 and sum(sizes.values()) + len(GAP) * (len(kept) - 1) > width:
        del sizes[kept.pop().heading]
    left = width - sum(sizes.values()) - len(GAP) * (len(kept) - 1)
    wishes = {"WORKFLOW": wanted.workflow, "AT STEP": wanted.step, "LABELS": wanted.labels, "ERROR": wanted.error}
    growing = [column.heading for column in kept if column.grows]
    for heading in growing:
        more = max(0, min(left, wishes[heading] - sizes[heading]))
        sizes[heading] += more
        left -= more
    if growing and left > 0:
        sizes[growing[-1]] += left
    return [(column.heading, min(sizes[column.heading], max(width, 1))) for column in kept]
