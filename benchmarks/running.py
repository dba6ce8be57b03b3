"""Timing executions, and the same bytes written by hand."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from dive_tui import Engine, Step, Workflow, action
from engine.model.events import ExecutionEvent
from engine.store import ExecutionEventStore

ROUNDS = 3


@action
async def count(value: int) -> int:
    """The cheapest thing an action can do."""
    return value + 1


def loop(steps: int) -> Workflow:
    """A workflow of so many steps, each using what the one before stored."""
    return Workflow(
        name="loop",
        steps=(
            Step(name="Begin", action="count", parameters={"value": 0}, store="n"),
            Step(
                name="Count",
                action="count",
                parameters={"value": "${state.n}"},
                store="n",
                next=({"step": "Count", "condition": f"state.n < {steps}"},),
            ),
        ),
    )


class Commit(NamedTuple):
    """Events that were made durable together."""

    execution_id: str
    events: int


class Timing(NamedTuple):
    """Seconds that something took."""

    wall: float
    cpu: float
    """Of this process, all threads."""
    commits: Sequence[Commit] = ()


def run(
    store: ExecutionEventStore,
    workflow: Workflow,
    *,
    executions: int = 1,
    actions: Sequence[Callable[..., Any]] = (count,),
) -> Timing:
    """Run a workflow so many times at once in one engine, after a short one that warms it up."""
    commits: list[Commit] = []

    def observe(batch: Sequence[ExecutionEvent]) -> None:
        commits.append(Commit(batch[0].execution_id, len(batch)))

    async def go() -> Timing:
        engine = Engine(store, actions=[count, *(one for one in actions if one is not count)])
        await engine.run(loop(2))
        wall, cpu = time.perf_counter(), time.process_time()
        results = await asyncio.gather(*(engine.run(workflow, observer=observe) for _ in range(executions)))
        timing = Timing(time.perf_counter() - wall, time.process_time() - cpu, commits)
        await engine.close()
        await store.close()
        problem = next((result.error for result in results if not result.ok), None)
        assert problem is None, problem
        return timing

    return asyncio.run(go())


def write_again(base: Path, commits: Sequence[Commit], *, sync: bool) -> Timing:
    """What any program must do: append the lines a file store holds by now to new files, in the same commits."""
    names = sorted({commit.execution_id for commit in commits})
    lines = {name: iter((base / name / "events.jsonl").read_bytes().splitlines(keepends=True)) for name in names}
    chunks = [(name, b"".join(next(lines[name]) for _ in range(events))) for name, events in commits]
    with ExitStack() as opened:
        files = {name: os.open(base / f"{name}.probe", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600) for name in names}
        for descriptor in files.values():
            opened.callback(os.close, descriptor)
        wall, cpu = time.perf_counter(), time.process_time()
        for name, data in chunks:
            os.write(files[name], data)
            if sync:
                os.fdatasync(files[name])
        return Timing(time.perf_counter() - wall, time.process_time() - cpu)
