"""Many executions at once in one engine: their commits of a turn of the loop go to the store together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmarks.places import disk, tmpfs
from benchmarks.report import Row, micros, per_second, ratio
from benchmarks.running import ROUNDS, Timing, loop, run, write_again
from dive_tui import MemoryExecutionEventStore
from engine.model.events import ExecutionEvent
from engine.store import StoreError
from stores.file.store import FileExecutionEventStore

EXECUTIONS = 200
STEPS = 20
"""Of each execution."""
ALL = EXECUTIONS * STEPS
NOTES = """The probe appends the same lines in the same commits and order, every execution's to a file of its own, each
with its own `fdatasync` where the store syncs. Handing over the commits of a turn together saves calls, not flushes:
with a file per execution, one flush per execution and commit remains. Beginning and ending the executions (a folder, an
owner, two snapshots each) is part of ours and not of the probe."""


class CountingStore(FileExecutionEventStore):
    """Counts how many commits each call brought."""

    def __init__(self, base: Path, durability: Literal["full", "normal"]) -> None:
        super().__init__(base, create=True, offload=False, durability=durability)
        self.calls: list[int] = []

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        self.calls.append(1)
        await super().append_events(events)

    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        self.calls.append(len(batches))
        return await super().append_batches(batches)


def measure() -> list[Row]:
    """Rows for the memory store and the file store, with and without syncing."""
    memory = [run(MemoryExecutionEventStore(), loop(STEPS), executions=EXECUTIONS) for _ in range(ROUNDS)]
    rows = [
        Row(f"processor time per step, {EXECUTIONS} executions, memory store", micros([t.cpu / ALL for t in memory]))
    ]
    with tmpfs() as folder:
        rows += _rows(folder, "normal", "normal durability, tmpfs")
    with disk() as folder:
        rows += _rows(folder, "normal", "normal durability, disk")
        rows += _rows(folder, "full", "full durability, disk")
    return rows


def _round(folder: Path, number: int, durability: Literal["full", "normal"]) -> tuple[Timing, Timing, float]:
    base = folder / f"{durability}-{number}"
    store = CountingStore(base, durability)
    ours = run(store, loop(STEPS), executions=EXECUTIONS)
    return ours, write_again(base, ours.commits, sync=durability == "full"), sum(store.calls) / len(store.calls)


def _rows(folder: Path, durability: Literal["full", "normal"], name: str) -> list[Row]:
    taken = [_round(folder, number, durability) for number in range(ROUNDS)]
    ours, probe = [ALL / mine.wall for mine, _, _ in taken], [ALL / bare.wall for _, bare, _ in taken]
    cpu, bare_cpu = [mine.cpu / ALL for mine, _, _ in taken], [bare.cpu / ALL for _, bare, _ in taken]
    grouped = sorted(commits for _, _, commits in taken)[len(taken) // 2]
    what = f"{EXECUTIONS} executions, file store, {name}"
    return [
        Row(f"steps per second, {what}", per_second(ours), per_second(probe), ratio(ours, probe)),
        Row(f"processor time per step, {what}", micros(cpu), micros(bare_cpu, 1), ratio(cpu, bare_cpu, 1)),
        Row(f"commits per call of the store, {what}", f"{grouped:.0f}"),
    ]
