"""Runs a program in a pseudo terminal with an emulated screen, for tests of what really reaches a terminal.

    with TerminalApp([sys.executable, "-m", "some.app"], columns=80, rows=24) as app:
        app.wait_for("ready")
        app.press("j", "enter")
        app.wait_until(lambda screen: "row 2" in screen.text)
        assert not app.unexpected_controls()

Everything the program wrote is kept in ``raw``. Nothing here sleeps: waiting is on the program's output.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "backspace": "\x7f",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
    "ctrl+c": "\x03",
    "ctrl+p": "\x10",
    "ctrl+q": "\x11",
}

# What Textual writes: styles, cursor moves, erasing, modes and mode queries, the keyboard protocol, window reports,
# and the shape of the mouse pointer.
_EXPECTED = re.compile(
    rb"\x1b\[[0-9;:]*[mHJKABCDG]"
    rb"|\x1b\[\?[0-9;]+[hl]"
    rb"|\x1b\[\?[0-9]+\$p"
    rb"|\x1b\[[<>=][0-9;]*u"
    rb"|\x1b\[\?u"
    rb"|\x1b\[[0-9;]*t"
    rb"|\x1b[78]"
    rb"|\x1b\]22;[a-z-]*\x07"
    rb"|[\r\n]"
)
_CONTROL = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?|[\x00-\x1f\x7f]", re.DOTALL
)
# Valid sequences that the emulator would print as text.
_NOT_EMULATED = re.compile(rb"\x1b\[[<>=][0-9;]*u|\x1b\[\?u|\x1b\[\?[0-9]+\$p|\x1b\[[0-9;]*t")
_PENDING = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*)?$")
# C1 controls and characters that reorder or hide text, in UTF-8.
_HIDDEN = re.compile("[\x80-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


class View:
    """What the emulated screen shows at one moment."""

    def __init__(self, screen: pyte.Screen) -> None:
        self._screen = screen
        self._lines: dict[int, str] = {}

    def line(self, y: int) -> str:
        """One line, without the blanks at its end."""
        if y not in self._lines:
            # Not `Screen.display`: it fails on half a wide character that something was drawn over, which is blank.
            row = self._screen.buffer[y]
            self._lines[y] = "".join([row[x].data for x in range(self._screen.columns)]).rstrip()
        return self._lines[y]

    @property
    def lines(self) -> list[str]:
        """All lines."""
        return [self.line(y) for y in range(self._screen.lines)]

    @property
    def text(self) -> str:
        """All lines as one text."""
        return "\n".join(self.lines)

    def line_with(self, text: str) -> str:
        """The first line that holds ``text``; empty when none does."""
        return next((line for line in self.lines if text in line), "")


class TerminalApp:
    """One program in its own pseudo terminal."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._timeout = timeout
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._unfed = b""
        self._raw = bytearray()
        self._master, follower = pty.openpty()
        self._set_size(columns, rows)
        base = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES", "CI")}
        self._state = tempfile.TemporaryDirectory(prefix="dive-tui-state-")  # what the app remembers of its user
        settings = {
            "XDG_STATE_HOME": self._state.name,
            "XDG_CONFIG_HOME": self._state.name,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "TEXTUAL_ANIMATIONS": "none",
        }
        self.process = subprocess.Popen(
            list(argv),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=cwd,
            env={**base, **settings, **(env or {})},
            start_new_session=True,
        )
        os.close(follower)

    def __enter__(self) -> TerminalApp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def raw(self) -> bytes:
        """Every byte the program has written so far."""
        return bytes(self._raw)

    def screen(self) -> View:
        """What is on the screen now."""
        view = View(self._screen)
        view.lines  # read now, before anything changes the screen
        return view

    def cell_at(self, row: int, column: int) -> pyte.screens.Char:
        """The cell there: its character (``data``), colours and attributes."""
        return self._screen.buffer[row][column]

    def send(self, data: str | bytes) -> None:
        """Type these characters as they are."""
        pending = data.encode() if isinstance(data, str) else data
        while pending:
            pending = pending[os.write(self._master, pending) :]

    def press(self, *keys: str) -> None:
        """Press keys one after another, by name (``enter``, ``pagedown``) or as the character."""
        for key in keys:
            self.send(KEYS.get(key, key))

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, as a person dragging the window would."""
        self._screen.resize(rows, columns)
        self._set_size(columns, rows)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def wait_until(self, holds: Callable[[View], bool], *, timeout: float | None = None) -> View:
        """Read output until ``holds(screen)``; fails with the screen shown when it ends or the time is up first."""
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        while True:
            if holds(View(self._screen)):
                return self.screen()
            if not self._read(deadline):
                raise AssertionError(f"the screen never came to show it:\n{self.screen().text}")

    def wait_for(self, text: str, *, timeout: float | None = None) -> View:
        """Read output until the screen shows ``text``."""
        return self.wait_until(lambda view: text in view.text, timeout=timeout)

    def wait_for_exit(self, *, timeout: float | None = None) -> int:
        """Read output until the program ends; its exit code."""
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        while self._read(deadline):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def unexpected_controls(self) -> list[str]:
        """Every control sequence, C1 control or text-reordering character written that no drawing needs."""
        raw = self.raw
        found = [match[0] for match in _CONTROL.finditer(raw) if not _EXPECTED.fullmatch(match[0])]
        hidden = _HIDDEN.findall(raw.decode("utf-8", errors="replace"))
        return [repr(item) for item in [*found, *hidden]]

    def close(self) -> None:
        """End the program, if it still runs, and the terminal."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        self._state.cleanup()

    def _read(self, deadline: float) -> bool:
        """Take in more output; false at its end or when the time is up."""
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not select.select([self._master], [], [], remaining)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the program closed its side
            return False
        self._raw += data
        self._feed(data)
        return bool(data)

    def _feed(self, data: bytes) -> None:
        """Hand output to the emulator, without sequences it does not know, which may come in pieces."""
        data = self._unfed + data
        pending = _PENDING.search(data)
        keep = len(data) if pending is None else pending.start()
        self._unfed = data[keep:]
        self._stream.feed(_NOT_EMULATED.sub(b"", data[:keep]))

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
