"""The index of a long history: any range is found without reading what is before it, and nobody believes it."""

from __future__ import annotations

import errno
import os
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.events import ExecutionEvent
from engine.store import DamagedHistoryError, StoreError
from engine.testing.conformance_events import HistoryMaker
from engine.testing.conformance_lists import snapshot_of
from stores.file import index
from stores.file.store import FileExecutionEventStore
from tests.stores.filed import stored
from tests.stores.histories import batches, flat

WIDTH = 34


@pytest.fixture
def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry for every batch that begins a kilobyte after the one before."""
    monkeypatch.setattr(index, "STEP", 1000)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each `pread` gave."""
    sizes: list[int] = []
    original: Callable[..., bytes] = os.pread

    def pread(*args: Any) -> bytes:
        content = original(*args)
        sizes.append(len(content))
        return content

    monkeypatch.setattr(os, "pread", pread)
    return sizes


def entries(file: Path) -> list[tuple[int, int]]:
    lines = (file.parent / "index").read_text().splitlines()
    return [(int(sequence), int(offset)) for sequence, offset in map(str.split, lines)]


def begins(file: Path, whole: list[list[ExecutionEvent]]) -> dict[int, int]:
    """The byte at which each batch begins, by the sequence of its first event."""
    places, offset = {}, 0
    lines = iter(file.read_bytes().splitlines(keepends=True))
    for batch in whole:
        places[batch[0].sequence] = offset
        offset += sum(len(next(lines)) for _ in batch)
    return places


@pytest.mark.usefixtures("fine")
async def test_who_appends_notes_where_batches_begin(base: Path) -> None:
    whole = batches(works=20)
    file = await stored(base, whole)
    places = begins(file, whole)
    found = entries(file)
    assert len(found) >= 7
    assert all(places[sequence] == offset for sequence, offset in found)
    gaps = [after[1] - before[1] for before, after in zip([(1, 0), *found], found, strict=False)]
    assert all(1000 <= gap < 2000 for gap in gaps)
    assert (file.parent / "index").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("fine")
async def test_several_who_append_write_one_index(base: Path) -> None:
    whole = batches(works=40)
    stores = [FileExecutionEventStore(base, create=True, offload=False, durability="normal") for _ in range(3)]
    for number, batch in enumerate(whole):
        await stores[number % 3].append_events(batch)
    for store in stores:
        await store.close()
    file = base / "exec_one" / "events.jsonl"
    places, found = begins(file, whole), entries(file)
    assert all(places[sequence] == offset for sequence, offset in found)
    assert len(found) > 5
    again = FileExecutionEventStore(base, offload=False)
    assert [finding for finding in await again.examine() if finding.place == "index"] == []


@pytest.mark.usefixtures("fine")
async def test_a_range_is_read_without_what_is_before_it(
    base: Path, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.file.lines._CHUNK", 2000)
    whole = batches(works=400)
    events = flat(whole)
    await stored(base, whole)
    size = (base / "exec_one" / "events.jsonl").stat().st_size
    for from_seq in (2, 100, 401, len(events) - 1, len(events), len(events) + 1, len(events) + 7):
        store = FileExecutionEventStore(base, offload=False)
        read.clear()
        assert await store.get_events("exec_one", from_seq, 3) == events[from_seq - 1 : from_seq + 2]
        assert sum(read) < 16_000 < size / 10, from_seq


@pytest.mark.parametrize("what", ["get_events", "get_lines"])
async def test_a_history_without_index_is_read_through_once(
    base: Path, read: list[int], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("stores.file.lines._CHUNK", 2000)
    file = await stored(base, batches(works=200))
    store = FileExecutionEventStore(base, offload=False)
    read.clear()
    sequence = 1
    while found := await getattr(store, what)("exec_one", sequence, 20):
        sequence += len(found)
    assert sequence == len(flat(batches(works=200))) + 1
    assert sum(read) < 2 * file.stat().st_size


@pytest.mark.usefixtures("fine")
async def test_opening_for_append_reads_only_the_end(
    base: Path, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.file.lines._CHUNK", 2000)
    whole = batches(works=400)
    await stored(base, whole[:-1])
    store = FileExecutionEventStore(base, offload=False, durability="normal")
    read.clear()
    await store.append_events(whole[-1])
    assert sum(read) < 16_000
    await store.close()


async def test_a_summary_comes_from_the_snapshot_and_what_follows(
    base: Path, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.file.lines._CHUNK", 2000)
    whole = batches(works=400)
    await stored(base, whole[:-1])
    store = FileExecutionEventStore(base, offload=False, durability="normal")
    await store.save_snapshot(snapshot_of(flat(whole[:-2])))
    fresh = FileExecutionEventStore(base, offload=False)
    read.clear()
    summary = await fresh.get_summary("exec_one")
    assert summary is not None and summary.last_event_seq == len(flat(whole[:-1]))
    assert sum(read) < 16_000
    await store.close()


async def test_streaming_a_history_takes_the_memory_of_a_range(base: Path) -> None:
    maker = HistoryMaker()
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    await store.append_events(maker.begin())
    for _ in range(60):
        await store.append_events([event for _ in range(50) for event in maker.work("x" * 400)])
    size = (base / "exec_one" / "events.jsonl").stat().st_size
    assert size > 3_000_000
    tracemalloc.start()
    sequence, peaks = 1, []
    while events := await store.get_events("exec_one", sequence, 200):
        assert events[0].sequence == sequence
        sequence += len(events)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
    tracemalloc.stop()
    assert sequence == maker.sequence + 1
    early = max(peaks[:5])
    assert max(peaks) < 1.5 * early + 500_000, "later ranges take no more than early ones"
    await store.close()


@pytest.mark.usefixtures("fine")
async def test_a_line_may_be_as_long_as_it_likes(base: Path) -> None:
    maker = HistoryMaker()
    whole = [maker.begin(), maker.work("a" * 3_000_000), maker.work("b" * 100), maker.work("c" * 5000), maker.finish()]
    await stored(base, whole)
    events = flat(whole)
    for from_seq in range(1, len(events) + 2):
        store = FileExecutionEventStore(base, offload=False)
        assert await store.get_events("exec_one", from_seq, 2) == events[from_seq - 1 : from_seq + 1]


WHOLE = batches(works=12)
EVENTS = flat(WHOLE)


def lies(random: random.Random, content: bytes, size: int) -> Iterator[bytes]:
    """Indexes that are not what they should be."""
    lines = content.splitlines(keepends=True)
    yield b""
    yield content[: random.randrange(len(content))]
    flipped = bytearray(content)
    for _ in range(random.randint(1, 3)):
        flipped[random.randrange(len(content))] ^= 1 << random.randrange(8)
    yield bytes(flipped)
    shuffled = lines[:]
    random.shuffle(shuffled)
    yield b"".join(shuffled)
    yield b"".join(b"%016d %016d\n" % (random.randint(0, 40), random.randint(0, size + 99)) for _ in lines)
    yield b"".join(b"%016d %b" % (random.randint(0, 40), line[17:]) for line in lines)
    yield random.randbytes(WIDTH * 5)
    yield content + content


@given(seed=st.integers(0, 2**32), from_seq=st.integers(-1, len(EVENTS) + 4), limit=st.none() | st.integers(0, 9))
async def test_whatever_an_index_says_what_is_read_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, seed: int, from_seq: int, limit: int | None
) -> None:
    base = tmp_path_factory.getbasetemp() / "lies"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "STEP", 1000)
        if not base.exists():
            store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
            for batch in WHOLE:
                await store.append_events(batch)
            await store.close()
            (base / "index").write_bytes((base / "exec_one" / "index").read_bytes())
        file, content = base / "exec_one" / "index", (base / "index").read_bytes()
        size = (base / "exec_one" / "events.jsonl").stat().st_size
        first = max(0, from_seq - 1)
        wanted = EVENTS[first:] if limit is None else EVENTS[first : first + limit]
        for lie in (content, *lies(random.Random(seed), content, size)):
            file.write_bytes(lie)
            store = FileExecutionEventStore(base, offload=False)
            assert await store.get_events("exec_one", from_seq, limit) == wanted
            lines = await store.get_lines("exec_one", from_seq, limit)
            assert len(lines) == len(wanted)
            assert file.read_bytes() == lie, "who reads writes nothing"


@pytest.mark.usefixtures("fine")
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_an_index_says_appending_goes_on_and_makes_it_right(base: Path, seed: int) -> None:
    file = (await stored(base, WHOLE[:-2])).parent / "index"
    history = file.with_name("events.jsonl")
    content, sound = history.read_bytes(), file.read_bytes()
    for lie in lies(random.Random(seed), sound, len(content)):
        history.write_bytes(content)
        file.write_bytes(lie)
        store = FileExecutionEventStore(base, offload=False, durability="normal")
        await store.append_events(WHOLE[-2])
        await store.append_events(WHOLE[-1])
        assert await store.get_event_history("exec_one") == EVENTS
        await store.close()
        places = begins(history, WHOLE)
        sequence, offset = map(int, file.read_bytes()[-WIDTH:].split())
        assert file.stat().st_size % WIDTH == 0, "an entry that was cut short is written over"
        assert places[sequence] == offset, "the last entry, by which the next one is opened, is true"


@pytest.mark.usefixtures("fine")
async def test_a_history_without_index_gets_one_when_somebody_appends(base: Path) -> None:
    whole = batches(works=60)
    file = await stored(base, whole[:-1])
    sound = entries(file)
    (file.parent / "index").unlink()
    store = FileExecutionEventStore(base, offload=False, durability="normal")
    assert await store.get_events("exec_one", 100, 2) == flat(whole)[99:101]
    assert not (file.parent / "index").exists(), "who reads writes nothing"
    await store.append_events(whole[-1])
    assert entries(file)[: len(sound)] == sound
    (file.parent / "index").write_bytes((file.parent / "index").read_bytes()[: 3 * WIDTH + 5])
    await store.close()
    maker = HistoryMaker(mark="z")
    maker.sequence = len(flat(whole))
    store = FileExecutionEventStore(base, offload=False, durability="normal")
    await store.append_events(maker.work())
    assert entries(file)[: len(sound)] == sound, "what one lacks that is far behind is added"
    await store.close()


@pytest.mark.usefixtures("fine")
async def test_an_index_whose_end_is_wrong_is_made_anew_by_who_appends(base: Path) -> None:
    whole = batches(works=7)
    file = await stored(base, whole[:-1])
    sound = entries(file)
    for rubbish in (b"rubbish", b"0" * 3 * WIDTH, b"%016d %016d\n" % (4, 77)):
        file.with_name("index").write_bytes(rubbish)
        store = FileExecutionEventStore(base, offload=False, durability="normal")
        await store.append_events(whole[-2])
        assert entries(file) == sound
        await store.close()


@pytest.mark.usefixtures("fine")
async def test_an_index_never_hides_damage_in_the_range_asked_for(base: Path) -> None:
    whole = batches(works=20)
    file = await stored(base, whole)
    content = file.read_bytes()
    lines = content.splitlines(keepends=True)
    for number in range(len(lines)):
        at = len(b"".join(lines[:number])) + 60
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        store = FileExecutionEventStore(base, offload=False)
        with pytest.raises(DamagedHistoryError):
            await store.get_events("exec_one", number + 1, 1)


async def test_an_index_that_cannot_be_written_fails_no_append(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "STEP", 1)
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    await store.append_events(WHOLE[0])
    (base / "exec_one" / "index").mkdir()
    for batch in WHOLE[1:]:
        await store.append_events(batch)
    assert await store.get_events("exec_one", 5) == EVENTS[4:]
    await store.close()


@pytest.mark.usefixtures("fine")
async def test_a_store_on_a_disk_that_cannot_be_written_is_read_and_examined(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await stored(base, WHOLE)
    original: Callable[..., int] = os.open

    def only_reading(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return original(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", only_reading)
    for lie in (file.with_name("index").read_bytes(), b"rubbish", None):
        if lie is None:
            file.with_name("index").unlink()
        else:
            file.with_name("index").write_bytes(lie)
        store = FileExecutionEventStore(base, offload=False)
        assert await store.get_events("exec_one", 20, 3) == EVENTS[19:22]
        assert len(await store.get_lines("exec_one", 20, 3)) == 3
        summary = await store.get_summary("exec_one")
        assert summary is not None and summary.status == "completed"
        await store.examine()
        with pytest.raises(StoreError, match="read-only"):
            await store.append_events(EVENTS[-1:])
    with pytest.raises(StoreError, match="read-only"):
        file.with_name("index").write_bytes(b"rubbish")
        await FileExecutionEventStore(base, offload=False).repair()
