"""The app: opens a store, shows its executions, and one of them where asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dive_tui.app import themes
from dive_tui.app.shell import Shell
from dive_tui.screens.executions import ExecutionsScreen
from engine.core.references import ReferenceProblem, resolve_reference
from engine.model.snapshot import ExecutionSummary
from engine.store import ExecutionEventStore, StoreError, StoreNotFoundError
from stores.location import Location, open_store

_FULL_ID_CELLS = 31
"""`exec_` and 26 characters."""
LOOK_AGAIN = 1.0
"""Seconds between two looks for a store that does not exist yet."""


class DiveApp(Shell):
    """The whole app. `now` is for pictures and tests."""

    TITLE = "dive-tui"

    def __init__(
        self,
        location: Location,
        *,
        execution: str | None = None,
        sequence: int | None = None,
        guide: bool = False,
        ascii_only: bool | None = None,
        theme: str = themes.DARK.name,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(ascii_only=ascii_only, theme=theme)
        self._location = location
        self._reference = execution
        self._sequence = sequence
        self._guide = guide
        self._now = now
        self._store: ExecutionEventStore | None = None
        self._executions = ExecutionsScreen(_place(location), Path.cwd(), now, self.open_execution)

    def get_default_screen(self) -> ExecutionsScreen:
        """The list is the first screen: going back from it leaves."""
        return self._executions

    def on_mount(self) -> None:
        """Show at once, over the list, the execution that was asked for by its whole id."""
        self._try_store()
        if self._store is None:
            return
        if self._reference is not None and len(self._reference) >= _FULL_ID_CELLS:
            self._show_execution(self._reference, self._sequence)
        elif self._reference is not None:
            self.run_worker(self._resolve(self._reference), group="open", exit_on_error=False)

    def on_ready(self) -> None:
        """After the first paint: read the store, or look for one."""
        if self._store is not None:
            self._executions.watch_store(self._store)
        else:
            self.run_worker(self._wait_for_store(), group="store", exit_on_error=False)

    def _try_store(self) -> str | None:
        """Open the store; a sentence when something is there that cannot be opened."""
        try:
            self._store = open_store(self._location.text)
        except StoreNotFoundError:
            return None
        except StoreError as error:
            return str(error)
        return None

    async def _wait_for_store(self) -> None:
        while self._store is None:
            problem = self._try_store()
            if self._store is None:
                if problem is None:
                    self._executions.show_no_store()
                else:
                    self._executions.show_problem(problem)
                await asyncio.sleep(LOOK_AGAIN)
        self._executions.watch_store(self._store)
        if self._reference is not None:
            await self._resolve(self._reference)

    async def _resolve(self, reference: str) -> None:
        """Open the execution a person named, once the list is known."""
        assert self._store is not None
        try:
            execution_id = resolve_reference(reference, await self._store.list_executions())
        except (ReferenceProblem, StoreError) as problem:
            self.say(f"{problem}", "warning", seconds=10)
            return
        self._show_execution(execution_id, self._sequence)

    def open_execution(self, summary: ExecutionSummary, sequence: int | None) -> None:
        """Show one execution, at an event when one is given."""
        self._show_execution(summary.id, sequence, summary)

    def _show_execution(self, execution_id: str, sequence: int | None, summary: ExecutionSummary | None = None) -> None:
        from dive_tui.screens.execution import ExecutionScreen

        assert self._store is not None
        screen = ExecutionScreen(self._store, execution_id, sequence, summary=summary, guide=self._guide, now=self._now)
        self.push_screen(screen)
        self._guide = False

    async def on_unmount(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            await self._store.close()


def _place(location: Location) -> str:
    """The store as the header shows it: its folder, shortened to the home or the current folder where it lies there."""
    path = location.text.partition(":")[2] if location.text.startswith(("file:", "sqlite:")) else location.text
    for base, mark in ((str(Path.cwd()), ""), (str(Path.home()), "~/")):
        if path.startswith(base + os.sep):
            return mark + path[len(base) + 1 :]
    return path


def run_app(
    location: Location | str,
    *,
    execution: str | None = None,
    sequence: int | None = None,
    guide: bool = False,
    ascii: bool | None = None,
    theme: str = themes.DARK.name,
) -> int:
    """Run the app until the person leaves; returns the exit code.

    `execution` is an id or any reference to one, `sequence` the event to stand on. `ascii` None leaves the choice of
    symbols to the locale.
    """
    if isinstance(location, str):
        location = Location(location, "")
    app = DiveApp(location, execution=execution, sequence=sequence, guide=guide, ascii_only=ascii or None, theme=theme)
    code = app.run()
    return app.return_code or code or 0
