"""Executions whose replayed states are fixed in `golden/*.json`. Run as a module, it writes the files anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from dive_tui.testing import FakeClock, SequentialIds, WorkflowRun, run_workflow
from engine.lifecycle.engine import Engine
from engine.model.workflow import Each, Edge, Input, Output, Step, Workflow
from engine.replay.replayer import ExecutionReplayer
from engine.runtime.actions import action
from stores.memory import MemoryExecutionEventStore

GOLDEN = Path(__file__).parent / "golden"
Run = Callable[[Engine], Awaitable[Any]]


@action
async def give(value: Any = None) -> Any:
    return value


@action
async def measure(file: str) -> dict[str, Any]:
    if not file.endswith(".py"):
        raise ValueError(f"{file} is no Python file")
    return {"file": file, "lines": 10 * len(file)}


@action
async def wait_for_ever() -> None:
    await asyncio.Event().wait()


COUNT = Step(
    name="Count", action="give", parameters={"value": "${get(state.n, 0) + 1}"}, store="n",
    next=[Edge(step="Count", condition="state.n < 3")],
)  # fmt: skip
LOOP = Workflow(name="loop", steps=[COUNT], outputs=[Output(name="n", value="${state.n}")])
FAILING = Workflow(
    name="failing",
    inputs=[Input(name="files", type="array"), Input(name="title", default="Files")],
    steps=[
        Step(name="Measure", each=Each(items="${inputs.files}", as_="file"), action="measure",
             parameters={"file": "${file}"}, store="measures",
             next=[Edge(step="Report", path="report"), Edge(step="Check", condition="len(state.measures) > 1"),
                   Edge(step="Report", condition="False")]),
        Step(name="Report", action="give", parameters={"value": "${inputs.title}: ${len(state.measures)}"},
             store="report", next=["Publish"]),
        Step(name="Publish", action="wait_for_ever"),
        Step(name="Check", action="give", parameters={"value": "${state.measures[0].lines}"}, store="lines",
             next=["Read All"]),
        Step(name="Read All", each=Each(items=["a.py", "notes.txt", "b.py"]), action="measure",
             parameters={"file": "${item}"}, store="all"),
    ],
)  # fmt: skip
ROUTING = Workflow(
    name="routing",
    steps=[
        Step(name="Ask", action="give", parameters={"value": {"total": 3}}, store="answer",
             next=[Edge(step="Ask", condition="state.answer.total > 5"), Edge(step="Ask", condition="state.answr")]),
    ],
)  # fmt: skip

WAITING = Workflow.model_validate(
    {
        "name": "waiting",
        "steps": [
            {"name": "Fork", "pass": True, "next": [{"step": "Try", "path": "left"}, {"step": "Ask", "path": "right"}]},
            {
                "name": "Try",
                "each": {"items": ["a.py", "notes.txt"], "concurrency": 2, "on_item_failure": "collect"},
                "action": "measure",
                "parameters": {"file": "${item}"},
                "retry": {"max_attempts": 2, "initial_delay": "10s"},
                "store": "measures",
                "next": ["Meet"],
            },
            {"name": "Ask", "wait_signal": "answer", "timeout": "1h", "store": "answer", "next": ["Meet"]},
            {"name": "Meet", "join": ["left", "right"], "mappings": {"left.measures": "m", "right.answer": "answer"}},
            {"name": "Rest", "sleep": "1d"},
        ],
        "outputs": [{"name": "answer", "value": "${state.answer}"}],
    }
)


async def waiting(engine: Engine) -> WorkflowRun:
    signals = [(5, "answer", {"ok": True}), (60, "unheard", None)]
    return await run_workflow(
        WAITING, actions=[measure], signals=signals, controls=[(30, "pause"), (90, "resume")], store=engine.store
    )


RUNS: dict[str, Run] = {
    "loop": lambda engine: engine.run(LOOP),
    "failing": lambda engine: engine.run(FAILING, {"files": ["a.py", "bb.py"]}),
    "routing": lambda engine: engine.run(ROUTING),
    "waiting": waiting,
}


async def recorded(run: Run) -> tuple[MemoryExecutionEventStore, str]:
    """The store and the id of an execution that records the same every time."""
    store = MemoryExecutionEventStore()
    clock, ids = FakeClock(tick=0.25), SequentialIds()
    result = await run(Engine(store, actions=[give, measure, wait_for_ever], clock=clock, ids=ids))
    return store, result.id


async def replayed(run: Run) -> bytes:
    """The state at every sequence: a JSON array, a line for each."""
    store, execution_id = await recorded(run)
    replayer = ExecutionReplayer(store)
    total = len(await store.get_event_history(execution_id))
    results = [await replayer.replay_execution(execution_id, to) for to in range(1, total + 1)]
    return b"[\n" + b",\n".join(orjson.dumps(result.to_dict()) for result in results) + b"\n]\n"


if __name__ == "__main__":
    for name, run in RUNS.items():
        (GOLDEN / f"{name}.json").write_bytes(asyncio.run(replayed(run)))
