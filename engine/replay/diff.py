"""What changed between two JSON values, by address; parts that are the same object are never looked into.

States of a history share structure, so a walk costs what changed, not what exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

ChangeKind = Literal["added", "removed", "changed"]
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MISSING = object()


class Change(NamedTuple):
    """One difference. `old` is None when added, `new` when removed."""

    address: str
    kind: ChangeKind
    old: Any
    new: Any

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return self._asdict()


class Differences(NamedTuple):
    """Changes in the order of the new value's keys; `more` says that the limit cut the list."""

    changes: list[Change]
    more: bool = False


def join_address(address: str, key: str | int) -> str:
    """The address of a member: `cart.items[0]`, `steps["Charge Card"]`."""
    if isinstance(key, int):
        return f"{address}[{key}]"
    if not _PLAIN_KEY.match(key):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{address}["{escaped}"]'
    return f"{address}.{key}" if address else key


def diff_values(old: Any, new: Any, address: str = "", limit: int = 1000) -> Differences:
    """All differences between two JSON values, lists compared place by place, at most `limit`."""
    changes: list[Change] = []
    todo = [(address, old, new)]
    while todo:
        place, before, after = todo.pop()
        members = _members(before, after)
        if members is not None:
            # Turned round, because the last one in is the next one out.
            todo += [(join_address(place, key), was, now) for key, was, now in reversed(members)]
        elif type(before) is not type(after) or before != after:
            if len(changes) >= limit:
                return Differences(changes, more=True)
            changes.append(_change(place, before, after))
    return Differences(changes)


def _members(old: Any, new: Any) -> list[tuple[str | int, Any, Any]] | None:
    """The members of two containers of one kind that are not the same object; None for anything else."""
    pairs: Iterable[tuple[str | int, Any, Any]]
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*new, *(key for key in old if key not in new)]
        pairs = ((key, old.get(key, _MISSING), new.get(key, _MISSING)) for key in keys)
    elif isinstance(old, list) and isinstance(new, list):
        pairs = ((at, was, now) for at, (was, now) in enumerate(zip_longest(old, new, fillvalue=_MISSING)))
    else:
        return None
    return [pair for pair in pairs if pair[1] is not pair[2]]


def _change(address: str, old: Any, new: Any) -> Change:
    if old is _MISSING:
        return Change(address, "added", None, new)
    if new is _MISSING:
        return Change(address, "removed", old, None)
    return Change(address, "changed", old, new)
