"""Scripts in the process sandbox, a fresh session each, beside a bare session of the same library."""

from __future__ import annotations

import asyncio
import time

from pydantic_monty import AsyncMonty

from benchmarks.report import Row, micros, ratio
from benchmarks.running import ROUNDS, loop, run
from dive_tui import MemoryExecutionEventStore, Step, Workflow
from engine.core.script_check import check_script
from engine.runtime.scripts import ScriptSandbox

SCRIPTS = 300
SOURCE = "n * 2 + 1"
NOTES = """Wall clock, one script after the other. The bare session has limits too, but no check of what the script
assigns; it refuses no value that is not JSON, and measures no output."""


def measure() -> list[Row]:
    """Rows for the sandbox alone, for its start, and for a script step of a workflow."""
    ours: list[float] = []
    bare: list[float] = []
    starts: list[float] = []
    steps: list[float] = []
    plain: list[float] = []
    for _ in range(ROUNDS):
        start, each = asyncio.run(_sandboxed())
        starts.append(start)
        ours.append(each)
        bare.append(asyncio.run(_bare()))
        steps.append(run(MemoryExecutionEventStore(), _scripted()).wall / SCRIPTS)
        plain.append(run(MemoryExecutionEventStore(), loop(SCRIPTS)).wall / SCRIPTS)
    return [
        Row("a script in a fresh session", micros(ours), f"{micros(bare)} bare session", ratio(ours, bare)),
        Row("the first script of a process", micros(starts)),
        Row("a script step, memory store", micros(steps), f"{micros(plain)} per action step", ratio(steps, plain)),
    ]


def _scripted() -> Workflow:
    return Workflow(
        name="scripted",
        steps=(
            Step(name="Begin", script="0", store="n"),
            Step(
                name="Count",
                script="state.n + 1",
                store="n",
                next=({"step": "Count", "condition": f"state.n < {SCRIPTS - 1}"},),
            ),
        ),
    )


async def _sandboxed() -> tuple[float, float]:
    sandbox = ScriptSandbox()
    script = check_script(SOURCE)
    began = time.perf_counter()
    await sandbox.run(script, {"n": 0})
    start = time.perf_counter() - began
    began = time.perf_counter()
    for number in range(SCRIPTS):
        assert await sandbox.run(script, {"n": number}) == number * 2 + 1
    each = (time.perf_counter() - began) / SCRIPTS
    await sandbox.close()
    return start, each


async def _bare() -> float:
    async with AsyncMonty(min_processes=1, max_processes=1) as pool:
        await _bare_script(pool, 0)
        began = time.perf_counter()
        for number in range(SCRIPTS):
            await _bare_script(pool, number)
        return (time.perf_counter() - began) / SCRIPTS


async def _bare_script(pool: AsyncMonty, number: int) -> None:
    async with pool.checkout(limits={"max_feed_duration_secs": 10.0, "max_memory": 128 * 2**20}) as session:
        assert await session.feed_run(SOURCE, inputs={"n": number}) == number * 2 + 1
