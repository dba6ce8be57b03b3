"""What a step prints or logs is kept with the step, whichever thread or task it runs in."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO, cast

Echo = Callable[[str], None]


class StepLog:
    """The last `limit` bytes of text of one attempt; what is written is also handed to `echo`."""

    def __init__(self, limit: int, echo: Echo | None = None) -> None:
        self._limit = limit
        self._echo = echo
        self._pieces: deque[str] = deque()
        self._size = 0

    def write(self, text: str) -> None:
        """Add text, dropping the oldest once the limit is passed."""
        if not text:
            return
        with _writing:
            self._pieces.append(text)
            self._size += len(text)
            while self._pieces and self._size - len(self._pieces[0]) >= self._limit:
                self._size -= len(self._pieces.popleft())
        if self._echo is not None:
            self._echo(text)

    def text(self) -> str:
        """What was kept, as text that JSON can hold."""
        if not self._pieces:
            return ""
        with _writing:
            encoded = "".join(self._pieces).encode("utf-8", "replace")
        return encoded[max(0, len(encoded) - self._limit) :].decode("utf-8", "ignore")


_writing = threading.Lock()
"""One for all logs: each attempt has a log, few are written to, and writing takes a moment."""
_current: ContextVar[StepLog | None] = ContextVar("dive_step_log", default=None)


def attach(log: StepLog) -> None:
    """From now on what this task, and threads started with its context, print and log goes to `log`."""
    _current.set(log)


class _StepStream:
    """Stands in for stdout or stderr: text written inside a step goes to the step's log, all other text through."""

    def __init__(self, original: TextIO) -> None:
        self._original = original

    def write(self, text: str) -> int:
        log = _current.get()
        if log is None:
            return self._original.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        log.write(text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _StepHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log = _current.get()
        if log is None:
            return
        try:
            log.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


_root = logging.getLogger()
_users = 0
_users_lock = threading.Lock()
_handler = _StepHandler(logging.INFO)
_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))


@contextmanager
def captured_output() -> Iterator[None]:
    """While it is open, steps' output is captured in this process; may be nested, and opened by tasks and threads."""
    global _users
    with _users_lock:
        _users += 1
        # Each time anew: steps may have replaced the streams, or taken away the handler, meanwhile.
        sys.stdout, sys.stderr = _captured(sys.stdout), _captured(sys.stderr)
        if _handler not in _root.handlers:
            _root.addHandler(_handler)
    try:
        yield
    finally:
        with _users_lock:
            _users -= 1
            if _users == 0:
                _root.removeHandler(_handler)
                sys.stdout, sys.stderr = _restored(sys.stdout), _restored(sys.stderr)


def _captured(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, _StepStream) else cast("TextIO", _StepStream(stream))


def _restored(stream: TextIO) -> TextIO:
    # Somebody else may have replaced the stream meanwhile; then it is theirs to put back.
    return stream._original if isinstance(stream, _StepStream) else stream
