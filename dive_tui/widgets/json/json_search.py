"""Finding a text in a JSON value: in its keys and in what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dive_tui.widgets.json.json_rows import Key, Lazy
from dive_tui.widgets.json.json_text import scalar_text

MOST_MATCHES = 10_000
"""More are not looked for."""
_BETWEEN_LOOKS = 1_000
"""So many members are looked at before asking whether anybody still wants to know."""

Keys = tuple[Key, ...]


def find_matches(value: Any, text: str, cancelled: Callable[[], bool]) -> list[Keys]:
    """The keys that lead to every member whose key or value holds the text, upper and lower case alike, in order.

    At most `MOST_MATCHES`; those found so far when `cancelled` says so.
    """
    wanted = text.casefold()
    found: list[Keys] = []
    for number, (keys, member) in enumerate(_everything(value)):
        if number % _BETWEEN_LOOKS == 0 and cancelled():
            break
        if _holds(keys[-1], member, wanted):
            found.append(keys)
            if len(found) == MOST_MATCHES:
                break
    return found


def _holds(key: Key, member: Any, wanted: str) -> bool:
    if isinstance(key, str) and wanted in key.casefold():
        return True
    if isinstance(member, Mapping | list | tuple | Lazy):
        return False
    return wanted in (member if isinstance(member, str) else scalar_text(member)).casefold()


def _everything(value: Any) -> Iterator[tuple[Keys, Any]]:
    """Every member at any depth with the keys that lead there, a container before what is in it."""
    todo = [_members((), value)]
    while todo:
        following = next(todo[-1], None)
        if following is None:
            todo.pop()
            continue
        yield following
        todo.append(_members(*following))


def _members(keys: Keys, value: Any) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, Lazy):
        value = value.make()
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield (*keys, key), member
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield (*keys, index), member
