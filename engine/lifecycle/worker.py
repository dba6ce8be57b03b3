"""A worker: drives whatever is due, of all executions of a store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

from engine.lifecycle.driving import Driver, Watchers
from engine.lifecycle.errors import NewerHistoryError
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ExecutionState
from engine.runtime.actions import ActionError
from engine.runtime.ports import Clock
from engine.store import ConflictError, OwnedError, StoreError

LOOK_EVERY = 1.0
"""Seconds between two looks for what is due, when nothing tells of a change."""
AT_ONCE = 100
"""Executions a worker drives at the same time."""


class Refusal(NamedTuple):
    """An execution that is due and cannot be driven here."""

    id: str
    problem: str
    error: Exception


Report = Callable[[ExecutionSummary, ExecutionState | Refusal], None]


class Worker:
    """Drives the executions that are due until it is told to stop, or until nothing is due."""

    def __init__(self, driver: Driver, clock: Clock, watchers: Watchers, report: Report | None = None) -> None:
        self._driver = driver
        self._clock = clock
        self._watchers = watchers
        self._report = report
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, int] = {}
        """By id at which sequence they could not be driven: until something changes they are left alone."""
        self._stopped = False
        self._wake = asyncio.Event()

    def stop(self) -> None:
        """Take up nothing more, and come back when what is driven has come to rest."""
        self._stopped = True
        self._wake.set()

    async def work(self, *, once: bool) -> int:
        """Drive what is due; returns how many executions were driven.

        Raises:
            StoreError: the store cannot be read.
        """
        driven = 0
        try:
            while not self._stopped:
                due = await self._due()
                for summary in due:
                    driven += 1
                    self._driving[summary.id] = task = asyncio.create_task(self._drive(summary))
                    task.add_done_callback(lambda _, done=summary.id: self._ended(done))  # type: ignore[misc]
                if once and not self._driving:
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK_EVERY)
                self._wake.clear()
        finally:
            if self._driving:
                await asyncio.wait(set(self._driving.values()))
        return driven

    async def _due(self) -> list[ExecutionSummary]:
        room = AT_ONCE - len(self._driving)
        if room <= 0:
            return []
        found = await self._driver.store.due(self._clock.now(), limit=AT_ONCE + len(self._refused))
        return [summary for summary in found if self._is_wanted(summary)][:room]

    def _is_wanted(self, summary: ExecutionSummary) -> bool:
        if summary.id in self._driving or summary.id in self._driver.active:
            return False
        return self._refused.get(summary.id) != summary.last_event_seq

    async def _drive(self, summary: ExecutionSummary) -> None:
        interrupted = summary.shown_status == "interrupted"
        reason = "its process had died" if interrupted else "it was due"
        result: ExecutionState | Refusal
        try:
            result = await self._driver.take_up(summary.id, self._watchers, by="worker", reason=reason)
        except (OwnedError, ConflictError):
            return  # somebody else was faster
        except (ActionError, NewerHistoryError, StoreError, ValueError) as problem:
            self._refused[summary.id] = summary.last_event_seq
            result = Refusal(summary.id, str(problem), problem)
        if self._report is not None:
            self._report(summary, result)

    def _ended(self, execution_id: str) -> None:
        del self._driving[execution_id]
        self._wake.set()
