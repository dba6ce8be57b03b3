"""SIGKILL at every write of a run on an SQLite store: a second process brings it to the end it would have had."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.model.events import ExecutionEvent
from engine.replay.history import History
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.sizes import SIZES

ROOT = Path(__file__).parents[2]
OUTPUTS = {"doubled": [2, 4, 6]}
UNITS = 5
"""Times that an action runs when nothing happens."""


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.faults.sqlite_run_child"]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield process
    process.communicate(timeout=10)


class Lives:
    """The lives of one execution, in a folder of its own."""

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server = server
        self.path, self._log = folder / "store.db", folder / "log"
        folder.mkdir()

    def live(self, kill_at: int = 0) -> dict[str, Any]:
        """One process from its start to its end; what it said then."""
        assert self._server.stdin is not None and self._server.stdout is not None
        order = {"store": str(self.path), "log": str(self._log), "kill_at": kill_at}
        print(json.dumps(order), file=self._server.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer

    def effects(self) -> Counter[str]:
        """How often each unit did its work."""
        return Counter(self._log.read_text().splitlines() if self._log.exists() else ())

    async def history(self) -> list[ExecutionEvent]:
        store = SQLiteExecutionEventStore(self.path, create=True, offload=False)
        listed = await store.list_executions()
        history = await store.get_event_history(listed[0].id) if listed else []
        assert [summary.last_event_seq for summary in listed] == ([len(history)] if history else [])
        await store.close()
        return history


def completed(history: Sequence[ExecutionEvent]) -> set[str]:
    """The effect keys of units whose end is recorded."""
    open_units: dict[tuple[Any, ...], str] = {}
    done = set()
    for event in history:
        index = (event.data.get("iteration") or {}).get("index")
        unit = (event.path_id, event.step_name, event.data.get("visit"), index)
        if event.event_type == "step_started" and event.data["step_type"] == "action" and "items" not in event.data:
            open_units[unit] = event.data["effect_key"]
        elif event.event_type == "step_completed" and unit in open_units:
            done.add(open_units[unit])
    return done


def test_undisturbed_it_does_everything_once(server: subprocess.Popen[str], tmp_path: Path) -> None:
    lives = Lives(server, tmp_path / "run")
    answer = lives.live()
    assert (answer["status"], answer["outputs"], answer["signal"]) == ("completed", OUTPUTS, 0)
    assert sorted(lives.effects().values()) == [1] * UNITS


async def test_killed_at_every_write_it_goes_on(server: subprocess.Popen[str], tmp_path: Path) -> None:
    calls = Lives(server, tmp_path / "undisturbed").live()["calls"]
    assert calls > 100, "SQLite's writes are seen"
    interrupted = 0
    for kill_at in range(1, calls + 1, SIZES.kills_apart):
        lives = Lives(server, tmp_path / f"{kill_at}")
        killed = lives.live(kill_at)
        assert killed["signal"] in (signal.SIGKILL, 0), "a run may take some writes fewer than another"
        left = await lives.history()
        assert len(left) >= killed["acknowledged"], f"killed at write {kill_at}, an acknowledged event is lost"
        before, done = lives.effects(), completed(left)
        answer = lives.live()
        assert (answer["status"], answer["outputs"], answer["signal"]) == ("completed", OUTPUTS, 0)
        history = await lives.history()
        assert history[: len(left)] == left
        assert History(history[0].execution_id, history).problem is None
        after = lives.effects()
        if left:
            assert {key: after[key] for key in done} == dict.fromkeys(done, 1), "what was completed runs only once"
            assert len(after) == UNITS
            assert all(count <= 1 + before[key] for key, count in after.items())
            interrupted += any(count == 2 for count in after.values())
    assert interrupted, "some unit should have been killed between its work and the record of it"
