"""The same chain of tiny durable steps here, in DBOS and in LangGraph: same machine, same run, taking turns."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from benchmarks.places import disk, tmpfs
from benchmarks.report import Row, micros, per_second, ratio

STEPS = 500
ROUNDS = 5
_HERE = Path(__file__).parent
PYTHON = _HERE.parents[1] / ".venv-peers" / "bin" / "python"
NOTES = """Every program starts anew, makes a new store, warms up, and then times one execution of 500 steps, each using
the result of the one before. What is durable, synced to the disk, before the next step begins:

- ours (file store, full durability, committing on the runner's loop as the command line does): the step's end, output
  and routing and the next step's start with its parameters, two events in one commit; one sync per step;
- DBOS (synchronous functions, its SQLite mode): the step's output in one row, no start. As shipped the database keeps a
  rollback journal, four syncs per step; "WAL" is the same with the file put in WAL beforehand, one sync per step;
- LangGraph (SqliteSaver, `durability="sync"`): a checkpoint with the whole state, and the node's writes; no start. It
  puts the database in WAL itself; two commits and two syncs per step.

SQLite syncs fully (its default) in both. For production DBOS recommends Postgres and LangGraph its Postgres
checkpointer: those are not measured here. On tmpfs a flush is free, so what is left is the software."""


class Peer(NamedTuple):
    """An engine and how its program is started."""

    name: str
    command: Sequence[str]
    """The folder and the number of steps follow the second word."""
    more: Sequence[str] = ()


class Took(NamedTuple):
    """One round of one engine."""

    version: str
    wall: float
    """Seconds per step."""
    cpu: float
    """Seconds of processor time per step."""


OURS = Peer("ours", (sys.executable, "-m", "benchmarks.peers.ours_chain"))
PEERS = (
    Peer("DBOS, as shipped", (str(PYTHON), str(_HERE / "dbos_chain.py")), ("shipped",)),
    Peer("DBOS, WAL", (str(PYTHON), str(_HERE / "dbos_chain.py")), ("wal",)),
    Peer("LangGraph, sync", (str(PYTHON), str(_HERE / "langgraph_chain.py"))),
)
_GOALS = {"DBOS, WAL": ("≥ 4", "≤ 0.1"), "LangGraph, sync": ("≥ 2", "≤ 0.17")}


def measure() -> list[Row]:
    """Two rows per peer and place: steps per second, and processor time per step."""
    if not PYTHON.exists():
        sys.exit("the other engines are not installed; `make bench-peers` installs them into .venv-peers and measures")
    return [*_rows("disk", disk()), *_rows("tmpfs", tmpfs())]


def _rows(place: str, opened: AbstractContextManager[Path]) -> list[Row]:
    with opened as folder:
        rounds = [{peer.name: took(peer, folder) for peer in (OURS, *PEERS)} for _ in range(ROUNDS)]
    ours = [done["ours"] for done in rounds]
    rows = []
    for peer in PEERS:
        theirs = [done[peer.name] for done in rounds]
        mine, others = [1 / one.wall for one in ours], [1 / one.wall for one in theirs]
        my_cpu, other_cpu = [one.cpu for one in ours], [one.cpu for one in theirs]
        name = f"{peer.name} ({theirs[0].version})"
        more, less = _GOALS.get(peer.name, ("", ""))
        rows += [
            Row(f"steps per second, {place}", per_second(mine), f"{per_second(others)} {name}",
                ratio(mine, others), more),
            Row(f"processor time per step, {place}", micros(my_cpu), f"{micros(other_cpu)} {name}",
                ratio(my_cpu, other_cpu), less),
        ]  # fmt: skip
    return rows


def took(peer: Peer, folder: Path) -> Took:
    """Run one engine's program in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        done = subprocess.run(
            [*peer.command, own, str(STEPS), *peer.more], stdout=subprocess.PIPE, text=True, check=True, timeout=120
        )
    told = json.loads(done.stdout.splitlines()[-1])
    return Took(told["version"], told["wall"] / STEPS, told["cpu"] / STEPS)
