"""`delete`: what may go, who agrees to it, and what is looked at once more."""

from __future__ import annotations

import io
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dive_tui.cli import delete as command
from dive_tui.confirming import is_confirmed, word_to_type
from engine.store import OwnedError
from engine.testing.conformance_events import HistoryMaker
from stores.file.store import FileExecutionEventStore
from tests.app.ptyharness import TerminalApp
from tests.cli.histories import in_store, record
from tests.cli.shop import COMMAND, Caller, Shop, environment
from tests.cli.test_hostile import acting, hostile_history
from tests.cli.test_repair import type_in


def open_one(shop: Shop, name: str = "exec_open1", *, child: str = "") -> None:
    """An execution that has not ended and that nobody drives; it may wait for a child."""

    async def write(store: FileExecutionEventStore) -> None:
        maker = HistoryMaker(name)
        await store.append_events(maker.begin())
        if child:
            await store.append_events(maker.wait("child", child_id=child))

    in_store(shop.store, write)


def left(call: Caller) -> list[str]:
    return [summary["id"] for summary in call("list", "--json").json]


@pytest.mark.parametrize(("ids", "word"), [(["exec_0123456789"], "56789"), (["exec_a", "exec_b"], "2"), (["ab"], "ab")])
def test_the_word(ids: list[str], word: str) -> None:
    assert word_to_type(ids) == word
    assert is_confirmed(word, ids) and is_confirmed(f" {word}\n", ids)
    for wrong in ("", "yes", word[:-1], word + "x", "x" + word):
        assert not is_confirmed(wrong, ids)
    assert not is_confirmed("0", [])


def test_without_a_question(shop: Shop, call: Caller) -> None:
    one, two, three = record(shop.store, 50, 118, 2)
    assert call("delete", one[-5:], "last", "--yes") == (0, "Deleted 2 executions.\n", "")
    assert left(call) == [two]
    assert not (shop.store / one).exists() and not (shop.store / three).exists()
    assert call("delete", "last", "--yes", "--json").json == {"deleted": [two], "kept": {}}
    assert left(call) == []


def test_without_a_terminal_it_needs_to_be_told(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = record(shop.store, 50)
    monkeypatch.setattr(sys, "stdin", io.StringIO(name[-5:] + "\n"))
    ended = call("delete", "last")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "delete asks first, and there is no terminal to ask on; --yes says yes\n"
    assert left(call) == [name]


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "00001\n", "2\n"])
def test_asked_and_not_agreed(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    ids = record(shop.store, 50, 118, 2)
    type_in(monkeypatch, typed)
    ended = call("delete", "last", "last-1", "last-2")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("Delete 3 executions for good? Type 3: that is not 3: nothing was deleted\n")
    assert left(call) == ids[::-1]


def test_asked_and_agreed(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = record(shop.store, 50, 118)
    type_in(monkeypatch, "00002\n")
    ended = call("delete", "last")
    assert (ended.code, ended.out) == (0, "Deleted 1 execution.\n")
    header, row, question = ended.err.splitlines()
    assert header.split() == ["EXECUTION", "WORKFLOW", "STATUS", "STARTED", "EVENTS"]
    assert row.split()[:4] == ["…00002", "order", "✗", "failed"] and row.split()[-1] in ("20", "21")
    assert question == "Delete 1 execution for good? Type 00002: "
    assert left(call) == [one]


def test_many_are_not_all_shown(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_MOST_SHOWN", 2)
    record(shop.store, 1, 2, 3)
    type_in(monkeypatch, "\n")
    assert "and 1 more" in call("delete", "last", "last-1", "last-2").err.splitlines()


@pytest.mark.parametrize("options", [[], ["--ascii"]])
def test_what_is_shown_does_nothing_to_a_terminal(
    shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    hostile_history(shop)
    type_in(monkeypatch, "\n")
    asked = call("delete", "last", *options)
    assert "Type stile:" in asked.err and acting(asked.err) == []
    assert not options or asked.err.isascii()


def test_open_ones_are_refused_and_then_none_is_deleted(shop: Shop, call: Caller) -> None:
    (ended_one,) = record(shop.store, 50)
    open_one(shop)
    ended = call("delete", "open1", ended_one, "--yes", "--store", str(shop.store))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "probe …open1 is interrupted, not ended: cancel it first with dive-tui cancel open1 "
        f"--store {shop.store}, or delete it as it is with --force",
        "nothing was deleted",
    ]
    assert len(left(call)) == 2
    assert call("cancel", "open1").code == 0
    assert call("delete", "open1", ended_one, "--yes").code == 0


def test_force_takes_open_ones_that_nobody_drives(shop: Shop, call: Caller) -> None:
    open_one(shop)
    assert call("delete", "open1", "--yes", "--force").code == 0
    assert left(call) == []


def test_what_is_damaged_cannot_be_cancelled_first(shop: Shop, call: Caller) -> None:
    open_one(shop)
    events = shop.store / "exec_open1" / "events.jsonl"
    events.write_bytes(b"?" + events.read_bytes()[1:])
    kept = call("delete", "open1", "--yes")
    assert kept.code == 2
    assert kept.err.endswith("is damaged, so it can neither go on nor be cancelled: delete it as it is with --force\n")
    assert call("delete", "open1", "--yes", "--force").code == 0


def test_what_is_driven_is_refused_even_so(shop: Shop, call: Caller) -> None:
    shop.write("long.yaml", "name: long\nsteps:\n  - {name: Only, action: wait_for_ever}\n")
    runner = shop.start("run", "long.yaml")
    assert runner.stderr is not None
    try:
        assert runner.stderr.readline() == "waiting\n"
        ended = call("delete", "last", "--yes", "--force")
    finally:
        runner.kill()
        runner.communicate()
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("long …") and "is running, not ended: cancel it first" in ended.err
    assert "--force" not in ended.err
    assert call("delete", "last", "--yes", "--force").code == 0


def test_a_child_somebody_waits_for_is_kept(shop: Shop, call: Caller) -> None:
    (child,) = record(shop.store, 50)
    open_one(shop, child=child)
    refused = call("delete", child, "--yes")
    assert refused.code == 2
    assert refused.err == (
        "probe …open1 waits for the outcome of order …00001, and would run it again: "
        "delete both, or let it go on first\n"
    )
    assert call("delete", child, "open1", "--yes", "--force").code == 0
    assert left(call) == []


def test_what_changes_after_the_question_is_kept(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    (ended_one,) = record(shop.store, 50)
    open_one(shop)

    def ask(question: str, *, what: str) -> str:
        async def go_on(store: FileExecutionEventStore) -> None:
            maker = HistoryMaker("exec_open1")
            maker.begin()
            await store.append_events(maker.work())

        with ThreadPoolExecutor(1) as pool:
            pool.submit(in_store, shop.store, go_on).result()
        return "2"

    monkeypatch.setattr(command, "ask", ask)
    kept = call("delete", "open1", ended_one, "--force", "--json")
    assert kept.code == 1
    assert kept.json == {"deleted": [ended_one], "kept": {"exec_open1": "it has gone on meanwhile"}}
    assert kept.err == ""
    told = call("delete", "open1", "--force", "--yes")
    assert told.code == 0


def test_what_the_store_refuses_is_kept(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = record(shop.store, 50)

    async def refuse(self: FileExecutionEventStore, execution_id: str) -> bool:
        raise OwnedError(f"{execution_id} belongs to somebody")

    monkeypatch.setattr(FileExecutionEventStore, "delete_execution", refuse)
    ended = call("delete", "last", "--yes")
    assert (ended.code, ended.out, ended.err) == (1, "", f"…00001 was kept: {name} belongs to somebody\n")


def test_names(shop: Shop, call: Caller) -> None:
    assert call("delete", "last", "--yes").code == 4
    record(shop.store, 50, 118)
    assert call("delete", "nobody", "--yes").code == 2
    assert call("delete", "--yes").err == "dive-tui delete needs EXEC; see: dive-tui delete --help\n"
    assert call("delete", "exec_", "--yes").code == 2
    assert call("delete", "last-failed", "last", "--yes").out == "Deleted 1 execution.\n"


def test_on_a_terminal(shop: Shop) -> None:
    (name,) = record(shop.store, 50)
    with TerminalApp([*COMMAND, "delete", "last"], columns=100, rows=10, env=environment(), cwd=shop.folder) as app:
        app.wait_for("Type 00001:")
        app.process.send_signal(signal.SIGINT)
        assert app.wait_for_exit() == 130
    assert (shop.store / name).exists()
    with TerminalApp([*COMMAND, "delete", "last"], columns=100, rows=10, env=environment(), cwd=shop.folder) as app:
        app.wait_for("Type 00001:")
        app.send("00001\n")
        assert app.wait_for_exit() == 0
        assert "Deleted 1 execution." in app.screen().text
    assert not (shop.store / name).exists()
