"""The state a running engine holds is the state another process folds from what is on the disk, byte for byte."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, given, settings

from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.state import ExecutionState
from engine.replay.history import History
from stores.file.store import FileExecutionEventStore
from tests.lifecycle.generated import definitions
from tests.lifecycle.soundness import canonical

ROOT = Path(__file__).parents[2]


class Runner:
    """The running process, and a store of its own for each workflow it is given."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self._folder = folder
        self._process = process
        self._numbers = count()

    @contextmanager
    def running(self, definition: dict[str, Any]) -> Iterator[tuple[Path, Iterator[dict[str, Any]]]]:
        """The new store's folder, and what the process tells while it goes on."""
        folder = self._folder / str(next(self._numbers))
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"store": str(folder), "definition": definition}) + "\n")
        stdin.flush()
        told = self._told(stdout)
        try:
            yield folder, told
        finally:
            deque(told, maxlen=0)  # also when the test has failed: the next one must not hear of this run

    def _told(self, stdout: IO[str]) -> Iterator[dict[str, Any]]:
        record: dict[str, Any] = {}
        while "status" not in record:
            record = json.loads(stdout.readline())
            yield record


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    command = [sys.executable, "-m", "tests.replay.live_child"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Runner(tmp_path_factory.mktemp("live"), process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


@settings(suppress_health_check=list(HealthCheck))
@given(definition=definitions())
def test_what_is_acknowledged_folds_to_the_live_state(runner: Runner, definition: dict[str, Any]) -> None:
    states: dict[str, ExecutionState] = {}
    histories: dict[str, list[ExecutionEvent]] = {}
    with runner.running(definition) as (folder, told):
        store = None
        for record in told:
            store = store or FileExecutionEventStore(folder, offload=False)
            execution_id = record["id"]
            if "state" in record:
                events = asyncio.run(store.get_events(execution_id, 1, record["sequence"]))
                state = states[execution_id] = fold(initial_state(execution_id), events)
                histories[execution_id] = events
                assert state.sequence == record["sequence"]
                assert canonical(state).decode() == record["state"]
            else:
                assert histories[execution_id][-1].event_type == record["status"]
        assert store is not None
        snapshots = {name: asyncio.run(store.get_snapshot(name)) for name in states}
        asyncio.run(store.close())
    for name, state in states.items():
        snapshot = snapshots[name]
        assert snapshot is not None
        restored = snapshot.restore_state()
        assert restored is not None
        assert canonical(restored) == canonical(History(name, histories[name]).state_at(snapshot.last_event_seq))
        assert canonical(History(name, histories[name]).latest) == canonical(state)
