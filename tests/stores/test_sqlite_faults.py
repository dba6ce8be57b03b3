"""A process dies at every write of SQLite or ours, or the write fails: nothing is lost that was acknowledged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.histories import batches, flat
from tests.stores.sqlite_faulty_child import MESSAGES

ROOT = Path(__file__).parents[2]
BATCHES = batches()
HISTORY = flat(BATCHES)
LENGTHS = {0, 2, 4, 6, 10}
"""How long the history is before, between and after all appends."""
SENT = [message._replace(ordinal=ordinal) for ordinal, message in enumerate(MESSAGES, start=1)]
REASONS = {"full": ("no space is left", "No space left"), "broken": ("disk is broken", "Input/output error")}
"""As SQLite says it, and as the system does."""


class Child:
    """Lets histories be appended in other processes, with a fault each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = (folder / "errors").open("w+")
        command = [sys.executable, "-m", "tests.stores.sqlite_faulty_child"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def run(self, fault: str, call: int = 0, *, sends: bool = False) -> tuple[Path, dict[str, Any]]:
        folder = self.folder / f"{fault}-{call}"
        folder.mkdir()
        path = folder / "store.db"
        assert self.process.stdin is not None and self.process.stdout is not None
        order = {"store": str(path), "fault": fault, "call": call, "sends": sends}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if answer["status"] > 0:
            self.errors.seek(0)
            pytest.fail(f"{fault} at call {call}: {self.errors.read()}")
        return path, answer

    def at_each_call(self, fault: str, *, sends: bool = False) -> Iterator[tuple[Path, dict[str, Any]]]:
        """One run for every call that a run without fault makes."""
        _, undisturbed = self.run("none", sends=sends)
        assert undisturbed["acknowledged"] == len(MESSAGES if sends else HISTORY)
        assert undisturbed["failures"] == []
        assert undisturbed["calls"] > (25 if sends else 100), "SQLite's writes are seen"
        for call in range(1, undisturbed["calls"] + 1):
            yield self.run(fault, call, sends=sends)

    def close(self) -> None:
        self.process.communicate()
        self.errors.close()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child(tmp_path)
    yield child
    child.close()


def check_database(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        assert connection.pragma("integrity_check") == "ok"


async def check_and_go_on(path: Path, acknowledged: int) -> int:
    """All that was acknowledged is there and shown, and another runner can bring the history to its end."""
    store = SQLiteExecutionEventStore(path, create=True, offload=False, durability="normal")
    found = await store.get_event_history("exec_one")
    assert found == HISTORY[: len(found)]
    assert len(found) >= acknowledged
    assert len(found) in LENGTHS, "a batch is whole or not there"
    listed = await store.list_executions()
    assert [(summary.id, summary.last_event_seq) for summary in listed] == ([("exec_one", len(found))] if found else [])
    if found and len(found) < len(HISTORY):
        assert (listed[0].shown_status, listed[0].error) == ("interrupted", "")
    snapshot = await store.get_snapshot("exec_one")
    assert snapshot is None or snapshot.last_event_seq <= len(found)
    await store.acquire_owner("exec_one", "runner_2")
    if HISTORY[len(found) :]:
        await store.append_events(HISTORY[len(found) :])
    assert await store.get_event_history("exec_one") == HISTORY
    (summary,) = await store.list_executions()
    assert (summary.status, summary.owner) == ("completed", "runner_2")
    await store.close()
    check_database(path)
    return len(found)


async def check_inbox_and_send_on(path: Path, acknowledged: int) -> int:
    """Every acknowledged message is there once, and all can be sent again; returns how many there were."""
    store = SQLiteExecutionEventStore(path, offload=False, durability="normal")
    found = await store.get_signals("exec_one")
    assert found == SENT[: len(found)]
    assert len(found) >= acknowledged
    assert [await store.send_signal("exec_one", signal) for signal in MESSAGES] == [1, 2, 3]
    assert await store.get_signals("exec_one") == SENT
    assert await store.get_event_history("exec_one") == HISTORY[:2]
    await store.close()
    check_database(path)
    return len(found)


@pytest.mark.parametrize("fault", ["kill", "tear"])
async def test_killed_at_every_write(child: Child, fault: str) -> None:
    lengths, killed = set(), 0
    for path, answer in child.at_each_call(fault):
        killed += answer["status"] == -signal.SIGKILL
        assert not answer["failures"]
        lengths.add(await check_and_go_on(path, answer["acknowledged"]))
    assert killed > 60
    assert lengths == LENGTHS, "it should have died before, between and after all appends"


@pytest.mark.parametrize("fault", ["full", "broken"])
async def test_a_write_that_fails_once_is_told_and_can_be_repeated(child: Child, fault: str) -> None:
    told, survived = 0, 0
    for path, answer in child.at_each_call(fault):
        for message, acknowledged, readable in answer["failures"]:
            told += 1
            assert any(reason in message for reason in REASONS[fault])
            assert str(path) in message
            assert readable == acknowledged, "what failed is no part of the history"
        opened = bool(answer["acknowledged"])
        assert opened or len(answer["failures"]) == 1
        survived += opened
        assert answer["acknowledged"] == (len(HISTORY) if opened else 0), "the store goes on when the fault is over"
        await check_and_go_on(path, answer["acknowledged"])
    assert told > 60
    assert survived > 60


@pytest.mark.parametrize("fault", ["full for ever", "broken for ever"])
async def test_writes_that_go_on_failing_lose_nothing_either(child: Child, fault: str) -> None:
    acknowledged = set()
    for path, answer in child.at_each_call(fault):
        for _, before, readable in answer["failures"]:
            # Of a commit whose last sync failed, on a disk that then refuses everything, nothing can be taken back.
            assert readable in LENGTHS
            assert before <= readable <= next(iter(sorted(LENGTHS - set(range(before + 1)))), before)
        acknowledged.add(answer["acknowledged"])
        await check_and_go_on(path, answer["acknowledged"])
    assert acknowledged == LENGTHS


@pytest.mark.parametrize("fault", ["kill", "tear", "full", "broken", "full for ever", "broken for ever"])
async def test_messages_survive_faults_at_every_write(child: Child, fault: str) -> None:
    found = set()
    for path, answer in child.at_each_call(fault, sends=True):
        for message, before, readable in answer["failures"]:
            assert any(reason in message for reason in REASONS[fault.split()[0]])
            assert readable == before or (fault.endswith("for ever") and readable == before + 1)
        found.add(await check_inbox_and_send_on(path, answer["acknowledged"]))
    # What failed once was sent again; else it should have gone wrong before, between and after all messages.
    assert found == ({3} if fault in ("full", "broken") else {0, 1, 2, 3})
