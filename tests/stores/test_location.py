"""Which store is meant, and what is found there."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from engine.store import ForeignStoreError, StoreError, StoreNotFoundError
from stores.file.store import FileExecutionEventStore
from stores.location import Location, open_store, resolve_location
from stores.memory import MemoryExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.histories import batches, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder to stand in, two levels below a folder that can hold configuration."""
    (tmp_path / "project" / "src" / "deep").mkdir(parents=True)
    return tmp_path / "project"


def where(cwd: Path, option: str | None = None, **environ: str) -> Location:
    return resolve_location(option, environ, cwd)


def test_the_option_comes_first(project: Path) -> None:
    (project / ".dive").mkdir()
    (project / "dive.toml").write_text('store = "configured"')
    assert where(project, "given", DIVE_STORE="other") == (str(project / "given"), "--store")
    assert where(project, "/else/where") == ("/else/where", "--store")
    assert where(project, "file:given") == (f"file:{project / 'given'}", "--store")
    assert where(project, "sqlite:given.db") == (f"sqlite:{project / 'given.db'}", "--store")
    assert where(project, "~/given").text == str(Path.home() / "given")


def test_then_the_environment(project: Path) -> None:
    (project / "dive.toml").write_text('store = "configured"')
    assert where(project, DIVE_STORE="file:other") == (f"file:{project / 'other'}", "DIVE_STORE")
    assert where(project, DIVE_STORE="").chosen_by == str(project / "dive.toml"), "empty is as good as unset"


@pytest.mark.parametrize(
    ("name", "content"),
    [("dive.toml", 'store = "../runs"'), ("pyproject.toml", '[tool.dive]\nstore = "../runs"\nactions = []')],
)
def test_then_the_nearest_configuration_relative_to_itself(project: Path, name: str, content: str) -> None:
    config = project / "src" / name
    config.write_text(content)
    (project / "src" / "deep" / ".dive").mkdir()
    (project / "src" / "deep" / "pyproject.toml").write_text("[project]\nname = 'no store here'")
    (project / "dive.toml").write_text('store = "further"')
    found = where(project / "src" / "deep")
    assert found.chosen_by == str(config)
    assert Path(found.text).resolve() == project / "runs"


def test_then_the_nearest_dive_folder(project: Path) -> None:
    (project / ".dive").mkdir()
    (project / "src" / "pyproject.toml").write_text("")
    (project / "src" / "deep" / ".dive").write_text("a file of this name is not it")
    assert where(project / "src" / "deep") == (str(project / ".dive"), "default")
    (project / "src" / ".dive").mkdir()
    assert where(project / "src" / "deep") == (str(project / "src" / ".dive"), "default")


def test_else_beside_the_nearest_configuration_or_here(project: Path) -> None:
    assert where(project / "src" / "deep") == (str(project / "src" / "deep" / ".dive"), "default")
    (project / "pyproject.toml").write_text("[tool.dive]\nactions = ['a']\n[tool.other]\nstore = 'no'")
    assert where(project / "src" / "deep") == (str(project / ".dive"), "default")
    (project / "src" / "dive.toml").write_text("")
    assert where(project / "src" / "deep") == (str(project / "src" / ".dive"), "default")


@pytest.mark.parametrize(
    "content", ["store = ", "store = 5", "store = ['a']", 'store = ""', 'store = "memory:"', "\udcff"]
)
def test_a_configuration_that_makes_no_sense_is_named(project: Path, content: str) -> None:
    config = project / "dive.toml"
    config.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(StoreError, match=str(config)):
        where(project)


def test_a_tool_table_that_is_none_is_no_configuration(project: Path) -> None:
    (project / "pyproject.toml").write_text("tool = 5")
    (project / "src" / "pyproject.toml").write_text("[tool]\ndive = 5")
    assert where(project / "src").chosen_by == "default"


@pytest.mark.parametrize("option", ["memory:", "", "file:", "sqlite:"])
def test_an_option_that_names_no_place(project: Path, option: str) -> None:
    with pytest.raises(StoreError, match="--store"):
        where(project, option)


async def test_memory() -> None:
    store = open_store("memory:")
    assert isinstance(store, MemoryExecutionEventStore)
    with pytest.raises(ForeignStoreError, match="no path"):
        open_store("memory:x")


@pytest.mark.parametrize(
    ("given", "asked", "kind"),
    [
        ("{}/store", "{}/store", SQLiteExecutionEventStore),
        ("sqlite:{}/store", "{}/store/store.db", SQLiteExecutionEventStore),
        ("{}/folder/runs.db", "{}/folder/runs.db", SQLiteExecutionEventStore),
        ("sqlite:{}/runs.sqlite3", "sqlite:{}/runs.sqlite3", SQLiteExecutionEventStore),
        ("file:{}/store", "{}/store", FileExecutionEventStore),
        ("file:{}/store.db", "file:{}/store.db", FileExecutionEventStore),
    ],
)
async def test_the_kind_is_seen_again(tmp_path: Path, given: str, asked: str, kind: type[object]) -> None:
    location = given.format(tmp_path)
    with pytest.raises(StoreNotFoundError, match="dive-tui run"):
        open_store(location)
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"
    made = open_store(location, create=True)
    await made.append_events(batches()[0])
    await made.close()
    again = open_store(asked.format(tmp_path))
    assert isinstance(again, kind)
    assert [summary.id for summary in await again.list_executions()] == ["exec_one"]
    await again.close()


@pytest.mark.parametrize("create", [False, True])
def test_a_database_of_something_else(tmp_path: Path, create: bool) -> None:
    database = tmp_path / "runs.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("create table t (x)")
    connection.close()
    before = database.read_bytes()
    with pytest.raises(ForeignStoreError, match="not a store of executions"):
        open_store(database, create=create)
    assert database.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["runs.sqlite"]


async def test_a_database_that_nothing_is_in_yet(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"")
    with pytest.raises(StoreNotFoundError):
        open_store(tmp_path)
    await open_store(tmp_path, create=True).close()
    await open_store(tmp_path).close()


async def test_a_folder_is_made_for_a_store_alone_and_private(tmp_path: Path) -> None:
    await open_store(tmp_path / "a" / "store", create=True).close()
    made = tmp_path / "a" / "store"
    assert (made / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE((made / "store.db").stat().st_mode) == 0o600
    (tmp_path / "mine").write_text("")
    await open_store(tmp_path / "runs.db", create=True).close()
    assert not (tmp_path / ".gitignore").exists(), "a folder of other things is nobody's to ignore"


def test_two_kinds_in_one_folder_must_be_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "store", batches())
    (tmp_path / "store" / "store.db").write_bytes(b"")
    with pytest.raises(ForeignStoreError, match="two stores"):
        open_store(tmp_path / "store")
    open_store(f"file:{tmp_path / 'store'}")


@pytest.mark.parametrize("create", [False, True])
def test_what_is_no_store(tmp_path: Path, create: bool) -> None:
    (tmp_path / "notes").write_text("SQLite format 2")
    (tmp_path / "empty").write_bytes(b"")
    for place in (tmp_path / "notes", tmp_path / "empty"):
        with pytest.raises(ForeignStoreError, match="is a file, not a store"):
            open_store(place, create=create)
    with pytest.raises(ForeignStoreError, match="is a file, not a store"):
        open_store(f"sqlite:{tmp_path / 'notes'}", create=create)
    with pytest.raises(ForeignStoreError, match="other things"):
        open_store(tmp_path, create=create)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "notes"]


def test_what_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        open_store(str(tmp_path / ("x" * 300)))
    with pytest.raises(StoreError):
        open_store(str(tmp_path / "a\0b"))
    with pytest.raises(StoreError, match="home"):
        open_store("~nobody-of-this-name/store")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StoreError):
        open_store(tmp_path / "loop" / "store")
