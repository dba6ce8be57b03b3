"""What `check` is to look at: executions of a store, a whole store, exported histories, folders of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from dive_tui.cli.options import Common
from dive_tui.cli.problems import STORE_TROUBLE, USAGE, UsageError, exit_code, sentences
from dive_tui.cli.reading import read_execution
from dive_tui.cli.selecting import opened_store
from dive_tui.cli.several import find_executions
from engine.core.query import parse_query
from engine.replay.history import History
from engine.store import ExecutionEventStore
from stores.exported import LINES, OBJECT, HistoryFileError, history_files, read_histories
from stores.file.layout import EVENTS

_IN_QUERIES = ":<>="


class Loaded(NamedTuple):
    """A history, or why there is none."""

    execution_id: str
    history: History | None
    trouble: str = ""
    """A sentence about what is missing of it."""
    exit_code: int = 0
    """What that trouble stands for."""


class Source(NamedTuple):
    """Where one history, or the histories of one file, come from."""

    name: str
    """An execution's id, or a file."""
    read: Callable[[], Awaitable[list[Loaded]]]
    named: bool
    """Whether somebody named this very one, and it is not just among others."""


async def find_sources(targets: Sequence[str], common: Common, opened: AsyncExitStack) -> list[Source]:
    """What a person names, in that order; without a name all executions of the store.

    Stores that are needed stay open as long as `opened` is.

    Raises:
        UsageError: one names nothing, or several executions.
        QueryError, InvalidIdError: it cannot be a query, or (part of) an id.
        StoreError: a store cannot be read.
    """
    found: dict[str, Source] = {}
    references, terms = [], []
    for target in targets:
        if _is_path(target):
            for source in await _at_path(Path(target), common, opened):
                found.setdefault(source.name, source)
        elif any(mark in target for mark in _IN_QUERIES):
            terms.append(target)
        else:
            references.append(target)
    if references or terms or not targets:
        store = await opened.enter_async_context(opened_store(common))
        for execution_id in await find_executions(store, references):
            found[execution_id] = Source(execution_id, partial(_from_store, store, execution_id), named=True)
        if terms or not targets:
            for source in await _matching(store, " ".join(terms)):
                found.setdefault(source.name, source)
    if not found:
        what = f"no execution matches {' '.join(terms)!r}" if terms else "the store holds no executions yet"
        raise UsageError(f"{what}; dive-tui list shows what there is")
    return list(found.values())


def _is_path(target: str) -> bool:
    return "/" in target or "\\" in target or target.endswith((LINES, OBJECT)) or Path(target).exists()


async def _at_path(path: Path, common: Common, opened: AsyncExitStack) -> list[Source]:
    if not path.exists():
        raise UsageError(f"there is nothing at {path}")
    if path.is_dir() and (path / EVENTS).is_file():
        return [_of_file(path / EVENTS, named=True)]
    if path.suffix in (LINES, OBJECT) and path.is_file():
        return [_of_file(path, named=True)]
    files = history_files(path) if path.is_dir() else []
    if files:
        return [_of_file(file, named=False) for file in files]
    store = await opened.enter_async_context(opened_store(Common(store=str(path), ascii=common.ascii)))
    sources = await _matching(store, "")
    if not sources:
        raise UsageError(f"there is no history in {path}")
    return sources


async def _matching(store: ExecutionEventStore, query: str) -> list[Source]:
    asked, now = parse_query(query), datetime.now(UTC)
    return [
        Source(summary.id, partial(_from_store, store, summary.id), named=False)
        for summary in await store.list_executions()
        if not query or asked.matches(summary, now)
    ]


async def _from_store(store: ExecutionEventStore, execution_id: str) -> list[Loaded]:
    try:
        reading = await read_execution(store, execution_id)
    except Exception as error:
        if exit_code(error) not in (USAGE, STORE_TROUBLE):
            raise
        return [Loaded(execution_id, None, "; ".join(sentences(error)), STORE_TROUBLE)]
    trouble = reading.damage if reading.is_damaged else ""
    return [Loaded(execution_id, reading.history, trouble, STORE_TROUBLE if trouble else 0)]


def _of_file(file: Path, *, named: bool) -> Source:
    async def read() -> list[Loaded]:
        try:
            histories = read_histories(file)
        except HistoryFileError as error:
            return [Loaded(str(file), None, str(error), USAGE)]
        return [_from_file(file, History(name, events)) for name, events in histories.items()]

    return Source(str(file), read, named)


def _from_file(file: Path, history: History) -> Loaded:
    if history.problem is None or history.folded == 0:
        return Loaded(history.execution_id, history)
    trouble = f"{file}: the history of {history.execution_id} makes no sense after event {history.folded}"
    return Loaded(history.execution_id, history, f"{trouble}: {history.problem}", USAGE)
