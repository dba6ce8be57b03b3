"""What `verify` finds in histories, summaries, snapshots and inboxes, each by a store that holds just that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.ids import InvalidIdError
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary
from engine.store import DamagedHistoryError, DamagedInboxError, StoreError, UnknownExecutionError
from engine.testing.conformance_events import HistoryMaker, SignalMaker
from stores.location import open_store
from stores.maintenance import Finding, Mended, Progress
from stores.memory import MemoryExecutionEventStore
from stores.verifying import MOST_FINDINGS, UNREPAIRABLE, repair, verify
from tests.stores.broken_options import CapableMemory

Change = Callable[[list[ExecutionEvent]], list[ExecutionEvent]]
ONE = "exec_one"


class CrookedStore(CapableMemory):
    """Gives what a test wants it to give, whatever it holds."""

    change: Change | None = None
    summary: ExecutionSummary | None = None
    messages: list[ExecutionSignal] | None = None
    unreadable_from = 0
    unreadable_inbox = False
    examined: tuple[Finding, ...] = ()

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        history = await super().get_events(execution_id)
        if self.change is not None:
            history = self.change(history)
        end = len(history) if limit is None else from_seq - 1 + limit
        found = history[from_seq - 1 : end]
        if self.unreadable_from and from_seq + len(found) > self.unreadable_from:
            readable = found[: self.unreadable_from - from_seq]
            raise DamagedHistoryError("the history cannot be read", place="events, byte 7", readable=readable)
        return found

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        return self.summary or await super().get_summary(execution_id)

    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        found = await super().get_signals(execution_id, after) if self.messages is None else self.messages
        if self.unreadable_inbox:
            raise DamagedInboxError("the messages cannot be read", place="inbox, byte 3", readable=found)
        return found

    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        return [finding for finding in self.examined if execution_id in (None, finding.execution_id)]

    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        found, self.examined = self.examined, ()
        return [Mended(finding, "mended") for finding in found]


async def crooked(works: int = 2, *, end: bool = True) -> CrookedStore:
    """A store with one execution that has received its only message."""
    store, maker = CrookedStore(), HistoryMaker(ONE)
    await store.append_events(maker.begin())
    message = SignalMaker().signal()
    message = message._replace(ordinal=await store.send_signal(ONE, message))
    await store.append_events(maker.receive(message))
    for number in range(works):
        await store.append_events(maker.work(number))
    if end:
        await store.append_events(maker.finish())
    return store


async def found_in(store: MemoryExecutionEventStore) -> list[tuple[str, str, str]]:
    """Findings as kind, place and problem; all of them are of the one execution."""
    findings = await verify(store)
    assert {finding.execution_id for finding in findings} <= {ONE}
    return [(finding.kind, finding.place, finding.problem) for finding in findings]


def changed(sequence: int, data: dict[str, Any] | None = None, **fields: Any) -> Change:
    """A history with one event changed; `data` is merged."""

    def change(history: list[ExecutionEvent]) -> list[ExecutionEvent]:
        event = history[sequence - 1]
        other = event._replace(data={**event.data, **(data or {})}, **fields)
        return [*history[: sequence - 1], other, *history[sequence:]]

    return change


async def snapshot_at(store: MemoryExecutionEventStore, sequence: int) -> ExecutionSnapshot:
    events = await store.get_events(ONE, 1, sequence)
    return ExecutionSnapshot.of(fold(initial_state(ONE), events), events[0].data["workflow"])


async def test_nothing_is_wrong_with_what_stores_write() -> None:
    store = await crooked(3)
    for sequence in (1, 5, 13):
        await store.save_snapshot(await snapshot_at(store, sequence))
        assert await found_in(store) == []
    assert await verify(store, ONE) == []


@pytest.mark.parametrize("location", ["file:{}", "sqlite:{}/store.db"])
async def test_nothing_is_wrong_with_stores_on_disk(tmp_path: Path, location: str) -> None:
    store = open_store(location.format(tmp_path / "store"), create=True, offload=False)
    for name in (ONE, "exec_two"):
        maker = HistoryMaker(name)
        await store.append_events(maker.begin())
        message = SignalMaker(name[-3:]).signal()
        ordinal = await store.send_signal(name, message)
        await store.append_events([*maker.work(1), *maker.receive(message._replace(ordinal=ordinal))])
        events = await store.get_event_history(name)
        state = fold(initial_state(name), events)
        await store.save_snapshot(ExecutionSnapshot.of(state, events[0].data["workflow"]))
        await store.append_events(maker.finish())
    assert await verify(store) == []
    await store.close()


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (lambda history: [*history[:4], *history[5:]], "event 6", "event 5 of exec_one should come here"),
        (lambda history: [*history[:4], history[3], *history[4:]], "event 4", "event 5 of exec_one should come here"),
        (changed(5, execution_id="exec_two"), "event 5", "event 5 of exec_one should come here"),
        (
            changed(5, timestamp="2026-03-01T09:14:03.000000Z"),
            "event 5",
            "its time, 2026-03-01T09:14:03.000000Z, is before that of an earlier event, 2026-03-01T09:14:06.000000Z",
        ),
        (changed(5, data={"visit": "one"}), "event 5", "visit: Input should be a valid integer"),
        (
            changed(5, data={"visit": 9}),
            "event 5",
            "what follows cannot be rebuilt: ",
        ),
        (
            lambda history: [*history, history[-1]._replace(sequence=len(history) + 1)],
            "event 12",
            "it comes after the end, which was event 11",
        ),
        (changed(4, data={"child_id": "../x"}), "event 4", "'../x', which it names, cannot be the id of an execution"),
        (
            changed(1, data={"lineage": {"kind": "retry", "execution_id": ""}}),
            "event 1",
            "'', which it names, cannot be the id of an execution",
        ),
        (changed(3, data={"signal_id": "signal_other"}), "event 3", "it received another message 1 than the inbox has"),
        (
            changed(3, data={"ordinal": 2}),
            "event 3",
            "it received message 2, but the inbox has only 1 messages",
        ),
    ],
    ids=[
        "gap",
        "twice",
        "elsewhere",
        "time",
        "payload",
        "fold",
        "after-the-end",
        "child",
        "lineage",
        "another-message",
        "no-message",
    ],
)
async def test_an_event_that_is_wrong_is_told_once(change: Change, place: str, problem: str) -> None:
    store = await crooked()
    store.change = change
    findings = [found for found in await found_in(store) if found[0] == "damaged"]
    assert [(kind, at) for kind, at, _ in findings] == [("damaged", place)]
    assert findings[0][2].startswith(problem)


async def test_a_message_that_is_received_twice() -> None:
    store = await crooked(end=False)
    (received,) = [event for event in await store.get_event_history(ONE) if event.event_type == "signal_received"]
    again = received._replace(id="event_again", sequence=8, timestamp="2026-03-01T10:00:00.000000Z")
    await store.append_events([again])
    assert await found_in(store) == [("damaged", "event 8", "message 1 was received before, by event 3")]
    store.change = changed(8, origin={"execution_id": "exec_zero", "sequence": 1, "timestamp": ""})
    assert await found_in(store) == []  # carried over from another execution, with another inbox


async def test_a_history_that_is_wrong_everywhere_is_told_in_bounds() -> None:
    store = await crooked(50)
    store.change = lambda history: [event._replace(timestamp="no time") for event in history]
    findings = [found for found in await found_in(store) if found[0] == "damaged"]
    assert len(findings) == MOST_FINDINGS + 1
    assert findings[-1] == ("damaged", "event 107", "87 more events up to here have problems")


async def test_a_history_that_cannot_be_read_to_its_end() -> None:
    store = await crooked()
    store.unreadable_from = 5
    assert await found_in(store) == [("damaged", "events, byte 7", "the history cannot be read")]
    store.change = changed(4, data={"child_id": ""})  # before that
    assert [place for _, place, _ in await found_in(store)] == ["event 4", "events, byte 7"]


@pytest.mark.parametrize("place", ["events, byte 7", "events.jsonl, byte 9", "table events, event 5"])
async def test_what_the_store_finds_itself_is_not_told_again(place: str) -> None:
    store = await crooked()
    store.unreadable_from, store.unreadable_inbox = 5, True
    store.examined = (
        Finding("damaged", ONE, place, "a checksum is wrong", "cut off"),
        Finding("damaged", ONE, "table messages, message 1", "a checksum is wrong"),
        Finding("foreign", "", "photo.jpg", "it is not ours"),
    )
    assert await verify(store) == [store.examined[2], *store.examined[:2]]
    assert await verify(store, ONE) == [*store.examined[:2]]


async def test_a_finding_of_the_store_hides_only_what_follows_from_it() -> None:
    store = await crooked()
    store.unreadable_from = 5
    store.examined = (Finding("damaged", ONE, "inbox.jsonl, byte 3", "a checksum is wrong"),)
    assert [finding.place for finding in await verify(store)] == ["inbox.jsonl, byte 3", "events, byte 7"]


@pytest.mark.parametrize(
    ("difference", "fields"),
    [
        ({"status": "failed"}, "status"),
        ({"error": "X: y", "at_step": "Elsewhere"}, "error, at_step"),
        ({"failed_steps": ("Work",)}, "failed_steps"),
    ],
)
async def test_a_summary_that_does_not_fit(difference: dict[str, Any], fields: str) -> None:
    store = await crooked()
    summary = await store.get_summary(ONE)
    assert summary is not None
    store.summary = replace(summary, **difference)
    assert [finding[:4] for finding in await verify(store, ONE)] == [
        ("stale", ONE, "summary at event 11", f"it does not fit the history in {fields}")
    ]
    store.summary = replace(summary, owner="runner_x", live=True)  # no matter of the history
    assert await verify(store, ONE) == []


async def test_a_summary_of_events_that_are_not_there() -> None:
    store = await crooked()
    store.change = lambda history: history[:5]
    assert await found_in(store) == [("damaged", "event 6", "the summary is of 11 events, the history has 5")]


async def test_a_summary_that_says_damaged_without_a_reason() -> None:
    store, malformed = await crooked(), changed(2, data={"current_step": 7})
    summary = await store.get_summary(ONE)
    assert summary is not None
    store.summary = replace(summary, error="damaged: event 2 is missing")
    assert [finding[2:4] for finding in await verify(store, ONE)] == [
        ("summary at event 11", "it does not fit the history in error")
    ]
    store.summary, store.change = replace(store.summary, last_event_seq=0), lambda history: malformed(history)[:2]
    assert [finding.place for finding in await verify(store, ONE)] == ["event 2"]


async def test_a_snapshot_that_does_not_fit() -> None:
    store = await crooked()
    good = await snapshot_at(store, 5)
    await store.save_snapshot(replace(good, inputs={"n": 1}, state={**good.state, "inputs": {"n": 1}}))
    (finding,) = await verify(store)
    assert finding[:4] == ("stale", ONE, "snapshot at event 5", "it does not fit the history in inputs, state")
    assert "rebuilt" in finding.remedy
    store.examined = (Finding("stale", ONE, "snapshot.json", "it does not fit", "rebuilt"),)
    assert await verify(store) == [*store.examined]


async def test_a_snapshot_of_another_version_is_nothing_wrong() -> None:
    store = await crooked()
    good = await snapshot_at(store, 5)
    await store.save_snapshot(replace(good, status="dreaming", state={"state_version": 0}))
    assert await verify(store) == []


async def test_messages_are_numbered_and_there_once() -> None:
    store = await crooked()
    (message,) = await store.get_signals(ONE)
    store.messages = [message, message._replace(ordinal=2), message._replace(id="signal_b", ordinal=4)]
    assert await found_in(store) == [
        ("damaged", "message 2", f"message {message.id} is there already"),
        ("damaged", "message 3", "it says that it is message 4"),
    ]
    store.unreadable_inbox, store.messages = True, []
    assert await found_in(store) == [("damaged", "inbox, byte 3", "the messages cannot be read")]


async def test_which_execution() -> None:
    store = await crooked()
    with pytest.raises(UnknownExecutionError, match="there is no execution exec_two"):
        await verify(store, "exec_two")
    with pytest.raises(InvalidIdError):
        await verify(store, "../x")
    await store.append_events(HistoryMaker("exec_two").begin())
    store.unreadable_from = 2
    assert {finding.execution_id for finding in await verify(store)} == {ONE, "exec_two"}
    assert {finding.execution_id for finding in await verify(store, ONE)} == {ONE}


async def test_what_goes_on_meanwhile_is_nothing_wrong() -> None:
    class Busy(CrookedStore):
        """Its runner is at work whenever somebody looks."""

        async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
            snapshot = await super().get_snapshot(execution_id)
            message = messages.signal()
            message = message._replace(ordinal=await self.send_signal(execution_id, message))
            await self.append_events([*maker.work(), *maker.receive(message)])
            await self.save_snapshot(await snapshot_at(self, maker.sequence))
            return snapshot

    store, maker, messages = Busy(), HistoryMaker(ONE), SignalMaker()
    await store.append_events(maker.begin())
    await store.save_snapshot(await snapshot_at(store, 2))
    for _ in range(3):
        assert await verify(store) == []
    assert maker.sequence == 11


async def test_what_is_deleted_meanwhile_is_nothing_wrong() -> None:
    class Deleting(CrookedStore):
        async def get_snapshot(self, execution_id: str) -> ExecutionSnapshot | None:
            await self.delete_execution(execution_id)
            return None

    store = Deleting()
    await store.append_events(HistoryMaker(ONE).begin())
    assert await verify(store) == []
    assert await store.list_executions() == []


async def test_a_store_that_is_damaged_as_a_whole() -> None:
    class Unlisted(CrookedStore):
        async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
            raise StoreError("the database is damaged")

    store = Unlisted()
    store.examined = (Finding("foreign", "", "photo.jpg", "it is not ours"),)
    with pytest.raises(StoreError, match="the database is damaged"):
        await verify(store)
    store.examined = (Finding("damaged", "", "store.db", "page 7 is no page", "it is written anew"),)
    assert await verify(store) == [*store.examined]


async def test_progress_counts_events() -> None:
    store = await crooked(600)
    told: list[tuple[int, int, str]] = []
    await verify(store, progress=lambda *how_far: told.append(how_far))
    assert told == [(1000, 1207, ONE), (1207, 1207, ONE)]


async def test_a_history_is_read_in_pieces() -> None:
    store = await crooked(1200)
    read: list[int] = []

    class Counting(CrookedStore):
        async def get_events(
            self, execution_id: str, from_seq: int = 1, limit: int | None = None
        ) -> list[ExecutionEvent]:
            found = await super().get_events(execution_id, from_seq, limit)
            read.append(len(found))
            return found

    counting = Counting()
    counting._shelf = store._shelf
    assert await verify(counting) == []
    assert (sum(read), max(read)) == (2407, 1000)


async def test_repair_mends_what_the_store_can_and_snapshots() -> None:
    store = await crooked()
    good = await snapshot_at(store, 5)
    await store.save_snapshot(replace(good, inputs={"n": 1}))
    store.examined = (Finding("torn", ONE, "events.jsonl, byte 9", "half a line", "cut off"),)
    done = await repair(store)
    assert [(mended.finding.kind, mended.outcome) for mended in done.mended] == [
        ("torn", "mended"),
        ("stale", "the snapshot was rebuilt"),
    ]
    assert done.remaining == [] == await verify(store)
    snapshot = await store.get_snapshot(ONE)
    assert snapshot is not None
    assert (snapshot.inputs, snapshot.last_event_seq) == ({}, 11)
    assert snapshot.restore_state() == fold(initial_state(ONE), await store.get_events(ONE))


async def test_repair_tells_what_is_left() -> None:
    store = await crooked()
    store.change = changed(5, data={"visit": "one"})
    done = await repair(store, ONE)
    assert (done.mended, [finding.place for finding in done.remaining]) == ([], ["event 5"])


async def test_a_snapshot_of_an_execution_that_is_driven_is_its_runners() -> None:
    store = await crooked(end=False)
    await store.acquire_owner(ONE, "runner_a")
    good = await snapshot_at(store, 5)
    await store.save_snapshot(replace(good, inputs={"n": 1}))
    done = await repair(store)
    assert (done.mended, [finding.remedy for finding in done.remaining]) == ([], [""])


async def test_repair_of_a_store_that_cannot() -> None:
    with pytest.raises(StoreError, match=UNREPAIRABLE):
        await repair(MemoryExecutionEventStore())
