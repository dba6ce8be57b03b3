"""The latest state of an execution without reading its whole history."""

from __future__ import annotations

from engine.collector import collector_paused
from engine.core.reduce import HistoryError, fold, initial_state
from engine.model.state import ExecutionState
from engine.store import ExecutionEventStore

PIECE = 1_000
"""Events that are held at once."""


async def latest_state(store: ExecutionEventStore, execution_id: str) -> ExecutionState | None:
    """The state after the last event; None for an unknown execution.

    Costs the snapshot and the events after it. Without a snapshot that can be used all events are read, in pieces,
    so that memory does not grow with the history.

    Raises:
        HistoryError: the history makes no sense.
        DamagedHistoryError: it cannot be read to its end.
        StoreError: the store cannot be read.
    """
    snapshot = await store.get_snapshot(execution_id)
    saved = None if snapshot is None else snapshot.restore_state()
    # What an older version could not understand, this one may.
    if saved is not None and saved.incomplete_from is None:
        try:
            return await _go_on(store, saved)
        except HistoryError:
            pass  # a cache is no reason to fail: the events decide
    state = await _go_on(store, initial_state(execution_id))
    return state if state.sequence else None


async def _go_on(store: ExecutionEventStore, state: ExecutionState) -> ExecutionState:
    """Fold what comes after a state."""
    while True:
        events = await store.get_events(state.execution_id, state.sequence + 1, PIECE)
        with collector_paused():
            state = fold(state, events)
        if len(events) < PIECE:
            return state
