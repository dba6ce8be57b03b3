"""`dive-tui verify`: whether everything in a store is whole and makes sense."""

from __future__ import annotations

from dive_tui.cli.findings import print_findings
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, print_json, typed
from dive_tui.cli.progress import shown_progress
from dive_tui.cli.selecting import opened_store
from dive_tui.cli.several import Executions, counted, find_executions
from engine.store import ExecutionEventStore, StoreError
from stores.maintenance import Finding, Progress
from stores.verifying import verify as verify_store

FINDINGS = 1


async def verify(
    *executions: Executions,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Look for damage in what a store holds.

    Files, checksums, histories, summaries, snapshots and messages of all executions, or of those named. Nothing is
    changed. Exit codes: 0 nothing is wrong, 1 something is, 4 the store cannot be read at all.
    """
    printer = Printer(ascii_only=common.ascii)
    async with opened_store(common) as store:
        ids = await find_executions(store, executions)
        with shown_progress("verifying", "events") as progress:
            findings = await verify_each(store, ids, progress)
        extent = await extent_of(store, ids)
    if json:
        print_json([finding._asdict() for finding in findings])
        return FINDINGS if findings else 0
    if not findings:
        printer.line((printer.glyphs.completed, "green"), f" {extent}: nothing wrong")
        return 0
    print_findings(printer, findings)
    printer.console.print()
    printer.line((f"{counted(len(findings), 'finding')} in {extent}", "bold"))
    if any(finding.remedy for finding in findings):
        printer.hints(typed("repair", *executions, store=common.store), label="Mend")
    return FINDINGS


async def verify_each(store: ExecutionEventStore, ids: list[str], progress: Progress | None = None) -> list[Finding]:
    """What is wrong with these executions, or with the whole store when none is named.

    Raises:
        StoreError: the store cannot be read at all.
    """
    if not ids:
        return await verify_store(store, None, progress)
    return [finding for execution_id in ids for finding in await verify_store(store, execution_id, progress)]


async def extent_of(store: ExecutionEventStore, ids: list[str]) -> str:
    """`12 executions, 3,402 events`: how much these are, or the whole store when none is named."""
    chosen = set(ids)
    try:
        everything = await store.list_executions()
    except StoreError:
        return "a store that cannot be listed"
    summaries = [summary for summary in everything if not ids or summary.id in chosen]
    events = sum(summary.last_event_seq for summary in summaries)
    return f"{counted(len(summaries), 'execution')}, {counted(events, 'event')}"
