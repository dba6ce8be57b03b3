"""Variables followed from write to write, without folding what lies between."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.core.reduce_steps import stored_values
from engine.model.events import SCHEMA_VERSION, ExecutionEvent, ExecutionEventType, JsonObject
from engine.replay.addressing.addresses import MISSING
from engine.replay.addressing.values import cursor_path, variables_in
from engine.replay.history import History
from engine.replay.session.stretches import events_of
from engine.replay.writes import merged


class Seen(NamedTuple):
    """An event with the variables of its path before and after it; MISSING where the path had none."""

    event: ExecutionEvent
    before: Any
    after: Any


def follow(history: History, names: Collection[str], sequences: Sequence[int]) -> Iterator[Seen]:
    """The events of some sequences, which are in order; of the variables only those of these names are up to date.

    Between two events that write one of them nothing changes, and what most such events write stands in their data:
    the state is rebuilt only where this begins, and where paths come or write in other ways.

    Raises:
        StoreError: events are not kept here and cannot be read any more.
    """
    inside = sequences if not len(sequences) else sequences[: _count_folded(history, sequences)]
    if not len(inside):
        return
    first, last = inside[0], inside[-1]
    writers = [history.writes.writers_of_global(name, first, last) for name in names]
    wanted = frozenset(inside)
    base = history.state_at(first - 1)
    held: dict[str, Any] = {}
    for event in events_of(history, merged([inside, history.writes.moves(first, last), *writers])):
        path = event.path_id or cursor_path(history, event.sequence)
        written = _written(history, event, names)
        before = held[path] if path in held else variables_in(history, base, path)
        if written is None or before is MISSING:
            before = variables_in(history, history.state_at(event.sequence - 1), path)
            base, held = history.state_at(event.sequence), {}
            after = variables_in(history, base, path)
        else:
            after = held[path] = {**before, **written} if written else before
        if event.sequence in wanted:
            yield Seen(event, before, after)


def _count_folded(history: History, sequences: Sequence[int]) -> int:
    """How many of them have a state that is known."""
    count = len(sequences)
    while count and sequences[count - 1] > history.folded:
        count -= 1
    return count


_NOTHING_WRITTEN: Mapping[str, Any] = {}
_WRITE_NOTHING = frozenset({
    ExecutionEventType.STEP_STARTED,
    ExecutionEventType.STEP_WAITING,
    ExecutionEventType.STEP_RETRY_SCHEDULED,
})  # fmt: skip


def _written(history: History, event: ExecutionEvent, names: Collection[str]) -> JsonObject | None:
    """What of these variables an event writes on its path, by its data alone; None where that does not tell."""
    latest = history.latest
    if latest.info.dialect or latest.incomplete_from is not None or event.schema_version > SCHEMA_VERSION:
        return None
    failed = event.event_type == ExecutionEventType.STEP_FAILED
    if event.event_type in _WRITE_NOTHING or (failed and not event.data.get("caught")):
        return _NOTHING_WRITTEN
    if event.event_type != ExecutionEventType.STEP_COMPLETED:
        return None
    data = event.data
    stored = data.get("stored_keys") or (data.get("stored_variable"),)
    if data.get("iteration") is not None or not any(name in names for name in stored):
        return _NOTHING_WRITTEN
    unit = history.index.unit_of(event)
    return None if unit is None or unit.items is not None else stored_values(data)
