"""`dive-tui repair`: mend what `verify` finds, keeping what is cut out."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.asking import ask
from dive_tui.cli.findings import print_findings, print_mended
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, print_json
from dive_tui.cli.problems import CommandError, UsageError
from dive_tui.cli.progress import shown_progress
from dive_tui.cli.selecting import opened_store
from dive_tui.cli.several import Executions, Yes, counted, find_executions
from dive_tui.cli.verify import FINDINGS, extent_of, verify_each
from engine.store import ExecutionEventStore
from stores.maintenance import Finding, Maintainable, Mended
from stores.verifying import UNREPAIRABLE, Repaired
from stores.verifying import repair as repair_store


async def repair(
    *executions: Executions,
    dry_run: Annotated[bool, Parameter(name="--dry-run")] = False,
    yes: Yes = False,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Mend what verify finds, keeping aside what is cut out.

    All executions, or those named. What a living runner owns is left alone. Exit codes: 0 nothing is wrong any more,
    1 something is, 2 nobody could be asked, 4 the store cannot be read or written.

    Parameters
    ----------
    dry_run
        Only show what would be done.
    """
    printer = Printer(ascii_only=common.ascii)
    async with opened_store(common) as store:
        if not isinstance(store, Maintainable):
            raise UsageError(UNREPAIRABLE)
        ids = await find_executions(store, executions)
        with shown_progress("verifying", "events") as progress:
            findings = await verify_each(store, ids, progress)
        remedies = sum(1 for finding in findings if finding.remedy)
        if dry_run or not remedies:
            _tell_plan(printer, findings, json)
            if not findings and not json:
                printer.line((printer.glyphs.completed, "green"), f" {await extent_of(store, ids)}: nothing wrong")
            return FINDINGS if findings else 0
        if not yes:
            if sys.stdin.isatty():
                print_findings(Printer(sys.stderr, ascii_only=common.ascii), findings)
            answer = ask(f"Mend {counted(remedies, 'finding')}? Type yes:", what="repair")
            if answer != "yes":
                raise CommandError("nothing was changed", exit_code=FINDINGS)
        done = await _repair_each(store, ids)
    _tell_done(printer, done, json)
    return FINDINGS if done.remaining else 0


async def _repair_each(store: ExecutionEventStore, ids: list[str]) -> Repaired:
    chosen: list[str] | list[None] = ids or [None]
    mended: list[Mended] = []
    remaining: list[Finding] = []
    with shown_progress("repairing", "events") as progress:
        for execution_id in chosen:
            done = await repair_store(store, execution_id, progress)
            mended += done.mended
            remaining += done.remaining
    return Repaired(mended, remaining)


def _tell_plan(printer: Printer, findings: list[Finding], json: bool) -> None:
    if json:
        print_json({"mended": [], "remaining": [finding._asdict() for finding in findings]})
    elif findings:
        print_findings(printer, findings)


def _tell_done(printer: Printer, done: Repaired, json: bool) -> None:
    if json:
        mended = [one.finding._asdict() | {"outcome": one.outcome} for one in done.mended]
        print_json({"mended": mended, "remaining": [finding._asdict() for finding in done.remaining]})
        return
    if done.mended:
        print_mended(printer, done.mended)
    if done.remaining:
        printer.heading(f"{counted(len(done.remaining), 'finding')} left")
        print_findings(printer, done.remaining)
    else:
        printer.line((printer.glyphs.completed, "green"), " nothing is wrong any more")
