"""`dive-tui recover`: go on with executions whose process died, or that wait and can go on now."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from dive_tui.cli.definitions import ProjectActions
from dive_tui.cli.driving import (
    LINGER,
    NOT_ENDED,
    Interruptions,
    Linger,
    exit_code_of,
    leave,
    linger_seconds,
    reserve_stdout,
)
from dive_tui.cli.main import INTERRUPTED
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, json_bytes, typed
from dive_tui.cli.problems import INTERNAL, STORE_TROUBLE, USAGE, CommandError, UsageError, exit_code, explain, tell
from dive_tui.cli.reading import Reading, execution_record, read_execution, reference_to
from dive_tui.cli.recording import DurabilityOption, NoticeTeller, losses_told, persistence
from dive_tui.cli.run_report import RunReport
from dive_tui.cli.selecting import find_execution, opened_store, user_name
from dive_tui.cli.waits import now_utc
from dive_tui.launch import announce
from engine.lifecycle.engine import ExecutionResult
from engine.lifecycle.errors import ForeignHistoryError, NewerHistoryError
from engine.loading.project import Project, ProjectError, load_module_workflow
from engine.model.events import JsonObject
from engine.model.ids import short_id
from engine.model.snapshot import ExecutionSummary
from engine.runtime.actions import ActionError
from engine.runtime.config import PersistenceConfig
from engine.store import ExecutionEventStore, OwnedError

_SETTLED = 0.5
"""Seconds after which an execution that records nothing at first was not refused."""
_WORST_FIRST = (INTERRUPTED, STORE_TROUBLE, USAGE, 1, NOT_ENDED, 0)


async def recover(
    execution: Annotated[
        str | None, Parameter(name="EXEC", help="An id, a part of one, last (the default), last-failed, last-N.")
    ] = None,
    /,
    *,
    everything: Annotated[bool, Parameter(name="--all")] = False,
    take_over: bool = False,
    linger: Linger = LINGER,
    durability: DurabilityOption = None,
    json: Json = False,
    announce_fd: Annotated[int | None, Parameter(show=False)] = None,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Go on with an execution whose process died, or that waits.

    What was in flight then is recorded as interrupted and tried again with the same effect key; what had completed
    does not run again. Actions are those of the project of the current folder; where there is none, those of the
    project it was run in. Exit codes are those of run; with --all the worst one.

    Parameters
    ----------
    everything
        Every execution of the store that is due: interrupted, or able to go on.
    take_over
        Also when a runner on another host owns it. Only for one you know to be dead.
    linger
        Stay with an execution that only waits if it goes on by itself within this time; else leave it, waiting.
    """
    seconds = linger_seconds(linger)
    if everything and (execution is not None or take_over):
        other = "--take-over" if execution is None else execution
        raise UsageError(f"--all and {other} exclude each other; give one of them")
    write_json = reserve_stdout() if json else None
    reference = execution or "last"
    config = persistence(durability, Project.discover(Path.cwd()))
    async with opened_store(common, config.durability) as store:
        if everything:
            return await _recover_all(store, config, seconds, write_json, common)
        execution_id = await find_execution(store, reference)
        before = await read_execution(store, execution_id)
        report = RunReport(None if json else Printer(ascii_only=common.ascii))
        one = _Recovery(store, config, before, common)
        try:
            result, interruptions = await one.drive(report, seconds, take_over, announce_fd)
            after = await read_execution(store, execution_id)
        finally:
            report.output.finish()
    with contextlib.suppress(BrokenPipeError):
        report.conclude(after, reference_to(after, reference), common.store)
    if write_json is not None:
        write_json(json_bytes(execution_record(after)))
    if interruptions.cancelling and result.status == "cancelled":
        leave(INTERRUPTED)
    return exit_code_of(result.status)


class _Recovery:
    """One execution that is to go on."""

    def __init__(self, store: ExecutionEventStore, config: PersistenceConfig, before: Reading, common: Common) -> None:
        """
        Raises:
            CommandError: it cannot: it has ended, is driven, was written by a newer version, or is damaged.
        """
        self._store = store
        self._config = config
        self._before = before
        self._common = common
        self._id = before.summary.id
        self._check()

    def _check(self) -> None:
        state, summary = self._before.history.latest, self._before.summary
        short = short_id(self._id)
        if state.info.dialect and not state.ended:
            raise ForeignHistoryError(self._id)
        if state.incomplete_from is not None:
            raise NewerHistoryError(
                f"execution {short} was written by a newer version of dive-tui (from event {state.incomplete_from} "
                "on): it can be looked at, and goes on only there"
            )
        self._before.complain()
        if state.ended:
            look = typed("show", self._id[-5:], store=self._common.store)
            raise UsageError(f"execution {short} is {summary.status}: nothing of it is left to run; see: {look}")

    async def drive(
        self, report: RunReport, linger: float, take_over: bool, announce_fd: int | None
    ) -> tuple[ExecutionResult, Interruptions]:
        """Go on to the end, or to where it waits; also what signals of the system asked for.

        Raises:
            CommandError: another runner drives it, or its actions are not there.
            StoreError: the store failed.
        """
        actions = self._actions()
        engine = actions.engine(self._store, self._config, NoticeTeller(report.output.note))
        report.catch_up(self._before.history)
        with Interruptions(engine, cancels=True) as interruptions, losses_told():
            driving = asyncio.create_task(
                engine.recover(
                    self._id,
                    by=user_name(),
                    reason="recovered by hand",
                    take_over=take_over,
                    linger=linger,
                    observer=report.observe,
                    echo=report.output.echo,
                )
            )
            try:
                if announce_fd is not None:
                    await _announce(announce_fd, self._id, driving)
                result = await driving
            except OwnedError as error:
                raise self._owned(error) from error
            except ActionError as error:
                raise UsageError(f"{error}{self._where_to(actions)}") from error
            finally:
                await engine.close()
        return result, interruptions

    def _actions(self) -> ProjectActions:
        """The project's actions, those beside a workflow that was built in Python among them.

        Raises:
            UsageError: they cannot be loaded.
        """
        source = self._source()
        folder = source.get("project")
        near = Path(folder) if isinstance(folder, str) and "\0" not in folder else Path.cwd()
        actions = ProjectActions(near)
        problems, traceback = list(actions.problems), actions.traceback
        reference = source.get("ref")
        if not problems and source.get("kind") == "module" and isinstance(reference, str):
            try:
                _add_module(actions, reference)
            except (ProjectError, ActionError) as error:
                problems, traceback = getattr(error, "problems", [str(error)]), getattr(error, "traceback", "")
        if problems:
            raise UsageError(*problems, traceback=traceback)
        tell(f"warning: {warning}" for warning in actions.warnings)
        return actions

    def _source(self) -> JsonObject:
        """Where its definition came from, as far as it was recorded."""
        source = self._before.history.latest.info.source
        return source if isinstance(source, dict) else {}

    def _where_to(self, actions: ProjectActions) -> str:
        """Where the actions may be, as the end of a sentence."""
        folder = self._source().get("project")
        if not isinstance(folder, str) or Path(folder) == actions.project.root:
            return f"; the actions here are those of {actions.project.root}"
        return f"; the actions here are those of {actions.project.root}, but it was run in {folder}: recover it there"

    def _owned(self, error: OwnedError) -> CommandError:
        watch = typed("open", self._id[-5:], store=self._common.store)
        if "cannot be seen" in str(error):
            again = typed("recover", self._id[-5:], "--take-over", store=self._common.store)
            return UsageError(f"{error}; if it is dead: {again}")
        return UsageError(f"{error}, so there is nothing to recover; watch it: {watch}")


def _add_module(actions: ProjectActions, reference: str) -> None:
    """Register the actions beside a workflow that was built in Python, if its module is one of this project.

    A store names it, and what a store names must not be imported from just anywhere.
    """
    name, _, attribute = reference.partition(":")
    if not attribute.isidentifier() or not all(part.isidentifier() for part in name.split(".")):
        return
    root = actions.project.root
    if not any((root / Path(*name.split("."))).with_suffix(suffix).exists() for suffix in (".py", "")):
        return
    load_module_workflow(reference, root)
    actions.add(sys.modules[name])


async def _announce(descriptor: int, execution_id: str, driving: asyncio.Task[Any]) -> None:
    """Tell whoever launched this process that the execution goes on: it was not refused at once."""
    await asyncio.wait({driving}, timeout=_SETTLED)
    if not driving.done() or driving.exception() is None:
        announce(descriptor, execution_id)


async def _recover_all(
    store: ExecutionEventStore,
    config: PersistenceConfig,
    linger: float,
    write_json: Callable[[bytes], None] | None,
    common: Common,
) -> int:
    """Go on with every execution that is due, one after the other; returns the worst exit code."""
    printer = None if write_json is not None else Printer(ascii_only=common.ascii)
    codes, records = [0], {}
    async for summary in _due(store):
        report = RunReport(printer)
        report.output.line((summary.workflow_name, "bold"), f"  {summary.id}")
        try:
            before = await read_execution(store, summary.id)
            result, interruptions = await _Recovery(store, config, before, common).drive(report, linger, False, None)
            after = await read_execution(store, summary.id)
        except Exception as error:
            if exit_code(error) == INTERNAL:
                raise
            codes.append(explain(error))
            continue
        finally:
            report.output.finish()
        report.conclude(after, summary.id[-5:], common.store)
        report.output.line("")
        records[summary.id] = execution_record(after)
        codes.append(INTERRUPTED if interruptions.cancelling else exit_code_of(result.status))
        if interruptions.received is not None:
            break
    if write_json is not None:
        write_json(json_bytes(list(records.values())))
    elif printer is not None and len(codes) == 1:
        printer.line("Nothing is due.")
    return min(codes, key=_WORST_FIRST.index)


async def _due(store: ExecutionEventStore) -> AsyncIterator[ExecutionSummary]:
    """What is due, also by what came of others; each again only when it has got any further."""
    tried: set[tuple[str, int]] = set()
    while True:
        found = await store.due(now_utc(), limit=len(tried) + 1)
        summary = next((summary for summary in found if (summary.id, summary.last_event_seq) not in tried), None)
        if summary is None:
            return
        tried.add((summary.id, summary.last_event_seq))
        yield summary
