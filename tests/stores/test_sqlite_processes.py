"""Several processes on one database: one wins, nothing interleaves, and who dies lets go of everything."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.store import OwnedError
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.sizes import SIZES
from tests.stores.histories import batches, flat
from tests.stores.sqlite_files import opened
from tests.stores.store_child import WORKS, messages, written
from tests.stores.store_process import StoreProcess


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SQLiteExecutionEventStore]:
    store = opened(path, create=True)
    yield store
    await store.close()


@pytest.fixture
async def others(database: SQLiteExecutionEventStore) -> AsyncIterator[list[StoreProcess]]:
    started = list(await asyncio.gather(*(StoreProcess.start(database.path) for _ in range(2))))
    yield started
    for other in started:
        await other.kill()


async def test_of_two_who_append_at_once_one_wins_and_nothing_interleaves(
    database: SQLiteExecutionEventStore, others: list[StoreProcess]
) -> None:
    wins = {"a": 0, "b": 0}
    for number in range(WORKS):
        for other, mark in zip(others, wins, strict=True):
            other.tell("append", mark, number)
        outcomes = [(await other.hear())[0] for other in others]
        assert sorted(outcomes, key=str) == ["ConflictError", None]
        wins["ab"[outcomes.index(None)]] += 1
    assert sum(wins.values()) == WORKS
    history = await database.get_event_history("exec_one")
    by_mark = {mark: flat(batches(works=WORKS, mark=mark)) for mark in "ab"}
    assert len(history) == 2 * WORKS
    for first, second in zip(history[::2], history[1::2], strict=True):
        assert first.id[6] == second.id[6], "the two events of a batch come from the same process"
        assert [first, second] == by_mark[first.id[6]][first.sequence - 1 : first.sequence + 1]
    summary = await database.get_summary("exec_one")
    assert summary is not None and summary.last_event_seq == 2 * WORKS


async def test_a_runner_that_lost_its_execution_is_fenced(
    database: SQLiteExecutionEventStore, others: list[StoreProcess]
) -> None:
    first, second = others
    assert await first.do("acquire_owner", "exec_one", "runner_1") is None
    assert await first.do("append", "a", 0) is None
    first.process.send_signal(signal.SIGSTOP)
    assert await second.do("live", "exec_one") is True, "a suspended process keeps what it owns"
    assert await second.do("acquire_owner", "exec_one", "runner_2") == "OwnedError"
    assert await second.do("append", "b", 1) is None, "as one who takes over by force would"
    first.process.send_signal(signal.SIGCONT)
    assert await first.do("append", "a", 1) == "ConflictError"
    history = await database.get_event_history("exec_one")
    assert [event.id[6] for event in history] == ["a", "a", "b", "b"]


async def test_a_killed_runner_is_seen_at_once_and_succeeded(
    database: SQLiteExecutionEventStore, others: list[StoreProcess]
) -> None:
    first, second = others
    assert await first.do("acquire_owner", "exec_one", "runner_1") is None
    assert await first.do("append", "a", 0) is None
    assert await database.live_runners() == {"runner_1"}
    with pytest.raises(OwnedError, match="runner_1"):
        await database.acquire_owner("exec_one", "runner_3")
    with pytest.raises(OwnedError, match="runner_1"):
        await database.delete_execution("exec_one")
    await first.kill()
    summary = await database.get_summary("exec_one")
    assert summary is not None
    assert (summary.owner, summary.live, summary.shown_status) == ("runner_1", False, "interrupted")
    assert await second.do("acquire_owner", "exec_one", "runner_2") is None
    assert await second.do("append", "a", 1) is None


async def test_of_two_who_take_over_at_once_one_wins(path: Path, others: list[StoreProcess]) -> None:
    for number in range(30):
        execution_id = f"exec_{number}"
        dead = opened(path)
        await dead.acquire_owner(execution_id, f"runner_dead{number}")
        await dead.close()
        for other, runner in zip(others, ("runner_1", "runner_2"), strict=True):
            other.tell("acquire_owner", execution_id, runner)
        outcomes = [(await other.hear())[0] for other in others]
        assert sorted(outcomes, key=str) == [None, "OwnedError"]


async def test_whatever_several_send_while_another_appends_arrives_once(
    database: SQLiteExecutionEventStore, others: list[StoreProcess]
) -> None:
    count = 60
    history = batches(works=count)
    await database.append_events(history[0])
    ordinals: dict[str, list[int]] = {mark: [] for mark in "ab"}
    for number in range(count):
        for sender, mark in zip(others, ordinals, strict=True):
            sender.tell("send", mark, number)
            sender.tell("send", "x", number)  # both send this one, and it must count once
    for batch in history[1:]:
        await database.append_events(batch)
    shared: set[tuple[int, int]] = set()
    for sender, of_one in zip(others, ordinals.values(), strict=True):
        for number in range(count):
            (error, ordinal), (shared_error, shared_ordinal) = await sender.hear(), await sender.hear()
            assert (error, shared_error) == (None, None)
            of_one.append(ordinal)
            shared.add((number, shared_ordinal))
    assert len(shared) == count
    given = sorted([ordinal for of_one in ordinals.values() for ordinal in of_one] + [ordinal for _, ordinal in shared])
    assert given == list(range(1, 3 * count + 1))
    found = {message.ordinal: message.id for message in await database.get_signals("exec_one")}
    assert sorted(found) == given
    for mark, of_one in ordinals.items():
        assert [found[ordinal] for ordinal in of_one] == [message.id for message in messages(mark)[:count]]
    assert await database.get_event_history("exec_one") == flat(history)


async def test_what_many_processes_write_at_once_is_all_there(path: Path) -> None:
    marks = "abcdefgh"[: SIZES.writers]
    processes = [await StoreProcess.start(path) for _ in marks]
    for process, mark in zip(processes, marks, strict=True):
        process.tell("write", mark, SIZES.executions_each)
    for process in processes:
        assert await process.hear() == (None, SIZES.executions_each)
        await process.kill()
    store = opened(path)
    listed = {summary.id: summary for summary in await store.list_executions()}
    assert len(listed) == len(marks) * SIZES.executions_each
    for mark in marks:
        for number in range(SIZES.executions_each):
            events = flat(written(mark, number))
            found = await store.get_event_history(events[0].execution_id)
            for event, wanted in zip(found, events, strict=True):
                assert event == wanted
            summary = listed[events[0].execution_id]
            assert (summary.status, summary.last_event_seq, summary.error) == ("completed", len(events), "")
    await store.close()


async def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    moments = random.Random(8)
    for kill in range(SIZES.random_kills):
        path = tmp_path / f"{kill}.db"
        process = await StoreProcess.start(path)
        process.tell("append_for_ever")
        acknowledged = 0
        for _ in range(moments.randrange(SIZES.killed_appends)):
            error, acknowledged = await process.hear()
            assert error is None
        await process.kill()
        store = opened(path, create=True)
        history = await store.get_event_history("exec_one")
        assert len(history) >= acknowledged
        assert [event.sequence for event in history] == list(range(1, len(history) + 1))
        listed = [(summary.id, summary.last_event_seq, summary.error) for summary in await store.list_executions()]
        assert listed == ([("exec_one", len(history), "")] if history else [])
        await store.close()
