"""Which members of two lists belong together.

What two lists begin and end with alike belongs together. Of the rest, members are matched by what names them: when all
are objects and all have, in both lists, a text or whole number of their own under one of the `NAMES`, the first such
counts. Who is matched out of turn has moved. Otherwise the longest common subsequence is kept, so that what was put in
at the front is one addition; what lies between is compared place by place. Lists that are too different for that are
compared place by place altogether.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

NAMES = ("id", "key", "name", "ordinal")
"""Keys whose values can name a member of a list, best first."""
MOST_EDITS = 256
"""Members that two lists may lack of each other and still be aligned by what they have in common."""

Match = tuple[int | None, int | None, bool]
"""A place in the old list, one in the new list (None: there is none), and whether the member has moved."""

LEAVES = frozenset({str, int, float, bool, type(None)})


def is_same(old: Any, new: Any) -> bool:
    """Whether two values are surely the same JSON. That they are not is no proof that they differ."""
    if old is new:
        return True
    kind = type(new)
    if kind is not type(old):
        return False
    if kind in LEAVES:
        return bool(old == new)
    if kind is not dict and kind is not list:
        return False
    if len(old) != len(new):
        return False
    mark = fingerprint(new)
    return mark is not None and mark == fingerprint(old)


def fingerprint(value: Any) -> bytes | None:
    """The value as canonical JSON; None when it is nested too deeply, or holds something that JSON has not."""
    try:
        return orjson.dumps(value, default=dict, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return None


def align(old: Sequence[Any], new: Sequence[Any]) -> Iterable[Match]:
    """How the members of two lists are paired, in the order of the new list; what both begin and end with is left out.

    Every other place of both lists comes up exactly once.
    """
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and is_same(old[head], new[head]):
        head += 1
    if head == len(old) == len(new):
        return ()
    shorter -= head
    tail = 0
    while tail < shorter and is_same(old[-1 - tail], new[-1 - tail]):
        tail += 1
    return _between(old[head : len(old) - tail], new[head : len(new) - tail], head)


def _between(old: Sequence[Any], new: Sequence[Any], head: int) -> Iterator[Match]:
    """The same for what lies behind the first `head` members, whose places are counted on."""
    names = _names(old, new)
    for was, now, is_moved in _in_common(old, new) if names is None else _by_name(*names):
        yield None if was is None else was + head, None if now is None else now + head, is_moved


def _side_by_side(old: range, new: range) -> Iterator[Match]:
    both = min(len(old), len(new))
    for was, now in zip(old, new, strict=False):
        yield was, now, False
    for was in old[both:]:
        yield was, None, False
    for now in new[both:]:
        yield None, now, False


# By name


def _names(old: Sequence[Any], new: Sequence[Any]) -> tuple[list[str | int], list[str | int]] | None:
    """The names of all members of both lists; None when they have none."""
    for key in NAMES:
        names = _named(old, key), _named(new, key)
        if names[0] is not None and names[1] is not None:
            return names[0], names[1]
    return None


def _named(members: Sequence[Any], key: str) -> list[str | int] | None:
    names: list[str | int] = []
    for member in members:
        name = member.get(key) if isinstance(member, Mapping) else None
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            return None
        names.append(name)
    return names if len(set(names)) == len(names) else None


def _by_name(old: list[str | int], new: list[str | int]) -> Iterator[Match]:
    places = {name: at for at, name in enumerate(old)}
    matched = [places.get(name) for name in new]
    in_turn = _longest_rising([place for place in matched if place is not None])
    kept = set(new)
    gone = deque(at for at, name in enumerate(old) if name not in kept)
    # What is gone comes up behind the member before it that is still there in turn.
    ends = iter([*sorted(in_turn), len(old)])
    end = next(ends)
    for now, was in enumerate([*matched, len(old)]):
        while gone and gone[0] < end:
            yield gone.popleft(), None, False
        if now < len(new):
            yield was, now, was is not None and was not in in_turn
        if was == end:
            end = next(ends, end)


def _longest_rising(numbers: list[int]) -> set[int]:
    """The longest rising subsequence of different numbers."""
    ends: list[int] = []  # by length the smallest number that a rising subsequence of it ends with
    places: list[int] = []
    before: list[int] = []  # by place that of the number before it in the longest one that ends with it
    for at, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(places[length - 1] if length else -1)
        if length == len(ends):
            ends.append(number)
            places.append(at)
        else:
            ends[length], places[length] = number, at
    found = set()
    at = places[-1] if places else -1
    while at >= 0:
        found.add(numbers[at])
        at = before[at]
    return found


# By what they have in common


def _in_common(old: Sequence[Any], new: Sequence[Any]) -> Iterator[Match]:
    was = now = 0
    for kept_was, kept_now in [*_kept(old, new), (len(old), len(new))]:
        if was < kept_was or now < kept_now:
            yield from _side_by_side(range(was, kept_was), range(now, kept_now))
        was, now = kept_was + 1, kept_now + 1


def _kept(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int, int]]:
    if len(old) <= 1 and len(new) <= 1:
        return []
    numbers: dict[Any, int] = {}
    before, after = ([numbers.setdefault(_mark(member), len(numbers)) for member in members] for members in (old, new))
    return common_subsequence(before, after)


def _mark(member: Any) -> object:
    """Equal for the same JSON; of what has no canonical form each is another one."""
    if type(member) in LEAVES:
        return type(member), member
    mark = fingerprint(member)
    return object() if mark is None else mark


def common_subsequence(old: Sequence[int], new: Sequence[int], most: int = MOST_EDITS) -> list[tuple[int, int]]:
    """Places of a longest common subsequence, rising; empty when more than `most` members are in one list only.

    Myers' greedy search for the shortest edit script, whose cost grows with what differs.
    """
    goal = len(old) - len(new)
    if abs(goal) > most:
        return []
    steps: list[dict[int, int]] = []
    """By the number of edits how far into the old list one gets, on each diagonal (old place minus new place)."""
    before = {1: 0}
    for edits in range(min(most, len(old) + len(new)) + 1):
        reached: dict[int, int] = {}
        for diagonal in range(-edits, edits + 1, 2):
            skips_new = _skips_new(before, diagonal, edits)
            x = before[diagonal + 1] if skips_new else before[diagonal - 1] + 1
            while x < len(old) and x - diagonal < len(new) and old[x] == new[x - diagonal]:
                x += 1
            reached[diagonal] = x
        if reached.get(goal, -1) >= len(old):
            return _way_back(len(old), len(new), steps)
        steps.append(reached)
        before = reached
    return []


def _skips_new(before: Mapping[int, int], diagonal: int, edits: int) -> bool:
    """Whether the furthest way to this diagonal leaves out a member of the new list, not one of the old list."""
    return diagonal == -edits or (diagonal != edits and before[diagonal - 1] < before[diagonal + 1])


def _way_back(x: int, y: int, steps: list[dict[int, int]]) -> list[tuple[int, int]]:
    """The pairs passed on the way to the end of both lists."""
    pairs = []
    for edits in range(len(steps), -1, -1):
        before = steps[edits - 1] if edits else {1: 0}
        skips_new = _skips_new(before, x - y, edits)
        previous = x - y + (1 if skips_new else -1)
        edited = before[previous] + (0 if skips_new else 1)
        while x > edited:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = before[previous], before[previous] - previous
    return pairs[::-1]
