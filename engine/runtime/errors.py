"""Errors that actions raise to say how their failure is to be taken."""

from __future__ import annotations

from typing import Any


class ActionFailure(Exception):
    """An error with `details`: JSON that is recorded with the failed step and handed to its `catch`."""

    def __init__(self, *arguments: object, details: Any = None) -> None:
        super().__init__(*arguments)
        self.details = details


class Fatal(ActionFailure):
    """Trying again cannot help: the step is never retried, whatever its retry policies say."""


class OutcomeUnknown(ActionFailure):
    """The effect may have happened all the same: the next attempt gets the same effect key."""
