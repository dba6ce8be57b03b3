"""Where a file store keeps what, and how its files are opened: private to the user, never through a symbolic link.

{base}/.gitignore                    `*`
{base}/changes                       an execution id per line, in the order of change
{base}/owners/{runner id}            locked by that runner while it lives
{base}/{execution id}/events.jsonl   the history
{base}/{execution id}/snapshot.json  a cache
{base}/{execution id}/index          where batches begin in a long history, a cache
{base}/{execution id}/inbox.jsonl    messages to the execution
{base}/{execution id}/owner          which runner may append
{base}/{execution id}/*.torn-{n}     what an append or a message left that was cut short
{base}/{execution id}/*.damaged-{n}  what a repair cut out
{base}/.deleted-*                    an execution whose removal was cut short
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path

from engine.model.ids import InvalidIdError, validate_execution_id
from engine.store import ForeignStoreError, StoreNotFoundError
from stores.files import MISSING, is_empty, is_regular, make_store_folder, open_inside, write_all

EVENTS = "events.jsonl"
SNAPSHOT = "snapshot.json"
INDEX = "index"
INBOX = "inbox.jsonl"
OWNER = "owner"
OWNERS = "owners"
CHANGES = "changes"
DELETED = ".deleted-"
_RESERVED = frozenset({OWNERS, CHANGES})


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
    if is_regular(folder / CHANGES):
        return True
    with os.scandir(folder) as entries:
        return any(
            is_regular(Path(entry.path, EVENTS))
            for entry in entries
            if is_folder_name(entry.name) and entry.is_dir(follow_symlinks=False)
        )


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
    make_store_folder(base, [CHANGES])


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
