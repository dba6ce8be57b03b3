"""Several processes on one store: one appends, one owns, and who dies lets go of everything."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.store import ConflictError, OwnedError
from stores.file.store import FileExecutionEventStore
from tests.sizes import SIZES
from tests.stores.histories import batches, flat
from tests.stores.store_child import WORKS, messages
from tests.stores.store_process import StoreProcess

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def others(store: FileExecutionEventStore) -> AsyncIterator[list[StoreProcess]]:
    started = list(await asyncio.gather(*(StoreProcess.start(store.base) for _ in range(2))))
    yield started
    for other in started:
        await other.kill()


async def test_of_two_who_append_at_once_one_wins_and_nothing_interleaves(
    base: Path, others: list[StoreProcess]
) -> None:
    wins = {"a": 0, "b": 0}
    for number in range(WORKS):
        for other, mark in zip(others, wins, strict=True):
            other.tell("append", mark, number)
        outcomes = [(await other.hear())[0] for other in others]
        assert sorted(outcomes, key=str) == ["ConflictError", None]
        wins["ab"[outcomes.index(None)]] += 1
    assert sum(wins.values()) == WORKS
    store = FileExecutionEventStore(base)
    history = await store.get_event_history("exec_one")
    by_mark = {mark: flat(batches(works=WORKS, mark=mark)) for mark in "ab"}
    assert len(history) == 2 * WORKS
    for first, second in zip(history[::2], history[1::2], strict=True):
        assert first.id[6] == second.id[6], "the two events of a batch come from the same process"
        assert first == by_mark[first.id[6]][first.sequence - 1]
    await store.close()


async def test_a_runner_that_lost_its_execution_is_fenced(
    store: FileExecutionEventStore, others: list[StoreProcess]
) -> None:
    first, second = others
    assert await first.do("acquire_owner", "exec_one", "runner_1") is None
    assert await first.do("append", "a", 0) is None
    assert await second.do("acquire_owner", "exec_one", "runner_2") == "OwnedError"
    first.process.send_signal(signal.SIGSTOP)
    assert await second.do("live", "exec_one") is True, "a suspended process keeps what it owns"
    assert await second.do("acquire_owner", "exec_one", "runner_2") == "OwnedError"
    assert await second.do("append", "b", 1) is None, "as one who takes over by force would"
    first.process.send_signal(signal.SIGCONT)
    assert await first.do("append", "a", 1) == "ConflictError"
    history = await store.get_event_history("exec_one")
    assert [event.id[6] for event in history] == ["a", "a", "b", "b"]


async def test_a_killed_runner_is_seen_at_once_and_succeeded(
    store: FileExecutionEventStore, others: list[StoreProcess]
) -> None:
    first, second = others
    assert await first.do("acquire_owner", "exec_one", "runner_1") is None
    assert await first.do("append", "a", 0) is None
    assert await store.live_runners() == {"runner_1"}
    with pytest.raises(OwnedError, match="runner_1"):
        await store.acquire_owner("exec_one", "runner_3")
    await first.kill()
    summary = await store.get_summary("exec_one")
    assert summary is not None
    assert (summary.owner, summary.live, summary.shown_status) == ("runner_1", False, "interrupted")
    assert await store.live_runners() == {"runner_3"}, "that is ourselves"
    assert await second.do("acquire_owner", "exec_one", "runner_2") is None
    assert await second.do("append", "a", 1) is None
    assert not (store.base / "owners" / "runner_1").exists(), "the dead runner's file is cleared away"
    with pytest.raises(ConflictError):
        await store.append_events(batches(mark="c")[1])


async def test_of_two_who_take_over_at_once_one_wins(base: Path, others: list[StoreProcess]) -> None:
    for number in range(30):
        execution_id = f"exec_{number}"
        dead = FileExecutionEventStore(base)
        await dead.acquire_owner(execution_id, f"runner_dead{number}")
        await dead.close()
        for other, runner in zip(others, ("runner_1", "runner_2"), strict=True):
            other.tell("acquire_owner", execution_id, runner)
        outcomes = [(await other.hear())[0] for other in others]
        assert sorted(outcomes, key=str) == [None, "OwnedError"]


async def test_who_asks_whether_a_runner_lives_is_not_taken_for_it(base: Path, others: list[StoreProcess]) -> None:
    dying = await StoreProcess.start(base)
    assert await dying.do("acquire_owner", "exec_one", "runner_1") is None
    assert await dying.do("append", "a", 0) is None
    await dying.kill()
    for _ in range(100):
        for other in others:
            other.tell("live", "exec_one")
        assert [await other.hear() for other in others] == [(None, False), (None, False)]


async def test_a_child_that_outlives_its_runner_keeps_nothing(
    store: FileExecutionEventStore, others: list[StoreProcess]
) -> None:
    runner = others[0]
    assert await runner.do("acquire_owner", "exec_one", "runner_1") is None
    assert await runner.do("append", "a", 0) is None
    orphan = await runner.do("fork")
    try:
        assert await store.live_runners() == {"runner_1"}, "its forking does not end its life"
        await runner.kill()
        assert await store.live_runners() == frozenset()
        os.kill(orphan, 0)
    finally:
        os.kill(orphan, signal.SIGKILL)


async def test_whatever_several_send_while_another_appends_arrives_once(
    store: FileExecutionEventStore, others: list[StoreProcess]
) -> None:
    count = 60
    senders = [*others, *(await asyncio.gather(*(StoreProcess.start(store.base) for _ in range(2))))]
    others += senders[2:]
    history = batches(works=count)
    await store.append_events(history[0])
    ordinals: dict[str, list[int]] = {mark: [] for mark in "abcd"}
    for number in range(count):
        for sender, mark in zip(senders, ordinals, strict=True):
            sender.tell("send", mark, number)
            sender.tell("send", "x", number)  # all four send this one, and it must count once
    for batch in history[1:]:
        await store.append_events(batch)
    shared: set[tuple[int, int]] = set()
    for sender, of_one in zip(senders, ordinals.values(), strict=True):
        for number in range(count):
            (error, ordinal), (shared_error, shared_ordinal) = await sender.hear(), await sender.hear()
            assert (error, shared_error) == (None, None)
            of_one.append(ordinal)
            shared.add((number, shared_ordinal))
    assert len(shared) == count
    given = sorted([ordinal for of_one in ordinals.values() for ordinal in of_one] + [ordinal for _, ordinal in shared])
    assert given == list(range(1, 5 * count + 1))
    found = {signal.ordinal: signal.id for signal in await store.get_signals("exec_one")}
    assert sorted(found) == given
    for mark, of_one in ordinals.items():
        assert [found[ordinal] for ordinal in of_one] == [signal.id for signal in messages(mark)[:count]]
    assert await store.get_event_history("exec_one") == flat(history)


async def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    moments = random.Random(8)
    for kill in range(SIZES.random_kills):
        base = tmp_path / str(kill)
        process = await StoreProcess.start(base)
        process.tell("append_for_ever")
        acknowledged = 0
        for _ in range(moments.randrange(SIZES.killed_appends)):
            error, acknowledged = await process.hear()
            assert error is None
        await process.kill()
        store = FileExecutionEventStore(base, create=True)
        history = await store.get_event_history("exec_one")
        assert len(history) >= acknowledged
        assert [event.sequence for event in history] == list(range(1, len(history) + 1))
        listed = [(summary.id, summary.last_event_seq, summary.error) for summary in await store.list_executions()]
        assert listed == ([("exec_one", len(history), "")] if history else [])
        await store.close()
