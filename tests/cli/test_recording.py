"""Durability and patience on the command line: options, what is said of a failing store, exit code 4."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dive_tui.cli.recording import SAY_AGAIN, NoticeTeller
from engine.model.events import ExecutionEvent
from engine.runtime.config import PersistenceConfig
from engine.runtime.losses import LostUnit
from engine.runtime.notices import SizeWarning, StoreTrouble
from engine.store import ReadOnlyError, StoreError
from stores.memory import MemoryExecutionEventStore
from tests.cli.shop import Caller, Shop

MODULES = ("run", "recover", "work")


class FailingStore(MemoryExecutionEventStore):
    """Takes a few batches, then the disk is full: for ever, or for some tries."""

    def __init__(self, batches: int, error: StoreError, times: int = 10**9) -> None:
        super().__init__()
        self._left = batches
        self._error = error
        self._times = times

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        self._left -= 1
        if self._left < 0 and self._times > 0:
            self._times -= 1
            raise self._error
        await super().append_events(events)


FULL = StoreError("no space left on device")
Fail = Callable[..., None]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Let `run` have a store that fails, and some patience in seconds."""

    def prepare(error: StoreError, patience: float = 0.2, batches: int = 1, times: int = 10**9) -> None:
        monkeypatch.setattr("dive_tui.cli.run.open_store", lambda *_, **__: FailingStore(batches, error, times))
        config = PersistenceConfig(store_patience=patience)
        monkeypatch.setattr("dive_tui.cli.run.persistence", lambda *_: config)

    return prepare


def test_store_that_fails_for_too_long_ends_the_run_with_what_is_lost(call: Caller, fail: Fail) -> None:
    fail(FULL)
    ended = call("run", "order.yaml", "-i", "amount=1")
    assert ended.code == 4
    checking, trying, sentence, lost = ended.err.splitlines()
    assert checking == "checking 1"
    assert trying == "the store fails (no space left on device): trying again, 0 s left"
    assert sentence == "the store failed, the execution is interrupted: no space left on device"
    assert re.fullmatch(r"not recorded: main › Validate \(effect key exec_\w{26}/main/Validate/1#1\)", lost)


def test_what_a_store_says_of_its_failure_is_not_said_twice(call: Caller, fail: Fail) -> None:
    fail(StoreError("the store at /long: path/store.db failed: no space left on device (/x)"))
    said = call("run", "order.yaml", "-i", "amount=1").err.splitlines()[1:3]
    assert said == [
        "the store fails (no space left on device (/x)): trying again, 0 s left",
        "the store failed, the execution is interrupted: no space left on device (/x)",
    ]


def test_items_that_are_lost_are_counted_from_one() -> None:
    assert str(LostUnit("exec_1", "main", "Work", 1, 11, "key")) == "main › Work, item 12"
    assert str(LostUnit("exec_1", "main", "Work", 2, None, "key")) == "main › Work, visit 2"


def test_store_that_fails_for_good_ends_the_run_at_once(call: Caller, fail: Fail) -> None:
    fail(ReadOnlyError("the store is only to be looked at"), patience=60)
    ended = call("run", "order.yaml", "-i", "amount=1")
    assert ended.code == 4
    assert ended.err.splitlines()[1] == (
        "the store failed, the execution is interrupted: the store is only to be looked at"
    )


def test_store_that_works_again_in_time_costs_nothing(call: Caller, fail: Fail) -> None:
    fail(FULL, patience=60, times=2)
    ended = call("run", "order.yaml", "-i", "amount=1")
    assert ended.code == 0
    assert "✓ completed  order" in ended.out
    said = [line for line in ended.err.splitlines() if line.startswith("the store")]
    assert said == [
        "the store fails (no space left on device): trying again, 60 s left",
        "the store works again",
    ]


def test_a_failing_store_is_told_of_now_and_then() -> None:
    said: list[str] = []
    now = 100.0
    teller = NoticeTeller(said.append, lambda: now)
    for left in range(60, 50, -1):
        teller(StoreTrouble("exec_1", "full", left))
        now += 1
    assert said == [
        "the store fails (full): trying again, 60 s left",
        f"the store fails (full): trying again, {60 - SAY_AGAIN:.0f} s left",
    ]
    teller(StoreTrouble("exec_1", "", 0))
    teller(StoreTrouble("exec_2", "", 0))
    assert said[2:] == ["the store works again"]
    teller(StoreTrouble("exec_1", "full", 60))
    assert len(said) == 4


def test_sizes_are_told_with_their_execution() -> None:
    said: list[str] = []
    NoticeTeller(said.append)(SizeWarning("exec_00000000000000000000abcde", "events", "Pack", 10_240, 10_240))
    assert said == [
        "warning: execution …abcde: the history has 10,240 events (warned of from 10,240 on) at step 'Pack'"
    ]


def test_a_large_payload_is_warned_of_once_for_a_step(shop: Shop, call: Caller) -> None:
    items = "[" + ", ".join(["'" + "x" * 300_000 + "'"] * 2) + "]"
    shop.write(
        "large.yaml",
        f"name: large\nsteps:\n  - {{name: Say, each: {{items: {items}}}, action: shout_less, parameters: {{}}}}\n",
    )
    shop.write("shop_actions.py", "from dive_tui import action\n@action\ndef shout_less():\n    return 'y' * 300_000\n")
    ended = call("run", "large.yaml")
    assert ended.code == 0
    warnings = [line for line in ended.err.splitlines() if line.startswith("warning: ")]
    assert len([line for line in warnings if "at step 'Say'" in line]) == 1


# Durability


class Opened:
    """What the commands opened their stores with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.durability: list[str] = []
        for module in ("dive_tui.cli.run", "dive_tui.cli.selecting"):
            monkeypatch.setattr(f"{module}.open_store", self._wrapped(module))
        self.batchers = 0
        monkeypatch.setattr("engine.lifecycle.driving.EventBatcher", self._batcher)

    def _wrapped(self, module: str) -> Any:
        from stores.location import open_store

        def opened(location: str, **options: Any) -> Any:
            self.durability.append(options["durability"])
            return open_store(location, **options)

        return opened

    def _batcher(self, *arguments: Any) -> Any:
        from engine.runtime.batching import EventBatcher

        self.batchers += 1
        return EventBatcher(*arguments)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch)


def test_durability_is_full_unless_somebody_says_otherwise(shop: Shop, call: Caller, opened: Opened) -> None:
    assert call("run", "order.yaml", "-i", "amount=1").code == 0
    assert (opened.durability, opened.batchers) == (["full"], 0)


@pytest.mark.parametrize("durability", ["normal", "relaxed"])
def test_the_project_says_how_durable_its_executions_are_and_an_option_says_otherwise(
    shop: Shop, call: Caller, opened: Opened, durability: str
) -> None:
    shop.write("pyproject.toml", f'[tool.dive]\nactions = ["shop_actions"]\ndurability = "{durability}"\n')
    assert call("run", "order.yaml", "-i", "amount=1").code == 0
    assert call("work", "--once").code == 0
    assert call("recover", "--all").code == 0
    relaxed = durability == "relaxed"
    assert opened.durability == [durability] * 3
    assert opened.batchers == (2 if relaxed else 0), "recover --all had nothing to recover"
    assert call("run", "order.yaml", "-i", "amount=1", "--durability", "full").code == 0
    assert opened.durability[3:] == ["full"]
    assert opened.batchers == (2 if relaxed else 0)


@pytest.mark.parametrize("command", [("run", "order.yaml", "-i", "amount=1"), ("work", "--once"), ("recover", "--all")])
def test_the_option_is_taken_by_every_command_that_executes(
    call: Caller, opened: Opened, command: tuple[str, ...]
) -> None:
    assert call("run", "order.yaml", "-i", "amount=1").code == 0
    assert call(*command, "--durability", "relaxed").code == 0
    assert opened.durability == ["full", "relaxed"]


def test_an_unknown_durability_is_refused(shop: Shop, call: Caller) -> None:
    ended = call("run", "order.yaml", "-i", "amount=1", "--durability", "fast")
    assert ended.code == 2
    assert 'Choose from: "full", "normal", "relaxed"' in ended.err
    shop.write("pyproject.toml", '[tool.dive]\ndurability = "relaxd"\n')
    ended = call("run", "order.yaml", "-i", "amount=1")
    assert ended.code == 2
    assert ended.err.splitlines()[0].endswith(
        "[tool.dive]: 'durability' must be one of 'full', 'normal', 'relaxed', not 'relaxd'; did you mean 'relaxed'?"
    )
    assert not shop.store.exists()


def test_a_relaxed_run_is_whole_when_it_has_ended(shop: Shop, call: Caller) -> None:
    ended = call("run", "order.yaml", "-i", "amount=1", "--durability", "relaxed")
    assert ended.code == 0
    assert "21 events" in ended.out
    assert len(call("events", "last", "--json").out.splitlines()) == 21


def test_watch_hands_the_option_on() -> None:
    from dive_tui.cli.options import Common
    from dive_tui.cli.run import _Wanted

    wanted = _Wanted("w.yaml", None, (), None, None, "60s", "relaxed")
    assert wanted.arguments(Common()) == ["run", "w.yaml", "--durability", "relaxed"]
