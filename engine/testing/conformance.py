"""Does a store behave as `engine.store` says? Checks for whoever writes one.

With pytest and pytest-asyncio (in its auto mode), subclass and give fixtures; every check is a test:

    class TestMyStore(SharedStoreConformance):
        store_type = MyStore

        @pytest.fixture
        async def store(self, tmp_path):
            store = MyStore(tmp_path)
            yield store
            await store.close()

        @pytest.fixture
        async def other(self, store, tmp_path):
            ...  # another one on the same data

What a store can do besides (`capabilities`) is found by looking at `store_type`, and gets tests of its own; what it
cannot do gets none. Without pytest, run the functions of `checks_for(store)` on a new, empty store each:
`await check(store)` raises `NotConformingError` naming what should be so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from engine.store import ExecutionEventStore
from engine.testing import (
    conformance_due,
    conformance_history,
    conformance_inbox,
    conformance_lists,
    conformance_sharing,
)
from engine.testing.conformance_base import Check, NotConformingError, SharedCheck
from engine.testing.conformance_optional import OPTIONAL_CHECKS, OPTIONAL_SHARED_CHECKS, capabilities
from engine.testing.conformance_readonly import READ_ONLY_CHECKS

__all__ = [
    "CHECKS",
    "OPTIONAL_CHECKS",
    "OPTIONAL_SHARED_CHECKS",
    "READ_ONLY_CHECKS",
    "SHARED_CHECKS",
    "Check",
    "NotConformingError",
    "ReadOnlyStoreConformance",
    "SharedCheck",
    "SharedStoreConformance",
    "StoreConformance",
    "capabilities",
    "checks_for",
    "shared_checks_for",
]

CHECKS: tuple[Check, ...] = (
    *conformance_history.CHECKS,
    *conformance_lists.CHECKS,
    *conformance_inbox.CHECKS,
    *conformance_due.CHECKS,
    *conformance_sharing.CHECKS,
)
"""What every store must do. Each takes a new, empty store."""
SHARED_CHECKS: tuple[SharedCheck, ...] = (
    *conformance_sharing.SHARED_CHECKS,
    *conformance_inbox.SHARED_CHECKS,
    *conformance_due.SHARED_CHECKS,
)
"""Each takes two stores on the same new, empty data, as two processes would have them; it may close the second."""


def checks_for(store: object) -> tuple[Check, ...]:
    """All checks for a store, or a type of store: the required ones, and those of the capabilities it has."""
    return CHECKS + tuple(check for name in sorted(capabilities(store)) for check in OPTIONAL_CHECKS.get(name, ()))


def shared_checks_for(store: object) -> tuple[SharedCheck, ...]:
    """All checks for two stores on the same data."""
    names = sorted(capabilities(store))
    return SHARED_CHECKS + tuple(check for name in names for check in OPTIONAL_SHARED_CHECKS.get(name, ()))


class StoreConformance:
    """A test per check. Needs a fixture `store`: a new, empty one."""

    store_type: ClassVar[type[Any] | None] = None
    """What the fixtures give; without it, the store must have no optional capabilities."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.store_type is not None:
            for check in checks_for(cls.store_type):
                setattr(cls, f"test_{check.__name__}", _as_test(check))

    async def test_all_that_it_can_do_is_checked(self, store: ExecutionEventStore) -> None:
        """The store has the capabilities that were found in `store_type`, and no others."""
        found, checked = capabilities(store), capabilities(self.store_type)
        if found != checked:
            raise NotConformingError(
                f"the store can do {sorted(found)}, but {sorted(checked)} is checked: "
                f"say `store_type = {type(store).__name__}` in the class of the tests"
            )


class SharedStoreConformance(StoreConformance):
    """Also the checks with two stores. Needs a second fixture `other`: another store on the data of `store`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.store_type is not None:
            for check in shared_checks_for(cls.store_type):
                setattr(cls, f"test_{check.__name__}", _as_shared_test(check))


class ReadOnlyStoreConformance:
    """The checks for a store that may only be looked at. Needs a fixture `store`: one that holds an execution."""


def _as_test(check: Check) -> Callable[[Any, ExecutionEventStore], Awaitable[None]]:
    async def test(self: object, store: ExecutionEventStore) -> None:
        await check(store)

    test.__doc__ = check.__doc__
    return test


def _as_shared_test(
    check: SharedCheck,
) -> Callable[[Any, ExecutionEventStore, ExecutionEventStore], Awaitable[None]]:
    async def test(self: object, store: ExecutionEventStore, other: ExecutionEventStore) -> None:
        await check(store, other)

    test.__doc__ = check.__doc__
    return test


for _check in CHECKS:
    setattr(StoreConformance, f"test_{_check.__name__}", _as_test(_check))
for _shared in SHARED_CHECKS:
    setattr(SharedStoreConformance, f"test_{_shared.__name__}", _as_shared_test(_shared))
for _read in READ_ONLY_CHECKS:
    setattr(ReadOnlyStoreConformance, f"test_{_read.__name__}", _as_test(_read))
