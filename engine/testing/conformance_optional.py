"""Conformance: what a store may be able to do besides, and is held to when it can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, cast

import orjson

from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.ids import InvalidIdError
from engine.model.snapshot import ExecutionSnapshot, summarize
from engine.store import ConflictError, DirectlyReadable, ExecutionEventStore
from engine.testing.conformance_base import (
    Check,
    SharedCheck,
    close_watch,
    expect,
    expect_error,
    expect_history,
    expect_news,
)
from engine.testing.conformance_events import HistoryMaker, SignalMaker
from engine.testing.conformance_lists import snapshot_of

METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bulk": ("get_lines", "append_lines"),
        "direct": ("read_events", "read_lines"),
        "live_runners": ("live_runners",),
        "maintenance": ("examine", "repair"),
    }
)
"""The optional capabilities, and the methods that make each."""


class BulkStore(Protocol):
    """Moves whole histories as lines of JSON, each sealed with its checksum and with its line end."""

    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """The lines of events, as `get_events` gives the events."""
        ...

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        """Make lines durable, as `append_events` does with events."""
        ...


class MaintainableStore(Protocol):
    """Can examine and mend what it keeps."""

    async def examine(
        self, execution_id: str | None = None, progress: Callable[[int, int, str], None] | None = None
    ) -> Sequence[Any]:
        """What is wrong; changes nothing."""
        ...

    async def repair(
        self, execution_id: str | None = None, progress: Callable[[int, int, str], None] | None = None
    ) -> Sequence[Any]:
        """Do something about what is wrong."""
        ...


class WatchfulStore(Protocol):
    """Knows which runners live."""

    async def live_runners(self) -> frozenset[str]:
        """Their ids."""
        ...


def capabilities(store: object) -> frozenset[str]:
    """Which optional capabilities (`bulk`, `direct`, `live_runners`, `maintenance`) a store or a type of store has."""
    return frozenset(
        name for name, methods in METHODS.items() if all(callable(getattr(store, method, None)) for method in methods)
    )


def _bulk(store: ExecutionEventStore) -> BulkStore:
    return cast("BulkStore", store)


def _maintainable(store: ExecutionEventStore) -> MaintainableStore:
    return cast("MaintainableStore", store)


async def living_runners(store: ExecutionEventStore) -> frozenset[str]:
    """The ids it tells."""
    return await cast("WatchfulStore", store).live_runners()


async def events_can_be_read_directly(store: ExecutionEventStore) -> None:
    """Without a loop and in any thread, events are read as `get_events` gives them."""
    reader = cast("DirectlyReadable", store)
    read = reader.read_events
    maker = HistoryMaker()
    events = maker.begin({"deep": [[]]}) + maker.work() + maker.work("x" * 5_000)
    await store.append_events(events)
    for from_seq in (1, 2, len(events), len(events) + 1):
        for limit in (None, 0, 1, 100):
            found = await asyncio.to_thread(read, maker.execution_id, from_seq, limit)
            expect(found == events[from_seq - 1 :][:limit], f"read_events from {from_seq}, at most {limit}")
            lines = await asyncio.to_thread(reader.read_lines, maker.execution_id, from_seq, limit)
            told = [{key: value for key, value in orjson.loads(line).items() if key != "crc"} for line in lines]
            expect(told == [event.to_dict() for event in found], f"read_lines from {from_seq}, at most {limit}")
    several = await asyncio.gather(*(asyncio.to_thread(read, maker.execution_id) for _ in range(8)))
    expect(all(found == events for found in several), "several threads may read at once")
    ending = maker.finish()
    await store.append_events(ending)
    expect(read(maker.execution_id) == events + ending, "what was appended since is read too")
    expect(read("exec_none") == [], "an unknown execution has no events")
    for name, limit, error in (("../x", None, InvalidIdError), (maker.execution_id, -1, ValueError)):
        await expect_error(error, asyncio.to_thread(read, name, 1, limit), f"read_events({name!r}, 1, {limit})")


async def lines_are_the_events(store: ExecutionEventStore) -> None:
    """One line per event, each the JSON of its event and a `crc`; windows are those of `get_events`."""
    maker = HistoryMaker()
    batches = [maker.begin({"π": "ü\u2028\n"}), maker.work({"deep": [[]]}), maker.work() + maker.work(), maker.finish()]
    for batch in batches:
        await store.append_events(batch)
    events = [event for batch in batches for event in batch]
    for from_seq in (1, 2, 5, len(events), len(events) + 1, len(events) + 9):
        for limit in (None, 0, 1, 3, 100):
            wanted = [event.to_dict() for event in events[from_seq - 1 :][:limit]]
            lines = await _bulk(store).get_lines(maker.execution_id, from_seq, limit)
            window = f"get_lines(from_seq={from_seq}, limit={limit})"
            whole = all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
            expect(whole, f"{window} should give one line per event, its line end included")
            found = [orjson.loads(line) for line in lines]
            expect(all("crc" in record for record in found), f"{window} should give sealed lines")
            plain = [{key: value for key, value in record.items() if key != "crc"} for record in found]
            expect(plain == wanted, f"{window} should give the JSON of these events")
    expect(await _bulk(store).get_lines("exec_none") == [], "an unknown execution has no lines")
    await expect_error(InvalidIdError, _bulk(store).get_lines("../x"), "get_lines('../x')")
    await expect_error(ValueError, _bulk(store).get_lines("exec_one", 1, -1), "a negative limit of lines")


async def lines_can_be_moved(store: ExecutionEventStore) -> None:
    """Read, deleted and appended in other pieces, a history is the same, is listed the same, and goes on."""
    for with_snapshot in (False, True):
        maker = HistoryMaker(mark=f"{with_snapshot:d}")
        events = maker.begin() + maker.work("x" * 10_000) + maker.work() + maker.work()
        await store.append_events(events[:5])
        await store.append_events(events[5:])
        listed = await store.list_executions()
        lines = await _bulk(store).get_lines("exec_one")
        await store.delete_execution("exec_one")
        for first, last in ((0, 3), (3, 4), (4, 8)):
            snapshot = snapshot_of(events[:last]) if with_snapshot else None
            await _bulk(store).append_lines("exec_one", lines[first:last], snapshot)
            await expect_history(store, "exec_one", events[:last])
            wanted = summarize(fold(initial_state("exec_one"), events[:last]), live=False)
            expect(await store.get_summary("exec_one") == wanted, f"the list should say what {last} lines lead to")
        expect(await store.list_executions() == listed, "what was moved should be listed as before")
        found = await store.get_snapshot("exec_one")
        expect(found is None or found.last_event_seq <= 8, "a snapshot is never ahead of the history")
        ending = maker.finish()
        await store.append_events(ending)
        await expect_history(store, "exec_one", events + ending)
        await store.delete_execution("exec_one")


async def lines_keep_their_batches(store: ExecutionEventStore) -> None:
    """Appended at once, the lines of several batches are given back byte for byte, and so stay several."""
    maker = HistoryMaker()
    for batch in (maker.begin(), maker.work() + maker.work(), maker.finish()):
        await store.append_events(batch)
    lines = await _bulk(store).get_lines("exec_one")
    await store.delete_execution("exec_one")
    await _bulk(store).append_lines("exec_one", lines)
    expect(await _bulk(store).get_lines("exec_one") == lines, "lines should stay in the batches they came in")


async def lines_must_continue(store: ExecutionEventStore) -> None:
    """Lines that do not continue the history change nothing; those that are its end already are a success."""
    bulk = _bulk(store)
    maker, rival = HistoryMaker(), HistoryMaker(mark="b")
    events, others = maker.begin() + maker.work() + maker.work(), rival.begin() + rival.work()
    await store.append_events(others)
    foreign = await bulk.get_lines("exec_one")
    await store.delete_execution("exec_one")
    await store.append_events(events)
    lines = await bulk.get_lines("exec_one")
    await store.delete_execution("exec_one")
    await expect_error(ConflictError, bulk.append_lines("exec_one", lines[2:]), "lines that do not begin with event 1")
    await bulk.append_lines("exec_one", [])
    expect(await store.list_executions() == [], "nothing was appended yet")
    await bulk.append_lines("exec_one", lines[:2])
    await bulk.append_lines("exec_one", lines[:2])
    await expect_error(ConflictError, bulk.append_lines("exec_one", lines[4:]), "lines that leave a gap")
    await expect_error(ConflictError, bulk.append_lines("exec_one", foreign[:2]), "other lines in the same place")
    await expect_error(ConflictError, bulk.append_lines("exec_one", foreign[1:]), "lines that overlap")
    await expect_history(store, "exec_one", events[:2])
    await bulk.append_lines("exec_one", lines[2:])
    await bulk.append_lines("exec_one", lines[3:])
    await bulk.append_lines("exec_one", lines)
    await expect_error(ConflictError, bulk.append_lines("exec_one", lines[:2]), "repeating what is not the end")
    await expect_history(store, "exec_one", events)


async def lines_are_checked_first(store: ExecutionEventStore) -> None:
    """What is no sealed line, has a gap or is of another execution is refused, and nothing of it is kept."""
    bulk = _bulk(store)
    maker = HistoryMaker()
    await store.append_events(maker.begin() + maker.work())
    lines = await bulk.get_lines("exec_one")
    await store.delete_execution("exec_one")
    first, second, third, _ = lines
    flipped = second.replace(b'"main"', b'"maim"')
    unsealed = orjson.dumps({key: value for key, value in orjson.loads(second).items() if key != "crc"}) + b"\n"
    for what, bad in (
        ("a line that was changed", [first, flipped]),
        ("a line without checksum", [first, unsealed]),
        ("a line that is no JSON", [first, b"x\n"]),
        ("a line that is no event", [first, b"{}\n"]),
        ("two lines in one", [first, second + third]),
        ("a line that is cut off", [first, second[:-9]]),
        ("a gap", [first, third]),
        ("lines in the wrong order", [second, first]),
    ):
        await expect_error(ValueError, bulk.append_lines("exec_one", bad), what)
    await expect_error(ValueError, bulk.append_lines("exec_two", lines), "lines of another execution")
    await expect_error(ValueError, bulk.append_lines("../x", lines), "append_lines('../x')")
    expect(await store.list_executions() == [], "refused lines should leave nothing behind")


async def lines_are_told(store: ExecutionEventStore) -> None:
    """A watch tells of appended lines as of appended events."""
    await store.append_events(HistoryMaker().begin())
    lines = await _bulk(store).get_lines("exec_one")
    await store.delete_execution("exec_one")
    watching = store.watch()
    await _bulk(store).append_lines("exec_one", lines)
    await expect_news(watching, "exec_one")
    await close_watch(watching)


async def living_runners_are_told(store: ExecutionEventStore) -> None:
    """A runner lives from its first execution to the end of its process, whatever it owns meanwhile."""
    expect(await living_runners(store) == frozenset(), "in a new store no runner lives")
    await store.acquire_owner("exec_one", "runner_1")
    expect(await living_runners(store) == {"runner_1"}, "who owns an execution lives")
    await store.acquire_owner("exec_two", "runner_1")
    await store.acquire_owner("exec_three", "runner_2")
    await store.release_owner("exec_one", "runner_1")
    await store.release_owner("exec_three", "runner_2")
    expect(await living_runners(store) == {"runner_1", "runner_2"}, "giving an execution up ends no life")


async def living_runners_of_others_are_told(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """Whoever looks, and only as long as they live."""
    await other.acquire_owner("exec_one", "runner_1")
    for looking in (store, other):
        expect(await living_runners(looking) == {"runner_1"}, "the runner of another process lives")
    await other.close()
    expect(await living_runners(store) == frozenset(), "the runner of a process that has ended lives no more")


async def _fill(store: ExecutionEventStore) -> list[ExecutionEvent]:
    """Executions of all sorts; returns the events of `exec_one`."""
    one, ended, gone = (HistoryMaker(name) for name in ("exec_one", "exec_ended", "exec_gone"))
    events = one.begin() + one.work({"text": "ü" * 3_000})
    await store.acquire_owner("exec_one", "runner_1")
    await store.append_events(events)
    await store.save_snapshot(snapshot_of(events))
    sender = SignalMaker()
    for number in range(3):
        await store.send_signal("exec_one", sender.signal(number))
    (message, *_) = await store.get_signals("exec_one")
    received = one.receive(message)
    await store.append_events(received)
    await store.append_events(ended.begin() + ended.fail())
    await store.append_events(gone.begin())
    await store.delete_execution("exec_gone")
    await store.append_events(HistoryMaker("exec_begun").begin())
    await store.acquire_owner("exec_not_begun", "runner_1")
    await store.release_owner("exec_begun", "runner_1")
    return events + received


async def _everything(store: ExecutionEventStore) -> list[Any]:
    listed = await store.list_executions()
    histories = [await store.get_event_history(summary.id) for summary in listed]
    messages = [await store.get_signals(summary.id) for summary in listed]
    snapshots = [await store.get_snapshot(summary.id) for summary in listed]
    return [listed, histories, messages, [snapshot and snapshot.to_dict() for snapshot in snapshots]]


def _hear(heard: list[tuple[int, int, str]], done: int, total: int, what: str) -> None:
    heard.append((done, total, what))


async def healthy_stores_have_no_findings(store: ExecutionEventStore) -> None:
    """Neither empty nor in use is anything wrong with one, in whole or in part; so there is nothing to repair."""
    maintainable = _maintainable(store)
    expect(list(await maintainable.examine()) == [], "an empty store should have no findings")
    await _fill(store)
    for execution_id in (None, "exec_one", "exec_ended"):
        for work in (maintainable.examine, maintainable.repair, maintainable.examine):
            found = list(await work(execution_id))
            expect(
                found == [], f"{work.__name__}({execution_id!r}) should find nothing in a healthy store, not {found}"
            )


async def examining_changes_nothing(store: ExecutionEventStore) -> None:
    """Nor does repairing what is whole; the owner goes on appending afterwards."""
    events = await _fill(store)
    before = await _everything(store)
    for work in (_maintainable(store).examine, _maintainable(store).repair):
        await work()
        await work("exec_one")
        expect(await _everything(store) == before, f"{work.__name__} should change nothing in a healthy store")
    more = [events[-1]._replace(id="event_more", sequence=len(events) + 1, event_type="from_the_future")]
    await store.append_events(more)
    await expect_history(store, "exec_one", events + more)


async def histories_are_not_judged(store: ExecutionEventStore) -> None:
    """That events make no sense is no fault of the store that holds them."""
    maker = HistoryMaker()
    await store.append_events(maker.begin() + maker.finish())
    await store.append_events(maker.work())
    found = list(await _maintainable(store).examine())
    expect(found == [], f"what a history says is not for the store to judge, but it found {found}")


async def examining_tells_how_far_it_is(store: ExecutionEventStore) -> None:
    """`progress` hears of how much of how much is done, never less than before; bad ids are refused."""
    await _fill(store)
    for work in (_maintainable(store).examine, _maintainable(store).repair):
        heard: list[tuple[int, int, str]] = []
        await work(None, partial(_hear, heard))
        expect(bool(heard), f"{work.__name__} should tell of its progress")
        expect(all(0 <= done <= total for done, total, _ in heard), "no more can be done than there is")
        expect(all(type(what) is str for *_, what in heard), "progress tells in text what is being looked at")
        done = [done for done, *_ in heard]
        expect(done == sorted(done), "progress does not go back")
        await expect_error(InvalidIdError, work("../x"), f"{work.__name__}('../x')")


OPTIONAL_CHECKS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "bulk": (
            lines_are_the_events,
            lines_can_be_moved,
            lines_keep_their_batches,
            lines_must_continue,
            lines_are_checked_first,
            lines_are_told,
        ),
        "direct": (events_can_be_read_directly,),
        "live_runners": (living_runners_are_told,),
        "maintenance": (
            healthy_stores_have_no_findings,
            examining_changes_nothing,
            histories_are_not_judged,
            examining_tells_how_far_it_is,
        ),
    }
)
OPTIONAL_SHARED_CHECKS: Mapping[str, tuple[SharedCheck, ...]] = MappingProxyType(
    {"live_runners": (living_runners_of_others_are_told,)}
)
