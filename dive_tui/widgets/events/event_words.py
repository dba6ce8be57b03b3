"""How events are put into words: kind, glyph, place, and what they say, each safe for any recorded data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import human_count, human_duration
from dive_tui.widgets.json.json_text import preview
from dive_tui.widgets.wait_words import CONTROLS, id_words, names_in, seconds_between, wait_words
from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.model.times import parse_time
from engine.replay.salvaged import UNREADABLE

SAID_CELLS = 400
"""How much an event may say: more fits no line."""


class TimeFormat(StrEnum):
    """How times of events are shown."""

    ELAPSED = "elapsed"
    UTC = "UTC"
    LOCAL = "local"

    @property
    def described(self) -> str:
        """How times are shown, in words."""
        return {"elapsed": "since the start", "UTC": "in UTC", "local": "in local time"}[self.value]

    @property
    def following(self) -> TimeFormat:
        """The next one in turn."""
        formats = list(TimeFormat)
        return formats[(formats.index(self) + 1) % len(formats)]


def elapsed_text(seconds: float) -> str:
    """Time since the start, as exact as it is useful: `+11.71s +16m40.1s +1h05m12s +2d03h05m`."""
    if seconds < 60:
        return f"+{seconds:.2f}s"
    whole = int(seconds)
    minutes, hours, days = whole // 60 % 60, whole // 3600 % 24, whole // 86400
    if seconds < 3600:
        return f"+{minutes}m{int(seconds * 10) / 10 - minutes * 60:04.1f}s"
    if not days:
        return f"+{hours}h{minutes:02}m{whole % 60:02}s"
    return f"+{days}d{hours:02}h{minutes:02}m"


def moment_text(timestamp: str, form: TimeFormat, *, exact: bool = True) -> str:
    """The time of day of a recorded time, UTC or local, with milliseconds when `exact`."""
    try:
        moment = parse_time(timestamp)
        if form is TimeFormat.LOCAL:
            moment = moment.astimezone()
    except (ValueError, OverflowError):
        return "-"
    return moment.strftime("%H:%M:%S") + (f".{moment.microsecond // 1000:03}" if exact else "")


def date_text(timestamp: str, form: TimeFormat) -> str:
    """Date, time and zone of a recorded time."""
    try:
        moment: datetime = parse_time(timestamp)
        moment = moment.astimezone() if form is TimeFormat.LOCAL else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return "-"
    return moment.strftime("%Y-%m-%d %H:%M:%S") + f".{moment.microsecond // 1000:03} {moment.tzname()}"


class Look(NamedTuple):
    """Words, glyph name and palette name of a kind of event."""

    words: str
    glyph: str
    style: str


_LOOKS: dict[str, Look] = {
    ExecutionEventType.STEP_STARTED: Look("step started", "started", "dim"),
    ExecutionEventType.STEP_COMPLETED: Look("step completed", "completed", "ok"),
    ExecutionEventType.STEP_FAILED: Look("step failed", "failed", "failed"),
    ExecutionEventType.STEP_RETRY_SCHEDULED: Look("retry", "retry", "running"),
    ExecutionEventType.STEP_WAITING: Look("step waiting", "waiting", "waiting"),
    ExecutionEventType.STEP_SKIPPED: Look("step skipped", "skipped", "dim"),
    ExecutionEventType.PATH_STARTED: Look("path started", "started", "dim"),
    ExecutionEventType.PATH_BRANCHED: Look("path branched", "event", "dim"),
    ExecutionEventType.PATH_COMPLETED: Look("path completed", "completed", "ok"),
    ExecutionEventType.PATH_FAILED: Look("path failed", "failed", "failed"),
    ExecutionEventType.PATH_JOINED: Look("path joined", "joined", "accent"),
    ExecutionEventType.PATH_CANCELLED: Look("path cancelled", "cancelled", "dim"),
    ExecutionEventType.EXECUTION_STARTED: Look("started", "started", "dim"),
    ExecutionEventType.EXECUTION_COMPLETED: Look("completed", "completed", "ok"),
    ExecutionEventType.EXECUTION_FAILED: Look("failed", "failed", "failed"),
    ExecutionEventType.EXECUTION_CANCELLED: Look("cancelled", "cancelled", "dim"),
    ExecutionEventType.EXECUTION_CONTINUE_AS_NEW: Look("continued as new", "continued", "accent"),
    ExecutionEventType.EXECUTION_PAUSED: Look("paused", "paused", "waiting"),
    ExecutionEventType.EXECUTION_RESUMED: Look("resumed", "started", "dim"),
    ExecutionEventType.EXECUTION_RECOVERED: Look("recovered", "retry", "running"),
    ExecutionEventType.SIGNAL_RECEIVED: Look("signal received", "signal", "accent"),
    UNREADABLE: Look("unreadable", "failed", "failed"),
}
_EXECUTION_WORD = "execution "


def look_of(event_type: str) -> Look:
    """How a kind of event looks; one that is not known by its own name."""
    look = _LOOKS.get(event_type)
    if look is None:
        return Look(event_type.replace("_", " "), "event", "dim")
    if event_type.startswith("execution_") and look.words != "continued as new":
        return look._replace(words=_EXECUTION_WORD + look.words)
    return look


def item_of(data: Mapping[str, Any]) -> int | None:
    """The item of an each that an event is about, from 0."""
    iteration = data.get("iteration")
    index = iteration.get("index") if isinstance(iteration, Mapping) else None
    return index if isinstance(index, int) else None


def try_of(data: Mapping[str, Any]) -> str:
    """`item 12`, `attempt 3`, both, or nothing for the only try of a step."""
    item, attempt = item_of(data), data.get("attempt")
    words = [f"item {human_count(item + 1)}"] if item is not None else []
    if isinstance(attempt, int) and attempt > 1:
        words.append(f"attempt {attempt}")
    return " ".join(words)


def milliseconds(value: object) -> str:
    """A recorded duration; nothing when there is none."""
    return human_duration(value / 1000) if isinstance(value, int | float) and value >= 0 else ""


Said = list[tuple[str, str]]
"""Pieces of any text with palette names."""


def says(event: ExecutionEvent, glyphs: Glyphs) -> Said:
    """What an event says, in a few words and the beginnings of values."""
    teller = _TELLERS.get(event.event_type, _tell_anything)
    said = teller(event.data, glyphs)
    lasts = seconds_between(event.timestamp, event.data.get("due_at"))
    if event.event_type == ExecutionEventType.STEP_WAITING and lasts is not None:
        most = "" if event.data.get("for") == "sleep" else "at most "
        said.append((most + human_duration(max(0.0, lasts)), "dim"))
    return said


def _tell_start(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    items = data.get("items")
    if isinstance(items, list) and "iteration" not in data:
        return [(f"{human_count(len(items))} items", "dim")]
    if data.get("child_id"):
        return _pieces((try_of(data), "dim"), (f"child {id_words(data['child_id'])}", "text"))
    parameters = data.get("step_params")
    shown = preview(parameters, SAID_CELLS, bare=True) if parameters else ""
    return _pieces((try_of(data), "dim"), (shown, "dim"))


def _tell_completion(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    variable, output = data.get("stored_variable"), data.get("output")
    stored = f"{glyphs.arrow} {variable}" if variable else ""
    took = milliseconds(data.get("duration_ms")) if data.get("duration_ms") else ""
    if isinstance(output, Mapping) and "items" in output and output.keys() <= {"items", "failed"}:
        # Of an each as a whole, which only counts.
        shown = f"{output['items']} items" + (f", {output['failed']} failed" if output.get("failed") else "")
    else:
        shown = "" if output is None else preview(output, SAID_CELLS)
    signal = data.get("signal")
    took_signal = f"took signal {signal}" if isinstance(signal, int) else ""
    return _pieces((try_of(data), "dim"), (took, "dim"), (took_signal, "accent"), (stored, "text"), (shown, "dim"))


def _tell_failure(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    words = f"{data.get('error_type') or 'error'}: {str(data.get('error', ''))[:SAID_CELLS]}"
    return _pieces((try_of(data), "dim"), (words, "failed"), (what_follows(data, glyphs), "dim"))


def what_follows(data: Mapping[str, Any], glyphs: Glyphs) -> str:
    """What comes of a failed attempt that does not end its path."""
    caught = data.get("caught")
    if isinstance(caught, Mapping):
        return f"caught {glyphs.arrow} {str(caught.get('step'))[:SAID_CELLS]}"
    if data.get("collected"):
        return "kept in its place"
    return "tried again" if data.get("retry") else ""


def _tell_retry(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    attempt, item = data.get("attempt"), item_of(data)
    words = f"item {human_count(item + 1)} " if item is not None else ""
    delay = milliseconds(data.get("delay_ms"))
    return _pieces((f"{words}attempt {attempt}" if isinstance(attempt, int) else words, "text"),
                   (f"in {delay}" if delay else "", "dim"))  # fmt: skip


def _tell_wait(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    return _pieces((try_of(data), "dim"), (wait_words(data), "waiting"))


def _tell_join(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    if data.get("error") is not None:
        return _tell_failure(data, glyphs)
    path = data.get("path")
    goes_on = f"{glyphs.arrow} {str(path)[:SAID_CELLS]}" if path else ""
    return _pieces((arrivals_in(data.get("arrived")), "dim"), (goes_on, "text"))


def arrivals_in(arrived: object) -> str:
    """The paths that met, those that did not complete with what became of them."""
    told = []
    for arrival in arrived if isinstance(arrived, list) else ():
        if isinstance(arrival, Mapping):
            status = arrival.get("status")
            told.append(f"{arrival.get('path')}{'' if status == 'completed' else f' {status}'}")
    return names_in(told)


def _tell_consequence(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    cause = data.get("caused_by")
    causes = [cause] if isinstance(cause, int) else cause if isinstance(cause, list) else []
    unit = data.get("unit")
    in_flight = f"during {str(unit.get('step'))[:SAID_CELLS]}" if isinstance(unit, Mapping) else ""
    if causes:
        return _pieces(("caused by " + ", ".join(str(number) for number in causes[:4]), "dim"), (in_flight, "dim"))
    if in_flight:
        return [(in_flight, "dim")]
    return _tell_failure(data, glyphs) if "error" in data else _tell_person(data, glyphs)


def _tell_person(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    by, reason, interrupted = data.get("by"), data.get("reason"), data.get("interrupted")
    units = f"{len(interrupted)} interrupted" if isinstance(interrupted, list) and interrupted else ""
    return _pieces((f"by {str(by)[:SAID_CELLS]}" if by else "", "dim"), (units, "waiting"),
                   (str(reason or "")[:SAID_CELLS], "dim"))  # fmt: skip


def _tell_branch(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    paths = data.get("new_paths")
    names = [str(path.get("id")) for path in paths[:8] if isinstance(path, Mapping)] if isinstance(paths, list) else []
    return _pieces(("into " + ", ".join(names) if names else "", "dim"))


def _tell_path_start(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    step, parent = data.get("current_step"), data.get("parent")
    return _pieces((f"at {step}" if step else "", "dim"), (f"from {parent}" if parent else "", "dim"))


def _tell_path_end(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    words = {
        "fork": "forked",
        "no_edge": "no edge was true",
        "end": "at its end",
        "join": f"arrived at {data.get('final_step')}",
    }
    return _pieces((words.get(str(data.get("reason")), ""), "dim"))


def _tell_execution_start(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    inputs = data.get("inputs")
    shown = preview(inputs, SAID_CELLS, bare=True) if inputs else ""
    return _pieces((str(data.get("workflow_name", ""))[:SAID_CELLS], "text"), (shown, "dim"))


def _tell_outputs(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    return _pieces((preview(data.get("outputs"), SAID_CELLS, bare=True) if data.get("outputs") else "", "dim"))


def _tell_signal(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    topic, sender, sent = str(data.get("signal_type", ""))[:SAID_CELLS], data.get("sender"), data.get("data")
    by = f"by {str(sender)[:SAID_CELLS]}" if sender else ""
    if topic in CONTROLS:
        reason = sent.get("reason") if isinstance(sent, Mapping) else ""
        return _pieces((CONTROLS[topic], "text"), (by, "dim"), (str(reason or "")[:SAID_CELLS], "dim"))
    return _pieces((topic, "text"), (preview(sent, SAID_CELLS), "dim"), (by, "dim"))


def _tell_problem(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    return _pieces((str(data.get("problem", ""))[:SAID_CELLS], "failed"))


def _tell_anything(data: Mapping[str, Any], glyphs: Glyphs) -> Said:
    return _pieces((preview(data, SAID_CELLS, bare=True) if data else "", "dim"))


def _pieces(*pieces: tuple[str, str]) -> Said:
    return [piece for piece in pieces if piece[0]]


_TELLERS: dict[str, Callable[[Mapping[str, Any], Glyphs], Said]] = {
    ExecutionEventType.STEP_STARTED: _tell_start,
    ExecutionEventType.STEP_COMPLETED: _tell_completion,
    ExecutionEventType.STEP_FAILED: _tell_failure,
    ExecutionEventType.STEP_RETRY_SCHEDULED: _tell_retry,
    ExecutionEventType.STEP_WAITING: _tell_wait,
    ExecutionEventType.STEP_SKIPPED: _tell_person,
    ExecutionEventType.STATE_EDITED: _tell_person,
    ExecutionEventType.PATH_JOINED: _tell_join,
    ExecutionEventType.PATH_FAILED: _tell_consequence,
    ExecutionEventType.PATH_CANCELLED: _tell_consequence,
    ExecutionEventType.EXECUTION_FAILED: _tell_consequence,
    ExecutionEventType.EXECUTION_CANCELLED: _tell_person,
    ExecutionEventType.EXECUTION_PAUSED: _tell_person,
    ExecutionEventType.EXECUTION_RESUMED: _tell_person,
    ExecutionEventType.EXECUTION_RECOVERED: _tell_person,
    ExecutionEventType.PATH_BRANCHED: _tell_branch,
    ExecutionEventType.PATH_STARTED: _tell_path_start,
    ExecutionEventType.PATH_COMPLETED: _tell_path_end,
    ExecutionEventType.EXECUTION_STARTED: _tell_execution_start,
    ExecutionEventType.EXECUTION_COMPLETED: _tell_outputs,
    ExecutionEventType.SIGNAL_RECEIVED: _tell_signal,
    UNREADABLE: _tell_problem,
}
