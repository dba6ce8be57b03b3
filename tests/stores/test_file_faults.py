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
from stores.file_store import FileExecutionEventStore
from tests.stores.histories import batches, flat

ROOT = Path(__file__).parents[2]
HISTORY = flat(batches())


class Child:
    """Lets histories be appended in other processes, with a fault each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = (folder / "errors").open("w+")
        command = [sys.executable, "-m", "tests.stores.faulty_child"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def run(self, fault: str, call: int = 0) -> tuple[Path, dict[str, Any]]:
        base = self.folder / f"{fault}-{call}"
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps({"store": str(base), "fault": fault, "call": call}), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if answer["status"] > 0:
            self.errors.seek(0)
            pytest.fail(f"{fault} at call {call}: {self.errors.read()}")
        return base, answer

    def at_each_call(self, fault: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        """One run for every call that a run without fault makes."""
        _, undisturbed = self.run("none")
        assert (undisturbed["acknowledged"], undisturbed["failures"]) == (len(HISTORY), [])
        for call in range(1, undisturbed["calls"] + 1):
            yield self.run(fault, call)

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
