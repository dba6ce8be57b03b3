"""Durations as people write them: `250ms`, `10s`, `5m`, `1h30m`, `2d`, or a plain number of seconds."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DURATION = 100 * 365 * 86_400.0
"""Seconds in a hundred years."""

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = r"(?:(?P<{unit}>[0-9]+(?:\.[0-9]+)?){unit})?"
_PARTS = re.compile("".join(_PART.format(unit=unit) for unit in _UNITS))
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class Duration(NamedTuple):
    """A duration and how exactly it was written, both in seconds."""

    seconds: float
    unit: float
    """The smallest unit that was written: 60 for `1h30m`, 0.001 for `250ms`."""


def parse_duration(text: str) -> float:
    """The seconds a duration stands for. Units go from large to small: d, h, m, s, ms.

    Raises:
        ValueError: the text is no duration, or one of more than a hundred years; a sentence that says so.
    """
    return read_duration(text).seconds


def read_duration(text: str) -> Duration:
    """Like `parse_duration`, with the smallest unit that was written.

    Raises:
        ValueError: as `parse_duration`.
    """
    written = text.strip()
    parts = _PARTS.fullmatch(written)
    if _SECONDS.fullmatch(written):
        duration = Duration(float(written), 1.0)
    elif written and parts:
        numbers = {unit: float(number) for unit, number in parts.groupdict().items() if number is not None}
        duration = Duration(sum(number * _UNITS[unit] for unit, number in numbers.items()), _UNITS[[*numbers][-1]])
    else:
        raise ValueError(f"{_shown(text)} is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds")
    if duration.seconds > MAX_DURATION:
        raise ValueError(f"{_shown(text)} is longer than a hundred years")
    return duration


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
