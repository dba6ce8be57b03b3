"""Lists of a file store: what did not change is not read again, what did is."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from engine.model.times import format_time
from engine.testing.conformance_events import START, HistoryMaker
from engine.testing.conformance_lists import snapshot_of
from stores.codec import encode_batch, seal
from stores.file import lines as file_lines
from stores.file import summaries as file_summaries
from stores.file.store import FileExecutionEventStore
from tests.stores.histories import batches, flat


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """For each fold that begins, the execution and the sequence of the state it begins with."""
    begun: list[tuple[str, int]] = []
    original = file_summaries._fold

    def fold(fd, beginning):  # type: ignore[no-untyped-def]
        begun.append((beginning.state.execution_id, beginning.state.sequence))
        return original(fd, beginning)

    monkeypatch.setattr(file_summaries, "_fold", fold)
    monkeypatch.setattr(file_summaries, "_SAME_TICK_NS", -(10**18))
    return begun


async def test_only_what_changed_is_folded_and_only_its_new_events(
    store: FileExecutionEventStore, folds: list[tuple[str, int]]
) -> None:
    one, two = HistoryMaker("exec_one"), HistoryMaker("exec_two")
    await store.append_events(one.begin())
    await store.append_events(two.begin())
    await store.list_executions()
    assert sorted(folds) == [("exec_one", 0), ("exec_two", 0)]
    folds.clear()
    await store.list_executions()
    await store.get_summary("exec_two")
    assert folds == []
    await store.append_events(two.work())
    listed = {summary.id: summary.last_event_seq for summary in await store.list_executions()}
    assert listed == {"exec_one": 2, "exec_two": 4}
    assert folds == [("exec_two", 2)]


async def test_what_changed_only_just_is_looked_at_again(
    store: FileExecutionEventStore, folds: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_summaries, "_SAME_TICK_NS", 10**18)
    await store.append_events(batches()[0])
    for _ in range(3):
        await store.list_executions()
    assert folds == [("exec_one", 0), ("exec_one", 2), ("exec_one", 2)]


async def test_an_execution_that_was_made_anew_under_its_old_id_is_not_taken_for_the_old_one(
    store: FileExecutionEventStore,
) -> None:
    """Its file may have the number, the size and, within a tick of the clock, the time of the one before."""
    looking = FileExecutionEventStore(store.base, offload=False)
    for day in range(1, 60):
        start = START.replace(day=day % 28 + 1)
        maker = HistoryMaker("exec_one", start=start, mark=f"{day:02}")
        await store.append_events(maker.begin())
        if day % 2:
            await store.append_events(maker.work())
        for other in (looking, store):
            (summary,) = await other.list_executions()
            assert summary.start_time == format_time(start + timedelta(seconds=1))
            assert summary.last_event_seq == maker.sequence
        await store.delete_execution("exec_one")


async def test_what_is_remembered_is_bounded_and_of_use_for_long_lists(
    store: FileExecutionEventStore, folds: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_summaries, "_MAX_KNOWN", 6)
    for number in range(10):
        await store.append_events(batches(f"exec_{number}")[0])
    for _ in range(3):
        folds.clear()
        assert len(await store.list_executions()) == 10
        assert len(store._core._summaries._known) == 6
    assert len(folds) == 5, "those that are remembered stay so: a list looks at all, always in the same order"


async def test_a_new_store_begins_at_the_snapshot(store: FileExecutionEventStore, folds: list[tuple[str, int]]) -> None:
    whole = batches()
    for batch in whole[:3]:
        await store.append_events(batch)
    await store.save_snapshot(snapshot_of(flat(whole[:2])))
    fresh = FileExecutionEventStore(store.base, offload=False)
    (summary,) = await fresh.list_executions()
    assert summary.last_event_seq == 6
    assert folds == [("exec_one", 4)]


async def test_a_history_that_was_replaced_or_shortened_is_folded_anew(
    store: FileExecutionEventStore, folds: list[tuple[str, int]]
) -> None:
    whole = batches()
    for batch in whole[:3]:
        await store.append_events(batch)
    file = store.base / "exec_one" / "events.jsonl"
    content = file.read_bytes()
    await store.list_executions()
    folds.clear()
    file.write_bytes(content[: content.index(b"\n", content.index(b"\n") + 1) + 1])
    (summary,) = await store.list_executions()
    assert summary.last_event_seq == 2
    assert folds == [("exec_one", 6), ("exec_one", 0)]
    folds.clear()
    file.write_bytes(b"".join(encode_batch(flat(batches(mark="b")))))
    (summary,) = await store.list_executions()
    assert summary.status == "completed"
    assert folds == [("exec_one", 2), ("exec_one", 0)]


async def test_long_histories_are_folded_in_pieces(
    store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lines, "_PIECE", 3)
    monkeypatch.setattr(file_lines, "_CHUNK", 100)
    for batch in batches(works=7):
        await store.append_events(batch)
    (summary,) = await store.list_executions()
    assert (summary.last_event_seq, summary.status) == (20, "completed")
    report = await store.history_report("exec_one")
    assert report is not None
    assert (report.events, report.torn_at, report.damage) == (20, None, None)
    assert await store.get_event_history("exec_one") == flat(batches(works=7))
    assert await store.get_events("exec_one", 11, 4) == flat(batches(works=7))[10:14]


async def test_one_that_cannot_be_read_hides_no_other(store: FileExecutionEventStore, base: Path) -> None:
    await store.append_events(batches("exec_one")[0])
    (base / "exec_two" / "events.jsonl").mkdir(parents=True)
    (base / "exec_three").mkdir()
    os.symlink("/etc/passwd", base / "exec_three" / "events.jsonl")
    listed = {summary.id: summary for summary in await store.list_executions()}
    assert listed.keys() == {"exec_one", "exec_two", "exec_three"}
    assert listed["exec_one"].error == ""
    for name in ("exec_two", "exec_three"):
        assert listed[name].error.startswith("damaged: ")
        assert listed[name].start_time.startswith("20"), "it has a time to be sorted by"
        assert (await store.get_summary(name)) == listed[name]


@pytest.mark.parametrize(
    "made_up",
    [
        {"status": []},
        {"info": {"labels": 5}},
        {"info": {"workflow_name": 5}},
        {"error": {"type": 1}},
        {"paths": {"x": 7}},
    ],
)
async def test_a_made_up_snapshot_hides_no_other(store: FileExecutionEventStore, made_up: dict[str, object]) -> None:
    for execution_id in ("exec_one", "exec_two"):
        begin = batches(execution_id)[0]
        await store.append_events(begin)
        await store.save_snapshot(snapshot_of(begin))
    file = store.base / "exec_one" / "snapshot.json"
    record = orjson.loads(file.read_bytes())
    del record["crc"]
    record["state"] |= made_up
    file.write_bytes(seal(record))
    fresh = FileExecutionEventStore(store.base, offload=False)
    listed = {summary.id: summary for summary in await fresh.list_executions()}
    assert listed["exec_two"].error == ""
    assert listed["exec_one"].error.startswith("damaged: ") or listed["exec_one"].workflow_name == "probe"
    assert all(isinstance(line.start_time, str) and line.to_dict() for line in listed.values())
