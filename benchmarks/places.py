"""Where stores are put: in memory, where a flush is free and only the software costs, or on a disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHM = Path("/dev/shm")


@contextmanager
def tmpfs() -> Iterator[Path]:
    """A folder in memory where the system has such; it is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=_SHM if _SHM.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def disk() -> Iterator[Path]:
    """A folder on the disk of the user's files; it is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        yield Path(folder)
