"""What people read: styled lines through rich, and JSON for scripts. All text is made safe to show in one place."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TextIO

import orjson

from dive_tui.app import glyphs
from dive_tui.app.text import display_lines, display_text, ellipsis, human_duration, set_ascii
from dive_tui.widgets.events.event_words import look_of, says
from engine.model.events import ExecutionEvent

Piece = str | tuple[str, str]
"""Any text, alone or with a rich style."""

PIPE_WIDTH = 120
"""Cells of a line where there is no terminal and COLUMNS says nothing."""

_UNBROKEN = 4_000
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z|\A\Z")

STATUS_STYLES = {
    "completed": "green",
    "failed": "red",
    "running": "blue",
    "retrying": "blue",
    "waiting": "yellow",
    "paused": "yellow",
    "interrupted": "yellow",
    "skipped": "dim",
    "cancelled": "dim",
    "pending": "dim",
    "continued": "green",
}

PALETTE = {"ok": "green", "failed": "red", "running": "blue", "waiting": "yellow", "accent": "magenta", "dim": "dim"}
"""What the app's names of colours are in rich; `text` and others are plain."""

# Characters that act on a terminal, hide or reorder text, and that JSON would allow to stand as they are.
_RAW = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


class Printer:
    """Writes lines to a stream; every string it is given passes `display_text`.

    rich is loaded with the first of them: scripts that ask for JSON need not wait for it.
    """

    def __init__(self, file: TextIO | None = None, *, ascii_only: bool = False) -> None:
        from rich.console import Console

        class Lines(Console):
            def on_broken_pipe(self) -> None:
                raise  # rich would end the process, but what is printed may be the least of what it does

        stream = file or sys.stdout
        can_show = (stream.encoding or "").lower().replace("-", "") == "utf8"
        self.glyphs = glyphs.choose(True if ascii_only or not can_show else None)
        set_ascii(self.glyphs.ascii)
        given = _given_width()
        # Without a terminal lines are for programs that read lines: they are not broken.
        self._wrap = given or (None if stream.isatty() else _UNBROKEN)
        self.console = Lines(
            file=stream,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            width=given or (None if stream.isatty() else PIPE_WIDTH),
        )

    @property
    def width(self) -> int:
        """Cells of a line."""
        return self.console.width

    def line(self, *pieces: Piece) -> None:
        """One line of pieces side by side; too long, the terminal wraps it."""
        from rich.text import Text

        text = Text()
        for piece in pieces:
            value, style = (piece, "") if isinstance(piece, str) else piece
            text.append(display_text(value), style)
        self.console.print(text)

    def block(self, value: str, *, indent: int = 0, style: str = "", most: int | None = None) -> None:
        """A text of several lines, wrapped to the width; at most so many of them."""
        width = max(20, (self._wrap or self.width) - indent)
        for number, shown in enumerate(_wrapped(value, width)):
            if most is not None and number >= most:
                self.line(" " * indent, (f"{ellipsis()} more with --json", "dim"))
                return
            self.line((" " * indent + shown, style))

    def heading(self, title: str) -> None:
        """An empty line and a title."""
        self.console.print()
        self.line((title, "bold"))

    def values(self, record: Iterable[tuple[str, Any]], *, indent: int = 2, most: int = 12) -> None:
        """Names with their JSON values, a line each, or the value below its name where it is longer."""
        entries = [(display_text(name), value) for name, value in record]
        room = min(24, max((len(name) for name, _ in entries), default=0))
        for name, value in entries:
            self.value((name.ljust(room), "cyan"), value, indent=indent, most=most)

    def value(self, label: tuple[str, str], value: Any, *, indent: int = 2, most: int = 12) -> None:
        """A JSON value behind its label if that fits into the line, else below it, at most so many lines of it."""
        compact = json_text(value)
        if indent + len(label[0]) + 2 + len(compact) <= self.width:
            self.line(" " * indent, label, "  ", compact)
        else:
            self.line(" " * indent, label)
            long = value if isinstance(value, str) else json_text(value, indented=True)
            self.block(long, indent=indent + 2, most=most)

    def status(self, status: str, *, loud: bool = False) -> tuple[str, str]:
        """A status as glyph and word."""
        word = status.upper() if loud else status
        return f"{self.glyphs.status_cell(status)} {word}", STATUS_STYLES.get(status, "")

    def event(self, event: ExecutionEvent) -> tuple[Piece, str, str, Piece]:
        """An event in four parts: what happened, on which path, in which step, and what it says of it."""
        look = look_of(event.event_type)
        glyph: str = getattr(self.glyphs, look.glyph)
        said = says(event, self.glyphs)
        style = "red" if any(name == "failed" for _, name in said) else ""
        text = "  ".join(one_line(text) for text, _ in said)
        what = (f"{glyph.ljust(2 if self.glyphs.ascii else 1)} {look.words}", PALETTE.get(look.style, ""))
        return what, event.path_id, event.step_name, (text, style)

    def within(self, *names: str) -> str:
        """Names from the outer to the inner: `main › Charge Card`."""
        return f" {self.glyphs.within} ".join(name for name in names if name)

    def beside(self, *facts: str) -> str:
        """Facts in a row, empty ones left out: `21 events · 3 paths`."""
        return f" {self.glyphs.separator} ".join(fact for fact in facts if fact)

    def short_id(self, execution_id: str) -> str:
        """How lists show an id."""
        return ellipsis() + execution_id[-5:]

    def hints(self, *commands: str, label: str = "Look") -> None:
        """What to type next."""
        before = f"{label}: "
        together = self.beside(*commands)
        fits = len(together) + len(before) <= self.width
        for number, command in enumerate([together] if fits else commands):
            self.line((before if number == 0 else " " * len(before), "dim"), command)

    def ways_on(self, commands: Sequence[str]) -> None:
        """What lets an execution go on, one command after the other."""
        for number, command in enumerate(commands):
            self.line(("Go on: " if number == 0 else " then: ", "dim"), command)


def _wrapped(value: str, width: int) -> Iterator[str]:
    for found in _LINE.finditer(value):
        line = found[0].removesuffix("\n")
        if len(line) <= width and line.isascii() and line.isprintable():  # as nearly all are
            yield line
        else:
            yield from display_lines(line, width)


def _given_width() -> int | None:
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdigit() and int(given) > 0 else None


def json_text(value: Any, *, indented: bool = False) -> str:
    """A value as JSON."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 if indented else 0).decode()


def json_bytes(value: Any, *, indented: bool = True) -> bytes:
    """JSON as one line or indented, with its line end; whatever it holds, it does nothing to a terminal."""
    text = _RAW.sub(lambda found: json.dumps(found[0])[1:-1], json_text(value, indented=indented))
    return text.encode() + b"\n"


def print_json(value: Any, *, indented: bool = True) -> None:
    """Write JSON to stdout, in UTF-8 whatever the locale."""
    sys.stdout.buffer.write(json_bytes(value, indented=indented))


def shown_duration(seconds: float | None) -> str:
    """A duration as prose has it: `40 ms`, `12.4 s`, `3m20`."""
    return re.sub(r"(?<=\d)(ms|s)\Z", r" \1", human_duration(seconds))


def shown_time(timestamp: str, now: datetime | None = None) -> str:
    """A recorded time in the local zone: the time of day, of another day the date before it."""
    try:
        moment = datetime.fromisoformat(timestamp).astimezone()
    except (ValueError, OverflowError):
        return timestamp
    today = (now or datetime.now().astimezone()).date()
    return moment.strftime("%H:%M:%S" if moment.date() == today else "%Y-%m-%d %H:%M:%S")


def one_line(text: str) -> str:
    """The beginning of a text, its line breaks as spaces."""
    return " ".join(text[:2_000].split())


def typed(command: str, *words: str, store: str | None = None) -> str:
    """A `dive-tui` command as a person would type it; the store only where one had been named."""
    named = ["--store", store] if store is not None else []
    return shlex.join(["dive-tui", command, *words, *named])


def last_frame(traceback: str, *, home: str | None = None) -> str:
    """`pay.py:41`: where a traceback's error was raised, in the code of the project if it passed through it."""
    frames: Sequence[tuple[str, str]] = re.findall(r'^ *File "([^"\n]+)", line (\d+)', traceback, re.MULTILINE)
    if not frames:
        return ""
    own = [frame for frame in frames if not _is_library(frame[0])]
    file, line = (own or frames)[-1]
    relative = os.path.relpath(file, home or os.getcwd()) if os.path.isabs(file) else file  # noqa: PTH109, PTH117
    return f"{os.path.basename(file) if relative.startswith('..') else relative}:{line}"  # noqa: PTH119


def _is_library(file: str) -> bool:
    return file.startswith(("<", sys.prefix, sys.base_prefix)) or "site-packages" in file
