"""What the runtime tells beside the history: that the store fails, and sizes that will make histories slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class StoreTrouble(NamedTuple):
    """The store does not take what is to be recorded, or takes it again."""

    execution_id: str
    problem: str
    """What the store says; empty once it works again."""
    seconds_left: float
    """For how long it is still tried."""

    @property
    def over(self) -> bool:
        """Whether it works again."""
        return not self.problem

    def __str__(self) -> str:
        if self.over:
            return "the store works again"
        return f"the store fails ({self.problem}): trying again, {self.seconds_left:.0f} s left"


class SizeWarning(NamedTuple):
    """Something has grown beyond the size from which on it is warned of; told once for each kind and step."""

    execution_id: str
    kind: str
    """What is large: `payload`, `events`, `bytes` or `state`."""
    step: str
    """Where; of the whole execution the step it had come to, if any."""
    size: int
    limit: int
    """The size from which on it is warned of."""
    event_type: str = ""
    """Of a payload: the kind of event that holds it."""

    def __str__(self) -> str:
        where = f" at step {self.step!r}" if self.step else ""
        return f"{_WORDS[self.kind].format(self=self)}{where}"


_WORDS = {
    "payload": "{self.size:,} bytes of data in {self.event_type} (warned of from {self.limit:,} on)",
    "events": "the history has {self.size:,} events (warned of from {self.limit:,} on)",
    "bytes": "the history has {self.size:,} bytes of data (warned of from {self.limit:,} on)",
    "state": "the open state has {self.size:,} bytes (warned of from {self.limit:,} on)",
}
Notice = StoreTrouble | SizeWarning
Notices = Callable[[Notice], None]
