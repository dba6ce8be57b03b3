"""`dive-tui run`: run a workflow to its end, telling each step as it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NamedTuple, NoReturn

from cyclopts import Parameter

from dive_tui.cli.main import INTERRUPTED
from dive_tui.cli.opening import needs_terminal, start_app
from dive_tui.cli.options import Common, Json
from dive_tui.cli.preparing import Prepared, prepare
from dive_tui.cli.printing import Printer, json_bytes
from dive_tui.cli.problems import STORE_TROUBLE, CommandError, UsageError, tell
from dive_tui.cli.reading import execution_record, read_execution
from dive_tui.cli.run_report import RunReport
from dive_tui.launch import announce, launch
from engine.lifecycle.engine import Engine, ExecutionResult
from engine.runtime.runner import RecordingError
from engine.store import ExecutionEventStore
from stores.location import open_store, resolve_location

_CODES = {"completed": 0, "failed": 1, "cancelled": 1, "continued": 0}
_NOT_ENDED = 3
"""Waiting, paused, or run by somebody else."""


def run(
    target: Annotated[str, Parameter(name="FILE|MODULE:WORKFLOW")],
    /,
    *,
    workflow: Annotated[str | None, Parameter(name=("--workflow", "-w"), metavar="NAME")] = None,
    input_: Annotated[tuple[str, ...], Parameter(name=("--input", "-i"), metavar="NAME=VALUE")] = (),
    inputs: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    key: Annotated[str | None, Parameter(name="--id", metavar="KEY")] = None,
    watch: bool = False,
    json: Json = False,
    announce_fd: Annotated[int | None, Parameter(show=False)] = None,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Run a workflow from a YAML file, or one built in Python.

    Exit codes: 0 completed, 1 failed or cancelled, 2 bad input and nothing was run, 3 not at its end,
    4 the store failed, 130 interrupted.

    Parameters
    ----------
    workflow
        Which workflow of a file that holds several.
    input_
        An input; NAME=@FILE reads it from a file. May be repeated.
    inputs
        A JSON or YAML file with inputs; --input wins over it.
    key
        The same key again returns the execution it first started.
    watch
        Run it in the background and open the app on it.
    """
    if key is not None and not key.strip():
        raise UsageError("--id needs a key that is not empty")
    if announce_fd is not None:
        os.set_inheritable(announce_fd, False)
    wanted = _Wanted(target, workflow, input_, inputs, key)
    return _watch(wanted, json, common) if watch else asyncio.run(_run(wanted, json, announce_fd, common))


class _Wanted(NamedTuple):
    """What is to be run, as it was typed."""

    target: str
    workflow: str | None
    texts: tuple[str, ...]
    inputs: Path | None
    key: str | None

    def prepare(self) -> Prepared:
        """All of it loaded and checked."""
        return prepare(self.target, self.workflow, self.texts, self.inputs)

    def arguments(self, common: Common) -> list[str]:
        """The same for another `dive-tui`."""
        words = ["run", self.target, *(word for text in self.texts for word in ("-i", text))]
        options = {"-w": self.workflow, "--inputs": self.inputs, "--id": self.key, "--store": common.store}
        return words + [word for name, value in options.items() if value is not None for word in (name, str(value))]


async def _run(wanted: _Wanted, json: bool, announce_fd: int | None, common: Common) -> int:
    write_json = _reserve_stdout() if json else None
    prepared = wanted.prepare()
    tell(f"warning: {warning}" for warning in prepared.warnings)
    location = resolve_location(common.store, os.environ, Path.cwd())
    report = RunReport(None if json else Printer(ascii_only=common.ascii))
    store = open_store(location.text, create=True, offload=False)
    try:
        result, interrupted = await _execute(store, prepared, wanted.key, report, announce_fd)
        reading = await read_execution(store, result.id)
    finally:
        report.output.finish()
        await store.close()
    if result.existed:
        tell([f"the key {wanted.key!r} was used before: nothing was run, this is the execution it stands for"])
    with contextlib.suppress(BrokenPipeError):
        report.conclude(reading, result.id[-5:] if result.existed else "last", common.store)
    if write_json is not None:
        write_json(json_bytes(execution_record(reading)))
    if interrupted and result.status == "cancelled":
        _leave(INTERRUPTED)
    return _CODES.get(result.status, _NOT_ENDED)


async def _execute(
    store: ExecutionEventStore, prepared: Prepared, key: str | None, report: RunReport, announce_fd: int | None
) -> tuple[ExecutionResult, bool]:
    """Run to the end; also whether a signal asked for it."""
    engine = Engine(store, actions=prepared.modules)
    with _Interruptions(engine) as interruptions:

        def started(execution_id: str) -> None:
            if announce_fd is not None:
                announce(announce_fd, execution_id)
            interruptions.repeat()

        try:
            result = await engine.run(
                prepared.workflow,
                prepared.inputs,
                key=key,
                source=prepared.source,
                observer=report.observe,
                echo=report.output.echo,
                started=started,
            )
        except RecordingError as error:
            lost = [f"not recorded: {unit}" for unit in error.units]
            raise CommandError(
                f"the store failed, the execution is interrupted: {error}", *lost, exit_code=STORE_TROUBLE
            ) from error
    if result.existed and announce_fd is not None:
        announce(announce_fd, result.id)
    return result, interruptions.count > 0


class _Interruptions:
    """The first Ctrl-C (or SIGTERM) cancels cleanly; the second ends the process at once, interrupted.

    Plain signal handlers, not the loop's: they work while an action keeps the loop busy.
    """

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        self._reason = ""
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Interruptions:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._arrived) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def repeat(self) -> None:
        """Ask again, now that there is something to cancel."""
        if self.count:
            self._engine.cancel("person", self._reason)

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            os._exit(INTERRUPTED)
        self._reason = "Ctrl-C" if number == signal.SIGINT else "terminated"
        start = b"\n" if os.isatty(2) else b""
        os.write(2, start + b"cancelling; once more ends at once, without recording it\n")
        self._loop.call_soon_threadsafe(self._engine.cancel, "person", self._reason)


def _reserve_stdout() -> Callable[[bytes], None]:
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


def _leave(code: int) -> NoReturn:
    """End now: threads of actions that were cancelled could hold up, or spoil, an orderly exit."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _watch(wanted: _Wanted, json: bool, common: Common) -> int:
    """Run in a child and open the app on it."""
    if json:
        raise UsageError("--watch opens the app and --json is for scripts; give one of them")
    needs_terminal("run without --watch")
    launched = launch(wanted.arguments(common))
    return start_app(common.store, launched.execution_id, common.ascii)
