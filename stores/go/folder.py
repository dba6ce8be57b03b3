"""The file store of the Go system: a folder for each execution, with `events.jsonl` and perhaps a `snapshot.json`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.model.ids import is_execution_id
from engine.store import StoreError, StoreNotFoundError
from stores.file.layout import EVENTS, SNAPSHOT
from stores.files import MISSING, is_regular, read_all, reading
from stores.go.raw import (
    Damage,
    FormatProblem,
    Oddity,
    RawEvent,
    RawHistory,
    RawSnapshot,
    decoded,
    in_order,
    raw_event,
)

_KEYS = {"path": "path_id", "step": "step_name"}
"""How the last dialect calls what the others call otherwise."""
_KNOWN = frozenset({"id", "execution_id", "path_id", "sequence", "timestamp", "event_type", "step_name", "data"})


class GoFolder:
    """A `Source` in a folder."""

    def __init__(self, place: Path) -> None:
        """
        Raises:
            StoreNotFoundError: there is no folder.
        """
        if not place.is_dir():
            raise StoreNotFoundError(f"there is no store at {place}")
        self.place = place

    def execution_ids(self) -> list[str]:
        """See `Source.execution_ids`."""
        return [name for name in self._names() if is_execution_id(name) and is_regular(self.place / name / EVENTS)]

    def oddities(self) -> list[Oddity]:
        """See `Source.oddities`."""
        found = []
        for name in self._names():
            folder = self.place / name
            if not is_execution_id(name):
                if (folder / EVENTS).exists() or (folder / SNAPSHOT).exists():
                    found.append(Oddity(name, "its name cannot be an execution id"))
            elif not is_regular(folder / EVENTS) and (folder / SNAPSHOT).exists():
                found.append(Oddity(name, "it has a snapshot and no events"))
        return found

    def history(self, execution_id: str) -> RawHistory:
        """See `Source.history`."""
        path = self.place / execution_id / EVENTS
        try:
            with reading(path.parent, EVENTS) as fd:
                content = read_all(fd)
        except MISSING:
            self._check()
            return RawHistory([], None)
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
        return in_order(_read_lines(content, path), execution_id)

    def snapshot(self, execution_id: str) -> RawSnapshot | None:
        """See `Source.snapshot`."""
        try:
            with reading(self.place / execution_id, SNAPSHOT) as fd:
                record = decoded(read_all(fd))
        except (OSError, StoreError, FormatProblem):
            return None
        return RawSnapshot(record) if isinstance(record, dict) else None

    def stamp(self, execution_id: str) -> object:
        """See `Source.stamp`."""
        try:
            status = (self.place / execution_id / EVENTS).lstat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def marks(self) -> dict[str, object]:
        """See `Source.marks`."""
        return {execution_id: self.stamp(execution_id) for execution_id in self.execution_ids()}

    def close(self) -> None:
        """Nothing is kept open."""

    def _names(self) -> list[str]:
        try:
            with os.scandir(self.place) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except MISSING:
            raise StoreNotFoundError(f"the store at {self.place} is gone") from None
        except OSError as error:
            raise StoreError(f"cannot read {self.place}: {error.strerror or error}") from error

    def _check(self) -> None:
        if not self.place.is_dir():
            raise StoreNotFoundError(f"the store at {self.place} is gone")


def _read_lines(content: bytes, path: Path) -> Iterator[RawEvent | Damage]:
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        place = f"{path}, line {number}"
        if not line and number == len(lines):
            return
        try:
            yield _read_line(line, place)
        except FormatProblem as problem:
            cut = number == len(lines)
            yield Damage(place, "its end is missing" if cut else str(problem))


def _read_line(line: bytes, place: str) -> RawEvent:
    envelope: Any = decoded(line)
    if not isinstance(envelope, dict):
        raise FormatProblem("it is not a JSON object")
    for short, name in _KEYS.items():
        if short in envelope and name not in envelope:
            envelope[name] = envelope.pop(short)
    return raw_event(envelope, place, {key: value for key, value in envelope.items() if key not in _KNOWN})
