"""A store that fails is given time: what it did not take is tried again, and at last named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.model.step import Each, RetryPolicy, Step
from engine.model.workflow import Workflow
from engine.runtime.config import PersistenceConfig
from engine.runtime.losses import LostUnit, RecordingError
from engine.runtime.notices import Notice, SizeWarning, StoreTrouble
from engine.runtime.patience import FIRST_PAUSE, HURRIED, LONGEST_PAUSE, Patience
from engine.store import (
    ConflictError,
    DamagedHistoryError,
    OwnedError,
    ReadOnlyError,
    StoreError,
    StoreNotFoundError,
)
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.runtime.watched import WatchedStore

PATIENT = PersistenceConfig(store_patience=60)
MakeEngine = Callable[..., Engine]
CHAINED = 8
"""Events of a run of `chain("A", "B")`."""
FIRST = SequentialIds().new("exec")


class Failing(WatchedStore):
    """Fails from its n-th append on, `times` times in a row; with `stores` after it has stored the batch."""

    def __init__(self, at: int, times: int = 10**9, *, error: StoreError | None = None, stores: bool = False) -> None:
        super().__init__()
        self.at = at
        self.left = times
        self.error = error or StoreError("no space left")
        self.stores = stores
        self.tries: list[list[str]] = []
        """The ids of each batch that was refused."""

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        if len(self.batches) >= self.at and self.left > 0:
            self.left -= 1
            self.tries.append([event.id for event in events])
            if self.stores:
                await MemoryExecutionEventStore.append_events(self, events)
            raise self.error
        await super().append_events(events)


async def give(value: Any = None) -> Any:
    return value


def chain(*names: str) -> Workflow:
    return Workflow(name="w", steps=[Step(name=name, action="give") for name in names])


def pauses_of(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds for which the clock is asked to wait."""
    pauses: list[float] = []
    sleep = clock.sleep

    async def noted(seconds: float, *, idle: bool) -> None:
        pauses.append(seconds)
        await sleep(seconds, idle=idle)

    monkeypatch.setattr(clock, "sleep", noted)
    return pauses


@pytest.fixture
def skipping() -> FakeClock:
    return FakeClock(skip=True)


async def test_what_a_store_does_not_take_for_a_while_is_recorded_later_once(
    make_engine: MakeEngine, skipping: FakeClock
) -> None:
    store = Failing(1, times=5)
    notices: list[Notice] = []
    engine = make_engine(give, store=store, clock=skipping, config=PATIENT, notices=notices.append)
    result = await engine.run(chain("A", "B"))
    assert result.ok
    assert len(await store.get_event_history(result.id)) == CHAINED
    assert len(store.tries) == 5
    assert all(batch == store.tries[0] for batch in store.tries), "the very same batch is repeated"
    troubles = [notice for notice in notices if isinstance(notice, StoreTrouble)]
    assert [trouble.over for trouble in troubles] == [False] * 5 + [True]
    assert str(troubles[0]) == "the store fails (no space left): trying again, 60 s left"
    assert str(troubles[-1]) == "the store works again"
    left = [trouble.seconds_left for trouble in troubles[:-1]]
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == 5


async def test_pauses_grow_up_to_a_limit_and_patience_ends_when_its_time_is_over(
    skipping: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = pauses_of(skipping, monkeypatch)
    tries = 0

    async def fail() -> None:
        nonlocal tries
        tries += 1
        raise StoreError(f"try {tries}")

    with pytest.raises(StoreError) as caught:
        await Patience(skipping, 20).keep_trying("exec_1", fail)
    assert str(caught.value) == f"try {tries}"
    assert skipping.monotonic() == pytest.approx(20)
    assert pauses[0] == FIRST_PAUSE
    growing = pauses[: pauses.index(LONGEST_PAUSE)]
    assert all(after == 2 * before for before, after in pairwise(growing))
    assert set(pauses[len(growing) : -1]) == {LONGEST_PAUSE}
    assert tries == len(pauses) + 1, "the last try is at the end of the time"


@pytest.mark.parametrize(
    "error",
    [
        ConflictError("somebody else"),
        OwnedError("owned"),
        DamagedHistoryError("damaged", place="x"),
        StoreNotFoundError("gone"),
        ReadOnlyError("only to be looked at"),
    ],
)
async def test_what_no_time_heals_is_not_tried_again(
    make_engine: MakeEngine, skipping: FakeClock, error: StoreError
) -> None:
    store = Failing(1, error=error)
    with pytest.raises(type(error) if isinstance(error, ConflictError) else RecordingError):
        await make_engine(give, store=store, clock=skipping, config=PATIENT).run(chain("A", "B"))
    assert len(store.tries) == 1
    assert skipping.monotonic() == 0


async def test_without_patience_nothing_is_tried_again(make_engine: MakeEngine, clock: FakeClock) -> None:
    store = Failing(1)
    with pytest.raises(RecordingError, match="no space left"):
        await make_engine(give, store=store).run(chain("A", "B"))
    assert len(store.tries) == 1


async def test_no_effect_starts_while_the_store_fails_and_outcomes_that_arrive_are_kept(
    make_engine: MakeEngine, skipping: FakeClock
) -> None:
    store = Failing(10**9)
    ran: list[str] = []
    other_done = asyncio.Event()

    async def work(name: str) -> None:
        ran.append(name)
        if name == "Quick":
            store.at = 0
        if name == "Slow":
            while not store.tries:
                await asyncio.sleep(0)
            other_done.set()

    def step(name: str, **more: Any) -> Step:
        return Step(name=name, action="work", parameters={"name": name}, **more)

    steps = [
        Step(name="Fork", **{"pass": True}, next=[{"step": "Quick", "path": "q"}, {"step": "Slow", "path": "s"}]),
        step("Quick", next=[{"step": "After"}]),
        step("After", end=True),
        step("Slow", end=True),
    ]
    with pytest.raises(RecordingError) as caught:
        await make_engine(work, store=store, clock=skipping, config=PATIENT).run(Workflow(name="w", steps=steps))
    assert other_done.is_set()
    assert sorted(ran) == ["Quick", "Slow"], "After is recorded as started, but that is not durable"
    assert [(unit.path, unit.step) for unit in caught.value.units] == [("q", "Quick"), ("s", "Slow")]
    assert skipping.monotonic() == pytest.approx(60)


async def test_lost_units_have_their_item_visit_and_the_effect_key_they_were_started_with(
    make_engine: MakeEngine, skipping: FakeClock
) -> None:
    """After an attempt whose outcome was known the key is another one; that of the last attempt is lost."""
    store = Failing(10**9)
    keys: list[str] = []

    async def flaky(value: int, context: Any = None) -> int:
        return value

    calls = 0

    async def item(value: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("not yet")
        store.at = 0
        return value

    step = Step(
        name="Items",
        each=Each(items=[7]),
        action="item",
        parameters={"value": "${item}"},
        retry=[RetryPolicy(max_attempts=3, initial_delay=0)],
    )
    with pytest.raises(RecordingError) as caught:
        await make_engine(item, store=store, clock=skipping, config=PATIENT).run(Workflow(name="w", steps=[step]))
    started = [event for event in await store.get_event_history(FIRST) if event.event_type == "step_started"]
    keys = [event.data["effect_key"] for event in started if "iteration" in event.data]
    assert len(set(keys)) == 2
    assert caught.value.units == [LostUnit(FIRST, "main", "Items", 1, 0, keys[-1])]
    assert str(caught.value.units[0]) == "main › Items, item 1"


async def test_an_append_that_was_stored_all_the_same_is_not_a_conflict(
    make_engine: MakeEngine, skipping: FakeClock
) -> None:
    """The store did store the batch, said that it failed, and does not recognise it when it comes again."""

    class Forgetful(Failing):
        async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
            if self.tries and [event.id for event in events] == self.tries[-1]:
                raise ConflictError("the history has these sequences already")
            await super().append_events(events)

    store = Forgetful(1, times=1, stores=True)
    result = await make_engine(give, store=store, clock=skipping, config=PATIENT).run(chain("A", "B"))
    assert result.ok
    assert len(await store.get_event_history(result.id)) == CHAINED


async def test_a_conflict_after_a_failure_stays_one_when_somebody_else_has_written(
    make_engine: MakeEngine, skipping: FakeClock
) -> None:
    class Taken(Failing):
        async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
            if self.tries:
                await MemoryExecutionEventStore.append_events(
                    self, [event._replace(id=f"{event.id}x") for event in events]
                )
            await super().append_events(events)

    ran: list[str] = []

    async def note(name: str) -> None:
        ran.append(name)

    steps = [Step(name=name, action="note", parameters={"name": name}) for name in "AB"]
    with pytest.raises(ConflictError):
        await make_engine(note, store=Taken(1, times=1), clock=skipping, config=PATIENT).run(
            Workflow(name="w", steps=steps)
        )
    assert ran == ["A"], "the start of B is not in the history"


async def test_an_inbox_that_cannot_be_read_is_given_time_too(make_engine: MakeEngine, skipping: FakeClock) -> None:
    class Deaf(WatchedStore):
        left = 3

        async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
            self.left -= 1
            if self.left >= 0:
                raise StoreError("I/O error")
            return await super().get_signals(execution_id, after)

    assert (await make_engine(give, store=Deaf(), clock=skipping, config=PATIENT).run(chain("A"))).ok


async def test_a_child_that_fails_to_record_names_its_units_and_those_of_its_parent(
    make_engine: MakeEngine, skipping: FakeClock
) -> None:
    store = Failing(10**9)

    async def spoil() -> None:
        store.at = 0

    child = Workflow(name="kid", steps=[Step(name="In child", action="spoil")])
    parent = Workflow(name="w", steps=[Step(name="Call", workflow="kid")])
    engine = make_engine(spoil, store=store, clock=skipping, config=PATIENT, workflows=[child])
    with pytest.raises(RecordingError, match="no space left") as caught:
        await engine.run(parent)
    assert [unit.step for unit in caught.value.units] == ["In child"]
    assert caught.value.units[0].execution_id != FIRST
    assert store.owners == {}


async def test_a_child_that_cannot_be_looked_at_is_looked_at_again(
    make_engine: MakeEngine, skipping: FakeClock
) -> None:
    class Dim(WatchedStore):
        left = 3

        async def get_summary(self, execution_id: str) -> Any:
            self.left -= 1
            if self.left >= 0:
                raise StoreError("I/O error")
            return await super().get_summary(execution_id)

    child = Workflow(name="kid", steps=[Step(name="In child", action="give")])
    parent = Workflow(name="w", steps=[Step(name="Call", workflow="kid")])
    engine = make_engine(give, store=Dim(), clock=skipping, config=PATIENT, workflows=[child])
    assert (await engine.run(parent)).ok


async def test_who_is_asked_to_end_has_less_patience(make_engine: MakeEngine, skipping: FakeClock) -> None:
    store = Failing(1)
    engine: Engine

    def hear(notice: Notice) -> None:
        engine.stop()

    engine = make_engine(give, store=store, clock=skipping, config=PATIENT, notices=hear)
    with pytest.raises(RecordingError) as caught:
        await engine.run(chain("A", "B"))
    assert [unit.step for unit in caught.value.units] == ["A"]
    assert skipping.monotonic() == pytest.approx(HURRIED)


# Sizes


async def warned(config: PersistenceConfig, workflow: Workflow) -> list[SizeWarning]:
    notices: list[Notice] = []
    engine = Engine(MemoryExecutionEventStore(), actions=[give], config=config, notices=notices.append)
    assert (await engine.run(workflow)).ok
    await engine.close()
    assert all(isinstance(notice, SizeWarning) for notice in notices)
    return [notice for notice in notices if isinstance(notice, SizeWarning)]


def large(*names: str, size: int = 2_000) -> Workflow:
    steps = [Step(name=name, action="give", parameters={"value": "${inputs.text}"}, store="held") for name in names]
    return Workflow(name="w", inputs=[{"name": "text", "default": "x" * size}], steps=steps)  # type: ignore[list-item]


async def test_each_kind_of_size_is_warned_of_once_for_a_step() -> None:
    found = await warned(PersistenceConfig(warn_payload=1_000), large("A", "B"))
    assert [(warning.kind, warning.step) for warning in found] == [("payload", ""), ("payload", "A"), ("payload", "B")]
    words = str(found[1])
    assert words.startswith("2,") and words.endswith(
        "bytes of data in step_started (warned of from 1,000 on) at step 'A'"
    )


async def test_a_long_history_is_warned_of_once() -> None:
    found = await warned(PersistenceConfig(warn_events=5), chain(*"ABCDEF"))
    assert [(warning.kind, warning.size) for warning in found] == [("events", 5)]
    assert str(found[0]) == "the history has 5 events (warned of from 5 on) at step 'B'"


async def test_a_large_history_and_a_large_state_are_warned_of_once() -> None:
    found = await warned(PersistenceConfig(warn_bytes=20_000), large(*"ABCDEFGH"))
    assert [warning.kind for warning in found] == ["bytes"]
    found = await warned(PersistenceConfig(warn_state=1_000), large(*"AB"))
    assert [warning.kind for warning in found] == ["state"]


async def test_nothing_is_said_of_what_is_small() -> None:
    assert await warned(PersistenceConfig(), large(*"AB")) == []
