"""A process dies at every call that changes a file, or that call fails: nothing acknowledged is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model.events import ExecutionEvent
from stores.file.store import FileExecutionEventStore
from tests.stores.faulty_child import MESSAGES
from tests.stores.histories import batches, flat

ROOT = Path(__file__).parents[2]
HISTORY = flat(batches())
SENT = [message._replace(ordinal=ordinal) for ordinal, message in enumerate(MESSAGES, start=1)]


class Child:
    """Lets histories be appended in other processes, with a fault each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = (folder / "errors").open("w+")
        command = [sys.executable, "-m", "tests.stores.faulty_child"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def run(self, fault: str, call: int = 0, *, sends: bool = False) -> tuple[Path, dict[str, Any]]:
        base = self.folder / f"{fault}-{call}"
        assert self.process.stdin is not None and self.process.stdout is not None
        order = {"store": str(base), "fault": fault, "call": call, "sends": sends}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if answer["status"] > 0:
            self.errors.seek(0)
            pytest.fail(f"{fault} at call {call}: {self.errors.read()}")
        return base, answer

    def at_each_call(self, fault: str, *, sends: bool = False) -> Iterator[tuple[Path, dict[str, Any]]]:
        """One run for every call that a run without fault makes."""
        _, undisturbed = self.run("none", sends=sends)
        assert undisturbed["acknowledged"] == len(MESSAGES if sends else HISTORY)
        assert undisturbed["failures"] == []
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


async def check_and_go_on(base: Path, acknowledged: int) -> list[ExecutionEvent]:
    """Everything acknowledged is there and shown, and another runner can bring the history to its end."""
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    found = await store.get_event_history("exec_one")
    assert found == HISTORY[: len(found)]
    assert len(found) >= acknowledged
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
    report = await store.history_report("exec_one")
    assert report is not None and (report.torn_at, report.damage) == (None, None)
    await store.close()
    return found


async def check_inbox_and_send_on(base: Path, acknowledged: int) -> int:
    """Every acknowledged message is there once, and all can be sent again; returns how many there were."""
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    if await store.get_summary("exec_one") is None:
        assert acknowledged == 0
        return 0
    found = await store.get_signals("exec_one")
    assert found == SENT[: len(found)]
    assert len(found) >= acknowledged
    assert [await store.send_signal("exec_one", signal) for signal in MESSAGES] == [1, 2, 3]
    assert await store.get_signals("exec_one") == SENT
    assert await store.get_event_history("exec_one") == HISTORY[:2]
    await store.close()
    return len(found)


@pytest.mark.parametrize("fault", ["kill", "tear", "short", "full", "broken", "full for ever", "broken for ever"])
async def test_messages_survive_faults_at_every_call(child: Child, fault: str) -> None:
    found = set()
    for base, answer in child.at_each_call(fault, sends=True):
        assert (answer["status"] == -signal.SIGKILL) is (fault == "kill") or fault == "tear"
        for message, before, readable in answer["failures"]:
            assert "No space left on device" in message or "Input/output error" in message
            assert readable == before, "what failed is no message"
        if fault in ("short", "full", "broken") and base.exists() and (base / "exec_one").exists():
            assert answer["acknowledged"] == len(MESSAGES)
        found.add(await check_inbox_and_send_on(base, answer["acknowledged"]))
    always = {"short": {3}, "full": {0, 3}, "broken": {0, 3}}
    assert found == always.get(fault, {0, 1, 2, 3}), "it should have gone wrong before, between and after all messages"


@pytest.mark.parametrize("fault", ["kill", "tear"])
async def test_killed_at_every_call(child: Child, fault: str) -> None:
    lengths = set()
    killed = 0
    for base, answer in child.at_each_call(fault):
        killed += answer["status"] == -signal.SIGKILL
        assert not answer["failures"]
        lengths.add(len(await check_and_go_on(base, answer["acknowledged"])))
    assert killed > 10
    assert lengths == {0, 2, 4, 6, 10}, "it should have died before, between and after all appends"


async def test_a_short_write_is_continued(child: Child) -> None:
    for base, answer in child.at_each_call("short"):
        assert (answer["acknowledged"], answer["failures"]) == (len(HISTORY), [])
        await check_and_go_on(base, len(HISTORY))


@pytest.mark.parametrize("fault", ["full", "broken"])
async def test_a_call_that_fails_once_is_told_and_can_be_repeated(child: Child, fault: str) -> None:
    told = 0
    for base, answer in child.at_each_call(fault):
        for message, acknowledged, readable in answer["failures"]:
            told += 1
            assert ("No space left on device" if fault == "full" else "Input/output error") in message
            assert readable == acknowledged, "what failed is no part of the history"
        if answer["acknowledged"] or not answer["failures"]:
            assert answer["acknowledged"] == len(HISTORY)
            await check_and_go_on(base, len(HISTORY))
    assert told > 10


@pytest.mark.parametrize("fault", ["full for ever", "broken for ever"])
async def test_calls_that_go_on_failing_lose_nothing_either(child: Child, fault: str) -> None:
    acknowledged = set()
    for base, answer in child.at_each_call(fault):
        for _, before, readable in answer["failures"]:
            assert readable == before, "what failed is no part of the history"
        acknowledged.add(answer["acknowledged"])
        found = await check_and_go_on(base, answer["acknowledged"])
        assert len(found) == answer["acknowledged"]
    assert acknowledged == {0, 2, 4, 6, 10}
