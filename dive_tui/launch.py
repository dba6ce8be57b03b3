"""Starting a runner of its own: a child process that goes on when this one ends.

Only a runner executes. What the app starts is such a child, and shows up through the store like any other writer.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

ANNOUNCE = "--announce-fd"
"""The option by which a runner is told where to write the id of its execution."""
_MOST_OUTPUT = 16_384


class Launched(NamedTuple):
    """A runner whose execution has begun."""

    pid: int
    execution_id: str


class LaunchError(Exception):
    """The runner ended before its execution began; the message is what it said, or a sentence of ours."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.problems = message.splitlines()
        self.exit_code = exit_code


def launch(arguments: Sequence[str], cwd: Path | str | None = None) -> Launched:
    """Start `dive-tui ARGUMENTS` in a session of its own and wait until its execution is recorded.

    It has no input, and what it prints is dropped once it has begun. Blocks for as long as that takes: the time to
    load the project. `arguments` begin with a command that drives an execution: `run` or `recover`.

    Raises:
        LaunchError: it ended before.
        OSError: it could not be started.
    """
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "dive_tui", *arguments, ANNOUNCE, str(write_end)]
    with tempfile.TemporaryFile() as output, open(read_end, "rb") as announcement:  # noqa: PTH123 - a descriptor
        try:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        # Somebody must take note of its end, else it stays in the process table as long as we do.
        reaper = threading.Thread(target=child.wait, daemon=True, name="dive-reaper")
        reaper.start()
        try:
            execution_id = announcement.readline().decode("ascii", "replace").strip()
        except BaseException:  # nobody waits for it any more
            child.terminate()
            raise
        if execution_id:
            return Launched(child.pid, execution_id)
        reaper.join()
        # As a shell has it: 128 and the number of the signal that ended it.
        code = child.returncode if child.returncode >= 0 else 128 - child.returncode
        raise LaunchError(_said(output) or "the runner ended before anything was recorded", code or 1)


def _said(output: BinaryIO) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _MOST_OUTPUT))
    return output.read().decode("utf-8", "replace").strip()


def announce(descriptor: int, execution_id: str) -> None:
    """Called by a runner: tell whoever launched it that its execution has begun; from here on nobody hears it."""
    with contextlib.suppress(BrokenPipeError):  # whoever wanted to know has gone; the execution goes on
        os.write(descriptor, execution_id.encode("ascii") + b"\n")
    os.close(descriptor)
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    os.close(silence)
