"""`dive-tui list`: the executions of a store, newest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from dive_tui.app.text import human_duration
from dive_tui.cli.columns import Column, print_columns
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, one_line, print_json, shown_time
from dive_tui.cli.problems import UsageError, tell
from dive_tui.cli.selecting import opened_store
from dive_tui.cli.waits import time_until
from engine.core.expression_errors import suggestion
from engine.core.query import Query, parse_query
from engine.model.snapshot import ExecutionFilter, ExecutionSummary
from engine.model.times import format_time, seconds_between
from engine.store import ExecutionEventStore

_OPTIONS = ("--status", "--workflow", "--limit", "--offset", "--json", "--store", "--ascii", "--debug", "--help")
_MORE = ": --limit N or --offset N"


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
    where = ExecutionFilter(wanted, workflow, limit, offset)
    now = datetime.now(UTC)
    async with opened_store(common) as store:
        page = await _page(store, where, asked, now)
    if json:
        print_json([summary.to_dict() for summary in page.shown])
        tell([f"{page.cut}{_MORE}"] if page.cut else [])
    else:
        _print_list(page, common, now)
    return 0


class _Page(NamedTuple):
    """What of a store is listed."""

    shown: list[ExecutionSummary]
    cut: str
    """That there is more; empty when there is not."""
    is_empty: bool = False
    """Whether there is no execution at all."""


async def _page(store: ExecutionEventStore, where: ExecutionFilter, asked: Query, now: datetime) -> _Page:
    if asked.text:
        # What a query asks for only it can tell: it has to see all that the filter lets through.
        everything = await store.list_executions(replace(where, limit=None, offset=0))
        matching = [summary for summary in everything if asked.matches(summary, now)]
        shown = matching[where.offset :][: where.limit]
        cut = f"showing {len(shown):,} of {len(matching):,}" if len(shown) < len(matching) else ""
    else:
        limit = where.limit or 0
        found = await store.list_executions(replace(where, limit=limit + 1))
        shown = found[:limit]
        more = len(found) > limit
        cut = f"showing {_count(len(shown), where.offset)}, there are more" if more else ""
    return _Page(shown, cut, is_empty=not shown and not await store.list_executions(ExecutionFilter(limit=1)))


def _count(shown: int, offset: int) -> str:
    return f"{offset + 1:,} to {offset + shown:,}" if offset and shown else f"{shown:,}"


def _print_list(page: _Page, common: Common, now: datetime) -> None:
    printer = Printer(ascii_only=common.ascii)
    if page.shown:
        print_columns(printer, _columns(printer, page.shown, now))
    elif page.is_empty:
        printer.line("No executions yet. Run a workflow: dive-tui run FILE")
    elif not page.cut:
        printer.line("No execution matches. All of them: dive-tui list")
    if page.cut:
        printer.line((f"{page.cut}{_MORE}", "dim"))


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
