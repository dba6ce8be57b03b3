"""A file store in a folder of its own, and histories to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stores.file.store import FileExecutionEventStore


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
async def store(base: Path) -> AsyncIterator[FileExecutionEventStore]:
    store = FileExecutionEventStore(base, create=True, offload=False)
    yield store
    await store.close()
