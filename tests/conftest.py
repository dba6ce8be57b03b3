"""Fixtures every area uses: a clock, ids and a store that do what a test says. Importing `sizes` sets the tier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.lifecycle.engine import Engine
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.sizes import SIZES, Sizes


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
    """Engines on the test's clock, ids and store; every argument of `Engine` may be given instead."""

    def make(*actions: Any, **options: Any) -> Engine:
        return Engine(**{"store": store, "clock": clock, "ids": ids, "actions": actions} | options)

    return make
