"""`inbox.jsonl`: the messages to an execution, a sealed line each; the n-th line holds the message with ordinal n.

Anybody may add a line under the lock of this file, which is not that of the history: a message never waits for an
append, nor an append for a message.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.model.signals import ExecutionSignal
from engine.store import DamagedInboxError, StoreError
from stores.codec import LineError, decode_signal, encode_signal
from stores.file.layout import INBOX, set_aside
from stores.file.lines import START, Damage, Place, Stamp, between_appends, find_line, is_cut_short, split_lines
from stores.files import MISSING, BusyError, is_linked, locked, open_inside, reading, sync_data, sync_folder, write_all

_MAX_OPEN = 16
_MAX_COUNTS = 20_000


@dataclass(slots=True)
class Messages:
    """What was found from some place on."""

    end: Place
    """Behind the last message; its sequence is the next ordinal."""
    signals: list[ExecutionSignal] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    torn: int | None = None
    """Where the remains of a message begin whose sending was cut short."""
    damage: Damage | None = None


class Inboxes:
    """The inboxes of a store. Sending must come from one thread at a time; reading may come from any."""

    def __init__(self, base: Path, *, durable: bool) -> None:
        self._base = base
        self._durable = durable
        self._writers: OrderedDict[str, _InboxWriter] = OrderedDict()
        self._counts: dict[str, tuple[Stamp, int]] = {}

    def send(self, execution_id: str, signal: ExecutionSignal, *, create: bool) -> int:
        """Make a message durable and return its ordinal.

        Raises:
            FileNotFoundError: there is no inbox, and `create` is false or there is no execution.
            InvalidSignalError: its data is no JSON.
            DamagedInboxError: the messages before it cannot be read.
            BusyError: another process is sending just now.
            OSError: it could not be written; nothing of it is left in the file.
        """
        writer = self._writers.pop(execution_id, None)
        if writer is None:
            writer = _InboxWriter(self._base / execution_id, create=create, durable=self._durable)
        try:
            ordinal = writer.send(signal)
        except BusyError:
            self._keep(execution_id, writer)
            raise
        except BaseException:
            writer.close()
            raise
        self._keep(execution_id, writer)
        return ordinal

    def messages(self, execution_id: str, after: int) -> list[ExecutionSignal]:
        """The messages with an ordinal above `after`; none when there is no inbox.

        Raises:
            DamagedInboxError: one of them cannot be read.
        """
        try:
            with reading(self._base / execution_id, INBOX) as fd:
                return self._durable_messages(fd, execution_id, max(0, after))
        except MISSING:
            return []

    def last_ordinal(self, execution_id: str) -> int:
        """The ordinal of the last message that can be read; 0 when there is none."""
        try:
            stamp = Stamp.of(os.lstat(f"{self._base}/{execution_id}/{INBOX}"))
            known = self._counts.get(execution_id)
            if known is None or known[0] != stamp:
                if len(self._counts) >= _MAX_COUNTS:
                    self._counts.clear()
                with reading(self._base / execution_id, INBOX) as fd:
                    known = self._counts[execution_id] = stamp, read_messages(fd, START).end.sequence - 1
        except (OSError, StoreError):
            self._counts.pop(execution_id, None)
            return 0
        return known[1]

    def forget(self, execution_id: str) -> None:
        """Close the inbox of an execution that is going to be deleted."""
        writer = self._writers.pop(execution_id, None)
        if writer is not None:
            writer.close()
        self._counts.pop(execution_id, None)

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _keep(self, execution_id: str, writer: _InboxWriter) -> None:
        self._writers[execution_id] = writer
        if len(self._writers) > _MAX_OPEN:
            self._writers.popitem(last=False)[1].close()

    def _durable_messages(self, fd: int, execution_id: str, after: int) -> list[ExecutionSignal]:
        found = _read_after(fd, after)
        if found.damage is None and not (self._durable and found.signals):
            return found.signals
        # A message that can be read may not be on the disk yet. It must be before a history says that it was received:
        # otherwise a loss of power could give its ordinal, which counts as received, to another one.
        with between_appends(fd):
            found = _read_after(fd, after)
            if self._durable:
                sync_data(fd)
        if found.damage is not None:
            raise _damaged(execution_id, found.damage, found.signals)
        return found.signals


class _InboxWriter:
    """The end of one inbox, open for sending. After any error but `BusyError` it must be closed."""

    def __init__(self, folder: Path, *, create: bool, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        self._end = START
        self._places: dict[str, Place] = {}
        """By id of a message."""
        self._fd = open_inside(folder, INBOX, os.O_RDWR | (os.O_CREAT if create else 0))
        try:
            if durable:
                sync_folder(folder)
        except BaseException:
            os.close(self._fd)
            raise

    def send(self, signal: ExecutionSignal) -> int:
        path = self._folder / INBOX
        with locked(self._fd, str(path)):
            if not is_linked(self._fd, path):
                raise FileNotFoundError(f"the inbox of {self._folder.name} was deleted")
            self._catch_up()
            place = self._places.get(signal.id)
            if place is not None:
                self._write_again(place)
                return place.sequence
            self._write(signal)
            return self._end.sequence - 1

    def close(self) -> None:
        os.close(self._fd)

    def _catch_up(self) -> None:
        """Read what others have sent since we last looked."""
        size = os.fstat(self._fd).st_size
        if size == self._end.offset:
            return
        found = read_messages(self._fd, self._end if self._end.offset < size else START)
        if found.damage is not None:
            raise _damaged(self._folder.name, found.damage)
        if found.torn is not None:
            set_aside(self._fd, self._folder, "inbox", found.torn, size)
        for message, place in zip(found.signals, found.places, strict=True):
            self._places[message.id] = place
        self._end = found.end

    def _write(self, signal: ExecutionSignal) -> None:
        place = self._end
        line = encode_signal(signal._replace(ordinal=place.sequence))
        try:
            self._put(line, place.offset)
        except BaseException:
            os.ftruncate(self._fd, place.offset)
            raise
        self._places[signal.id] = place
        self._end = Place(place.sequence + 1, place.offset + len(line))

    def _write_again(self, place: Place) -> None:
        # Its sender may have died before it was synced, or the sync failed, after which another one would report
        # success without having written: these bytes must be made new.
        self._put(os.pread(self._fd, self._end.offset - place.offset, place.offset), place.offset)

    def _put(self, data: bytes, offset: int) -> None:
        os.lseek(self._fd, offset, os.SEEK_SET)
        write_all(self._fd, data)
        if self._durable:
            sync_data(self._fd)


def _read_after(fd: int, after: int) -> Messages:
    """The messages after an ordinal, those before it not parsed; or everything, when line ends seem to be lost."""
    # The message before the first one proves the count of lines, also when nothing follows.
    start = find_line(fd, after) if after else START
    found = read_messages(fd, start or START)
    if after and (found.damage is not None or found.end.sequence <= after):
        found = read_messages(fd, START)
    found.signals = [signal for signal in found.signals if signal.ordinal > after]
    return found


def read_messages(fd: int, start: Place) -> Messages:
    """The messages from a place on, and where and why reading stopped."""
    found = Messages(start)
    line, complete = b"", True
    try:
        for lines, complete in split_lines(fd, start.offset):
            for line in lines:
                signal = decode_signal(line)
                ordinal, offset = found.end
                if signal.ordinal != ordinal:
                    raise LineError(f"it does not hold message {ordinal}")
                if not complete:
                    raise LineError("its line end is missing")
                found.signals.append(signal)
                found.places.append(found.end)
                found.end = Place(ordinal + 1, offset + len(line) + 1)
    except LineError as error:
        if not complete and is_cut_short(line, decode_signal):
            found.torn = found.end.offset
        else:
            found.damage = Damage(found.end.offset, str(error), INBOX)
    return found


def _damaged(execution_id: str, damage: Damage, readable: Sequence[ExecutionSignal] = ()) -> DamagedInboxError:
    return DamagedInboxError(
        f"the messages to {execution_id} are damaged at {damage.place}: {damage.problem}",
        place=damage.place,
        readable=readable,
    )
