"""Telling a store of the Go system from one of ours, and opening it. Looking changes nothing."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.store import StoreError
from stores.file.layout import CHANGES, EVENTS
from stores.files import is_regular, reading
from stores.go.folder import GoFolder
from stores.go.raw import FormatProblem, Source, decoded
from stores.go.store import GoExecutionEventStore
from stores.sqlite.plain import first_bytes

_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID = slice(68, 72)
_MOST_LOOKED_AT = 64
_LONGEST_LINE = 1 << 20
_OUR_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def is_go_folder(path: Path) -> bool:
    """Whether a folder is a file store of the Go system: its executions' first lines are events as that wrote them.

    One with a file `changes`, or with sealed lines, is ours.
    """
    if not path.is_dir() or is_regular(path / CHANGES):
        return False
    with suppress(OSError), os.scandir(path) as entries:
        for _, entry in zip(range(_MOST_LOOKED_AT), entries, strict=False):
            if entry.is_dir(follow_symlinks=False) and is_regular(Path(entry.path, EVENTS)):
                verdict = _is_theirs(Path(entry.path))
                if verdict is not None:
                    return verdict
    return False


def is_go_database(path: Path) -> bool:
    """Whether a file is an SQLite store of the Go system."""
    try:
        header = first_bytes(path, 100) if path.is_file() else b""
    except (OSError, ValueError):  # a NUL in its name
        return False
    # Ours has its application id; theirs has none.
    if not header.startswith(_MAGIC) or any(header[_APPLICATION_ID]):
        return False
    # The log of a process that was killed early may hold all there is; reading it costs a copy of both.
    return any(_has_its_tables(path, with_log) for with_log in (False, True))


def open_go_store(path: Path, *, offload: bool = True) -> GoExecutionEventStore:
    """The store of the Go system at a place, a folder or an SQLite file.

    Raises:
        StoreNotFoundError: nothing is there.
        ForeignStoreError: what is there is none.
        StoreError: it cannot be read.
    """
    return GoExecutionEventStore(open_source(path), offload=offload)


def open_source(path: Path) -> Source:
    """What is read at a place; raises as `open_go_store` does."""
    resolved = path.resolve()
    if not resolved.is_dir():
        from stores.go.database import GoDatabase

        return GoDatabase(resolved)
    return GoFolder(resolved)


def _is_theirs(folder: Path) -> bool | None:
    """What the first line of a history says; None when nothing can be told from it."""
    try:
        with reading(folder, EVENTS) as fd:
            line = os.pread(fd, _LONGEST_LINE, 0).partition(b"\n")[0]
        event: Any = decoded(line)
    except (OSError, StoreError, FormatProblem):
        return None
    if not isinstance(event, dict) or not {"id", "execution_id", "sequence", "event_type"} <= event.keys():
        return None
    if "crc" in event:
        return False
    data = event.get("data")
    without_definition = event["event_type"] == "execution_started" and "workflow" not in (data or ())
    return (
        not str(event["id"]).startswith("event_")
        or not _OUR_TIME.fullmatch(str(event.get("timestamp")))
        or without_definition
    )


def _has_its_tables(path: Path, with_log: bool) -> bool:
    from stores.go.database import GoDatabase

    try:
        GoDatabase(path, with_log=with_log).close()
    except StoreError:
        return False
    return True
