"""`dive-tui list`: the executions of a store, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from dive_tui.app.text import human_duration
from dive_tui.cli.columns import Column, print_columns
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, one_line, print_json, shown_time
from dive_tui.cli.problems import UsageError, tell
from dive_tui.cli.selecting import opened_store
from dive_tui.cli.waits import time_until
from engine.core.expression_errors import suggestion
from engine.core.query import parse_query
from engine.model.snapshot import ExecutionFilter, ExecutionSummary
from engine.model.times import format_time, seconds_between

_OPTIONS = ("--status", "--workflow", "--limit", "--offset", "--json", "--store", "--ascii", "--debug", "--help")


async def list_executions(
    *query: Annotated[str, Parameter(name="QUERY", allow_leading_hyphen=True)],
    status: Annotated[str, Parameter(metavar="STATUS,...")] = "",
    workflow: Annotated[str | None, Parameter(name=("--workflow", "-w"), metavar="NAME")] = None,
    limit: Annotated[int, Parameter(metavar="N", show_default=True)] = 50,
    offset: Annotated[int, Parameter(metavar="N")] = 0,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """List executions, newest first.

    Parameters
    ----------
    query
        Such as: status:failed workflow:pay* age<24h took>5s -step:Ship
    status
        Only these statuses, separated by commas.
    workflow
        Only executions of the workflow of this very name.
    limit
        How many to show.
    offset
        How many to leave out first.
    """
    mistaken = next((word for word in query if word.startswith("--")), None)
    if mistaken is not None:
        hint = suggestion(mistaken, _OPTIONS)
        raise UsageError(f"unknown option {mistaken!r}{hint or '; see: dive-tui list --help'}")
    asked = parse_query(" ".join(query))
    wanted = frozenset(name.strip() for name in status.split(",") if name.strip())
    page = ExecutionFilter(statuses=wanted, workflow_name=workflow, limit=limit, offset=offset)
    async with opened_store(common) as store:
        everything = await store.list_executions()
    now = datetime.now(UTC)
    matching = [summary for summary in everything if page.accepts(summary) and asked.matches(summary, now)]
    shown = matching[offset:][:limit]
    cut = f"showing {len(shown):,} of {len(matching):,}" if len(shown) < len(matching) else ""
    if json:
        print_json([summary.to_dict() for summary in shown])
        tell([cut] if cut else [])
    else:
        _print_list(shown, cut, len(everything), common, now)
    return 0


def _print_list(shown: list[ExecutionSummary], cut: str, total: int, common: Common, now: datetime) -> None:
    printer = Printer(ascii_only=common.ascii)
    if shown:
        print_columns(printer, _columns(printer, shown, now))
    elif total == 0:
        printer.line("No executions yet. Run a workflow: dive-tui run FILE")
    elif not cut:
        printer.line(f"No execution matches. All {total:,}: dive-tui list")
    if cut:
        printer.line((f"{cut}; more with --limit N or --offset N", "dim"))


def _columns(printer: Printer, shown: list[ExecutionSummary], now: datetime) -> list[Column]:
    statuses = [printer.status(summary.shown_status) for summary in shown]
    return [
        Column("EXECUTION", [printer.short_id(summary.id) for summary in shown], rank=0),
        Column("WORKFLOW", [summary.workflow_name for summary in shown], rank=2, least=8),
        Column("STATUS", [*statuses], rank=1),
        Column("AT STEP", [summary.at_step for summary in shown], rank=4, least=8),
        Column("STARTED", [shown_time(summary.start_time, now.astimezone()) for summary in shown], rank=5),
        Column("TOOK", [_took(summary, now) for summary in shown], rank=6, align="right"),
        Column("WAITS FOR", [_waits(summary, now) for summary in shown], rank=3, least=12),
        Column("ERROR", [(one_line(summary.error), "red") for summary in shown], rank=3, least=16),
    ]


def _waits(summary: ExecutionSummary, now: datetime) -> str:
    """`signal approve, in 4 min`: what it waits for, and how long at most."""
    if not summary.waiting_for:
        return ""
    limit = f", {time_until(summary.wake_at, now)}" if summary.wake_at else ""
    return f"{summary.waiting_for}{limit}"


def _took(summary: ExecutionSummary, now: datetime) -> str:
    end = summary.end_time or (format_time(now) if summary.live else summary.updated_at)
    return human_duration(max(0.0, seconds_between(summary.start_time, end)))
