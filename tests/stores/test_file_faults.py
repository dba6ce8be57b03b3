"""A process dies at every call that changes a file, or that call fails: nothing acknowledged is lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.events import ExecutionEvent
from stores.file.store import FileExecutionEventStore
from tests.stores.faulty import Child
from tests.stores.faulty_child import MESSAGES
from tests.stores.histories import batches, flat

HISTORY = flat(batches())
SENT = [message._replace(ordinal=ordinal) for ordinal, message in enumerate(MESSAGES, start=1)]


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


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child(tmp_path)
    yield child
    child.close()


@pytest.mark.parametrize("fault", ["kill", "tear", "short", "full", "broken", "full for ever", "broken for ever"])
async def test_messages_survive_faults_at_every_call(child: Child, fault: str) -> None:
    found = set()
    for base, answer in child.at_each_call(fault, does="send"):
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


@pytest.mark.parametrize("fault", ["kill", "tear", "full", "broken", "full for ever", "broken for ever"])
async def test_turns_survive_faults_at_every_call(child: Child, fault: str) -> None:
    lengths = set()
    for base, answer in child.at_each_call(fault, does="turn"):
        for message, acknowledged, _ in answer["failures"]:
            assert "No space left on device" in message or "Input/output error" in message
            assert acknowledged <= answer["acknowledged"]
        store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
        for execution_id in ("exec_one", "exec_two"):
            history = flat(batches(execution_id))
            found = await store.get_event_history(execution_id)
            assert found == history[: len(found)]
            assert answer["acknowledged"] <= len(found)
            if history[len(found) :]:
                await store.append_events(history[len(found) :])
            assert await store.get_event_history(execution_id) == history
            lengths.add(len(found))
        assert not [one for one in await store.examine() if one.kind not in ("stale", "torn")]
        await store.close()
    assert lengths == ({10} if fault in ("full", "broken") else {0, 2, 4, 6, 10}) | ({0} & lengths)


async def test_an_index_is_written_and_torn_among_all_that(child: Child) -> None:
    torn = 0
    for base, _ in child.at_each_call("tear"):
        file = base / "exec_one" / "index"
        torn += file.exists() and file.stat().st_size % 34 != 0
    assert torn > 0
