"""The stores a person may want to see, and what can be told of one without opening it: looking changes nothing.

Opening a store may bring its tables up to date or leave files beside it, so it is not opened to be counted.
"""

from __future__ import annotations

import os
import shlex
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from engine.store import ExecutionEventStore, StoreError
from stores.location import resolve_location
from stores.sqlite.plain import first_bytes

PATIENCE = 2.0
"""Seconds that looking at one store may take."""
MOST_COUNTED = 100_000
GO = "Dive (Go)"
MIGRATE = "This store can only be looked at: V, then c, makes one of it that can be changed."
NOT_WRITABLE = "This store can only be looked at: you may not write to its file or folder. V, then c, copies it."
_KINDS = {"file": "file", "sqlite": "sqlite", "memory": "memory"}
_DATABASE = "store.db"
_MAGIC = b"SQLite format 3\0"
_FOLDERS_LOOKED_AT = 400
_DEPTH = 2
_SKIPPED = frozenset({"node_modules", "venv", "__pycache__", "site-packages"})


class Candidate(NamedTuple):
    """A store that is worth offering."""

    location: str
    """What `open_store` takes."""
    why: str
    """`open now`, `this project's`, `found above`, `found below`, `opened lately`."""


class _Database(NamedTuple):
    table: str
    kind: str
    read_only: bool
    query: str


_DATABASES = (
    _Database("executions", "sqlite", False, "SELECT count(*) FROM (SELECT 1 FROM executions LIMIT ?)"),
    _Database(
        "execution_events",
        GO,
        True,
        "SELECT count(*) FROM (SELECT DISTINCT execution_id FROM execution_events LIMIT ?)",
    ),
)
"""What a database is told by, and counted with."""


class StoreFacts(NamedTuple):
    """What a look from outside tells."""

    kind: str = ""
    """`file`, `sqlite` or `Dive (Go)`; empty when it cannot be told."""
    read_only: bool = False
    executions: int | None = None
    more: bool = False
    """Whether there are more than were counted."""
    problem: str = ""
    """A clause: why it could not be opened; empty when it probably can."""


def kind_of(store: ExecutionEventStore) -> str:
    """What kind of store an open one is; empty for one that is none of ours."""
    package, _, rest = type(store).__module__.partition(".")
    if package != "stores":
        return ""
    return _KINDS.get(rest.partition(".")[0], GO)


def why_read_only(store: ExecutionEventStore) -> str:
    """Why a store can only be looked at, as a sentence; empty when it can be changed."""
    if getattr(store, "read_only", kind_of(store) == GO):
        return MIGRATE
    place = getattr(store, "path", None) or getattr(store, "base", None)
    return NOT_WRITABLE if isinstance(place, Path) and not _is_writable(place) else ""


def _is_writable(place: Path) -> bool:
    """Whether what is at a place may be written, and where it is a file its folder too; so is what is not there."""
    try:
        is_file = stat.S_ISREG(place.stat().st_mode)
    except (OSError, ValueError):
        return True
    return os.access(place, os.W_OK) and (not is_file or os.access(place.parent, os.W_OK))


def path_of(location: str) -> Path:
    """The path in a location."""
    kind, _, path = location.partition(":")
    return Path(path if kind in ("file", "sqlite") else location)


def short_place(location: str) -> str:
    """A location as a person sees it: its path, shortened to the home or the current folder where it lies there."""
    path = str(path_of(location))
    for base, mark in ((str(Path.cwd()), ""), (str(Path.home()), "~/")):
        if path.startswith(base + os.sep):
            return mark + path[len(base) + 1 :]
    return path


def store_option(location: str | None) -> str:
    """What a command needs after it to use the store at a location; empty where it would use that one by itself."""
    if location is None:
        return ""
    place = path_of(location)
    with suppress(StoreError, OSError, ValueError):
        if os.path.realpath(path_of(resolve_location(None, os.environ, Path.cwd()).text)) == os.path.realpath(place):
            return ""
    kind = location[: len(location) - len(str(place))] if location.endswith(str(place)) else ""
    shown = place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place
    return f" --store {shlex.quote(f'{kind}{shown}')}"


def candidates(current: str, cwd: Path, environ: Mapping[str, str], recent: Sequence[str]) -> list[Candidate]:
    """The stores to offer, each once: the open one, the project's, folders `.dive` above and below, recent ones."""
    offered = [Candidate(current, "open now"), *_of_project(cwd, environ), *_above(cwd), *_below(cwd)]
    offered += [Candidate(text, "opened lately") for text in recent if _exists(text)]
    places: dict[str, Candidate] = {}
    for candidate in offered:
        places.setdefault(os.path.realpath(path_of(candidate.location)), candidate)
    return list(places.values())


def _of_project(cwd: Path, environ: Mapping[str, str]) -> Iterator[Candidate]:
    with suppress(StoreError):
        found = resolve_location(None, environ, cwd)
        if found.chosen_by != "default" or _exists(found.text):
            yield Candidate(found.text, "this project's")


def _above(cwd: Path) -> Iterator[Candidate]:
    for folder in (cwd, *cwd.parents):
        if _exists(str(folder / ".dive")):
            yield Candidate(str(folder / ".dive"), "found above")


def _below(cwd: Path) -> Iterator[Candidate]:
    """Folders `.dive` not deep below; a quick look, not a search of the disk."""
    for root, folders, _ in islice(os.walk(cwd), _FOLDERS_LOOKED_AT):
        depth = len(Path(root).relative_to(cwd).parts)
        if depth and ".dive" in folders:
            yield Candidate(str(Path(root, ".dive")), "found below")
        keep = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        folders[:] = sorted(keep) if depth < _DEPTH else []


def _exists(location: str) -> bool:
    with suppress(OSError, ValueError):
        return path_of(location).exists()
    return False


def look_at(location: str, patience: float = PATIENCE) -> StoreFacts:
    """What kind of store is at a location, and how many executions it holds. Blocks for at most about `patience`."""
    path, until = path_of(location), time.monotonic() + patience
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) and not location.startswith("file:") and (path / _DATABASE).is_file():
            path = path / _DATABASE
        facts = _database(path, until) if path.is_file() else _folder(path, until)
        return facts if facts.problem or _is_writable(path) else facts._replace(read_only=True)
    except (FileNotFoundError, NotADirectoryError):
        return StoreFacts(problem="nothing there yet")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return StoreFacts(problem=reason or str(error))


def _folder(path: Path, until: float) -> StoreFacts:
    from stores.go.detect import is_go_folder

    kind, read_only = (GO, True) if is_go_folder(path) else ("file", False)
    count = 0
    with os.scandir(path) as entries:
        for entry in entries:
            count += entry.is_dir(follow_symlinks=False) and Path(entry.path, "events.jsonl").is_file()
            if count >= MOST_COUNTED or time.monotonic() > until:
                return StoreFacts(kind, read_only, count, more=True)
    if not count and not (path / "changes").is_file():
        empty = next(path.iterdir(), None) is None
        return StoreFacts(problem="nothing there yet" if empty else "no store of executions")
    return StoreFacts(kind, read_only, count)


def _database(path: Path, until: float) -> StoreFacts:
    if first_bytes(path, len(_MAGIC)) != _MAGIC:
        return StoreFacts(problem="a file, not a store of executions")
    import apsw

    # Read as one that cannot change, a database gets nothing left beside it. Only where others have it open, and it
    # is not the Go system's, it is read with their files, which are there already.
    facts = StoreFacts(problem="a database, but not a store of executions")
    try:
        facts = _counted(path, until, immutable=True)
        if Path(f"{path}-shm").exists() and facts.kind != GO:
            facts = _counted(path, until, immutable=False)
    except apsw.Error as error:
        return StoreFacts("sqlite", problem=str(error))
    return facts


def _counted(path: Path, until: float, *, immutable: bool) -> StoreFacts:
    import apsw

    from stores.sqlite.connection import connect

    connection = connect(path, writable=False, immutable=immutable)
    try:
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        known = next((one for one in _DATABASES if one.table in tables), None)
        if known is None:
            return StoreFacts(problem="a database, but not a store of executions")
        try:
            [(count,)] = connection.execute(known.query, (MOST_COUNTED,))
        except apsw.InterruptError:
            return StoreFacts(known.kind, known.read_only)
    finally:
        connection.close()
    assert isinstance(count, int)
    return StoreFacts(known.kind, known.read_only, count, count >= MOST_COUNTED)
