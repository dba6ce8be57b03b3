"""Playing: which event is due as recorded time goes on."""

from __future__ import annotations

from bisect import bisect_right

import pytest

from dive_tui.screens.execution.playing import LONGEST_PAUSE, SPEEDS, Playback


class Times:
    """Events at these seconds."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = seconds

    def __len__(self) -> int:
        return len(self._seconds)

    def seconds(self, sequence: int) -> float:
        return self._seconds[sequence - 1]

    def sequence_at(self, seconds: float) -> int:
        return max(1, bisect_right(self._seconds, seconds))


def played(playback: Playback, times: Times, sequence: int, *ticks: float) -> list[int]:
    shown = []
    for tick in ticks:
        sequence = playback.advance(times, sequence, tick)
        shown.append(sequence)
    return shown


def test_recorded_time_goes_on_as_it_did() -> None:
    times = Times(0.0, 0.5, 0.75, 0.75, 1.0)
    assert played(Playback(), times, 1, *[0.25] * 5) == [1, 2, 4, 5, 5]


def test_speed_scales_it() -> None:
    playback = Playback()
    assert playback.change_speed(1)
    assert playback.change_speed(1)
    assert playback.speed_text == "4x"
    assert played(playback, Times(0.0, 0.5, 2.0, 4.0), 1, 0.125, 0.375, 0.5) == [2, 3, 4]
    slow = Playback()
    assert slow.change_speed(-1)
    assert slow.change_speed(-1)
    assert slow.speed_text == "1/4x"
    assert played(slow, Times(0.0, 0.25), 1, 0.75, 0.25) == [1, 2]


def test_speeds_end_somewhere() -> None:
    playback = Playback()
    while playback.change_speed(1):
        pass
    assert playback.speed == SPEEDS[-1] == 64
    while playback.change_speed(-1):
        pass
    assert playback.speed == SPEEDS[0]


@pytest.mark.parametrize("speed", [1, 4])
def test_idle_gaps_are_shortened(speed: int) -> None:
    playback = Playback()
    while playback.speed < speed:
        playback.change_speed(1)
    times = Times(0.0, 3600.0, 7200.0)
    shown = played(playback, times, 1, *[LONGEST_PAUSE / 4] * 10)
    assert shown == [1, 1, 1, 1, 2, 2, 2, 2, 2, 3]


def test_it_goes_on_from_where_somebody_went() -> None:
    times = Times(*[number / 4 for number in range(20)])
    playback = Playback()
    assert played(playback, times, 1, 0.25, 0.25) == [2, 3]
    assert played(playback, times, 10, 0.25) == [11]
    assert played(playback, times, 4, 0.25) == [5]


def test_the_end_is_the_end() -> None:
    assert played(Playback(), Times(0.0, 0.1), 2, 1.0) == [2]
    assert played(Playback(), Times(), 0, 1.0) == [0]
