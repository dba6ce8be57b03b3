"""The app: opens a store, shows its executions, and one of them where asked."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.known_stores import Candidate, candidates, kind_of, path_of, short_place, why_read_only
from dive_tui.app.recent import RecentStores
from dive_tui.app.shell import Shell
from dive_tui.app.trouble import Trouble, trouble, without_commands
from dive_tui.app.user_keys import KeyFile, UserKeys, key_file, read_keys
from dive_tui.app.user_state import Memory
from engine.core.references import ReferenceProblem, resolve_reference
from engine.model.snapshot import ExecutionSummary
from engine.store import ExecutionEventStore, StoreError, StoreNotFoundError
from stores.location import Location, open_store, resolve_location

if TYPE_CHECKING:
    from textual.screen import Screen

    from dive_tui.feeds.messages import FeedFailed
    from dive_tui.screens.execution.screen import ExecutionScreen
    from dive_tui.screens.executions.screen import ExecutionsScreen

_FULL_ID_CELLS = 31
"""`exec_` and 26 characters."""
HANGUP_CHECK = 2.0
"""Seconds between two looks at whether the terminal is still there."""
LOOK_AGAIN = 1.0
"""Seconds between two looks for a store that does not exist yet."""
REOPEN = 0.5
"""The same for one that has gone."""


_NO_KEYS = KeyFile(UserKeys())


class DiveApp(Shell):
    """The whole app. `recent` remembers the stores that were opened, `memory` how the app was left, `keys` is the key
    map of the person; `now` is for pictures and tests. Without a `theme` it is the one that is remembered.
    """

    TITLE = "dive-tui"
    BINDINGS = bindings(Scope.STORE)

    def __init__(
        self,
        location: Location,
        *,
        execution: str | None = None,
        sequence: int | None = None,
        guide: bool = False,
        ascii_only: bool | None = None,
        theme: str | None = None,
        recent: RecentStores | None = None,
        memory: Memory | None = None,
        keys: KeyFile = _NO_KEYS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(ascii_only=ascii_only)
        self._memory = memory or Memory()
        for wanted in (theme, self._memory.state.theme):
            if wanted and wanted in self.available_themes:
                self.theme = wanted
                break
        self._keys = keys
        self.use_keys(keys.keys)
        self._recent = recent
        self._location = location
        self._reference = execution
        self._sequence = sequence
        self._guide = guide
        self._now = now
        self._store: ExecutionEventStore | None = None
        self._list: ExecutionsScreen | None = None

    def get_default_screen(self) -> Screen[None]:
        """The list, from which going back leaves; or at once the execution that was asked for by its whole id.

        Then the list is only made when somebody goes back to it: the first paint need not wait for it.
        """
        self._try_store()
        if self._store is not None and self._reference is not None and len(self._reference) >= _FULL_ID_CELLS:
            from dive_tui.screens.opening import OpeningScreen

            return OpeningScreen(self._store, self._reference, self._now, self._opened)
        return self._executions_screen()

    def on_mount(self) -> None:
        """Say what is wrong with the key map, if anything is."""
        if self._keys.problems:
            first, *others = self._keys.problems
            more = f" And {len(others)} more: dive-tui keys lists them." if others else ""
            self.say(f"{first}. The keys are the usual ones.{more}", "warning", seconds=15)

    def choose_theme(self, name: str) -> None:
        """Wear this theme, now and the next time."""
        super().choose_theme(name)
        if self._memory.change(theme=name):
            self.run_worker(asyncio.to_thread(self._memory.save), group="remember", exit_on_error=False)

    def _opened(self, summary: ExecutionSummary | None) -> None:
        """The header of the execution has been painted; now the rest of its screen."""
        if self._reference is not None and self._list is None:
            self.push_screen(self._execution_screen(self._reference, self._sequence, summary))

    def _executions_screen(self) -> ExecutionsScreen:
        from dive_tui.screens.executions.screen import ExecutionsScreen

        self._list = ExecutionsScreen(
            short_place(self._location.text),
            Path.cwd(),
            self._now,
            self.open_execution,
            on_ready=self._feed_list,
            memory=self._memory,
        )
        return self._list

    def _feed_list(self, listed: ExecutionsScreen) -> None:
        """The list has been painted: read the store, or look for one."""
        if self._store is None:
            self.run_worker(self._wait_for_store(listed), group="store", exit_on_error=False)
            return
        listed.watch_store(self._store, self._location.text)
        self._remember()
        if self._reference is not None and len(self._reference) < _FULL_ID_CELLS:
            self.run_worker(self._resolve(self._reference), group="open", exit_on_error=False)

    def action_go_back(self) -> None:
        """Go back; from an execution that was opened directly, to the list; from the list, leave."""
        lowest = 1 if self._list is self.screen_stack[0] else 2  # below lies the screen that opened an execution
        if len(self.screen_stack) > lowest:
            self.pop_screen()
        elif self._list is None:
            # Pressed before the execution's own screen was there, it does not come any more.
            show = self.switch_screen if len(self.screen_stack) == lowest else self.push_screen
            show(self._executions_screen())
        else:
            self.exit(0)

    def action_escape(self) -> None:
        """Undo the nearest thing: a maximised pane, else this screen; never leaves the app."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.screen is not self._list:
            self.action_go_back()

    def _try_store(self) -> Trouble | None:
        """Open the store; what is the matter when something is there that cannot be opened."""
        try:
            self._store = open_store(self._location.text)
        except StoreNotFoundError:
            return None
        except StoreError as error:
            return trouble(error)
        return None

    async def _wait_for_store(self, listed: ExecutionsScreen) -> None:
        while self._store is None:
            problem = self._try_store()
            if self._store is None:
                if problem is None:
                    listed.show_no_store()
                else:
                    listed.show_problem(problem)
                await asyncio.sleep(LOOK_AGAIN)
        self._feed_list(listed)

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
        self.push_screen(self._execution_screen(execution_id, sequence, summary))

    def _execution_screen(
        self, execution_id: str, sequence: int | None, summary: ExecutionSummary | None
    ) -> ExecutionScreen:
        from dive_tui.screens.execution.screen import ExecutionScreen

        assert self._store is not None
        guide, self._guide = self._guide, False
        return ExecutionScreen(
            self._store,
            execution_id,
            sequence,
            summary=summary,
            guide=guide,
            location=self._location.text,
            now=self._now,
        )

    # Another store

    def action_switch_store(self) -> None:
        """Ask which store to open."""
        from dive_tui.widgets.dialogs.store_dialog import StoreDialog

        def find() -> list[Candidate]:
            recent = self._recent.all() if self._recent is not None else []
            return candidates(self._location.text, Path.cwd(), os.environ, recent)

        self.push_screen(StoreDialog(find, self.open_store_at))

    async def open_store_at(self, place: str) -> str | None:
        """Open the store at a path and show it in place of the one that is open; a sentence when that cannot be."""
        try:
            location = resolve_location(place, {}, Path.cwd())
            store = await asyncio.to_thread(open_store, location.text)
        except (StoreError, OSError, ValueError) as problem:
            return without_commands(str(problem))
        self.call_later(self._switch, location, store)
        return None

    def on_feed_failed(self, message: FeedFailed) -> None:
        """What was opened is no longer at its place: look for what will be."""
        if message.trouble.gone:
            self._reopen_soon()

    def _reopen_soon(self) -> None:
        if self._store is not None:
            self.run_worker(self._reopen(), group="store", exclusive=True, exit_on_error=False)

    async def _reopen(self) -> None:
        """Once there is a store at the place of the one that was opened, go on with what is there now."""
        while True:
            if await self.reopen_store():
                return
            await asyncio.sleep(REOPEN)

    async def reopen_store(self) -> bool:
        """Open what is at the store's place now, and let all screens go on with it; whether that could be."""
        from dive_tui.screens.steered import UsesStore

        location = self._location
        try:
            store = await asyncio.to_thread(open_store, location.text)
        except (StoreError, OSError):
            return False
        if location is not self._location:  # a person has opened another one meanwhile
            await store.close()
            return True
        before, self._store = self._store, store
        for screen in self.screen_stack:
            if isinstance(screen, UsesStore):
                screen.use_store(store)
        if before is not None:
            await before.close()
        return True

    async def _switch(self, location: Location, store: ExecutionEventStore) -> None:
        """Close all that shows the store before, with its feeds, and then that store."""
        before, self._store, self._location = self._store, store, location
        self._reference, self._sequence, self._guide = None, None, False
        self.workers.cancel_group(self, "store")
        lowest = self._list or self.screen_stack[0]
        while self.screen is not lowest:
            await self.pop_screen()
        if self._list is None:
            await self.push_screen(self._executions_screen())
        else:
            await self._list.leave_store(short_place(location.text))
            self._feed_list(self._list)
        if before is not None:
            await before.close()

    def _remember(self) -> None:
        if self._recent is not None:
            work = asyncio.to_thread(self._recent.add, self._location.text)
            self.run_worker(work, group="remember", exit_on_error=False)

    def action_maintain(self) -> None:
        """Look after the store, or after the execution that is open."""
        from dive_tui.screens.execution.screen import ExecutionScreen
        from dive_tui.screens.maintenance import MaintenanceScreen

        screen = self.screen
        execution = screen.execution_id if isinstance(screen, ExecutionScreen) else None
        store = self._store
        kind, why = (kind_of(store), why_read_only(store)) if store is not None else ("", "")
        location = self._location.text
        self.push_screen(
            MaintenanceScreen(location, execution, self.open_store_at, self._reopen_soon, kind=kind, why_read_only=why)
        )

    def why_not_maintain(self) -> str | None:
        """There must be something to look after."""
        from dive_tui.screens.maintenance import MaintenanceScreen

        if isinstance(self.screen, MaintenanceScreen):
            return "You are looking after it."
        return None if path_of(self._location.text).exists() else "There is no store yet."

    async def on_unmount(self) -> None:
        """Let go of the store, and remember how it was left."""
        await asyncio.to_thread(self._memory.save)
        if self._store is not None:
            await self._store.close()


def _end_with_the_terminal() -> None:
    """End the process when its terminal is gone and nobody told it: the toolkit would read its end for ever."""
    while os.isatty(0):
        time.sleep(HANGUP_CHECK)
    os.kill(os.getpid(), signal.SIGHUP)


def run_app(
    location: Location | str,
    *,
    execution: str | None = None,
    sequence: int | None = None,
    guide: bool = False,
    ascii: bool | None = None,
    theme: str | None = None,
) -> int:
    """Run the app until the person leaves; returns the exit code.

    `execution` is an id or any reference to one, `sequence` the event to stand on. `ascii` None leaves the choice of
    symbols to the locale, `theme` None wears the one the person chose last.
    """
    if isinstance(location, str):
        location = Location(location, "")
    threading.Thread(target=_end_with_the_terminal, daemon=True, name="terminal-watch").start()
    app = DiveApp(
        location,
        execution=execution,
        sequence=sequence,
        guide=guide,
        ascii_only=ascii or None,
        theme=theme,
        recent=RecentStores.of_user(),
        memory=Memory.of_user(),
        keys=read_keys(key_file()),
    )
    code = app.run()
    return app.return_code or code or 0
