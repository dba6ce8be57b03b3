"""Does a store behave as `engine.store` says? Checks for whoever writes one.

With pytest and pytest-asyncio (in its auto mode), subclass and give fixtures; every check is a test:

    class TestMyStore(SharedStoreConformance):
        @pytest.fixture
        async def store(self, tmp_path):
            store = MyStore(tmp_path)
            yield store
            await store.close()

        @pytest.fixture
        async def other(self, store, tmp_path):
            ...  # another one on the same data

Without, run the functions of `CHECKS` on a new, empty store each: `await check(store)` raises `NotConformingError`
naming what should be so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.store import ExecutionEventStore
from engine.testing import (
    conformance_due,
    conformance_history,
    conformance_inbox,
    conformance_lists,
    conformance_sharing,
)
from engine.testing.conformance_base import Check, NotConformingError, SharedCheck

__all__ = ["CHECKS", "SHARED_CHECKS", "NotConformingError", "SharedStoreConformance", "StoreConformance"]

CHECKS: tuple[Check, ...] = (
    *conformance_history.CHECKS,
    *conformance_lists.CHECKS,
    *conformance_inbox.CHECKS,
    *conformance_due.CHECKS,
    *conformance_sharing.CHECKS,
)
"""Each takes a new, empty store."""
SHARED_CHECKS: tuple[SharedCheck, ...] = (
    *conformance_sharing.SHARED_CHECKS,
    *conformance_inbox.SHARED_CHECKS,
    *conformance_due.SHARED_CHECKS,
)
"""Each takes two stores on the same new, empty data, as two processes would have them; it may close the second."""


class StoreConformance:
    """A test per check. Needs a fixture `store`: a new, empty one."""


class SharedStoreConformance(StoreConformance):
    """Also the checks with two stores. Needs a second fixture `other`: another store on the data of `store`."""


def _as_test(check: Check) -> Callable[[StoreConformance, ExecutionEventStore], Awaitable[None]]:
    async def test(self: StoreConformance, store: ExecutionEventStore) -> None:
        await check(store)

    test.__doc__ = check.__doc__
    return test


def _as_shared_test(
    check: SharedCheck,
) -> Callable[[SharedStoreConformance, ExecutionEventStore, ExecutionEventStore], Awaitable[None]]:
    async def test(self: SharedStoreConformance, store: ExecutionEventStore, other: ExecutionEventStore) -> None:
        await check(store, other)

    test.__doc__ = check.__doc__
    return test


for _check in CHECKS:
    setattr(StoreConformance, f"test_{_check.__name__}", _as_test(_check))
for _shared in SHARED_CHECKS:
    setattr(SharedStoreConformance, f"test_{_shared.__name__}", _as_shared_test(_shared))
