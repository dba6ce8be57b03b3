"""Every store of ours behaves as the port says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.store import ExecutionEventStore
from engine.testing.conformance import SharedStoreConformance
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore


class TestMemory(SharedStoreConformance):
    @pytest.fixture
    async def store(self) -> AsyncIterator[MemoryExecutionEventStore]:
        store = MemoryExecutionEventStore()
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, store: MemoryExecutionEventStore) -> AsyncIterator[MemoryExecutionEventStore]:
        other = store.open_again()
        yield other
        await other.close()

    def test_it_is_a_store(self, store: MemoryExecutionEventStore) -> None:
        assert isinstance(store, ExecutionEventStore)


class TestFileInThreads(SharedStoreConformance):
    offload = True

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[FileExecutionEventStore]:
        store = FileExecutionEventStore(tmp_path / "store", create=True, offload=self.offload)
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, store: FileExecutionEventStore) -> AsyncIterator[FileExecutionEventStore]:
        other = FileExecutionEventStore(store.base, offload=self.offload)
        yield other
        await other.close()

    def test_it_is_a_store(self, store: FileExecutionEventStore) -> None:
        assert isinstance(store, ExecutionEventStore)


class TestFileOnTheLoop(TestFileInThreads):
    offload = False
