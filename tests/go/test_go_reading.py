"""Stores of the Go system, each kind and dialect: listed, shown and replayed, and not a byte of them changed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from engine.core.reduce import reduce
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionFilter
from engine.model.state import ExecutionState
from engine.model.state_json import state_from_json, state_to_json
from engine.replay.history import History
from engine.replay.replayer import ExecutionReplayer
from engine.replay.view import changes_at, full_view
from engine.store import ExecutionEventStore, ReadOnlyError, StoreNotFoundError
from stores.go.detect import is_go_database, is_go_folder, open_go_store
from stores.go.store import GoExecutionEventStore
from tests.go.conftest import KINDS, footprint, write
from tests.go.go_runs import RUNS, branching, disordered, failing, killed, linear, looping, recovered, route_failing
from tests.go.go_stores import DIALECTS, GoExecution
from tests.go.replayer import replay_like_go

Stored = tuple[Path, list[GoExecution]]
STATUSES = {
    "Twice Demo": "completed",
    "Linear Demo": "completed",
    "Killed Demo": "interrupted",
    "Each Demo": "completed",
    "Loop Demo": "completed",
    "Route Demo": "failed",
    "Fail Demo": "failed",
    "Fork Demo": "completed",
}


async def test_everything_is_listed_from_its_events(stored: Stored) -> None:
    place, runs = stored
    store = open_go_store(place)
    summaries = await store.list_executions()
    assert sorted(summary.id for summary in summaries) == sorted(run.id for run in runs)
    assert {s.workflow_name: s.shown_status for s in summaries if s.workflow_name in STATUSES} == STATUSES
    assert sorted(s.shown_status for s in summaries if s.workflow_name == "Long Demo") == ["continued", "interrupted"]
    starts = [summary.start_time for summary in summaries]
    assert starts == sorted(starts, reverse=True)
    by_name = {summary.workflow_name: summary for summary in summaries}
    assert by_name["Fail Demo"].error == 'Error: action "Pay" failed: card declined'
    assert (by_name["Fail Demo"].at_step, by_name["Fail Demo"].failed_steps) == ("Left", ("Left",))
    assert (by_name["Killed Demo"].at_step, by_name["Killed Demo"].live) == ("Write", False)
    assert by_name["Twice Demo"].path_count == 1 and by_name["Fork Demo"].path_count == 3
    await store.close()


async def test_every_event_is_there_once_in_its_place_and_is_one_of_ours(stored: Stored) -> None:
    place, runs = stored
    store = open_go_store(place)
    for run in runs:
        events = await store.get_event_history(run.id)
        assert [event.sequence for event in events] == [event.sequence for event in run.events]
        assert [event.event_type for event in events] == [event.event_type for event in run.events]
        for event in events:
            event.validate()
        assert {event.execution_id for event in events} == {run.id}
        assert events == await store.get_events(run.id, 1, 2) + await store.get_events(run.id, 3)
    await store.close()


async def test_every_state_of_a_history_can_be_shown(stored: Stored) -> None:
    place, runs = stored
    store = open_go_store(place)
    for run in runs:
        events = await store.get_event_history(run.id)
        history = History(run.id, events)
        assert history.problem is None and history.latest.incomplete_from is None
        for sequence in range(1, len(history) + 1):
            assert full_view(history, sequence)["sequence"] == sequence
            assert not changes_at(history, sequence).more
        assert ExecutionReplayer(store).validate_event_history(events) == []
        replayed = await ExecutionReplayer(store).replay_execution(run.id)
        assert replayed.status == ("running" if run.workflow == "Killed Demo" else replayed.status)
    await store.close()


async def test_nothing_of_the_original_changes_and_nothing_is_left(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, runs = stored
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    before = footprint(place.parent)
    for _ in range(2):
        assert is_go_folder(place) or is_go_database(place)
        store = open_go_store(place)
        await store.list_executions(ExecutionFilter(statuses=frozenset({"failed"}), limit=1))
        for run in runs:
            await store.get_event_history(run.id)
            await store.get_summary(run.id)
            await store.get_snapshot(run.id)
        copies = list(private.iterdir())
        assert len(copies) == (1 if Path(f"{place}-wal").exists() else 0)
        assert all(copy.stat().st_mode & 0o777 == 0o700 for copy in copies)
        await store.close()
        await store.close()
        assert list(private.iterdir()) == []
    assert footprint(place.parent) == before


async def test_everything_that_would_change_it_is_refused(stored: Stored) -> None:
    place, runs = stored
    store: ExecutionEventStore = open_go_store(place)
    run = runs[0]
    events = await store.get_event_history(run.id)
    snapshot = await store.get_snapshot(run.id)
    assert snapshot is not None
    before = footprint(place.parent)
    signal = ExecutionSignal("signal_1", "signal", "2026-01-01T00:00:00.000000Z", topic="go")
    for refused in (
        store.append_events(events[:1]),
        store.append_batches([events[:1]]),
        store.save_snapshot(snapshot),
        store.send_signal(run.id, signal),
        store.delete_execution(run.id),
        store.cleanup_completed_executions(datetime.now(UTC)),
        store.acquire_owner(run.id, "runner_1"),
    ):
        with pytest.raises(ReadOnlyError, match=f"never changed; dive-tui migrate {place}"):
            await refused
    await store.release_owner(run.id, "runner_1")
    assert await store.due(datetime.now(UTC)) == []
    assert await store.get_signals(run.id) == []
    assert footprint(place.parent) == before
    await store.close()


async def test_variables_and_outputs_are_those_its_own_replayer_knew() -> None:
    for dialect in ("a", "b", "b2"):
        for make in RUNS:
            run = make(dialect)
            if make is failing:
                continue  # what comes after the end is not folded here
            view = await _view(run)
            variables, completed, _ = replay_like_go(run.events)
            assert view["script_globals"] == variables, make.__name__
            assert view["completed_steps"] == completed, make.__name__


async def test_keys_that_only_its_replayer_knew_count_too() -> None:
    run = linear("b")
    run.events[3].data |= {
        "stored_value": [1, 2],
        "condition_result": "true",
        "iteration_state": {"index": 2},
        "script_globals": {"more": 1},
    }
    run.events[6].data["final_output"] = "end"
    view = await _view(run)
    variables, _, _ = replay_like_go(run.events)
    assert view["script_globals"] == variables
    assert variables["plan"] == [1, 2] and variables["Plan_condition"] is True
    assert variables["path_path-1_output"] == "end" and variables["more"] == 1


async def _view(run: GoExecution, sequence: int | None = None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_go_store(write(Path(folder), "folder", [run]))
        history = History(run.id, await store.get_event_history(run.id))
    return full_view(history, len(history) if sequence is None else sequence)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_branch_makes_its_paths_and_retires_the_one_that_branched(dialect: str) -> None:
    run = branching(dialect)
    branched = next(event.sequence for event in run.events if event.event_type == "path_branched")
    first = run.first_path
    before, after, end = [await _view(run, at) for at in (branched - 1, branched, None)]
    assert [path["id"] for path in before["active_paths"]] == [first]
    assert [(path["id"], path["current_step_name"]) for path in after["active_paths"]] == [
        (f"{first}-1", "Left"),
        (f"{first}-2", "Right"),
    ]
    assert after["paths"][first]["status"] == "completed"
    assert after["paths"][f"{first}-1"]["parent"] == first
    assert end["active_paths"] == []
    assert {path["status"] for path in end["paths"].values()} == {"completed"}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_variables_are_those_of_all_paths(dialect: str) -> None:
    run = branching(dialect)
    wrote = next(
        event.sequence for event in run.events if event.step == "Left" and event.event_type == "step_completed"
    )
    view = await _view(run, wrote)
    other = view["paths"][f"{run.first_path}-2"]
    assert other["status"] == "running"
    assert other["variables"] == {"plan": "p", "both": "l"} == view["script_globals"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_comes_after_the_end_is_shown_and_not_folded(dialect: str) -> None:
    run = failing(dialect)
    with tempfile.TemporaryDirectory() as folder:
        store = open_go_store(write(Path(folder), "folder", [run]))
        history = History(run.id, await store.get_event_history(run.id))
    end = next(event.sequence for event in run.events if event.event_type == "execution_failed")
    assert len(history) == len(run.events) == end + 2
    assert history.problem is None and history.folded == end + 2
    at_end, last = history.state_at(end), history.latest
    assert at_end.after_end is None and last.after_end == end + 1
    assert last.script_globals == at_end.script_globals and "late" not in last.script_globals
    assert last.paths == {} and last.status == "failed"
    view = full_view(history, len(history))
    assert {path: entry["status"] for path, entry in view["paths"].items()} == {
        run.first_path: "completed",
        f"{run.first_path}-1": "failed",
        f"{run.first_path}-2": "cancelled",
    }
    assert "Right" not in view["completed_steps"]
    assert history.failure_sequence() == view["error"]["sequence"] == end - 2


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_condition_that_fails_leaves_the_output_of_its_step(dialect: str) -> None:
    view = await _view(route_failing(dialect))
    assert view["completed_steps"] == {"Plan": "p"}
    [step] = view["steps"]
    assert (step["status"], step["output"], step["visit"]) == ("failed", "p", 1)
    assert view["error"]["step"] == "Plan" and view["status"] == "failed"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_loop_counts_visits_and_a_missing_end_of_a_path_leaves_none_open(dialect: str) -> None:
    view = await _view(looping(dialect))
    assert [step["visit"] for step in view["steps"]] == [1, 2, 3]
    assert view["active_paths"] == [] and view["status"] == "completed"
    # Only where a change of the variables is an event of its own is the value's type known.
    assert view["script_globals"] == {"counter": 2 if dialect in ("c", "d") else "2"}
    assert view["completed_steps"] == {"Count": "2"}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_recovery_under_the_same_id_begins_again(dialect: str) -> None:
    run = recovered(dialect)
    again = [event.sequence for event in run.events if event.event_type == "execution_started"][1]
    view = await _view(run, again)
    assert view["active_paths"] == [] and view["status"] == "running"
    assert [(step["step"], step["status"]) for step in view["steps"]] == [("Plan", "completed"), ("Write", "cancelled")]
    end = await _view(run)
    assert [(step["step"], step["visit"], step["status"]) for step in end["steps"]] == [
        ("Plan", 1, "completed"),
        ("Write", 1, "cancelled"),
        ("Plan", 2, "completed"),
        ("Write", 2, "completed"),
    ]
    assert end["script_globals"] == {"plan": "second", "text": "w"}


async def test_a_snapshot_is_that_of_its_engine_and_none_for_the_killed(stored: Stored) -> None:
    place, runs = stored
    store = open_go_store(place)
    for run in runs:
        snapshot = await store.get_snapshot(run.id)
        if not run.snapshot:
            assert snapshot is None
            continue
        assert snapshot is not None and snapshot.restore_state() is None
        assert (snapshot.id, snapshot.status, snapshot.workflow_name) == (run.id, run.status, run.workflow)
        assert (snapshot.inputs, snapshot.last_event_seq) == (run.inputs, len(run.events))
        assert snapshot.start_time == (await store.get_event_history(run.id))[0].timestamp
        assert snapshot.error == ({"type": "Error", "message": run.error} if run.error else None)
    assert await store.get_snapshot("nobody") is None
    await store.close()


@pytest.mark.parametrize("kind", ["folder", "database"])
async def test_a_snapshot_ahead_of_the_events_is_none(originals: Path, kind: str) -> None:
    run = linear("b")
    place = write(originals, kind, [run])
    assert await open_go_store(place).get_snapshot(run.id) is not None
    if kind == "folder":
        events = place / run.id / "events.jsonl"
        events.write_text("".join(events.read_text().splitlines(keepends=True)[:-1]))
    else:
        with apsw.Connection(str(place)) as connection:
            connection.execute("DELETE FROM execution_events WHERE event_type = 'execution_completed'")
        connection.close()
    store = open_go_store(place)
    assert len(await store.get_event_history(run.id)) == len(run.events) - 1
    assert await store.get_snapshot(run.id) is None


async def test_the_buffer_s_order_is_not_the_history_s(originals: Path) -> None:
    run = disordered("a")
    place = write(originals, "folder", [run])
    lines = (place / run.id / "events.jsonl").read_text().splitlines()
    assert '"sequence":4' in lines[2] and '"sequence":3' in lines[3]
    events = await open_go_store(place).get_event_history(run.id)
    assert [event.sequence for event in events] == list(range(1, len(lines) + 1))


async def test_a_state_of_such_a_history_survives_as_json() -> None:
    run = branching("c")
    with tempfile.TemporaryDirectory() as folder:
        events = await open_go_store(write(Path(folder), "folder", [run])).get_event_history(run.id)
    state = ExecutionState(run.id)
    for event in events:
        state = reduce(state, event)
        assert state_from_json(state_to_json(state)) == state
    assert state.info.dialect == "go-c"


@pytest.mark.parametrize("kind", ["folder", "database", "crashed"])
async def test_what_is_written_meanwhile_is_seen(originals: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.go.store._LOOK_EVERY", 0.01)
    run, another = linear("b"), killed("b")
    place = write(originals, kind, [run])
    store = open_go_store(place)
    assert [summary.id for summary in await store.list_executions()] == [run.id]
    # As a generator, which it is, so that it can be closed.
    changes: Any = cast("Any", store.watch())
    async with aclosing(changes):
        news = asyncio.ensure_future(anext(changes))
        if kind == "folder":
            write(originals / "more", kind, [another])
            (originals / "more" / "executions" / another.id).rename(place / another.id)
            assert await news == {another.id}
        else:
            for old in originals.glob("executions.db*"):
                old.unlink()
            write(originals, kind, [run, another])
            assert await news == frozenset()
    assert {summary.id for summary in await store.list_executions()} == {run.id, another.id}
    await store.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_execution_that_grows_is_read_anew(originals: Path, kind: str) -> None:
    run = linear("b")
    rest = run.events[5:]
    del run.events[5:]
    store = open_go_store(write(originals, kind, [run]))
    [summary] = await store.list_executions()
    assert (summary.shown_status, summary.last_event_seq) == ("interrupted", 5)
    assert len(await store.get_event_history(run.id)) == 5
    for old in originals.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    run.events += rest
    write(originals, kind, [run])
    [summary] = await store.list_executions()
    assert (summary.status, summary.last_event_seq) == ("completed", len(run.events))
    assert len(await store.get_event_history(run.id)) == len(run.events)
    await store.close()


@pytest.mark.parametrize("kind", ["folder", "database"])
async def test_a_store_that_is_gone_says_so(originals: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.go.store._LOOK_EVERY", 0.01)
    place = write(originals, kind, [linear("a")])
    store = open_go_store(place)
    changes: Any = store.watch()
    place.rename(originals / "elsewhere")
    with pytest.raises(StoreNotFoundError):
        await anext(changes)
    with pytest.raises(StoreNotFoundError):
        await store.list_executions()
    with pytest.raises(StoreNotFoundError):
        open_go_store(place)
    await store.close()


async def test_what_is_unknown_is_nothing(stored: Stored) -> None:
    store = open_go_store(stored[0])
    assert isinstance(store, GoExecutionEventStore) and isinstance(store, ExecutionEventStore)
    assert await store.get_event_history("nobody") == [] and await store.get_summary("nobody") is None
    with pytest.raises(ValueError, match="limit"):
        await store.get_events(stored[1][0].id, 1, -1)
    with pytest.raises(ValueError, match="not an execution id"):
        await store.get_events("../elsewhere")
    with pytest.raises(ValueError, match="due"):
        await store.due(datetime.now(UTC).replace(tzinfo=None))
    assert await store.oddities() == []
    await store.close()
