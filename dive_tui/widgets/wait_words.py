"""What somebody waits for and how long still, in words; each is safe for any recorded data, but not yet for display."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dive_tui.app.text import ellipsis, human_duration
from engine.model.ids import short_id
from engine.model.times import epoch_seconds

_MOST_TEXT = 400
_MOST_NAMES = 8
CONTROLS = {"$pause": "pause", "$resume": "resume", "$cancel": "cancel", "$wake": "wake"}
"""Topics that are no signals of the workflow, but what a person asked of its execution."""


def id_words(execution_id: object) -> str:
    """An id as lists show it."""
    return short_id(str(execution_id)[:_MOST_TEXT]).replace("…", ellipsis())


def summary_words(waiting_for: str) -> str:
    """What a summary says an execution waits for."""
    return waiting_for[:_MOST_TEXT].replace("…", ellipsis())


def wait_words(data: Mapping[str, Any]) -> str:
    """What the data of a `step_waiting` says: `signal approve`, `sleep`, `child …k3rg2`, `join left, right`."""
    kind = str(data.get("for") or "something")[:_MOST_TEXT]
    if kind == "signal":
        return f"signal {str(data.get('topic') or '')[:_MOST_TEXT]}"
    if kind == "child" and data.get("child_id"):
        return f"child {id_words(data['child_id'])}"
    return join_words(data.get("join")) if kind == "join" else kind


def join_words(join: object) -> str:
    """What a join waits for: `join left, right`, `join 1 of left, right`."""
    paths = join.get("paths") if isinstance(join, Mapping) else None
    if not isinstance(paths, list) or not paths:
        return "join"
    names = names_in(paths)
    count = join.get("count") if isinstance(join, Mapping) else None
    return f"join {count} of {names}" if isinstance(count, int) and count < len(paths) else f"join {names}"


def names_in(values: list[Any]) -> str:
    """The first of some names."""
    more = [ellipsis()] if len(values) > _MOST_NAMES else []
    return ", ".join([str(value)[:_MOST_TEXT] for value in values[:_MOST_NAMES]] + more)


def seconds_until(moment: object, since: float) -> float | None:
    """Seconds from one time (since 1970) to a recorded one; None for what is no time."""
    if not isinstance(moment, str):
        return None
    try:
        return epoch_seconds(moment) - since
    except (ValueError, OverflowError):
        return None


def seconds_between(start: str, end: object) -> float | None:
    """Seconds from one recorded time to another; None when either is none."""
    try:
        return seconds_until(end, epoch_seconds(start))
    except (ValueError, OverflowError):
        return None


def countdown(seconds: float) -> str:
    """A time that is left, in whole seconds: `in 8s`, `in 3m20`; `due` once there is none."""
    left = math.ceil(seconds - 1e-6)
    if left <= 0:
        return "due"
    return f"in {left}s" if left < 60 else f"in {human_duration(left)}"


def countdown_to(moment: object, now: datetime) -> str:
    """The same to a recorded time; empty when it is none."""
    left = seconds_until(moment, now.timestamp())
    return "" if left is None else countdown(left)
