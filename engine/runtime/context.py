"""What an action may know about the attempt it runs in, and tell about how far it has come."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from engine.core.normalize import normalize
from engine.model.events import EMPTY, JsonObject

MAX_PROGRESS = 65_536
"""Bytes of JSON that a report of progress may have."""

_log = logging.getLogger("dive.step")
_log.setLevel(logging.INFO)


class ActionContext:
    """Given to an action through the parameter it annotates with this class, whatever that is named.

    All fields have defaults, so that a test can call an action with `ActionContext()`.
    """

    __slots__ = (
        "_cancelled",
        "attempt",
        "effect_key",
        "execution_id",
        "iteration",
        "labels",
        "last_heard",
        "last_progress",
        "latest",
        "path",
        "step",
        "visit",
        "workflow_name",
    )

    def __init__(
        self,
        *,
        execution_id: str = "",
        workflow_name: str = "",
        path: str = "",
        step: str = "",
        visit: int = 1,
        attempt: int = 1,
        iteration: int | None = None,
        effect_key: str = "",
        labels: JsonObject = EMPTY,
        last_progress: Any = None,
    ) -> None:
        self.execution_id = execution_id
        self.workflow_name = workflow_name
        self.path = path
        self.step = step
        self.visit = visit
        """The how-manyth time the path runs the step, from 1."""
        self.attempt = attempt
        """The how-manyth try of this visit, from 1."""
        self.iteration = iteration
        """The item's index from 0, in a step with `each`."""
        self.effect_key = effect_key
        """The same in every attempt until it is known what became of the effect: an idempotency key."""
        self.labels = labels
        self.last_progress = last_progress
        """What the attempt before this one last reported, or None."""
        self.latest: Any = None
        """What this attempt last reported, as JSON, or None."""
        self.last_heard: float | None = None
        """When it last reported or said that it lives, in seconds of `time.monotonic()`."""
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for this attempt any more: it ran out of time, or the execution was cancelled."""
        return self._cancelled

    def raise_if_cancelled(self) -> None:
        """For actions that are not async, between two pieces of their work: the thread ends here when cancelled.

        Raises:
            asyncio.CancelledError: nobody waits for this attempt any more.
        """
        if self._cancelled:
            raise asyncio.CancelledError("the attempt was cancelled")

    def progress(self, value: Any) -> None:
        """Say how far the work has come. Only the last value is kept: should the attempt fail, it is recorded and
        handed to the next one as `last_progress`.

        Raises:
            NotJsonError: the value has no JSON form.
            ValueError: it is more than 64 KiB of JSON.
        """
        report, size = normalize(value, "progress")
        if size > MAX_PROGRESS:
            raise ValueError(f"progress is {size:,} bytes of JSON; {MAX_PROGRESS:,} are allowed")
        self.latest = report
        self.heartbeat()

    def heartbeat(self) -> None:
        """Say that the work goes on, without anything new to report."""
        self.last_heard = time.monotonic()

    @property
    def log(self) -> logging.Logger:
        """A logger whose messages, from INFO on, are kept with the step."""
        return _log

    def cancel(self) -> None:
        """Called by the engine when it stops waiting for the attempt."""
        self._cancelled = True
