"""Which of the Go system's dialects a history is in: told by its ids, columns and data, for nothing names it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from stores.go.raw import RawEvent

_HEX_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_WHOLE = frozenset({"execution_started", "execution_completed", "execution_failed", "state_mutated"})
"""Facts about a whole execution; the last dialect names something as their path all the same."""


def dialect_of(events: Iterable[RawEvent]) -> str:
    """The dialect of a history, as its first event will name it.

    `go-a`: ids are UUIDs. `go-b`: ids begin with `exec_`, the first path is `path-1`. `go-c`: it is `start` or `main`.
    `go-d`: like that, with columns used for other things.
    """
    found = "go-c"
    for event in events:
        if not event.execution_id.startswith("exec_"):
            return "go-a"
        if _HEX_ID.fullmatch(event.id) or event.path_id == "path-1":
            return "go-b"
        if _misuses_columns(event):
            found = "go-d"
    return found


def _misuses_columns(event: RawEvent) -> bool:
    if event.event_type in _WHOLE:
        return bool(event.path_id)
    if event.event_type == "path_started" or event.event_type == "path_completed":
        return bool(event.step_name)
    if event.event_type.startswith("operation_"):
        return bool(event.step_name)
    if event.event_type == "path_branched" and isinstance(event.data, Mapping):
        paths = event.data.get("new_paths", event.data.get("NewPaths"))
        return isinstance(paths, list) and any(isinstance(path, Mapping) and "ID" in path for path in paths)
    return False
