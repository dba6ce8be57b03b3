"""A divergence in words, as the command and the app both say it.

Values stand in them as they were recorded: who shows them makes them safe to show.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from engine.replay.comparing.compare import Comparison, Divergence
from engine.replay.comparing.parts import Compared, Part
from engine.replay.comparing.units import Unit

_LONGEST_VALUE = 60


class Words(NamedTuple):
    """`where` names the unit, or what of the whole; `what` says in what it differs."""

    where: str
    what: str


def unit_words(unit: Unit, within: str = "›") -> str:
    """`Charge Card`, `notify › Send, visit 2, item 4`: the path where it is not `main`; items counted from 1."""
    name = unit.step if unit.path == "main" else f"{unit.path} {within} {unit.step}"
    visit = f", visit {unit.visit}" if unit.visit != 1 else ""
    item = "" if unit.iteration is None else f", item {unit.iteration + 1}"
    return f"{name}{visit}{item}"


def divergence_words(comparison: Comparison, divergence: Divergence, arrow: str = "→", within: str = "›") -> Words:
    """Where two executions part and in what.

    Raises:
        StoreError: an event cannot be read any more.
    """
    left, right, part = divergence.left, divergence.right, divergence.part
    if left is not None and right is not None:
        return Words(unit_words(left, within), _pair_words(comparison, divergence, left, right, arrow))
    unit = divergence.unit
    if unit is not None:
        return Words(unit_words(unit, within), _alone_words(comparison, part))
    where = {Part.INPUTS: "inputs", Part.DEFINITION: "definition"}.get(part, "end")
    return Words(where, changes_words(divergence.changes, place=where, arrow=arrow))


def change_words(change: Compared, place: str = "", arrow: str = "→") -> str:
    """`input.amount 118.2 → 120.0`, the address counted from a place, a long value cut."""
    inner = change.change.address.removeprefix(place).lstrip(".") if place else change.change.address
    old, new = value_words(change.change.old), value_words(change.change.new)
    told = {"added": f"only right: {new}", "removed": f"only left: {old}", "moved": f"moved from {old}"}
    return f"{inner} {told.get(change.change.kind, f'{old} {arrow} {new}')}".strip()


def changes_words(changes: list[Compared], place: str = "", arrow: str = "→") -> str:
    """The first change, and how many more there are."""
    if not changes:
        return "differs"
    more = f", and {len(changes) - 1:,} more" if len(changes) > 1 else ""
    return change_words(changes[0], place, arrow) + more


def value_words(value: Any) -> str:
    """A value as JSON, its end left out where it is long."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # nested deeper than it can be written
        return "…"
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _pair_words(comparison: Comparison, divergence: Divergence, left: Unit, right: Unit, arrow: str) -> str:
    if divergence.part is Part.EDGE:
        old, new = comparison.values(Part.EDGE, left, right)
        return f"went on to {_edges(old)} {arrow} {_edges(new)}"
    if divergence.part is Part.ATTEMPTS and len(left.tries) != len(right.tries):
        return f"{_attempts(left)} {arrow} {_attempts(right)}"
    if divergence.part is Part.STATUS:
        error = next((change for change in divergence.changes if change.change.address.endswith(".error")), None)
        told = error.change.new or error.change.old if error is not None else None
        why = f" ({told['type']}: {told['message']})" if told else ""
        return f"{left.status} {arrow} {right.status}{why}"
    return changes_words(divergence.changes, left.address, arrow)


def _alone_words(comparison: Comparison, part: Part) -> str:
    """What it means that one execution alone has a unit; one that is not over may still come to it."""
    side, other, history, last = (
        ("left", "right", comparison.right, comparison.right_last)
        if part is Part.ONLY_LEFT
        else ("right", "left", comparison.left, comparison.left_last)
    )
    over = history.state_at(last).ended
    return f"only in the {side} one" if over else f"only in the {side} one; the {other} one ends before it"


def _edges(edges: Any) -> str:
    names = [str(edge.get("step")) for edge in edges or []]
    return " and ".join(names) if names else "nothing"


def _attempts(unit: Unit) -> str:
    count = len(unit.tries)
    return f"{count:,} attempt{'' if count == 1 else 's'}"
