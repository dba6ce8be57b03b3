"""Files of a store: private to the user, never opened through a symbolic link, written whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.store import StoreError

MISSING = (FileNotFoundError, NotADirectoryError)
"""What opening a file raises that is not there."""
GITIGNORE = ".gitignore"
FILE_MODE = 0o600
FOLDER_MODE = 0o700


class BusyError(StoreError):
    """Another process holds a lock just now; trying again shortly will do."""


def make_folder(folder: Path) -> None:
    """Make a folder of the store if it is not there."""
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def open_inside(folder: Path, name: str, flags: int) -> int:
    """A file descriptor of a file in a folder of the store.

    Raises:
        OSError: it cannot be opened, its `filename` being the whole path; a symbolic link is not followed.
        StoreError: it is no regular file.
    """
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever.
        fd = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, FILE_MODE, dir_fd=parent)
    except OSError as error:
        error.filename = str(folder / name)
        raise
    finally:
        os.close(parent)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise StoreError(f"{folder / name} is not a regular file")


@contextmanager
def reading(folder: Path, name: str) -> Iterator[int]:
    """`open_inside` for reading, closed at the end."""
    fd = open_inside(folder, name, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def locked(fd: int, what: str) -> Iterator[None]:
    """Hold the exclusive lock of an open file.

    Raises:
        BusyError: another process holds it.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(f"{what} is locked by another process") from None
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def is_linked(fd: int, path: Path) -> bool:
    """Whether an open file still is what its path names, and not deleted or replaced meanwhile."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def is_regular(path: Path) -> bool:
    """Whether something is a regular file, and no link to one."""
    try:
        return stat.S_ISREG(path.stat(follow_symlinks=False).st_mode)
    except OSError:
        return False


def read_all(fd: int) -> bytes:
    """The whole content of an open file."""
    content = b""
    while part := os.pread(fd, max(os.fstat(fd).st_size, 1), len(content)):
        content += part
    return content


def write_all(fd: int, data: bytes) -> None:
    """Write everything, in one call unless the system takes less."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Give a file a new content all at once: readers see the old or the new one. It need not survive a crash."""
    temporary = f".{name}.{os.getpid()}-{os.urandom(4).hex()}"
    fd = open_inside(folder, temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        write_all(fd, content)
        (folder / temporary).replace(folder / name)
    except BaseException:
        (folder / temporary).unlink()
        raise
    finally:
        os.close(fd)


def sync_data(fd: int) -> None:
    """Return when a file's content is on the disk."""
    if sys.platform == "darwin":  # where fsync leaves it in the drive's own memory
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def is_write_refused(error: OSError, base: Path) -> bool:
    """Whether the system did not let us write, in a store, what it would let us read."""
    if error.errno == errno.EROFS:
        return True
    if error.errno not in (errno.EACCES, errno.EPERM):
        return False
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else base
    return os.access(path if path.exists() else path.parent, os.R_OK)


def make_store_folder(base: Path, files: Collection[str] = ()) -> None:
    """Make the folder of a new store, kept out of version control, with these empty files unless they are there.

    Raises:
        OSError: it cannot be made; what of it was made is removed again.
    """
    missing = [folder for folder in (base, *base.parents) if not folder.exists()]
    made: list[Path] = []
    try:
        base.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not _has_content(base / GITIGNORE):  # also where an attempt was cut short
            replace_file(base, GITIGNORE, b"*\n")
            made.append(base / GITIGNORE)
        for name in files:
            with suppress(FileExistsError):
                os.close(os.open(base / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
                made.append(base / name)
        for folder in missing:
            sync_folder(folder.parent)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        with suppress(OSError):  # what others have put something into meanwhile stays
            for folder in missing:
                if folder.exists():
                    folder.rmdir()
        raise


def _has_content(path: Path) -> bool:
    try:
        return path.stat(follow_symlinks=False).st_size > 0
    except FileNotFoundError:
        return False


def is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder, or only what the making of a store writes first."""
    return all(path.name == GITIGNORE or path.name.startswith(f".{GITIGNORE}.") for path in folder.iterdir())
