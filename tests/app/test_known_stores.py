"""Which stores are offered, and what is told of each from outside, with nothing changed by looking."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import apsw
import pytest

from benchmarks.histories import synthetic_history
from dive_tui.app import known_stores
from dive_tui.app.known_stores import (
    GO,
    NOT_WRITABLE,
    StoreFacts,
    candidates,
    kind_of,
    look_at,
    path_of,
    short_place,
    store_option,
    why_read_only,
)
from engine.model.snapshot import ExecutionFilter
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore


async def files(place: Path, executions: int) -> None:
    store = FileExecutionEventStore(place, create=True)
    for number in range(executions):
        await store.append_events(list(synthetic_history(4, f"exec_{number}")))
    await store.close()


async def database(place: Path, executions: int) -> None:
    store = SQLiteExecutionEventStore(place, create=True, offload=False)
    for number in range(executions):
        await store.append_events(list(synthetic_history(4, f"exec_{number}")))
    await store.close()


def go_database(place: Path, executions: int) -> None:
    connection = apsw.Connection(str(place))
    connection.execute("CREATE TABLE execution_events (id TEXT PRIMARY KEY, execution_id TEXT, sequence INTEGER)")
    for number in range(executions):
        for sequence in (1, 2):
            row = (f"event_{number}_{sequence}", f"exec_{number}", sequence)
            connection.execute("INSERT INTO execution_events VALUES (?, ?, ?)", row)
    connection.close()


def go_folder(place: Path) -> None:
    (place / "exec_a").mkdir(parents=True)
    (place / "exec_a" / "events.jsonl").write_text(
        '{"id":"event_1","execution_id":"exec_a","path_id":"","sequence":1,'
        '"timestamp":"2025-08-01T10:00:00Z","event_type":"execution_started"}\n'
    )


def everything(folder: Path) -> list[tuple[str, int, bytes]]:
    return sorted(
        (str(path.relative_to(folder)), path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    )


async def test_each_kind_is_told_and_counted_and_nothing_is_changed(tmp_path: Path) -> None:
    await files(tmp_path / "files", 3)
    await database(tmp_path / "folder" / "store.db", 2)
    await database(tmp_path / "alone.db", 4)
    go_database(tmp_path / "go.db", 5)
    go_folder(tmp_path / "go")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thing").write_text("")
    apsw.Connection(str(tmp_path / "foreign.db")).execute("CREATE TABLE t (x)")
    before = everything(tmp_path)
    for name, facts in {
        "files": StoreFacts("file", False, 3),
        "folder": StoreFacts("sqlite", False, 2),
        "alone.db": StoreFacts("sqlite", False, 4),
        "go.db": StoreFacts(GO, True, 5),
        "go": StoreFacts(GO, True, 1),
        "notes.txt": StoreFacts(problem="a file, not a store of executions"),
        "empty": StoreFacts(problem="nothing there yet"),
        "other": StoreFacts(problem="no store of executions"),
        "foreign.db": StoreFacts(problem="a database, but not a store of executions"),
        "nowhere": StoreFacts(problem="nothing there yet"),
        "notes.txt/below": StoreFacts(problem="nothing there yet"),
    }.items():
        assert look_at(str(tmp_path / name)) == facts, name
    assert look_at(f"sqlite:{tmp_path / 'alone.db'}").executions == 4
    assert look_at("/bad\0path").problem
    assert everything(tmp_path) == before


async def test_a_database_that_is_open_is_counted_as_it_is_now(tmp_path: Path) -> None:
    store = SQLiteExecutionEventStore(tmp_path / "store.db", create=True, offload=False)
    await store.append_events(list(synthetic_history(4, "exec_one")))
    assert look_at(str(tmp_path)).executions == 1
    await store.append_events(list(synthetic_history(4, "exec_two")))
    assert look_at(str(tmp_path)).executions == 2
    assert len(await store.list_executions(ExecutionFilter())) == 2
    await store.close()


async def test_a_damaged_database_is_told_not_raised(tmp_path: Path) -> None:
    await database(tmp_path / "store.db", 2)
    content = bytearray((tmp_path / "store.db").read_bytes())
    content[100:4096] = b"\xff" * 3996
    (tmp_path / "store.db").write_bytes(content)
    facts = look_at(str(tmp_path))
    assert facts.kind == "sqlite"
    assert facts.problem


async def test_counting_stops_at_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await files(tmp_path / "files", 3)
    await database(tmp_path / "folder" / "store.db", 3)
    monkeypatch.setattr(known_stores, "MOST_COUNTED", 2)
    assert look_at(str(tmp_path / "files")) == StoreFacts("file", False, 2, more=True)
    assert look_at(str(tmp_path / "folder")) == StoreFacts("sqlite", False, 2, more=True)
    facts = look_at(str(tmp_path / "files"), patience=-1.0)
    assert facts.more
    assert facts.executions == 1


async def test_the_kind_of_an_open_store(tmp_path: Path) -> None:
    memory = MemoryExecutionEventStore()
    database_store = SQLiteExecutionEventStore(tmp_path / "store.db", create=True)
    file_store = FileExecutionEventStore(tmp_path / "files", create=True)
    assert [kind_of(store) for store in (memory, database_store, file_store)] == ["memory", "sqlite", "file"]
    assert not why_read_only(database_store)

    class OfSomebody(MemoryExecutionEventStore):
        read_only = True

    assert kind_of(OfSomebody()) == ""
    assert why_read_only(OfSomebody())
    await database_store.close()
    await file_store.close()


async def test_what_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    here = project / "team"
    for place in (project / ".dive", here / "a" / ".dive", here / "node_modules" / ".dive", here / "b/c/d/.dive"):
        place.mkdir(parents=True)
    (tmp_path / "lately").mkdir()
    (project / "dive.toml").write_text('store = "main.db"\n')
    found = candidates(str(tmp_path / "now"), here, {}, [str(tmp_path / "lately"), str(tmp_path / "gone")])
    assert [(path_of(one.location).relative_to(tmp_path).as_posix(), one.why) for one in found] == [
        ("now", "open now"),
        ("project/main.db", "this project's"),
        ("project/.dive", "found above"),
        ("project/team/a/.dive", "found below"),
        ("lately", "opened lately"),
    ]
    (project / "dive.toml").write_text("store = 1\n")
    again = candidates(str(here / "a" / ".dive"), here, {}, [str(here / "a/../a/.dive")])
    assert [one.why for one in again] == ["open now", "found above"]
    (tmp_path / "link").symlink_to(project / ".dive")
    assert len(candidates(str(tmp_path / "link"), here, {}, [])) == 2


def test_the_search_below_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}" / ".dive").mkdir(parents=True)
    monkeypatch.setattr(known_stores, "_FOLDERS_LOOKED_AT", 5)
    assert len(candidates(str(tmp_path / "now"), tmp_path, {}, [])) == 5


def test_places_are_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/jo")
    assert short_place(os.path.join(str(tmp_path), "a", ".dive")) == "a/.dive"
    assert short_place("sqlite:/home/jo/x.db") == "~/x.db"
    assert short_place("/elsewhere/.dive") == "/elsewhere/.dive"


async def test_what_may_not_be_written_can_only_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database_store = SQLiteExecutionEventStore(tmp_path / "base" / "store.db", create=True)
    file_store = FileExecutionEventStore(tmp_path / "files", create=True)
    await file_store.append_events(list(synthetic_history(4, "exec_a")))
    for forbidden in (tmp_path / "base", tmp_path / "base" / "store.db", tmp_path / "files"):
        monkeypatch.setattr(known_stores.os, "access", lambda path, _, forbidden=forbidden: Path(path) != forbidden)
        found = [bool(why_read_only(store)) for store in (database_store, file_store)]
        assert found == [forbidden != tmp_path / "files", forbidden == tmp_path / "files"]
    assert look_at(str(tmp_path / "files")) == StoreFacts("file", True, 1)
    assert why_read_only(file_store) == NOT_WRITABLE
    shutil.rmtree(tmp_path / "files")
    assert not why_read_only(file_store), "it is gone, which is another trouble"
    await database_store.close()
    await file_store.close()


def test_commands_name_the_store_unless_they_would_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "project"
    (here / ".dive").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.delenv("DIVE_STORE", raising=False)
    assert store_option(None) == ""
    assert store_option(str(here / ".dive")) == ""
    assert store_option(str(here / "team" / ".." / ".dive")) == ""
    assert store_option(str(here / "a b.db")) == " --store 'a b.db'"
    assert store_option(f"sqlite:{here / 'b.db'}") == " --store sqlite:b.db"
    assert store_option(str(tmp_path / "other")) == f" --store {tmp_path / 'other'}"
    monkeypatch.setenv("DIVE_STORE", str(tmp_path / "other"))
    assert store_option(str(tmp_path / "other")) == ""
