"""The file of messages: what is in it, and what becomes of it when it is torn, damaged, locked or deleted."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from engine.model.signals import ExecutionSignal
from engine.store import DamagedInboxError, StoreError, UnknownExecutionError
from engine.testing.conformance_events import START, SignalMaker
from stores.file import inbox as file_inbox
from stores.file.store import FileExecutionEventStore
from stores.file.turn import Turn
from tests.stores.histories import batches


@pytest.fixture
async def inbox(store: FileExecutionEventStore) -> Path:
    """The file of an execution that has three messages."""
    await store.append_events(batches()[0])
    for signal in signals():
        await store.send_signal("exec_one", signal)
    return store.base / "exec_one" / "inbox.jsonl"


def signals(count: int = 3) -> list[ExecutionSignal]:
    maker = SignalMaker()
    return [maker.signal({"J*": number}) for number in range(count)]


async def ids(store: FileExecutionEventStore, after: int = 0) -> list[str]:
    return [signal.id[-1] for signal in await store.get_signals("exec_one", after)]


@contextmanager
def held(path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
    with path.open() as file:
        fcntl.flock(file, kind)
        yield


async def test_a_message_is_a_line_of_json_with_its_ordinal(inbox: Path) -> None:
    lines = [json.loads(line) for line in inbox.read_text().splitlines()]
    assert [line["ordinal"] for line in lines] == [1, 2, 3]
    assert [*lines[0]] == ["id", "kind", "sent_at", "topic", "data", "sender", "ordinal", "crc"]
    assert stat.S_IMODE(inbox.stat().st_mode) == 0o600


async def test_cut_short_anywhere_it_is_no_message_and_blocks_none(base: Path, inbox: Path) -> None:
    whole = inbox.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(last, len(whole)):
        inbox.write_bytes(whole[:cut])
        store = FileExecutionEventStore(base, offload=False, durability="normal")
        assert await ids(store) == ["1", "2"]
        assert await ids(store, 2) == []
        again = signals(4)
        assert await store.send_signal("exec_one", again[3]) == 3
        assert await store.send_signal("exec_one", again[2]) == 4, "what was torn off may be sent again"
        assert await ids(store) == ["1", "2", "4", "3"]
        kept = inbox.with_name("inbox.torn-1")
        assert (kept.read_bytes() if kept.exists() else b"") == whole[last:cut]
        kept.unlink(missing_ok=True)
        await store.close()


@pytest.mark.parametrize("bit", [1, 32, 64])
async def test_a_flipped_bit_is_told_with_file_and_offset(base: Path, inbox: Path, bit: int) -> None:
    whole = inbox.read_bytes()
    starts = [0, *(at + 1 for at, byte in enumerate(whole) if byte == 10)]
    store = FileExecutionEventStore(base, offload=False, durability="normal")
    for at, byte in enumerate(whole):
        inbox.write_bytes(whole[:at] + bytes([byte ^ bit]) + whole[at + 1 :])
        number = sum(start <= at for start in starts) - 1
        with pytest.raises(DamagedInboxError) as caught:
            await store.get_signals("exec_one")
        assert caught.value.place == f"inbox.jsonl, byte {starts[number]}"
        assert caught.value.place in str(caught.value) and "exec_one" in str(caught.value)
        assert [signal.ordinal for signal in caught.value.readable] == list(range(1, number + 1))
        sender = FileExecutionEventStore(base, offload=False, durability="normal")
        with pytest.raises(DamagedInboxError, match=f"inbox.jsonl, byte {starts[number]}"):
            await sender.send_signal("exec_one", signals(4)[3])
        await sender.close()
        assert [line.id for line in await store.due(START)] == ["exec_one"], "it is still shown"
    await store.close()


async def test_damage_in_messages_that_are_known_disturbs_nobody(store: FileExecutionEventStore, inbox: Path) -> None:
    inbox.write_bytes(inbox.read_bytes().replace(b'"ordinal":1', b'"ordinal":7'))
    assert await ids(store, 2) == ["3"]
    with pytest.raises(DamagedInboxError) as caught:
        await store.get_signals("exec_one", 0)
    assert caught.value.readable == []


async def test_a_lost_line_end_is_found_from_anywhere(store: FileExecutionEventStore, inbox: Path) -> None:
    inbox.write_bytes(inbox.read_bytes().replace(b"\n", b" ", 1))
    for after in range(4):
        with pytest.raises(DamagedInboxError, match="byte 0"):
            await store.get_signals("exec_one", after)


async def test_messages_in_the_wrong_order_are_damage(store: FileExecutionEventStore, inbox: Path) -> None:
    first, second, third = inbox.read_bytes().splitlines(keepends=True)
    inbox.write_bytes(first + third + second)
    with pytest.raises(DamagedInboxError, match=f"byte {len(first)}: it does not hold message 2"):
        await store.get_signals("exec_one")


async def test_appends_and_messages_do_not_wait_for_each_other(store: FileExecutionEventStore, inbox: Path) -> None:
    with held(inbox):
        await store.append_events(batches()[1])
        assert await ids(store) == ["1", "2", "3"], "who died or sleeps while sending keeps nobody from reading"
    with held(inbox.with_name("events.jsonl")):
        assert await store.send_signal("exec_one", signals(4)[3]) == 4


async def test_two_who_send_wait_for_each_other(
    store: FileExecutionEventStore, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fourth = signals(4)[3]
    with inbox.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sending = asyncio.create_task(store.send_signal("exec_one", fourth))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not sending.done(), "the loop goes on while it waits"
        fcntl.flock(file, fcntl.LOCK_UN)
        assert await sending == 4
    monkeypatch.setattr("stores.offloading.PATIENCE", 0.02)
    with held(inbox), pytest.raises(StoreError, match=r"inbox\.jsonl is locked by another process"):
        await store.send_signal("exec_one", fourth)
    assert [*store._core._inboxes._writers] == ["exec_one"], "what is busy need not be read again"


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("elsewhere"), os.mkfifo, os.mkdir])
async def test_an_inbox_that_is_no_file_is_refused_and_hides_nothing(
    store: FileExecutionEventStore, make: Callable[[Path], None]
) -> None:
    await store.append_events(batches()[0])
    make(store.base / "exec_one" / "inbox.jsonl")
    with pytest.raises(StoreError):
        await store.send_signal("exec_one", signals()[0])
    with pytest.raises(StoreError):
        await store.get_signals("exec_one")
    assert [line.id for line in await store.due(START)] == ["exec_one"]


async def test_without_its_folder_an_execution_is_unknown(
    base: Path, store: FileExecutionEventStore, inbox: Path
) -> None:
    other = FileExecutionEventStore(base, offload=False)
    await other.delete_execution("exec_one")
    for _ in range(2):
        with pytest.raises(UnknownExecutionError, match="exec_one"):
            await store.send_signal("exec_one", signals()[0])
    assert not inbox.parent.exists()


async def test_a_deleted_inbox_is_let_go_of(store: FileExecutionEventStore, inbox: Path) -> None:
    assert await store.delete_execution("exec_one")
    assert not inbox.exists()
    assert not store._core._inboxes._writers


async def test_many_inboxes_do_not_need_many_open_files(
    store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_inbox, "_MAX_OPEN", 2)
    names = [f"exec_{number}" for number in range(5)]
    for name in names:
        await store.append_events(batches(name)[0])
    for ordinal, signal in enumerate(signals(), start=1):
        assert [await store.send_signal(name, signal) for name in names] == [ordinal] * 5
        assert len(store._core._inboxes._writers) == 2


@pytest.mark.parametrize(("durability", "synced"), [("full", True), ("normal", False)])
async def test_what_is_sent_or_received_is_on_the_disk(
    base: Path, monkeypatch: pytest.MonkeyPatch, durability: Literal["full", "normal"], synced: bool
) -> None:
    store = FileExecutionEventStore(base, create=True, offload=False, durability=durability)
    await store.append_events(batches()[0])
    inbox = base / "exec_one" / "inbox.jsonl"
    calls: list[str] = []

    def recorded(name: str) -> None:
        original = getattr(os, name)

        def call(fd: int) -> None:
            status = os.fstat(fd)
            known = [path for path in (inbox, inbox.parent) if path.exists()]
            calls.extend(path.name for path in known if os.path.samestat(status, path.stat()))
            original(fd)

        monkeypatch.setattr(os, name, call)

    recorded("fsync")
    recorded("fdatasync")

    async def calls_of(method: str, argument: object) -> list[str]:
        calls.clear()
        await getattr(store, method)("exec_one", argument)
        return calls if synced else [*calls, "nothing"]

    first, second, _ = signals()

    def wanted(*names: str) -> list[str]:
        return [*names] if synced else ["nothing"]

    assert await calls_of("send_signal", first) == wanted("exec_one", "inbox.jsonl")
    assert await calls_of("send_signal", second) == wanted("inbox.jsonl")
    assert await calls_of("send_signal", first) == wanted("inbox.jsonl"), "its first sender may have died before"
    assert await calls_of("get_signals", 0) == wanted("inbox.jsonl")
    assert await calls_of("get_signals", 2) == wanted()
    await store.close()


class TestTurns:
    """Several executions' batches at once."""

    names = ("exec_a", "exec_b", "exec_c")

    async def begun(self, store: FileExecutionEventStore) -> None:
        assert await store.append_batches([batches(name)[0] for name in self.names]) == [None] * 3

    async def lengths(self, store: FileExecutionEventStore) -> list[int]:
        return [len(await store.get_event_history(name)) for name in self.names]

    async def test_one_that_fails_leaves_the_others(
        self, store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.begun(store)
        original = os.fdatasync
        failing = (store.base / "exec_b" / "events.jsonl").stat().st_ino

        def fdatasync(fd: int) -> None:
            if os.fstat(fd).st_ino == failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            original(fd)

        turn = [batches(name)[1] for name in self.names]
        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", fdatasync)
            results = await store.append_batches(turn)
        assert [type(result) for result in results] == [type(None), StoreError, type(None)]
        assert "Input/output error" in str(results[1])
        assert await self.lengths(store) == [4, 2, 4]
        assert await store.append_batches(turn) == [None] * 3
        assert await self.lengths(store) == [4, 4, 4]

    async def test_one_that_is_locked_is_waited_for_and_the_others_are_not_held_up(
        self, base: Path, store: FileExecutionEventStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.begun(store)
        with (base / "exec_a" / "events.jsonl").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            appending = asyncio.create_task(store.append_batches([batches(name)[1] for name in self.names]))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not appending.done()
            assert await self.lengths(store) == [2, 4, 4]
            fcntl.flock(file, fcntl.LOCK_UN)
            assert await appending == [None] * 3
            assert await self.lengths(store) == [4, 4, 4]
            monkeypatch.setattr("stores.offloading.PATIENCE", 0.02)
            fcntl.flock(file, fcntl.LOCK_EX)
            results = await store.append_batches([batches(name)[2] for name in self.names])
        assert "locked by another process" in str(results[0])
        assert results[1:] == [None, None]

    async def test_watchers_are_told_once_and_of_what_was_appended_only(self, store: FileExecutionEventStore) -> None:
        await self.begun(store)
        changes = store.base / "changes"
        assert changes.read_text() == "exec_a\nexec_b\nexec_c\n"
        conflict = batches("exec_b", mark="b")[2]
        results = await store.append_batches([batches("exec_a")[1], conflict, batches("exec_c")[1], []])
        assert [result is None for result in results] == [True, False, True, True]
        assert changes.read_text() == "exec_a\nexec_b\nexec_c\nexec_a\nexec_c\n"

    async def test_a_turn_is_one_visit_to_the_writing_thread(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = FileExecutionEventStore(base, create=True)
        visits: list[int] = []
        original = store._core.append_turn

        def append_turn(turn: Turn) -> None:
            visits.append(threading.get_ident())
            original(turn)

        monkeypatch.setattr(store._core, "append_turn", append_turn)
        await self.begun(store)
        assert len(visits) == 1 and visits[0] != threading.get_ident()
        await store.close()
