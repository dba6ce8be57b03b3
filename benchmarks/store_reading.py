"""Reading from stores: lists of many executions, a history of a million events, and replay."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import orjson
import psutil

from benchmarks.histories import START, synthetic_history
from benchmarks.places import tmpfs
from benchmarks.report import Row, micros, per_second, ratio
from benchmarks.running import ROUNDS
from benchmarks.store_writing import Store, new_files, new_sqlite
from engine.core.reduce import fold, initial_state
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.testing.conformance_events import HistoryMaker
from stores.codec import encode_batch
from stores.sqlite.store import SQLiteExecutionEventStore

EXECUTIONS = 100_000
WORKFLOWS = 20
PAGE = 50
TURN = 1_000
EVENTS = 1_000_000
TAIL = 100
"""Events behind the snapshot of the long history."""
APPEND = 1_000
"""Events that are appended at once, and so are one batch of the long history."""
PIECE = 10_000
"""Events that are read at once."""
RANGE = 100
REPLAYED = 100_000
LONG = "exec_synthetic"
_PROBE_BY_STATUS = "SELECT id, summary FROM executions WHERE status = ? ORDER BY start_time DESC, id LIMIT ?"
_PROBE_BY_WORKFLOW = "SELECT id, summary FROM executions WHERE workflow_name = ? ORDER BY start_time DESC, id LIMIT ?"
_PROBE_BY_AGE = "SELECT id, summary FROM executions ORDER BY start_time DESC, id LIMIT ?"


def measure() -> list[Row]:
    """Everything lies in memory, so that only the software is measured."""
    with tmpfs() as folder:
        return [*asyncio.run(_lists(folder)), *asyncio.run(_long(folder))]


async def timed(work: Callable[[], Awaitable[Any]], times: int = 1) -> float:
    """Seconds that one of so many calls took."""
    began = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - began) / times


async def many_executions(store: SQLiteExecutionEventStore, count: int) -> None:
    """Put executions into a store, of several workflows, one in three open, failed and completed."""
    for first in range(0, count, TURN):
        turn = []
        for number in range(first, min(first + TURN, count)):
            maker = HistoryMaker(
                f"exec_{number:07}", workflow=f"workflow-{number % WORKFLOWS}", start=START + timedelta(seconds=number)
            )
            end = (maker.finish, maker.fail, list)[number % 3]
            turn.append(maker.begin() + end())
        assert not any(await store.append_batches(turn))


async def _lists(folder: Path) -> list[Row]:
    store = new_sqlite(folder, "normal")
    began = time.perf_counter()
    await many_executions(store, EXECUTIONS)
    made = EXECUTIONS / (time.perf_counter() - began)
    path = store.path
    await store.close()
    rows = [Row(f"executions per second, {EXECUTIONS:,} made by append_batches of {TURN:,}", f"{made:,.0f}/s")]
    opening = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        store = SQLiteExecutionEventStore(path, offload=False)
        await store.get_summary("exec_0000000")
        opening.append(time.perf_counter() - began)
        await store.close()
    rows.append(Row(f"opening the store of {EXECUTIONS:,}, and one line of its list", micros(opening)))
    store = SQLiteExecutionEventStore(path, offload=False)
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as raw:
        for what, where, sql, bindings in (
            ("by age", ExecutionFilter(limit=PAGE), _PROBE_BY_AGE, (PAGE,)),
            ("failed", _of_status("failed"), _PROBE_BY_STATUS, ("failed", PAGE)),
            ("interrupted", _of_status("interrupted"), _PROBE_BY_STATUS, ("running", PAGE)),
            (
                "of a workflow",
                ExecutionFilter(workflow_name="workflow-7", limit=PAGE),
                _PROBE_BY_WORKFLOW,
                ("workflow-7", PAGE),
            ),
        ):
            rows.append(await _page(store, raw, what, where, sql, bindings))
    for what, matches in (("a text", _has_text), ("a glob", _fits_glob)):
        taken = [await timed(lambda matches=matches: _search(store, matches)) for _ in range(ROUNDS)]
        rows.append(Row(f"all of {EXECUTIONS:,} with {what} in their names", micros(taken)))
    rows.append(Row(f"what is due of {EXECUTIONS:,}, {EXECUTIONS // 3:,} of them interrupted, first 100",
                    micros([await timed(lambda: store.due(START)) for _ in range(ROUNDS)])))  # fmt: skip
    await store.close()
    return rows


def _of_status(status: str) -> ExecutionFilter:
    return ExecutionFilter(statuses=frozenset({status}), limit=PAGE)


async def _page(
    store: SQLiteExecutionEventStore,
    raw: apsw.Connection,
    what: str,
    where: ExecutionFilter,
    sql: str,
    bindings: tuple[str | int, ...],
) -> Row:
    assert len(await store.list_executions(where)) == PAGE
    ours, probe = [], []
    for _ in range(ROUNDS):
        ours.append(await timed(lambda: store.list_executions(where), 20))
        began = time.perf_counter()
        for _ in range(20):
            assert len(raw.execute(sql, bindings).fetchall()) == PAGE
        probe.append((time.perf_counter() - began) / 20)
    return Row(f"first {PAGE} of {EXECUTIONS:,}, {what}", micros(ours), micros(probe), ratio(ours, probe), "≤ 1,000 µs")


async def _search(
    store: SQLiteExecutionEventStore, matches: Callable[[ExecutionSummary], bool]
) -> list[ExecutionSummary]:
    found = [summary for summary in await store.list_executions() if matches(summary)]
    assert found
    return found


def _has_text(summary: ExecutionSummary) -> bool:
    return "flow-17" in summary.workflow_name or "flow-17" in summary.id


def _fits_glob(summary: ExecutionSummary) -> bool:
    return fnmatchcase(summary.workflow_name, "work*-1?")


async def _long(folder: Path) -> list[Row]:
    rows = []
    for kind, new in (("SQLite", new_sqlite), ("files", new_files)):
        store: Store = new(folder, "normal")
        began = time.perf_counter()
        await long_history(store, EVENTS)
        made = EVENTS / (time.perf_counter() - began)
        rows.append(Row(f"events per second, making a history of {EVENTS:,} by append_lines, {kind}", f"{made:,.0f}/s"))
        place = store.path if isinstance(store, SQLiteExecutionEventStore) else store.base
        await store.close()
        rows += await _latest(type(store), place, kind)
        rows += await _ranges(type(store)(place, offload=False), kind)
        rows += await _streaming(type(store)(place, offload=False), kind)
        rows.append(await _replay(type(store)(place, offload=False), kind))
    return rows


async def long_history(store: Store, count: int) -> None:
    """Put one history into a store, with a snapshot that is `TAIL` events old."""
    state = initial_state(LONG)
    events = synthetic_history(count, LONG)
    workflow: dict[str, Any] = {}
    sizes = [APPEND] * ((count - TAIL) // APPEND) + [(count - TAIL) % APPEND, TAIL]
    for size in filter(None, sizes):
        piece = list(islice(events, size))
        workflow = workflow or piece[0].data["workflow"]
        state = fold(state, piece)
        snapshot = ExecutionSnapshot.of(state, workflow)
        await store.append_lines(LONG, encode_batch(piece), snapshot)
        if state.sequence == count - TAIL:
            kept = snapshot
    await store.save_snapshot(kept)


async def _latest(kind_of_store: type[Any], place: Path, kind: str) -> list[Row]:
    warm, cold = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        store = kind_of_store(place, offload=False)
        await _latest_state(store)
        cold.append(time.perf_counter() - began)
        warm.append(await timed(lambda store=store: _latest_state(store), 10))
        await store.close()
    what = f"latest state of {EVENTS:,} events, snapshot and {TAIL} more, {kind}"
    return [Row(f"{what}, open store", micros(warm), goal="≤ 1,000 µs"), Row(f"{what}, opening it", micros(cold))]


async def _latest_state(store: Store) -> None:
    snapshot = await store.get_snapshot(LONG)
    assert snapshot is not None and snapshot.last_event_seq == EVENTS - TAIL
    tail = await store.get_events(LONG, snapshot.last_event_seq + 1)
    state = snapshot.restore_state()
    assert state is not None
    assert fold(state, tail).sequence == EVENTS


async def _ranges(store: Store, kind: str) -> list[Row]:
    rows = []
    at_start: list[float] = []
    for position in (1, EVENTS // 4, EVENTS // 2, EVENTS - 10 * RANGE):
        taken = []
        for shift in range(ROUNDS):
            # Not in the order they are stored, so that none is found where the one before has ended.
            places = [position + RANGE * (7 * number % 10) + shift for number in range(10)]
            began = time.perf_counter()
            for place in places:
                await store.get_events(LONG, place, RANGE)
            taken.append((time.perf_counter() - began) / len(places))
        at_start = at_start or taken
        what = f"{RANGE} events from {position:,} on, of {EVENTS:,}, {kind}"
        rows.append(Row(what, micros(taken), f"{micros(at_start)} at the start", ratio(taken, at_start)))
    await store.close()
    return rows


async def _streaming(store: Store, kind: str) -> list[Row]:
    process = psutil.Process()
    await store.get_events(LONG, 1, PIECE)
    gc.collect()
    before = process.memory_info().rss
    most, count = before, 0
    began = time.perf_counter()
    while piece := await store.get_events(LONG, count + 1, PIECE):
        count += len(piece)
        most = max(most, process.memory_info().rss)
    speed = count / (time.perf_counter() - began)
    assert count == EVENTS
    await store.close()
    what = f"streaming {EVENTS:,} events in pieces of {PIECE:,}, {kind}"
    return [
        Row(f"{what}, events per second", f"{speed:,.0f}/s"),
        Row(f"{what}, memory that this took", f"{(most - before) / 2**20:.1f} MiB", goal="≤ 32 MiB"),
    ]


async def _replay(store: Store, kind: str) -> Row:
    lines = [line[:-1] for line in await store.get_lines(LONG, 1, REPLAYED)]
    ours, probe = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for line in lines:
            orjson.loads(line)
        probe.append(REPLAYED / (time.perf_counter() - began))
        ours.append(REPLAYED / await timed(lambda: _fold(store)))
    await store.close()
    what = f"events per second, {REPLAYED:,} read and folded to a state, {kind}"
    return Row(what, per_second(ours), f"{per_second(probe)} orjson only", ratio(ours, probe), "≥ 200,000/s")


async def _fold(store: Store) -> None:
    state = initial_state(LONG)
    for piece in _pieces(REPLAYED):
        state = fold(state, await store.get_events(LONG, *piece))
    assert state.sequence == REPLAYED


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    return ((first, PIECE) for first in range(1, count, PIECE))
