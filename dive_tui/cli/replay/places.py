"""Where in a history `replay --to` points: an event, a time, or a step."""

from __future__ import annotations

import re
from datetime import datetime

from dive_tui.cli.problems import UsageError
from engine.core.expression_errors import nearest, shown_text
from engine.model.durations import parse_duration
from engine.replay.history import History
from engine.replay.session.session import ReplaySession, SessionError

_EVENT = re.compile(r"-?[0-9]{1,18}")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def event_number(text: str | None) -> int | None:
    """The event that a place names by its number, which needs no history; None for any other place.

    Raises:
        UsageError: events count from 1.
    """
    if text is None or not _EVENT.fullmatch(text):
        return None
    if int(text) < 1:
        raise UsageError(f"--to must be an event number from 1, not {text}")
    return int(text)


def seek_place(session: ReplaySession, text: str) -> None:
    """Go to a place: an event's number, `+12.5s` after the start, a time, or where a step first begins.

    Raises:
        UsageError: there is no such event or step, or no event by that time.
    """
    number = event_number(text)
    if number is not None:
        session.seek(number)
    elif text.startswith("+"):
        session.seek_seconds(_after_start(text))
    elif _CLOCK.fullmatch(text) or _DATE.match(text):
        _seek_time(session, text)
    else:
        _seek_step(session, text)


def _after_start(text: str) -> float:
    try:
        return parse_duration(text[1:])
    except ValueError as error:
        raise UsageError(f"--to {text}: {error}") from None


def _seek_time(session: ReplaySession, text: str) -> None:
    """A date and time, or a time of the day on which the execution began; in the local zone unless it names one."""
    began = datetime.fromtimestamp(session.history.columns.started).astimezone()
    try:
        if _CLOCK.fullmatch(text):
            clock = datetime.strptime(text if text.count(":") > 1 else f"{text}:00", _format(text)).time()  # noqa: DTZ007 - the zone is the day's
            moment = datetime.combine(began.date(), clock).astimezone()
        else:
            moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            f"--to {shown_text(text)} is no time; write one like 09:14:02 or 2026-03-01T09:14:02Z"
        ) from None
    if moment.timestamp() < session.history.columns.started:
        raise UsageError(
            f"nothing had happened by {shown_text(text)}; the execution began at {began:%Y-%m-%d %H:%M:%S}"
        )
    session.seek_time(moment)


def _format(clock: str) -> str:
    return "%H:%M:%S.%f" if "." in clock else "%H:%M:%S"


def _seek_step(session: ReplaySession, text: str) -> None:
    session.seek(0)
    try:
        session.seek_step(text)
    except SessionError:
        raise UsageError(_no_step(session.history, text)) from None


def _no_step(history: History, text: str) -> str:
    names = history.columns.step_names()
    close = nearest(text, names)
    hint = f"; did you mean {shown_text(close)}?" if close else f"; there are {', '.join(map(shown_text, names[:20]))}"
    return f"no step {shown_text(text)} has begun{hint if names else ''}"
