"""Times as they are recorded: RFC 3339 in UTC with microseconds, a fixed width, so that text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(moment: datetime) -> str:
    """`2026-03-01T09:14:02.000000Z` for an aware datetime of any zone.

    Raises:
        ValueError: the datetime has no time zone.
    """
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise ValueError("a recorded time needs a time zone")
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """The moment an RFC 3339 text names, in UTC (nanoseconds are cut to microseconds).

    Raises:
        ValueError: the text is not such a time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def seconds_between(start: str, end: str) -> float:
    """Seconds from one recorded time to another; negative when the second comes first."""
    return (parse_time(end) - parse_time(start)).total_seconds()


def epoch_seconds(text: str) -> float:
    """Seconds since 1970-01-01 UTC of a recorded time."""
    return (parse_time(text) - EPOCH).total_seconds()
