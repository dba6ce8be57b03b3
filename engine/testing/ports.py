"""A clock and ids that do what a test says, so that two runs record the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class FakeClock:
    """Starts at a fixed moment and moves only when told, or by `tick` seconds at each look at the time of day."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC), tick: float = 0.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._tick = tick

    def now(self) -> datetime:
        self._elapsed += self._tick
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass; a negative number sets the clock back."""
        self._elapsed += seconds


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
