"""`copy`: from one place to another, what it tells, and what it refuses."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from dive_tui.cli import copy as command
from engine.testing.conformance_events import HistoryMaker
from stores.file.store import FileExecutionEventStore
from stores.maintenance import Progress
from tests.cli.histories import in_store, record
from tests.cli.shop import Caller, Ended, Shop
from tests.cli.test_hostile import acting, hostile_history


def ids_in(call: Caller, store: str) -> list[str]:
    return [summary["id"] for summary in call("list", "--json", "--store", store).json]


@pytest.mark.parametrize("target", ["file:copy", "sqlite:copy.db", "copy", "./sub/copy"])
def test_a_whole_store(shop: Shop, call: Caller, target: str) -> None:
    ids = record(shop.store, 50, 2)
    ended = call("copy", ".dive", target)
    assert ended == (0, f"Copied 2 executions to {target}  42 events\n", "")
    assert ids_in(call, target) == ids[::-1]
    assert call("events", "last", "--json", "--store", target).out == call("events", "last", "--json").out
    assert call("copy", ".dive", target).out == f"Copied 0 executions to {target}  2 there already · 0 events\n"


def test_back_and_forth_gives_the_same_bytes(shop: Shop, call: Caller) -> None:
    (name,) = record(shop.store, 50)
    assert call("copy", ".dive", "sqlite:other.db").code == 0
    assert call("copy", "sqlite:other.db", "file:third").code == 0
    assert call("copy", "file:third", ".dive").out.startswith("Copied 0 executions to .dive  1 there already")
    assert call("show", name, "--json", "--store", "third").out == call("show", name, "--json").out


def test_some_of_them(shop: Shop, call: Caller) -> None:
    ids = record(shop.store, 50, 118, 2)
    assert call("copy", ".dive", "a", "last", ids[0]).code == 0
    assert ids_in(call, "a") == [ids[2], ids[0]]
    assert call("copy", ".dive", "b", "--query", "status:failed").code == 0
    assert ids_in(call, "b") == [ids[1]]
    both = call("copy", ".dive", "c", "last", "--query", "status:failed")
    assert (both.code, both.err) == (2, "executions are named or asked for by --query, not both\n")
    assert call("copy", ".dive", "c", "nobody").code == 2
    assert call("copy", ".dive", "c", "--query", "status:dreaming").code == 2
    assert call("copy", ".dive", "c", "--query", "workflow:none") == (0, "Copied 0 executions to c  0 events\n", "")
    assert not (shop.folder / "c").exists(), "the target is made when something is going to be copied"


def test_json(shop: Shop, call: Caller) -> None:
    (name,) = record(shop.store, 50)
    assert call("copy", ".dive", "copy", "--json").json == [
        {"execution_id": name, "outcome": "copied", "events": 21, "messages": 0, "live": False, "problem": ""}
    ]


def test_another_history_is_a_conflict(shop: Shop, call: Caller) -> None:
    record(shop.store, 50)
    record(shop.folder / "copy", 118)
    before = (shop.folder / "copy" / "exec_00000000000000000000000001" / "events.jsonl").read_bytes()
    ended = call("copy", ".dive", "copy")
    assert ended.code == 1
    assert ended.out.splitlines()[1:] == ["✗ conflict  order …00001  event 1 is another one there"]
    assert (shop.folder / "copy" / "exec_00000000000000000000000001" / "events.jsonl").read_bytes() == before


def test_what_is_told_does_nothing_to_a_terminal(shop: Shop, call: Caller) -> None:
    hostile_history(shop)
    assert call("copy", ".dive", "file:copy").code == 0
    events = shop.folder / "copy" / "exec_hostile" / "events.jsonl"
    assert call("events", "last", "--json", "--store", "copy").out == call("events", "last", "--json").out
    events.write_bytes(b"?" + events.read_bytes()[1:])
    for options in ([], ["--ascii"], ["--json"]):
        told = call("copy", ".dive", "file:copy", *options)
        assert (told.code, acting(told.out + told.err)) == (1, [])
        assert options != ["--ascii"] or told.out.isascii()


def test_what_cannot_be_read_is_told_and_the_rest_copied(shop: Shop, call: Caller) -> None:
    one, two = record(shop.store, 50, 2)
    events = shop.store / one / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b"order", b"ordex", 1))
    ended = call("copy", ".dive", "copy")
    assert ended.code == 1 and "✗ unreadable" in ended.out and "damaged" in ended.out
    assert ids_in(call, "copy") == [two]


def test_what_a_runner_drives_is_said(shop: Shop, call: Caller) -> None:
    async def begin(store: FileExecutionEventStore) -> Ended:
        await store.append_events(HistoryMaker("exec_open1").begin())
        await store.acquire_owner("exec_open1", "runner_a")
        with ThreadPoolExecutor(1) as elsewhere:
            return elsewhere.submit(call, "copy", ".dive", "copy").result()

    ended: Ended = in_store(shop.store, begin)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "Copied 1 execution to copy  2 events",
        "Driven by a living runner meanwhile, copy again for what they do from now on: …open1",
    ]


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (".dive", ".dive", "SRC and DST are the same place, or one is inside the other: .dive and .dive"),
        (".dive", "file:.dive/x", "SRC and DST are the same place"),
        ("memory:", "x", "SRC: an in-memory store exists in one Python process only"),
        (".dive", "memory:", "DST: an in-memory store exists in one Python process only"),
        (".dive", "", "DST: the path of the store is empty"),
        ("file:", "x", "SRC: the path of the store is empty"),
    ],
)
def test_places_that_make_no_sense(shop: Shop, call: Caller, source: str, target: str, said: str) -> None:
    record(shop.store, 1)
    ended = call("copy", source, target)
    assert (ended.code, ended.out) == (2, "") and ended.err.startswith(said)


def test_places_that_are_no_stores(shop: Shop, call: Caller) -> None:
    ended = call("copy", "nowhere", "copy")
    assert (ended.code, ended.err) == (4, f"SRC: there is no store at {shop.folder}/nowhere\n")
    assert not (shop.folder / "copy").exists()
    record(shop.store, 1)
    ended = call("copy", ".dive", "order.yaml")
    assert (ended.code, ended.err) == (4, f"{shop.folder}/order.yaml is a file, not a store of executions\n")


def test_interrupted_and_completed_by_another(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    record(shop.store, 50, 2, 118)
    looks = 0

    @contextmanager
    def interrupting(verb: str, unit: str) -> Iterator[Progress]:
        def tell(done: int, total: int, what: str) -> None:
            nonlocal looks
            looks += 1
            if looks == 4:
                os.kill(os.getpid(), signal.SIGINT)

        yield tell

    monkeypatch.setattr(command, "shown_progress", interrupting)
    assert call("copy", ".dive", "copy") == (130, "", "")
    some = len(ids_in(call, "copy"))
    assert 0 < some < 3
    assert call("copy", ".dive", "copy").code == 0
    assert len(ids_in(call, "copy")) == 3
    assert call("verify", "--store", "copy").code == 0
