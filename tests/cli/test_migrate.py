"""`migrate`: stores of the Go system, looked at as they are and translated into ours."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal
from engine.replay.history import History
from stores.folding import is_damaged
from stores.go.detect import open_go_store
from stores.go.migrating import Migration
from stores.location import open_store
from stores.verifying import verify
from tests.cli.shop import Caller, Shop
from tests.go.conftest import KINDS, footprint, originals, write
from tests.go.go_runs import RUNS, branching, failing, killed, linear
from tests.go.go_stores import DIALECTS, GoExecution, write_folder

__all__ = ["originals"]  # a fixture


async def histories(location: str, runs: list[GoExecution]) -> list[list[ExecutionEvent]]:
    """What a store of ours holds of these."""
    store = open_store(location)
    try:
        return [await store.get_event_history(run.id) for run in runs]
    finally:
        await store.close()


async def unread(location: str, run: GoExecution) -> list[ExecutionSignal]:
    """The messages that wait for it."""
    store = open_store(location)
    try:
        return await store.get_signals(run.id)
    finally:
        await store.close()


async def translations(place: Path, runs: list[GoExecution]) -> list[list[ExecutionEvent]]:
    """What it should hold."""
    store = open_go_store(place)
    try:
        return [await store.get_event_history(run.id) for run in runs]
    finally:
        await store.close()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_there_afterwards_as_it_was_translated(
    originals: Path, shop: Shop, call: Caller, kind: str, dialect: str
) -> None:
    runs = [make(dialect) for make in RUNS]
    place = write(originals, kind, runs)
    before = footprint(originals)
    done = call("migrate", str(place), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["findings"] == [] and done.json["target"] == str(shop.store)
    assert sorted(entry["id"] for entry in done.json["executions"]) == sorted(run.id for run in runs)
    assert {entry["outcome"] for entry in done.json["executions"]} == {"copied"}
    found = asyncio.run(histories(str(shop.store), runs))
    assert found == asyncio.run(translations(place, runs))
    assert [len(events) for events in found] == [len(run.events) for run in runs]
    assert all(History(run.id, events).problem is None for run, events in zip(runs, found, strict=True))
    assert footprint(originals) == before
    again = call("migrate", str(place), "--json")
    assert again.code == 0
    assert {(entry["outcome"], entry["events"]) for entry in again.json["executions"]} == {("unchanged", 0)}
    assert footprint(originals) == before


def test_what_is_told(originals: Path, shop: Shop, call: Caller) -> None:
    place = write(originals, "database", [linear("b"), failing("b")])
    done = call("migrate", str(place), "elsewhere")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].startswith(f"Migrated 2 executions to {shop.folder / 'elsewhere'}  ")
    assert "22 events" in done.out and "dive-tui list --store elsewhere" in done.out
    assert "2 there already" in call("migrate", str(place), "--store", "elsewhere").out
    listed = call("list", "--store", "elsewhere", "--json").json
    assert [summary["status"] for summary in listed] == ["failed", "completed"]


def test_a_migration_that_was_stopped_is_completed(originals: Path, shop: Shop, call: Caller) -> None:
    run = branching("c")
    place = write(originals, "folder", [run])
    events = asyncio.run(translations(place, [run]))[0]

    async def begin() -> None:
        store = open_store(shop.store, create=True)
        await store.append_events(events[:5])
        await store.close()

    asyncio.run(begin())
    done = call("migrate", str(place), "--json")
    assert done.code == 0
    assert done.json["executions"] == [{"id": run.id, "outcome": "continued", "events": len(events) - 5, "problem": ""}]
    assert asyncio.run(histories(str(shop.store), [run])) == [events]


def test_what_is_another_history_there_is_left_and_told(originals: Path, shop: Shop, call: Caller) -> None:
    first, other = linear("b"), killed("b")
    place = write(originals, "database", [first, other])
    assert call("migrate", str(place)).code == 0
    first.events[3].data["output"] = "another plan"
    (originals / "changed").mkdir()
    changed = write(originals / "changed", "database", [first, other])
    before = footprint(shop.store)
    done = call("migrate", str(changed), "--json")
    assert done.code == 1
    [finding] = done.json["findings"]
    assert finding == {"execution_id": first.id, "problem": "event 4 is another one there"}
    told = call("migrate", str(changed))
    assert told.code == 1 and f"…{first.id[-5:]}  event 4 is another one there" in told.out
    after = footprint(shop.store)
    unlocked = {
        path for path in before if "owner" not in path and not path.endswith("changes") and path != str(shop.store)
    }
    assert {path: before[path][-1] for path in unlocked} == {path: after[path][-1] for path in unlocked}


def test_what_cannot_be_read_is_told_and_all_else_is_migrated(originals: Path, shop: Shop, call: Caller) -> None:
    good, bad = linear("a"), linear("a", 2)
    place = write_folder(originals / "executions", [good, bad])
    events = place / bad.id / "events.jsonl"
    lines = events.read_bytes().splitlines(keepends=True)
    events.write_bytes(b"".join([*lines[:4], b"garbage\n", *lines[5:]]))
    (place / "lonely").mkdir()
    (place / "lonely" / "snapshot.json").write_text("{}")
    done = call("migrate", str(place), "--json")
    assert done.code == 1
    problems = {finding["execution_id"]: finding["problem"] for finding in done.json["findings"]}
    assert problems.keys() == {bad.id, "lonely"}
    assert f"{events}, line 5: it is not JSON" in problems[bad.id]
    outcomes = {entry["id"]: entry["outcome"] for entry in done.json["executions"]}
    assert outcomes == {good.id: "copied", bad.id: "unreadable"}


def test_what_makes_no_sense_is_migrated_and_told(originals: Path, shop: Shop, call: Caller) -> None:
    run = branching("c")
    branch = next(event for event in run.events if event.event_type == "path_branched")
    branch.data = {"new_paths": [{"current_step": "Left"}]}
    place = write_folder(originals / "executions", [run])
    done = call("migrate", str(place), "--json")
    assert done.code == 1
    assert f"event {branch.sequence} (path_branched)" in done.json["findings"][0]["problem"]


@pytest.mark.parametrize(
    ("source", "target", "code", "sentence"),
    [
        ("nothing", None, 4, "there is nothing at nothing"),
        ("order.yaml", None, 2, "is no store of the Go system Dive"),
        (".", None, 2, "is no store of the Go system Dive"),
        ("go", "go", 2, "are the same place"),
        ("go", "go/inside", 2, "one is inside the other"),
        ("go", "go2", 2, "is a store of the Go system Dive itself"),
        ("go", "memory:", 4, "in-memory store"),
        ("go.db/executions.db", "go.db", 2, "one is inside the other"),
        ("go.db/executions.db", "go.db/executions.db", 2, "are the same place"),
        ("", None, 2, "SRC: the path of the store is empty"),
    ],
)
def test_where_it_cannot_go(
    shop: Shop, call: Caller, source: str, target: str | None, code: int, sentence: str
) -> None:
    write_folder(shop.folder / "go", [linear("a")])
    write_folder(shop.folder / "go2", [linear("a")])
    (shop.folder / "go.db").mkdir()
    write(shop.folder / "go.db", "database", [linear("b")])
    before = footprint(shop.folder)
    done = call("migrate", source, *([target] if target else []))
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err and len(done.err.splitlines()) == 1
    assert footprint(shop.folder) == before


def test_two_targets_are_one_too_many(shop: Shop, call: Caller) -> None:
    write_folder(shop.folder / "go", [linear("a")])
    done = call("migrate", "go", "one", "--store", "two")
    assert done.code == 2 and "give one" in done.err


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_as_it_is_can_be_looked_at_by_every_command(
    originals: Path, shop: Shop, call: Caller, kind: str
) -> None:
    run = failing("d")
    place = str(write(originals, kind, [run, killed("d")]))
    before = footprint(originals)
    listed = call("list", "--store", place, "--json")
    assert [summary["status"] for summary in listed.json] == ["running", "failed"] and listed.code == 0
    shown = call("show", run.id, "--store", place)
    assert shown.code == 0 and "card declined" in shown.out and "Left" in shown.out
    events = call("events", run.id, "--store", place, "--json").out.splitlines()
    assert [json.loads(line)["event_type"] for line in events] == [event.event_type for event in run.events]
    replayed = call("replay", run.id, "--to", "7", "--store", place, "--json")
    assert replayed.code == 0 and replayed.json["script_globals"] == {"plan": "p"}
    for to in range(1, len(run.events) + 1):
        assert call("replay", run.id, "--to", str(to), "--store", place).code == 0
    interrupted = call("show", killed("d").id, "--store", place)
    assert "INTERRUPTED" in interrupted.out and "recover" not in interrupted.out
    for refused in (["cancel", killed("d").id], ["recover", killed("d").id]):
        done = call(*refused, "--store", place)
        assert done.code in (2, 4) and ("never changed" in done.err or "Go system" in done.err)
    assert call("work", "--once", "--store", place).out == "Nothing was due.\n"
    kept = call("delete", killed("d").id, "--store", place)
    assert kept.code == 4 and "is never changed" in kept.err and kept.err.count("\n") == 1
    assert footprint(originals) == before


def test_a_migrated_execution_that_never_ended_does_not_go_on(originals: Path, shop: Shop, call: Caller) -> None:
    run = killed("b")
    assert call("migrate", str(write(originals, "folder", [run]))).code == 0
    [summary] = call("list", "--json").json
    assert (summary["status"], summary["live"]) == ("running", False)
    refused = call("recover", run.id)
    assert refused.code == 2
    assert "recorded by the Go system Dive, without its definition" in refused.err and "--workflow" not in refused.err
    assert "recover" not in call("show", run.id).out
    for message in (["cancel"], ["pause"], ["wake"], ["signal"]):
        done = call(*message, run.id, *(["approve"] if message == ["signal"] else []))
        assert done.code == 2 and done.err.startswith(f"execution {run.id} was recorded by the Go system Dive")
    assert asyncio.run(unread(str(shop.store), run)) == []
    assert call("work", "--once").out == "Nothing was due.\n"
    assert len(call("events", run.id, "--json").out.splitlines()) == len(run.events)
    kept = call("delete", run.id, "--yes")
    assert kept.code == 2
    assert "neither go on nor be cancelled: delete it as it is with --force" in kept.err and "cancel it" not in kept.err
    assert call("delete", run.id, "--yes", "--force").code == 0


async def test_what_was_migrated_is_sound(originals: Path, tmp_path: Path) -> None:
    runs = [make("a") for make in RUNS]
    migration = Migration(write(originals, "database", runs))
    store = open_store(tmp_path / "target", create=True)
    copied = [result async for result in migration.run(store)]
    assert len(copied) == len(runs) and migration.problems == []
    assert await verify(store) == []
    for summary in await store.list_executions():
        assert not is_damaged(summary)
        snapshot = await store.get_snapshot(summary.id)
        assert snapshot is not None and snapshot.restore_state() is not None
    await migration.close()
    await store.close()
