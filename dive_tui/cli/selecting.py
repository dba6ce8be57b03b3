"""From what a person types to the store and the execution that are meant."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dive_tui.cli.problems import UsageError
from engine.core.references import ReferenceProblem, resolve_reference
from engine.model.snapshot import ExecutionFilter, ExecutionSummary
from engine.store import DamagedHistoryError, DamagedStoreError, ExecutionEventStore
from stores.location import Durability, open_store, resolve_location

if TYPE_CHECKING:  # the app does without the parser of the command line
    from dive_tui.cli.options import Common

_MOST_CANDIDATES = 10
_NEWEST = 200


def user_name() -> str:
    """Who gives the command: the user's name, or number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # by the version of Python
        return str(os.getuid())


@asynccontextmanager
async def opened_store(common: Common, durability: Durability = "full") -> AsyncIterator[ExecutionEventStore]:
    """The store that a command is about, closed at the end.

    Raises:
        StoreError: there is none, or what is there is none.
    """
    location = resolve_location(common.store, os.environ, Path.cwd())
    store = open_store(location.text, offload=False, durability=durability)
    try:
        yield store
    finally:
        await store.close()


async def find_execution(store: ExecutionEventStore, reference: str) -> str:
    """The id of the execution a person means.

    Raises:
        InvalidIdError: it cannot be (part of) an id.
        UsageError: it names no execution, or several, which are told.
        StoreError: the store cannot be read.
    """
    part = reference.removeprefix("…").removeprefix("~")
    try:
        if await store.get_events(part, 1, 1):
            return part
    except DamagedHistoryError:
        return part  # it is there, and what can be read of it may be shown
    except DamagedStoreError:
        pass  # perhaps only its events are
    if part.startswith("last"):  # most often one of the newest, found without looking at all
        with suppress(ReferenceProblem):
            return resolve_reference(part, await store.list_executions(ExecutionFilter(limit=_NEWEST)))
    summaries = await store.list_executions()
    try:
        return resolve_reference(part, summaries)
    except ReferenceProblem as problem:
        raise UsageError(*_told(problem, summaries)) from problem


def _told(problem: ReferenceProblem, summaries: list[ExecutionSummary]) -> list[str]:
    if not problem.candidates:
        hint = "; dive-tui list shows them all" if summaries else ", run one first: dive-tui run FILE"
        return [f"{problem}{hint}"]
    known = {summary.id: summary for summary in summaries}
    lines = [_candidate(known[found]) for found in problem.candidates[:_MOST_CANDIDATES]]
    more = len(problem.candidates) - len(lines)
    return [f"{problem}:", *lines, *([f"  and {more:,} more"] if more else [])]


def _candidate(summary: ExecutionSummary) -> str:
    return f"  {summary.id}  {summary.workflow_name}  {summary.shown_status}  {summary.start_time}"
