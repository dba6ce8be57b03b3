"""Reading all that is left of a damaged history, behind the damage too; nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol, runtime_checkable

from engine.model.events import ExecutionEvent
from engine.replay.salvaged import Unreadable, as_events
from engine.store import ExecutionEventStore, StoreError

Entries = list[ExecutionEvent | Unreadable]

MISSING = "it is missing"
_LONGEST_GAP = 100_000
"""Events that may be missing in a row. What claims to come later than that is not believed."""


@runtime_checkable
class Salvageable(Protocol):
    """A store that can read on behind damage."""

    async def salvage(self, execution_id: str) -> Entries:
        """Events 1 to n of a history: each that can be read with its checksum, else why it cannot.

        Nothing is changed, and others may write meanwhile. Empty for an unknown execution.

        Raises:
            StoreError: the store cannot be read at all.
        """
        ...


async def salvaged_events(store: ExecutionEventStore, execution_id: str) -> list[ExecutionEvent]:
    """What is left of a damaged history, in the form that `engine.replay.salvaged.as_events` gives it.

    Empty when the store cannot tell: then what an error calls `readable` is all there is.
    """
    entries: Entries = []
    if isinstance(store, Salvageable):
        with suppress(StoreError):
            entries = await store.salvage(execution_id)
    return as_events(execution_id, entries)


def in_order(found: Mapping[int, ExecutionEvent], problems: Mapping[int, str], last: int = 0) -> Entries:
    """Events 1 to the last one that is known of, at least `last`, with what is not found in its place."""
    entries: Entries = []
    expected = 1
    for sequence in sorted({*found, *problems, last}):
        if sequence < 1:
            continue
        if sequence - expected > _LONGEST_GAP:
            break
        entries += (Unreadable(missing, MISSING) for missing in range(expected, sequence))
        event = found.get(sequence)
        entries.append(Unreadable(sequence, problems.get(sequence, MISSING)) if event is None else event)
        expected = sequence + 1
    return entries
