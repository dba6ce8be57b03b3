"""Loading a history from a store, in pieces."""

from __future__ import annotations

from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.store import DamagedHistoryError, DirectlyReadable, ExecutionEventStore

PIECE = 4_096
"""Events read at a time."""


def empty_history(store: ExecutionEventStore, execution_id: str) -> History:
    """A history to be filled from a store; if the store can be read at any time, it keeps only what is looked at."""
    return History(execution_id, source=store if isinstance(store, DirectlyReadable) else None)


async def load_history(store: ExecutionEventStore, execution_id: str, to: int | None = None) -> History:
    """The history of an execution up to an event (all of it by default); empty when there is none.

    Raises:
        DamagedHistoryError: it cannot be read up to there; `readable` has all events before the damage.
        StoreError: the store failed.
    """
    history = empty_history(store, execution_id)
    while to is None or len(history) < to:
        wanted = PIECE if to is None else min(PIECE, to - len(history))
        events = await _piece(store, history, wanted)
        history.extend(events)
        if len(events) < wanted:
            break
    return history


async def _piece(store: ExecutionEventStore, history: History, limit: int) -> list[ExecutionEvent]:
    try:
        return await store.get_events(history.execution_id, len(history) + 1, limit)
    except DamagedHistoryError as error:
        if not len(history):
            raise
        before = [event for event in error.readable if event.sequence > len(history)]
        raise DamagedHistoryError(str(error), place=error.place, readable=[*history, *before]) from error
