"""The file of a database as bytes.

Never by `open`: POSIX takes all locks that a process has on a file from it as soon as it closes any descriptor of that
file, and with them the protection of every connection this process has to that database. SQLite's own file layer knows
this, and puts closing off as long as one of its connections holds a lock (https://www.sqlite.org/howtocorrupt.html,
section 2.2).
"""

from __future__ import annotations

from pathlib import Path

_PIECE = 1 << 20


class PlainFile:
    """A database's file, read without regard to what is written to it meanwhile."""

    def __init__(self, path: Path) -> None:
        """Raises OSError: it cannot be opened."""
        import apsw  # by those who only look whether there is a database it is not always needed

        try:
            self._file = apsw.VFSFile("unix", str(path), [apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_MAIN_DB, 0])
        except (apsw.Error, ValueError) as error:
            raise OSError(f"cannot open {path}: {error}") from error

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self._file.xFileSize()

    def read(self, at: int, length: int) -> bytes:
        """The bytes from a place on, as many as there are. May raise `apsw.IOError`."""
        length = min(length, self.size - at)
        return self._file.xRead(length, at) if length > 0 else b""

    def copy_to(self, target: Path) -> None:
        """Write its bytes into another file. May raise `OSError` and `apsw.IOError`."""
        with target.open("wb") as copy:
            at = 0
            while piece := self.read(at, _PIECE):
                copy.write(piece)
                at += len(piece)

    def close(self) -> None:
        """Close it."""
        self._file.xClose()


def first_bytes(path: Path, length: int) -> bytes:
    """What a file begins with; fewer bytes where it is shorter.

    Raises:
        OSError: it cannot be read.
    """
    file = PlainFile(path)
    try:
        return file.read(0, length)
    finally:
        file.close()
