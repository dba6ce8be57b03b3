"""Histories as commands read them: whole, or as far as they can be read with a sentence about the rest."""

from __future__ import annotations

from typing import Any, NamedTuple

from dive_tui.cli.problems import STORE_TROUBLE, CommandError, with_remedy
from dive_tui.cli.several import counted
from engine.core.reduce import HistoryError
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary, summarize
from engine.model.state import ExecutionState
from engine.replay.history import History
from engine.replay.latest import latest_state
from engine.replay.loading import load_history
from engine.replay.salvaged import UNREADABLE
from engine.replay.view import full_view
from engine.store import DamagedHistoryError, DamagedStoreError, ExecutionEventStore
from stores.salvaging import salvaged_events


class Reading(NamedTuple):
    """What could be read of an execution."""

    summary: ExecutionSummary
    history: History
    damage: str
    """Why something is missing at the end; empty when nothing is."""
    is_damaged: bool = False
    """Whether that is because what was recorded cannot be read, or makes no sense."""

    @property
    def last(self) -> int:
        """The last event whose state is known."""
        return self.history.folded

    @property
    def gap(self) -> str:
        """Where states end because an event cannot be read, and what that leaves unknown; empty when they do not."""
        unread = self.last + 1
        if unread > len(self.history) or self.history.columns.kind(unread) != UNREADABLE:
            return ""
        problem = self.history.event(unread).data["problem"]
        following = len(self.history) - unread
        unknown = f"; what the {counted(following, 'event')} after it changed is not known" if following else ""
        return f"event {unread:,} cannot be read ({problem}){unknown}"

    def complain(self) -> None:
        """Once what can be shown has been shown: say what is missing.

        Raises:
            CommandError: something is.
        """
        if self.damage:
            raise CommandError(self.damage, exit_code=STORE_TROUBLE)


async def read_execution(store: ExecutionEventStore, execution_id: str, to: int | None = None) -> Reading:
    """The history of an execution, all of it or up to an event.

    Raises:
        CommandError: its first event makes no sense, or it was deleted a moment ago.
        DamagedHistoryError, DamagedStoreError: nothing of it can be read.
        StoreError: the store cannot be read.
    """
    damage = ""
    try:
        history = await load_history(store, execution_id, to)
    except (DamagedHistoryError, DamagedStoreError) as error:
        there = await events_around(store, execution_id, error)
        if not there:
            raise
        history, damage = History(execution_id, there[:to]), with_remedy(str(error))
    if not len(history):
        raise CommandError(
            f"{execution_id} is no longer in the store; dive-tui list shows what is", exit_code=STORE_TROUBLE
        )
    if history.problem is not None and not damage:
        damage = with_remedy(
            f"the history of {execution_id} makes no sense after event {history.folded}: {history.problem}"
        )
    is_damaged = bool(damage)
    if history.latest.incomplete_from is not None and not damage:
        damage = (
            f"event {history.latest.incomplete_from} was written by a newer version of dive-tui; "
            "what is shown of later ones is incomplete"
        )
    if history.folded == 0:
        raise CommandError(damage, exit_code=STORE_TROUBLE)
    summary = await store.get_summary(execution_id)
    return Reading(summary or summarize(history.latest), history, damage, is_damaged)


async def events_around(
    store: ExecutionEventStore, execution_id: str, error: DamagedHistoryError | DamagedStoreError
) -> list[ExecutionEvent]:
    """All that can be read of a damaged history, with what cannot in its place; at least what is before the damage."""
    there = await salvaged_events(store, execution_id)
    return there or (error.readable if isinstance(error, DamagedHistoryError) else [])


async def read_latest(store: ExecutionEventStore, execution_id: str) -> tuple[ExecutionSummary, ExecutionState]:
    """The latest state of an execution, which costs less than its history; of a damaged one what can be read.

    Raises:
        CommandError, DamagedHistoryError, StoreError: as `read_execution`.
    """
    try:
        state = await latest_state(store, execution_id)
    except (DamagedHistoryError, HistoryError):
        state = None
    summary = None if state is None else await store.get_summary(execution_id)
    if state is None or summary is None:
        reading = await read_execution(store, execution_id)
        return reading.summary, reading.history.latest
    return summary, state


def execution_record(reading: Reading) -> dict[str, Any]:
    """An execution as JSON: its summary, and its inputs, outputs, error and paths."""
    view = full_view(reading.history, reading.last)
    return reading.summary.to_dict() | {name: view[name] for name in ("inputs", "outputs", "error", "paths")}


def reference_to(reading: Reading, reference: str = "last") -> str:
    """What to call an execution that was driven a moment ago: as before, unless its children count as later ones."""
    has_children = any(event.data.get("child_id") for event in reading.history)
    return reading.summary.id[-5:] if has_children and reference.startswith("last") else reference
