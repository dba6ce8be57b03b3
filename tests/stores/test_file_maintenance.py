"""Examining a file store tells what is wrong with it; a repair mends what can be mended and loses nothing readable."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from engine.model.ids import InvalidIdError
from engine.store import DamagedHistoryError
from engine.testing.conformance_events import SignalMaker
from engine.testing.conformance_lists import snapshot_of
from stores.codec import encode_batch, seal
from stores.file.lines import Reading, between_appends, survey_once
from stores.file.store import FileExecutionEventStore
from stores.maintenance import Maintainable
from tests.stores.filed import EVENTS, LINES, OPEN, kinds, opened, repaired, stored, tree
from tests.stores.histories import batches, flat


async def test_a_store_in_use_is_sound(base: Path, store: FileExecutionEventStore) -> None:
    assert isinstance(store, Maintainable)
    await store.acquire_owner("exec_one", "runner_1")
    sender = SignalMaker()
    for batch in OPEN:
        await store.append_events(batch)
        await store.send_signal("exec_one", sender.signal())
    await store.save_snapshot(snapshot_of(flat(OPEN)[:4]))
    await store.acquire_owner("exec_two", "runner_1")
    before = tree(base)
    assert await store.examine() == []
    assert await store.repair() == []
    assert tree(base) == before


async def test_progress_names_what_is_looked_at(base: Path) -> None:
    for name in ("exec_b", "exec_a"):
        await stored(base, batches(name)[:1])
    told: list[tuple[int, int, str]] = []
    store = opened(base)
    await store.examine(progress=lambda *facts: told.append(facts))
    assert told == [(0, 2, "exec_a"), (1, 2, "exec_b"), (2, 2, "")]
    told.clear()
    await store.repair("exec_b", progress=lambda *facts: told.append(facts))
    assert told == [(0, 1, "exec_b"), (1, 1, "")]
    assert await store.examine("exec_none") == []
    for work in (store.examine, store.repair):
        with pytest.raises(InvalidIdError):
            await work("../x")


async def test_a_history_is_read_once(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await stored(base, OPEN)
    looks: list[str] = []

    def counted(fd: int, execution_id: str) -> Reading:
        looks.append(execution_id)
        return survey_once(fd, execution_id)

    monkeypatch.setattr("stores.file.problems.survey_once", counted)
    assert await opened(base).examine() == []
    assert looks == ["exec_one"]


async def test_a_folder_that_may_not_be_read_hides_no_other(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await stored(base, OPEN)
    file = await stored(base, batches("exec_two", works=3)[:-1])
    file.write_bytes(file.read_bytes()[:-3])
    original = os.open

    def refused(path: str | Path, flags: int, *args: int, **kwargs: int) -> int:
        if str(path).endswith("exec_one"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return original(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refused)
    found = await opened(base).examine()
    assert ("torn", "exec_two") in [(finding.kind, finding.execution_id) for finding in found]
    assert {finding.problem for finding in found if finding.execution_id == "exec_one"} == {
        "it cannot be read: Permission denied"
    }


@pytest.mark.parametrize("length", [1, 300, -1])
async def test_a_torn_tail_is_cut_off_and_kept(base: Path, length: int) -> None:
    file = await stored(base, OPEN)
    content, torn = file.read_bytes(), b"".join(LINES[len(flat(OPEN)) :])[:length]
    file.write_bytes(content + torn)
    (mended,) = await repaired(base)
    assert (mended.finding.kind, mended.finding.place) == ("torn", f"events.jsonl, byte {len(content)}")
    assert mended.outcome == "cut off and kept as events.torn-1"
    assert file.read_bytes() == content
    assert (file.parent / "events.torn-1").read_bytes() == torn


@pytest.mark.parametrize("broken", range(len(flat(OPEN))))
async def test_a_damaged_line_ends_the_history_as_a_kill_would(base: Path, broken: int) -> None:
    file = await stored(base, OPEN)
    store = opened(base)
    await store.save_snapshot(snapshot_of(flat(OPEN)))
    lines = LINES[: len(flat(OPEN))]
    lines[broken] = lines[broken].replace(b'"sequence":', b'"sequenza":')
    file.write_bytes(b"".join(lines))
    whole = broken // 2 * 2
    (finding, *_) = await opened(base).examine()
    assert (finding.kind, finding.execution_id) == ("damaged", "exec_one")
    assert finding.place == f"events.jsonl, byte {len(b''.join(lines[:broken]))}"
    mended = await repaired(base)
    assert mended[0].outcome == f"{whole} events are left, what followed is kept as events.damaged-1"
    assert (file.parent / "events.damaged-1").read_bytes() == b"".join(lines[whole:])
    assert file.read_bytes() == b"".join(LINES[:whole])
    again = opened(base)
    assert await again.get_event_history("exec_one") == EVENTS[:whole]
    listed = await again.list_executions()
    assert [(line.last_event_seq, line.shown_status, line.error) for line in listed] == (
        [(whole, "interrupted", "")] if whole else []
    )
    await again.acquire_owner("exec_one", "runner_2")
    await again.append_events(EVENTS[whole:])
    assert await again.get_event_history("exec_one") == EVENTS
    await again.close()


def unsealed(line: bytes) -> bytes:
    record = orjson.loads(line)
    del record["crc"]
    return orjson.dumps(record) + b"\n"


def counted(line: bytes, k: int) -> bytes:
    record = orjson.loads(line)
    del record["crc"]
    return seal(record, k) + b"\n"


def another(line: bytes) -> bytes:
    record = orjson.loads(line)
    k = int(record.pop("crc").split(".")[1])
    return seal(record | {"id": record["id"] + "x"}, k) + b"\n"


@pytest.mark.parametrize(
    ("change", "left"),
    [
        pytest.param(lambda lines: lines[:4] + lines[2:], 10, id="a batch twice"),
        pytest.param(lambda lines: lines[:5] + lines[4:], 10, id="a line twice"),
        pytest.param(lambda lines: lines + lines[:2], 10, id="the beginning at the end"),
        pytest.param(lambda lines: lines[:2] + lines[4:6] + lines[2:4] + lines[6:], 10, id="batches exchanged"),
        pytest.param(lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], 10, id="lines exchanged"),
        pytest.param(lambda lines: lines[::-1], 10, id="backwards"),
        pytest.param(lambda lines: [*lines[:3], b"rubbish\n", *lines[3:]], 10, id="a foreign line"),
        pytest.param(lambda lines: [*lines[:3], b"\n", *lines[3:]], 10, id="an empty line"),
        pytest.param(lambda lines: [*lines[:4], b"x" + lines[4], *lines[4:]], 10, id="broken, and again whole"),
        pytest.param(lambda lines: lines[:4] + lines[6:], 4, id="a batch is missing"),
        pytest.param(lambda lines: lines[:5] + lines[6:], 4, id="a line is missing"),
        pytest.param(lambda lines: [*lines[:4], unsealed(lines[4]), *lines[5:]], 4, id="mixed with unsealed"),
        pytest.param(lambda lines: lines[:2] + lines[4:6] + lines[2:4] + lines[8:], 6, id="exchanged, then missing"),
        pytest.param(lambda lines: [*lines[:4], counted(lines[4], 3), *lines[5:]], 4, id="counts that do not fit"),
        pytest.param(lambda lines: [*lines[:3], another(lines[2]), *lines[2:]], 2, id="two claim one place"),
        pytest.param(
            lambda lines: [*lines[:4], *encode_batch(batches("exec_two", works=4)[2]), *lines[6:]],
            4,
            id="of another execution",
        ),
    ],
)
async def test_what_can_be_put_in_order_is_kept(
    base: Path, change: Callable[[list[bytes]], list[bytes]], left: int
) -> None:
    file = await stored(base, OPEN)
    lines = LINES[: len(flat(OPEN))]
    content = b"".join(change(lines))
    file.write_bytes(content)
    with pytest.raises(DamagedHistoryError) as caught:
        await opened(base).get_event_history("exec_one")
    before = len(caught.value.readable)
    assert len(await repaired(base)) == 1
    assert file.read_bytes() == b"".join(lines[:left])
    kept = (file.parent / "events.damaged-1").read_bytes()
    assert kept == content[len(b"".join(lines[:before])) :], "all from there on, byte for byte"


async def test_hand_written_histories_are_put_in_order_too(base: Path) -> None:
    FileExecutionEventStore(base, create=True)
    file = base / "exec_one" / "events.jsonl"
    file.parent.mkdir(mode=0o700)
    lines = [unsealed(line) for line in LINES[:6]]
    file.touch(0o600)
    file.write_bytes(b"".join([*lines[:2], lines[3], lines[2], *lines[4:]]).removesuffix(b"\n"))
    await repaired(base)
    assert file.read_bytes() == b"".join(lines)


async def test_damage_that_comes_back_is_kept_once(base: Path) -> None:
    file = await stored(base, OPEN)
    broken = file.read_bytes().replace(b'"visit":1', b'"visit":7', 1)
    for _ in range(3):
        file.write_bytes(broken)
        await repaired(base)
    file.write_bytes(broken + b"!")
    await repaired(base)
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == ["events.damaged-1", "events.damaged-2", "events.jsonl"]


async def test_what_a_living_runner_owns_is_left_alone(base: Path) -> None:
    file = await stored(base, OPEN)
    broken = file.read_bytes().replace(b'"visit":1', b'"visit":7', 1)
    file.write_bytes(broken)
    runner = opened(base)
    await runner.acquire_owner("exec_one", "runner_1")
    (mended,) = await opened(base).repair()
    assert "left alone: " in mended.outcome and "runner_1" in mended.outcome
    assert file.read_bytes() == broken
    await runner.close()
    await repaired(base)
    assert file.read_bytes() != broken


async def test_an_owner_that_cannot_be_told_leaves_all_alone(base: Path) -> None:
    file = await stored(base, OPEN)
    file.write_bytes(file.read_bytes()[:-5])
    (file.parent / "owner").symlink_to("/etc/passwd")
    found = await opened(base).examine()
    assert sorted(kinds(found))[1] == ("unsafe", "owner")
    assert all(not finding.remedy for finding in found)
    assert await repaired(base) == []


async def test_who_has_it_open_goes_on_after_a_repair(base: Path) -> None:
    file = await stored(base, OPEN[:2])
    store, mending = opened(base), opened(base)
    await store.append_events(OPEN[2])
    content = file.read_bytes()
    lines = content.splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], *lines[4:], *lines[2:4]]))
    watching = store.watch()
    await mending.repair()
    assert await anext(watching) == {"exec_one"}
    assert file.read_bytes() == content
    await store.append_events(OPEN[3])
    assert await mending.get_event_history("exec_one") == flat(OPEN[:4])
    await store.close()


async def test_damage_told_by_a_reader_while_somebody_writes_is_looked_at_again(base: Path) -> None:
    """A batch that is being written is not torn: who examines waits for its end."""
    file = await stored(base, OPEN)
    whole = file.read_bytes()
    file.write_bytes(whole[:-40])
    original = between_appends

    def finished(fd: int):  # type: ignore[no-untyped-def]
        file.write_bytes(whole)
        return original(fd)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stores.file.problems.between_appends", finished)
        assert await opened(base).examine() == []


async def test_what_is_cut_is_on_the_disk_before_it_goes(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a loss of power could take both."""
    file = await stored(base, OPEN)
    calls: list[tuple[str, str]] = []

    def recorded(name: str) -> None:
        original = getattr(os, name)

        def call(target: int | Path, *args: object) -> object:
            what = os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else str(args[0])
            calls.append((name, Path(what).name))
            return original(target, *args)

        monkeypatch.setattr(os, name, call)

    for name in ("fdatasync", "fsync", "replace", "ftruncate"):
        recorded(name)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:4], b"x", *lines[4:]]))
    await opened(base).repair()
    (_, temporary), *others = calls
    assert temporary.startswith(".events.jsonl.")
    assert others[:4] == [
        ("replace", "events.damaged-1"),
        ("fsync", "exec_one"),
        ("ftruncate", "events.jsonl"),
        ("fdatasync", "events.jsonl"),
    ]
    calls.clear()
    file.write_bytes(b"".join([*lines[:2], *lines[4:6], *lines[2:4]]))
    await opened(base).repair()
    assert [name for name, _ in calls] == ["fdatasync", "replace", "fsync"] * 2
