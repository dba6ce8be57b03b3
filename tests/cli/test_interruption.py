"""Ctrl-C and its kin: once cancels cleanly, twice ends at once."""

from __future__ import annotations

import signal

import pytest

from tests.cli.shop import Shop, one_step

CANCELLING = "cancelling; once more ends at once, without recording it"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("action", "said"), [("wait_for_ever", "waiting"), ("block", "blocking")])
def test_once_cancels_and_records_it(shop: Shop, action: str, said: str, number: signal.Signals) -> None:
    shop.write("long.yaml", one_step(action))
    ended = shop.interrupted("run", "long.yaml", after=said, signals=[number])
    assert ended.code == 130
    assert ended.err.splitlines() == [said, CANCELLING]
    assert ended.out.startswith("⊘ Only  cancelled\n\n⊘ cancelled  single · …")
    (summary,) = shop.process("list", "--json").json
    assert (summary["status"], summary["live"]) == ("cancelled", None)
    last = shop.process("events", "last", "--type", "execution_cancelled", "--json").json
    assert last["data"] == {"by": "person", "reason": "Ctrl-C" if number == signal.SIGINT else "terminated"}


def test_json_is_printed_after_a_cancellation(shop: Shop) -> None:
    shop.write("long.yaml", one_step("wait_for_ever"))
    ended = shop.interrupted("run", "long.yaml", "--json", after="waiting", signals=[signal.SIGINT])
    assert (ended.code, ended.json["status"]) == (130, "cancelled")


def test_twice_ends_at_once_and_leaves_it_interrupted(shop: Shop) -> None:
    shop.write("long.yaml", one_step("block_the_loop"))
    ended = shop.interrupted("run", "long.yaml", after="blocking the loop", signals=[signal.SIGINT, signal.SIGINT])
    assert (ended.code, ended.out) == (130, "")
    (summary,) = shop.process("list", "--json").json
    assert (summary["status"], summary["live"]) == ("running", False)
    assert "◌ interrupted" in shop.process("list", "status:interrupted").out
