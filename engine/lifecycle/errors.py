"""Why an execution cannot be started, driven or told something. Each is one sentence for a person."""

from __future__ import annotations


class KeyInUseError(ValueError):
    """The idempotency key already stands for an execution of another workflow."""


class MissingWorkflowError(ValueError):
    """A step runs a child workflow that nobody has defined."""


class ExecutionEndedError(ValueError):
    """The execution has ended, so it takes no messages."""


class ForeignHistoryError(ValueError):
    """Another system recorded the history, without its definition: it can be looked at, and not gone on with."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"execution {execution_id} was recorded by the Go system Dive, without its definition: it can be looked at "
            "and migrated, not gone on with"
        )


class NewerHistoryError(ValueError):
    """The history holds events that only a newer version can fold: it can be looked at, and not be driven."""
