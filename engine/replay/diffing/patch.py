"""Differences as a JSON patch (RFC 6902)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.replay.diffing.diff import Change, Keys

Operation = dict[str, Any]


def patch_of(changes: Sequence[Change]) -> list[Operation]:
    """The operations that carry out all differences between two values, in an order in which they apply.

    Outer ones come first, and among them those that add, remove and move members of lists: then every list on the way
    to an inner change has its new members, each at its new place.
    """
    operations: list[Operation] = []
    for (_, is_plain, parent), group in groupby(sorted(changes, key=_order), key=_order):
        if is_plain:
            operations += map(_plain, group)
        else:
            operations += _rearrange(_pointer(parent), list(group))
    return operations


def _order(change: Change) -> tuple[int, bool, Keys]:
    keys = change.keys
    is_plain = change.kind == "changed" or not keys or isinstance(keys[-1], str)
    return len(keys), is_plain, () if is_plain else keys[:-1]


def _pointer(keys: Keys) -> str:
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def _plain(change: Change) -> Operation:
    path = _pointer(change.keys)
    if change.kind == "removed":
        return {"op": "remove", "path": path}
    return {"op": "replace" if change.kind == "changed" else "add", "path": path, "value": change.new}


def _rearrange(pointer: str, changes: list[Change]) -> list[Operation]:
    """Give one list its new members in their new order."""
    removed = sorted((_place(change) for change in changes if change.kind == "removed"), reverse=True)
    operations: list[Operation] = [{"op": "remove", "path": f"{pointer}/{place}"} for place in removed]
    arriving = {_place(change): change for change in changes if change.kind != "removed"}
    moved = {_old_place(change) for change in arriving.values() if change.kind == "moved"}
    size = 1 + max([*removed, *moved, *arriving]) + len(removed) + len(moved)  # nothing arrives behind more than that
    # What is there now, by old places; who has arrived is there by its new place, as `~place`.
    gone = set(removed)
    there = [place for place in range(size) if place not in gone]
    stays = iter([place for place in there if place not in moved])
    at_last = [~place if place in arriving else next(stays) for place in range(max(arriving, default=-1) + 1)]
    for place in sorted(arriving):
        change = arriving[place]
        origin = there.index(_old_place(change)) if change.kind == "moved" else None
        if origin is not None:
            there.pop(origin)
        target = there.index(at_last[place - 1]) + 1 if place else 0
        there.insert(target, ~place)
        path = f"{pointer}/{target}"
        if origin is None:
            operations.append({"op": "add", "path": path, "value": change.new})
        elif origin != target:
            operations.append({"op": "move", "from": f"{pointer}/{origin}", "path": path})
    return operations


def _place(change: Change) -> int:
    place = change.keys[-1]
    assert isinstance(place, int)
    return place


def _old_place(change: Change) -> int:
    """Of something moved: the last place of its old address."""
    address: str = change.old
    return int(address[address.rindex("[") + 1 : -1])
