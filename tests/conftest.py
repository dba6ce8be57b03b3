"""Fixtures every area uses: a clock, ids and a store that do what a test says. Importing `sizes` sets the tier."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dive_tui.app.text import set_ascii
from engine.lifecycle.engine import Engine
from engine.runtime.config import PersistenceConfig
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.sizes import SIZES, Sizes

# Textual reads these once, when it is first imported.
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ.pop("NO_COLOR", None)


@pytest.fixture(autouse=True)
def no_symbols_left_over() -> Iterator[None]:
    """The choice between Unicode and ASCII holds for the process; no test inherits that of another."""
    yield
    set_ascii(False)


@pytest.fixture
def sizes() -> Sizes:
    return SIZES


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture
def store() -> MemoryExecutionEventStore:
    return MemoryExecutionEventStore()


@pytest.fixture
def make_engine(clock: FakeClock, ids: SequentialIds, store: MemoryExecutionEventStore) -> Callable[..., Engine]:
    """Engines on the test's clock, ids and store; every argument of `Engine` may be given instead.

    A store that fails is not given time, which on a clock that stands still would never be over.
    """
    config = PersistenceConfig(store_patience=0)

    def make(*actions: Any, **options: Any) -> Engine:
        given = {"store": store, "clock": clock, "ids": ids, "actions": actions, "config": config}
        return Engine(**given | options)

    return make
