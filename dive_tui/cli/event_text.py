"""An event in words: what happened, where, and the one detail that matters most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dive_tui.app.glyphs import Glyphs
from dive_tui.cli.printing import STATUS_STYLES, shown_duration
from engine.model.events import ExecutionEvent


class EventText(NamedTuple):
    """How an event is told."""

    title: str
    detail: str
    status: str
    """The status whose glyph and colour it has; empty for one that is none."""

    @property
    def style(self) -> str:
        """Its rich style."""
        return STATUS_STYLES.get(self.status, "")

    def glyph(self, glyphs: Glyphs) -> str:
        """Its glyph, padded to the width that all have."""
        return glyphs.status_cell(self.status)


_ENDINGS = {
    "_started": "running",
    "_completed": "completed",
    "_failed": "failed",
    "_cancelled": "cancelled",
    "_skipped": "skipped",
    "_waiting": "waiting",
    "_paused": "paused",
    "_scheduled": "retrying",
    "_as_new": "continued",
}


def event_text(event: ExecutionEvent) -> EventText:
    """Title, detail and status of an event of any kind, known or not."""
    status = next((status for ending, status in _ENDINGS.items() if event.event_type.endswith(ending)), "")
    tell = _DETAILS.get(event.event_type)
    return EventText(event.event_type.replace("_", " "), tell(event.data) if tell else "", status)


def place(event: ExecutionEvent, glyphs: Glyphs) -> str:
    """Where it happened: `main › Measure[2]`; the number counts an item from 0, as in addresses."""
    index = _of(event.data, "iteration", "index")
    step = f"{event.step_name}[{index}]" if index else event.step_name
    return f" {glyphs.within} ".join(name for name in (event.path_id, step) if name)


def _of(data: Any, *keys: str) -> str:
    """A part of recorded data as text; empty where there is none. Data of a foreign hand may have any shape."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return "" if data is None else str(data)


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    return found if isinstance(found, list) else []


def _error(data: Mapping[str, Any]) -> str:
    kind, message = _of(data, "error_type"), _of(data, "error")
    return f"{kind}: {message}" if kind else message


def _step_started(data: Mapping[str, Any]) -> str:
    attempt = _of(data, "attempt")
    told = [
        _of(data, "action", "name"),
        f"{len(_list(data, 'items')):,} items" if "items" in data else "",
        f"attempt {attempt}" if attempt not in ("", "1") else "",
    ]
    return "  ".join(word for word in told if word)


def _step_completed(data: Mapping[str, Any]) -> str:
    taken = [edge for edge in _list(data, "edges") if _of(edge, "value") == "True"]
    duration = data.get("duration_ms")
    told = [
        shown_duration(duration / 1000) if isinstance(duration, (int, float)) and duration else "",
        f"stored as {data['stored_variable']}" if data.get("stored_variable") else "",
        "to " + ", ".join(_of(edge, "step") for edge in taken) if taken else "",
    ]
    return "  ".join(word for word in told if word)


def _branched(data: Mapping[str, Any]) -> str:
    return "into " + ", ".join(_of(path, "id") for path in _list(data, "new_paths"))


def _caused(data: Mapping[str, Any]) -> str:
    cause = _of(data, "caused_by")
    return f"caused by event {cause}" if cause else ""


def _outputs(data: Mapping[str, Any]) -> str:
    outputs = data.get("outputs")
    return ", ".join(outputs) if isinstance(outputs, Mapping) else ""


def _intervention(data: Mapping[str, Any]) -> str:
    return f"by {_of(data, 'by')}: {_of(data, 'reason')}"


_DETAILS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "execution_started": lambda data: _of(data, "workflow_name"),
    "path_started": lambda data: _of(data, "current_step"),
    "step_started": _step_started,
    "step_completed": _step_completed,
    "step_failed": _error,
    "path_branched": _branched,
    "path_completed": lambda data: _of(data, "reason").replace("_", " "),
    "path_failed": _caused,
    "path_cancelled": _caused,
    "execution_completed": _outputs,
    "execution_failed": _error,
    "execution_cancelled": _intervention,
    "execution_paused": _intervention,
    "execution_resumed": _intervention,
    "execution_recovered": _intervention,
    "signal_received": lambda data: _of(data, "signal_type"),
    "version_decision": lambda data: f"{_of(data, 'change_id')} version {_of(data, 'version')}",
}
