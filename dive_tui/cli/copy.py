"""`dive-tui copy`: executions from one store into another."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.options import Ascii, Json
from dive_tui.cli.printing import Printer, print_json
from dive_tui.cli.problems import UsageError
from dive_tui.cli.progress import shown_progress
from dive_tui.cli.several import Executions, counted, find_executions
from engine.core.query import parse_query
from engine.model.snapshot import ExecutionSummary
from engine.store import ExecutionEventStore, StoreNotFoundError
from stores.copying import SUCCESSES, Copied, copy_executions, is_same_place
from stores.location import open_store, resolve_location

NOT_ALL = 1
_MOST_TOLD = 10


async def copy(
    source: Annotated[str, Parameter(name="SRC", help="The store to copy from; it is only read.")],
    target: Annotated[str, Parameter(name="DST", help="The store to copy into, made when nothing is there.")],
    /,
    *executions: Executions,
    query: Annotated[str, Parameter(metavar="QUERY")] = "",
    json: Json = False,
    ascii: Ascii = False,
) -> int:
    """Copy executions into another store, of whatever kind.

    All executions, or those named. What was written is read back and compared. What is there already is compared and
    only continued, so a copy that was stopped, or made while executions went on, is completed by another one. Exit
    codes: 0 all are there, 1 some could not be copied, 4 a store failed.

    Parameters
    ----------
    query
        Only executions that fit, as for list.
    """
    places = [_location(word, name) for word, name in ((source, "SRC"), (target, "DST"))]
    if is_same_place(*places):
        raise UsageError(f"SRC and DST are the same place, or one is inside the other: {source} and {target}")
    if executions and query:
        raise UsageError("executions are named or asked for by --query, not both")
    printer = Printer(ascii_only=ascii)
    from_store = _source_at(places[0])
    try:
        chosen = await _chosen(from_store, executions, query)
        results = await _copied(from_store, places[1], chosen) if chosen else []
    finally:
        await from_store.close()
    if json:
        print_json([result._asdict() for result in results])
    else:
        _tell(printer, results, {summary.id: summary.workflow_name for summary in chosen}, target)
    return 0 if all(result.outcome in SUCCESSES for result in results) else NOT_ALL


def _location(word: str, name: str) -> str:
    """Where a store that was named on the command line is.

    Raises:
        UsageError: that is no place of a store.
    """
    if word in ("", "file:", "sqlite:"):
        raise UsageError(f"{name}: the path of the store is empty")
    if word.startswith("memory:"):
        raise UsageError(f"{name}: an in-memory store exists in one Python process only, name a path instead")
    return resolve_location(word, os.environ, Path.cwd()).text


def _source_at(location: str) -> ExecutionEventStore:
    try:
        return open_store(location, offload=False)
    except StoreNotFoundError:
        raise StoreNotFoundError(f"SRC: there is no store at {location}") from None


async def _copied(source: ExecutionEventStore, target: str, chosen: list[ExecutionSummary]) -> list[Copied]:
    store = open_store(target, create=True, offload=False)
    try:
        with shown_progress("copying", "events") as progress:
            async with aclosing(copy_executions(source, store, chosen, progress)) as copies:
                return [result async for result in copies]
    finally:
        await store.close()


async def _chosen(store: ExecutionEventStore, references: tuple[str, ...], query: str) -> list[ExecutionSummary]:
    """The executions meant, oldest first, as children come after their parents."""
    asked, now = parse_query(query), datetime.now(UTC)
    ids = set(await find_executions(store, references))
    everything = reversed(await store.list_executions())
    return [one for one in everything if (one.id in ids if references else asked.matches(one, now))]


def _tell(printer: Printer, results: list[Copied], workflows: dict[str, str], target: str) -> None:
    outcomes = Counter(result.outcome for result in results)
    events, messages = sum(result.events for result in results), sum(result.messages for result in results)
    facts = [
        f"{outcomes['continued']:,} continued" if outcomes["continued"] else "",
        f"{outcomes['unchanged']:,} there already" if outcomes["unchanged"] else "",
        counted(events, "event"),
        counted(messages, "message") if messages else "",
    ]
    copied = counted(outcomes["copied"], "execution")
    printer.line(f"Copied {copied} to {target}  ", (printer.beside(*facts), "dim"))
    live = [result for result in results if result.live]
    if live:
        names = _names(printer, live)
        printer.line(
            (f"Driven by a living runner meanwhile, copy again for what they do from now on: {names}", "yellow")
        )
    for result in results:
        if result.outcome not in SUCCESSES:
            name = f"{workflows[result.execution_id]} {printer.short_id(result.execution_id)}"
            printer.line((f"{printer.glyphs.failed} {result.outcome}", "red"), f"  {name}  {result.problem}")


def _names(printer: Printer, results: list[Copied]) -> str:
    shown = ", ".join(printer.short_id(result.execution_id) for result in results[:_MOST_TOLD])
    more = len(results) - _MOST_TOLD
    return f"{shown} and {more:,} more" if more > 0 else shown
