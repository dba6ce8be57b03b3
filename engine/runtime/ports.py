"""What the runtime asks of the world around it: the time and fresh ids. Tests give their own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from typeid import TypeID


class Clock(Protocol):
    """The time of day for what is recorded, and a steady one for measuring."""

    def now(self) -> datetime:
        """The current moment, with a time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary start."""
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


class TypeIdSource:
    """Type-prefixed, time-ordered ids (TypeID over UUIDv7)."""

    def new(self, prefix: str) -> str:
        return str(TypeID(prefix))
