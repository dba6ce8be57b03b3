"""A store's file of changes: every process that changes an execution adds its id, and whoever watches reads it.

One watched file instead of one per execution. It is a hint, not history: it is not synced, and whoever finds that it
has grown large puts an empty one in its place, after which watchers look at everything.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

from engine.model.ids import is_execution_id
from engine.store import StoreError, StoreNotFoundError
from stores.files import MISSING, open_inside, replace_file

_LIMIT = 1 << 20
_STEP_MS = 5
_DEBOUNCE_MS = 50
_LOOK_EVERY_MS = 1000
_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


class ChangesWriter:
    """The end of the file that a store announces its own changes at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def announce(self, *execution_ids: str) -> None:
        """Tell watchers that executions changed. A failure is logged only: the changes themselves are already done."""
        try:
            self._write("".join(f"{execution_id}\n" for execution_id in execution_ids).encode())
        except OSError as error:
            _log.warning(
                "could not tell watchers of %s about %s: %s", self._path.parent, ", ".join(execution_ids), error
            )

    def close(self) -> None:
        """Close the file; the next announcement opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, line: bytes) -> None:
        while True:
            if self._fd is None:
                self._fd = open_inside(self._path.parent, self._path.name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(self._fd, line)
            status = os.fstat(self._fd)
            if status.st_nlink:
                break
            # Replaced by another process meanwhile, so perhaps nobody read it: say it again in the new file.
            self.close()
        if status.st_size > _LIMIT:
            replace_file(self._path.parent, self._path.name, b"")
            self.close()


class ChangesReader:
    """What is added to the file from now on."""

    _fd: int | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = path.parent.stat()
        self._fd = _open(path)
        self._offset = 0 if self._fd is None else os.fstat(self._fd).st_size

    def news(self) -> frozenset[str] | None:
        """Ids of the executions that changed; empty when they cannot be told; None when there was no change.

        Raises:
            StoreNotFoundError: the store's folder is gone.
        """
        try:
            return self._news()
        except OSError as error:
            raise StoreError(f"cannot follow the changes of the store at {self.path.parent}: {error}") from error

    def _news(self) -> frozenset[str] | None:
        self._check_folder()
        if self._fd is None:
            self._fd = _open(self.path)
            return None if self._fd is None else self._look_at_all()
        status = os.fstat(self._fd)
        if not status.st_nlink or status.st_size < self._offset:
            self.close()
            self._fd = _open(self.path)
            return self._look_at_all()
        content = os.pread(self._fd, status.st_size - self._offset, self._offset)
        whole = content.rfind(b"\n") + 1
        self._offset += whole
        names = content[:whole].decode("ascii", "replace").split("\n")
        return frozenset(filter(is_execution_id, names)) or None

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        self.close()

    def _look_at_all(self) -> frozenset[str]:
        self._offset = 0 if self._fd is None else os.fstat(self._fd).st_size
        return frozenset()

    def _check_folder(self) -> None:
        try:
            same = os.path.samestat(self.path.parent.stat(), self._folder)
        except MISSING:
            same = False
        if not same:
            raise StoreNotFoundError(f"the store at {self.path.parent} is gone")


def _open(path: Path) -> int | None:
    try:
        return open_inside(path.parent, path.name, os.O_RDONLY)
    except FileNotFoundError:
        return None


async def follow(reader: ChangesReader) -> AsyncIterator[frozenset[str]]:
    """The news of a reader as they come, until closed."""
    try:
        async with aclosing(_wakeups(reader.path)) as wakeups:
            waking = asyncio.ensure_future(anext(wakeups))
            try:
                # Waiting begins before the first look, so that no change falls between the two.
                await asyncio.sleep(0)
                while True:
                    news = reader.news()
                    if news is not None:
                        yield news
                    await waking
                    waking = asyncio.ensure_future(anext(wakeups))
            finally:
                await _end(waking)
    finally:
        reader.close()


async def _end(task: asyncio.Future[None]) -> None:
    """Cancel a task and wait until it is over; who is cancelled while waiting is so afterwards, not before."""
    interruption: asyncio.CancelledError | None = None
    task.cancel()
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            interruption = error
    if not task.cancelled():
        task.exception()  # looked at, so that nobody is told that it was not
    if interruption is not None:
        raise interruption


async def _wakeups(path: Path) -> AsyncGenerator[None, None]:
    """Something when the file may have changed, and once a second in any case: a folder can vanish unannounced."""
    from watchfiles import awatch

    try:
        changes = awatch(
            path.parent,
            watch_filter=lambda _, changed: changed.endswith(f"/{path.name}"),
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            rust_timeout=_LOOK_EVERY_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        async with aclosing(changes):
            async for _ in changes:
                yield
    except (OSError, RuntimeError) as error:
        _log.warning(
            "looking at %s every %s s, the system cannot notify of changes: %s", path.parent, _POLL_SECONDS, error
        )
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        yield
