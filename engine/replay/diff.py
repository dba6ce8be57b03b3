"""What changed between two JSON values, by address; parts that are the same object are never looked into.

States of a history share structure, so a walk costs what changed, not what exists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    more = not _walk(old, new, address, changes, limit)
    return Differences(changes, more)


def _walk(old: Any, new: Any, address: str, changes: list[Change], limit: int) -> bool:
    """Collect into `changes`; False once the limit is reached."""
    if old is new:
        return True
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*new, *(key for key in old if key not in new)]
        pairs = ((key, old.get(key, _MISSING), new.get(key, _MISSING)) for key in keys)
    elif isinstance(old, list) and isinstance(new, list):
        places = range(max(len(old), len(new)))
        pairs = ((at, old[at] if at < len(old) else _MISSING, new[at] if at < len(new) else _MISSING) for at in places)
    else:
        if type(old) is type(new) and old == new:
            return True
        return _note(Change(address, "changed", old, new), changes, limit)
    for key, before, after in pairs:
        place = join_address(address, key)
        if before is _MISSING:
            going = _note(Change(place, "added", None, after), changes, limit)
        elif after is _MISSING:
            going = _note(Change(place, "removed", before, None), changes, limit)
        else:
            going = _walk(before, after, place, changes, limit)
        if not going:
            return False
    return True


def _note(change: Change, changes: list[Change], limit: int) -> bool:
    if len(changes) >= limit:
        return False
    changes.append(change)
    return True
