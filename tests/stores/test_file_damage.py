"""Torn tails, flipped bits and mixed-up lines: everything before them is readable, and nothing goes unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from engine.store import DamagedHistoryError, StoreError
from engine.testing.conformance_events import HistoryMaker
from stores.codec import encode_batch, seal
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches, flat, read, write


async def test_a_tail_torn_at_any_byte_is_not_history_and_is_cut_off_by_the_next_append(base: Path) -> None:
    whole = batches(works=1)
    store = FileExecutionEventStore(base, create=True, offload=False)
    for batch in whole:
        await store.append_events(batch)
    await store.close()
    file = base / "exec_one" / "events.jsonl"
    content = file.read_bytes()
    start = len(b"".join(encode_batch(whole[0]) + encode_batch(whole[1])))
    acknowledged = flat(whole[:2])
    for length in range(start + 1, len(content)):
        file.write_bytes(content[:length])
        store = FileExecutionEventStore(base, offload=False, durability="normal")
        assert await store.get_event_history("exec_one") == acknowledged
        found = await store.history_report("exec_one")
        assert found is not None
        assert (found.torn_at, found.damage, found.events) == (start, None, len(acknowledged))
        summary = await store.get_summary("exec_one")
        assert summary is not None
        assert (summary.last_event_seq, summary.status, summary.error) == (len(acknowledged), "running", "")
        assert await store.list_executions() == [summary]
        await store.append_events(whole[2])
        assert await store.get_event_history("exec_one") == flat(whole)
        await store.close()
        assert file.read_bytes() == content
        torn = file.parent / "events.torn-1"
        assert torn.read_bytes() == content[start:length]
        torn.unlink()


def test_each_torn_tail_is_kept_in_a_file_of_its_own(base: Path) -> None:
    begin, *_ = batches()
    file = write(base, [begin])
    for number in (1, 2, 3):
        with file.open("ab") as end:
            end.write(b'{"torn":%d' % number)
        maker = HistoryMaker()
        maker.sequence = len(read(base))
        write(base, [maker.work()])
        assert (file.parent / f"events.torn-{number}").read_bytes() == b'{"torn":%d' % number


def test_a_torn_first_batch_is_no_execution_yet(base: Path) -> None:
    begin, work, _ = batches(works=1)
    file = write(base, [begin])
    content = file.read_bytes()
    for length in (0, 1, 300, len(content) - 1):
        file.write_bytes(content[:length])

        async def check() -> None:
            store = FileExecutionEventStore(base, offload=False)
            assert await store.list_executions() == []
            assert await store.get_summary("exec_one") is None
            assert await store.get_event_history("exec_one") == []
            await store.append_events(begin)
            await store.append_events(work)
            assert await store.get_event_history("exec_one") == begin + work
            await store.close()

        asyncio.run(check())


async def test_every_flipped_bit_is_found(base: Path) -> None:
    begin = batches()[0]
    single = HistoryMaker()
    single.sequence = len(begin)
    store = FileExecutionEventStore(base, create=True, offload=False)
    await store.append_events(begin)
    await store.append_events(single.work()[:1])
    await store.close()
    file = base / "exec_one" / "events.jsonl"
    content = file.read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        with file.open("r+b") as place:
            place.write(flipped)
        store = FileExecutionEventStore(base, offload=False)
        with pytest.raises(DamagedHistoryError) as caught:
            await store.get_event_history("exec_one")
        assert caught.value.readable in ([], begin), f"bit {bit}"
        assert int(caught.value.place.removeprefix("events.jsonl, byte ")) <= bit // 8
        if bit % 8 == 0:
            (summary,) = await store.list_executions()
            assert summary.error.startswith(f"damaged: {caught.value.place}: "), f"bit {bit}"


def mixed(lines: list[bytes]) -> list[bytes]:
    record = orjson.loads(lines[3])
    del record["crc"]
    return [*lines[:3], orjson.dumps(record) + b"\n", *lines[4:]]


def of_another(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *encode_batch(batches("exec_two")[1]), *lines[4:]]


def renumbered(lines: list[bytes]) -> list[bytes]:
    record = orjson.loads(lines[2])
    del record["crc"]
    return [*lines[:2], seal(record | {"sequence": 7}, 1) + b"\n", *lines[3:]]


def counted_wrongly(lines: list[bytes]) -> list[bytes]:
    events = flat(batches())
    return [*lines[:6], *(seal(event.to_dict(), k) + b"\n" for event, k in zip(events[6:], (3, 1, 1, 0), strict=True))]


@pytest.mark.parametrize(
    ("change", "line", "readable", "why"),
    [
        (lambda lines: lines[:2] + lines[3:], 2, 2, "does not hold event 3"),
        (lambda lines: lines[:3] + lines[4:], 3, 2, "does not hold event 4"),
        (lambda lines: lines[:4] + lines[3:], 4, 4, "does not hold event 5"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 0, 0, "does not hold event 1"),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], 4, 4, "does not hold event 5"),
        (lambda lines: [*lines[:2], b"\n", *lines[2:]], 2, 2, "not JSON"),
        (lambda lines: [*lines[:2], b"rubbish\n", *lines[2:]], 2, 2, "not JSON"),
        (lambda lines: [*lines[:2], lines[2].replace(b'"visit":1', b'"visit":2'), *lines[3:]], 2, 2, "checksum"),
        (renumbered, 2, 2, "does not hold event 3"),
        (of_another, 2, 2, "of exec_one"),
        (mixed, 3, 2, "mixed"),
        (counted_wrongly, 7, 6, "events of one append are missing"),
    ],
)
async def test_damage_names_its_place_and_leaves_what_is_before_it(
    base: Path, change: Callable[[list[bytes]], list[bytes]], line: int, readable: int, why: str
) -> None:
    whole = batches()
    events = flat(whole)
    store = FileExecutionEventStore(base, create=True, offload=False)
    for batch in whole:
        await store.append_events(batch)
    await store.append_events(batches("exec_well")[0])
    file = base / "exec_one" / "events.jsonl"
    lines = change(file.read_bytes().splitlines(keepends=True))
    file.write_bytes(b"".join(lines))
    place = f"events.jsonl, byte {len(b''.join(lines[:line]))}"

    for looking in (store, FileExecutionEventStore(base, offload=False)):
        with pytest.raises(DamagedHistoryError, match=why) as caught:
            await looking.get_event_history("exec_one")
        assert caught.value.place == place
        assert place in str(caught.value)
        assert caught.value.readable == events[:readable]
        if readable:
            assert await looking.get_events("exec_one", limit=readable) == events[:readable]
        listed = {summary.id: summary for summary in await looking.list_executions()}
        assert listed["exec_one"].error.startswith(f"damaged: {place}: ")
        assert listed["exec_one"].last_event_seq == readable
        assert listed["exec_one"].start_time, "also without a first event it has a time to sort by"
        assert listed["exec_well"].error == ""
        found = await looking.history_report("exec_one")
        assert found is not None and found.damage is not None
        assert (found.damage.place, found.events, found.torn_at) == (place, readable, None)
    fresh = FileExecutionEventStore(base, offload=False)
    maker = HistoryMaker(mark="c")
    maker.sequence = len(events)
    with pytest.raises(DamagedHistoryError):
        await fresh.append_events(maker.work())
    assert file.read_bytes() == b"".join(lines)
    await store.close()


async def test_a_range_before_the_damage_is_readable_and_one_after_it_is_not_silently_empty(base: Path) -> None:
    whole = batches(works=6)
    events = flat(whole)
    store = FileExecutionEventStore(base, create=True, offload=False)
    for batch in whole:
        await store.append_events(batch)
    file = base / "exec_one" / "events.jsonl"
    content = file.read_bytes()
    joined = content.replace(b"\n", b" ", 9).replace(b" {", b"\n{", 8)  # lines 9 and 10 become one
    file.write_bytes(joined)
    fresh = FileExecutionEventStore(base, offload=False)
    assert await fresh.get_events("exec_one", 3, 4) == events[2:6]
    for from_seq in (5, 10, 12, len(events)):
        for limit in (None, 1_000):
            with pytest.raises(DamagedHistoryError) as caught:
                await fresh.get_events("exec_one", from_seq, limit)
            assert caught.value.readable == events[from_seq - 1 : 8]
    await store.close()


async def test_an_event_that_does_not_fit_is_told_in_the_list(store: FileExecutionEventStore) -> None:
    maker = HistoryMaker()
    await store.append_events(maker.begin() + maker.finish())
    await store.append_events(maker.work())
    (summary,) = await store.list_executions()
    assert summary.error == "damaged: event 7 (step_started) does not fit: the execution had already ended"
    assert len(await store.get_event_history("exec_one")) == 8, "it can be read all the same"


async def test_fields_of_the_wrong_type_are_told_in_the_list(store: FileExecutionEventStore) -> None:
    first = HistoryMaker().begin()[0]
    folder = store.base / "exec_one"
    folder.mkdir()
    record = first._replace(data={**first.data, "workflow_name": ["<b>"]}).to_dict()
    (folder / "events.jsonl").write_bytes(seal(record) + b"\n")
    (summary,) = await store.list_executions()
    assert (summary.workflow_name, summary.error) == ("", "damaged: fields of its first event have the wrong type")


@pytest.mark.parametrize("last_line_ends", [True, False])
async def test_histories_without_checksums_are_read_but_not_written(base: Path, last_line_ends: bool) -> None:
    whole = batches()
    events = flat(whole)
    store = FileExecutionEventStore(base, create=True, offload=False)
    file = base / "exec_one" / "events.jsonl"
    file.parent.mkdir()
    content = b"\n".join(orjson.dumps(event.to_dict()) for event in events) + b"\n" * last_line_ends
    file.write_bytes(content)
    assert await store.get_event_history("exec_one") == events
    assert await store.get_events("exec_one", 4, 2) == events[3:5]
    (summary,) = await store.list_executions()
    assert (summary.status, summary.error) == ("completed", "")
    found = await store.history_report("exec_one")
    assert found is not None and not found.checksums and found.torn_at is None
    with pytest.raises(StoreError, match="without checksums"):
        await store.append_events(batches(mark="b")[0])
    assert file.read_bytes() == content
    await store.close()


async def test_a_hand_written_line_that_was_cut_short_is_torn(base: Path) -> None:
    store = FileExecutionEventStore(base, create=True, offload=False)
    events = batches()[0]
    file = base / "exec_one" / "events.jsonl"
    file.parent.mkdir()
    content = b"\n".join(orjson.dumps(event.to_dict()) for event in events)
    file.write_bytes(content[:-5])
    assert await store.get_event_history("exec_one") == events[:1]
    found = await store.history_report("exec_one")
    assert found is not None and found.torn_at == content.index(b"\n") + 1


async def test_damage_is_only_told_when_nobody_is_writing(store: FileExecutionEventStore, base: Path) -> None:
    """Who reads while a failed append is taken back may see a mixture; a second look in a quiet moment decides."""
    whole = batches()
    for batch in whole:
        await store.append_events(batch)
    file = base / "exec_one" / "events.jsonl"
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"visit":1', b'"visit":7', 1))
    import stores.file.lines as lines

    original = lines.between_appends
    looks = []

    def repaired(fd: int):  # type: ignore[no-untyped-def]
        looks.append(fd)
        file.write_bytes(content)
        return original(fd)

    lines.between_appends = repaired
    try:
        assert await store.get_event_history("exec_one") == flat(whole)
    finally:
        lines.between_appends = original
    assert len(looks) == 1
