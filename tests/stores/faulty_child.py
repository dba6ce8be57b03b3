"""A process that appends in forked children whose n-th call to the system goes wrong.

Reads orders, one JSON object a line: `{"store": FOLDER, "fault": KIND, "call": N, "offload": BOOL}`, and answers each
with `{"acknowledged": [SEQUENCE, …], "calls": [NAME, …], "errors": [TEXT, …], "seen": [[…], …], "signal": NUMBER}`.
The kinds: `none`; `kill` before the call; `tear`: kill after half of what a write should write; `short`: write only
half, and go on; `full`, `broken`: ENOSPC or EIO once; `full for ever`, `broken for ever`: from that call on.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.store import StoreError
from engine.testing.conformance_lists import snapshot_of
from stores.file_store import FileExecutionEventStore
from tests.stores.histories import batches, flat

CHANGING = ("write", "pwrite", "fsync", "fdatasync", "ftruncate", "mkdir", "replace", "unlink", "rmdir")
"""Calls that a process may die at, or that may fail."""
FAILING = ("write", "pwrite", "fsync", "fdatasync", "mkdir", "replace")
HALVES = ("write", "pwrite")
RETRIES = 3


class Faults:
    """Counts the calls, and lets the one that was ordered go wrong."""

    def __init__(self, kind: str, call: int, tell: Callable[[dict[str, Any]], None]) -> None:
        self.kind, self.call, self.tell = kind, call, tell
        self.count = 0
        self.active = True

    def install(self) -> None:
        for name in CHANGING:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        fcntl.flock = self._wrapped("flock", fcntl.flock)

    def _wrapped(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self.active:
                return original(*args, **kwargs)
            self.count += 1
            self.tell({"call": name})
            for_ever = self.kind.endswith("for ever") and self.count >= self.call
            if self.count != self.call and not for_ever:
                return original(*args, **kwargs)
            if self.kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if name in HALVES and self.kind in ("tear", "short"):
                half = args[1][: len(args[1]) // 2]
                written = original(args[0], half, *args[2:])
                if self.kind == "tear":
                    os.kill(os.getpid(), signal.SIGKILL)
                return written
            if name in FAILING and self.kind.startswith(("full", "broken")):
                if name in HALVES and self.kind.startswith("full"):
                    original(args[0], args[1][: len(args[1]) // 2], *args[2:])  # a full disk takes what still fits
                    if not for_ever:
                        original = original  # noqa: PLW0127
                number = errno.ENOSPC if self.kind.startswith("full") else errno.EIO
                raise OSError(number, os.strerror(number))
            return original(*args, **kwargs)

        return call
