"""Whatever is done to a store in whatever order, it behaves like a few dictionaries."""

from __future__ import annotations

import asyncio
import copy
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSummary, summarize
from engine.store import ConflictError, ExecutionEventStore, OwnedError, UnknownExecutionError
from engine.testing.conformance_events import START, HistoryMaker, SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.sizes import SIZES

R = TypeVar("R")
IDS = ("exec_a", "exec_b", "exec_c")
execution_ids = st.sampled_from(IDS)
handles = st.sampled_from((0, 1))
runners = st.sampled_from((0, 1))


@dataclass
class Modelled:
    maker: HistoryMaker
    batches: list[list[ExecutionEvent]] = field(default_factory=list)
    snapshot: int | None = None
    messages: list[ExecutionSignal] = field(default_factory=list)

    @property
    def events(self) -> list[ExecutionEvent]:
        return [event for batch in self.batches for event in batch]


class StoreMachine(RuleBasedStateMachine):
    """Two handles on the same data, and a model of it."""

    def open_stores(self) -> list[ExecutionEventStore]:
        raise NotImplementedError

    def open_again(self, handle: int) -> ExecutionEventStore:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stores = self.open_stores()
        self.model: dict[str, Modelled] = {}
        self.owners: dict[str, str] = {}
        self.lives: list[set[str]] = [set(), set()]
        self.generation = 0

    def teardown(self) -> None:
        for store in self.stores:
            self.run(store.close())
        self.runner.close()

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        return self.runner.run(work)

    def fails(self, kind: type[Exception], work: Coroutine[Any, Any, Any]) -> None:
        try:
            self.run(work)
        except kind:
            return
        raise AssertionError(f"{kind.__name__} was expected")

    def runner_id(self, handle: int, runner: int) -> str:
        return f"runner_{self.generation}_{handle}_{runner}"

    def is_live(self, runner: str | None) -> bool:
        return any(runner in lives for lives in self.lives)

    def summary(self, execution_id: str) -> ExecutionSummary:
        state = fold(initial_state(execution_id), self.model[execution_id].events)
        owner = self.owners.get(execution_id)
        return summarize(state, owner=owner, live=self.is_live(owner))

    def ended(self, execution_id: str) -> bool:
        return execution_id in self.model and self.summary(execution_id).end_time is not None

    @rule(
        handle=handles,
        execution_id=execution_ids,
        works=st.integers(0, 3),
        ending=st.sampled_from(["", "", "fail", "finish"]),
    )
    def append(self, handle: int, execution_id: str, works: int, ending: str) -> None:
        if self.ended(execution_id):
            return
        known = self.model.get(execution_id)
        if known is None:
            self.generation += 1
            start = START + timedelta(days=self.generation % 5)
            workflow = f"w{self.generation % 2}"
            known = Modelled(HistoryMaker(execution_id, workflow=workflow, start=start, mark=f"{self.generation}x"))
        batch = [] if known.batches else known.maker.begin()
        for number in range(works):
            batch += known.maker.work({"number": number})
        if ending:
            batch += getattr(known.maker, ending)()
        self.run(self.stores[handle].append_events(batch))
        if batch:
            known.batches.append(batch)
            self.model[execution_id] = known

    @rule(handle=handles, execution_id=execution_ids, shift=st.integers(-3, 3))
    def append_what_does_not_fit(self, handle: int, execution_id: str, shift: int) -> None:
        known = self.model.get(execution_id)
        maker = copy.copy(known.maker) if known else HistoryMaker(execution_id)
        maker._mark = "rival"
        maker.sequence = max(0, maker.sequence + shift)
        if maker.sequence == (len(known.events) if known else 0):
            return
        self.fails(ConflictError, self.stores[handle].append_events(maker.work()))

    @precondition(lambda self: self.model)
    @rule(handle=handles, data=st.data())
    def append_again(self, handle: int, data: st.DataObject) -> None:
        execution_id = data.draw(st.sampled_from(sorted(self.model)))
        events = self.model[execution_id].events
        first = data.draw(st.integers(0, len(events) - 1))
        last = data.draw(st.integers(first + 1, len(events)))
        again = self.stores[handle].append_events(events[first:last])
        if last == len(events):
            self.run(again)
        else:
            self.fails(ConflictError, again)

    @rule(handle=handles, execution_id=execution_ids, from_seq=st.integers(1, 30), limit=st.none() | st.integers(0, 9))
    def read(self, handle: int, execution_id: str, from_seq: int, limit: int | None) -> None:
        events = self.model[execution_id].events if execution_id in self.model else []
        found = self.run(self.stores[handle].get_events(execution_id, from_seq, limit))
        assert found == events[from_seq - 1 :][:limit]

    @precondition(lambda self: self.model)
    @rule(handle=handles, data=st.data())
    def save_snapshot(self, handle: int, data: st.DataObject) -> None:
        execution_id = data.draw(st.sampled_from(sorted(self.model)))
        known = self.model[execution_id]
        until = data.draw(st.integers(1, len(known.events)))
        self.run(self.stores[handle].save_snapshot(snapshot_of(known.events[:until])))
        known.snapshot = until

    @rule(handle=handles, execution_id=execution_ids)
    def get_snapshot(self, handle: int, execution_id: str) -> None:
        known = self.model.get(execution_id)
        found = self.run(self.stores[handle].get_snapshot(execution_id))
        assert (found and found.last_event_seq) == (known and known.snapshot)
        if found is not None and known is not None:
            assert found.restore_state() == fold(initial_state(execution_id), known.events[: known.snapshot])

    @rule(
        handle=handles,
        statuses=st.frozensets(st.sampled_from(["running", "failed", "completed", "interrupted"])),
        workflow=st.sampled_from([None, "w0", "w1"]),
        limit=st.none() | st.integers(0, 3),
        offset=st.integers(0, 2),
    )
    def list_some(
        self, handle: int, statuses: frozenset[str], workflow: str | None, limit: int | None, offset: int
    ) -> None:
        where = ExecutionFilter(statuses=statuses, workflow_name=workflow, limit=limit, offset=offset)
        wanted = [summary for summary in map(self.summary, sorted(self.model)) if where.accepts(summary)]
        wanted.sort(key=lambda summary: summary.start_time, reverse=True)
        found = self.run(self.stores[handle].list_executions(where))
        assert found == wanted[offset:][:limit]

    @rule(handle=handles, data=st.data())
    def append_a_turn(self, handle: int, data: st.DataObject) -> None:
        turn, wanted = [], []
        for execution_id in data.draw(st.lists(st.sampled_from(IDS), unique=True)):
            known = self.model.get(execution_id)
            if known is None or self.ended(execution_id):
                continue
            maker = copy.copy(known.maker)
            maker.sequence += data.draw(st.sampled_from([0, 0, 5]))
            turn.append(maker.work())
            wanted.append(maker.sequence == len(known.events) + 2)
            if wanted[-1]:
                known.maker = maker
                known.batches.append(turn[-1])
        results = self.run(self.stores[handle].append_batches(turn))
        assert [result is None for result in results] == wanted
        assert all(result is None or isinstance(result, ConflictError) for result in results)

    @rule(handle=handles, execution_id=execution_ids, number=st.integers(0, 6))
    def send(self, handle: int, execution_id: str, number: int) -> None:
        maker = SignalMaker(f"{number}")
        sending = self.stores[handle].send_signal(execution_id, signal := maker.signal(number))
        known = self.model.get(execution_id)
        if known is None:
            self.fails(UnknownExecutionError, sending)
            return
        ids = [message.id for message in known.messages]
        if signal.id not in ids:
            known.messages.append(signal._replace(ordinal=len(ids) + 1))
            ids.append(signal.id)
        assert self.run(sending) == ids.index(signal.id) + 1

    @rule(handle=handles, execution_id=execution_ids, after=st.integers(0, 8))
    def receive(self, handle: int, execution_id: str, after: int) -> None:
        messages = self.model[execution_id].messages if execution_id in self.model else []
        assert self.run(self.stores[handle].get_signals(execution_id, after)) == messages[after:]

    @rule(handle=handles)
    def ask_what_is_due(self, handle: int) -> None:
        wanted = [summary for summary in map(self.summary, sorted(self.model)) if summary.live is False]
        wanted.sort(key=lambda summary: summary.start_time)
        assert self.run(self.stores[handle].due(START)) == wanted

    @rule(handle=handles, execution_id=execution_ids, runner=runners)
    def acquire(self, handle: int, execution_id: str, runner: int) -> None:
        runner_id = self.runner_id(handle, runner)
        self.lives[handle].add(runner_id)
        owner = self.owners.get(execution_id)
        acquiring = self.stores[handle].acquire_owner(execution_id, runner_id)
        if owner not in (None, runner_id) and self.is_live(owner):
            self.fails(OwnedError, acquiring)
        else:
            self.run(acquiring)
            self.owners[execution_id] = runner_id

    @rule(handle=handles, execution_id=execution_ids, runner=runners)
    def release(self, handle: int, execution_id: str, runner: int) -> None:
        runner_id = self.runner_id(handle, runner)
        self.run(self.stores[handle].release_owner(execution_id, runner_id))
        if self.owners.get(execution_id) == runner_id:
            del self.owners[execution_id]

    @rule(handle=handles, execution_id=execution_ids)
    def delete(self, handle: int, execution_id: str) -> None:
        deleting = self.stores[handle].delete_execution(execution_id)
        if self.is_live(self.owners.get(execution_id)):
            self.fails(OwnedError, deleting)
            return
        assert self.run(deleting) is (self.model.pop(execution_id, None) is not None)
        self.owners.pop(execution_id, None)

    @rule(handle=handles, days=st.integers(0, 6))
    def cleanup(self, handle: int, days: int) -> None:
        moment = START + timedelta(days=days)
        wanted = [
            execution_id
            for execution_id in sorted(self.model)
            if self.ended(execution_id)
            and self.model[execution_id].events[-1].time < moment
            and not self.is_live(self.owners.get(execution_id))
        ]
        assert self.run(self.stores[handle].cleanup_completed_executions(moment)) == wanted
        for execution_id in wanted:
            del self.model[execution_id]
            self.owners.pop(execution_id, None)

    @rule(handle=handles)
    def restart(self, handle: int) -> None:
        self.run(self.stores[handle].close())
        self.stores[handle] = self.open_again(handle)
        self.lives[handle] = set()

    @invariant()
    def every_handle_sees_the_same(self) -> None:
        for store in self.stores:
            for execution_id in IDS:
                wanted = self.summary(execution_id) if execution_id in self.model else None
                assert self.run(store.get_summary(execution_id)) == wanted

    @invariant()
    def each_is_listed_by_its_status(self) -> None:
        shown = {execution_id: self.summary(execution_id).shown_status for execution_id in self.model}
        for status in sorted(set(shown.values())):
            found = self.run(self.stores[0].list_executions(ExecutionFilter(statuses=frozenset({status}))))
            assert {summary.id for summary in found} == {name for name in shown if shown[name] == status}


class MemoryMachine(StoreMachine):
    def open_stores(self) -> list[ExecutionEventStore]:
        self.first = MemoryExecutionEventStore()
        return [self.first.open_again(), self.first.open_again()]

    def open_again(self, handle: int) -> ExecutionEventStore:
        return self.first.open_again()


class FileMachine(StoreMachine):
    def open_stores(self) -> list[ExecutionEventStore]:
        self.base = Path(tempfile.mkdtemp())
        return [self.open_again(0), self.open_again(1)]

    def open_again(self, handle: int) -> ExecutionEventStore:
        return FileExecutionEventStore(self.base, create=True, offload=False, durability="normal")

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.base)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), torn=st.binary(min_size=1, max_size=9).filter(lambda torn: b"\n" not in torn))
    def tear(self, data: st.DataObject, torn: bytes) -> None:
        """As if a process had died while it was appending."""
        execution_id = data.draw(st.sampled_from(sorted(self.model)))
        names = ["events.jsonl", "inbox.jsonl"] if self.model[execution_id].messages else ["events.jsonl"]
        with (self.base / execution_id / data.draw(st.sampled_from(names))).open("ab") as file:
            file.write(torn)


class SQLiteMachine(StoreMachine):
    def open_stores(self) -> list[ExecutionEventStore]:
        self.folder = Path(tempfile.mkdtemp())
        return [self.open_again(0), self.open_again(1)]

    def open_again(self, handle: int) -> ExecutionEventStore:
        database = self.folder / "store.db"
        return SQLiteExecutionEventStore(database, create=True, offload=False, durability="normal")

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


_settings = settings(max_examples=SIZES.model_examples, stateful_step_count=SIZES.model_steps)
TestMemory = MemoryMachine.TestCase
TestMemory.settings = _settings
TestFile = FileMachine.TestCase
TestFile.settings = _settings
TestSQLite = SQLiteMachine.TestCase
TestSQLite.settings = _settings
