"""Which store a command or program uses, and opening the one at a place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engine.store import ExecutionEventStore, ForeignStoreError, StoreError
from stores.file.layout import is_store
from stores.files import is_empty
from stores.go.detect import is_go_database, is_go_folder, open_go_store
from stores.sqlite.plain import first_bytes

_FOLDER = ".dive"
_CONFIGS = ("dive.toml", "pyproject.toml")
_DATABASE = "store.db"
_DATABASE_ENDINGS = (".db", ".sqlite", ".sqlite3")
_DATABASE_MAGIC = b"SQLite format 3\0"
Durability = Literal["full", "normal", "relaxed"]


class Location(NamedTuple):
    """Where a store is, or would be."""

    text: str
    """What `open_store` takes: an absolute path, `file:` or `sqlite:` before it where it was given so."""
    chosen_by: str
    """What made the choice, for messages: `--store`, `DIVE_STORE`, a configuration file, or `default`."""


def open_store(
    location: str | Path, *, create: bool = False, offload: bool = True, durability: Durability = "full"
) -> ExecutionEventStore:
    """Open the store at a place. One of the Go system Dive can only be looked at.

    Args:
        location: a path, looked at to find out what kind of store it holds; where nothing is, a database `store.db`
            is meant. `file:PATH` and `sqlite:PATH` say the kind, whatever is there; `memory:` is a new store that
            is gone with this process.
        create: make the store when nothing is there yet.
        offload: keep file access off the caller's event loop.
        durability: what an acknowledged event survives: `full` a loss of power; `normal` and `relaxed` the death of
            the process, and a loss of power only after the system has written by itself.

    Raises:
        StoreNotFoundError: nothing is there and `create` is false.
        ForeignStoreError: what is there is no store, or of a kind that this version cannot open.
        StoreError: it cannot be read or made.
    """
    kind, path = _split(str(location))
    if kind == "memory":
        if str(location) != "memory:":
            raise ForeignStoreError(f"{location}: an in-memory store has no path, it is just `memory:`")
        from stores.memory import MemoryExecutionEventStore

        return MemoryExecutionEventStore()
    try:
        kind = kind or _kind_at(path)
        database = _database_at(path)
        foreign = is_go_folder(path) if kind == "file" else is_go_database(database)
    except OSError as error:
        raise StoreError(f"cannot look at {path}: {error.strerror or error}") from error
    if foreign:
        return open_go_store(path if kind == "file" else database, offload=offload)
    level: Literal["full", "normal"] = "full" if durability == "full" else "normal"
    if kind == "sqlite":
        from stores.sqlite.store import SQLiteExecutionEventStore

        return SQLiteExecutionEventStore(database, create=create, offload=offload, durability=level)
    from stores.file.store import FileExecutionEventStore

    return FileExecutionEventStore(path, create=create, offload=offload, durability=level)


def resolve_location(option: str | None, environ: Mapping[str, str], cwd: Path) -> Location:
    """Which store is meant: `--store`, else `DIVE_STORE`, else the project's configuration, else a folder `.dive`.

    The configuration is the nearest `store` in a `dive.toml` or under `[tool.dive]` in a `pyproject.toml`, in this
    folder or a parent, its path relative to that file. The folder is the nearest `.dive` upwards; when there is none,
    it belongs beside the nearest `dive.toml` or `pyproject.toml`, or else here.

    Args:
        option: the value of `--store`; None when it was not given.
        environ: the environment variables.
        cwd: the current folder; relative paths are relative to it.

    Raises:
        StoreError: a configuration file cannot be read, or an in-memory store is asked for.
    """
    cwd = cwd.absolute()
    if option is not None:
        return _given(option, cwd, "--store")
    if environ.get("DIVE_STORE"):
        return _given(environ["DIVE_STORE"], cwd, "DIVE_STORE")
    folders = (cwd, *cwd.parents)
    for config in _configs(folders):
        text = _configured_store(config)
        if text is not None:
            return _given(text, config.parent, str(config))
    for folder in folders:
        if (folder / _FOLDER).is_dir():
            return Location(str(folder / _FOLDER), "default")
    project = next(_configs(folders), cwd / "pyproject.toml").parent
    return Location(str(project / _FOLDER), "default")


def _given(text: str, relative_to: Path, chosen_by: str) -> Location:
    kind, path = _split(text)
    if kind == "memory":
        raise StoreError(f"{chosen_by}: an in-memory store exists in one Python process only, name a path instead")
    if text in ("", f"{kind}:"):
        raise StoreError(f"{chosen_by}: the path of the store is empty")
    absolute = relative_to / path
    return Location(f"{kind}:{absolute}" if kind else str(absolute), chosen_by)


def _split(text: str) -> tuple[str, Path]:
    kind = next((kind for kind in ("file", "sqlite", "memory") if text.startswith(f"{kind}:")), "")
    try:
        return kind, Path(text.removeprefix(f"{kind}:") if kind else text).expanduser()
    except RuntimeError as error:
        raise StoreError(f"{text}: {error}") from error


def _kind_at(path: Path) -> str:
    """`file` or `sqlite`; `sqlite` also where nothing is."""
    if path.is_file():
        if first_bytes(path, len(_DATABASE_MAGIC)) == _DATABASE_MAGIC:
            return "sqlite"
        raise ForeignStoreError(f"{path} is a file, not a store of executions")
    if not path.is_dir():
        return "sqlite"
    has_database = (path / _DATABASE).is_file()
    if not is_store(path):
        if has_database or is_empty(path):
            return "sqlite"
        raise ForeignStoreError(f"{path} holds other things, not a store of executions")
    if has_database:
        raise ForeignStoreError(
            f"{path} holds two stores, {_DATABASE} and folders of executions: say which by file:{path} or sqlite:{path}"
        )
    return "file"


def _database_at(path: Path) -> Path:
    """The database that is meant by a path: the file itself, or `store.db` in a folder."""
    if path.is_file() or (not path.exists() and path.suffix in _DATABASE_ENDINGS):
        return path
    return path / _DATABASE


def _configs(folders: tuple[Path, ...]) -> Iterator[Path]:
    return (folder / name for folder in folders for name in _CONFIGS if (folder / name).is_file())


def _configured_store(config: Path) -> str | None:
    try:
        content: dict[str, Any] = tomllib.loads(config.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {config}: {error}") from error
    if config.name == "pyproject.toml":
        tool = content.get("tool")
        table = tool.get("dive") if isinstance(tool, dict) else None
        content = table if isinstance(table, dict) else {}
    text = content.get("store")
    if text is None or isinstance(text, str):
        return text
    raise StoreError(f"{config}: store must be a text, the path of the store")
