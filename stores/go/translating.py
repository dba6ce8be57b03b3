"""From events of the Go system to ours, one for one: the same sequences, nothing added, nothing left out.

What ours must hold and theirs do not say is worked out from the events before it (a visit, a duration, a parent). What
a translation changes is kept as it was under `go` in the envelope: `id`, `timestamp`, `path_id`, `step_name`, and those
members of `data` that have other values now (all of it when it was no object).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.events import EMPTY, EXECUTION_LEVEL_TYPES, ExecutionEvent, JsonObject
from engine.model.times import EPOCH, format_time
from stores.go.dialects import dialect_of
from stores.go.payloads import GONE, Position, Positions, canonical
from stores.go.raw import RawEvent, read_time

ORIGINAL = "go"
"""The key of an event's envelope that keeps what the translation changed."""

_EVENT_ID = re.compile(r"[\x21-\x7e]{1,100}", re.ASCII)
_PREFIX = "event_"
_NO_PATH = EXECUTION_LEVEL_TYPES | {"state_mutated"}


def translate(events: Iterable[RawEvent]) -> list[ExecutionEvent]:
    """The events of one execution, all from the first on, as ours. Whatever they hold, this raises nothing."""
    raws = list(events)
    translator = _Translator(dialect_of(raws))
    return [translator.translate(raw) for raw in raws]


class _Translator:
    """Remembers of the events so far what the next ones need."""

    def __init__(self, dialect: str) -> None:
        self._positions = Positions(dialect)
        self._now = format_time(EPOCH)

    def translate(self, raw: RawEvent) -> ExecutionEvent:
        """The next event."""
        self._now = max(self._now, read_time(raw.timestamp) or self._now)
        path_id, step_name = self._place(raw)
        given: JsonObject = raw.data if isinstance(raw.data, Mapping) else EMPTY
        position = Position(raw.event_type, raw.sequence, self._now, path_id, step_name)
        made = canonical(self._positions, position, given)
        data = {name: value for name, value in {**given, **made}.items() if value is not GONE}
        event_id = _event_id(raw)
        columns = {"id": event_id, "path_id": path_id, "step_name": step_name}
        kept: dict[str, Any] = {"timestamp": raw.timestamp, **raw.others}
        kept |= {name: getattr(raw, name) for name, now in columns.items() if getattr(raw, name) != now}
        changed = {name: given[name] for name in made if name in given and not _same(given[name], made[name])}
        if changed or (raw.data is not None and not isinstance(raw.data, Mapping)):
            kept["data"] = changed if isinstance(raw.data, Mapping) else raw.data
        return ExecutionEvent(
            id=event_id,
            execution_id=raw.execution_id,
            path_id=path_id,
            sequence=raw.sequence,
            timestamp=self._now,
            event_type=raw.event_type,
            step_name=step_name,
            data=data or EMPTY,
            extra={ORIGINAL: kept},
        )

    def _place(self, raw: RawEvent) -> tuple[str, str]:
        """Path and step of an event; the last dialect puts other things there."""
        if raw.event_type in _NO_PATH:
            return "", ""
        if raw.event_type.startswith(("operation_", "path_")) and raw.event_type != "path_branched":
            return raw.path_id, ""
        return raw.path_id, raw.step_name


def _event_id(raw: RawEvent) -> str:
    if _EVENT_ID.fullmatch(raw.id):
        return raw.id if raw.id.startswith(_PREFIX) else f"{_PREFIX}{raw.id}"
    digest = hashlib.sha256(f"{raw.execution_id}/{raw.sequence}/{raw.id}".encode()).hexdigest()
    return f"{_PREFIX}{digest[:32]}"


def _same(before: object, after: object) -> bool:
    return before is after or (type(before) is type(after) and before == after)
