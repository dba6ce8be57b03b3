"""Where a file store keeps what, and how its files are opened: private to the user, never through a symbolic link.

{base}/.gitignore                    `*`
{base}/changes                       an execution id per line, in the order of change
{base}/owners/{runner id}            locked by that runner while it lives
{base}/{execution id}/events.jsonl   the history
{base}/{execution id}/snapshot.json  a cache
{base}/{execution id}/inbox.jsonl    messages to the execution
{base}/{execution id}/owner          which runner may append
{base}/{execution id}/*.torn-{n}     what an append or a message left that was cut short
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from engine.model.ids import InvalidIdError, validate_execution_id
from engine.store import ForeignStoreError, StoreError, StoreNotFoundError

EVENTS = "events.jsonl"
SNAPSHOT = "snapshot.json"
INBOX = "inbox.jsonl"
OWNER = "owner"
OWNERS = "owners"
CHANGES = "changes"
GITIGNORE = ".gitignore"
DELETED = ".deleted-"
MISSING = (FileNotFoundError, NotADirectoryError)
"""What opening a file raises that is not there."""
_RESERVED = frozenset({OWNERS, CHANGES})
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class BusyError(StoreError):
    """Another process holds a lock just now; trying again shortly will do."""


def folder_name(execution_id: str) -> str:
    """The id unchanged, when it can name an execution's folder.

    Raises:
        InvalidIdError: it is no execution id, or a name the store uses itself.
    """
    validate_execution_id(execution_id)
    if execution_id.lower() in _RESERVED:
        raise InvalidIdError(f"{execution_id!r} cannot be an execution id: the store uses that name itself")
    return execution_id


def is_folder_name(name: str) -> bool:
    """Whether a folder of this name can be an execution."""
    try:
        folder_name(name)
    except InvalidIdError:
        return False
    return True


def is_store(folder: Path) -> bool:
    """Whether a folder is a file store: it has a file `changes`, or an execution with events."""
    if _is_file(folder / CHANGES):
        return True
    with os.scandir(folder) as entries:
        return any(
            _is_file(Path(entry.path, EVENTS))
            for entry in entries
            if is_folder_name(entry.name) and entry.is_dir(follow_symlinks=False)
        )


def is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder, or only what the making of a store writes first."""
    return all(path.name == GITIGNORE for path in folder.iterdir())


def prepare(base: Path, *, create: bool) -> None:
    """See to it that `base` is a file store, making it when asked to and when nothing else is there.

    Raises:
        StoreNotFoundError: nothing is there and `create` is false.
        ForeignStoreError: something else is there.
    """
    try:
        mode = base.stat().st_mode
    except MISSING:
        mode = None
    if mode is not None and not stat.S_ISDIR(mode):
        raise ForeignStoreError(f"{base} is a file, not a store of executions")
    if mode is not None and is_store(base):
        return
    if mode is not None and not is_empty(base):
        raise ForeignStoreError(f"{base} holds other things, not a store of executions")
    if not create:
        raise StoreNotFoundError(f"there is no store at {base}: make one with `dive-tui run`, or name one with --store")
    _make_store(base)


def _make_store(base: Path) -> None:
    missing = [folder for folder in (base, *base.parents) if not folder.exists()]
    base.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    for name, content in ((GITIGNORE, b"*\n"), (CHANGES, b"")):
        with suppress(FileExistsError):
            fd = os.open(base / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
            try:
                write_all(fd, content)
            finally:
                os.close(fd)
    for folder in missing:
        sync_folder(folder.parent)


def make_folder(folder: Path) -> None:
    """Make a folder of the store if it is not there."""
    folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)


def open_inside(folder: Path, name: str, flags: int) -> int:
    """A file descriptor of a file in a folder of the store.

    Raises:
        OSError: it cannot be opened; a symbolic link in the store is not followed.
        StoreError: it is no regular file.
    """
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever.
        fd = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, _FILE_MODE, dir_fd=parent)
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


def set_aside(fd: int, folder: Path, name: str, offset: int, size: int) -> None:
    """Cut a file off at an offset; what stood from there up to `size` is kept as `{name}.torn-1`, `-2`, …"""
    for number in count(1):
        with suppress(FileExistsError):
            kept = open_inside(folder, f"{name}.torn-{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            break
    try:
        write_all(kept, os.pread(fd, size - offset, offset))
    finally:
        os.close(kept)
    os.ftruncate(fd, offset)


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


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat(follow_symlinks=False).st_mode)
    except OSError:
        return False
