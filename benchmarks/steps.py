"""Durable steps per second and the engine's processor time per step, beside bare appends to a file."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks.histories import synthetic_history
from benchmarks.report import Row
from dive_tui import Engine, MemoryExecutionEventStore, Step, Workflow, action
from engine.store import ExecutionEventStore
from stores.file_store import FileExecutionEventStore

STEPS = 2_000
ROUNDS = 3


@action
async def count(value: int) -> int:
    """The cheapest thing an action can do."""
    return value + 1


LOOP = Workflow(
    name="loop",
    steps=(
        Step(name="Begin", action="count", parameters={"value": -1}, store="n"),
        Step(
            name="Count",
            action="count",
            parameters={"value": "${state.n}"},
            store="n",
            next=({"step": "Count", "condition": f"state.n < {STEPS}"},),
        ),
    ),
)


_DATA = {"visit": 1, "attempt": 1, "output": 1, "edges": [], "duration_ms": 0.1}


def run_loop(store: ExecutionEventStore) -> tuple[float, float]:
    """Seconds of wall clock and of processor for `STEPS` steps, each waiting for the one before."""

    async def go() -> tuple[float, float]:
        engine = Engine(store, actions=[count])
        wall, cpu = time.perf_counter(), time.process_time()
        result = await engine.run(LOOP)
        assert result.ok, result.error
        return time.perf_counter() - wall, time.process_time() - cpu

    return asyncio.run(go())


def raw_appends(folder: Path, sync: bool) -> float:
    """Seconds for `STEPS` appends of two event lines each, as any program would do them."""
    event: dict[str, Any] = next(iter(synthetic_history(4))).to_dict() | {"data": _DATA}
    descriptor = os.open(folder / "probe.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        began = time.perf_counter()
        for number in range(STEPS):
            event["sequence"] = number
            line = orjson.dumps(event) + b"\n"
            os.write(descriptor, line + line)
            if sync:
                os.fdatasync(descriptor)
        return time.perf_counter() - began
    finally:
        os.close(descriptor)


def measure() -> list[Row]:
    """Rows for the memory store, the file store in memory, and the file store on disk."""
    rows = []
    cpu = [run_loop(MemoryExecutionEventStore())[1] for _ in range(ROUNDS)]
    rows.append(_cpu_row("engine CPU per step, memory store", cpu, None))
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as shm:
        figures = [_file_round(Path(shm), number, "normal") for number in range(ROUNDS)]
        rows.append(
            _cpu_row("engine CPU per step, file store on tmpfs", [f[1] for f in figures], [f[2] for f in figures])
        )
    with tempfile.TemporaryDirectory(dir=Path.home()) as disk:
        figures = [_file_round(Path(disk), number, "full") for number in range(ROUNDS)]
        ours = statistics.median(STEPS / f[0] for f in figures)
        probe = statistics.median(STEPS / f[2] for f in figures)
        rows.append(
            Row("durable steps per second, file store on disk", f"{ours:,.0f}/s", f"{probe:,.0f}/s (fdatasync each)",
                f"{ours / probe:.2f}", "≥ 0.7")
        )  # fmt: skip
    return rows


def _file_round(folder: Path, number: int, durability: Any) -> tuple[float, float, float]:
    base = folder / f"store-{number}"
    store = FileExecutionEventStore(base, create=True, offload=False, durability=durability)
    wall, cpu = run_loop(store)
    asyncio.run(store.close())
    return wall, cpu, raw_appends(base, sync=durability == "full")


def _cpu_row(what: str, seconds: list[float], probes: list[float] | None) -> Row:
    ours = statistics.median(seconds) / STEPS * 1000
    if probes is None:
        return Row(what, f"{ours:.3f} ms", "–", "–", "≤ 0.1 ms")
    probe = statistics.median(probes) / STEPS * 1000
    return Row(what, f"{ours:.3f} ms", f"{probe:.3f} ms", f"{ours / probe:.1f}", "≤ 0.1 ms")
