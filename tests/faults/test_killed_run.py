"""SIGKILL anywhere in a run: nothing acknowledged is lost, and what is left can be listed, shown and replayed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.replay.history import History
from engine.replay.replayer import ExecutionReplayer
from stores.file.store import FileExecutionEventStore

CHILD = Path(__file__).parent / "killing_child.py"
RANDOM_MOMENTS = 50


class Killer:
    """The serving process: one order at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, store: Path, items: int, kill_at: int) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"store": str(store), "items": items, "kill_at": kill_at}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    serving = Killer()
    yield serving
    serving.close()


async def check_store(folder: Path, acknowledged: int) -> str:
    """Everything a person would do with what is left; returns the status they see."""
    if acknowledged == 0 and not (folder / "changes").exists():
        return "nothing"
    store = FileExecutionEventStore(folder)
    try:
        summaries = await store.list_executions()
        if acknowledged == 0 and not summaries:
            return "nothing"
        assert len(summaries) == 1
        summary = summaries[0]
        assert summary.last_event_seq >= acknowledged
        events = await store.get_event_history(summary.id)
        assert [event.sequence for event in events] == list(range(1, summary.last_event_seq + 1))
        replayer = ExecutionReplayer(store)
        assert replayer.validate_event_history(events) == []
        history = History(summary.id, events)
        assert history.problem is None
        assert history.latest.status == summary.status
        result = await replayer.replay_execution(summary.id)
        assert result.sequence == len(events)
        snapshot = await store.get_snapshot(summary.id)
        if snapshot is not None:
            restored = snapshot.restore_state()
            assert restored is not None
            assert restored == history.state_at(snapshot.last_event_seq)
        return summary.shown_status
    finally:
        await store.close()


async def test_a_kill_at_every_write_of_a_small_run(killer: Killer, tmp_path: Path) -> None:
    whole = killer.run(tmp_path / "whole", 2, 0)
    assert whole["calls"] > 20
    assert await check_store(tmp_path / "whole", whole["acknowledged"]) == "completed"
    seen = set()
    for moment in range(1, whole["calls"] + 1):
        folder = tmp_path / f"store-{moment}"
        answer = killer.run(folder, 2, moment)
        assert answer["signal"] == signal.SIGKILL
        seen.add(await check_store(folder, answer["acknowledged"]))
    # Before the first commit there is nothing, afterwards it is interrupted, after the last event it is done.
    assert seen == {"nothing", "interrupted", "completed"}


async def test_a_kill_at_random_moments_of_a_larger_run(killer: Killer, tmp_path: Path) -> None:
    whole = killer.run(tmp_path / "whole", 60, 0)
    chance = random.Random(20260301)
    statuses: list[Any] = []
    for moment in sorted(chance.sample(range(1, whole["calls"]), RANDOM_MOMENTS)):
        folder = tmp_path / f"store-{moment}"
        answer = killer.run(folder, 60, moment)
        assert answer["signal"] == signal.SIGKILL
        statuses.append(await check_store(folder, answer["acknowledged"]))
    assert statuses.count("interrupted") > RANDOM_MOMENTS // 2
