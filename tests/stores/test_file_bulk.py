"""Histories moved as lines: what arrives is what was there, whatever batches it came in."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.store import ConflictError, DamagedHistoryError
from engine.testing.conformance_lists import snapshot_of
from stores.codec import LineError, decode_line, encode_batch, events_left, in_batches, seal
from stores.file.store import FileExecutionEventStore
from stores.maintenance import Bulk
from tests.stores.filed import stored
from tests.stores.histories import batches, flat

WHOLE = batches(works=5)
EVENTS = flat(WHOLE)
LINES = [line for batch in WHOLE for line in encode_batch(batch)]


@pytest.fixture
async def target(tmp_path: Path) -> FileExecutionEventStore:
    return FileExecutionEventStore(tmp_path / "target", create=True, offload=False, durability="normal")


@given(first=st.integers(0, len(LINES) - 1), count=st.integers(0, 9))
def test_lines_stay_in_their_batches_unless_one_is_cut(first: int, count: int) -> None:
    chosen = LINES[first : first + count]
    whole = max((place for place, line in enumerate(chosen, 1) if not events_left(line[:-1])), default=0)
    assert in_batches(chosen) == chosen[:whole] + encode_batch(EVENTS[first + whole : first + count])


def test_a_batch_without_its_middle_is_two() -> None:
    five = encode_batch(EVENTS[:5])
    assert in_batches(five[:2] + five[3:]) == encode_batch(EVENTS[:2]) + five[3:]
    assert in_batches(five[:2] + five) == encode_batch(EVENTS[:2]) + five


async def test_batches_appended_at_once_are_lost_one_by_one(base: Path, target: FileExecutionEventStore) -> None:
    lines = encode_batch(EVENTS[:4]) + encode_batch(EVENTS[4:6]) + encode_batch(EVENTS[6:9])
    await target.append_lines("exec_one", lines)
    await target.close()
    file = target.base / "exec_one" / "events.jsonl"
    assert file.read_bytes() == b"".join(lines)
    file.write_bytes(b"".join(lines)[:-1])
    assert await FileExecutionEventStore(target.base, offload=False).get_event_history("exec_one") == EVENTS[:6]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{}\n",
        LINES[0][:-1],
        LINES[0] + LINES[1],
        LINES[0].replace(b"exec_one", b"exec_two", 1),
        orjson.dumps(EVENTS[0].to_dict()) + b"\n",
    ],
)
def test_what_is_no_sealed_line_is_no_batch(line: bytes) -> None:
    with pytest.raises(LineError):
        in_batches([LINES[0], line])


async def test_lines_come_in_ranges_like_events(base: Path) -> None:
    await stored(base, WHOLE)
    store = FileExecutionEventStore(base, offload=False)
    assert isinstance(store, Bulk)
    for from_seq in range(-1, len(LINES) + 4):
        first = max(0, from_seq - 1)
        assert await store.get_lines("exec_one", from_seq) == LINES[first:]
        for limit in range(4):
            assert await store.get_lines("exec_one", from_seq, limit) == LINES[first : first + limit]
    assert await store.get_lines("exec_none") == []
    with pytest.raises(ValueError, match="0 or more"):
        await store.get_lines("exec_one", 1, -1)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_a_history_copied_in_pieces_of_any_size_is_the_same(
    base: Path, target: FileExecutionEventStore, size: int
) -> None:
    await stored(base, WHOLE)
    source = FileExecutionEventStore(base, offload=False)
    sequence = 1
    while lines := await source.get_lines("exec_one", sequence, size):
        sequence += len(lines)
        last = snapshot_of(EVENTS) if sequence > len(EVENTS) else None
        await target.append_lines("exec_one", lines, last)
    assert await target.get_event_history("exec_one") == EVENTS
    snapshot = await target.get_snapshot("exec_one")
    assert snapshot is not None and snapshot.restore_state() == snapshot_of(EVENTS).restore_state()
    assert await target.examine() == []
    await target.append_lines("exec_one", [])


async def test_lines_are_told_to_watchers_and_may_be_repeated(target: FileExecutionEventStore) -> None:
    watching = target.watch()
    await target.append_lines("exec_one", LINES[:4])
    await target.append_lines("exec_one", LINES[:4])
    assert await anext(watching) == {"exec_one"}
    assert await target.get_event_history("exec_one") == EVENTS[:4]
    await target.append_events(EVENTS[4:6])
    with pytest.raises(ConflictError):
        await target.append_lines("exec_one", LINES[:4])
    with pytest.raises(ConflictError):
        await target.append_lines("exec_one", LINES[7:9])
    await target.close()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (LINES[:2] + LINES[3:4], "no gaps"),
        (LINES[:1] + encode_batch(batches("exec_two")[0])[1:], "one execution"),
        (encode_batch(batches("exec_two")[0]), "cannot be appended to exec_one"),
        ([b"rubbish\n"], "checksum"),
        ([seal({"n": 1}) + b"\n"], "field|envelope|no "),
    ],
)
async def test_what_cannot_be_a_history_is_refused_whole(
    target: FileExecutionEventStore, lines: list[bytes], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        await target.append_lines("exec_one", lines)
    assert await target.get_event_history("exec_one") == []


async def test_a_snapshot_must_be_of_the_last_line(target: FileExecutionEventStore) -> None:
    for snapshot in (snapshot_of(EVENTS[:3]), snapshot_of(flat(batches("exec_two"))[:4])):
        with pytest.raises(ValueError, match="does not fit"):
            await target.append_lines("exec_one", LINES[:4], snapshot)
    assert await target.get_event_history("exec_one") == []


async def test_damage_in_the_range_is_told_and_a_torn_tail_is_not_there(base: Path) -> None:
    file = await stored(base, WHOLE)
    content = file.read_bytes()
    store = FileExecutionEventStore(base, offload=False)
    ends = len(b"".join(LINES[:-4]))
    for length in range(ends, len(content)):
        file.write_bytes(content[:length])
        assert await store.get_lines("exec_one") == LINES[:-4]
    for bit in range(0, 8 * len(content), 29):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)
        with pytest.raises(DamagedHistoryError) as caught:
            await store.get_lines("exec_one")
        assert caught.value.readable == []
    for change in (LINES[:3] + LINES[4:], [*LINES[:4], LINES[5], LINES[4], *LINES[6:]], LINES[:5] + LINES[4:]):
        file.write_bytes(b"".join(change))
        with pytest.raises(DamagedHistoryError):
            await store.get_lines("exec_one")


async def test_lines_in_another_order_of_keys_are_lines_all_the_same(
    base: Path, target: FileExecutionEventStore
) -> None:
    file = await stored(base, WHOLE[:1])
    records = [dict(reversed(event.to_dict().items())) for event in EVENTS[:2]]
    file.write_bytes(b"".join(seal(record, k) + b"\n" for record, k in zip(records, (1, 0), strict=True)))
    lines = await FileExecutionEventStore(base, offload=False).get_lines("exec_one")
    await target.append_lines("exec_one", lines)
    assert await target.get_event_history("exec_one") == EVENTS[:2]
    assert [decode_line(line[:-1])[1] for line in await target.get_lines("exec_one")] == [1, 0]
