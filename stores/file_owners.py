"""Which runner may append to an execution, and whether that runner lives.

A runner holds the exclusive lock of its own file in `owners/` for as long as its process lives; the system takes the
lock away when the process dies, however it dies. An execution's file `owner` names the runner and its host. The lock
of another host's runner says nothing here, so such a runner is never taken for dead.
"""

from __future__ import annotations

import fcntl
import os
import socket
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from engine.model.ids import InvalidIdError
from engine.store import OwnedError, StoreError
from stores.checks import check_runner
from stores.file_layout import (
    OWNER,
    OWNERS,
    BusyError,
    is_linked,
    locked,
    make_folder,
    open_inside,
    reading,
    replace_file,
    write_all,
)

_HOST = socket.gethostname()


class Owner(NamedTuple):
    """The runner an execution belongs to."""

    runner: str
    host: str


class Owners:
    """Ownership in one store, and the locks of this process's own runners."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._folder = base / OWNERS
        self._locks: dict[str, int] = {}
        _all_owners.add(self)

    def acquire(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> bool:
        """Make this runner the owner; False when it already was. `take_over`: also after a runner of another host.

        Raises:
            OwnedError: another runner that lives owns it, or may for all we know.
        """
        self._begin_life(runner_id)
        make_folder(self._base / execution_id)
        mine = Owner(runner_id, _HOST)
        with self._deciding(execution_id) as current:
            if current == mine:
                return False
            if current is not None and self.is_live(current) and not (take_over and current.host != _HOST):
                raise _owned(execution_id, current)
            record = orjson.dumps({"runner": mine.runner, "host": mine.host})
            replace_file(self._base / execution_id, OWNER, record + b"\n")
        return True

    def release(self, execution_id: str, runner_id: str) -> bool:
        """Give ownership up; False when this runner is not the owner."""
        check_runner(runner_id)
        if self.owner_of(execution_id) != Owner(runner_id, _HOST):
            return False
        with self._deciding(execution_id) as current:
            if current != Owner(runner_id, _HOST):
                return False
            (self._base / execution_id / OWNER).unlink()
        return True

    @contextmanager
    def unowned(self, execution_id: str) -> Iterator[None]:
        """Meanwhile nobody can become the owner of the execution.

        Raises:
            OwnedError: a runner that lives owns it.
        """
        with self._deciding(execution_id) as current:
            if current is not None and self.is_live(current):
                raise _owned(execution_id, current)
            yield

    def owner_of(self, execution_id: str) -> Owner | None:
        """Who owns an execution, alive or not."""
        try:
            fd = os.open(f"{self._base}/{execution_id}/{OWNER}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                return _parse(_content(fd))
            finally:
                os.close(fd)
        except OSError:
            return None

    def is_live(self, owner: Owner) -> bool:
        """Whether a runner lives; one of another host is taken to."""
        return owner.host != _HOST or self._is_locked(owner.runner)

    def live_runners(self) -> frozenset[str]:
        """Ids of the runners of this host that live."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return frozenset()
        return frozenset(filter(self._is_locked, names))

    def close(self) -> None:
        """End the life of this process's runners; what they still own can be taken over."""
        for runner_id, fd in self._locks.items():
            with suppress(OSError):
                (self._folder / runner_id).unlink()
            os.close(fd)
        self._locks.clear()

    def forget_after_fork(self) -> None:
        """In a forked child: let go of the copies of the parent's locks, or they would outlive the parent."""
        for fd in self._locks.values():
            os.close(fd)
        self._locks.clear()

    @contextmanager
    def _deciding(self, execution_id: str) -> Iterator[Owner | None]:
        """The present owner, which meanwhile only we can change."""
        folder = self._base / execution_id
        while True:
            fd = open_inside(folder, OWNER, os.O_RDWR | os.O_CREAT)
            try:
                with locked(fd, f"the ownership of {execution_id}"):
                    # Whoever held the lock before us may have put another file in this one's place.
                    if is_linked(fd, folder / OWNER):
                        yield _parse(_content(fd))
                        return
            finally:
                os.close(fd)

    def _begin_life(self, runner_id: str) -> None:
        check_runner(runner_id)
        if runner_id in self._locks:
            return
        make_folder(self._folder)
        self._bury_the_dead()
        while True:
            fd = open_inside(self._folder, runner_id, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Somebody who took the new file for a dead runner's may have removed it before we had the lock.
                if is_linked(fd, self._folder / runner_id):
                    os.ftruncate(fd, 0)
                    write_all(fd, orjson.dumps({"pid": os.getpid(), "host": _HOST}) + b"\n")
                    self._locks[runner_id] = fd
                    return
            except BlockingIOError:
                raise BusyError(f"runner {runner_id} is already alive in another process") from None
            finally:
                if self._locks.get(runner_id) != fd:
                    os.close(fd)

    def _is_locked(self, runner_id: str) -> bool:
        try:
            # Shared, so that two who ask at once do not take each other for the runner.
            with reading(self._folder, check_runner(runner_id)) as fd:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except (OSError, StoreError, InvalidIdError):
            return False
        return False

    def _bury_the_dead(self) -> None:
        """Remove the files of this host's dead runners."""
        for path in self._folder.iterdir():
            with suppress(OSError, StoreError), reading(self._folder, path.name) as fd:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _host_of(_content(fd)) in (_HOST, None) and is_linked(fd, path):
                    path.unlink()


def _owned(execution_id: str, owner: Owner) -> OwnedError:
    seen = "which is alive" if owner.host == _HOST else "whose life cannot be seen from here"
    return OwnedError(f"execution {execution_id} belongs to runner {owner.runner} on {owner.host}, {seen}")


def _content(fd: int) -> bytes:
    return os.pread(fd, 4096, 0)  # more than that is not ours


def _parse(content: bytes) -> Owner | None:
    try:
        record = orjson.loads(content)
        return Owner(check_runner(record["runner"]), str(record["host"]))
    except (ValueError, TypeError, KeyError):
        return None


def _host_of(content: bytes) -> str | None:
    try:
        return str(orjson.loads(content)["host"])
    except (ValueError, TypeError, KeyError):
        return None


_all_owners: weakref.WeakSet[Owners] = weakref.WeakSet()


def _after_fork() -> None:
    for owners in list(_all_owners):
        owners.forget_after_fork()


os.register_at_fork(after_in_child=_after_fork)
