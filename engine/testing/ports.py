"""A clock and ids that do what a test says, so that two runs record the same bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TURNS = 50
"""Turns of the loop that others get before time is skipped: somebody may be about to do something."""
_MOMENT = 0.001
"""Seconds between two looks whether it is still busy."""


class _Sleeper(NamedTuple):
    due: float
    woken: asyncio.Future[None]
    idle: bool


class FakeClock:
    """Starts at a fixed moment and moves only when told, or by `tick` seconds at each look at the time of day.

    With `skip`, time jumps to the next timer whenever an execution has nothing else to do: a workflow that sleeps for
    a week is tested in a moment. It stands still while `busy` says that something else is under way.
    """

    busy: Callable[[], bool]

    def __init__(
        self,
        start: datetime = datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC),
        tick: float = 0.0,
        *,
        skip: bool = False,
    ) -> None:
        self._start = start
        self._elapsed = 0.0
        self._tick = tick
        self._skip = skip
        self.busy = bool
        self._sleepers: list[_Sleeper] = []

    def now(self) -> datetime:
        self._elapsed += self._tick
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float, *, idle: bool) -> None:
        sleeper = _Sleeper(self._elapsed + seconds, asyncio.get_running_loop().create_future(), idle)
        self._sleepers.append(sleeper)
        try:
            if self._skip and idle:
                await self._skip_to(sleeper)
            await sleeper.woken
        finally:
            self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Let time pass; a negative number sets the clock back. Who has slept long enough wakes."""
        self._elapsed += seconds
        for sleeper in self._sleepers:
            if sleeper.due <= self._elapsed and not sleeper.woken.done():
                sleeper.woken.set_result(None)

    async def _skip_to(self, sleeper: _Sleeper) -> None:
        """Move time on for this sleeper, unless somebody has to be woken before or something is still going on."""
        while not sleeper.woken.done():
            since = self._elapsed
            await self._quiet()
            if since == self._elapsed and not sleeper.woken.done() and sleeper.due <= self._next_due():
                self.advance(sleeper.due - self._elapsed)

    async def _quiet(self) -> None:
        """Come back when for so many turns in a row nothing was busy: what has just ended is still to be answered."""
        turns = 0
        while turns < _TURNS:
            busy = self.busy()
            turns = 0 if busy else turns + 1
            await asyncio.sleep(_MOMENT if busy else 0)

    def _next_due(self) -> float:
        return min(sleeper.due for sleeper in self._sleepers if sleeper.idle)


class SequentialIds:
    """Ids that count up from 1 for each prefix, in the form of real ones."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def new(self, prefix: str) -> str:
        number = self._last[prefix] = self._last.get(prefix, 0) + 1
        digits = ""
        for _ in range(26):
            number, digit = divmod(number, 32)
            digits = _ALPHABET[digit] + digits
        return f"{prefix}_{digits}"
