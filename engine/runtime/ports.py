"""What the runtime asks of the world around it: the time and fresh ids. Tests give their own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from typeid import TypeID


class Clock(Protocol):
    """The time of day for what is recorded, and a steady one for measuring and waiting."""

    def now(self) -> datetime:
        """The current moment, with a time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float, *, idle: bool) -> None:
        """Come back after so many seconds. `idle` says that whoever asks has nothing else to do until then."""
        ...


class IdSource(Protocol):
    """Fresh identifiers."""

    def new(self, prefix: str) -> str:
        """`<prefix>_` and 26 characters; never the same twice."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float, *, idle: bool) -> None:
        await asyncio.sleep(seconds)


class TypeIdSource:
    """Type-prefixed, time-ordered ids (TypeID over UUIDv7)."""

    def new(self, prefix: str) -> str:
        return str(TypeID(prefix))
