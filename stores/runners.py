"""Which runners live.

A runner holds the exclusive lock of its own file in a store's folder of runners for as long as its process lives; the
system takes the lock away when the process dies, however it dies. The lock of another host's runner says nothing here,
so such a runner is never taken for dead.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import weakref
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from engine.model.ids import InvalidIdError
from engine.store import OwnedError, StoreError
from stores.checks import check_runner
from stores.files import BusyError, is_linked, make_folder, open_inside, reading, write_all

HOST = socket.gethostname()
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})


class Owner(NamedTuple):
    """The runner an execution belongs to."""

    runner: str
    host: str


class Living(NamedTuple):
    """Who lives, as seen from one host at one moment."""

    host: str
    runners: frozenset[str]
    """Of this host."""

    def includes(self, owner: Owner | None) -> bool:
        """Whether a runner lives; one of another host is taken to."""
        return owner is not None and (owner.host != self.host or owner.runner in self.runners)


class Runners:
    """The runners of one store, and the locks of this process's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: dict[str, int] = {}
        _all.add(self)

    @staticmethod
    def here(runner_id: str) -> Owner:
        """A runner of this host.

        Raises:
            InvalidIdError: it cannot be a runner's id.
        """
        return Owner(check_runner(runner_id), HOST)

    def begin_life(self, runner_id: str) -> Owner:
        """Take the lock of a runner of this process, unless it is held already, and say who it is.

        Raises:
            InvalidIdError: it cannot be a runner's id.
            BusyError: a runner of this id lives in another process.
            OSError: the lock's file cannot be made.
        """
        me = self.here(runner_id)
        if runner_id in self._locks:
            return me
        make_folder(self._folder)
        self._bury_the_dead()
        while True:
            fd = open_inside(self._folder, runner_id, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Somebody who took the new file for a dead runner's may have removed it before we had the lock.
                if is_linked(fd, self._folder / runner_id):
                    os.ftruncate(fd, 0)
                    write_all(fd, orjson.dumps({"pid": os.getpid(), "host": HOST}) + b"\n")
                    self._locks[runner_id] = fd
                    return me
            except BlockingIOError:
                raise BusyError(f"runner {runner_id} is already alive in another process") from None
            finally:
                if self._locks.get(runner_id) != fd:
                    os.close(fd)

    def is_live(self, owner: Owner) -> bool:
        """Whether a runner lives; one of another host is taken to."""
        return owner.host != HOST or self._is_locked(owner.runner)

    def live(self) -> frozenset[str]:
        """Ids of the runners of this host that live."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return frozenset()
        return frozenset(filter(self._is_locked, names))

    def living(self) -> Living:
        """Who lives now."""
        return Living(HOST, self.live())

    def check_free(self, execution_id: str, owner: Owner | None, *, take_over: bool = False) -> None:
        """See to it that no runner that lives owns an execution; `take_over`: one of another host is taken for dead.

        Raises:
            OwnedError: one does, or may for all we know.
        """
        if owner is None or not self.is_live(owner) or (take_over and owner.host != HOST):
            return
        seen = "which is alive" if owner.host == HOST else "whose life cannot be seen from here"
        raise OwnedError(f"execution {execution_id} belongs to {owner.runner} on {owner.host}, {seen}")

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

    def _is_locked(self, runner_id: str) -> bool:
        try:
            # Shared, so that two who ask at once do not take each other for the runner.
            with reading(self._folder, check_runner(runner_id)) as fd:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno in _NOT_THERE:
                return False
            raise  # nobody can be said to be dead whose lock could not be tried
        except (StoreError, InvalidIdError):
            return False
        return False

    def _bury_the_dead(self) -> None:
        """Remove the files of this host's dead runners."""
        for path in self._folder.iterdir():
            with suppress(OSError, StoreError), reading(self._folder, path.name) as fd:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _host_of(os.pread(fd, 4096, 0)) in (HOST, None) and is_linked(fd, path):
                    path.unlink()


def _host_of(content: bytes) -> str | None:
    try:
        return str(orjson.loads(content)["host"])
    except (ValueError, TypeError, KeyError):
        return None


_all: weakref.WeakSet[Runners] = weakref.WeakSet()


def _after_fork() -> None:
    for runners in list(_all):
        runners.forget_after_fork()


os.register_at_fork(after_in_child=_after_fork)
