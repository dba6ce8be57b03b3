"""How a runner ends: cancelled, at a limit, or because the store failed."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from engine.model.events import ExecutionEvent
from engine.model.workflow import Each, Step, Workflow
from engine.runtime import runner
from engine.runtime.config import PersistenceConfig
from engine.runtime.losses import LostUnit, RecordingError
from engine.store import ConflictError, StoreError, StoreNotFoundError
from engine.testing.ports import SequentialIds
from tests.runtime.chains import MakeEngine, chain, events_of, fork, give, until
from tests.runtime.watched import WatchedStore


@pytest.fixture
def watched() -> WatchedStore:
    return WatchedStore()


@pytest.fixture(autouse=True)
async def nothing_is_left_behind() -> Any:
    streams = sys.stdout, sys.stderr
    yield
    await until(lambda: (sys.stdout, sys.stderr) == streams)
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Cancellation


class Waiting:
    """An engine with one execution that waits in an async and a sync action on two paths."""

    def __init__(self, make_engine: MakeEngine, store: WatchedStore) -> None:
        self.store = store
        self.waiting = asyncio.Event()
        self.release = threading.Event()
        self.returned = threading.Event()
        loop = asyncio.get_running_loop()
        met = threading.Barrier(2, action=lambda: loop.call_soon_threadsafe(self.waiting.set))

        async def wait() -> None:
            await asyncio.to_thread(met.wait)
            await asyncio.Event().wait()

        def wait_sync() -> str:
            met.wait()
            self.release.wait()
            print("still here")
            self.returned.set()
            return "late"

        self.engine = make_engine(give, wait, wait_sync, store=store)
        workflow = fork(Step(name="L", action="wait"), Step(name="R", action="wait_sync"))
        self.task = asyncio.create_task(self.engine.run(workflow))

    async def let_go(self) -> None:
        self.release.set()
        await asyncio.to_thread(self.returned.wait)


async def test_a_cancellation_is_recorded_and_what_runs_is_cancelled_or_abandoned(
    make_engine: MakeEngine, watched: WatchedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    execution = Waiting(make_engine, watched)
    await execution.waiting.wait()
    execution.engine.cancel_all("ann", "no longer needed")
    result = await execution.task
    assert (result.status, result.error, result.outputs) == ("cancelled", None, None)
    assert watched.batches[-1] == ["l path_cancelled", "r path_cancelled", "execution_cancelled"]
    *_, left, right, end = events = await events_of(watched, result)
    assert left.data["unit"] == {"path": "l", "step": "L", "visit": 1}
    assert right.data["effect_key"] == f"{result.id}/r/R/1#1"
    assert end.data == {"by": "ann", "reason": "no longer needed"}
    await execution.let_go()
    assert await events_of(watched, result) == events
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancellation_may_come_from_another_thread(
    make_engine: MakeEngine, watched: WatchedStore, times: int
) -> None:
    execution = Waiting(make_engine, watched)
    await execution.waiting.wait()
    threads = [threading.Thread(target=execution.engine.cancel_all) for _ in range(times)]
    for thread in threads:
        thread.start()
    result = await asyncio.wait_for(execution.task, 30)
    assert result.status == "cancelled"
    await execution.let_go()


async def test_a_cancellation_before_anything_ran_leaves_a_history_that_says_so(make_engine: MakeEngine) -> None:
    ran: list[int] = []

    class Late(WatchedStore):
        async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
            await super().acquire_owner(execution_id, runner_id)
            engine.cancel_all()

    store = Late()
    engine = make_engine(lambda: ran.append(1), store=store)
    result = await engine.run(chain("A", action="<lambda>"))
    assert result.status == "cancelled"
    assert store.batches == [["execution_started", "execution_cancelled"]]
    assert ran == []


async def test_a_cancellation_during_a_commit_comes_into_force_before_anything_more_runs(
    make_engine: MakeEngine,
) -> None:
    ran: list[str] = []

    def before(batch: Sequence[ExecutionEvent]) -> None:
        if batch[-1].step_name == "B":
            engine.cancel_all()

    async def note(name: str) -> None:
        ran.append(name)

    store = WatchedStore(before)
    engine = make_engine(note, store=store)
    steps = [Step(name=name, action="note", parameters={"name": name}) for name in "ABC"]
    result = await engine.run(Workflow(name="w", steps=steps))
    assert result.status == "cancelled"
    assert store.batches[1:] == [
        ["main:A step_completed", "main:B step_started"],
        ["main path_cancelled", "execution_cancelled"],
    ]
    assert ran == ["A"]


async def test_what_arrived_together_with_a_cancellation_has_happened(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    async def ask_to_stop() -> str:
        engine.cancel_all()
        return "done"

    engine = make_engine(ask_to_stop, store=watched)
    result = await engine.run(chain("A", "B", action="ask_to_stop"))
    assert result.status == "cancelled"
    assert watched.batches[1:] == [["main:A step_completed", "main path_cancelled", "execution_cancelled"]]


async def test_a_failure_that_arrived_together_with_a_cancellation_wins(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    async def stop_and_fail() -> None:
        engine.cancel_all()
        raise ValueError("no")

    engine = make_engine(stop_and_fail, store=watched)
    result = await engine.run(chain("A", "B", action="stop_and_fail"))
    assert result.status == "failed"
    assert watched.batches[1:] == [["main:A step_failed", "main path_failed", "execution_failed"]]


async def test_a_caller_that_gives_up_leaves_an_execution_that_nobody_drives(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    execution = Waiting(make_engine, watched)
    await execution.waiting.wait()
    execution.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await execution.task
    (summary,) = await watched.list_executions()
    assert (summary.status, summary.shown_status) == ("running", "interrupted")
    assert watched.owners == {}
    await execution.let_go()


# Limits


def endless(**each: Any) -> Workflow:
    return Workflow(name="endless", steps=[Step(name="Again", action="give", next=["Again"], **each)])


@pytest.mark.parametrize(
    ("limits", "told"),
    [({"max_events": 50}, "(50 events, "), ({"max_bytes": 10_000}, "bytes) before 'Again'")],
    ids=["events", "bytes"],
)
async def test_a_history_that_is_full_ends_the_execution_naming_the_step(
    make_engine: MakeEngine, watched: WatchedStore, limits: dict[str, int], told: str
) -> None:
    result = await make_engine(give, store=watched, config=PersistenceConfig(**limits)).run(endless())
    assert result.error is not None
    assert result.error["type"] == "HistoryLimit"
    assert result.error["message"].startswith("the history has reached its limit (")
    assert told in result.error["message"]
    assert watched.batches[-1] == ["main:Again step_completed", "main path_cancelled", "execution_failed"]


async def test_a_full_history_does_not_fail_an_execution_that_starts_nothing_more(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    result = await make_engine(give, store=watched, config=PersistenceConfig(max_events=10)).run(chain(*"ABCD"))
    assert result.state.sequence == 12
    assert result.ok


async def test_a_full_history_lets_no_item_start(make_engine: MakeEngine) -> None:
    workflow = Workflow(name="w", steps=[Step(name="A", each=Each(items=list(range(100))), action="give")])
    result = await make_engine(give, config=PersistenceConfig(max_events=20)).run(workflow)
    assert result.error is not None
    assert "before 'A'" in result.error["message"]
    assert result.state.sequence < 25


async def test_parameters_too_large_are_an_error_of_the_step(make_engine: MakeEngine) -> None:
    workflow = Workflow(name="w", steps=[Step(name="A", action="give", parameters={"value": "x" * 2_000})])
    result = await make_engine(give, config=PersistenceConfig(max_payload=1_000)).run(workflow)
    assert result.error is not None
    assert (result.error["type"], result.error["step"]) == ("PayloadTooLarge", "A")


async def test_steps_without_effects_neither_starve_the_loop_nor_gather_without_end(
    make_engine: MakeEngine, watched: WatchedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MAX_TURN", 50)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while turns < 5:
            await asyncio.sleep(0)
            turns += 1
        engine.cancel_all()

    engine = make_engine(give, store=watched)
    counting = asyncio.create_task(count())
    result = await engine.run(endless(each=Each(items=[])))
    await counting
    assert result.status == "cancelled"
    assert len(watched.batches) >= 3
    assert max(map(len, watched.batches)) <= 53


# Stores that fail


@pytest.mark.parametrize("error", [StoreError("no space"), StoreNotFoundError("the store is gone")])
@pytest.mark.parametrize("at", range(4))
async def test_a_store_that_fails_stops_the_runner_which_says_what_is_lost(
    make_engine: MakeEngine, at: int, error: StoreError
) -> None:
    ran: list[str] = []
    store: WatchedStore

    def before(batch: Sequence[ExecutionEvent]) -> None:
        if len(store.batches) == at:
            raise error

    async def note(name: str) -> None:
        ran.append(name)

    store = WatchedStore(before)
    steps = [Step(name=name, action="note", parameters={"name": name}) for name in "ABC"]
    with pytest.raises(RecordingError, match=str(error)) as caught:
        await make_engine(note, store=store).run(Workflow(name="w", steps=steps))
    assert caught.value.__cause__ is error
    lost = "ABC"[at - 1 : at] if at else ""
    execution_id = SequentialIds().new("exec")
    assert caught.value.units == [
        LostUnit(execution_id, "main", name, 1, None, f"{execution_id}/main/{name}/1#1") for name in lost
    ]
    assert [str(unit) for unit in caught.value.units] == [f"main › {name}" for name in lost]
    assert ran == list("ABC"[:at])
    assert len(store.batches) == at
    assert store.owners == {}


async def test_a_runner_that_lost_its_execution_stops_and_records_nothing_more(make_engine: MakeEngine) -> None:
    store: WatchedStore
    release = asyncio.Event()

    def before(batch: Sequence[ExecutionEvent]) -> None:
        if len(store.batches) == 2:
            raise ConflictError("somebody else writes")

    async def wait() -> None:
        await release.wait()

    store = WatchedStore(before)
    workflow = fork(Step(name="L", action="give"), Step(name="R", action="wait"))
    with pytest.raises(ConflictError, match="somebody else writes"):
        await make_engine(give, wait, store=store).run(workflow)
    assert len(store.batches) == 2


async def test_an_observer_that_fails_stops_the_runner_with_its_error(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    def observe(batch: Sequence[ExecutionEvent]) -> None:
        if batch[0].sequence > 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await make_engine(give, store=watched).run(chain("A", "B", "C"), observer=observe)
    assert len(watched.batches) == 2
    assert watched.owners == {}
