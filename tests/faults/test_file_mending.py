"""A process dies at every call of a repair or a removal, or that call fails: what can be read is never lost."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store import ConflictError
from engine.testing.conformance_events import HistoryMaker, SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.codec import encode_batch
from stores.file import index
from stores.file.store import FileExecutionEventStore
from tests.stores.faulty import Child
from tests.stores.histories import batches, flat

OTHERS_IN = 0o644


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child(tmp_path)
    yield child
    child.close()


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one of everything that a repair mends."""
    monkeypatch.setattr(index, "STEP", 500)
    base = tmp_path / "broken"
    asyncio.run(_make(base))
    for name in ("exec_cut", "exec_order", "exec_torn"):
        file = base / name / "events.jsonl"
        lines = file.read_bytes().splitlines(keepends=True)
        changed = {
            "exec_cut": [*lines[:4], lines[4].replace(b"path", b"pith", 1), *lines[5:]],
            "exec_order": [*lines[:2], *lines[4:6], *lines[2:4], *lines[6:]],
            "exec_torn": [*lines[:6], lines[6][:100]],
        }[name]
        file.write_bytes(b"".join(changed))
    inbox = base / "exec_inbox" / "inbox.jsonl"
    inbox.write_bytes(inbox.read_bytes().replace(b'"approve"', b'"approxe"', 1))
    (base / "exec_caches" / "snapshot.json").write_bytes(b"rubbish")
    (base / "exec_caches" / "index").write_bytes(b"rubbish")
    (base / "exec_caches" / "events.jsonl").chmod(OTHERS_IN)
    shutil.copytree(base / "exec_caches", base / ".deleted-exec_gone-00000000")
    (base / f".changes.{2**22 + 7}-00000000").touch(0o600)
    return base


async def _make(base: Path) -> None:
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    for name in ("exec_cut", "exec_order", "exec_torn", "exec_caches"):
        for batch in batches(name, works=3)[:-1]:
            await store.append_events(batch)
    maker, sender = HistoryMaker("exec_inbox"), SignalMaker()
    await store.append_events(maker.begin())
    for _ in range(3):
        await store.send_signal("exec_inbox", sender.signal()._replace(sender=""))
    await store.append_events(maker.receive((await store.get_signals("exec_inbox"))[0]))
    await store.save_snapshot(snapshot_of(flat(batches("exec_caches", works=3)[:2])))
    await store.close()


def tree(base: Path) -> dict[str, bytes | None]:
    """What is in a store, but for what a death may leave: what watchers read, and a file that names no owner."""
    return {
        str(path.relative_to(base)): path.read_bytes() if path.is_file() else None
        for path in sorted(base.rglob("*"))
        if path.name != "changes" and not (path.name == "owner" and not path.read_bytes())
    }


def lines_in(folder: Path, name: str) -> set[bytes]:
    return {line for path in folder.glob(f"{name}*") for line in path.read_bytes().split(b"\n")}


async def check_nothing_is_lost(base: Path, broken: Path) -> None:
    """Each line stands in the file or in what is kept beside it, and what could be read still can."""
    before, now = (FileExecutionEventStore(path, offload=False) for path in (broken, base))
    for folder in sorted(broken.glob("exec_*")):
        for name in ("events", "inbox"):
            assert lines_in(folder, name) <= lines_in(base / folder.name, name), folder.name
        report = await before.history_report(folder.name)
        assert report is not None
        events = await before.get_events(folder.name, limit=report.events)
        assert await now.get_events(folder.name, limit=report.events) == events


@pytest.mark.parametrize("fault", ["kill", "tear", "full", "broken", "full for ever", "broken for ever"])
async def test_a_repair_goes_on_where_the_one_before_was_stopped(child: Child, broken: Path, fault: str) -> None:
    whole, answer = child.run("none", on=broken, does="repair")
    wanted = tree(whole)
    assert answer["failures"] == []
    stopped = 0
    for base, answer in child.at_each_call(fault, on=broken, does="repair"):
        stopped += answer["status"] == -signal.SIGKILL or bool(answer["failures"])
        for message, *_ in answer["failures"]:
            assert "No space left on device" in message or "Input/output error" in message
        await check_nothing_is_lost(base, broken)
        store = FileExecutionEventStore(base, offload=False, durability="normal")
        await store.repair()
        assert [finding for finding in await store.examine() if finding.remedy] == []
        assert tree(base) == wanted, "in the end it is as if nothing had gone wrong"
        await store.close()
        shutil.rmtree(base)
    assert stopped > 20


async def test_what_a_repair_leaves_is_what_can_be_kept(child: Child, broken: Path) -> None:
    base, _ = child.run("none", on=broken, does="repair")
    store = FileExecutionEventStore(base, offload=False)
    for name, left in (("exec_cut", 4), ("exec_order", 8), ("exec_torn", 6), ("exec_caches", 8)):
        events = flat(batches(name, works=3))[:left]
        assert await store.get_event_history(name) == events
        lines = [line for batch in batches(name, works=3) for line in encode_batch(batch)]
        assert (base / name / "events.jsonl").read_bytes() == b"".join(lines[:left])
    assert [message.ordinal for message in await store.get_signals("exec_inbox")] == [1, 2, 3]
    assert (base / "exec_caches" / "events.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("fault", ["kill", "broken"])
async def test_a_removal_takes_all_or_nothing(child: Child, tmp_path: Path, fault: str) -> None:
    source = tmp_path / "source"
    store = FileExecutionEventStore(source, create=True, offload=False, durability="normal")
    events = flat(batches())
    await store.append_events(events)
    await store.send_signal("exec_one", SignalMaker().signal())
    await store.save_snapshot(snapshot_of(events))
    await store.close()
    outcomes = set()
    for base, _ in child.at_each_call(fault, on=source, does="delete"):
        store = FileExecutionEventStore(base, offload=False, durability="normal")
        found = await store.get_event_history("exec_one")
        outcomes.add(len(found))
        assert found in ([], events)
        if found:
            assert len(await store.get_signals("exec_one")) == 1
            assert await store.delete_execution("exec_one")
        await store.repair()
        assert [path.name for path in base.iterdir() if path.name not in (".gitignore", "changes")] == []
        await store.append_events(batches(mark="b")[0])
        assert await store.get_signals("exec_one") == []
        await store.close()
    assert outcomes == ({0, len(events)} if fault == "kill" else {0})


async def test_who_has_a_history_open_whose_remover_died_writes_nothing_into_the_void(tmp_path: Path) -> None:
    base = tmp_path / "store"
    begin, work, *_ = batches()
    store = FileExecutionEventStore(base, create=True, offload=False, durability="normal")
    await store.append_events(begin)
    (base / "exec_one").rename(base / ".deleted-exec_one-00000000")
    with pytest.raises(ConflictError):
        await store.append_events(work)
    await store.append_events(begin)
    assert await FileExecutionEventStore(base, offload=False).get_event_history("exec_one") == begin
    await store.close()
