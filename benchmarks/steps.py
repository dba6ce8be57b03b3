"""Steps one after the other, each waiting for the one before: durable steps per second, and processor time per step."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from benchmarks.places import disk, tmpfs
from benchmarks.report import Row, micros, per_second, ratio
from benchmarks.running import ROUNDS, Timing, loop, run, write_again
from dive_tui import MemoryExecutionEventStore
from stores.file.store import FileExecutionEventStore

STEPS = 2_000
NOTES = """The probe appends the very lines of the run to a file, in the same commits (two events each), and syncs them
with `fdatasync` where the store does. A step is: its start durable, the action run, and its end, its routing and the
next start durable in one commit."""


def file_round(folder: Path, number: int, durability: Literal["full", "normal"]) -> tuple[Timing, Timing]:
    """The loop on a new file store that commits on the runner's loop, and the same appends by hand."""
    base = folder / f"{durability}-{number}"
    ours = run(FileExecutionEventStore(base, create=True, offload=False, durability=durability), loop(STEPS))
    return ours, write_again(base, ours.commits, sync=durability == "full")


def measure() -> list[Row]:
    """Rows for the memory store, the file store in memory, and the file store on disk."""
    memory = [run(MemoryExecutionEventStore(), loop(STEPS)).cpu / STEPS for _ in range(ROUNDS)]
    rows = [Row("processor time per step, memory store", micros(memory), goal="≤ 100 µs")]
    with tmpfs() as folder:
        rows += _file_rows(folder, "normal", "file store, normal durability, tmpfs", "≥ 10,000/s")
    with disk() as folder:
        rows += _file_rows(folder, "normal", "file store, normal durability, disk", "")
        rows += _file_rows(folder, "full", "file store, full durability, disk", "ratio ≥ 0.7")
    return rows


def _file_rows(folder: Path, durability: Literal["full", "normal"], name: str, goal: str) -> list[Row]:
    taken = [file_round(folder, number, durability) for number in range(ROUNDS)]
    ours, probe = [[STEPS / timing.wall for timing in side] for side in zip(*taken, strict=True)]
    mine, bare = [[timing.cpu / STEPS for timing in side] for side in zip(*taken, strict=True)]
    return [
        Row(f"steps per second, {name}", per_second(ours), per_second(probe), ratio(ours, probe), goal),
        Row(f"processor time per step, {name}", micros(mine), micros(bare, 1), ratio(mine, bare, 1), "≤ 100 µs"),
    ]
