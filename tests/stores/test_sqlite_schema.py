"""The tables of a database: made at once, brought up to date, and refused when they are newer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from engine.store import ForeignStoreError, StoreError
from stores.sqlite.connection import connect
from stores.sqlite.schema import APPLICATION_ID, MIGRATIONS, bring_up_to_date, is_current
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.sqlite_files import fill, opened


@pytest.fixture
def database(tmp_path: Path) -> apsw.Connection:
    path = tmp_path / "x.db"
    path.touch()
    return connect(path, writable=True)


def tables(connection: apsw.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_a_new_database(database: apsw.Connection) -> None:
    assert not is_current(database)
    bring_up_to_date(database)
    assert is_current(database)
    assert {"executions", "events", "snapshots", "messages", "owners"} <= tables(database)
    assert database.pragma("application_id") == APPLICATION_ID
    bring_up_to_date(database)


def test_steps_that_are_missing_are_made_in_order(database: apsw.Connection) -> None:
    bring_up_to_date(database)
    database.execute("INSERT INTO owners VALUES ('exec_one', 'runner_1', 'here', 5)")
    later = (*MIGRATIONS, "ALTER TABLE owners ADD COLUMN since TEXT", "UPDATE owners SET since = 'then'")
    assert not is_current(database, later)
    bring_up_to_date(database, later)
    assert database.execute("SELECT * FROM owners").fetchall() == [("exec_one", "runner_1", "here", 5, "then")]
    assert database.pragma("user_version") == len(MIGRATIONS) + 2


def test_a_step_that_fails_leaves_the_database_as_it_was(database: apsw.Connection) -> None:
    bring_up_to_date(database)
    before = tables(database)
    with pytest.raises(apsw.SQLError):
        bring_up_to_date(database, (*MIGRATIONS, "CREATE TABLE more (x)", "INSERT INTO nothing VALUES (1)"))
    assert tables(database) == before
    assert is_current(database)
    assert not database.in_transaction


async def test_a_newer_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await opened(path, create=True).close()
    with closing(connect(path, writable=True)) as connection:
        connection.pragma("user_version", len(MIGRATIONS) + 1)
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(StoreError, match="newer version of dive-tui"):
            opened(path, create=create)
    assert path.read_bytes() == before


@pytest.mark.parametrize("statement", ["CREATE TABLE t (x)", "PRAGMA application_id = 5", "PRAGMA user_version = 5"])
def test_a_database_of_something_else_is_refused(database: apsw.Connection, statement: str) -> None:
    database.execute(statement)
    with pytest.raises(ForeignStoreError, match="not a store of executions"):
        bring_up_to_date(database)


async def test_an_older_store_is_brought_up_to_date_by_opening_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    old = opened(path, create=True)
    await fill(old)
    await old.close()
    later = (*MIGRATIONS, "ALTER TABLE owners ADD COLUMN since TEXT")
    monkeypatch.setattr("stores.sqlite.schema.MIGRATIONS", later)
    monkeypatch.setattr(is_current, "__defaults__", (later,))
    monkeypatch.setattr(bring_up_to_date, "__defaults__", (later,))
    store = SQLiteExecutionEventStore(path)
    assert {summary.id for summary in await store.list_executions()} == {"exec_one", "exec_waits", "exec_ended"}
    await store.close()
    with closing(connect(path, writable=False)) as connection:
        assert "since" in [row[1] for row in connection.execute("PRAGMA table_info(owners)")]


def test_every_released_step_stays_as_it_is() -> None:
    assert len(MIGRATIONS) == 1, "a change of the tables is a step more, and its test is to be written here"
