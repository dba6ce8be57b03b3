"""The runner's loop: what is committed when, and that nothing hangs or is left behind."""

from __future__ import annotations

import asyncio
import copy
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from engine.model.events import ExecutionEvent
from engine.model.workflow import Each, Edge, Step, Workflow
from engine.runtime import inflight
from tests.runtime.chains import MakeEngine, chain, events_of, fail, fork, give, until
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
    monkeypatch.setattr(inflight, "GRACE", 0.01)
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
