"""What a runner asks of whoever starts and drives the child executions of its workflow."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from engine.core.drafts import Outcome
from engine.model.events import JsonObject


class Child(NamedTuple):
    """A child execution as its parent's unit wants it."""

    id: str
    workflow: str
    inputs: JsonObject
    parent: str
    """Id of the execution whose unit it is."""
    definitions: JsonObject
    """Definitions by workflow name, as recorded in the parent."""
    deadline: str | None
    """It must have ended by then."""
    detached: bool


class ChildExecutions(Protocol):
    """The child executions of one process."""

    async def see_to(self, child: Child) -> Outcome | None:
        """Create the child unless it exists, drive it unless somebody does, and say how it ended.

        None: it has not ended, and nobody here drives it any further. A detached one is only started.
        """
        ...

    async def cancel(self, child_id: str, reason: str) -> None:
        """Tell a child that its parent does not wait for it any more."""
        ...
