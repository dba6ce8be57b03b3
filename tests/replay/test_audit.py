"""Stored snapshots against their histories: equal, drifted, of another version, and those that cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest
from hypothesis import given

from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSnapshot
from engine.model.state import STATE_VERSION
from engine.replay.diffing.audit import audit, audit_snapshot
from engine.replay.history import History
from engine.replay.replayer import ExecutionNotFoundError
from stores.codec import seal
from stores.go.detect import open_go_store
from stores.location import open_store
from stores.memory import MemoryExecutionEventStore
from tests.go.conftest import KINDS, write
from tests.go.go_runs import RUNS as GO_RUNS
from tests.lifecycle.driven import drive
from tests.lifecycle.generated import definitions
from tests.replay.golden_runs import RUNS, recorded


async def recorded_history(name: str) -> tuple[MemoryExecutionEventStore, History]:
    store, execution_id = await recorded(RUNS[name])
    return store, History(execution_id, await store.get_event_history(execution_id))


def snapshot_at(history: History, sequence: int) -> ExecutionSnapshot:
    """What is stored at an event, as it is read back."""
    made = ExecutionSnapshot.of(history.state_at(sequence), history.event(1).data["workflow"])
    return ExecutionSnapshot.from_dict(orjson.loads(orjson.dumps(made.to_dict(), default=dict)))


@pytest.mark.parametrize("name", RUNS)
async def test_what_the_engine_stored_equals_what_it_recorded(name: str) -> None:
    store, history = await recorded_history(name)
    found = await audit_snapshot(store, history.execution_id)
    assert (found.verdict, found.equal, found.changes, found.sequence) == ("equal", True, [], len(history))
    assert found.sentence == f"the snapshot at event {len(history):,} equals the replayed state"
    assert found == await audit_snapshot(store, history.execution_id, history)


@given(definitions())
def test_a_snapshot_of_any_event_equals_the_state_then(definition: dict[str, Any]) -> None:
    ran = drive(definition)
    history = History(ran.result.id, ran.events)
    for sequence in range(1, len(history) + 1, len(history) // 6 + 1):
        found = audit(history, snapshot_at(history, sequence))
        assert found.equal and found.verdict == "equal" and found.sequence == sequence, found.sentence


def spoilt(snapshot: ExecutionSnapshot, *keys: str | int, value: Any) -> ExecutionSnapshot:
    record = orjson.loads(orjson.dumps(snapshot.to_dict()))
    holder = record
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    return ExecutionSnapshot.from_dict(record)


def last(history: History, kind: str, before: int) -> int:
    return next(history.columns.find(kinds=[kind], last=before, backwards=True))


async def test_each_difference_comes_with_the_event_that_explains_it() -> None:
    _, history = await recorded_history("loop")
    second = [event.sequence for event in history if event.event_type == "step_completed"][1]
    at = second + 1
    sound = snapshot_at(history, at)
    expected: list[tuple[tuple[str | int, ...], Any, str, int | None]] = [
        (("state", "paths", "main", "variables", "n"), 7, "state.paths.main.variables.n", second),
        (("state", "script_globals", "n", 0), 7, "state.script_globals.n[0]", second),
        (("state", "paths", "main", "written", "n"), 1, "state.paths.main.written.n", second),
        (("state", "paths", "main", "visit"), 9, "state.paths.main.visit", second),
        (("state", "paths", "main", "unit", "effect_key"), "x", "state.paths.main.unit.effect_key", at),
        (("state", "info", "workflow_name"), "other", "state.info.workflow_name", 1),
        (("workflow_name",), "other", "workflow_name", 1),
        (("workflow_data", "name"), "other", "workflow_data.name", 1),
        (("status",), "completed", "status", 2),
        (("updated_at",), "2020-01-01T00:00:00.000000Z", "updated_at", at),
        (("state", "ghost"), 1, "state.ghost", None),
    ]
    for keys, value, address, by in expected:
        found = audit(history, spoilt(sound, *keys, value=value))
        (explained,) = found.changes
        assert (found.verdict, found.equal) == ("drift", False)
        assert (explained.change.address, explained.change.old, explained.by) == (address, value, by)
        assert found.sentence == f"the snapshot at event {at} differs from the replayed state: 1 difference"


async def test_what_changed_long_ago_is_found_too() -> None:
    _, history = await recorded_history("loop")
    events = list(history)
    steps: list[ExecutionEvent] = []
    while len(steps) < 1_300:  # the middle of the loop again and again
        for event in events[2:4]:
            visit = len(steps) // 2 + 1
            data = {**event.data, "visit": visit} | ({"stored_value": visit} if "stored_value" in event.data else {})
            steps.append(event._replace(sequence=len(steps) + 3, id=f"event_{len(steps):026}", data=data))
    long = History(history.execution_id, [*events[:2], *steps])
    assert long.problem is None and len(long) > 1_200
    found = audit(long, spoilt(snapshot_at(long, 1_201), "state", "paths", "main", "phase", value="new"))
    assert [explained.by for explained in found.changes] == [1_201]
    found = audit(long, spoilt(snapshot_at(long, 1_201), "state", "path_count", value=9))
    assert [explained.by for explained in found.changes] == [2]


@pytest.mark.parametrize(("version", "age"), [(STATE_VERSION - 1, "an older"), (STATE_VERSION + 1, "a newer")])
async def test_a_state_of_another_version_is_no_drift(version: int, age: str) -> None:
    _, history = await recorded_history("failing")
    at = len(history)
    other = replace(snapshot_at(history, at), state={"state_version": version, "shape": "another"})
    found = audit(history, other)
    words = f"{age} reducer (state version {version}, this one makes {STATE_VERSION})"
    assert (found.verdict, found.equal, found.changes, found.state_version) == ("older_reducer", True, [], version)
    assert found.sentence == f"the snapshot at event {at} is of {words}; all else equals the replayed state"
    drifted = audit(history, replace(other, status="completed"))
    assert drifted.verdict == "drift" and [explained.by for explained in drifted.changes] == [at]
    assert drifted.sentence == (
        f"the snapshot at event {at} differs from the replayed state: 1 difference; its state is of {words}, "
        "and is not compared"
    )
    assert drifted.without(["status"]).verdict == "older_reducer"


async def test_ignored_differences_are_no_drift() -> None:
    _, history = await recorded_history("loop")
    sound = snapshot_at(history, len(history))
    found = audit(history, replace(sound, status="failed", outputs={"n": 4}))
    assert {explained.change.address for explained in found.changes} == {"status", "outputs.n"}
    assert [explained.change.address for explained in found.without(["outputs"]).changes] == ["status"]
    assert found.without(["outputs"]).verdict == "drift"
    assert found.without(["outputs", "status"]).verdict == "equal"
    record = found.to_dict()
    assert (record["equal"], record["verdict"], record["sequence"]) == (False, "drift", len(history))
    assert record["changes"][0] == {
        "address": "status", "kind": "changed", "old": "failed", "new": "completed", "by": len(history)
    }  # fmt: skip


async def test_a_snapshot_ahead_of_its_history() -> None:
    _, history = await recorded_history("loop")
    sound = snapshot_at(history, len(history))
    shorter = History(history.execution_id, list(history.events(1, 4)))
    found = audit(shorter, sound)
    assert (found.verdict, found.equal, found.sequence, found.events) == ("unusable", False, len(history), 4)
    assert found.sentence == (
        f"the stored snapshot cannot be used: it is of event {len(history)}, the history ends at event 4"
    )
    assert found.without(["status"]) == found


async def test_a_history_that_makes_no_sense_up_to_the_snapshot() -> None:
    _, history = await recorded_history("loop")
    events = list(history)
    broken = History(history.execution_id, [*events[:4], events[4]._replace(data={}), *events[5:]])
    found = audit(broken, snapshot_at(history, len(history)))
    assert found.verdict == "unusable" and "event 5" in found.problem


async def test_no_snapshot_and_no_execution() -> None:
    store, history = await recorded_history("loop")
    other = MemoryExecutionEventStore()
    await other.append_events(list(history))
    found = await audit_snapshot(other, history.execution_id)
    assert (found.verdict, found.equal, found.sequence) == ("missing", False, None)
    assert found.sentence == "there is no stored snapshot"
    with pytest.raises(ExecutionNotFoundError):
        await audit_snapshot(store, "exec_nobody")


@pytest.mark.parametrize(("spoil", "problem"), [("bytes", "cannot be read"), ("ahead", "is not in the history")])
async def test_why_a_file_store_does_not_hand_it_out(tmp_path: Path, spoil: str, problem: str) -> None:
    source, history = await recorded_history("loop")
    store = open_store(f"file:{tmp_path}", create=True, offload=False)
    await store.append_events(list(history))
    snapshot = await source.get_snapshot(history.execution_id)
    assert snapshot is not None
    await store.save_snapshot(snapshot)
    assert (await audit_snapshot(store, history.execution_id)).equal
    file = tmp_path / history.execution_id / "snapshot.json"
    if spoil == "bytes":
        file.write_bytes(b"{")
    else:
        record = orjson.loads(file.read_bytes())
        record.pop("crc")
        file.write_bytes(seal(record | {"event_id": "event_other"}) + b"\n")
    found = await audit_snapshot(store, history.execution_id)
    assert found.verdict == "unusable" and problem in found.sentence
    file.unlink()
    assert (await audit_snapshot(store, history.execution_id)).verdict == "missing"
    await store.close()


async def test_why_a_database_does_not_hand_it_out(tmp_path: Path) -> None:
    source, history = await recorded_history("loop")
    store = open_store(f"sqlite:{tmp_path / 'store.db'}", create=True, offload=False)
    await store.append_events(list(history))
    snapshot = await source.get_snapshot(history.execution_id)
    assert snapshot is not None
    await store.save_snapshot(snapshot)
    assert (await audit_snapshot(store, history.execution_id)).equal
    connection = apsw.Connection(str(tmp_path / "store.db"))
    connection.execute("UPDATE snapshots SET line = x'00'")
    connection.close()
    found = await audit_snapshot(store, history.execution_id)
    assert found.sentence == "the stored snapshot cannot be used: it cannot be read, or is ahead of its history"
    await store.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", ["a", "d"])
async def test_a_snapshot_of_the_go_system_is_audited_on_what_it_has(tmp_path: Path, kind: str, dialect: str) -> None:
    runs = [make(dialect) for make in GO_RUNS]
    store = open_go_store(write(tmp_path, kind, runs))
    seen = set()
    for run in runs:
        found = await audit_snapshot(store, run.id)
        seen.add(found.verdict)
        if not run.snapshot:
            assert found.verdict == "missing"
            continue
        assert found.verdict == "equal", (run.id, found.to_dict())
        assert found.lacks[0] == "state" and "as the Go system kept none" in found.sentence
        snapshot = await store.get_snapshot(run.id)
        assert snapshot is not None
        history = History(run.id, await store.get_event_history(run.id))
        drifted = audit(history, replace(snapshot, status="odd", inputs={"strange": 1}))
        assert drifted.verdict == "drift"
        by = {explained.change.address: explained.by for explained in drifted.changes}
        assert by["inputs.strange"] is None and by["status"] is not None
    assert seen == {"equal", "missing"}
    await store.close()
