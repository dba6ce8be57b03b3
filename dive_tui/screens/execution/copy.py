"""What can be taken out of the execution screen: copied, or read in a pager."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson

from dive_tui.app.text import human_count
from dive_tui.widgets.dialogs.copy_menu import Offer
from dive_tui.widgets.inspector import Inspector, Tab
from dive_tui.widgets.json.json_rows import MISSING, Lazy
from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.replay.replayer import ReplayResult


class Here(NamedTuple):
    """Where a person stands."""

    execution_id: str
    history: History | None
    sequence: int
    inspector: Inspector | None = None
    """The inspector, when it has the focus."""
    store_option: str = ""
    """What commands need after them to use the store that is open."""


class Value(NamedTuple):
    """A value with a place in the state."""

    address: str
    value: Any


def offers(here: Here) -> list[Offer]:
    """What the cursor is on, the event, the state, ids, and the commands that come back here."""
    ids = [Offer("execution id", here.execution_id)]
    event = _event(here)
    if event is None:
        return [*ids, Offer("command", f"dive-tui open {here.execution_id}{here.store_option}")]
    made = [Offer(f"event {here.sequence}", event_json(event))]
    chosen = value_under_cursor(here)
    if chosen is not None:
        beginning = [Offer("value", f"of {chosen.address}", partial(_json, chosen.value))]
        made = [*beginning, Offer("address", chosen.address), *made]
    error, kind = event.data.get("error"), event.data.get("error_type")
    if isinstance(error, str) and error:
        made.append(Offer("error", f"{kind}: {error}" if isinstance(kind, str) and kind else error))
    where = f"{here.execution_id}@{here.sequence}"
    return [
        *made,
        *_state(here, f"state at {here.sequence}", indented=False),
        *ids,
        Offer("event id", event.id),
        *_related(here, event),
        Offer("command", f"dive-tui open {where}{here.store_option}"),
        Offer("command for the state", f"dive-tui replay {where}{here.store_option}"),
    ]


def readings(here: Here) -> list[Offer]:
    """What can be read as a file of its own: the value under the cursor, the event, log, traceback, the state."""
    event = _event(here)
    if event is None:
        return []
    made = []
    chosen = value_under_cursor(here)
    if chosen is not None:
        made.append(Offer("value.json", f"of {chosen.address}", partial(_json, chosen.value, indented=True)))
    made.append(Offer(f"event-{here.sequence}.json", "", partial(_json, event.to_dict(), indented=True)))
    for name in ("log", "traceback"):
        text = event.data.get(name)
        if isinstance(text, str) and text:
            made.append(Offer(f"{name}-{here.sequence}.txt", text))
    return [*made, *_state(here, f"state-{here.sequence}.json", indented=True)]


def value_under_cursor(here: Here) -> Value | None:
    """The value the cursor of the inspector is on, when it has the focus and shows values."""
    inspector = here.inspector
    if inspector is None:
        return None
    if inspector.tab is Tab.STATE:
        row = inspector.state.current
        if row is not None and row.address and row.value is not MISSING:
            return Value(row.address, row.value)
    if inspector.tab is Tab.CHANGES:
        change = inspector.changes.current
        if change is not None:
            return Value(change.address, change.old if change.kind == "removed" else change.new)
    return None


def event_json(event: ExecutionEvent) -> str:
    """The event as one line of JSON, as `dive-tui events --json` prints it."""
    return _json(event.to_dict())


def _event(here: Here) -> ExecutionEvent | None:
    """The event under the cursor, when it is here already."""
    history = here.history
    return history.peek(here.sequence) if history is not None and history.has(here.sequence) else None


def _state(here: Here, what: str, *, indented: bool) -> list[Offer]:
    """The whole state at the cursor, where it is known."""
    history, sequence = here.history, here.sequence
    if history is None or sequence > history.folded:
        return []

    def make() -> str:
        return _json(ReplayResult.of(history, sequence).to_dict(), indented=indented)

    return [Offer(what, f"everything after event {human_count(sequence)}", make)]


def _related(here: Here, event: ExecutionEvent) -> list[Offer]:
    """Ids of the child it is about, and of the execution this one was started from."""
    history = here.history
    first = history.peek(1) if history is not None and history.has(1) else None
    lineage = first.data.get("lineage") if first is not None else None
    parent = lineage.get("execution_id") if isinstance(lineage, Mapping) else None
    named = (("child id", event.data.get("child_id")), ("parent id", parent))
    return [Offer(name, held) for name, held in named if isinstance(held, str)]


def _json(value: Any, *, indented: bool = False) -> str:
    """A value as JSON; one that is made when it is looked at is made now."""
    if isinstance(value, Lazy):
        value = value.make()
    option = orjson.OPT_INDENT_2 if indented else 0
    return orjson.dumps(value, default=_plain, option=option).decode()


def _plain(value: Any) -> Any:
    return value.make() if isinstance(value, Lazy) else dict(value)
