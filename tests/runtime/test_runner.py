"""The runner's loop: what is committed when, and that nothing hangs or is left behind."""

from __future__ import annotations

import asyncio
import copy
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine.lifecycle.engine import Engine, ExecutionResult
from engine.model.events import ExecutionEvent
from engine.model.workflow import Each, Edge, Step, Workflow
from engine.runtime import runner
from engine.runtime.actions import action
from engine.runtime.config import PersistenceConfig
from engine.runtime.runner import RecordingError
from engine.store import ConflictError, StoreError, StoreNotFoundError
from engine.testing.ports import SequentialIds
from tests.runtime.watched import WatchedStore

MakeEngine = Callable[..., Engine]


@action
async def give(value: Any = None) -> Any:
    return value


@action
def give_sync(value: Any = None) -> Any:
    return value


@action
async def fail(message: str = "no") -> None:
    raise ValueError(message)


def chain(*names: str, action: str = "give") -> Workflow:
    return Workflow(name="chain", steps=[Step(name=name, action=action) for name in names])


def fork(*branches: Step) -> Workflow:
    """Main takes one step, then each branch runs on a path named like its step, in lower case."""
    edges = [Edge(step=branch.name, path=branch.name.lower()) for branch in branches]
    ends = [branch.model_copy(update={"end": True}) for branch in branches]
    return Workflow(name="fork", steps=[Step(name="Fork", action="give", next=edges), *ends])


async def events_of(store: WatchedStore, result: ExecutionResult) -> list[ExecutionEvent]:
    return await store.get_event_history(result.id)


@pytest.fixture
def watched() -> WatchedStore:
    return WatchedStore()


@pytest.fixture(autouse=True)
async def nothing_is_left_behind() -> Any:
    streams = sys.stdout, sys.stderr
    yield
    await until(lambda: (sys.stdout, sys.stderr) == streams)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def until(condition: Callable[[], bool]) -> None:
    """For what an abandoned thread does last, of which nobody is told."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


# Commits


async def test_a_completion_and_the_start_that_follows_share_a_commit(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    await make_engine(give, store=watched).run(chain("A", "B", "C"))
    assert watched.batches == [
        ["execution_started", "main path_started", "main:A step_started"],
        ["main:A step_completed", "main:B step_started"],
        ["main:B step_completed", "main:C step_started"],
        ["main:C step_completed", "main path_completed", "execution_completed"],
    ]


async def test_items_go_one_by_one_each_with_the_start_of_the_next(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    step = Step(name="A", each=Each(items=[1, 2]), action="give", parameters={"value": "${item}"})
    await make_engine(give, store=watched).run(Workflow(name="w", steps=[step]))
    assert watched.batches == [
        ["execution_started", "main path_started", "main:A step_started", "main:A[0] step_started"],
        ["main:A[0] step_completed", "main:A[1] step_started"],
        ["main:A[1] step_completed", "main:A step_completed", "main path_completed", "execution_completed"],
    ]


async def test_a_fork_starts_all_its_paths_in_one_commit(make_engine: MakeEngine, watched: WatchedStore) -> None:
    await make_engine(give, store=watched).run(fork(Step(name="L", action="give"), Step(name="R", action="give")))
    assert watched.batches[1:] == [
        [
            "main:Fork step_completed",
            "main:Fork path_branched",
            "main path_completed",
            "l path_started",
            "r path_started",
            "l:L step_started",
            "r:R step_started",
        ],
        [
            "l:L step_completed",
            "r:R step_completed",
            "l path_completed",
            "r path_completed",
            "execution_completed",
        ],
    ]


@pytest.mark.parametrize("name", ["give", "give_sync"])
async def test_no_action_runs_before_its_start_is_durable(
    make_engine: MakeEngine, watched: WatchedStore, name: str
) -> None:
    seen: list[tuple[str, bool]] = []

    def durable(unit: str) -> None:
        stored = {line for batch in watched.batches for line in batch}
        seen.append((unit, f"{unit} step_started" in stored))

    async def note(unit: str) -> None:
        durable(unit)

    def note_sync(unit: str) -> None:
        durable(unit)

    which = "note" if name == "give" else "note_sync"
    each = Step(
        name="E", each=Each(items=[0, 1]), action=which, parameters={"unit": "main:E[${item}]"},
        next=[Edge(step="L", path="l"), Edge(step="R", path="r")],
    )  # fmt: skip
    left = Step(name="L", action=which, parameters={"unit": "l:L"}, next=["Last"])
    right = Step(name="R", action=which, parameters={"unit": "r:R"}, end=True)
    last = Step(name="Last", action=which, parameters={"unit": "l:Last"})
    result = await make_engine(note, note_sync, store=watched).run(Workflow(name="w", steps=[each, left, right, last]))
    assert result.ok
    assert sorted(seen) == [(unit, True) for unit in ("l:L", "l:Last", "main:E[0]", "main:E[1]", "r:R")]


async def test_outcomes_that_arrive_during_a_commit_are_recorded_with_the_next(make_engine: MakeEngine) -> None:
    released = asyncio.Event()

    async def before(batch: Sequence[ExecutionEvent]) -> None:
        if batch[0].step_name == "L":
            released.set()
            for _ in range(5):
                await asyncio.sleep(0)

    async def wait() -> None:
        await released.wait()

    store = WatchedStore(before)
    workflow = fork(Step(name="L", action="give"), Step(name="R", action="wait"))
    result = await make_engine(give, wait, store=store).run(workflow)
    assert result.ok
    assert store.batches[2:] == [
        ["l:L step_completed", "l path_completed"],
        ["r:R step_completed", "r path_completed", "execution_completed"],
    ]


# Failures


async def test_a_failing_path_ends_everything_in_one_commit_and_only_then_others_are_cancelled(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    stopped_after: list[int] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped_after.append(len(watched.batches))

    workflow = fork(Step(name="L", action="fail"), Step(name="R", action="wait"), Step(name="S", action="wait"))
    result = await make_engine(give, fail, wait, store=watched).run(workflow)
    assert watched.batches[2:] == [
        ["l:L step_failed", "l path_failed", "r path_cancelled", "s path_cancelled", "execution_failed"]
    ]
    assert stopped_after == [3, 3]
    assert (result.status, result.ok, result.outputs) == ("failed", False, None)
    failed_at = result.error["sequence"] if result.error else 0
    assert result.error == {"type": "ValueError", "message": "no", "step": "L", "path": "l", "sequence": failed_at}
    events = await events_of(watched, result)
    assert events[failed_at - 1].event_type == "step_failed"
    assert [e.data["effect_key"] for e in events if e.event_type == "path_cancelled"] == [
        f"{result.id}/r/R/1#1", f"{result.id}/s/S/1#1",
    ]  # fmt: skip


async def test_what_arrived_together_with_a_failure_has_happened(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    workflow = fork(Step(name="L", action="fail"), Step(name="R", action="give"), Step(name="S", action="fail"))
    result = await make_engine(give, fail, store=watched).run(workflow)
    assert watched.batches[2:] == [
        [
            "l:L step_failed",
            "r:R step_completed",
            "s:S step_failed",
            "l path_failed",
            "s path_failed",
            "r path_cancelled",
            "execution_failed",
        ]
    ]
    assert result.error is not None
    assert result.error["step"] == "L"


async def test_what_a_cancelled_action_still_returns_is_not_recorded(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "late"

    async def convert() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("late") from None

    workflow = fork(Step(name="L", action="fail"), Step(name="R", action="stubborn"), Step(name="S", action="convert"))
    result = await make_engine(give, fail, stubborn, convert, store=watched).run(workflow)
    assert (await events_of(watched, result))[-1].event_type == "execution_failed"
    assert len(watched.batches) == 3


async def test_an_action_that_refuses_to_end_is_waited_for_only_so_long(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.01)
    go_on = asyncio.Event()

    async def refuse() -> None:
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue

    workflow = fork(Step(name="L", action="fail"), Step(name="R", action="refuse"))
    result = await make_engine(give, fail, refuse).run(workflow)
    assert result.status == "failed"
    go_on.set()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


async def test_an_action_that_cancels_its_own_task_fails_its_step(make_engine: MakeEngine) -> None:
    async def give_up() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    result = await asyncio.wait_for(make_engine(give_up).run(chain("A", action="give_up")), 30)
    assert result.error is not None
    assert result.error["type"] == "CancelledError"
    assert result.error["message"] == "the action cancelled its own task"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), OSError(5, "I/O"), GeneratorExit()])
async def test_whatever_is_raised_inside_an_action_fails_the_step_and_not_the_runner(
    make_engine: MakeEngine, error: BaseException
) -> None:
    async def quit() -> None:
        raise error

    def quit_sync() -> None:
        raise error

    for name in ("quit", "quit_sync"):
        result = await make_engine(quit, quit_sync).run(chain("A", action=name))
        assert result.error is not None
        assert result.error["type"] == type(error).__name__


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({1}, "is a set"),
        (float("nan"), "is nan"),
        (10**30, "beyond 64 bits"),
        ("\ud800", "lone surrogate"),
        (b"", "is a bytes"),
    ],
)
async def test_an_output_that_json_cannot_hold_fails_the_step(
    make_engine: MakeEngine, watched: WatchedStore, output: Any, message: str
) -> None:
    result = await make_engine(lambda: output, store=watched).run(chain("A", action="<lambda>"))
    assert result.error is not None
    assert (result.error["type"], result.error["step"]) == ("NotJson", "A")
    assert message in result.error["message"]
    failed = (await events_of(watched, result))[result.error["sequence"] - 1]
    assert failed.data["phase"] == "output"


async def test_a_very_large_output_fails_the_step(make_engine: MakeEngine) -> None:
    result = await make_engine(lambda: "x" * 3 * 2**20).run(chain("A", action="<lambda>"))
    assert result.error is not None
    assert (result.error["type"], result.error["step"]) == ("PayloadTooLarge", "A")


async def test_wrong_parameters_fail_the_step_in_its_parameters(make_engine: MakeEngine, watched: WatchedStore) -> None:
    workflow = Workflow(name="w", steps=[Step(name="A", action="give", parameters={"vaule": 1})])
    result = await make_engine(give, store=watched).run(workflow)
    assert result.error is not None
    failed = (await events_of(watched, result))[result.error["sequence"] - 1]
    assert (failed.data["phase"], failed.data["error_type"]) == ("parameters", "TypeError")
    assert "'vaule'" in failed.data["error"]


async def test_a_condition_that_cannot_be_evaluated_fails_after_the_output_was_kept(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    steps = [
        Step(name="A", action="give", next=[Edge(step="B", condition="state.nope")]),
        Step(name="B", action="give"),
    ]
    result = await make_engine(give, store=watched).run(Workflow(name="w", steps=steps))
    assert watched.batches[1] == ["main:A step_completed", "main:A step_failed", "main path_failed", "execution_failed"]
    assert (await events_of(watched, result))[4].data["phase"] == "route"


# Data


async def test_what_an_action_does_to_its_arguments_changes_nothing_else(
    make_engine: MakeEngine, watched: WatchedStore
) -> None:
    seen: list[Any] = []

    def spoil(value: dict[str, Any]) -> dict[str, Any]:
        seen.append(copy.deepcopy(value))
        value["list"].append("spoilt")
        value.clear()
        return value

    steps = [
        Step(name="A", action="give", parameters={"value": {"list": [1]}}, store="a"),
        Step(name="B", action="spoil", parameters={"value": "${state.a}"}),
        Step(name="C", action="spoil", parameters={"value": "${state.a}"}),
    ]
    result = await make_engine(give, spoil, store=watched).run(Workflow(name="w", steps=steps))
    assert seen == [{"list": [1]}, {"list": [1]}]
    assert result.state.script_globals["a"][0] == {"list": [1]}
    starts = [e for e in await events_of(watched, result) if e.event_type == "step_started"]
    assert [start.data["step_params"] for start in starts[1:]] == [{"value": {"list": [1]}}] * 2


async def test_what_an_action_keeps_of_its_output_changes_nothing(make_engine: MakeEngine) -> None:
    kept: dict[str, Any] = {"list": [1]}

    async def share() -> Any:
        return kept

    async def spoil() -> None:
        kept["list"].append(2)

    steps = [Step(name="A", action="share", store="a"), Step(name="B", action="spoil")]
    result = await make_engine(share, spoil).run(Workflow(name="w", steps=steps))
    assert result.state.script_globals["a"][0] == {"list": [1]}


async def test_what_paths_print_at_once_is_kept_apart(make_engine: MakeEngine, watched: WatchedStore) -> None:
    met = asyncio.Barrier(2)

    async def talk(word: str) -> None:
        for _ in range(3):
            print(word)
            await met.wait()
            await asyncio.to_thread(print, f"{word} in a thread")

    heard: list[str] = []
    workflow = fork(
        Step(name="L", action="talk", parameters={"word": "left"}),
        Step(name="R", action="talk", parameters={"word": "right"}),
    )
    result = await make_engine(give, talk, store=watched).run(workflow, echo=heard.append)
    logs = {e.path_id: e.data["log"] for e in await events_of(watched, result) if "log" in e.data}
    assert logs == {"l": "left\nleft in a thread\n" * 3, "r": "right\nright in a thread\n" * 3}
    assert sorted("".join(heard).splitlines()) == sorted("".join(logs.values()).splitlines())


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
    assert caught.value.units == [f"main › {name}" for name in lost]
    assert caught.value.effect_keys == [f"{execution_id}/main/{name}/1#1" for name in lost]
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
