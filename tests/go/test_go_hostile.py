"""Files that are damaged, or that somebody made to do harm: an error that names the place, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from engine.store import DamagedHistoryError, ForeignStoreError, StoreError, StoreNotFoundError
from stores.folding import is_damaged
from stores.go.detect import is_go_database, is_go_folder, open_go_store
from stores.go.store import GoExecutionEventStore
from stores.location import open_store
from tests.go.conftest import footprint, write
from tests.go.go_runs import killed, linear
from tests.go.go_stores import EVENTS_DDL, GoExecution, write_database, write_folder

Change = Callable[[list[bytes]], object]


async def damage_of(place: Path, run: GoExecution) -> DamagedHistoryError:
    """What reading it says; the list must say the same, and go on."""
    store = open_go_store(place)
    summary = await store.get_summary(run.id)
    assert summary is not None and is_damaged(summary)
    assert summary in await store.list_executions()
    with pytest.raises(DamagedHistoryError) as caught:
        await store.get_event_history(run.id)
    assert await store.get_events(run.id, 1, len(caught.value.readable)) == caught.value.readable
    await store.close()
    return caught.value


def put(line: int, content: bytes) -> Change:
    """Another line in the place of this one, from 1."""
    return lambda lines: lines.__setitem__(line - 1, content)


def swap(line: int, old: bytes, new: bytes) -> Change:
    """Something else in a line."""

    def change(lines: list[bytes]) -> None:
        assert old in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new)

    return change


SEQUENCE = b'"sequence":3'
LINES: list[tuple[str, Change, int, int, str]] = [
    ("no JSON", put(4, b'{"id": oops}\n'), 3, 4, "it is not JSON"),
    ("cut short", swap(8, b"}\n", b""), 7, 8, "its end is missing"),
    ("no object", put(1, b"[1]\n"), 0, 1, "it is not a JSON object"),
    ("not UTF-8", swap(2, b"Plan", b"\xff"), 1, 2, "it is not JSON"),
    ("NULs", put(2, b"\0" * 40 + b"\n"), 1, 2, "it is not JSON"),
    ("a lone surrogate", swap(4, b"a plan", b"\\ud800"), 3, 4, "it is not JSON"),
    ("a giant number", swap(3, SEQUENCE, b'"sequence":' + b"9" * 40), 2, 3, "its sequence is not a whole number"),
    ("a sequence of text", swap(3, SEQUENCE, b'"sequence":"3"'), 2, 3, "its sequence is not a whole number"),
    ("a negative sequence", swap(3, SEQUENCE, b'"sequence":-3'), 2, 3, "its sequence is not a whole number"),
    ("a sequence that is true", swap(3, SEQUENCE, b'"sequence":true'), 2, 3, "its sequence is not a whole number"),
    ("a type that is a list", swap(3, b'"step_started"', b"[]"), 2, 3, "its event_type is not text"),
    ("no id", put(3, b'{"execution_id":"e","sequence":3,"event_type":"t"}\n'), 2, 3, "it has no id"),
    ("nested without end", put(3, b"[" * 100_000 + b"\n"), 2, 3, "it is not JSON"),
    ("an empty line", lambda lines: lines.insert(2, b"\n"), 8, 3, "it is not JSON"),
    ("another's event", lambda lines: lines.append(lines[7].replace(b"7d44", b"7d45")), 8, 9, "another execution"),
    ("an event missing", lambda lines: lines.pop(4), 4, 5, "event 5 is missing before event 6"),
    ("an event twice", lambda lines: lines.append(lines[4]), 4, 9, "event 5 is there twice"),
]


@pytest.mark.parametrize(
    ("change", "readable", "line", "problem"), [case[1:] for case in LINES], ids=[c[0] for c in LINES]
)
async def test_a_damaged_line_is_named_and_everything_before_it_can_be_read(
    originals: Path, change: Change, readable: int, line: int, problem: str
) -> None:
    run, other = linear("a"), killed("a")
    place = write_folder(originals / "executions", [run, other])
    events = place / run.id / "events.jsonl"
    lines = events.read_bytes().splitlines(keepends=True)
    assert len(lines) == 8
    change(lines)
    events.write_bytes(b"".join(lines))
    before = footprint(originals)
    error = await damage_of(place, run)
    assert error.place == f"{events}, line {line}"
    assert problem in str(error) and error.place in str(error)
    assert len(error.readable) == readable
    assert footprint(originals) == before
    assert len(await open_go_store(place).get_event_history(other.id)) == len(other.events)


ROWS = [
    ("data that is no JSON", "data = '{oops' WHERE sequence = 4", 3, "it is not JSON"),
    ("data that is a number", "data = 5 WHERE sequence = 4", 3, "what should be JSON is a number"),
    ("text that is not UTF-8", "step_name = CAST(x'ff' AS TEXT) WHERE sequence = 3", 2, "text that is no UTF-8"),
    ("an id of bytes", "id = x'00' WHERE sequence = 3", 2, "its id is not text"),
    ("a sequence of text", "sequence = 'three' WHERE sequence = 3", 2, "its sequence is not a whole number"),
    ("a sequence with a fraction", "sequence = 3.5 WHERE sequence = 3", 2, "its sequence is not a whole number"),
    ("the largest sequence", "sequence = 9223372036854775807 WHERE sequence = 8", 7, "are missing before event 9223"),
    ("a sequence of 0", "sequence = 0 WHERE sequence = 3", 2, "its sequence is not a whole number"),
    ("a kind that is nothing", "event_type = '' WHERE sequence = 3", 2, "it has no event_type"),
    ("an event missing", "execution_id = 'x' WHERE sequence = 5", 4, "event 5 is missing before event 6"),
]


@pytest.mark.parametrize(("sql", "readable", "problem"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS])
async def test_a_damaged_row_is_named_and_everything_before_it_can_be_read(
    originals: Path, sql: str, readable: int, problem: str
) -> None:
    run = linear("b")
    place = write_database(originals / "executions.db", [run])
    connection = apsw.Connection(str(place))
    connection.execute(f"UPDATE execution_events SET {sql}")
    connection.close()
    before = footprint(originals)
    error = await damage_of(place, run)
    assert "row " in error.place and error.place.endswith("of execution_events")
    assert problem in str(error) and len(error.readable) == readable
    assert footprint(originals) == before


async def test_a_bad_time_or_a_blob_of_json_is_no_damage(originals: Path) -> None:
    run = linear("b")
    place = write_database(originals / "executions.db", [run])
    connection = apsw.Connection(str(place))
    connection.execute("UPDATE execution_events SET timestamp = 'soon' WHERE sequence = 3")
    connection.execute("UPDATE execution_events SET timestamp = 17 WHERE sequence = 4")
    connection.execute("UPDATE execution_events SET data = CAST(data AS BLOB) WHERE sequence = 4")
    connection.execute("UPDATE execution_snapshots SET inputs = 'oops'")
    connection.close()
    store = open_go_store(place)
    events = await store.get_event_history(run.id)
    assert events[2].timestamp == events[1].timestamp == events[3].timestamp
    assert events[2].extra["go"]["timestamp"] == "soon" and events[3].data["output"] == "a plan"
    assert await store.get_snapshot(run.id) is None


async def test_a_page_that_is_damaged_stops_what_it_must(originals: Path) -> None:
    """Whatever is overwritten, what comes is an answer or a sentence."""
    runs = [linear("b", number) for number in range(1, 80)]
    whole = write_database(originals / "whole.db", runs).read_bytes()
    place = originals / "executions.db"
    outcomes = set()
    for page in range(len(whole) // 4096):
        content = bytearray(whole)
        content[page * 4096 + (100 if page == 0 else 0) : page * 4096 + 2000] = b"\xa5" * (1900 if page == 0 else 2000)
        place.write_bytes(content)
        before = footprint(originals)
        try:
            store = open_go_store(place)
            for summary in await store.list_executions():
                outcomes.add("damaged" if is_damaged(summary) else "read")
            await store.oddities()
            await store.close()
        except StoreError as error:
            assert str(place) in str(error)
            outcomes.add(type(error).__name__)
        assert footprint(originals) == before
    assert {"damaged", "read", "DamagedStoreError"} <= outcomes


def make_database(path: Path, *statements: str) -> Path:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return path


COLUMNS = "id, execution_id, path_id, sequence, timestamp, event_type, step_name, data"
TRAPS = {
    "a view of its name": (
        "CREATE TABLE t(x)",
        f"CREATE VIEW execution_events AS SELECT {', '.join(f'1 AS {name}' for name in COLUMNS.split(', '))}",
    ),
    "a virtual table of its name": (f"CREATE VIRTUAL TABLE execution_events USING fts5({COLUMNS})",),
    "computed columns": (
        EVENTS_DDL.replace("data JSON", "data JSON AS (zeroblob(1000000000))"),
        "INSERT INTO execution_events(id, execution_id, sequence, timestamp, event_type) VALUES ('1', 'e', 1, '', 't')",
    ),
    "another table": ("CREATE TABLE execution_events(id, execution_id)",),
    "no table": ("CREATE TABLE something(else_)",),
    "another encoding": ("PRAGMA encoding = 'UTF-16le'", EVENTS_DDL),
}


@pytest.mark.parametrize("statements", TRAPS.values(), ids=TRAPS.keys())
def test_what_only_looks_like_its_table_is_never_asked(originals: Path, statements: tuple[str, ...]) -> None:
    place = make_database(originals / "executions.db", *statements)
    before = footprint(originals)
    assert not is_go_database(place)
    with pytest.raises(ForeignStoreError, match=r"executions\.db"):
        open_go_store(place)
    assert footprint(originals) == before


async def test_a_view_that_calls_itself_a_table_is_not_executed(originals: Path) -> None:
    place = write_database(originals / "executions.db", [linear("b")])
    columns = ", ".join(f"randomblob(1) AS {name}" for name in COLUMNS.split(", "))
    connection = apsw.Connection(str(place))
    connection.pragma("writable_schema", 1)
    connection.execute(
        "UPDATE sqlite_schema SET sql = ? WHERE name = 'execution_events'",
        (f"CREATE VIEW execution_events AS SELECT {columns}",),
    )
    connection.close()
    before = footprint(originals)
    with pytest.raises(StoreError):
        open_go_store(place)
    assert not is_go_database(place)
    assert footprint(originals) == before


async def test_triggers_and_odd_tables_beside_it_do_not_matter(originals: Path) -> None:
    run = linear("b")
    place = write_database(originals / "executions.db", [run])
    make_database(
        place,
        "CREATE TRIGGER boo AFTER INSERT ON execution_events BEGIN DELETE FROM execution_events; END",
        "CREATE VIEW other AS SELECT load_extension('nothing')",
        "CREATE TABLE [sqlite weird](x)",
    )
    assert len(await open_go_store(place).get_event_history(run.id)) == len(run.events)


def test_an_unfinished_transaction_is_not_rolled_back_by_us(originals: Path) -> None:
    place = write_database(originals / "executions.db", [linear("b")])
    journal = originals / "executions.db-journal"
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 1000)
    before = footprint(originals)
    with pytest.raises(StoreError, match="journal of an unfinished transaction"):
        open_go_store(place)
    assert footprint(originals) == before


async def test_a_log_that_is_none_is_passed_over(originals: Path) -> None:
    run = linear("b")
    place = write_database(originals / "executions.db", [run])
    (originals / "executions.db-wal").write_bytes(b"garbage" * 1000)
    before = footprint(originals)
    assert len(await open_go_store(place).get_event_history(run.id)) == len(run.events)
    assert footprint(originals) == before


async def test_an_empty_log_needs_no_copy(originals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = linear("b")
    place = write_database(originals / "executions.db", [run])
    (originals / "executions.db-wal").touch()
    monkeypatch.setattr("tempfile.mkdtemp", None)
    assert len(await open_go_store(place).get_event_history(run.id)) == len(run.events)


async def test_a_name_with_signs_of_an_address_is_only_a_name(originals: Path) -> None:
    run = linear("b")
    place = write_database(originals / "a?mode=rwc&x=%41#b.db", [run])
    before = footprint(originals)
    assert is_go_database(place)
    assert len(await open_go_store(place).get_event_history(run.id)) == len(run.events)
    assert footprint(originals) == before


async def test_ids_that_could_lead_elsewhere_touch_no_path(originals: Path) -> None:
    run = linear("b")
    folder = write(originals, "folder", [run])
    bad = folder / "..bad..name"
    bad.mkdir()
    (bad / "events.jsonl").write_text("{}\n")
    (folder / "lonely").mkdir()
    (folder / "lonely" / "snapshot.json").write_text("{}")
    store = open_go_store(folder)
    assert [summary.id for summary in await store.list_executions()] == [run.id]
    assert {odd.name: odd.problem for odd in await store.oddities()} == {
        "..bad..name": "its name cannot be an execution id",
        "lonely": "it has a snapshot and no events",
    }
    database = write_database(originals / "executions.db", [run])
    insert = "INSERT INTO execution_events(id, execution_id, sequence, timestamp, event_type) VALUES (?, ?, 1, '', 't')"
    with apsw.Connection(str(database)) as connection:
        for number, execution_id in enumerate(("../../etc", "", b"\xff", 7)):
            connection.execute(insert, (f"x{number}", execution_id))
        connection.execute(insert.replace("?, ?", "'y', CAST(x'ff' AS TEXT)"))
        connection.execute("UPDATE execution_snapshots SET execution_id = 'gone'")
    connection.close()
    store = open_go_store(database)
    assert [summary.id for summary in await store.list_executions()] == [run.id, "7"]
    assert sorted(odd.name for odd in await store.oddities()) == ["", "../../etc", "b'\\xff'", "b'\\xff'", "gone"]
    await store.close()


async def test_links_and_pipes_are_not_followed(originals: Path, tmp_path: Path) -> None:
    run, other = linear("a"), linear("a", 2)
    outside = write_folder(tmp_path / "outside", [other])
    folder = write_folder(originals / "executions", [run])
    (folder / "linked").symlink_to(outside / other.id)
    (folder / other.id).mkdir()
    (folder / other.id / "events.jsonl").symlink_to(outside / other.id / "events.jsonl")
    (folder / "piped").mkdir()
    os.mkfifo(folder / "piped" / "events.jsonl")
    store = open_go_store(folder)
    assert [summary.id for summary in await store.list_executions()] == [run.id]
    with pytest.raises(StoreError):
        await store.get_event_history("piped")
    with pytest.raises(StoreError):
        await store.get_event_history(other.id)


async def test_a_snapshot_of_anything_is_none_or_one(originals: Path) -> None:
    run = linear("a")
    folder = write_folder(originals / "executions", [run])
    snapshot = folder / run.id / "snapshot.json"
    for content in (b"", b"[]", b"null", b"{", b"\xff", b'{"last_event_seq": "8"}', b'{"last_event_seq": 99}'):
        snapshot.write_bytes(content)
        assert await open_go_store(folder).get_snapshot(run.id) is None
    snapshot.write_bytes(b'{"last_event_seq": 8, "status": [], "inputs": 3, "start_time": {}, "error": 4}')
    found = await open_go_store(folder).get_snapshot(run.id)
    assert found is not None and (found.status, found.inputs, found.error) == ("", {}, None)


def test_what_is_not_theirs_is_not_taken_for_it(tmp_path: Path) -> None:
    assert not is_go_folder(tmp_path) and not is_go_folder(tmp_path / "nothing")
    assert not is_go_database(tmp_path) and not is_go_database(tmp_path / "nothing")
    theirs = write_folder(tmp_path / "theirs", [linear("a")])
    assert is_go_folder(theirs)
    (theirs / "changes").touch()
    assert not is_go_folder(theirs)
    text = tmp_path / "text.db"
    text.write_text("hello")
    assert not is_go_database(text)
    with pytest.raises(ForeignStoreError):
        open_go_store(text)
    with pytest.raises(StoreNotFoundError):
        open_go_store(tmp_path / "nothing")
    with_our_mark = write_database(tmp_path / "marked.db", [linear("b")])
    make_database(with_our_mark, "PRAGMA application_id = 1")
    assert not is_go_database(with_our_mark)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ('{"id":"event_1","execution_id":"e","sequence":1,"event_type":"execution_started",'
         '"timestamp":"2026-01-01T00:00:00.000000Z","data":{"workflow":{}}}', False),
        ('{"id":"event_1","execution_id":"e","sequence":1,"event_type":"t","crc":"00000000.0"}', False),
        ('{"id":"00ff00ff00ff00ff","execution_id":"e","sequence":1,"event_type":"t","crc":"00000000.0"}', False),
        ('{"id":"00ff00ff00ff00ff","execution_id":"e","sequence":1,"event_type":"t"}', True),
        ('{"id":"event_1","execution_id":"e","sequence":1,"event_type":"t","timestamp":"2025-06-13T09:30:00Z"}', True),
        ('{"id":"event_1","execution_id":"e","sequence":1,"event_type":"execution_started",'
         '"timestamp":"2026-01-01T00:00:00.000000Z","data":{}}', True),
        ('{"id":"event_1"}', False),
        ("[]", False),
        ("{", False),
    ],
)  # fmt: skip
def test_a_first_line_tells_theirs_from_ours(tmp_path: Path, line: str, verdict: bool) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "events.jsonl").write_text(line + "\n")
    assert is_go_folder(tmp_path) is verdict


async def test_it_is_opened_wherever_it_lies_and_whatever_is_said_of_it(tmp_path: Path) -> None:
    run = linear("b")
    folder = write_folder(tmp_path / "folder", [run])
    file = write_database(tmp_path / "executions.db", [run])
    (tmp_path / "holder").mkdir()
    inside = write_database(tmp_path / "holder" / "store.db", [run])
    before = footprint(tmp_path)
    for location, place in (
        (f"{folder}", folder),
        (f"file:{folder}", folder),
        (f"{file}", file),
        (f"sqlite:{file}", file),
        (f"{inside.parent}", inside),
        (f"{inside}", inside),
    ):
        for create in (False, True):
            store = open_store(location, create=create)
            assert isinstance(store, GoExecutionEventStore) and store.place == place
            assert [summary.id for summary in await store.list_executions()] == [run.id]
            await store.close()
    assert footprint(tmp_path) == before


async def test_a_store_of_ours_is_not_taken_for_theirs(tmp_path: Path) -> None:
    run = linear("b")
    theirs = open_go_store(write_folder(tmp_path / "theirs", [run]))
    events = await theirs.get_event_history(run.id)
    for location in (f"file:{tmp_path / 'ours'}", f"sqlite:{tmp_path / 'ours.db'}"):
        ours = open_store(location, create=True)
        await ours.append_events(events)
        again = open_store(location)
        assert not isinstance(again, GoExecutionEventStore)
        assert await again.get_event_history(run.id) == events
        await again.close()
        await ours.close()
        assert not isinstance(open_store(location), GoExecutionEventStore)
    (tmp_path / "ours" / "changes").unlink()
    assert not is_go_folder(tmp_path / "ours")
