"""What an execution waits for, in words, and the commands that let it go on."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dive_tui.cli.printing import shown_time, typed
from engine.model.ids import short_id
from engine.model.state import AttemptState, AttemptStatus, ExecutionStatus, PathState
from engine.model.times import parse_time
from engine.replay.history import History

_EXAMPLE = '{"ok": true}'
_UNITS = ((86_400, 36 * 3_600, "days"), (3_600, 90 * 60, "h"), (60, 90, "min"))


class Waiting(NamedTuple):
    """One thing an execution waits for."""

    path: str
    step: str
    kind: str
    """`signal`, `sleep`, `join`, `child` or `retry`."""
    words: str
    """`signal approve`, `join of 2 of left, right`, `child …k3rg2`, `retry, attempt 3`."""
    due_at: str | None
    """When it is over by itself."""
    topic: str = ""


def time_until(moment: str, now: datetime) -> str:
    """How long until a recorded time: `in 8 s`, `in 4 min`, `in 3 h`, `in 2 days`, or `now`."""
    try:
        seconds = (parse_time(moment) - now).total_seconds()
    except (ValueError, OverflowError, TypeError):
        return str(moment)
    if seconds <= 0:
        return "now"
    for size, least, word in _UNITS:
        if seconds >= least:
            return f"in {round(seconds / size):,} {word}"
    return f"in {math.ceil(seconds)} s"


def until(moment: str | None, now: datetime) -> str:
    """`until 14:05:01 (in 4 min)`; nothing where there is no such moment."""
    return f"until {shown_time(moment, now.astimezone())} ({time_until(moment, now)})" if moment else ""


def wait_words(data: Mapping[str, Any]) -> str:
    """What a `step_waiting` event says that its step waits for."""
    kind = str(data.get("for", ""))
    join = data.get("join")
    if kind == "signal":
        return f"signal {data.get('topic', '')}"
    if kind == "child":
        return f"child {short_id(str(data.get('child_id', '')))}"
    if kind == "join" and isinstance(join, Mapping) and isinstance(join.get("paths"), list):
        names, count = [str(name) for name in join["paths"]], join.get("count")
        some = f"{count} of " if count != len(names) else ""
        return f"join of {some}{', '.join(names)}"
    return kind


def open_waits_of(history: History) -> list[Waiting]:
    """Everything an execution waits for at the end of its history, path by path."""
    return [wait for path in history.latest.paths.values() for wait in _of_path(history, path)]


def _of_path(history: History, path: PathState) -> Iterator[Waiting]:
    attempts: list[tuple[int | None, AttemptState]] = []
    if path.each is not None:
        attempts += path.each.open.items()
    elif path.unit is not None:
        attempts.append((None, path.unit))
    for index, attempt in attempts:
        item = "" if index is None else f" for item {index + 1}"
        if attempt.status is AttemptStatus.RETRYING:
            words = f"retry{item}, attempt {attempt.number + 1}"
            yield Waiting(path.id, path.current_step, "retry", words, attempt.due_at)
        elif attempt.wait is not None:
            wait = attempt.wait
            recorded = history.event(wait.since).data
            yield Waiting(
                path.id, path.current_step, wait.kind, wait_words(recorded) + item, wait.due_at, topic=wait.topic
            )


def ways_on(
    history: History,
    status: str,
    reference: str,
    *,
    store: str | None,
    driven: bool | None = False,
    sent: Collection[str] = (),
) -> list[str]:
    """The commands, in order, that let an execution of this (shown) status go on; none when it has ended or runs.

    `store` is that of the command line, where it was named. With `driven` a runner is at it, which sees to the rest;
    topics and kinds of messages that were `sent` need not be sent again.
    """
    if history.latest.ended or history.latest.info.dialect:
        return []
    go_on = [] if driven else [typed("recover", reference, store=store)]
    if status == ExecutionStatus.PAUSED:
        return [*([] if "resume" in sent else [typed("resume", reference, store=store)]), *go_on]
    waits = open_waits_of(history)
    topics = dict.fromkeys(wait.topic for wait in waits if wait.kind == "signal" and wait.topic not in sent)
    ways = [typed("signal", reference, topic, "--data", _EXAMPLE, store=store) for topic in topics]
    if any(wait.kind in ("sleep", "retry") for wait in waits) and "wake" not in sent:
        ways.append(typed("wake", reference, store=store))
    return ways + go_on


def now_utc() -> datetime:
    """This moment."""
    return datetime.now(UTC)
