"""Ranges of histories, found without reading what is before them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engine.model.events import ExecutionEvent
from stores.file import index
from stores.file.bulk import Lines, read_lines
from stores.file.layout import EVENTS
from stores.file.lines import START, Place, Reading, damaged, find_line, read_surely, survey
from stores.file.snapshots import load_snapshot
from stores.files import reading

_MAX_PLACES = 1024


class Ranges:
    """Reads histories from any event on, and remembers where it stopped, for that is where the next one begins."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._places: dict[str, tuple[int, Place]] = {}
        """By execution: the events file's inode, and where reading ended last."""

    def events(self, execution_id: str, from_seq: int, limit: int | None) -> list[ExecutionEvent]:
        """Events from a sequence on.

        Raises:
            FileNotFoundError: there is no history.
            DamagedHistoryError: one of them cannot be read.
        """
        _check_limit(limit)
        folder = self._base / execution_id
        from_seq = max(1, from_seq)
        with reading(folder, EVENTS) as fd:
            found = self._read_from(fd, folder, from_seq, limit)
            self._remember(fd, folder, found.end)
        events = found.since(from_seq, limit)
        if found.damage is not None and (limit is None or len(events) < limit):
            raise damaged(execution_id, found.damage, events)
        return events

    def lines(self, execution_id: str, from_seq: int, limit: int | None) -> list[bytes]:
        """Sealed lines from a sequence on; raises what `events` does."""
        _check_limit(limit)
        folder = self._base / execution_id
        from_seq = max(1, from_seq)
        found = Lines([])
        with reading(folder, EVENTS) as fd:
            for near in self._beginnings(fd, folder, from_seq):
                start = find_line(fd, from_seq, near)
                if start is None:  # unless line ends were lost
                    found = Lines([], survey(fd, execution_id, near).damage)
                else:
                    found = read_lines(fd, execution_id, start, limit)
                    self._remember(
                        fd, folder, Place(from_seq + len(found.lines), start.offset + sum(map(len, found.lines)))
                    )
                if found.damage is None:
                    break
        if found.damage is not None:
            raise damaged(execution_id, found.damage, ())
        return found.lines

    def _read_from(self, fd: int, folder: Path, from_seq: int, limit: int | None) -> Reading:
        remembered = self._remembered(fd, folder, from_seq)
        if remembered is not None and remembered.sequence == from_seq:
            return read_surely(fd, folder.name, remembered, limit)
        for near in self._beginnings(fd, folder, from_seq):
            # Lines are counted, not parsed. The event before the first one proves the count also when nothing follows.
            start = find_line(fd, max(near.sequence, from_seq - 1), near)
            if start is not None:
                found = read_surely(fd, folder.name, start, None if limit is None else limit + 1)
                if found.events or found.damage is not None:
                    return found
            # Nothing is there, unless line ends were lost: only reading it can tell.
            found = survey(fd, folder.name, near)
            if found.damage is not None or found.end.sequence > near.sequence:
                return found
        return found

    def _remember(self, fd: int, folder: Path, place: Place) -> None:
        if len(self._places) > _MAX_PLACES:
            self._places.clear()
        self._places[folder.name] = os.fstat(fd).st_ino, place

    def _remembered(self, fd: int, folder: Path, from_seq: int) -> Place | None:
        """Where reading ended last, unless that is behind an event or in another file."""
        inode, place = self._places.get(folder.name, (0, START))
        return place if inode == os.fstat(fd).st_ino and place.sequence <= from_seq else None

    def _beginnings(self, fd: int, folder: Path, from_seq: int) -> Iterator[Place]:
        """Places to begin looking for an event at, the nearest first; each may turn out to be wrong but the last."""
        if from_seq > 1:
            indexed = index.nearest(fd, folder, from_seq - 1)
            known = [place for place in (self._remembered(fd, folder, from_seq), indexed) if place is not None]
            yield from sorted(known, reverse=True)
            if not known and (stored := load_snapshot(folder)) and stored.mark.place.sequence < from_seq:
                yield stored.mark.place
        yield START


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise ValueError("limit must be 0 or more")
