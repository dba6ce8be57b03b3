"""Executions copied between stores of all kinds: whole, compared, resumable, and the source untouched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSnapshot
from engine.store import DamagedHistoryError, ExecutionEventStore, OwnedError, StoreError
from engine.testing.conformance_events import HistoryMaker, SignalMaker
from stores.codec import encode_batch
from stores.copying import Copied, copy_executions, is_same_place
from stores.location import open_store
from stores.maintenance import Progress
from stores.memory import MemoryExecutionEventStore
from stores.verifying import verify
from tests.stores.broken_options import CapableMemory

ONE, TWO = "exec_one", "exec_two"
KINDS = ("memory", "lines", "file", "sqlite")


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[dict[str, ExecutionEventStore]]:
    """Two stores of each kind: `file` and `file2`."""
    opened: dict[str, ExecutionEventStore] = {}
    for suffix in ("", "2"):
        opened[f"memory{suffix}"] = MemoryExecutionEventStore()
        opened[f"lines{suffix}"] = CapableMemory()
        for kind, location in (("file", "file:{}"), ("sqlite", "sqlite:{}/store.db")):
            place = location.format(tmp_path / f"{kind}{suffix}")
            opened[f"{kind}{suffix}"] = open_store(place, create=True, offload=False)
    yield opened
    for store in opened.values():
        await store.close()


async def fill(store: ExecutionEventStore, *names: str, works: int = 2, mark: str = "a", end: bool = True) -> None:
    """Executions with a snapshot in the middle, a message that was received and one that was not."""
    for name in names or (ONE, TWO):
        maker, messages = HistoryMaker(name, mark=mark), SignalMaker(mark)
        await store.append_events(maker.begin())
        message = messages.signal({"n": [1, 2.0, None]})
        message = message._replace(ordinal=await store.send_signal(name, message))
        await store.append_events(maker.receive(message))
        for number in range(works):
            await store.append_events(maker.work({"n": number}))
        await save_snapshot(store, name)
        if end:
            await store.append_events(maker.finish())
        await store.send_signal(name, messages.ask("wake"))


async def save_snapshot(store: ExecutionEventStore, name: str) -> None:
    events = await store.get_event_history(name)
    await store.save_snapshot(ExecutionSnapshot.of(fold(initial_state(name), events), events[0].data["workflow"]))


async def copied(
    source: ExecutionEventStore, target: ExecutionEventStore, progress: Progress | None = None
) -> list[Copied]:
    summaries = await source.list_executions()
    return [result async for result in copy_executions(source, target, summaries, progress)]


async def content(store: ExecutionEventStore, *names: str) -> list[object]:
    """All that copies of a store have in common."""
    found: list[object] = []
    for name in names or (ONE, TWO):
        snapshot = await store.get_snapshot(name)
        summary = await store.get_summary(name)
        assert summary is not None and summary.owner is None
        found += [await store.get_event_history(name), await store.get_signals(name)]
        found += [summary, snapshot and snapshot.to_dict()]
    return found


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
async def test_everything_is_copied_once(stores: dict[str, ExecutionEventStore], source: str, target: str) -> None:
    one, other = stores[source], stores[f"{target}2"]
    await fill(one)
    before = await content(one)
    results = await copied(one, other)
    assert results == [Copied(ONE, "copied", 11, 2), Copied(TWO, "copied", 11, 2)]
    assert await content(other) == before == await content(one)
    assert await verify(other) == []
    assert await copied(one, other) == [Copied(ONE, "unchanged"), Copied(TWO, "unchanged")]
    assert await content(other) == before


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
async def test_what_came_later_continues_it(stores: dict[str, ExecutionEventStore], source: str, target: str) -> None:
    one, other = stores[source], stores[f"{target}2"]
    maker = HistoryMaker(ONE)
    await one.append_events(maker.begin())
    await save_snapshot(one, ONE)
    assert await copied(one, other) == [Copied(ONE, "copied", 2)]
    await one.append_events(maker.work(1) + maker.finish())
    await one.send_signal(ONE, SignalMaker().signal())
    assert await copied(one, other) == [Copied(ONE, "continued", 6, 1)]
    await one.send_signal(ONE, SignalMaker("b").signal())
    assert await copied(one, other) == [Copied(ONE, "continued", 0, 1)]
    assert await content(other, ONE) == await content(one, ONE)


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
async def test_another_history_is_left_alone(stores: dict[str, ExecutionEventStore], source: str, target: str) -> None:
    one, other = stores[source], stores[f"{target}2"]
    await fill(one)
    await fill(other, ONE, mark="b")
    before = await content(other, ONE)
    results = await copied(one, other)
    assert results == [
        Copied(ONE, "conflict", problem="event 1 is another one there"),
        Copied(TWO, "copied", 11, 2),
    ]
    assert await content(other, ONE) == before


async def test_a_history_that_went_another_way() -> None:
    one, other, maker = CapableMemory(), MemoryExecutionEventStore(), HistoryMaker(ONE)
    for store in (one, other):
        await store.append_events(HistoryMaker(ONE).begin())
    maker.begin()
    await one.append_events(maker.work(1))
    await other.append_events(
        [event._replace(data={**event.data, "more": True}) for event in await one.get_events(ONE, 3)]
    )
    assert await copied(one, other) == [Copied(ONE, "conflict", problem="event 3 is another one there")]


async def test_true_is_not_one() -> None:
    one, other = MemoryExecutionEventStore(), MemoryExecutionEventStore()
    for store, value in ((one, 1), (other, True)):
        await store.append_events(HistoryMaker(ONE).begin({"n": value}))
    assert (await copied(one, other))[0].outcome == "conflict"


async def test_the_order_of_keys_makes_no_other_event() -> None:
    one, other = MemoryExecutionEventStore(), CapableMemory()
    await one.append_events(HistoryMaker(ONE).begin({"a": 1, "b": 2}))
    await other.append_events(HistoryMaker(ONE).begin({"b": 2, "a": 1}))
    assert await copied(one, other) == [Copied(ONE, "unchanged")]


async def test_another_message_is_left_alone() -> None:
    one, other = MemoryExecutionEventStore(), MemoryExecutionEventStore()
    for store, mark in ((one, "a"), (other, "b")):
        await store.append_events(HistoryMaker(ONE).begin())
        await store.send_signal(ONE, SignalMaker(mark).signal())
    assert await copied(one, other) == [Copied(ONE, "conflict", problem="message 1 is another one there")]


async def test_a_target_that_went_on_by_itself_has_it_all() -> None:
    one, other, maker = MemoryExecutionEventStore(), MemoryExecutionEventStore(), HistoryMaker(ONE)
    await one.append_events(maker.begin())
    await copied(one, other)
    await other.append_events(maker.finish())
    await other.send_signal(ONE, SignalMaker().signal())
    assert await copied(one, other) == [Copied(ONE, "unchanged")]


async def test_what_a_runner_drives_is_copied_as_far_as_it_is() -> None:
    one, other, maker = MemoryExecutionEventStore(), MemoryExecutionEventStore(), HistoryMaker(ONE)
    await one.append_events(maker.begin())
    await one.acquire_owner(ONE, "runner_a")
    assert await copied(one, other) == [Copied(ONE, "copied", 2, live=True)]
    summary = await other.get_summary(ONE)
    assert summary is not None and (summary.owner, summary.live) == (None, False)
    await one.append_events(maker.finish())
    await one.release_owner(ONE, "runner_a")
    assert await copied(one, other) == [Copied(ONE, "continued", 4)]


async def test_nobody_drives_a_half_of_a_copy() -> None:
    one, other = MemoryExecutionEventStore(), MemoryExecutionEventStore()
    await fill(one, ONE, works=30)
    somebody = other.open_again()
    refused: list[str] = []

    async def count() -> None:
        summaries = await one.list_executions()
        async for _ in copy_executions(one, Watched(other), summaries):
            pass

    class Watched(MemoryExecutionEventStore):
        def __init__(self, store: MemoryExecutionEventStore) -> None:
            super().__init__()
            self._shelf = store._shelf

        async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
            await super().append_events(events)
            with pytest.raises(OwnedError) as refusal:
                await somebody.acquire_owner(ONE, "runner_b")
            refused.append(str(refusal.value))

    await count()
    assert len(refused) > 1
    await somebody.acquire_owner(ONE, "runner_b")


async def test_what_is_driven_in_the_target_is_left_alone() -> None:
    one, other, maker = MemoryExecutionEventStore(), MemoryExecutionEventStore(), HistoryMaker(ONE)
    await one.append_events(maker.begin())
    await copied(one, other)
    await one.append_events(maker.work())
    await other.acquire_owner(ONE, "runner_b")
    assert await copied(one, other) == [Copied(ONE, "conflict", problem="execution exec_one belongs to runner_b")]


class StoppedError(Exception):
    """A person has pressed Ctrl-C."""


class Stop:
    """Progress that ends in a stop."""

    def __init__(self, reports: int) -> None:
        self._left = reports

    def __call__(self, done: int, total: int, what: str) -> None:
        self._left -= 1
        if self._left == 0:
            raise StoppedError


@pytest.mark.parametrize("target", KINDS)
async def test_stopped_at_any_moment_another_copy_completes_it(
    stores: dict[str, ExecutionEventStore], target: str
) -> None:
    one, other = stores["lines"], stores[f"{target}2"]
    await fill(one, works=20)
    pieces = 0
    for stop_at in range(1, 100):
        try:
            results = await copied(one, other, Stop(stop_at))
        except StoppedError:
            pieces += 1
            for summary in await other.list_executions():
                state = fold(initial_state(summary.id), await other.get_event_history(summary.id))
                received = max((signal.ordinal for signal in await other.get_signals(summary.id)), default=0)
                assert state.inbox <= received, "what was received was sent"
                await other.acquire_owner(summary.id, "runner_b")  # nobody holds it any more
                await other.release_owner(summary.id, "runner_b")
        else:
            break
    assert pieces > 4
    assert {result.outcome for result in results} <= {"unchanged", "continued"}
    assert await content(other) == await content(one)


async def test_only_a_bounded_piece_is_held_at_a_time() -> None:
    class Counting(CapableMemory):
        async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
            found = await super().get_lines(execution_id, from_seq, limit)
            sizes.append(sum(map(len, found)))
            lengths.append(len(found))
            return found

    for payload, most_events, most_bytes in (("", 2_048, 2**20), ("x" * 300_000, 32, 2**23)):
        sizes: list[int] = []
        lengths: list[int] = []
        one, other, maker = Counting(), CapableMemory(), HistoryMaker(ONE)
        await one.append_events([*maker.begin(), *(event for _ in range(40) for event in maker.work(payload))])
        assert await copied(one, other) == [Copied(ONE, "copied", 82)]
        assert max(lengths) <= most_events and max(sizes) <= most_bytes
        assert len(lengths) < 30


async def test_progress_counts_events_of_all() -> None:
    one, other = MemoryExecutionEventStore(), MemoryExecutionEventStore()
    await fill(one)
    told: list[tuple[int, int, str]] = []
    await copied(one, other, lambda *how_far: told.append(how_far))
    assert {total for _, total, _ in told} == {22}
    done = [count for count, _, _ in told]
    assert done[-1] == 22 and {what for _, _, what in told} == {ONE, TWO}


async def test_a_snapshot_comes_with_the_event_it_is_of() -> None:
    given: list[tuple[int, int]] = []

    class Counting(CapableMemory):
        async def append_lines(
            self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
        ) -> None:
            await super().append_lines(execution_id, lines, snapshot)
            summary = await self.get_summary(execution_id)
            assert summary is not None
            given.append((summary.last_event_seq, snapshot.last_event_seq if snapshot else 0))

    one, other = CapableMemory(), Counting()
    await fill(one, ONE)
    await copied(one, other)
    assert given == [(7, 7), (11, 0)]


async def test_a_snapshot_is_made_where_the_source_has_none() -> None:
    one, other, maker = CapableMemory(), CapableMemory(), HistoryMaker(ONE)
    await one.append_events([*maker.begin(), *maker.finish()])
    await one.append_events(HistoryMaker("exec_odd").begin()[:1])
    (odd,) = await one.get_events("exec_odd")
    await one.append_events([odd._replace(id="event_odd", sequence=2)])  # a second beginning makes no sense
    assert {result.outcome for result in await copied(one, other)} == {"copied"}
    assert await one.get_snapshot(ONE) is None
    snapshot = await other.get_snapshot(ONE)
    assert snapshot is not None and (snapshot.status, snapshot.last_event_seq) == ("completed", 6)
    assert await other.get_snapshot("exec_odd") is None


async def test_a_source_that_is_damaged() -> None:
    class Damaged(CapableMemory):
        async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
            if execution_id == ONE:
                raise DamagedHistoryError("the history is damaged at event 1", place="event 1")
            return await super().get_lines(execution_id, from_seq, limit)

    one, other = Damaged(), CapableMemory()
    await fill(one)
    assert await copied(one, other) == [
        Copied(ONE, "unreadable", problem="the history is damaged at event 1"),
        Copied(TWO, "copied", 11, 2),
    ]
    assert [summary.id for summary in await other.list_executions()] == [TWO]


async def test_a_line_whose_checksum_is_wrong_is_not_copied() -> None:
    class Flipped(CapableMemory):
        async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
            found = await super().get_lines(execution_id, from_seq, limit)
            return [line.replace(b'"probe"', b'"prone"') for line in found]

    one, other = Flipped(), CapableMemory()
    await fill(one, ONE)
    (result,) = await copied(one, other)
    assert (result.outcome, result.problem) == ("unreadable", "its checksum does not match")
    assert await other.list_executions() == []


async def test_a_target_that_loses_what_it_was_given() -> None:
    class Losing(CapableMemory):
        async def append_lines(
            self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
        ) -> None:
            await super().append_lines(execution_id, lines[:-1], None)

    class Changing(MemoryExecutionEventStore):
        async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
            await super().append_events([event._replace(id="event_mine") for event in events])

    one = CapableMemory()
    await one.append_events(HistoryMaker(ONE).begin())
    assert [result[:2] + result[5:] for result in await copied(one, Losing())] == [
        (ONE, "conflict", "not all that was written can be read back")
    ]
    assert [result[:2] + result[5:] for result in await copied(one, Changing())] == [
        (ONE, "conflict", "event 1 is another one there")
    ]


async def test_what_was_deleted_meanwhile() -> None:
    one, other = MemoryExecutionEventStore(), MemoryExecutionEventStore()
    await fill(one)
    summaries = await one.list_executions()
    await one.delete_execution(ONE)
    results = [result async for result in copy_executions(one, other, summaries)]
    assert [(result.execution_id, result.outcome) for result in results] == [(ONE, "gone"), (TWO, "copied")]


async def test_a_store_that_fails_ends_it_all() -> None:
    class Full(MemoryExecutionEventStore):
        async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
            raise StoreError("no space left on device")

    one = MemoryExecutionEventStore()
    await fill(one)
    with pytest.raises(StoreError, match="no space left"):
        await copied(one, Full())


@pytest.mark.parametrize("between", ["sqlite", "file"])
async def test_a_copy_of_a_copy_is_the_same_to_the_byte(tmp_path: Path, between: str) -> None:
    locations = [f"file:{tmp_path / 'first'}", f"{between}:{tmp_path / 'second'}", f"file:{tmp_path / 'third'}"]
    stores = [open_store(location, create=True, offload=False) for location in locations]
    maker = HistoryMaker(ONE)
    await stores[0].append_events(maker.begin())
    for size in (1, 5, 40, 3):
        await stores[0].append_events([event for number in range(size) for event in maker.work(number)])
    await stores[0].append_events(maker.work(1) + maker.finish())
    begun = await stores[0].get_events(ONE, 1, 24)
    inside_a_batch = ExecutionSnapshot.of(fold(initial_state(ONE), begun), begun[0].data["workflow"])
    await stores[0].save_snapshot(inside_a_batch)
    for one, other in pairwise(stores):
        assert [result.outcome for result in await copied(one, other)] == ["copied"]
    for store in stores:
        snapshot = await store.get_snapshot(ONE)
        assert snapshot is not None and snapshot.last_event_seq == 24
        await store.close()
    first, last = (tmp_path / name / ONE / "events.jsonl" for name in ("first", "third"))
    assert first.read_bytes() == last.read_bytes()


async def test_a_copy_from_a_store_without_batches_loses_little_to_damage(tmp_path: Path) -> None:
    one, other = MemoryExecutionEventStore(), open_store(f"file:{tmp_path / 'store'}", create=True, offload=False)
    await fill(one, ONE, works=60)
    await copied(one, other)
    await other.close()
    file = tmp_path / "store" / ONE / "events.jsonl"
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(whole)[:-1])
    other = open_store(f"file:{tmp_path / 'store'}", offload=False)
    kept = await other.get_event_history(ONE)
    assert len(whole) - 16 <= len(kept) < len(whole)
    await other.close()


async def test_a_history_that_was_cut_in_the_middle_of_a_batch_is_copied(tmp_path: Path) -> None:
    class Cut(CapableMemory):
        async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
            events = await self.get_events(execution_id)
            lines = encode_batch(events[:30])[:20] + encode_batch(events[20:] + events[:9])[:-9]
            return lines[from_seq - 1 :][:limit]

    one, other = Cut(), open_store(f"file:{tmp_path / 'store'}", create=True, offload=False)
    await fill(one, ONE, works=30)
    assert [result.outcome for result in await copied(one, other)] == ["copied"]
    assert await other.get_event_history(ONE) == await one.get_event_history(ONE)
    await other.close()


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files, but for an empty log of a database and what its readers share."""
    files = {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: data for name, data in files.items() if not name.endswith("-shm") and (data or "-wal" not in name)}


@pytest.mark.parametrize("kind", ["file", "sqlite"])
async def test_the_source_is_not_changed(tmp_path: Path, kind: str) -> None:
    place = {"file": f"file:{tmp_path / 'store'}", "sqlite": f"sqlite:{tmp_path / 'store' / 'store.db'}"}[kind]
    store = open_store(place, create=True, offload=False)
    await fill(store, works=30)
    await store.close()
    before = bytes_of(tmp_path / "store")
    store = open_store(place, offload=False)
    await copied(store, CapableMemory())
    await store.close()
    assert bytes_of(tmp_path / "store") == before


def test_the_same_place(tmp_path: Path) -> None:
    store = tmp_path / "a" / "store"
    store.mkdir(parents=True)
    (store / "store.db").write_bytes(b"")
    (tmp_path / "link").symlink_to(store)
    (tmp_path / "hard.db").hardlink_to(store / "store.db")
    for other in (
        f"{store}",
        f"file:{store}",
        f"sqlite:{store}/store.db",
        f"{store}/x",
        f"{tmp_path}/a",
        f"{tmp_path}/link",
    ):
        assert is_same_place(str(store), other), other
        assert is_same_place(other, f"{store}"), other
    assert is_same_place(f"{store}/store.db", f"{tmp_path}/hard.db")
    for other in (f"{store}2", f"{tmp_path}/a/b", f"sqlite:{tmp_path}/b.db"):
        assert not is_same_place(str(store), other), other
