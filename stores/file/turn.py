"""Batches of several executions that are appended in one go, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.model.events import ExecutionEvent
from engine.store import StoreError
from stores.checks import check_batches
from stores.codec import encode_batch
from stores.file.layout import folder_name


class Batch(NamedTuple):
    """One execution's events of a turn."""

    place: int
    """In the turn."""
    execution_id: str
    events: Sequence[ExecutionEvent]
    lines: Sequence[bytes]


class Turn:
    """What one turn of a runner's loop recorded.

    Raises:
        ValueError: a batch cannot be appended by anybody.
    """

    def __init__(self, batches: Sequence[Sequence[ExecutionEvent]]) -> None:
        given = [(place, events) for place, events in enumerate(batches) if events]
        execution_ids = check_batches([events for _, events in given])
        self.results: list[StoreError | None] = [None] * len(batches)
        """Why a batch is not durable, by its place."""
        self.left = [
            Batch(place, folder_name(execution_id), events, encode_batch(events))
            for execution_id, (place, events) in zip(execution_ids, given, strict=True)
        ]

    def settle(self, batch: Batch, result: StoreError | None) -> None:
        """A batch is durable, or will not be tried again."""
        self.results[batch.place] = result
        self.left.remove(batch)
