"""`dive-tui run`: run a workflow to its end, telling each step as it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from dive_tui.cli.driving import (
    LINGER,
    Interruptions,
    Linger,
    exit_code_of,
    leave,
    linger_seconds,
    reserve_stdout,
)
from dive_tui.cli.main import INTERRUPTED
from dive_tui.cli.opening import needs_terminal, start_app
from dive_tui.cli.options import Common, Json
from dive_tui.cli.preparing import Prepared, prepare
from dive_tui.cli.printing import Printer, json_bytes
from dive_tui.cli.problems import UsageError, tell
from dive_tui.cli.reading import execution_record, read_execution, reference_to
from dive_tui.cli.recording import DurabilityOption, NoticeTeller, losses_told, persistence
from dive_tui.cli.run_report import RunReport
from dive_tui.launch import announce, launch
from engine.lifecycle.engine import ExecutionResult
from engine.runtime.config import Durability, PersistenceConfig
from engine.store import ExecutionEventStore
from stores.location import open_store, resolve_location


def run(
    target: Annotated[str, Parameter(name="FILE|MODULE:WORKFLOW")],
    /,
    *,
    workflow: Annotated[str | None, Parameter(name=("--workflow", "-w"), metavar="NAME")] = None,
    input_: Annotated[tuple[str, ...], Parameter(name=("--input", "-i"), metavar="NAME=VALUE")] = (),
    inputs: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    key: Annotated[str | None, Parameter(name="--id", metavar="KEY")] = None,
    linger: Linger = LINGER,
    durability: DurabilityOption = None,
    watch: bool = False,
    json: Json = False,
    announce_fd: Annotated[int | None, Parameter(show=False)] = None,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Run a workflow from a YAML file, or one built in Python.

    One Ctrl-C cancels it cleanly; SIGTERM stops it so that it can be recovered. Exit codes: 0 completed, 1 failed or
    cancelled, 2 bad input and nothing was run, 3 waiting, paused or stopped, 4 the store failed, 130 interrupted.

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
    linger
        Stay with an execution that only waits if it goes on by itself within this time; else leave it, waiting.
    watch
        Run it in the background and open the app on it.
    """
    if key is not None and not key.strip():
        raise UsageError("--id needs a key that is not empty")
    if announce_fd is not None:
        os.set_inheritable(announce_fd, False)
    wanted = _Wanted(target, workflow, input_, inputs, key, linger, durability)
    linger_seconds(linger)
    return _watch(wanted, json, common) if watch else asyncio.run(_run(wanted, json, announce_fd, common))


class _Wanted(NamedTuple):
    """What is to be run, as it was typed."""

    target: str
    workflow: str | None
    texts: tuple[str, ...]
    inputs: Path | None
    key: str | None
    linger: str
    durability: Durability | None

    def prepare(self) -> Prepared:
        """All of it loaded and checked."""
        return prepare(self.target, self.workflow, self.texts, self.inputs)

    def arguments(self, common: Common) -> list[str]:
        """The same for another `dive-tui`."""
        words = ["run", self.target, *(word for text in self.texts for word in ("-i", text))]
        options = {"-w": self.workflow, "--inputs": self.inputs, "--id": self.key, "--store": common.store}
        options["--linger"] = self.linger if self.linger != LINGER else None
        options["--durability"] = self.durability
        return words + [word for name, value in options.items() if value is not None for word in (name, str(value))]


async def _run(wanted: _Wanted, json: bool, announce_fd: int | None, common: Common) -> int:
    write_json = reserve_stdout() if json else None
    prepared = wanted.prepare()
    tell(f"warning: {warning}" for warning in prepared.warnings)
    location = resolve_location(common.store, os.environ, Path.cwd())
    report = RunReport(None if json else Printer(ascii_only=common.ascii))
    config = persistence(wanted.durability, prepared.project.project)
    store = open_store(location.text, create=True, offload=False, durability=config.durability)
    try:
        result, cancelled = await _execute(store, config, prepared, wanted, report, announce_fd)
        reading = await read_execution(store, result.id)
    finally:
        report.output.finish()
        await store.close()
    if result.existed:
        tell([f"the key {wanted.key!r} was used before: nothing was run, this is the execution it stands for"])
    with contextlib.suppress(BrokenPipeError):
        report.conclude(reading, result.id[-5:] if result.existed else reference_to(reading), common.store)
    if write_json is not None:
        write_json(json_bytes(execution_record(reading)))
    if cancelled and result.status == "cancelled":
        leave(INTERRUPTED)
    return exit_code_of(result.status)


async def _execute(
    store: ExecutionEventStore,
    config: PersistenceConfig,
    prepared: Prepared,
    wanted: _Wanted,
    report: RunReport,
    announce_fd: int | None,
) -> tuple[ExecutionResult, bool]:
    """Run to the end, or to where it waits; also whether Ctrl-C asked for a cancellation."""

    def started(execution_id: str) -> None:
        if announce_fd is not None:
            announce(announce_fd, execution_id)

    engine = prepared.project.engine(store, config, NoticeTeller(report.output.note))
    with Interruptions(engine, cancels=True) as interruptions, losses_told():
        try:
            result = await engine.run(
                prepared.workflow,
                prepared.inputs,
                key=wanted.key,
                source=prepared.source,
                workflows=prepared.workflows,
                linger=linger_seconds(wanted.linger),
                observer=report.observe,
                echo=report.output.echo,
                started=started,
            )
        finally:
            await engine.close()
    if result.existed and announce_fd is not None:
        announce(announce_fd, result.id)
    return result, interruptions.cancelling


def _watch(wanted: _Wanted, json: bool, common: Common) -> int:
    """Run in a child and open the app on it."""
    if json:
        raise UsageError("--watch opens the app and --json is for scripts; give one of them")
    needs_terminal("run without --watch")
    launched = launch(wanted.arguments(common))
    return start_app(common.store, launched.execution_id, common.ascii)
