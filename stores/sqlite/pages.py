"""Rows read straight from the pages of a database file, for when the tree that leads to them is damaged.

Only what saving histories needs of the format: leaf pages of tables, their cells, and the pages that a long row runs
over to (https://www.sqlite.org/fileformat2.html, sections 1.3, 1.5 to 1.6 and 2.1). Pages on the free list are passed
over: what is on them was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stores.sqlite.plain import PlainFile

_HEADER = 100
_TABLE_LEAF = 0x0D
_SIZES = {1 << power for power in range(9, 17)}


class Pages:
    """The pages of a database file, which must not change meanwhile."""

    def __init__(self, path: Path) -> None:
        """Raises OSError: the file cannot be read."""
        self._file = PlainFile(path)
        header = self._file.read(0, _HEADER)
        size = int.from_bytes(header[16:18])
        size = 65536 if size == 1 else size
        # Nothing else in the header is needed; where even this is damaged, nearly every database has the usual size.
        self._size = size if size in _SIZES else 4096
        self._usable = self._size - (header[20] if len(header) > 20 and header[20] < 32 else 0)
        self._count = self._file.size // self._size
        self._free = self._free_pages(int.from_bytes(header[32:36]))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def blobs(self) -> Iterator[tuple[int, bytes]]:
        """Row id and blob of every row that has a row id and one blob, as those of the table of events have."""
        for number in range(1, self._count + 1):
            page = self._page(number)
            start = _HEADER if number == 1 else 0
            if number in self._free or page[start] != _TABLE_LEAF:
                continue
            for at in self._cells(page, start):
                try:
                    row = self._row(page, at)
                except (IndexError, ValueError):
                    continue
                if row is not None:
                    yield row

    def _page(self, number: int) -> bytes:
        if not 1 <= number <= self._count:
            raise ValueError("there is no such page")
        return self._file.read((number - 1) * self._size, self._size)

    def _cells(self, page: bytes, start: int) -> list[int]:
        count = int.from_bytes(page[start + 3 : start + 5])
        first = start + 8
        places = [int.from_bytes(page[at : at + 2]) for at in range(first, min(first + 2 * count, self._size - 1), 2)]
        return [at for at in places if first <= at < self._usable]

    def _row(self, page: bytes, at: int) -> tuple[int, bytes] | None:
        length, at = _varint(page, at)
        row_id, at = _varint(page, at)
        content = self._payload(page, at, length)
        head, at = _varint(content, 0)
        kinds = []
        while at < head:
            kind, at = _varint(content, at)
            kinds.append(kind)
        if len(kinds) != 2 or kinds[0] != 0 or kinds[1] < 12 or kinds[1] % 2:
            return None
        size = (kinds[1] - 12) // 2
        return (row_id, content[head : head + size]) if len(content) == head + size else None

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """The content of a cell, together with what of it is on other pages."""
        if length > self._count * self._size:
            raise ValueError("longer than the file")
        least = (self._usable - 12) * 32 // 255 - 23
        kept = least + (length - least) % (self._usable - 4)
        local = length if length <= self._usable - 35 else kept if kept <= self._usable - 35 else least
        parts = [page[at : at + local]]
        missing = length - local
        following = int.from_bytes(page[at + local : at + local + 4]) if missing else 0
        while missing > 0:
            overflow = self._page(following)
            parts.append(overflow[4 : min(self._usable, 4 + missing)])
            missing -= len(parts[-1])
            following = int.from_bytes(overflow[:4])
        return b"".join(parts)

    def _free_pages(self, trunk: int) -> set[int]:
        free: set[int] = set()
        while 1 <= trunk <= self._count and trunk not in free:
            free.add(trunk)
            page = self._page(trunk)
            leaves = min(int.from_bytes(page[4:8]), self._usable // 4 - 2)
            free.update(int.from_bytes(page[at : at + 4]) for at in range(8, 8 + 4 * leaves, 4))
            trunk = int.from_bytes(page[:4])
        return free


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9
