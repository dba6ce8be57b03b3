"""Deleting an execution from the app: what must be so, what will be lost, and a look again at the last moment."""

from __future__ import annotations

from typing import NamedTuple

from dive_tui.app.text import human_count
from dive_tui.widgets.wait_words import id_words
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ENDED
from engine.store import DamagedInboxError, ExecutionEventStore, StoreError
from stores.folding import is_damaged


class DeletionError(Exception):
    """It was not deleted; the sentence says why."""


class Doomed(NamedTuple):
    """An execution as it was when somebody asked to delete it."""

    summary: ExecutionSummary
    messages: int | None
    """Messages it has not received; None when they cannot be read."""


def why_not_delete(summary: ExecutionSummary) -> str | None:
    """Why an execution cannot be deleted, and what to do then; None when it can."""
    name = id_words(summary.id)
    if summary.live:
        return f"A runner drives {name}: it can be deleted once it has ended. x cancels it."
    if summary.status in ENDED or is_damaged(summary):  # what is damaged can be neither cancelled nor gone on with
        return None
    return f"{name} has not ended, it is {summary.shown_status}: x cancels it, then it can be deleted."


async def doomed(store: ExecutionEventStore, summary: ExecutionSummary) -> Doomed:
    """What would be lost with an execution.

    Raises:
        DeletionError: the store cannot be read.
    """
    try:
        return Doomed(summary, len(await store.get_signals(summary.id, summary.inbox)))
    except DamagedInboxError:
        return Doomed(summary, None)
    except (StoreError, OSError) as problem:
        raise DeletionError(str(problem)) from problem


async def delete(store: ExecutionEventStore, before: ExecutionSummary) -> str:
    """Delete an execution if it still is what somebody agreed to delete; a sentence when it is done.

    Raises:
        DeletionError: it is gone, has changed, is driven, or the store cannot delete it.
    """
    name = id_words(before.id)
    try:
        now = await store.get_summary(before.id)
        if now is None:
            raise DeletionError(f"{name} is no longer in the store.")
        if reason := why_not_delete(now):
            raise DeletionError(reason)
        if (now.last_event_seq, now.start_time) != (before.last_event_seq, before.start_time):
            raise DeletionError(
                f"{name} has changed meanwhile: it had {human_count(before.last_event_seq)} events, now it has "
                f"{human_count(now.last_event_seq)}. Nothing was deleted."
            )
        if not await store.delete_execution(before.id):
            raise DeletionError(f"{name} is no longer in the store.")
    except (StoreError, ValueError, OSError) as problem:
        raise DeletionError(str(problem)) from problem
    return f"{name} is deleted: {before.workflow_name}, {human_count(before.last_event_seq)} events."
