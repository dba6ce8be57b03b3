"""A repaired inbox: what was received keeps its place, what can be read is not lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.store import DamagedInboxError
from engine.testing.conformance_events import SignalMaker
from tests.stores.filed import opened, repaired, with_inbox


@pytest.mark.parametrize("broken", range(5))
@pytest.mark.parametrize("received", [0, 2, 5])
async def test_received_messages_keep_their_places_and_the_others_follow(
    base: Path, received: int, broken: int
) -> None:
    inbox = await with_inbox(base, received, 5)
    lines = inbox.read_bytes().splitlines(keepends=True)
    wanted = await opened(base).get_signals("exec_one")
    damaged = [*lines[:broken], lines[broken].replace(b'"n"', b'"m"'), *lines[broken + 1 :]]
    inbox.write_bytes(b"".join(damaged))
    with pytest.raises(DamagedInboxError):
        await opened(base).get_signals("exec_one")
    (mended,) = await repaired(base)
    assert mended.finding.kind == "damaged"
    assert (inbox.parent / "inbox.damaged-1").read_bytes() == b"".join(damaged[broken:])
    store = opened(base)
    found = await store.get_signals("exec_one")
    assert [message.ordinal for message in found] == [*range(1, len(found) + 1)]
    ids = [message.id for message in wanted]
    if broken >= received:
        ids.remove(wanted[broken].id)
    assert [message.id for message in found] == ids
    assert found[:received] == wanted[:received], "also what was lost, for the history has it"
    assert await store.send_signal("exec_one", SignalMaker("new").signal()) == len(found) + 1 > received
    await store.close()


async def test_messages_twice_or_in_the_wrong_order_are_put_in_order(base: Path) -> None:
    inbox = await with_inbox(base, 1, 4)
    content = inbox.read_bytes()
    one, two, three, four = content.splitlines(keepends=True)
    for lines in ([two, one, three, four], [one, two, two, three, four], [one, one, four, three, two]):
        inbox.write_bytes(b"".join(lines))
        await repaired(base)
        assert inbox.read_bytes() == content


async def test_an_inbox_that_lacks_what_was_received_is_filled_up(base: Path) -> None:
    inbox = await with_inbox(base, 3, 3)
    content = inbox.read_bytes()
    for short in (content.splitlines(keepends=True)[0], b""):
        inbox.write_bytes(short)
        (mended,) = await repaired(base)
        assert "has received message 3" in mended.finding.problem
        assert inbox.read_bytes() == content
    inbox.unlink()
    await repaired(base)
    assert inbox.read_bytes() == content


async def test_a_torn_message_is_cut_off_and_kept(base: Path) -> None:
    inbox = await with_inbox(base, 0, 2)
    content = inbox.read_bytes()
    inbox.write_bytes(content + b'{"id":"sig')
    (mended,) = await repaired(base)
    assert (mended.finding.kind, mended.outcome) == ("torn", "cut off and kept as inbox.torn-1")
    assert inbox.read_bytes() == content
    assert (inbox.parent / "inbox.torn-1").read_bytes() == b'{"id":"sig'


async def test_a_history_cut_before_messages_it_had_received_gets_them_again(base: Path) -> None:
    inbox = await with_inbox(base, 3, 3)
    file = inbox.with_name("events.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], lines[3][:-9] + b"x" + lines[3][-8:], *lines[4:]]))
    await repaired(base)
    summary = await opened(base).get_summary("exec_one")
    assert summary is not None and summary.inbox == 1
    assert [message.ordinal for message in await opened(base).get_signals("exec_one", 1)] == [2, 3]
