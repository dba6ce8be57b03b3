"""Where a repair keeps what it cuts out: files in a folder beside the database, on the disk before anything is cut."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

from stores.files import make_folder, open_inside, sync_data, sync_folder, write_all


class Aside:
    """The folder `{database}-damaged`."""

    def __init__(self, database: Path) -> None:
        self.folder = Path(f"{database}-damaged")

    def keep(self, name: str, lines: Iterable[object]) -> str:
        """Write lines into a new file `{name}-N`; a clause that says where, or that there was nothing to keep.

        Each line is as it was, with a line end behind it. What is no bytes is kept as its text.
        """
        content = b"".join((line if isinstance(line, bytes) else str(line).encode()) + b"\n" for line in lines)
        if not content:
            return "there was nothing left to keep"
        return f"what was cut out is in {self._write(name, content)}"

    def _write(self, name: str, content: bytes) -> Path:
        make_folder(self.folder)
        for number in count(1):
            path = self.folder / f"{name}-{number}"
            with suppress(FileExistsError):
                fd = open_inside(self.folder, path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                break
        try:
            write_all(fd, content)
            sync_data(fd)
        finally:
            os.close(fd)
        sync_folder(self.folder)
        sync_folder(self.folder.parent)
        return path
