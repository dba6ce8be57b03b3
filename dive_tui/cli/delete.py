"""`dive-tui delete`: remove executions with all their data."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.asking import ask
from dive_tui.cli.columns import Column, print_columns
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, print_json, shown_time, typed
from dive_tui.cli.problems import UsageError, tell
from dive_tui.cli.selecting import opened_store
from dive_tui.cli.several import Executions, Yes, counted, find_executions
from dive_tui.confirming import is_confirmed, word_to_type
from engine.model.ids import short_id
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ENDED
from engine.store import ExecutionEventStore, OwnedError, ReadOnlyError
from stores.folding import is_damaged

SOME_KEPT = 1
_MOST_SHOWN = 20


async def delete(
    execution: Executions,
    /,
    *executions: Executions,
    force: Annotated[bool, Parameter(name="--force")] = False,
    yes: Yes = False,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Remove executions for good, with all their data.

    Only executions that have ended, and whose end nobody waits for. All of them are looked at first: when one cannot be
    deleted, none is. Exit codes: 0 deleted, 1 some changed meanwhile and were kept, 2 refused.

    Parameters
    ----------
    force
        Also those that have not ended, when no living runner drives them.
    """
    async with opened_store(common) as store:
        if reason := getattr(store, "why_read_only", ""):
            raise ReadOnlyError(reason)
        ids = await find_executions(store, (execution, *executions))
        everything = {summary.id: summary for summary in await store.list_executions()}
        chosen = [everything[execution_id] for execution_id in ids if execution_id in everything]
        refusals = [refusal for one in chosen if (refusal := _refusal(one, everything, ids, force, common.store))]
        missing = [execution_id for execution_id in ids if execution_id not in everything]
        refusals += [f"there is no execution {execution_id} any more" for execution_id in missing]
        if refusals:
            raise UsageError(*refusals, *(["nothing was deleted"] if len(ids) > 1 else []))
        if not yes:
            _confirm(chosen, common)
        kept = {one.id: problem for one in chosen if (problem := await _delete(store, one))}
    deleted = [execution_id for execution_id in ids if execution_id not in kept]
    _tell(deleted, kept, json, common)
    return SOME_KEPT if kept else 0


def _refusal(
    summary: ExecutionSummary, everything: dict[str, ExecutionSummary], ids: list[str], force: bool, store: str | None
) -> str:
    """Why an execution must not be deleted; empty when it may."""
    name = f"{summary.workflow_name} {short_id(summary.id)}"
    if summary.status not in ENDED and not (force and summary.live is not True):
        if summary.live is not True and (summary.dialect or is_damaged(summary)):
            what = "is damaged" if is_damaged(summary) else "was recorded by the Go system Dive"
            return f"{name} {what}, so it can neither go on nor be cancelled: delete it as it is with --force"
        cancel = typed("cancel", summary.id[-5:], store=store)
        by_force = "" if summary.live else ", or delete it as it is with --force"
        return f"{name} is {summary.shown_status}, not ended: cancel it first with {cancel}{by_force}"
    waiting = next((one for one in everything.values() if summary.id in one.children and one.id not in ids), None)
    if waiting is not None:
        parent = f"{waiting.workflow_name} {short_id(waiting.id)}"
        return f"{parent} waits for the outcome of {name}, and would run it again: delete both, or let it go on first"
    return ""


def _confirm(chosen: list[ExecutionSummary], common: Common) -> None:
    """Ask for what only somebody who has looked would type.

    Raises:
        UsageError: it was not typed, or there is nobody to ask.
    """
    printer = Printer(sys.stderr, ascii_only=common.ascii)
    ids = [summary.id for summary in chosen]
    word = word_to_type(ids)
    if sys.stdin.isatty():
        _print_chosen(printer, chosen)
    number = counted(len(ids), "execution")
    if not is_confirmed(ask(f"Delete {number} for good? Type {word}:", what="delete"), ids):
        raise UsageError(f"that is not {word}: nothing was deleted")


def _print_chosen(printer: Printer, chosen: list[ExecutionSummary]) -> None:
    shown = chosen[:_MOST_SHOWN]
    columns = [
        Column("EXECUTION", [printer.short_id(one.id) for one in shown], rank=0),
        Column("WORKFLOW", [one.workflow_name for one in shown], rank=2, least=8),
        Column("STATUS", [printer.status(one.shown_status) for one in shown], rank=1),
        Column("STARTED", [shown_time(one.start_time) for one in shown], rank=3),
        Column("EVENTS", [f"{one.last_event_seq:,}" for one in shown], rank=4, align="right"),
    ]
    print_columns(printer, columns)
    if len(chosen) > len(shown):
        printer.line((f"and {len(chosen) - len(shown):,} more", "dim"))


async def _delete(store: ExecutionEventStore, shown: ExecutionSummary) -> str:
    """Delete an execution that still is what was shown; why it was kept, empty when it is gone."""
    now = await store.get_summary(shown.id)
    if now is None:
        return ""
    if (now.status, now.last_event_seq) != (shown.status, shown.last_event_seq) or now.live is True:
        return "it has gone on meanwhile"
    try:
        await store.delete_execution(shown.id)
    except OwnedError as error:
        return str(error)
    return ""


def _tell(deleted: list[str], kept: dict[str, str], json: bool, common: Common) -> None:
    if json:
        print_json({"deleted": deleted, "kept": kept})
        return
    printer = Printer(ascii_only=common.ascii)
    if deleted:
        printer.line(f"Deleted {counted(len(deleted), 'execution')}.")
    tell(f"{short_id(execution_id)} was kept: {problem}" for execution_id, problem in kept.items())
