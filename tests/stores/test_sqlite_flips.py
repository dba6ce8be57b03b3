"""Torn transactions and flipped bits in a database: what was acknowledged is there, or somebody is told."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Self

import apsw
import pytest

from engine.store import DamagedHistoryError, DamagedInboxError, StoreError
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.sizes import SIZES
from tests.stores.histories import batches, flat
from tests.stores.sqlite_files import PAGE, make_small, opened, seen, write

BATCHES = batches()
HISTORY = flat(BATCHES)
PARTS = 4
"""So that several processes can share the flips."""


def flipped(content: bytes, bit: int) -> bytes:
    place, shift = divmod(bit, 8)
    return content[:place] + bytes([content[place] ^ 1 << shift]) + content[place + 1 :]


async def test_a_transaction_torn_at_any_byte_is_not_there_and_all_before_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = opened(path, create=True)
    for batch in BATCHES[:-1]:
        await store.append_events(batch)
    wal = Path(f"{path}-wal")
    begins = wal.stat().st_size
    await store.append_events(BATCHES[-1])
    database, log = path.read_bytes(), wal.read_bytes()
    await store.close()
    assert begins < len(log), "the last transaction stands at the end of the log"
    whole = len(HISTORY) - len(BATCHES[-1])
    copy = tmp_path / "copy.db"
    for end in [*range(begins, len(log), SIZES.bytes_apart), len(log) - 1, len(log)]:
        copy.write_bytes(database)
        Path(f"{copy}-wal").write_bytes(log[:end])
        Path(f"{copy}-shm").unlink(missing_ok=True)
        torn = opened(copy)
        found = await torn.get_event_history("exec_one")
        assert found == (HISTORY if end == len(log) else HISTORY[:whole]), f"torn at byte {end}"
        (summary,) = await torn.list_executions()
        assert summary.last_event_seq == len(found)
        await torn.append_events(HISTORY[len(found) :])
        assert await torn.get_event_history("exec_one") == HISTORY
        await torn.close()


async def test_every_flipped_bit_of_a_line_is_found_and_placed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = opened(path, create=True)
    for batch in BATCHES:
        await store.append_events(batch)
    with closing(apsw.Connection(str(path))) as raw:
        raw.pragma("synchronous", "OFF")
        rows = raw.execute("SELECT position, line FROM events ORDER BY position").fetchall()
        assert len(rows) == len(HISTORY)
        count = 0
        for sequence, (position, line) in enumerate(rows, start=1):
            for bit in range(sequence % SIZES.line_bits_apart, 8 * len(line), SIZES.line_bits_apart):
                raw.execute("UPDATE events SET line = ? WHERE position = ?", (flipped(line, bit), position))
                with pytest.raises(DamagedHistoryError) as caught:
                    await store.get_event_history("exec_one")
                assert caught.value.place == f"table events, event {sequence}"
                assert caught.value.readable == HISTORY[: sequence - 1]
                count += 1
            raw.execute("UPDATE events SET line = ? WHERE position = ?", (line, position))
    assert count > 20_000 // SIZES.line_bits_apart
    assert await store.get_event_history("exec_one") == HISTORY
    await store.close()


async def test_every_flipped_bit_of_a_message_is_found_and_placed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await make_small(path)
    store = opened(path)
    with closing(apsw.Connection(str(path))) as raw:
        raw.pragma("synchronous", "OFF")
        (ordinal, line), *_ = raw.execute("SELECT ordinal, line FROM messages ORDER BY ordinal DESC").fetchall()
        assert ordinal == 2
        for bit in range(0, 8 * len(line), SIZES.line_bits_apart):
            raw.execute("UPDATE messages SET line = ? WHERE ordinal = 2", (flipped(line, bit),))
            with pytest.raises(DamagedInboxError) as caught:
                await store.get_signals("exec_waits")
            assert caught.value.place == "table messages, message 2"
            assert [signal.ordinal for signal in caught.value.readable] == [1]
    await store.close()


async def test_an_event_that_is_gone_is_missed(tmp_path: Path) -> None:
    for sequence in range(1, len(HISTORY) + 1):
        path = tmp_path / f"{sequence}.db"
        await write(path, BATCHES)
        with closing(apsw.Connection(str(path))) as raw:
            raw.execute("DELETE FROM events WHERE position & 0xffffffff = ?", (sequence,))
        store = opened(path)
        with pytest.raises(DamagedHistoryError, match="it is missing") as caught:
            await store.get_event_history("exec_one")
        assert caught.value.readable == HISTORY[: sequence - 1]
        await store.close()


async def test_a_message_that_is_gone_is_missed(tmp_path: Path) -> None:
    for ordinal in (1, 2):
        path = tmp_path / f"{ordinal}.db"
        await make_small(path)
        with closing(apsw.Connection(str(path))) as raw:
            raw.execute("DELETE FROM messages WHERE ordinal = ?", (ordinal,))
        store = opened(path)
        with pytest.raises(DamagedInboxError, match="it is missing") as caught:
            await store.get_signals("exec_waits")
        assert [signal.ordinal for signal in caught.value.readable] == list(range(1, ordinal))
        await store.close()


class Damaged:
    """What becomes of a store when its file is damaged."""

    def __init__(self, path: Path, content: bytes, wanted: dict[str, Any]) -> None:
        self.path, self.content, self.wanted = path, content, wanted

    @classmethod
    async def of_a_new_store(cls, folder: Path) -> Self:
        path = folder / "store.db"
        content = await make_small(path)
        store = opened(path)
        wanted = await seen(store)
        await store.close()
        assert [len(wanted[name]["events"]) for name in ("exec_one", "exec_waits", "exec_ended")] == [4, 4, 6]
        damaged = cls(folder / "damaged.db", content, wanted)
        assert await damaged.verdict(content) == "harmless"
        whole = opened(damaged.path)
        assert await whole.examine() == [], "in what is whole nothing is found"
        await whole.close()
        return damaged

    async def verdict(self, content: bytes) -> str:
        """`refused`: reading raises what a person can understand; `harmless`: all that is read is as it was; `found`:
        something else is read, and examining finds something; `silent`: it finds nothing."""
        self.path.touch(mode=0o600)
        self.path.write_bytes(content)
        for suffix in ("-wal", "-shm", "-changes"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        try:
            store = opened(self.path)
        except StoreError:
            return "refused"
        try:
            return await self._verdict(store)
        finally:
            await store.close()

    async def _verdict(self, store: SQLiteExecutionEventStore) -> str:
        try:
            found = await seen(store)
        except StoreError:
            return "refused"
        for name, of_one in found.items():
            # A snapshot is a cache: one that cannot be read is as good as none.
            if name.startswith("exec_") and of_one["snapshot"] is None:
                of_one["snapshot"] = self.wanted[name]["snapshot"]
        if found == self.wanted:
            return "harmless"
        try:
            findings = await store.examine()
            return "found" if any(finding.kind in ("damaged", "stale") for finding in findings) else "silent"
        except StoreError:
            return "found"


def where(place: int) -> str:
    return f"page {place // PAGE + 1}, byte {place % PAGE}"


@pytest.mark.parametrize("part", range(PARTS))
async def test_no_flipped_bit_of_the_file_goes_unseen(tmp_path: Path, part: int) -> None:
    damaged = await Damaged.of_a_new_store(tmp_path)
    apart = SIZES.file_bits_apart
    bits = range(part * apart, 8 * len(damaged.content), PARTS * apart)
    verdicts = {bit: await damaged.verdict(flipped(damaged.content, bit)) for bit in bits}
    assert [where(bit // 8) for bit in bits if verdicts[bit] == "silent"] == []
    assert set(verdicts.values()) == {"refused", "harmless", "found"}


async def test_no_huge_number_in_the_file_goes_unseen(tmp_path: Path) -> None:
    damaged = await Damaged.of_a_new_store(tmp_path)
    content = damaged.content
    places = range(0, len(content) - 9, SIZES.bytes_apart)
    # Nine bytes like these are the largest number that a size, a place or a row's number can be.
    verdicts = {at: await damaged.verdict(content[:at] + b"\xff" * 9 + content[at + 9 :]) for at in places}
    assert [where(at) for at in places if verdicts[at] == "silent"] == []
    assert set(verdicts.values()) == {"refused", "harmless", "found"}
