"""JSON values as short texts, at a cost that depends on what is shown and not on how large the value is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from dive_tui.app.text import display_text, human_bytes, human_count, is_ascii

_MEMBERS = 12
"""The most members of a container that a preview looks at."""
_DEPTH = 3
_TEXT_CELLS = 60
"""The most of a text that a preview shows inside a container."""


def preview(value: Any, cells: int, *, bare: bool = False) -> str:
    """A value in one line of at most `cells` cells: `{path: "a.py", lines: 12}`, `[3 items]` for lists of containers.

    With `bare` the members of an object stand without braces: `path "a.py"  lines 12`.
    """
    if bare and isinstance(value, Mapping):
        members = islice(value.items(), _MEMBERS)
        text = "  ".join(f"{key_text(key)} {_short(member, 1, cells)}" for key, member in members)
        more = f"  {_dots()}" if len(value) > _MEMBERS else ""
        return display_text(text + more, max_cells=cells)
    return display_text(_short(value, 0, cells), max_cells=cells)


def _short(value: Any, depth: int, cells: int) -> str:
    if isinstance(value, str):
        return text_literal(value, _TEXT_CELLS if depth else cells)
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        if depth >= _DEPTH:
            return size_of(value)
        pairs = islice(value.items(), _MEMBERS)
        inner = [f"{key_text(key)}: {_short(member, depth + 1, cells)}" for key, member in pairs]
        return "{" + _joined(inner, len(value)) + "}"
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        if depth >= _DEPTH or len(value) > _MEMBERS or (depth and any(isinstance(v, Mapping | list) for v in value)):
            return size_of(value)
        return "[" + _joined([_short(member, depth + 1, cells) for member in value], len(value)) + "]"
    return scalar_text(value)


def _joined(members: Iterable[str], total: int) -> str:
    listed = list(members)
    return ", ".join(listed) + (f", {_dots()}" if total > len(listed) else "")


def _dots() -> str:
    return "..." if is_ascii() else "…"


def scalar_text(value: Any) -> str:
    """Null, a boolean or a number as JSON has it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    return str(value)[:200]


def text_literal(value: str, cells: int) -> str:
    """A text in quotes; one that does not fit is cut, with its size behind it."""
    if len(value) <= cells - 2:
        return _quoted(value, cells)
    size = text_size(value)
    return f"{_quoted(value, max(2, cells - len(size) - 3))} {size}"


def _quoted(value: str, cells: int) -> str:
    return json.dumps(display_text(value[: cells + 1], max_cells=cells), ensure_ascii=False)


def text_size(value: str) -> str:
    """The size of a text as UTF-8: `12.1 KiB`."""
    return human_bytes(len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass")))


def key_text(key: object) -> str:
    """A member's name, safe to show."""
    return display_text(str(key), max_cells=_TEXT_CELLS)


def size_of(value: Any) -> str:
    """What a container holds: `[12,034 items]`, `{3 keys}`."""
    count = len(value)
    if isinstance(value, Mapping):
        return "{" + f"{human_count(count)} key{'' if count == 1 else 's'}" + "}"
    return f"[{human_count(count)} item{'' if count == 1 else 's'}]"


def style_of(value: Any) -> str:
    """The palette name of a value's kind."""
    if isinstance(value, str):
        return "ok"
    if isinstance(value, bool) or value is None:
        return "accent"
    if isinstance(value, int | float):
        return "waiting"
    return "dim"
