"""Ctrl-C and its kin: once cancels cleanly, twice ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, cast

import pytest

from dive_tui.cli.driving import Interruptions
from dive_tui.cli.selecting import user_name
from tests.cli.shop import Shop, one_step

CANCELLING = "cancelling; once more ends at once, without recording it"


@pytest.mark.parametrize(("action", "said"), [("wait_for_ever", "waiting"), ("block", "blocking")])
def test_once_cancels_and_records_it(shop: Shop, action: str, said: str) -> None:
    shop.write("long.yaml", one_step(action))
    ended = shop.interrupted("run", "long.yaml", after=said, signals=[signal.SIGINT])
    assert ended.code == 130
    assert ended.err.splitlines() == [said, CANCELLING]
    assert ended.out.startswith("⊘ Only  cancelled\n\n⊘ cancelled  single · …")
    (summary,) = shop.process("list", "--json").json
    assert (summary["status"], summary["live"]) == ("cancelled", None)
    last = shop.process("events", "last", "--type", "execution_cancelled", "--json").json
    assert last["data"] == {"by": user_name(), "reason": "Ctrl-C"}


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


class DeafEngine:
    """Only hears what it is asked for the second time: as if it was just taking an execution up."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.heard = asyncio.Event()

    def stop(self) -> None:
        self._ask("stop")

    def cancel_all(self, *words: str) -> None:
        self._ask("cancel", *words)

    def _ask(self, *words: str) -> None:
        self.asked.append(words)
        if len(self.asked) > 1:
            self.heard.set()


@pytest.mark.parametrize(
    ("number", "cancels", "wanted"),
    [
        (signal.SIGINT, True, ("cancel", user_name(), "Ctrl-C")),
        (signal.SIGINT, False, ("stop",)),
        (signal.SIGTERM, True, ("stop",)),
        (signal.SIGTERM, False, ("stop",)),
    ],
)
async def test_a_signal_is_passed_on_until_it_is_heard(
    number: signal.Signals, cancels: bool, wanted: tuple[str, ...]
) -> None:
    engine, before = DeafEngine(), signal.getsignal(number)
    with Interruptions(cast(Any, engine), cancels=cancels) as interruptions:
        os.kill(os.getpid(), number)
        await engine.heard.wait()
    assert set(engine.asked) == {wanted}
    assert interruptions.received is number
    assert signal.getsignal(number) is before
