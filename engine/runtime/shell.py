"""The built-in action for commands. Nothing a command starts in its process group outlives the step."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from asyncio.subprocess import Process
from typing import Annotated, Any

from pydantic import Field

from engine.runtime.actions import action
from engine.runtime.context import ActionContext
from engine.runtime.errors import ActionFailure, Fatal, OutcomeUnknown

MAX_OUTPUT = 524_288
"""Bytes of each of stdout and stderr that are kept: the last ones."""
GRACE = 2.0
"""Seconds between the polite request to end and the end."""
_EXCERPT = 2_000


class CommandError(ActionFailure):
    """A command exited with another code than 0. `details`: `{exit_code, stdout, stderr}`, the last of each."""


class CommandNotStarted(ActionFailure):
    """There is no such command or folder, or it may not be run; nothing happened."""


@action(name="Shell.Run")
async def run_command(
    context: ActionContext,
    command: list[str] | str,
    shell: bool = False,
    cwd: str | None = None,
    env: dict[str, str] | None = None,
    input: str | None = None,
    timeout: Annotated[float, Field(gt=0)] | None = None,  # noqa: ASYNC109 - a parameter of the step
    check: bool = True,
) -> dict[str, Any]:
    """Run a program and return `{exit_code, stdout, stderr}`, and `truncated: true` when only the end was kept.

    `command` is a list of the program and its arguments; text is given to `/bin/sh`, with `shell: true` only. `env`
    is added to the environment, in which `DIVE_EFFECT_KEY` is the effect key. With `check: false` another exit
    code than 0 is no error. `timeout` is in seconds.

    Raises:
        Fatal: a command of the wrong form.
        CommandNotStarted: nothing was run.
        CommandError: it exited with another code than 0.
        OutcomeUnknown: a signal ended it, or its time was over.
    """
    line = _command_line(command, shell)
    environment = {
        **os.environ,
        **({"DIVE_EFFECT_KEY": context.effect_key} if context.effect_key else {}),
        **(env or {}),
    }
    async with _Pipe() as stdout, _Pipe() as stderr:
        output = stdout, stderr
        process = await _start(line, input, output, cwd, environment)
        late = False
        try:
            async with asyncio.timeout(timeout):
                await process.wait()
        except TimeoutError:
            late = True
        finally:
            await _end_group(process, output)
    if late:
        raise OutcomeUnknown(f"{line[0]!r} was stopped after {timeout:g} s", details=_excerpts(process, output))
    return _result(process, line[0], output, check)


def _command_line(command: list[str] | str, shell: bool) -> list[str]:
    if isinstance(command, str):
        if not shell:
            raise Fatal("a command that is text needs `shell: true`; or give a list of the program and its arguments")
        return ["/bin/sh", "-c", command]
    if shell:
        raise Fatal("with `shell: true` the command is one text, not a list")
    if not command:
        raise Fatal("the command is an empty list")
    return command


async def _start(
    line: list[str], text: str | None, output: tuple[_Pipe, _Pipe], cwd: str | None, environment: dict[str, str]
) -> Process:
    stdout, stderr = output
    with tempfile.TemporaryFile() as stdin:
        # A file is read at the command's pace, and it may end before it has read it all.
        stdin.write((text or "").encode())
        stdin.seek(0)
        try:
            return await asyncio.create_subprocess_exec(
                *line,
                stdin=stdin,
                stdout=stdout.end,
                stderr=stderr.end,
                cwd=cwd,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CommandNotStarted(f"{line[0][:200]!r} cannot be run: {error}") from None
        finally:
            stdout.leave()
            stderr.leave()


async def _end_group(process: Process, output: tuple[_Pipe, _Pipe]) -> None:
    """End what runs of the command and all it started in its group, and take what they still wrote."""
    try:
        if process.returncode is None:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE)
    finally:
        _signal(process, signal.SIGKILL)
    await process.wait()
    # Only a process that has left the group can hold the pipes open now.
    await asyncio.wait({pipe.closed for pipe in output}, timeout=GRACE)


def _signal(process: Process, number: signal.Signals) -> None:
    # macOS says PermissionError of a group in which nobody runs any more.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _result(process: Process, program: str, output: tuple[_Pipe, _Pipe], check: bool) -> dict[str, Any]:
    code = process.returncode
    assert code is not None, "it has ended"
    if check and code < 0:
        name = signal.strsignal(-code) or "?"
        raise OutcomeUnknown(f"{program!r} was ended by signal {-code} ({name})", details=_excerpts(process, output))
    if check and code > 0:
        last = output[1].text.strip().rpartition("\n")[2][:_EXCERPT]
        message = f"{program!r} exited with {code}" + (f": {last}" if last else "")
        raise CommandError(message, details=_excerpts(process, output))
    result: dict[str, Any] = {"exit_code": code, "stdout": output[0].text, "stderr": output[1].text}
    return result | {"truncated": True} if any(pipe.truncated for pipe in output) else result


def _excerpts(process: Process, output: tuple[_Pipe, _Pipe]) -> dict[str, Any]:
    texts = {"stdout": output[0].text[-_EXCERPT:], "stderr": output[1].text[-_EXCERPT:]}
    return {"exit_code": process.returncode, **texts}


class _Pipe(asyncio.Protocol):
    """Keeps the end of what comes through a pipe.

    Pipes of our own: in some versions of Python the pipes of asyncio's processes hold up waiting for their exit.
    """

    def __init__(self) -> None:
        self.truncated = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._data = bytearray()

    async def __aenter__(self) -> _Pipe:
        reading, self.end = os.pipe()
        file = os.fdopen(reading, "rb", buffering=0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: self, file)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()
        self._transport.close()
        await asyncio.wait({self.closed})

    def leave(self) -> None:
        """Close the end that the command writes to; it has its own by now."""
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    @property
    def text(self) -> str:
        """What was kept; what is no UTF-8 is replaced."""
        return bytes(self._data[-MAX_OUTPUT:]).decode("utf-8", "replace")

    def data_received(self, data: bytes) -> None:
        """More has come; the oldest is dropped."""
        self._data += data
        if len(self._data) > MAX_OUTPUT:
            self.truncated = True
            del self._data[:-MAX_OUTPUT]

    def connection_lost(self, _: Exception | None) -> None:
        """Nobody can write any more."""
        self.closed.set_result(None)
