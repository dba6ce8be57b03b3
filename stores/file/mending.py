"""Changing files of a store so that a death at any moment loses nothing that can be read."""

from __future__ import annotations

import filecmp
import os
import re
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from stores.file.salvage import Stretch, copied
from stores.files import open_inside, reading, sync_data, sync_folder, write_all

_TEMPORARY = re.compile(r"\.[a-z.]+\.(\d{1,10})-[0-9a-f]{8}\Z")
_FORGOTTEN_SECONDS = 3600
_OTHERS = 0o077


def keep(folder: Path, name: str, offset: int, kept: str) -> str:
    """Copy a file from a byte on to `{kept}-1`, `-2`, …, durably; returns the name. A copy that is there is enough."""
    with reading(folder, name) as fd:
        rest = copied(fd, [Stretch(offset, os.fstat(fd).st_size - offset)])
        temporary = _write_beside(folder, name, rest)
    for number in count(1):
        place = folder / f"{kept}-{number}"
        if not os.path.lexists(place):
            temporary.replace(place)
            break
        if place.is_file() and filecmp.cmp(temporary, place, shallow=False):
            temporary.unlink()
            break
    sync_folder(folder)
    return place.name


def cut(folder: Path, name: str, offset: int) -> None:
    """End a file at a byte, durably."""
    fd = open_inside(folder, name, os.O_RDWR)
    try:
        os.ftruncate(fd, offset)
        sync_data(fd)
    finally:
        os.close(fd)


def write_anew(folder: Path, name: str, parts: Iterable[bytes]) -> None:
    """Put a file with this content in the place of one, durably."""
    _write_beside(folder, name, parts).replace(folder / name)
    sync_folder(folder)


def is_temporary(name: str) -> bool:
    """Whether a file was made to take the place of another one."""
    return _TEMPORARY.match(name) is not None


def is_forgotten(path: Path) -> bool:
    """Whether nobody is going to use a temporary file: its process is dead, or has had it for very long."""
    match = _TEMPORARY.match(path.name)
    if match is None:
        return False
    try:
        os.kill(int(match[1]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return time.time() - path.lstat().st_mtime > _FORGOTTEN_SECONDS


def lets_others_in(mode: int) -> bool:
    """Whether a mode gives anything to other users."""
    return bool(mode & _OTHERS)


def shut_others_out(path: Path) -> None:
    """Take from a file or folder what its mode gives to other users; not through a symbolic link."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fchmod(fd, os.fstat(fd).st_mode & 0o7700)
    finally:
        os.close(fd)


def _write_beside(folder: Path, name: str, parts: Iterable[bytes]) -> Path:
    temporary = folder / f".{name}.{os.getpid()}-{os.urandom(4).hex()}"
    fd = open_inside(folder, temporary.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for part in parts:
            write_all(fd, part)
        sync_data(fd)
    except BaseException:
        temporary.unlink()
        raise
    finally:
        os.close(fd)
    return temporary
