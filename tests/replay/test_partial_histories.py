"""Damaged histories: all that can be read is there, what cannot stands in its place, and states end before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.replay.salvaged import UNREADABLE, Unreadable, as_events
from engine.store import DamagedHistoryError, DamagedStoreError
from stores.codec import encode_batch
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from stores.salvaging import Salvageable, in_order, salvaged_events
from stores.sqlite.schema import position
from tests.stores.histories import batches, flat, write
from tests.stores.sqlite_files import opened
from tests.stores.sqlite_files import write as write_database
from tests.stores.test_sqlite_maintenance import change, large, leaf_of, line_of, root_of, smash

ONE = "exec_one"
BATCHES = batches()
EVENTS = flat(BATCHES)


def gap(*sequences: int, of: list[ExecutionEvent] = EVENTS) -> list[int | str]:
    """Sequences of a history, these as unreadable."""
    return [f"?{event.sequence}" if event.sequence in sequences else event.sequence for event in of]


def outline(entries: list[ExecutionEvent | Unreadable]) -> list[int | str]:
    return [f"?{entry.sequence}" if isinstance(entry, Unreadable) else entry.sequence for entry in entries]


def problems(entries: list[ExecutionEvent | Unreadable]) -> list[str]:
    return [entry.problem for entry in entries if isinstance(entry, Unreadable)]


# Files


async def salvaged(file: Path) -> list[ExecutionEvent | Unreadable]:
    """What a store that was opened just now salvages; it changes nothing."""
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    store = FileExecutionEventStore(file.parent.parent, offload=False)
    entries = await store.salvage(ONE)
    await store.close()
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == before
    return entries


def relined(file: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "store", BATCHES)


async def test_a_whole_history_is_itself(file: Path) -> None:
    assert await salvaged(file) == EVENTS


@pytest.mark.parametrize("line", range(1, len(EVENTS) + 1))
async def test_a_damaged_line_stands_in_its_place(file: Path, line: int) -> None:
    relined(file, lambda lines: [*lines[: line - 1], lines[line - 1].replace(b"2026", b"2027", 1), *lines[line:]])
    entries = await salvaged(file)
    assert outline(entries) == gap(line)
    assert [entry for entry in entries if isinstance(entry, ExecutionEvent)] == [
        event for event in EVENTS if event.sequence != line
    ]
    offset = sum(map(len, encode_lines()[: line - 1]))
    assert problems(entries) == [f"events.jsonl, byte {offset}: its checksum does not match"]


def encode_lines() -> list[bytes]:
    return [line for batch in BATCHES for line in encode_batch(batch)]


async def test_missing_lines_are_missed(file: Path) -> None:
    relined(file, lambda lines: [*lines[:2], *lines[5:]])
    entries = await salvaged(file)
    assert outline(entries) == gap(3, 4, 5)
    assert problems(entries) == ["it is missing"] * 3


async def test_lines_out_of_order_are_put_in_order(file: Path) -> None:
    relined(file, lambda lines: [*lines[:2], *lines[4:6], *lines[2:4], *lines[6:]])
    assert await salvaged(file) == EVENTS


async def test_rubbish_at_the_end_is_an_event_nobody_can_read(file: Path) -> None:
    relined(file, lambda lines: [*lines, b"rubbish\n", b"more of it\n"])
    entries = await salvaged(file)
    last = len(EVENTS)
    assert outline(entries) == [*gap(), f"?{last + 1}", f"?{last + 2}"]


async def test_what_was_never_acknowledged_is_not_there(file: Path) -> None:
    relined(file, lambda lines: [b"rubbish\n", *lines[1:-2], lines[-2][:20]])
    # The last batch, of four events, lacks its end: all of it is the remains of an append.
    assert outline(await salvaged(file)) == gap(1, of=EVENTS[:-4])


async def test_two_events_that_claim_one_place_are_both_not_believed(file: Path) -> None:
    other = b"".join(encode_batch(flat(batches(mark="b"))[2:4]))
    relined(file, lambda lines: [*lines[:4], other, *lines[4:]])
    entries = await salvaged(file)
    assert outline(entries) == gap(3, 4)
    assert problems(entries) == ["two different events claim its place"] * 2
    relined(file, lambda lines: [*lines[:2], *lines[2:4], *lines[2:4], *lines[6:]])
    assert await salvaged(file) == EVENTS, "the same event twice is one event"


async def test_events_of_another_execution_do_not_count(file: Path) -> None:
    foreign = encode_batch(flat(batches("exec_two"))[2:4])
    relined(file, lambda lines: [*lines[:2], *foreign, *lines[4:]])
    entries = await salvaged(file)
    assert outline(entries) == gap(3, 4)
    assert problems(entries)[0].endswith("it belongs to another execution")


async def test_a_line_without_checksum_is_not_believed_among_others_that_have_one(file: Path) -> None:
    relined(file, lambda lines: [*lines[:2], lines[2][: lines[2].rfind(b',"crc"')] + b"}\n", *lines[3:]])
    entries = await salvaged(file)
    assert outline(entries) == gap(3)
    assert problems(entries)[0].endswith("its checksum is missing")


def test_what_claims_to_come_far_too_late_is_not_believed() -> None:
    far = EVENTS[-1]._replace(sequence=10**9)
    assert in_order({event.sequence: event for event in [*EVENTS, far]}, {}) == EVENTS
    assert in_order({0: far, -3: far, **{event.sequence: event for event in EVENTS}}, {}) == EVENTS
    assert outline(in_order({}, {}, 2)) == ["?1", "?2"]


async def test_an_execution_that_is_not_there_has_nothing(file: Path) -> None:
    store = FileExecutionEventStore(file.parent.parent)
    assert await store.salvage("exec_other") == []
    assert isinstance(store, Salvageable)
    await store.close()


async def test_a_store_that_somebody_writes_to_can_be_salvaged(tmp_path: Path) -> None:
    store = FileExecutionEventStore(tmp_path / "store", create=True, offload=False)
    reader = FileExecutionEventStore(tmp_path / "store", offload=False)
    known: list[ExecutionEvent] = []
    for batch in BATCHES:
        await store.append_events(batch)
        known += batch
        assert await reader.salvage(ONE) == known
    await store.close()
    await reader.close()


# Databases


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


async def test_damaged_and_missing_rows_stand_in_their_place(path: Path) -> None:
    await write_database(path, BATCHES)
    last = len(EVENTS)
    altered = line_of(path, ONE, 4).replace(b"2026", b"2027")
    change(path, "UPDATE events SET line = ? WHERE position = ?", altered, position(1, 4))
    change(path, "UPDATE events SET line = x'00' WHERE position = ?", position(1, 5))
    unsealed = line_of(path, ONE, 3)
    unsealed = unsealed[: unsealed.rfind(b',"crc"')] + b"}"
    change(path, "UPDATE events SET line = ? WHERE position = ?", unsealed, position(1, 3))
    change(path, "DELETE FROM events WHERE position IN (?, ?)", position(1, 6), position(1, last))
    store = opened(path)
    entries = await store.salvage(ONE)
    assert outline(entries) == gap(3, 4, 5, 6, last)
    assert problems(entries) == [
        "table events: its checksum is missing",
        "table events: its checksum does not match",
        "table events: it is not JSON",
        "it is missing",
        "it is missing",
    ]
    assert [e for e in entries if isinstance(e, ExecutionEvent)] == [
        event for event in EVENTS if event.sequence not in (3, 4, 5, 6, last)
    ]
    with pytest.raises(DamagedHistoryError):
        await store.get_event_history(ONE)
    assert await store.salvage("exec_other") == []
    await store.close()


async def test_rows_of_a_database_whose_tree_is_damaged_are_read_from_its_pages(path: Path) -> None:
    histories = await large(path)
    smash(path, root_of(path, "events"))
    store = opened(path)
    for history in histories:
        with pytest.raises(DamagedStoreError):
            await store.get_event_history(history[0].execution_id)
        assert await store.salvage(history[0].execution_id) == history
    await store.close()


async def test_what_one_page_held_is_missing_and_no_more(path: Path) -> None:
    histories = await large(path)
    smash(path, leaf_of(path, b'"execution_id":"exec_20"'))
    store = opened(path)
    missing = 0
    for history in histories:
        entries = await store.salvage(history[0].execution_id)
        assert [entry.sequence for entry in entries] == [event.sequence for event in history]
        for entry, event in zip(entries, history, strict=True):
            missing += isinstance(entry, Unreadable)
            assert isinstance(entry, Unreadable) or entry == event
    assert 0 < missing < 60
    await store.close()


# Histories


def test_states_end_before_what_cannot_be_read() -> None:
    history = History(ONE, as_events(ONE, [*EVENTS[:3], Unreadable(4, "its checksum does not match"), *EVENTS[4:]]))
    assert len(history) == len(EVENTS)
    assert history.folded == 3
    assert history.problem == "event 4 cannot be read: its checksum does not match"
    assert history.state_at(len(EVENTS)) == history.latest == History(ONE, EVENTS).state_at(3)
    assert [event.sequence for event, _ in history.states()] == [1, 2, 3]
    unreadable = history.event(4)
    assert unreadable == ExecutionEvent(
        "", ONE, "", 4, EVENTS[2].timestamp, UNREADABLE, data={"problem": "its checksum does not match"}
    )
    assert list(history)[4:] == EVENTS[4:]
    assert list(history.columns.find(kinds=[UNREADABLE])) == [4]


def test_a_history_without_its_beginning_has_events_and_no_state() -> None:
    entries = [Unreadable(1, "it is missing"), *EVENTS[1:]]
    events = as_events(ONE, entries)
    assert events[0].timestamp == EVENTS[1].timestamp
    history = History(ONE, events)
    assert (history.folded, len(history)) == (0, len(EVENTS))
    assert as_events(ONE, [Unreadable(1, "it is missing")]) == []


async def test_a_store_that_cannot_tell_has_nothing_to_add(file: Path) -> None:
    memory = MemoryExecutionEventStore()
    await memory.append_events(EVENTS)
    assert await salvaged_events(memory, ONE) == []
    relined(file, lambda lines: [*lines[:3], b"rubbish\n", *lines[4:]])
    store = FileExecutionEventStore(file.parent.parent)
    assert [event.event_type for event in await salvaged_events(store, ONE)].count(UNREADABLE) == 1
    await store.close()
