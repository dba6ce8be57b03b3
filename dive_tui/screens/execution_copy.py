"""What can be copied from the execution screen."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from dive_tui.widgets.copy_menu import Offer
from engine.model.events import ExecutionEvent
from engine.replay.history import History


def offers(execution_id: str, history: History | None, sequence: int) -> list[Offer]:
    """The event under the cursor, ids, and the command that comes back here."""
    ids = [Offer("execution id", execution_id)]
    if history is None:
        return [*ids, Offer("command", f"dive-tui open {execution_id}")]
    event = history.event(sequence)
    child, lineage = event.data.get("child_id"), history.event(1).data.get("lineage")
    parent = lineage.get("execution_id") if isinstance(lineage, Mapping) else None
    related = [
        Offer(name, held) for name, held in (("child id", child), ("parent id", parent)) if isinstance(held, str)
    ]
    return [
        Offer(f"event {sequence}", event_json(event)),
        *ids,
        Offer("event id", event.id),
        *related,
        Offer("command", f"dive-tui open {execution_id}@{sequence}"),
    ]


def event_json(event: ExecutionEvent) -> str:
    """The event as one line of JSON, as `dive-tui events --json` prints it."""
    return orjson.dumps(event.to_dict(), default=dict).decode()
