"""Appending to one execution's `events.jsonl`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from engine.store import ConflictError, StoreError
from stores.file import index
from stores.file.layout import EVENTS, set_aside
from stores.file.lines import START, Mark, Place, damaged, find_line, read_history
from stores.file.snapshots import load_snapshot
from stores.files import is_linked, locked, open_inside, sync_data, write_all


class Numbered(Protocol):
    """What an append asks of an event beside its line."""

    @property
    def id(self) -> str:
        """Of the event."""

    @property
    def sequence(self) -> int:
        """Its place in the history, from 1."""


class HistoryGoneError(ConflictError):
    """The file was deleted or replaced since it was opened."""


class HistoryWriter:
    """The end of one history, open for appending. After any error but `ConflictError` it must be closed."""

    def __init__(self, folder: Path, *, create: bool, durable: bool) -> None:
        self._folder = folder
        self._path = folder / EVENTS
        self._durable = durable
        self._end: Place | None = None
        self._indexed = START
        self.last: Mark | None = None
        """The event that was appended last, as far as known."""
        self._fd = open_inside(folder, EVENTS, os.O_RDWR | os.O_APPEND | (os.O_CREAT if create else 0))

    def append(self, events: Sequence[Numbered], lines: Sequence[bytes]) -> None:
        """Write a batch as the lines it is encoded to, whole or not at all; return when it is on the disk.

        Of several batches at once, whole ones from the first on may be left when the process dies in the middle.

        Raises:
            ConflictError: the batch does not continue the history.
            DamagedHistoryError: the history cannot be read, so nothing can be added to it.
            BusyError: another process is writing just now.
            OSError: it could not be written; nothing of it is left in the file.
        """
        with locked(self._fd, str(self._path)):
            end = self._catch_up()
            if events[0].sequence == end.sequence:
                self._write(events, lines, end)
            elif not self._repeats(events, end):
                raise ConflictError(
                    f"event {events[0].sequence} cannot be appended to {self._folder.name}, "
                    f"which has {end.sequence - 1} events"
                )

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _catch_up(self) -> Place:
        """Where the history ends now; reads what others have written since we last looked."""
        status = os.fstat(self._fd)
        if not is_linked(self._fd, self._path):
            raise HistoryGoneError(f"the history of {self._folder.name} was deleted")
        end = self._end
        if end is not None and status.st_size == end.offset:
            return end
        start = self._first_look() if end is None else end
        reading = read_history(self._fd, self._folder.name, start if start.offset <= status.st_size else START)
        if reading.damage is not None or (end is None and not reading.events and start != START):
            reading = read_history(self._fd, self._folder.name)  # what we began at was wrong, perhaps
        if reading.damage is not None:
            raise damaged(self._folder.name, reading.damage, reading.events)
        if reading.sealed is False:
            raise StoreError(f"{self._path} has lines without checksums: it can be read, not written")
        if reading.torn is not None:
            # The remains of an append that was never acknowledged.
            set_aside(self._fd, self._folder, "events", reading.torn, status.st_size)
        self._end, self.last = reading.end, None
        return reading.end

    def _first_look(self) -> Place:
        """Where to begin reading to find the end."""
        self._indexed = index.bring_up_to_date(self._fd, self._folder)
        if self._indexed != START:
            return self._indexed
        stored = load_snapshot(self._folder)
        return START if stored is None else stored.mark.place

    def _write(self, events: Sequence[Numbered], lines: Sequence[bytes], end: Place) -> None:
        data = b"".join(lines)
        try:
            write_all(self._fd, data)
            self._sync()
        except BaseException:
            # What could not be synced may be lost by the system although it can still be read: it must go, too.
            os.ftruncate(self._fd, end.offset)
            raise
        if end.offset - self._indexed.offset >= index.STEP:
            index.add(self._folder, end)
            self._indexed = end
        self._end = Place(end.sequence + len(lines), end.offset + len(data))
        self.last = Mark(Place(events[-1].sequence, self._end.offset - len(lines[-1])), events[-1].id)

    def _repeats(self, events: Sequence[Numbered], end: Place) -> bool:
        """Whether the batch is what the history ends with already; if so, see to it that it is on the disk."""
        if events[-1].sequence != end.sequence - 1:
            return False
        first = events[0].sequence
        start = find_line(self._fd, first, index.nearest(self._fd, self._folder, first) or START)
        if start is None:
            return False
        present = read_history(self._fd, self._folder.name, start).events
        if [event.id for event in present] != [event.id for event in events]:
            return False
        self._write_again(start.offset, end.offset)
        return True

    def _write_again(self, start: int, end: int) -> None:
        # A sync that failed once reports success the next time without having written: these bytes must be made new.
        fd = open_inside(self._folder, EVENTS, os.O_RDWR)
        try:
            os.pwrite(fd, os.pread(fd, end - start, start), start)
            self._sync()
        finally:
            os.close(fd)

    def _sync(self) -> None:
        if self._durable:
            sync_data(self._fd)
