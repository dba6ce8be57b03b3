"""Damage in a database: found, named with its place, and mended without losing what can be read."""

from __future__ import annotations

import errno
import stat
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from engine.model.events import ExecutionEvent
from engine.store import DamagedHistoryError, DamagedInboxError, DamagedStoreError, OwnedError, StoreError
from engine.testing.conformance_events import HistoryMaker, SignalMaker
from stores.files import BusyError
from stores.sqlite.schema import position
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.sqlite_files import fill, opened

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


async def filled(path: Path) -> SQLiteExecutionEventStore:
    store = opened(path, create=True)
    await fill(store)
    await store.release_owner("exec_one", "runner_1")
    return store


def change(path: Path, statement: str, *bindings: object) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(statement, bindings)


def number_of(path: Path, execution_id: str) -> int:
    with closing(apsw.Connection(str(path))) as connection:
        return sum(n for (n,) in connection.execute("SELECT number FROM executions WHERE id = ?", (execution_id,)))


def line_of(path: Path, execution_id: str, sequence: int) -> bytes:
    at = position(number_of(path, execution_id), sequence)
    with closing(apsw.Connection(str(path))) as connection:
        (row,) = connection.execute("SELECT line FROM events WHERE position = ?", (at,))
    return bytes(row[0])


async def test_a_damaged_event_is_cut_out_with_what_follows_and_kept(path: Path) -> None:
    store = await filled(path)
    history = await store.get_event_history("exec_one")
    assert len(history) == 4
    lines = [line_of(path, "exec_one", sequence) for sequence in (3, 4)]
    broken = lines[0].replace(b'"step_started"', b'"step_stopped"')
    at = position(number_of(path, "exec_one"), 3)
    change(path, "UPDATE events SET line = ? WHERE position = ?", broken, at)

    finding = (await store.examine("exec_one"))[0]
    assert (finding.kind, finding.execution_id, finding.place) == ("damaged", "exec_one", "table events, event 3")
    assert "checksum does not match" in finding.problem
    with pytest.raises(DamagedHistoryError, match="event 3") as read:
        await store.get_event_history("exec_one")
    assert read.value.readable == history[:2]

    (mended,) = await store.repair("exec_one")
    kept = Path(f"{path}-damaged") / "exec_one.events-1"
    assert mended.finding == finding
    assert mended.outcome == f"the history ends at event 2 now; what was cut out is in {kept}"
    assert kept.read_bytes() == broken + b"\n" + lines[1] + b"\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert await store.examine() == []
    assert await store.get_event_history("exec_one") == history[:2]
    summary = await store.get_summary("exec_one")
    assert summary is not None and summary.last_event_seq == 2 and summary.shown_status == "interrupted"
    await store.append_events(history[2:])
    assert await store.get_event_history("exec_one") == history, "it goes on where it was cut"
    await store.close()


async def test_a_missing_event(path: Path) -> None:
    store = await filled(path)
    number = number_of(path, "exec_ended")
    change(path, "DELETE FROM events WHERE position = ?", position(number, 2))
    findings = await store.examine("exec_ended")
    assert findings[0].place == "table events, event 2"
    with pytest.raises(DamagedHistoryError, match="missing"):
        await store.get_events("exec_ended", 2)
    await store.repair()
    assert await store.examine() == []
    assert [event.sequence for event in await store.get_event_history("exec_ended")] == [1]
    await store.close()


async def test_the_last_events_are_missed_too(path: Path) -> None:
    store = await filled(path)
    change(path, "DELETE FROM events WHERE position = ?", position(number_of(path, "exec_one"), 4))
    with pytest.raises(DamagedHistoryError, match="event 4: it is missing"):
        await store.get_event_history("exec_one")
    (finding, *_) = await store.examine("exec_one")
    assert finding.place == "table events, event 4"
    await store.repair("exec_one")
    assert len(await store.get_event_history("exec_one")) == 3
    await store.close()


async def test_an_execution_of_which_nothing_is_left_is_none(path: Path) -> None:
    store = await filled(path)
    change(path, "DELETE FROM events WHERE position = ?", position(number_of(path, "exec_waits"), 1))
    await store.repair("exec_waits")
    assert await store.get_summary("exec_waits") is None
    assert await store.examine() == []
    assert len(list(Path(f"{path}-damaged").glob("exec_waits.events-*"))) == 1
    await store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE executions SET status = 'completed' WHERE id = 'exec_one'",
        "UPDATE executions SET workflow_name = 'other' WHERE id = 'exec_one'",
        "UPDATE executions SET last_sequence = 2 WHERE id = 'exec_one'",
        "UPDATE executions SET received = 7 WHERE id = 'exec_one'",
        "UPDATE executions SET summary = x'00' WHERE id = 'exec_one'",
        "UPDATE executions SET summary = (SELECT max(summary) FROM executions WHERE number = 3) WHERE number = 1",
    ],
)
async def test_a_row_that_lies_is_written_anew(path: Path, statement: str) -> None:
    store = await filled(path)
    before = await store.get_summary("exec_one")
    change(path, statement)
    findings = await store.examine()
    assert {(finding.kind, finding.execution_id) for finding in findings} == {("stale", "exec_one")}
    mended = await store.repair()
    assert {entry.outcome for entry in mended} == {"written anew"}
    assert await store.examine() == []
    assert await store.get_summary("exec_one") == before
    await store.close()


async def test_a_snapshot_that_does_not_fit_is_removed(path: Path) -> None:
    store = await filled(path)
    assert await store.get_snapshot("exec_one") is not None
    change(path, "UPDATE snapshots SET line = x'7b7d'")
    assert await store.get_snapshot("exec_one") is None
    (finding,) = await store.examine()
    assert (finding.kind, finding.execution_id) == ("stale", "exec_one")
    await store.repair()
    assert await store.examine() == []
    await store.close()


async def test_damaged_messages_are_kept_aside_and_the_others_in_order(path: Path) -> None:
    store = await filled(path)
    change(path, "UPDATE messages SET line = x'00ff' WHERE ordinal = 2")
    with pytest.raises(DamagedInboxError):
        await store.send_signal("exec_waits", SignalMaker("b").signal())
    (finding,) = await store.examine()
    assert (finding.kind, finding.place) == ("damaged", "table messages, message 2")
    await store.repair()
    assert [message.ordinal for message in await store.get_signals("exec_waits")] == [1]
    assert (Path(f"{path}-damaged") / "exec_waits.inbox-1").read_bytes() == b"\x00\xff\n"
    assert await store.send_signal("exec_waits", SignalMaker("b").signal()) == 2
    assert await store.examine() == []
    await store.close()


@pytest.mark.parametrize("rebuilt", [False, True])
async def test_what_was_received_keeps_its_ordinal(path: Path, rebuilt: bool) -> None:
    """Else the next message would get an ordinal that counts as received, and nobody would ever see it."""
    store, maker, sender = opened(path, create=True), HistoryMaker("exec_one"), SignalMaker()
    await store.append_events(maker.begin())
    for number in range(3):
        message = sender.signal(number)
        ordinal = await store.send_signal("exec_one", message)
        await store.append_events(maker.receive(message._replace(ordinal=ordinal)))
    change(path, "UPDATE messages SET line = x'00' WHERE ordinal = 2")
    if rebuilt:
        await store.close()
        smash(path, root_of(path, "executions"))
        store = opened(path)
    await store.repair()
    assert await store.examine() == []
    assert [message.data for message in await store.get_signals("exec_one")] == [0, 1, 2]
    assert await store.send_signal("exec_one", sender.signal("new")) == 4
    assert [message.data for message in await store.get_signals("exec_one", after=3)] == ["new"]
    await store.close()


async def test_a_received_message_that_is_missing_is_a_finding(path: Path) -> None:
    store, maker = opened(path, create=True), HistoryMaker("exec_one")
    await store.append_events(maker.begin())
    message = SignalMaker().signal("x")
    await store.append_events(maker.receive(message._replace(ordinal=1)))
    (finding,) = await store.examine()
    assert finding.problem == "the history has received message 1, but the last one here is 0"
    await store.repair()
    assert await store.examine() == []
    assert [known.data for known in await store.get_signals("exec_one")] == ["x"]
    await store.close()


async def test_fewer_messages_than_there_are_is_a_finding(path: Path) -> None:
    store = await filled(path)
    change(path, "UPDATE executions SET last_ordinal = 0 WHERE id = 'exec_waits'")
    (finding,) = await store.examine()
    assert finding.problem == "the execution's row says that there are 0"
    await store.repair()
    assert await store.examine() == []
    assert [message.ordinal for message in await store.get_signals("exec_waits")] == [1, 2]
    assert await store.get_signals("exec_waits", after=9) == []
    await store.close()


async def test_tables_whose_text_cannot_be_read(path: Path) -> None:
    histories = await large(path, 20)
    content = path.read_bytes()
    at = content.index(b"CREATE TABLE snapshots")
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    store = opened(path)
    with pytest.raises(DamagedStoreError):
        await store.list_executions()
    await store.repair()
    assert await store.examine() == []
    assert len(await store.list_executions()) == len(histories)
    await store.close()


async def test_what_a_repair_by_another_store_changes_is_not_believed_any_more(path: Path) -> None:
    store, other, maker = opened(path, create=True), opened(path), HistoryMaker("exec_one")
    first, second = maker.begin(), maker.work()
    await store.append_events(first)
    await store.append_events(second)
    change(path, "UPDATE events SET line = x'00' WHERE position = ?", position(number_of(path, "exec_one"), 3))
    await other.repair()
    again = HistoryMaker("exec_one", mark="b")
    again.begin()
    await other.append_events(again.wait("sleep", due_at="2027-01-01T00:00:00.000000Z"))
    await store.append_events(again.end())
    assert await store.examine() == []
    summary = await store.get_summary("exec_one")
    assert summary is not None and (summary.status, summary.last_event_seq) == ("completed", 7)
    await store.close()
    await other.close()


@pytest.mark.parametrize("pages", [1, 5])
async def test_a_file_that_was_cut_off(path: Path, pages: int) -> None:
    histories = await large(path)
    content = path.read_bytes()
    path.write_bytes(content[: -pages * PAGE])
    store = opened(path)
    with pytest.raises(DamagedStoreError, match="dive-tui repair"):
        await store.list_executions()
    assert (await store.examine())[0].kind == "damaged"
    (mended, *_) = await store.repair()
    assert "are in a new database" in mended.outcome
    assert await store.examine() == []
    assert len(await store.list_executions()) > len(histories) - 25
    await store.close()


async def test_a_header_that_is_gone(path: Path) -> None:
    histories = await large(path)
    with path.open("r+b") as file:
        file.write(b"\0" * 100)
    store = opened(path)
    await store.repair()
    for history in histories:
        assert await store.get_event_history(history[0].execution_id) == history
    await store.close()


async def test_what_a_rebuilt_database_lacks_is_named(path: Path) -> None:
    await large(path)
    content = path.read_bytes()
    leaf = next(
        page
        for page in range(1, len(content) // PAGE + 1)
        if content[(page - 1) * PAGE] == 0x0D
        and b'"execution_id":"exec_20"' in content[(page - 1) * PAGE : page * PAGE]
    )
    smash(path, leaf)
    store = opened(path)
    (mended, *_) = await store.repair()
    _, _, told = mended.outcome.partition("; shortened: ")
    for entry in told.split(", "):
        name = entry.partition(" ")[0]
        history = await store.get_event_history(name)
        assert entry == (f"{name} ends at event {len(history)} of 8" if history else f"{name} is lost")
    await store.close()


async def test_a_disk_that_fills_up_leaves_the_damaged_database_in_its_place(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await large(path, 20)
    smash(path, root_of(path, "events"))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("_sync", "_swap", "_save"):
        with monkeypatch.context() as failing:
            failing.setattr(f"stores.sqlite.rebuilding.{name}", full)
            store = opened(path)
            with pytest.raises(StoreError, match="No space left"):
                await store.repair()
            await store.close()
        assert path.read_bytes() == before
        assert not Path(f"{path}-new").exists()
    store = opened(path)
    await store.repair()
    assert await store.examine() == []
    await store.close()


async def test_a_folder_of_its_own_is_looked_at_too(tmp_path: Path) -> None:
    own = tmp_path / "own" / "store.db"
    store = await filled(own)
    assert await store.examine() == []
    own.parent.chmod(0o755)
    (own.parent / "notes.txt").write_text("mine")
    (own.parent / "link").symlink_to("notes.txt")
    findings = {(finding.kind, Path(finding.place).name) for finding in await store.examine()}
    assert findings == {("unsafe", "own"), ("foreign", "notes.txt"), ("unsafe", "link")}
    await store.repair()
    assert {finding.kind for finding in await store.examine()} == {"foreign", "unsafe"}
    assert (own.parent / "notes.txt").read_text() == "mine"
    await store.close()


async def test_rows_of_no_execution_are_cut_out_and_kept(path: Path) -> None:
    store = await filled(path)
    change(path, "DELETE FROM executions WHERE id = 'exec_waits'")
    assert {finding.place for finding in await store.examine()} == {"table events", "table messages"}
    await store.repair()
    assert await store.examine() == []
    assert len(list(Path(f"{path}-damaged").iterdir())) == 2
    await store.close()


async def test_what_somebody_drives_is_left_alone(path: Path) -> None:
    store = await filled(path)
    await store.acquire_owner("exec_one", "runner_2")
    change(path, "DELETE FROM events WHERE position = ?", position(number_of(path, "exec_one"), 4))
    before = await store.examine("exec_one")
    mended = await store.repair("exec_one")
    assert mended and all(entry.outcome.startswith("left alone: execution exec_one belongs to") for entry in mended)
    assert await store.examine("exec_one") == before
    await store.close()


async def test_an_owner_that_cannot_be_told_is_nobody_after_a_repair(path: Path) -> None:
    store = await filled(path)
    await store.acquire_owner("exec_one", "runner_1")
    change(path, "UPDATE owners SET runner = 'runner_2'")
    (finding,) = await store.examine()
    assert (finding.kind, finding.place) == ("damaged", "table owners, row 'exec_one'")
    with pytest.raises(DamagedStoreError, match="who owns exec_one cannot be read"):
        await store.acquire_owner("exec_one", "runner_3")
    with pytest.raises(DamagedStoreError):
        await store.delete_execution("exec_one")
    await store.repair()
    assert await store.examine() == []
    await store.acquire_owner("exec_one", "runner_3")
    await store.close()


async def test_modes_that_let_others_in(path: Path) -> None:
    store = await filled(path)
    path.chmod(0o644)
    Path(f"{path}-owners").chmod(0o755)
    findings = await store.examine()
    assert [(finding.kind, finding.place) for finding in findings] == [
        ("unsafe", str(path)), ("unsafe", f"{path}-owners"),
    ]  # fmt: skip
    await store.repair()
    assert await store.examine() == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(f"{path}-owners").stat().st_mode) == 0o700
    await store.close()


async def large(path: Path, executions: int = 60) -> list[list[ExecutionEvent]]:
    """Histories enough for trees of several pages, one of them with a row that runs over many pages; closed."""
    store, histories = opened(path, create=True), []
    for number in range(executions):
        maker = HistoryMaker(f"exec_{number}")
        history = [*maker.begin(), *maker.work("x" * 40_000 if number == 7 else number), *maker.finish()]
        await store.append_events(history)
        histories.append(history)
    await store.send_signal("exec_3", SignalMaker().signal({"n": 1}))
    await store.close()
    return histories


def root_of(path: Path, table: str) -> int:
    with closing(apsw.Connection(str(path))) as connection:
        return sum(n for (n,) in connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)))


def leaf_of(path: Path, text: bytes) -> int:
    """The first leaf page of a table that holds a text."""
    content = path.read_bytes()
    pages = (content[at : at + PAGE] for at in range(0, len(content), PAGE))
    return next(number for number, page in enumerate(pages, start=1) if page[0] == 0x0D and text in page)


def smash(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * 200)


async def test_a_tree_without_its_root_is_read_from_its_leaves(path: Path) -> None:
    histories = await large(path)
    smash(path, root_of(path, "events"))
    store = opened(path)
    (finding,) = await store.examine()
    assert (finding.kind, finding.place) == ("damaged", str(path))
    (mended,) = await store.repair()
    assert f"{sum(map(len, histories))} events of 60 executions are in a new database" in mended.outcome
    assert await store.examine() == []
    for history in histories:
        assert await store.get_event_history(history[0].execution_id) == history
    assert [message.data for message in await store.get_signals("exec_3")] == [{"n": 1}]
    kept = Path(f"{path}-damaged") / "s.db-1"
    assert kept.read_bytes()[(root_of(kept, "messages") - 1) * PAGE :][:1], "the damaged one is kept"
    assert not Path(f"{path}-new").exists() and not Path(f"{path}-found").exists()
    await store.append_events(HistoryMaker("exec_new").begin())
    await store.close()


async def test_what_one_leaf_held_is_lost_and_no_more(path: Path) -> None:
    histories = await large(path)
    content = path.read_bytes()
    leaf = next(
        page
        for page in range(1, len(content) // PAGE + 1)
        if content[(page - 1) * PAGE] == 0x0D
        and b'"execution_id":"exec_20"' in content[(page - 1) * PAGE : page * PAGE]
    )
    smash(path, leaf)
    store = opened(path)
    assert (await store.examine())[0].kind == "damaged"
    await store.repair()
    assert await store.examine() == []
    whole = 0
    for history in histories:
        read = await store.get_event_history(history[0].execution_id)
        assert read == history[: len(read)], "what is there is a beginning of what was"
        whole += read == history
    assert len(histories) > whole > len(histories) - 10
    await store.close()


async def test_executions_without_their_table(path: Path) -> None:
    histories = await large(path)
    smash(path, root_of(path, "executions"))
    store = opened(path)
    await store.repair()
    assert await store.examine() == []
    assert len(await store.list_executions()) == len(histories)
    await store.close()


@pytest.mark.parametrize("table", ["events", "executions"])
async def test_what_was_deleted_stays_so(path: Path, table: str) -> None:
    """Its pages still hold it; they are free, and no execution has its number, where that can be told."""
    await large(path)
    store = opened(path)
    for number in range(50):
        await store.delete_execution(f"exec_{number}")
    await store.close()
    smash(path, root_of(path, table))
    store = opened(path)
    await store.repair()
    assert {summary.id for summary in await store.list_executions()} == {f"exec_{n}" for n in range(50, 60)}
    await store.close()


async def test_nobody_else_may_have_it_open_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.offloading.PATIENCE", 0.02)
    monkeypatch.setattr("stores.sqlite.connection._OPENING_MS", 5)
    await large(path, 20)
    smash(path, root_of(path, "events"))
    store, other = opened(path), opened(path)
    await other.list_executions()
    before = path.read_bytes()
    with pytest.raises(BusyError):
        await store.repair()
    assert path.read_bytes() == before
    await other.acquire_owner("exec_x", "runner_9")
    with pytest.raises(OwnedError, match="runner_9 is alive"):
        await store.repair()
    await other.close()
    assert await store.repair()
    await store.close()
