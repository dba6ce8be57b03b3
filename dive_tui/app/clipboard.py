"""Copying out of a terminal: every way at once, since no single one works everywhere.

The terminal is asked to (OSC 52), which some ignore without a word. Inside tmux its buffer is filled, on the person's
own machine the system's tool is called: these two say whether they worked. When neither did, or the text is too long
for the terminal, it is also written to a file that only its owner can read.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dive_tui.app.text import display_text, human_bytes
from engine.core.reduce import HistoryError
from engine.store import StoreError

if TYPE_CHECKING:
    from textual.app import App

OSC52_BYTES = 74_000
"""The longest text, as base64, that common terminals take."""
_PATIENCE = 2.0
"""Seconds a tool may take."""
_SHORT = 64
"""Bytes up to which the size is not worth telling."""

_file: Path | None = None


def copy(app: App[Any], text: str | Callable[[], str], what: str) -> None:
    """Copy a text, or what a function makes in a thread, and say so; `what` names it in the sentence: `event 187`."""
    app.run_worker(_copy(app, text, what), group="copy", exit_on_error=False)


async def _copy(app: App[Any], text: str | Callable[[], str], what: str) -> None:
    if not isinstance(text, str):
        try:
            text = await asyncio.to_thread(text)
        except (HistoryError, StoreError) as problem:
            _say(app, f"{what[:1].upper()}{what[1:]} cannot be copied: {problem}")
            return
    encoded = text.encode("utf-8", "replace")
    short = len(base64.b64encode(encoded)) <= OSC52_BYTES
    if short:
        app.copy_to_clipboard(encoded.decode())
    certain = [name for name, command in tools(os.environ) if await _filled(command, encoded)]
    size = f" ({human_bytes(len(encoded))})" if len(encoded) > _SHORT else ""
    if certain:
        _say(app, f"Copied {what}{size} with {' and '.join(certain)}.")
        return
    try:
        place = _write(encoded)
    except OSError as error:
        reason = error.strerror or str(error)
        _say(app, f"{what[:1].upper()}{what[1:]}{size} went to the terminal only; no file could be written: {reason}")
        return
    if short:
        _say(app, f"Copied {what}{size} through the terminal. Where it takes no copies: {place}")
    else:
        _say(app, f"{what[:1].upper()}{what[1:]}{size} is too long for the terminal; it is in {place}")


def tools(environment: Mapping[str, str]) -> list[tuple[str, Sequence[str]]]:
    """The programs that take a copy here, by name, with their command lines; they read the text from stdin."""
    found: list[tuple[str, Sequence[str]]] = []
    if environment.get("TMUX"):
        found.append(("tmux", ("tmux", "load-buffer", "-w", "-")))
    if not environment.get("SSH_CONNECTION"):
        if sys.platform == "darwin":
            found.append(("pbcopy", ("pbcopy",)))
        elif environment.get("WAYLAND_DISPLAY"):
            found.append(("wl-copy", ("wl-copy",)))
        elif environment.get("DISPLAY"):
            found.append(("xclip", ("xclip", "-selection", "clipboard")))
            found.append(("xsel", ("xsel", "--clipboard", "--input")))
    return [(name, command) for name, command in found if shutil.which(command[0])]


async def _filled(command: Sequence[str], encoded: bytes) -> bool:
    """Hand the text to a program; whether it took it."""
    silent = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=silent, stderr=silent
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(encoded), _PATIENCE)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return False
    return process.returncode == 0


def _write(encoded: bytes) -> Path:
    """Put the text into this process's own file, readable by its owner only; the file's path."""
    global _file
    if _file is None:
        descriptor, name = tempfile.mkstemp(prefix="dive-tui-copy-", suffix=".txt")
        os.close(descriptor)
        _file = Path(name)
    _file.write_bytes(encoded)
    return _file


def _say(app: App[Any], sentence: str) -> None:
    app.notify(display_text(sentence, max_cells=400), timeout=6, markup=False)
