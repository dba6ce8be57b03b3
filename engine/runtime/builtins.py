"""The actions every project has."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from engine.core.expression_errors import suggestion
from engine.runtime.actions import OPTIONAL_BUILTINS, ActionError, ActionFunction, action


@action(name="Document.Read", effects="reads")
def read_document(path: str) -> str:
    """The text of a UTF-8 file."""
    return Path(path).read_text(encoding="utf-8")


@action(name="Document.Write")
def write_document(path: str, content: Any) -> dict[str, Any]:
    """Write a UTF-8 file, creating its folders; content that is no text is written as indented JSON.

    Returns `{path, bytes}`.
    """
    text = content if isinstance(content, str) else orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n"
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return {"path": path, "bytes": len(text.encode())}


@action(name="Files.List", effects="reads")
def list_files(root: str, pattern: str = "*", recursive: bool = True, limit: int = 100_000) -> list[str]:
    """Paths of the files under a folder whose names match a glob, sorted, at most `limit`."""
    base = Path(root)
    if not base.is_dir():
        raise FileNotFoundError(f"there is no folder {root!r}")
    found = base.rglob(pattern) if recursive else base.glob(pattern)
    return sorted(str(path) for path in found if path.is_file())[:limit]


@action(name="Print", effects="pure")
def print_message(message: Any = "") -> None:
    """Print a message; like all a step prints it is kept in the step's log."""
    text = message if isinstance(message, str) else orjson.dumps(message).decode()
    sys.stdout.write(text + "\n")


@action(name="Time.Now", effects="reads")
def current_time() -> str:
    """The current time, RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


BUILTINS: tuple[ActionFunction, ...] = (read_document, write_document, list_files, print_message, current_time)


def builtins_for(allow: Collection[str] = ()) -> tuple[ActionFunction, ...]:
    """The built-in actions of a project that allows some of `http` and `shell` beside those every project has.

    Raises:
        ActionError: something else is to be allowed.
    """
    known = sorted(OPTIONAL_BUILTINS.values())
    for wanted in allow:
        if wanted not in known:
            raise ActionError(f"{wanted!r} cannot be allowed; there are 'http' and 'shell'{suggestion(wanted, known)}")
    optional: list[ActionFunction] = []
    if "http" in allow:
        from engine.runtime.http import request

        optional.append(request)
    if "shell" in allow:
        from engine.runtime.shell import run_command

        optional.append(run_command)
    return (*BUILTINS, *optional)
