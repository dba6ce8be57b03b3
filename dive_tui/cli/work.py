"""`dive-tui work`: drive whatever is due in a store, as a service or once."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.definitions import ProjectActions
from dive_tui.cli.driving import LINGER, Interruptions, Linger, linger_seconds
from dive_tui.cli.main import INTERRUPTED
from dive_tui.cli.options import Common
from dive_tui.cli.printing import Piece, Printer, one_line, typed
from dive_tui.cli.problems import UsageError, tell
from dive_tui.cli.recording import DurabilityOption, NoticeTeller, losses_told, persistence
from dive_tui.cli.run_output import RunOutput
from dive_tui.cli.selecting import opened_store
from dive_tui.cli.waits import now_utc, until
from engine.lifecycle.worker import Refusal
from engine.loading.project import Project
from engine.model.snapshot import ExecutionSummary, summarize
from engine.model.state import INTERRUPTED as INTERRUPTED_STATUS
from engine.model.state import ExecutionState, ExecutionStatus


async def work(
    *,
    once: Annotated[bool, Parameter(name="--once")] = False,
    linger: Linger = LINGER,
    durability: DurabilityOption = None,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Drive what is due: timers, signals, interrupted executions.

    A step that waits for a child is due when the child has ended. Actions are those of the project of the current
    folder. Goes on until it is stopped: Ctrl-C or SIGTERM lets what is in flight finish, the second ends at once.
    Exit codes: 0 done, 1 something that is due cannot be driven here, 4 the store failed, 130 Ctrl-C.

    Parameters
    ----------
    once
        End when nothing is due any more.
    linger
        Stay with an execution that only waits if it goes on by itself within this time.
    """
    seconds = linger_seconds(linger)
    config = persistence(durability, Project.discover(Path.cwd()))
    async with opened_store(common, config.durability) as store:
        actions = ProjectActions(near=Path.cwd())
        if actions.problems:
            raise UsageError(*actions.problems, traceback=actions.traceback)
        tell(f"warning: {warning}" for warning in actions.warnings)
        report = _WorkReport(Printer(ascii_only=common.ascii), common.store)
        engine = actions.engine(store, config, NoticeTeller(report.output.note))
        try:
            with Interruptions(engine, cancels=False) as interruptions, losses_told():
                driven = await engine.work(once=once, linger=seconds, report=report.tell, echo=report.output.echo)
        finally:
            await engine.close()
            report.output.finish()
    if driven == 0 and interruptions.received is None:
        with contextlib.suppress(BrokenPipeError):
            report.output.line("Nothing was due.")
    if interruptions.received == signal.SIGINT:
        return INTERRUPTED
    return 1 if report.refused else 0


class _WorkReport:
    """A line for each execution that was driven."""

    def __init__(self, printer: Printer, store: str | None) -> None:
        self.output = RunOutput(printer)
        self.refused = False
        self._printer = printer
        self._store = store

    def tell(self, summary: ExecutionSummary, result: ExecutionState | Refusal) -> None:
        """Called by the worker, with the execution as it was before and what came of it."""
        self.output.end_lines()
        if isinstance(result, Refusal):
            self._refused(summary, result)
            return
        after = summarize(result)
        status = after.status
        if status == ExecutionStatus.RUNNING:
            status = INTERRUPTED_STATUS  # it was left at a stop
        facts: list[Piece] = [one_line(after.error)] if after.error else []
        if after.waiting_for:
            facts.append(f"{after.waiting_for} {until(after.wake_at, now_utc())}".rstrip())
        self._line(self._printer.status(status), after, *facts)

    def _refused(self, summary: ExecutionSummary, refusal: Refusal) -> None:
        self.refused = True
        again = typed("recover", summary.id[-5:], store=self._store)
        mark = (f"{self._printer.glyphs.warning} not driven", "yellow")
        self._line(mark, summary, refusal.problem, f"where it belongs: {again}")

    def _line(self, status: tuple[str, str], summary: ExecutionSummary, *facts: Piece) -> None:
        pieces: list[Piece] = [status, "  ", (summary.workflow_name, "bold"), f" {self._printer.short_id(summary.id)}"]
        for fact in facts:
            pieces += ["  ", (fact, "dim") if isinstance(fact, str) else fact]
        self.output.line(*pieces)
