"""The engine's front door: what is refused before anything is recorded, what is recorded, and idempotency keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import engine as engine_package
from engine.core.expressions import ExpressionProblem
from engine.core.hashing import canonical_hash, workflow_hash
from engine.core.normalize import NotJsonError
from engine.core.reduce import fold, initial_state
from engine.lifecycle.engine import Engine, KeyInUseError
from engine.loading.inputs import InputError
from engine.model.events import ExecutionEvent
from engine.model.ids import keyed_execution_id
from engine.model.workflow import Each, Edge, Input, Output, Step, Workflow
from engine.runtime.actions import ActionError, action
from engine.runtime.losses import RecordingError
from engine.store import ConflictError, OwnedError, StoreError
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.runtime.watched import WatchedStore

MakeEngine = Callable[..., Engine]


@action(version="1")
async def give(value: Any = None) -> Any:
    return value


DOUBLE = Workflow(
    name="double",
    version="2",
    inputs=[Input(name="n", type="integer"), Input(name="text", default="t")],
    steps=[Step(name="A", action="give", parameters={"value": "${inputs.n * 2}"}, store="twice")],
    outputs=[Output(name="result", value="${state.twice}"), Output(name="text", value="${inputs.text}")],
    labels={"team": "a", "kind": "x"},
)


async def history(store: MemoryExecutionEventStore, execution_id: str) -> list[ExecutionEvent]:
    return await store.get_event_history(execution_id)


async def test_a_run_gives_outputs_and_its_state_is_its_history(
    make_engine: MakeEngine, store: MemoryExecutionEventStore
) -> None:
    result = await make_engine(give).run(DOUBLE, {"n": 4})
    assert (result.ok, result.status, result.existed) == (True, "completed", False)
    assert (result.outputs, result.error) == ({"result": 8, "text": "t"}, None)
    assert result.state == fold(initial_state(result.id), await history(store, result.id))


def test_two_runs_with_the_same_clock_and_ids_record_the_same() -> None:
    async def run() -> list[ExecutionEvent]:
        store = MemoryExecutionEventStore()
        engine = Engine(store, actions=[give], clock=FakeClock(tick=0.5), ids=SequentialIds())
        return await history(store, (await engine.run(DOUBLE, {"n": 4})).id)

    assert asyncio.run(run()) == asyncio.run(run())


async def test_the_first_event_holds_the_definition_and_everything_that_was_given(
    make_engine: MakeEngine, store: MemoryExecutionEventStore
) -> None:
    source = {"kind": "file", "ref": "/x/double.yaml", "workflow": "double"}
    result = await make_engine(give).run(DOUBLE, {"n": 4}, key="k", labels={"kind": "y", "more": "z"}, source=source)
    first = (await history(store, result.id))[0]
    assert first.data == {
        "workflow_name": "double",
        "workflow": DOUBLE.to_dict(),
        "workflow_hash": workflow_hash(DOUBLE),
        "inputs": {"n": 4, "text": "t"},
        "inputs_hash": canonical_hash({"text": "t", "n": 4}),
        "engine_version": engine_package.__version__,
        "labels": {"team": "a", "kind": "y", "more": "z", "key": "k"},
        "source": source,
    }


@pytest.mark.parametrize(
    ("workflow", "inputs", "error", "message"),
    [
        (DOUBLE, {}, InputError, "input 'n' is required"),
        (DOUBLE, {"n": "4"}, InputError, "must be a whole number"),
        (DOUBLE, {"n": 4, "m": 1}, InputError, "has no input 'm'"),
        (
            Workflow(name="w", steps=[Step(name="A", action="giv")]),
            {},
            ActionError,
            "no action 'giv'; did you mean 'give'",
        ),
        (
            Workflow(name="w", steps=[Step(name="A", action="give", next=[Edge(step="A", condition="1 +")])]),
            {},
            ExpressionProblem,
            "",
        ),
        (
            Workflow(name="w", steps=[Step(name="A", action="give", parameters={"value": "${"})]),
            {},
            ExpressionProblem,
            "",
        ),
        (
            Workflow(name="w", steps=[Step(name="A", action="give", parameters={"value": [float("nan")]})]),
            {},
            NotJsonError,
            "workflow 'w'.steps[0].parameters.value[0] is nan",
        ),
    ],
)
async def test_what_cannot_run_is_refused_before_anything_is_recorded(
    make_engine: MakeEngine, workflow: Workflow, inputs: dict[str, Any], error: type[Exception], message: str
) -> None:
    store = WatchedStore()
    with pytest.raises(error) as caught:
        await make_engine(give, store=store).run(workflow, inputs)
    assert message in str(caught.value)
    assert (store.calls, store.batches) == ([], [])


async def test_what_runs_is_what_is_recorded(make_engine: MakeEngine, store: MemoryExecutionEventStore) -> None:
    steps = [
        Step(name="A", each=Each(items=("a", "b")), action="give", parameters={"value": ("${item}", 1)}, store="x"),
    ]
    workflow = Workflow(name="w", steps=steps, outputs=[Output(name="x", value="${state.x}")])
    result = await make_engine(give).run(workflow)
    assert result.outputs == {"x": [["a", 1], ["b", 1]]}
    (recorded,) = (await history(store, result.id))[0].data["workflow"]["steps"]
    assert recorded["each"] == {"items": ["a", "b"]}


async def test_given_values_are_copied(make_engine: MakeEngine) -> None:
    default: list[Any] = [1]
    given: dict[str, Any] = {"a": {"deep": [1]}}

    async def spoil(a: Any, b: Any) -> None:
        a["deep"].append(2)
        b.append(2)
        given["a"]["deep"].append(3)
        default.append(3)

    inputs = [Input(name="a", type="object"), Input(name="b", type="array", default=default)]
    step = Step(name="A", action="spoil", parameters={"a": "${inputs.a}", "b": "${inputs.b}"})
    outputs = [Output(name="seen", value="${inputs}")]
    result = await make_engine(spoil).run(Workflow(name="w", inputs=inputs, steps=[step], outputs=outputs), given)
    assert result.outputs == {"seen": {"a": {"deep": [1]}, "b": [1]}}


async def test_callers_hear_of_the_start_and_of_every_commit(make_engine: MakeEngine) -> None:
    heard: list[Any] = []
    store = WatchedStore(after=lambda batch: heard.append("durable"))

    def observe(batch: Sequence[ExecutionEvent]) -> None:
        heard.append([event.sequence for event in batch])

    result = await make_engine(give, store=store).run(DOUBLE, {"n": 1}, started=heard.append, observer=observe)
    assert heard == ["durable", result.id, [1, 2, 3], "durable", [4, 5, 6]]


async def test_an_execution_is_owned_from_before_its_first_event_to_after_its_last(make_engine: MakeEngine) -> None:
    store = WatchedStore()
    await make_engine(give, store=store).run(DOUBLE, {"n": 1})
    assert store.calls == ["acquire", "append", "append", "release"]
    assert store.owners == {}


async def test_that_ownership_cannot_be_given_back_hides_neither_result_nor_error(make_engine: MakeEngine) -> None:
    class Clinging(WatchedStore):
        async def release_owner(self, execution_id: str, runner_id: str) -> None:
            raise StoreError("cannot release")

    assert (await make_engine(give, store=Clinging()).run(DOUBLE, {"n": 1})).ok

    def full(batch: Sequence[ExecutionEvent]) -> None:
        raise StoreError("no space")

    with pytest.raises(RecordingError, match="no space"):
        await make_engine(give, store=Clinging(full)).run(DOUBLE, {"n": 1})


def test_programs_without_a_loop_may_run_one_after_the_other() -> None:
    store = MemoryExecutionEventStore()
    engine = Engine(store, actions=[lambda: threading.current_thread().name])
    workflow = Workflow(
        name="w", steps=[Step(name="A", action="<lambda>", store="t")], outputs=[Output(name="t", value="${state.t}")]
    )
    results = [engine.run_sync(workflow, labels={"n": str(number)}) for number in range(3)]
    assert [result.outputs for result in results] == [{"t": "dive-action"}] * 3
    assert len({result.id for result in results}) == 3


async def test_several_executions_run_at_once_and_are_cancelled_together(make_engine: MakeEngine) -> None:
    met = asyncio.Barrier(3)

    async def wait() -> None:
        await met.wait()
        await asyncio.Event().wait()

    engine = make_engine(wait)
    workflow = Workflow(name="w", steps=[Step(name="A", action="wait")])
    runs = [asyncio.create_task(engine.run(workflow)) for _ in range(2)]
    await met.wait()
    engine.cancel_all("me", "enough")
    results = await asyncio.gather(*runs)
    assert [result.status for result in results] == ["cancelled", "cancelled"]
    assert len({result.id for result in results}) == 2
    engine.cancel_all()


# Keys


async def test_the_same_key_returns_the_execution_it_started(make_engine: MakeEngine) -> None:
    ran: list[int] = []

    async def count() -> int:
        ran.append(1)
        return len(ran)

    workflow = Workflow(
        name="w", steps=[Step(name="A", action="count", store="n")], outputs=[Output(name="n", value="${state.n}")]
    )
    store = WatchedStore()
    first = await make_engine(count, store=store).run(workflow, key="2026-03")
    again = await make_engine(count, store=store, ids=SequentialIds()).run(workflow, key="2026-03")
    other = await make_engine(count, store=store).run(workflow, key="2026-04")
    assert first.id == again.id == keyed_execution_id("2026-03")
    assert (first.existed, again.existed, other.existed) == (False, True, False)
    assert again._replace(existed=False) == first
    assert (first.outputs, other.outputs, ran) == ({"n": 1}, {"n": 2}, [1, 1])


async def test_a_failed_execution_keeps_its_key(make_engine: MakeEngine) -> None:
    workflow = Workflow(name="w", steps=[Step(name="A", action="give", parameters={"value": "${state.nope}"})])
    first = await make_engine(give).run(workflow, key="k")
    again = await make_engine(give).run(workflow, key="k")
    assert (again.existed, again.error) == (True, first.error)


async def test_a_key_of_another_workflow_is_refused(make_engine: MakeEngine) -> None:
    await make_engine(give).run(DOUBLE, {"n": 1}, key="k")
    other = DOUBLE.model_copy(update={"name": "other"})
    with pytest.raises(KeyInUseError) as caught:
        await make_engine(give).run(other, {"n": 1}, key="k")
    assert str(caught.value) == "key 'k' stands for an execution of workflow 'double', not 'other'"


@pytest.mark.parametrize("engines", [1, 3])
async def test_one_key_at_the_same_time_is_one_execution(make_engine: MakeEngine, engines: int) -> None:
    ran: list[int] = []
    release = asyncio.Event()

    async def wait() -> None:
        ran.append(1)
        await release.wait()

    store = WatchedStore()
    shared = make_engine(wait, store=store)
    made = [shared] if engines == 1 else [make_engine(wait, store=store) for _ in range(3)]
    workflow = Workflow(name="w", steps=[Step(name="A", action="wait")])
    runs = [asyncio.create_task(made[number % engines].run(workflow, key="k")) for number in range(6)]
    done, going_on = await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)
    while len(going_on) > 1:
        more, going_on = await asyncio.wait(going_on, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert {task.result().status for task in done} == {"running"}
    assert all(task.result().existed for task in done)
    assert list(store.owners) == [keyed_execution_id("k")]
    release.set()
    result = await going_on.pop()
    assert (result.ok, result.existed, ran) == (True, False, [1])
    assert store.owners == {}


async def test_a_key_can_be_used_again_when_its_first_event_could_not_be_recorded(make_engine: MakeEngine) -> None:
    failing = True

    async def before(batch: Sequence[ExecutionEvent]) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        if failing:
            raise StoreError("no space")

    store = WatchedStore(before)
    engine = make_engine(give, store=store)
    first = asyncio.create_task(engine.run(DOUBLE, {"n": 1}, key="k"))
    await asyncio.sleep(0)
    second = asyncio.create_task(engine.run(DOUBLE, {"n": 1}, key="k"))
    with pytest.raises(RecordingError):
        await first
    failing = False
    assert (await second).ok


async def test_a_key_another_process_has_just_taken_is_waited_for(
    make_engine: MakeEngine, store: MemoryExecutionEventStore
) -> None:
    """The other one owns the execution already, and its first events come a moment later."""
    theirs = store.open_again()
    execution_id = keyed_execution_id("k")
    await theirs.acquire_owner(execution_id, "runner_other")
    waiting = asyncio.create_task(make_engine(give).run(DOUBLE, {"n": 1}, key="k"))
    await asyncio.sleep(0)
    copied = MemoryExecutionEventStore()
    await make_engine(give, store=copied).run(DOUBLE, {"n": 1}, key="k")
    await theirs.append_events((await history(copied, execution_id))[:3])
    result = await waiting
    assert (result.id, result.existed, result.status) == (execution_id, True, "running")


async def test_an_execution_whose_owner_never_begins_is_an_error(
    make_engine: MakeEngine, store: MemoryExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.lifecycle.engine._PAUSE", 0)
    await store.open_again().acquire_owner(keyed_execution_id("k"), "runner_other")
    with pytest.raises(OwnedError, match="runner_other"):
        await make_engine(give).run(DOUBLE, {"n": 1}, key="k")


async def test_a_conflict_in_the_middle_of_a_run_is_not_taken_for_an_old_key(make_engine: MakeEngine) -> None:
    def before(batch: Sequence[ExecutionEvent]) -> None:
        if batch[0].sequence > 1:
            raise ConflictError("somebody else writes")

    with pytest.raises(ConflictError):
        await make_engine(give, store=WatchedStore(before)).run(DOUBLE, {"n": 1}, key="k")


async def test_a_nested_run_may_use_the_same_engine(make_engine: MakeEngine, store: MemoryExecutionEventStore) -> None:
    async def inner(n: int) -> Any:
        print("before")
        result = await engine.run(DOUBLE, {"n": n})
        print("after")
        return result.outputs

    engine = make_engine(give, inner)
    steps = [Step(name="A", action="inner", parameters={"n": 5}, store="o")]
    result = await engine.run(Workflow(name="outer", steps=steps, outputs=[Output(name="o", value="${state.o}")]))
    assert result.outputs == {"o": {"result": 10, "text": "t"}}
    completed = [e for e in await history(store, result.id) if e.event_type == "step_completed"]
    assert completed[0].data["log"] == "before\nafter\n"
