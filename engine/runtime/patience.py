"""A store that fails is given time: what it did not take is tried again, with growing pauses, for a while."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from engine.runtime.losses import RecordingError
from engine.runtime.notices import Notices, StoreTrouble
from engine.runtime.ports import Clock
from engine.store import (
    ConflictError,
    DamagedHistoryError,
    DamagedInboxError,
    ForeignStoreError,
    OwnedError,
    ReadOnlyError,
    StoreError,
    StoreNotFoundError,
    UnknownExecutionError,
)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two tries: at first, and at most."""
HURRIED = 5.0
"""Seconds, at most, for somebody who was asked to come to an end."""
FOR_GOOD = (
    ConflictError,
    DamagedHistoryError,
    DamagedInboxError,
    ForeignStoreError,
    OwnedError,
    ReadOnlyError,
    RecordingError,
    StoreNotFoundError,
    UnknownExecutionError,
)
"""What no time heals."""
T = TypeVar("T")


class Patience:
    """So many seconds, by the monotonic clock, from the first failure of an operation on."""

    def __init__(self, clock: Clock, seconds: float, notices: Notices | None = None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._notices = notices

    def hurry(self) -> None:
        """Have less patience from now on: somebody waits for an end. From any thread."""
        self._seconds = min(self._seconds, HURRIED)

    async def keep_trying(self, execution_id: str, operation: Callable[[], Awaitable[T]]) -> T:
        """What the operation gives. It may be called many times, so repeating it must change nothing.

        Raises:
            StoreError: it failed for good, or for longer than there is patience; the error is the last one.
        """
        try:
            return await operation()
        except FOR_GOOD:
            raise
        except StoreError as error:
            return await self.try_again(execution_id, operation, error)

    async def try_again(self, execution_id: str, operation: Callable[[], Awaitable[T]], error: StoreError) -> T:
        """The same for an operation that has just failed, with this error."""
        began = self._clock.monotonic()
        for pause in _pauses():
            left = began + self._seconds - self._clock.monotonic()
            if left <= 0:
                raise error
            self._tell(StoreTrouble(execution_id, str(error) or type(error).__name__, left))
            await self._clock.sleep(min(pause, left), idle=True)
            try:
                result = await operation()
            except FOR_GOOD:
                raise
            except StoreError as another:
                error = another
            else:
                self._tell(StoreTrouble(execution_id, "", 0.0))
                return result
        raise AssertionError("pauses never end")

    def _tell(self, trouble: StoreTrouble) -> None:
        if self._notices is not None:
            self._notices(trouble)


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
