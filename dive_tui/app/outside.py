"""Reading a text in the person's own pager or editor, while the app stands aside.

What a pager is given holds no escape sequences: many are set up to let them through to the terminal. The file lies in
a folder of its own that only its owner can read, and is gone when the program ends; what is changed in it is not
taken back.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dive_tui.app.text import display_text

if TYPE_CHECKING:
    from textual.app import App

VARIABLES = ("PAGER", "VISUAL", "EDITOR")
"""Environment variables that name a program, in the order in which they are looked at."""
_COMMON = ("less", "more", "vi", "nano")
_SHOWS_NOTHING = frozenset({"cat", "true"})
_NO_MODELINES = ("--cmd", "set nomodeline")
"""A text may hold lines that these editors take for settings."""
_WITH_MODELINES = frozenset({"vim", "nvim", "gvim", "view"})


class OutsideError(Exception):
    """A text cannot be shown outside; the sentence says why."""


def program(environment: Mapping[str, str]) -> list[str]:
    """The command line of the pager or editor to use.

    Raises:
        OutsideError: there is none, or a variable names one that is not there.
    """
    for variable in VARIABLES:
        try:
            words = shlex.split(environment.get(variable, ""))
        except ValueError as problem:
            raise OutsideError(f"${variable} makes no sense as a command line: {problem}.") from None
        if not words or Path(words[0]).name in _SHOWS_NOTHING:
            continue
        if shutil.which(words[0], path=environment.get("PATH")) is None:
            raise OutsideError(f"${variable} names {words[0]}, and there is no such program.")
        return [*words, *(_NO_MODELINES if Path(words[0]).name in _WITH_MODELINES else ())]
    found = next((name for name in _COMMON if shutil.which(name, path=environment.get("PATH"))), None)
    if found is None:
        raise OutsideError("There is neither a pager nor an editor here: name one in $PAGER or $EDITOR.")
    return [found]


def harmless(text: str) -> str:
    """The text with everything visible that could act on a terminal; lines stay lines."""
    return "\n".join(display_text(line, max_cells=16 * len(line) + 16) for line in text.split("\n"))


def show(app: App[Any], text: str, name: str, environment: Mapping[str, str] = os.environ) -> None:
    """Show a text in the person's program, as a file of that name, and come back when it ends. Blocks.

    Raises:
        OutsideError: there is no program, the terminal cannot be handed over, the program fails, or no file can be
            written.
    """
    from textual.app import SuspendNotSupported

    command = program(environment)
    try:
        with _file_with(text, name) as file, app.suspend(), _interrupts_for_it():
            ended = subprocess.run([*command, str(file)], check=False)
    except SuspendNotSupported:
        raise OutsideError("This terminal cannot be handed over to another program.") from None
    except OSError as error:
        raise OutsideError(f"{command[0]} could not be started: {error.strerror or error}.") from None
    if ended.returncode < 0:
        raise OutsideError(f"{command[0]} was ended by signal {-ended.returncode}.")
    if ended.returncode:
        raise OutsideError(f"{command[0]} ended with exit code {ended.returncode}.")


@contextmanager
def _file_with(text: str, name: str) -> Iterator[Path]:
    """A file with the text that only its owner can read, as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="dive-tui-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o400)
        yield file


@contextmanager
def _interrupts_for_it() -> Iterator[None]:
    """Leave ctrl+c to the program that has the terminal: it reaches every process there, ours too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A function, not SIG_IGN: that the program would inherit.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
