"""The chain in LangGraph on its SQLite checkpointer: `python langgraph_chain.py FOLDER STEPS`.

Runs with the peers' own interpreter. The checkpointer puts the database in WAL itself and keeps SQLite's default, which
is to sync fully.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from pathlib import Path
from typing import TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

WARM_UP = 20


class State(TypedDict):
    """What the graph carries from step to step."""

    value: int
    steps: int


def count(state: State) -> dict[str, int]:
    """The cheapest thing a node can do."""
    return {"value": state["value"] + 1}


def following(state: State) -> str:
    """Round again until there were enough steps."""
    return "count" if state["value"] < state["steps"] else END


def main(folder: Path, steps: int) -> None:
    """Run it in a new database, every step persisted before the next one starts, and print what it took."""
    graph = StateGraph(State)
    graph.add_node("count", count)
    graph.add_edge(START, "count")
    graph.add_conditional_edges("count", following, ["count", END])
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite")) as saver:
        compiled = graph.compile(checkpointer=saver)

        def run(thread: str, number: int) -> int:
            config = {"configurable": {"thread_id": thread}, "recursion_limit": number + 5}
            return int(compiled.invoke({"value": 0, "steps": number}, config, durability="sync")["value"])

        run("warm-up", WARM_UP)
        wall, cpu = time.perf_counter(), time.process_time()
        result = run("measured", steps)
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    assert result == steps
    print(json.dumps({"version": importlib.metadata.version("langgraph"), **took}))


main(Path(sys.argv[1]), int(sys.argv[2]))
