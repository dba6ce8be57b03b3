"""Every store of ours behaves as the port says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.store import ExecutionEventStore
from engine.testing.conformance import (
    CHECKS,
    OPTIONAL_CHECKS,
    SHARED_CHECKS,
    NotConformingError,
    ReadOnlyStoreConformance,
    SharedStoreConformance,
    StoreConformance,
    capabilities,
)
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore
from tests.stores.broken_options import CapableMemory, ReadOnlyMemory

ROOT = Path(__file__).parents[2]
SUCH_TEST = "test_lines_can_be_moved"


class TestMemory(SharedStoreConformance):
    store_type = MemoryExecutionEventStore

    @pytest.fixture
    async def store(self) -> AsyncIterator[MemoryExecutionEventStore]:
        store = self.store_type()
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, store: MemoryExecutionEventStore) -> AsyncIterator[MemoryExecutionEventStore]:
        other = store.open_again()
        yield other
        await other.close()

    def test_it_is_a_store(self, store: MemoryExecutionEventStore) -> None:
        assert isinstance(store, ExecutionEventStore)


class TestMemoryThatCanDoAll(TestMemory):
    store_type = CapableMemory


class TestReadOnly(ReadOnlyStoreConformance):
    @pytest.fixture
    async def store(self) -> ReadOnlyMemory:
        return await ReadOnlyMemory.filled()


class TestFileInThreads(SharedStoreConformance):
    store_type = FileExecutionEventStore
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


class TestSQLiteInThreads(SharedStoreConformance):
    store_type = SQLiteExecutionEventStore
    offload = True

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SQLiteExecutionEventStore]:
        store = SQLiteExecutionEventStore(tmp_path / "store.db", create=True, offload=self.offload)
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, store: SQLiteExecutionEventStore, tmp_path: Path) -> AsyncIterator[SQLiteExecutionEventStore]:
        other = SQLiteExecutionEventStore(tmp_path / "store.db", offload=self.offload)
        yield other
        await other.close()

    def test_it_is_a_store(self, store: SQLiteExecutionEventStore) -> None:
        assert isinstance(store, ExecutionEventStore)


class TestSQLiteOnTheLoop(TestSQLiteInThreads):
    offload = False


def test_our_stores_can_do_all_there_is() -> None:
    for store_type in (FileExecutionEventStore, SQLiteExecutionEventStore):
        assert capabilities(store_type) == OPTIONAL_CHECKS.keys()
    assert capabilities(MemoryExecutionEventStore) == {"direct"}


def test_what_a_store_cannot_do_is_not_tested() -> None:
    assert hasattr(TestFileInThreads, SUCH_TEST)
    assert hasattr(TestMemoryThatCanDoAll, SUCH_TEST)
    assert not hasattr(TestMemory, SUCH_TEST)
    assert not hasattr(StoreConformance, SUCH_TEST)


def test_half_a_capability_is_none() -> None:
    class Examines(MemoryExecutionEventStore):
        async def examine(self) -> list[str]:
            return []

    assert capabilities(Examines) == capabilities(Examines()) == {"direct"}


async def test_what_nobody_said_it_can_do_is_missed() -> None:
    class Tests(StoreConformance):
        store_type = MemoryExecutionEventStore

    await Tests().test_all_that_it_can_do_is_checked(MemoryExecutionEventStore())
    with pytest.raises(NotConformingError, match=r"'maintenance'.*store_type = CapableMemory"):
        await Tests().test_all_that_it_can_do_is_checked(CapableMemory())


def documented_examples() -> list[str]:
    section = (ROOT / "docs" / "testing.md").read_text().split("## A store of your own", 1)[1]
    return [part.split("```", 1)[0] for part in section.split("```python\n")[1:]]


def test_the_documented_example_runs(tmp_path: Path) -> None:
    (tmp_path / "test_my_store.py").write_text(documented_examples()[0])
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    command = [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-W", "error"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    count = len(CHECKS) + len(SHARED_CHECKS) + 1
    assert re.search(rf"^{count} passed", ran.stdout, re.MULTILINE), ran.stdout


def test_the_documented_loop_runs() -> None:
    exec(documented_examples()[1], {"MyStore": CapableMemory})
