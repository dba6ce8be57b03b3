"""What changed between two JSON values, by address; parts that are the same object are never looked into.

States of a history share structure, so a walk costs what changed, not what exists. How the members of two lists are
paired is told in `engine.replay.diffing.alignment`. An address leads into the new value, so that what it names can be
looked up there; only the last place of something removed is the place it had in the old list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from engine.replay.diffing.alignment import LEAVES, align, is_same

ChangeKind = Literal["added", "removed", "changed", "moved"]
Keys = tuple[str | int, ...]
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MISSING = object()
_OBJECT = (dict, Mapping)  # that most are dictionaries is asked first, because it costs next to nothing
_ARRAY = (list, tuple)


class Change(NamedTuple):
    """One difference. `old` is None when added, `new` when removed; of something moved both are its addresses."""

    address: str
    kind: ChangeKind
    old: Any
    new: Any
    keys: Keys = ()
    """Where it is from the compared values on, key by key."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form: `{address, kind, old, new}`."""
        return {"address": self.address, "kind": self.kind, "old": self.old, "new": self.new}


class Differences(NamedTuple):
    """Changes in the order of the new value's keys; `more` says that the limit cut the list."""

    changes: list[Change]
    more: bool = False

    @property
    def equal(self) -> bool:
        """Whether there is none."""
        return not self.changes and not self.more

    def to_patch(self) -> list[dict[str, Any]]:
        """These differences as a JSON patch (RFC 6902): applied to the old value it gives the new one.

        Raises:
            ValueError: the list was cut, so the patch would give something else.
        """
        from engine.replay.diffing.patch import patch_of  # seldom asked for

        if self.more:
            raise ValueError("there are more differences than were told; a patch needs them all")
        return patch_of(self.changes)


def join_address(address: str, key: str | int) -> str:
    """The address of a member: `cart.items[0]`, `steps["Charge Card"]`."""
    if isinstance(key, int):
        return f"{address}[{key}]"
    if not _PLAIN_KEY.match(key):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{address}["{escaped}"]'
    return f"{address}.{key}" if address else key


def diff_values(old: Any, new: Any, address: str = "", limit: int = 1000) -> Differences:
    """All differences between two JSON values, at most `limit`.

    `1`, `1.0` and `true` differ, as they do in JSON; a list and a tuple do not, nor a text and an enumeration's.
    """
    changes: list[Change] = []
    todo: list[_Pair] = [(None, old, new)]
    while todo:
        place, before, after = todo.pop()
        members = _members(place, before, after)
        if members is not None:
            members.reverse()  # because the last one in is the next one out
            todo += members
        elif not _is_same_leaf(before, after):
            if len(changes) >= limit:
                return Differences(changes, more=True)
            changes.append(_change(address, place, before, after))
    return Differences(changes)


def ignoring(addresses: Collection[str]) -> Callable[[str], bool]:
    """A test for being at or below one of these addresses; `[*]` in one stands for any place of a list."""
    patterns = [re.escape(address).replace(r"\[\*\]", r"\[\d+\]") for address in addresses]
    if not patterns:
        return lambda address: False
    covered = re.compile(rf"(?:{'|'.join(patterns)})(?:[.\[]|\Z)")
    return lambda address: covered.match(address) is not None


def not_ignored(changes: Iterable[Change], addresses: Collection[str]) -> list[Change]:
    """The changes that are neither at nor below one of these addresses, as `ignoring` has it."""
    is_ignored = ignoring(addresses)
    return [change for change in changes if not is_ignored(change.address)]


_Place = tuple[Any, str | int]
"""The place around (None at the outermost) and a key in it; addresses are put together only where something differs."""
_Pair = tuple[_Place | None, Any, Any]


class _Moved(NamedTuple):
    """Stands for the old value of a member of a list that had another place among those that are still there."""

    place: int


def _members(place: _Place | None, old: Any, new: Any) -> list[_Pair] | None:
    """The members of two containers of one kind, those left out that are surely the same; None for anything else."""
    if isinstance(new, _OBJECT) and isinstance(old, _OBJECT):
        return _entries(place, old, new)
    if isinstance(new, _ARRAY) and isinstance(old, _ARRAY):
        return _items(place, old, new)
    return None


def _entries(place: _Place | None, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> list[_Pair]:
    found: list[_Pair] = []
    kept = 0
    for key, now in new.items():
        was = old.get(key, _MISSING)
        if was is not _MISSING:
            kept += 1
            # Written out, as this is done for every leaf there is.
            if was is now or (type(was) is type(now) and type(now) in LEAVES and was == now):
                continue
        found.append(((place, key), was, now))
    if kept < len(old):
        found += [((place, key), was, _MISSING) for key, was in old.items() if key not in new]
    return found


def _items(place: _Place | None, old: Sequence[Any], new: Sequence[Any]) -> list[_Pair]:
    found: list[_Pair] = []
    for was, now, is_moved in align(old, new):
        if is_moved:
            found.append(((place, _known(now)), _Moved(_known(was)), _MISSING))
        if was is None or now is None:
            at = _known(now if was is None else was)
            found.append(((place, at), _MISSING if was is None else old[at], _MISSING if now is None else new[at]))
        elif not is_same(old[was], new[now]):
            found.append(((place, now), old[was], new[now]))
    return found


def _known(place: int | None) -> int:
    assert place is not None
    return place


def _is_same_leaf(old: Any, new: Any) -> bool:
    if type(old) is type(new):
        return bool(old == new)
    # Of the types that stand for one kind of JSON value only texts have several: those of enumerations.
    return isinstance(old, str) and isinstance(new, str) and old == new


def _change(base: str, place: _Place | None, old: Any, new: Any) -> Change:
    keys = _keys(place)
    address = _address(base, keys)
    if isinstance(old, _Moved):
        return Change(address, "moved", _address(base, (*keys[:-1], old.place)), address, keys)
    if old is _MISSING:
        return Change(address, "added", None, new, keys)
    if new is _MISSING:
        return Change(address, "removed", old, None, keys)
    return Change(address, "changed", old, new, keys)


def _keys(place: _Place | None) -> Keys:
    keys = []
    while place is not None:
        place, key = place
        keys.append(key)
    return tuple(reversed(keys))


def _address(base: str, keys: Keys) -> str:
    for key in keys:
        base = join_address(base, key)
    return base
