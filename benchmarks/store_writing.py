"""Writing to stores: in bulk, step by step, and many small workflows at once."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import apsw

from benchmarks.histories import synthetic_history
from benchmarks.places import disk, tmpfs
from benchmarks.report import Row, micros, per_second, ratio
from benchmarks.running import ROUNDS, Commit, count, loop, run
from benchmarks.store_probes import into_file, into_sqlite
from dive_tui import Engine
from engine.model.events import ExecutionEvent
from engine.store import StoreError
from stores.codec import encode_batch
from stores.file.store import FileExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore

Durability = Literal["full", "normal"]
DURABILITIES: tuple[Durability, ...] = ("full", "normal")
BULK = 20_000
"""Events of one history that is appended in bulk."""
AT_ONCE = 100
"""Events of one append."""
STEPS = 2_000
WORKFLOWS = 400
CONCURRENT = 50

_numbers = itertools.count()
Store = SQLiteExecutionEventStore | FileExecutionEventStore
Appending = Callable[[Store, Sequence[ExecutionEvent], Sequence[bytes]], Coroutine[Any, Any, None]]


class UngroupedStore(SQLiteExecutionEventStore):
    """Commits each execution's batch on its own."""

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        return [result for batch in batches for result in await super(UngroupedStore, self).append_batches([batch])]


def measure() -> list[Row]:
    """Bulk appends, steps one after the other, and workflows of three steps."""
    with disk() as folder:
        return [*_bulk(folder), *_steps(folder, "disk"), *_in_memory(), *_workflows(folder)]


def new_sqlite(folder: Path, durability: Durability = "full") -> SQLiteExecutionEventStore:
    """An empty store in a database of its own, on the caller's loop."""
    path = folder / f"store-{next(_numbers)}.db"
    return SQLiteExecutionEventStore(path, create=True, offload=False, durability=durability)


def new_files(folder: Path, durability: Durability = "full") -> FileExecutionEventStore:
    """An empty store of files in a folder of its own, on the caller's loop."""
    base = folder / f"store-{next(_numbers)}"
    return FileExecutionEventStore(base, create=True, offload=False, durability=durability)


def _in_memory() -> list[Row]:
    with tmpfs() as folder:
        return _steps(folder, "tmpfs", ("normal",))


def _bulk(folder: Path) -> list[Row]:
    events = list(synthetic_history(BULK))
    lines = [line for at in range(0, BULK, AT_ONCE) for line in encode_batch(events[at : at + AT_ONCE])]
    commits = [lines[at : at + AT_ONCE] for at in range(0, BULK, AT_ONCE)]
    ways: tuple[tuple[str, Appending, str], ...] = (
        ("append_events", _append_events, "≥ 50,000/s"),
        ("append_lines", _append_lines, "≥ 100,000/s"),
    )
    rows = []
    for kind, new, probe in (("SQLite", new_sqlite, into_sqlite), ("files", new_files, into_file)):
        for durability in DURABILITIES:
            for name, appending, goal in ways:
                ours, raw = [], []
                for _ in range(ROUNDS):
                    ours.append(BULK / asyncio.run(_timed_bulk(new(folder, durability), appending, events, lines)))
                    raw.append(BULK / probe(folder, commits, sync=durability == "full"))
                what = f"events per second, {name}, {AT_ONCE} at once, {kind}, {durability}"
                rows.append(Row(what, per_second(ours), per_second(raw), ratio(ours, raw), goal))
    return rows


async def _timed_bulk(
    store: Store, appending: Appending, events: Sequence[ExecutionEvent], lines: Sequence[bytes]
) -> float:
    began = time.perf_counter()
    for at in range(0, BULK, AT_ONCE):
        await appending(store, events[at : at + AT_ONCE], lines[at : at + AT_ONCE])
    took = time.perf_counter() - began
    await store.close()
    return took


async def _append_events(store: Store, events: Sequence[ExecutionEvent], lines: Sequence[bytes]) -> None:
    await store.append_events(events)


async def _append_lines(store: Store, events: Sequence[ExecutionEvent], lines: Sequence[bytes]) -> None:
    await store.append_lines(events[0].execution_id, lines)


def _steps(folder: Path, where: str, durabilities: Sequence[Durability] = DURABILITIES) -> list[Row]:
    rows = []
    for durability in durabilities:
        ours, raw, cpu = [], [], []
        for _ in range(ROUNDS):
            store = new_sqlite(folder, durability)
            timing = run(store, loop(STEPS))
            ours.append(STEPS / timing.wall)
            cpu.append(timing.cpu / STEPS)
            raw.append(STEPS / into_sqlite(folder, lines_of(store.path, timing.commits), sync=durability == "full"))
        what = f"SQLite, {durability}, {where}"
        goal = "ratio ≥ 0.7" if durability == "full" else "≥ 8,000/s"
        rows.append(Row(f"steps per second, {what}", per_second(ours), per_second(raw), ratio(ours, raw), goal))
        rows.append(Row(f"processor time per step, {what}", micros(cpu), goal="≤ 100 µs"))
    return rows


def lines_of(path: Path, commits: Sequence[Commit]) -> list[list[bytes]]:
    """The lines that commits brought into a database, commit by commit."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        numbers = dict(connection.execute("SELECT id, number FROM executions"))
        of_one = {name: _lines(connection, numbers[name]) for name in {commit.execution_id for commit in commits}}
    places = dict.fromkeys(of_one, 0)
    written = []
    for name, events in commits:
        written.append(of_one[name][places[name] : places[name] + events])
        places[name] += events
    return written


def _lines(connection: apsw.Connection, number: int) -> list[bytes]:
    rows = connection.execute("SELECT line FROM events WHERE position >> 32 = ? ORDER BY position", (number,))
    return [line for (line,) in rows]


def _workflows(folder: Path) -> list[Row]:
    grouped, ungrouped, raw = [], [], []
    for _ in range(ROUNDS):
        store = new_sqlite(folder)
        seconds, commits = asyncio.run(_concurrently(store))
        grouped.append(WORKFLOWS / seconds)
        raw.append(WORKFLOWS / into_sqlite(folder, lines_of(store.path, commits), sync=True))
        path = folder / f"store-{next(_numbers)}.db"
        seconds, _ = asyncio.run(_concurrently(UngroupedStore(path, create=True, offload=False)))
        ungrouped.append(WORKFLOWS / seconds)
    what = f"workflows of 3 steps per second, {CONCURRENT} at once, SQLite, full, disk"
    return [
        Row(f"{what}, grouped", per_second(grouped), per_second(raw), ratio(grouped, raw), "≥ 2,000/s"),
        Row(f"{what}, grouped beside ungrouped", per_second(grouped), f"{per_second(ungrouped)} ungrouped",
            ratio(grouped, ungrouped), "≥ 2"),
    ]  # fmt: skip


async def _concurrently(store: SQLiteExecutionEventStore) -> tuple[float, list[Commit]]:
    commits: list[Commit] = []
    slots = asyncio.Semaphore(CONCURRENT)
    engine = Engine(store, actions=[count])
    workflow = loop(3)

    def observe(batch: Sequence[ExecutionEvent]) -> None:
        commits.append(Commit(batch[0].execution_id, len(batch)))

    async def one() -> None:
        async with slots:
            result = await engine.run(workflow, observer=observe)
        assert result.ok, result.error

    await engine.run(loop(2))
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(WORKFLOWS)))
    seconds = time.perf_counter() - began
    await engine.close()
    await store.close()
    return seconds, commits
