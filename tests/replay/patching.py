"""A JSON patch (RFC 6902) carried out, by the letter of the standard."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson


def patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """The document with all operations carried out; fails on any that does not apply."""
    holder = {"": deepcopy(document)}
    for operation in patch:
        if operation["op"] == "move":
            _put(holder, operation["path"], _take(holder, operation["from"]), "add")
        elif operation["op"] == "remove":
            _take(holder, operation["path"])
        else:
            _put(holder, operation["path"], deepcopy(operation["value"]), operation["op"])
    return holder[""]


def _find(holder: Any, pointer: str) -> tuple[Any, Any]:
    """The container and the key or place in it."""
    *outer, last = [""] + [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for key in outer:
        holder = holder[int(key)] if isinstance(holder, list) else holder[key]
    return holder, int(last) if isinstance(holder, list) else last


def _take(holder: Any, pointer: str) -> Any:
    container, key = _find(holder, pointer)
    return container.pop(key)


def _put(holder: Any, pointer: str, value: Any, op: str) -> None:
    container, key = _find(holder, pointer)
    if op == "replace":
        assert key in range(len(container)) if isinstance(container, list) else key in container
        container[key] = value
    elif isinstance(container, list):
        assert 0 <= key <= len(container)
        container.insert(key, value)
    else:
        container[key] = value


def canonical(value: Any) -> bytes:
    """Equal for the same JSON: `1`, `1.0` and `true` are three values."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
