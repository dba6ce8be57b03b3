"""What every command that executes shares: how long to stay, signals of the system, stdout for JSON, exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Annotated, Any, NoReturn

from cyclopts import Parameter

from dive_tui.cli.main import INTERRUPTED
from dive_tui.cli.problems import UsageError
from dive_tui.cli.selecting import user_name
from engine.lifecycle.engine import Engine
from engine.model.durations import parse_duration

LINGER = "60s"
Linger = Annotated[str, Parameter(metavar="DURATION", show_default=True)]
NOT_ENDED = 3
"""Waiting, paused, or run by somebody else."""
_CODES = {"completed": 0, "failed": 1, "cancelled": 1, "continued": 0}
_ASK_AGAIN = 0.1


def exit_code_of(status: str) -> int:
    """The exit code for an execution that came to this."""
    return _CODES.get(status, NOT_ENDED)


def linger_seconds(text: str) -> float:
    """What `--linger` asks for, in seconds.

    Raises:
        UsageError: it is no duration.
    """
    try:
        return parse_duration(text)
    except ValueError as problem:
        raise UsageError(f"--linger: {problem}") from None


class Interruptions:
    """What the first signal of the system asks for; the second ends the process at once, interrupted.

    SIGTERM stops so that everything can be gone on with; Ctrl-C does too, or cancels where one execution is driven for
    a person. Plain signal handlers, not the loop's: they work while an action keeps the loop busy.
    """

    def __init__(self, engine: Engine, *, cancels: bool) -> None:
        self.received: signal.Signals | None = None
        self._engine = engine
        self._cancels = cancels
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, Any] = {}
        self._again: asyncio.TimerHandle | None = None

    def __enter__(self) -> Interruptions:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._arrived) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._again is not None:
            self._again.cancel()

    @property
    def cancelling(self) -> bool:
        """Whether Ctrl-C asked for a cancellation."""
        return self._cancels and self.received == signal.SIGINT

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(INTERRUPTED)
        self.received = signal.Signals(number)
        said = (
            b"cancelling; once more ends at once, without recording it\n"
            if self.cancelling
            else b"stopping when what is in flight has finished; once more ends at once\n"
        )
        os.write(2, (b"\n" if os.isatty(2) else b"") + said)
        self._loop.call_soon_threadsafe(self._ask)

    def _ask(self) -> None:
        if self.cancelling:
            self._engine.cancel_all(user_name(), "Ctrl-C")
        else:
            self._engine.stop()
        # Again until it is over: what was only being taken up has not heard of it.
        self._again = self._loop.call_later(_ASK_AGAIN, self._ask)


def reserve_stdout() -> Callable[[bytes], None]:
    """Keep stdout for one piece of JSON; whatever else this process or a child of it writes there goes to stderr.

    For good: an action that was left behind in its thread may print until the very end.
    """
    sys.stdout.flush()
    reserved = os.dup(1)
    os.dup2(2, 1)

    def write(content: bytes) -> None:
        with open(reserved, "wb") as stdout, contextlib.suppress(BrokenPipeError):  # noqa: PTH123 - a descriptor
            stdout.write(content)
            stdout.flush()

    return write


def leave(code: int) -> NoReturn:
    """End now: threads of actions that were cancelled could hold up, or spoil, an orderly exit."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)
