"""Scripts run in worker processes that have no files, no network and no environment: one fresh session each."""

from __future__ import annotations

import asyncio
import atexit
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from engine.core.normalize import NotJsonError, normalize
from engine.core.script_check import Script, ScriptSyntaxError, check_script
from engine.core.script_rewrite import VALUE
from engine.core.settle import PAYLOAD_ERROR, Outcome
from engine.runtime.capture import Echo, StepLog
from engine.runtime.config import PersistenceConfig
from engine.runtime.failure import MAX_ERROR, MAX_TRACEBACK, clean
from engine.runtime.ports import Clock
from engine.runtime.script_prelude import PRELUDE, PRELUDE_LINES

if TYPE_CHECKING:
    from pydantic_monty import AsyncMonty, AsyncMontySession, Frame, MontyRuntimeError, MontySyntaxError

_SHOWN_REPEATS = 3
_FAREWELL = 0.1
_TIME_IS_UP = "feed time limit exceeded"
_MEMORY_IS_UP = ("memory limit exceeded", "the worker exceeded its memory limit")
_NOT_A_VALUE = {"TypeError": "NotJson", "OverflowError": PAYLOAD_ERROR}


@dataclass(frozen=True)
class ScriptLimits:
    """What one script may use."""

    seconds: float = 10.0
    """Time that its code runs."""
    memory: int = 128 * 2**20
    """Bytes of its heap."""
    recursion: int = 200
    """Calls inside calls."""
    output: int = 8 * 2**20
    """Size of its value: characters of text and keys, and one for each other item."""


class ScriptError(Exception):
    """A script failed; the sandbox serves on.

    Attributes:
        error_type: the name of the exception in the script (`KeyError`), or `Timeout`, `MemoryLimit`, `NotJson`,
            `PayloadTooLarge`, `ScriptSyntaxError`, or `ScriptError` when the sandbox itself failed.
        message: a sentence with the line and column of the script where they are known.
        traceback: the lines of the script that led there, as Python prints them; may be empty.
    """

    def __init__(self, error_type: str, message: str, traceback: str = "") -> None:
        super().__init__(error_type, message, traceback)
        self.error_type = error_type
        self.message = message
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.error_type}: {self.message}"


class ScriptSandbox:
    """Runs scripts in a pool of worker processes; the first script starts it. Belongs to one event loop."""

    def __init__(self, limits: ScriptLimits | None = None, *, processes: int | None = None) -> None:
        """`processes` is the most that run at once; further scripts wait. By default one per processor, at most 4."""
        self.limits = limits or ScriptLimits()
        self._processes = processes or min(4, os.cpu_count() or 1)
        self._prelude = PRELUDE.replace("MAX_OUTPUT", str(self.limits.output))
        self._pool: AsyncMonty | None = None
        self._starting = asyncio.Lock()

    async def run(self, source: str | Script, names: Mapping[str, Any], log: StepLog | None = None) -> Any:
        """The value of the script's last expression as JSON; None when its last statement is no expression.

        Only those `names` (JSON values) that the script reads are handed over, as copies. What it prints goes to
        `log`. Cancelling ends the script.

        Raises:
            ScriptError: the script failed, or its value is not JSON.
        """
        try:
            script = source if isinstance(source, Script) else check_script(source)
        except ScriptSyntaxError as problem:
            raise ScriptError("ScriptSyntaxError", str(problem)) from None
        pool = await self._started()
        value = await self._fed(pool, script, {root: names[root] for root in script.roots & names.keys()}, log)
        try:
            return normalize(value, "the value")[0]
        except NotJsonError as problem:
            raise ScriptError("NotJson", str(problem)) from None

    async def close(self) -> None:
        """End the worker processes; a later script starts new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.__aexit__(None, None, None)

    async def _started(self) -> AsyncMonty:
        async with self._starting:
            if self._pool is None:
                try:
                    from pydantic_monty import AsyncMonty  # imported late: most executions have no scripts

                    pool = AsyncMonty(min_processes=1, max_processes=self._processes)
                    await pool.__aenter__()
                    _leave_slowly()
                except Exception as problem:  # not installed for this platform, no process to be had
                    raise ScriptError("ScriptError", f"the script sandbox cannot start: {problem}") from problem
                self._pool = pool
            return self._pool

    def _session(self, pool: AsyncMonty) -> AsyncMontySession:
        limits = self.limits
        return pool.checkout(
            limits={
                "max_feed_duration_secs": limits.seconds,
                "max_memory": limits.memory,
                "max_recursion_depth": limits.recursion,
            },
            # A sleep is refused instead of waited for: waiting durably is a step of its own.
            os_policy={"sleep": "call_host"},
        )

    async def _fed(self, pool: AsyncMonty, script: Script, inputs: dict[str, Any], log: StepLog | None) -> Any:
        from pydantic_monty import MontyCrashedError, MontyError, MontyRuntimeError, MontySyntaxError

        def printed(stream: str, text: str) -> None:
            if log is not None:
                log.write(text)

        try:
            async with self._session(pool) as session:
                return await session.feed_run(self._prelude + script.rewritten, inputs=inputs, print_callback=printed)
        except (MontyRuntimeError, MontySyntaxError) as error:
            raise self._script_error(script, error) from None
        except MontyCrashedError as error:
            if error.timed_out:
                raise self._timeout() from None
            raise ScriptError("ScriptError", f"the sandbox's process died: {error}") from None
        except MontyError as error:
            raise ScriptError("ScriptError", str(error)) from None

    def _timeout(self) -> ScriptError:
        return ScriptError("Timeout", f"the script ran longer than {self.limits.seconds:g} s")

    def _script_error(self, script: Script, error: MontyRuntimeError | MontySyntaxError) -> ScriptError:
        kind = type(error.exception()).__name__
        message = error.display("msg").removeprefix("Internal error in monty: ") or kind
        frames = error.traceback()
        own = [frame for frame in frames if frame.line > PRELUDE_LINES]
        if kind == "TimeoutError" and message.startswith(_TIME_IS_UP):
            return self._timeout()
        if kind == "MemoryError" and message.startswith(_MEMORY_IS_UP):
            kind, message = "MemoryLimit", f"the script needs more than {self.limits.memory:,} bytes of memory"
        elif kind == "SyntaxError" and not any(frame.function_name for frame in frames):
            kind = "ScriptSyntaxError"
        elif any(frame.function_name == VALUE for frame in frames) and frames[-1].line <= PRELUDE_LINES:
            kind = _NOT_A_VALUE.get(kind, kind)
        if not own:
            return ScriptError(kind, message)
        line, column = _place(script, own[-1].line, own[-1].column)
        return ScriptError(kind, f"{message} (line {line}, column {column})", _traceback(script, own, kind, message))


@cache
def _leave_slowly() -> None:
    """Give the library's threads a moment before the interpreter goes.

    They let go of Python objects just after a result has been handed over; one that does so while the interpreter is
    being taken down aborts the process.
    """
    atexit.register(time.sleep, _FAREWELL)


async def run_script(
    sandbox: ScriptSandbox,
    script: Script,
    names: Mapping[str, Any],
    *,
    clock: Clock,
    config: PersistenceConfig,
    echo: Echo | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - it ends as an outcome, not as an exception
) -> Outcome:
    """Run a script as one attempt of a unit. Scripts have no effects, so an outcome is always known.

    After `timeout` seconds, waiting for a free process included, it fails with `Timeout`.

    Raises:
        asyncio.CancelledError: this task was cancelled.
    """
    log = StepLog(config.max_log, echo)
    began = clock.monotonic()
    try:
        async with asyncio.timeout(timeout):
            value = await sandbox.run(script, names, log)
        size = len(orjson.dumps(value))
        if size > config.max_payload:
            message = f"the output is {size:,} bytes of JSON; {config.max_payload:,} are allowed"
            fields: dict[str, Any] = {"error": message, "error_type": PAYLOAD_ERROR, "phase": "output"}
        else:
            fields = {"output": value}
    except TimeoutError:
        fields = {"error": f"no result within {timeout:g} s", "error_type": "Timeout"}
    except ScriptError as error:
        phase = "output" if error.error_type in _NOT_A_VALUE.values() else "run"
        fields = {
            "error": clean(error.message, MAX_ERROR),
            "error_type": error.error_type,
            "phase": phase,
            "traceback": clean(error.traceback, MAX_TRACEBACK),
        }
    return Outcome(log=log.text(), duration_ms=round((clock.monotonic() - began) * 1000, 3), **fields)


def _place(script: Script, line: int, column: int) -> tuple[int, int]:
    return script.place(line - PRELUDE_LINES, column)


def _traceback(script: Script, frames: list[Frame], kind: str, message: str) -> str:
    """The frames as Python prints them, runs of the same one shortened."""
    lines = script.source.split("\n")
    pieces = ["Traceback (most recent call last):"]
    repeats, previous = 0, ""
    for frame in [*frames, None]:
        text = "" if frame is None else _frame_text(script, lines, frame)
        if text == previous:
            repeats += 1
            if repeats < _SHOWN_REPEATS:
                pieces.append(text)
            continue
        if repeats >= _SHOWN_REPEATS:
            pieces.append(f"  [Previous line repeated {repeats - _SHOWN_REPEATS + 1} more times]")
        if text:
            pieces.append(text)
        repeats, previous = 0, text
    return "\n".join([*pieces, f"{kind}: {message}"])


def _frame_text(script: Script, lines: list[str], frame: Frame) -> str:
    line, start = _place(script, frame.line, frame.column)
    last, end = _place(script, frame.end_line, frame.end_column)
    text = lines[line - 1] if line <= len(lines) else ""
    end = end if last == line else len(text) + 1
    indent = len(text) - len(text.lstrip())
    marks = " " * (start - 1 - indent) + "^" * max(end - start, 1)
    where = frame.function_name or "<module>"
    return f'  File "script", line {line}, in {where}\n    {text.strip()}\n    {marks}'
