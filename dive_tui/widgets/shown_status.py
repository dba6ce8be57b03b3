"""The word for how an execution stands, as the app shows it."""

from __future__ import annotations

from engine.model.snapshot import ExecutionSummary
from stores.folding import is_damaged

DAMAGED = "damaged"
"""Shown, not stored: its history cannot be read to the end, or makes no sense."""


def shown_status(summary: ExecutionSummary) -> str:
    """Its status, `interrupted` when its runner is gone, or `damaged`."""
    return DAMAGED if is_damaged(summary) else summary.shown_status
