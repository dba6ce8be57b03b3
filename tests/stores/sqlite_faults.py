"""A layer between SQLite and the files, in which the n-th call that changes a file goes wrong."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from typing import Any

import apsw

LAYER = "faulty"
OS_CALLS = ("write", "pwrite", "fsync", "fdatasync", "mkdir", "replace", "ftruncate", "unlink")
"""What our own code changes files by: those of owners and changes."""


class Faults:
    """Counts the calls of SQLite and ours, and lets the one that was ordered go wrong.

    Kinds: `none`; `kill` before the call; `tear`: kill after half of what a write should write; `full` and `broken`:
    fail with ENOSPC or EIO, writes after half; `full for ever`, `broken for ever`: from then on.
    """

    def __init__(self, kind: str, call: int) -> None:
        self.kind, self.call = kind, call
        self.count = 0
        self.active = False
        for name in OS_CALLS:
            setattr(os, name, self._wrapped(getattr(os, name)))
        self.layer = _Layer(self)

    def due(self) -> bool:
        """Count a call; whether it should go wrong."""
        if not self.active:
            return False
        self.count += 1
        return self.count == self.call or (self.kind.endswith("for ever") and self.count > self.call)

    def strike(self, write_half: Callable[[], object] | None = None) -> None:
        """Let a call go wrong; `write_half` when it is a write. Returns when this kind of fault passes it by."""
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if write_half is not None:
            write_half()
        if self.kind == "tear" and write_half is not None:
            os.kill(os.getpid(), signal.SIGKILL)

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.due():
                self.strike()
                if self.kind.startswith(("full", "broken")):
                    number = errno.ENOSPC if self.kind.startswith("full") else errno.EIO
                    raise OSError(number, os.strerror(number))
            return original(*args, **kwargs)

        return call


class _Layer(apsw.VFS):
    def __init__(self, faults: Faults) -> None:
        super().__init__(LAYER, "unix", makedefault=True)
        self._faults = faults

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self._faults, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        if self._faults.due():
            self._faults.strike()
            _fail(self._faults.kind, apsw.SQLITE_IOERR_DELETE)
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(self, faults: Faults, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._faults = faults

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._faults.due():
            data = bytes(data)
            self._faults.strike(lambda: super(_File, self).xWrite(data[: len(data) // 2], offset))
            _fail(self._faults.kind, apsw.SQLITE_IOERR_WRITE)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        # No power is lost here, so syncing, which takes longest, is left out; it may still be died at, or fail.
        if self._faults.due():
            self._faults.strike()
            _fail(self._faults.kind, apsw.SQLITE_IOERR_FSYNC)

    def xTruncate(self, newsize: int) -> None:
        if self._faults.due():
            self._faults.strike()
            _fail(self._faults.kind, apsw.SQLITE_IOERR_TRUNCATE)
        super().xTruncate(newsize)


def _fail(kind: str, extended: int) -> None:
    if kind.startswith("full"):
        raise apsw.FullError("no space is left")
    if kind.startswith("broken"):
        error = apsw.IOError("the disk is broken")
        error.extendedresult = extended
        raise error
