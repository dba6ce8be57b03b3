"""What a store that failed for too long did not take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.model.events import ExecutionEvent
from engine.store import StoreError


class LostUnit(NamedTuple):
    """A unit whose outcome was not recorded: it will run again, with the same effect key."""

    execution_id: str
    path: str
    step: str
    visit: int
    iteration: int | None
    """The index of the item; None where the step has none."""
    effect_key: str

    def __str__(self) -> str:
        item = "" if self.iteration is None else f", item {self.iteration + 1}"
        visit = "" if self.visit == 1 else f", visit {self.visit}"
        return f"{self.path} › {self.step}{item}{visit}"


class RecordingError(StoreError):
    """The store failed while something was to be recorded, for longer than there was patience.

    `units` are those whose outcomes are not in the history.
    """

    def __init__(self, message: str, units: Iterable[LostUnit] = ()) -> None:
        super().__init__(message)
        self.units = list(units)


def lost_unit(event: ExecutionEvent, effect_key: str) -> LostUnit:
    """The unit whose outcome an event would have recorded."""
    data = event.data
    iteration = data["iteration"]["index"] if "iteration" in data else None
    return LostUnit(event.execution_id, event.path_id, event.step_name, data["visit"], iteration, effect_key)
