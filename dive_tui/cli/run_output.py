"""Where `run` writes: lines on stdout, what steps print on stderr, and below both a line that says what goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from dive_tui.app.text import display_text
from dive_tui.cli.printing import Piece, Printer


class RunOutput:
    """Written to from the loop and from the threads of actions. A reader who has gone does not matter: the run goes on.

    Without a printer there is nothing on stdout.
    """

    def __init__(self, printer: Printer | None) -> None:
        self._printer = printer
        # As they are now: while steps run, what goes through `sys` is captured.
        self._stdout, self._stderr = sys.stdout, sys.stderr
        self._lock = threading.RLock()
        self._unfinished: dict[tuple[int, int], str] = {}
        terminal = printer is not None and self._stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")
        self._status = _StatusLine(self._stdout) if terminal else None

    def line(self, *pieces: Piece) -> None:
        """A line on stdout."""
        if self._printer is not None:
            with self._writing():
                self._printer.line(*pieces)
                self._stdout.flush()

    def going_on(self, text: str) -> None:
        """What to say below everything else, where there is a terminal."""
        with self._lock, contextlib.suppress(OSError):
            if self._status is not None and self._printer is not None:
                self._status.show(display_text(text, max_cells=self._printer.width - 1))

    def echo(self, text: str) -> None:
        """Pass what a step prints on to stderr, by whole lines."""
        writer = (threading.get_ident(), id(_current_task()))
        with self._lock:
            *lines, rest = (self._unfinished.pop(writer, "") + text).split("\n")
            if rest:
                self._unfinished[writer] = rest
            for line in lines:
                self._pass_on(line)

    def note(self, text: str) -> None:
        """A line on stderr that no step printed."""
        with self._lock:
            self._pass_on(text)

    def end_lines(self) -> None:
        """Pass on what stands in unfinished lines."""
        with self._lock:
            for rest in self._unfinished.values():
                self._pass_on(rest)
            self._unfinished.clear()

    def finish(self) -> None:
        """From now on others may write."""
        self.end_lines()
        with self._lock, contextlib.suppress(OSError):
            if self._status is not None:
                self._status.hide()
            self._status = None

    def _pass_on(self, line: str) -> None:
        with self._writing():
            self._stderr.write(display_text(line) + "\n")
            self._stderr.flush()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, contextlib.suppress(OSError):
            if self._status is None:
                yield
            else:
                self._status.hide()
                yield
                self._status.show_again()


class _StatusLine:
    """The last line of a terminal, drawn over and over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""

    def show(self, text: str) -> None:
        """Say this from now on."""
        self.hide()
        self._text = text
        self.show_again()

    def hide(self) -> None:
        """Make place for other lines."""
        if self._text:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()

    def show_again(self) -> None:
        """After other lines."""
        if self._text:
            self._stream.write(self._text)
            self._stream.flush()


def _current_task() -> object:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
