"""Playing a history: which event is due as recorded time goes on, at a speed and with idle gaps shortened."""

from __future__ import annotations

from typing import Protocol

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
LONGEST_PAUSE = 1.0
"""Seconds that pass at most before the next event, whatever the time between the two was."""


class Times(Protocol):
    """When events happened."""

    def __len__(self) -> int: ...
    def seconds(self, sequence: int) -> float: ...
    def sequence_at(self, seconds: float) -> int: ...


class Playback:
    """How far a history has been played, and how fast."""

    def __init__(self) -> None:
        self.speed = 1.0
        """Recorded seconds per second."""
        self._sequence = 0
        self._at = 0.0

    @property
    def speed_text(self) -> str:
        """`4x`, or `1/4x` where it is slower than it was."""
        return f"{self.speed:g}x" if self.speed >= 1 else f"1/{1 / self.speed:g}x"

    def change_speed(self, step: int) -> bool:
        """Go to the next speed, or with -1 to the one before; whether there was one."""
        place = SPEEDS.index(self.speed) + step
        if not 0 <= place < len(SPEEDS):
            return False
        self.speed = SPEEDS[place]
        return True

    def advance(self, times: Times, sequence: int, seconds: float) -> int:
        """The event to show after so many seconds more, when that of this sequence is shown now."""
        if sequence >= len(times):
            return sequence
        if sequence != self._sequence:  # it begins here, or somebody moved the cursor
            self._sequence, self._at = sequence, times.seconds(sequence)
        following = times.seconds(sequence + 1)
        self._at = max(self._at + seconds * self.speed, following - LONGEST_PAUSE * self.speed)
        if self._at >= following:
            self._sequence = max(sequence + 1, times.sequence_at(self._at))
        return self._sequence
