"""`index`: where in a long history some batches begin, so that a range is found without reading what is before it.

One line of fixed width for every `STEP` bytes of history: the sequence of an event that begins a batch, and the byte
where its line begins. Who appends writes it, under the lock of the history; who reads never does. It is a cache that
nobody trusts: an entry counts only when the line that it points to says the same, and where it does not, the whole
index counts as missing until somebody who appends, or a repair, makes it anew.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from engine.store import StoreError
from stores.codec import LineError, decode_line
from stores.file.layout import INDEX
from stores.file.lines import START, Place, split_lines
from stores.files import is_regular, open_inside, read_all, reading, replace_file

STEP = 1 << 17
"""Bytes of history between two entries, if batches are no longer than that."""
_CATCH_UP = 8
"""How many entries may be missing before who opens the history for appending reads it all to add them."""
_WIDTH = len(b"%016d %016d\n" % START)
_BATCH_END = b'.0"}'
_LINE = 4096


def nearest(history: int, folder: Path, sequence: int = sys.maxsize) -> Place | None:
    """The last batch known to begin at or before an event of the history open at this descriptor; None: not known."""
    with suppress(OSError, StoreError, ValueError), reading(folder, INDEX) as fd:
        count = os.fstat(fd).st_size // _WIDTH
        after = bisect_right(range(count), sequence, key=lambda number: _entry(fd, number).sequence)
        place = _entry(fd, after - 1) if after else None
        if place is not None and _is_there(history, folder.name, place):
            return place
    return None


def add(folder: Path, place: Place) -> None:
    """Add an entry behind the last whole one; a failure is none, for an index may lack anything."""
    with suppress(OSError, StoreError):
        fd = open_inside(folder, INDEX, os.O_RDWR | os.O_CREAT)
        try:
            os.pwrite(fd, _line(place), os.fstat(fd).st_size // _WIDTH * _WIDTH)
        finally:
            os.close(fd)


def bring_up_to_date(history: int, folder: Path) -> Place:
    """Make an index anew that is wrong, add what one lacks that is far behind; returns its last entry, or the start."""
    last = nearest(history, folder)
    if last is None and is_regular(folder / INDEX):
        return _last(rebuild(history, folder))
    last = last or START
    if os.fstat(history).st_size - last.offset < _CATCH_UP * STEP:
        return last
    return _last(rebuild(history, folder)) if last == START else _extend(history, folder, last)


def rebuild(history: int, folder: Path) -> list[Place]:
    """Make it anew from a history that can be read, and return what is in it; a failure to write it is none."""
    places = list(due_entries(history))
    with suppress(OSError, StoreError):
        replace_file(folder, INDEX, b"".join(map(_line, places)))
    return places


def due_entries(history: int, last: Place = START) -> Iterator[Place]:
    """What an index should hold after an entry."""
    sequence, offset = known = last
    begins = False
    for lines, complete in split_lines(history, offset):
        for line in lines:
            if begins and offset - known.offset >= STEP:
                known = Place(sequence, offset)
                yield known
            begins = complete and line.endswith(_BATCH_END)
            sequence += 1
            offset += len(line) + 1


def is_sound(history: int, folder: Path, should: Sequence[Place]) -> bool:
    """Whether all entries are true and not many are missing of those it should have."""
    try:
        with reading(folder, INDEX) as fd:
            content = read_all(fd)
        found = [_parse(content[at : at + _WIDTH]) for at in range(0, len(content), _WIDTH)]
    except FileNotFoundError:
        found = []
    except (OSError, StoreError, ValueError):
        return False
    return (
        found == sorted(set(found))
        and len(should) - len(found) <= _CATCH_UP
        and (found == list(should) or all(_is_there(history, folder.name, place) for place in found))
    )


def _extend(history: int, folder: Path, last: Place) -> Place:
    for place in due_entries(history, last):
        add(folder, place)
        last = place
    return last


def _last(places: Sequence[Place]) -> Place:
    return places[-1] if places else START


def _line(place: Place) -> bytes:
    return b"%016d %016d\n" % place


def _entry(fd: int, number: int) -> Place:
    return _parse(os.pread(fd, _WIDTH, number * _WIDTH))


def _parse(line: bytes) -> Place:
    sequence, offset = line.split()
    place = Place(int(sequence), int(offset))
    if _line(place) != line:
        raise ValueError("no entry of an index")
    return place


def _is_there(history: int, execution_id: str, place: Place) -> bool:
    sequence, offset = place
    if offset <= 0 or os.pread(history, 1, offset - 1) != b"\n":
        return False
    try:
        event, left = decode_line(_line_at(history, offset))
    except LineError:
        return False
    return left is not None and (event.sequence, event.execution_id) == (sequence, execution_id)


def _line_at(fd: int, offset: int) -> bytes:
    content = b""
    while part := os.pread(fd, max(_LINE, len(content)), offset + len(content)):
        content += part
        if b"\n" in part:
            return content.partition(b"\n")[0]
    return b""
